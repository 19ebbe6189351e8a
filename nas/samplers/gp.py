"""Gaussian processes with expected hypervolume improvement, as Optuna implements them. About a second a suggestion."""

from optuna.samplers import BaseSampler, GPSampler, RandomSampler

from nas.samplers.setting import SamplerSetting


def gp(setting: SamplerSetting) -> BaseSampler:
    return GPSampler(
        seed=setting.seed, independent_sampler=RandomSampler(setting.seed), warn_independent_sampling=False
    )
