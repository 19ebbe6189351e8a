"""The reach of token mixers, as their classes state it in `mixing`."""

from nas import plugins

NONE, LOCAL, GLOBAL = "none", "local", "global"
# Local: a token reaches tokens within a distance that does not grow with the grid. Global: it reaches all of them.
MIXINGS = (NONE, LOCAL, GLOBAL)


def mixing_of(mixer: str) -> str | None:
    """Return how far the mixer mixes, one of MIXINGS; None if its class does not state it.

    Raises UnknownNameError for an unknown mixer, PluginError for one that cannot be imported.
    """
    stated: str | None = getattr(plugins.load(plugins.MIXERS, mixer), "mixing", None)
    return stated
