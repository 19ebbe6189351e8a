"""NSGA-III (Deb and Jain, 2014), with a population that fits budgets of a few hundred trials."""

from optuna.samplers import BaseSampler, NSGAIIISampler

POPULATION = 20


def nsga3(seed: int) -> BaseSampler:
    return NSGAIIISampler(population_size=POPULATION, seed=seed)
