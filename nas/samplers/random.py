"""Uniform random search: the baseline that every other sampler has to beat."""

from optuna.samplers import BaseSampler, RandomSampler

from nas.samplers.setting import SamplerSetting


def random(setting: SamplerSetting) -> BaseSampler:
    return RandomSampler(setting.seed)
