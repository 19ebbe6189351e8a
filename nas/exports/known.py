"""Known networks by name: those registered in group `nas.baselines`, any of timm, any function of the user's own.

The architecture of such a network is one stage under the recipe `known`, whose mixer is the name: keys, measurements,
costs and exports work as for any other architecture.
"""

import hashlib
import importlib.util
import re
from pathlib import Path
from typing import NamedTuple

from nas import plugins
from nas.architecture import Architecture, Stage
from nas.errors import ParameterError, UnknownNameError

# The recipe of known networks.
KNOWN = "known"
TIMM = "timm"
FORMS = ("timm:NAME", "MODULE:FUNCTION")
# The stage's option with a digest of the user's file: another text makes another network, with another key.
SOURCE = "source"
_FUNCTION = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")


class KnownName(NamedTuple):
    """A known network's name as the user writes it, and its parts before and after the first colon."""

    text: str
    before: str
    after: str

    @property
    def is_timm(self) -> bool:
        """Whether the name has the form `timm:NAME`."""
        return bool(self.after) and self.before == TIMM

    @property
    def is_users(self) -> bool:
        """Whether the name is `module:function` of the user's own."""
        return bool(self.after) and self.before != TIMM


def is_known(text: str) -> bool:
    """Whether the name could be a known network's: registered, or of one of the two other forms."""
    return text in plugins.names(plugins.BASELINES) or text.startswith(f"{TIMM}:") or bool(_FUNCTION.fullmatch(text))


def parsed(text: str) -> KnownName:
    """Split a name into its parts. Nothing is imported. Raises UnknownNameError for a name of none of the forms."""
    if not is_known(text):
        raise UnknownNameError("baseline", text, (*plugins.names(plugins.BASELINES), *FORMS))
    before, _, after = text.partition(":")
    return KnownName(text, before, after)


def known_network(text: str) -> Architecture:
    """Make the architecture of the known network of that name. Raises UnknownNameError as `parsed` does."""
    name = parsed(text)
    file = users_file(name.before) if name.is_users else None
    digest = None if file is None else hashlib.blake2b(file.read_bytes(), digest_size=8).hexdigest()
    return Architecture((Stage(text, 1, 1, options=() if digest is None else ((SOURCE, digest),)),), recipe=KNOWN)


def known_name(architecture: Architecture) -> KnownName:
    """Read the name of the known network from an architecture under the recipe `known`.

    Raises UnknownNameError as `parsed` does, ParameterError for more than one stage.
    """
    if len(architecture.stages) != 1:
        raise ParameterError(f"an architecture under recipe {KNOWN!r} has one stage, not {len(architecture.stages)}")
    return parsed(architecture.stages[0].mixer)


def users_file(module: str) -> Path | None:
    """Find the file of a user's module: where Python finds it, or else under the working directory, where Python does
    not search for an installed command. None where there is none.
    """
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError, AttributeError):
        spec = None
    if spec is not None:
        return Path(spec.origin) if spec.has_location and spec.origin is not None else None
    file = Path(*module.split(".")).with_suffix(".py").resolve()
    return file if file.is_file() else None
