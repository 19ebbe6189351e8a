"""Kinds of mixing: local, among neighbouring tokens, or global, among all of them."""

from typing import Any

from nas import plugins
from nas.architecture import Architecture

LOCAL, GLOBAL = "local", "global"
KINDS = (LOCAL, GLOBAL)
# The costs of mixers whose tokens reach a fixed number of others, or none.
LOCAL_COSTS = ("O(n)", "0")


def is_global(mixer_class: Any) -> bool:
    """Whether each token reaches all others, by what the class states.

    Its cost then grows faster than the number of tokens, or its weights are tied to their grid.
    """
    return bool(mixer_class.tied) or mixer_class.cost not in LOCAL_COSTS


def kind_of(architecture: Architecture) -> str | None:
    """Return the kind of an architecture: GLOBAL where any block mixes globally; None with a mixer that is not here."""
    mixers = {stage.mixer for stage in architecture.stages if stage.depth}
    if not mixers.issubset(plugins.names(plugins.MIXERS)):
        return None
    return GLOBAL if any(is_global(plugins.load(plugins.MIXERS, mixer)) for mixer in mixers) else LOCAL
