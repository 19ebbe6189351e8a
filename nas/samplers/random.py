"""Uniform random search: the baseline that every other sampler has to beat."""

from optuna.samplers import BaseSampler, RandomSampler


def random(seed: int) -> BaseSampler:
    return RandomSampler(seed)
