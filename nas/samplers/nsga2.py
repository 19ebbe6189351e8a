"""NSGA-II (Deb et al., 2002), with a population that fits budgets of a few hundred trials."""

from optuna.samplers import BaseSampler, NSGAIISampler

from nas.samplers.pruned_trials import PrunedTrialsSampler
from nas.samplers.setting import SamplerSetting

POPULATION_SIZE = 20


def nsga2(setting: SamplerSetting) -> BaseSampler:
    return PrunedTrialsSampler(NSGAIISampler(population_size=POPULATION_SIZE, seed=setting.seed))
