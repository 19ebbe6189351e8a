"""Optuna samplers by name (entry points of group `nas.samplers`): each a function of a SamplerSetting."""
