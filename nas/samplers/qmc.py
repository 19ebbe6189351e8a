"""Quasi-Monte Carlo: a scrambled Sobol sequence over evenly spaced numbers; categories are drawn at random."""

from optuna.samplers import BaseSampler, QMCSampler, RandomSampler

from nas.samplers.setting import SamplerSetting


def qmc(setting: SamplerSetting) -> BaseSampler:
    return QMCSampler(
        qmc_type="sobol",
        scramble=True,
        seed=setting.seed,
        independent_sampler=RandomSampler(setting.seed),
        warn_asynchronous_seeding=False,
        warn_independent_sampling=False,
    )
