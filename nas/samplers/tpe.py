"""Multi-objective, multivariate tree-structured Parzen estimator (Falkner et al., 2018; Ozaki et al., 2022)."""

from optuna.samplers import BaseSampler, TPESampler

from nas.samplers.setting import SamplerSetting


def tpe(setting: SamplerSetting) -> BaseSampler:
    return TPESampler(multivariate=True, constant_liar=True, seed=setting.seed)
