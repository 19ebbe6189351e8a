"""The reach of token mixers, as their classes state it in `mixing`."""

from nas import plugins
from nas.architecture import Architecture

NONE, LOCAL, GLOBAL = "none", "local", "global"
# Local: a token reaches tokens within a distance that does not grow with the grid. Global: it reaches all of them.
MIXINGS = (NONE, LOCAL, GLOBAL)
# The kinds of whole networks.
KINDS = (LOCAL, GLOBAL)


def mixing_of(mixer: str) -> str | None:
    """Return how far the mixer mixes, one of MIXINGS; None if its class does not state it.

    Raises UnknownNameError for an unknown mixer, PluginError for one that cannot be imported.
    """
    stated: str | None = getattr(plugins.load(plugins.MIXERS, mixer), "mixing", None)
    return stated


def kind_of(architecture: Architecture) -> str | None:
    """Return the kind of an architecture: GLOBAL where any block mixes globally, else LOCAL.

    None with a mixer that is not here, or does not state how far it mixes.
    """
    mixers = {stage.mixer for stage in architecture.stages if stage.depth}
    if not mixers.issubset(plugins.names(plugins.MIXERS)):
        return None
    mixings = {mixing_of(mixer) for mixer in mixers}
    if GLOBAL in mixings:
        return GLOBAL
    return None if None in mixings else LOCAL
