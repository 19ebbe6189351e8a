"""Quasi-Monte Carlo: a scrambled Sobol sequence over evenly spaced numbers; categories are drawn at random."""

from optuna.samplers import BaseSampler, QMCSampler, RandomSampler


def qmc(seed: int) -> BaseSampler:
    return QMCSampler(
        qmc_type="sobol",
        scramble=True,
        seed=seed,
        independent_sampler=RandomSampler(seed),
        warn_asynchronous_seeding=False,
        warn_independent_sampling=False,
    )
