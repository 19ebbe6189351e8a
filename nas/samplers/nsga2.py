"""NSGA-II (Deb et al., 2002), with a population that fits budgets of a few hundred trials."""

from optuna.samplers import BaseSampler, NSGAIISampler

POPULATION = 20


def nsga2(seed: int) -> BaseSampler:
    return NSGAIISampler(population_size=POPULATION, seed=seed)
