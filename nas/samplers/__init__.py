"""Optuna samplers by name: entry points of group `nas.samplers`, functions from a SamplerSetting to a sampler."""
