"""Uniform random search: the baseline of every other sampler."""

from optuna.samplers import BaseSampler, RandomSampler

from nas.samplers.setting import SamplerSetting


def random(setting: SamplerSetting) -> BaseSampler:
    return RandomSampler(setting.seed)
