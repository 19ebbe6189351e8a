"""Optuna's Gaussian processes with expected hypervolume improvement. A suggestion takes about a second."""

from optuna.samplers import BaseSampler, GPSampler, RandomSampler

from nas.samplers.setting import SamplerSetting


def gp(setting: SamplerSetting) -> BaseSampler:
    return GPSampler(
        seed=setting.seed, independent_sampler=RandomSampler(setting.seed), warn_independent_sampling=False
    )
