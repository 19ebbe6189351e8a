"""NSGA-III (Deb and Jain, 2014), with a population that fits budgets of a few hundred trials."""

from optuna.samplers import BaseSampler, NSGAIIISampler

from nas.samplers.pruned_trials import PrunedTrialsSampler
from nas.samplers.setting import SamplerSetting

POPULATION_SIZE = 20


def nsga3(setting: SamplerSetting) -> BaseSampler:
    return PrunedTrialsSampler(NSGAIIISampler(population_size=POPULATION_SIZE, seed=setting.seed))
