"""NSGA-II (Deb et al., 2002), with a population that fits budgets of a few hundred trials."""

from optuna.samplers import BaseSampler, NSGAIISampler

from nas.samplers.pruned_trials import PrunedTrialsSampler
from nas.samplers.setting import SamplerSetting

# Chosen by simulation (benchmarks/figures/samplers.md). The first generation is drawn at random: with Optuna's 50, a
# small budget would be no more than that.
POPULATION_SIZE = 8


def nsga2(setting: SamplerSetting) -> BaseSampler:
    return PrunedTrialsSampler(NSGAIISampler(population_size=POPULATION_SIZE, seed=setting.seed))
