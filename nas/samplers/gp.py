"""Gaussian processes with expected hypervolume improvement, as Optuna implements them. About a second a suggestion."""

from optuna.samplers import BaseSampler, GPSampler, RandomSampler


def gp(seed: int) -> BaseSampler:
    return GPSampler(seed=seed, independent_sampler=RandomSampler(seed), warn_independent_sampling=False)
