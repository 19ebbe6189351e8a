"""The samplers that are compared: ours, what Optuna takes by default, and every other registered one."""

from optuna.samplers import BaseSampler, TPESampler

from nas import plugins
from nas.cli.sampler_list import ALL, parse_samplers
from nas.samplers.setting import SamplerSetting
from nas.simulation.replay import SamplerFactory

OURS = "ehvi"
# The first opponent: the sampler of a study that names none.
OPTUNA_DEFAULT = "optuna"


def optuna_default(setting: SamplerSetting) -> BaseSampler:
    return TPESampler(seed=setting.seed)


def names() -> list[str]:
    """List ours, Optuna's default, and the rest in the order of `nas simulate --sampler all`."""
    registered = parse_samplers(ALL)
    return [OURS, OPTUNA_DEFAULT, *(name for name in registered if name != OURS)]


def factory(name: str) -> SamplerFactory:
    """Return the function that makes the sampler of that name."""
    create: SamplerFactory = optuna_default if name == OPTUNA_DEFAULT else plugins.load(plugins.SAMPLERS, name)
    return create
