"""Multi-objective, multivariate tree-structured Parzen estimator (Falkner et al., 2018; Ozaki et al., 2022)."""

from optuna.samplers import BaseSampler, TPESampler


def tpe(seed: int) -> BaseSampler:
    return TPESampler(multivariate=True, constant_liar=True, seed=seed)
