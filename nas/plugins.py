"""Plug-ins by group and name, through entry points: built-in and third-party ones register in the same way.

The core never imports search_spaces, workers or dashboard; it loads them here, by name.
"""

import hashlib
from collections.abc import Collection
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from nas.errors import NasError, PluginError, UnknownNameError

# The distribution of the built-in plug-ins.
OWN_PACKAGE = "hybrid-nas"

SPACES = "nas.spaces"
SPACE_FILES = "nas.space_files"
MIXERS = "nas.mixers"
MODELS = "nas.models"
BASELINES = "nas.baselines"
BUILDERS = "nas.builders"
DATASETS = "nas.datasets"
INSPECTORS = "nas.inspectors"
SAMPLERS = "nas.samplers"
TARGETS = "nas.targets"
EVALUATORS = "nas.evaluators"
RUNNERS = "nas.runners"
EXPORTERS = "nas.exporters"
STUDY_EXPORTERS = "nas.study_exporters"
CONVERTERS = "nas.converters"
WEIGHTS = "nas.weights"
PREDICTORS = "nas.predictors"
TRAINERS = "nas.trainers"
METERS = "nas.meters"
FEATURES = "nas.features"
PAGES = "nas.pages"
FIGURES = "nas.figures"
SERVERS = "nas.servers"

# The builder of the built-in spaces; a config names its own.
BUILDER = "metaformer"
# The default evaluator.
EVALUATOR = "proxy"


@cache
def _group(group: str) -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=group)}


def names(group: str) -> list[str]:
    """Return the names registered under `group`, sorted. Nothing is imported."""
    return sorted(_group(group))


def check(group: str, name: str, also: Collection[str] = ()) -> None:
    """Check that `group` has a plug-in `name`, or that `also` contains it. Nothing is imported.

    Raises UnknownNameError, with the valid names.
    """
    if name not in _group(group):
        raise UnknownNameError(_kind(group), name, sorted({*names(group), *also}))


def load(group: str, name: str) -> Any:
    """Load the object that `name` points to.

    Raises UnknownNameError as `check` does, PluginError for whatever goes wrong while its module is imported.
    """
    check(group, name)
    entry = _group(group)[name]
    try:
        return entry.load()
    except NasError:
        raise
    except Exception as error:
        message = next(iter(str(error).splitlines()), "no message")
        raise PluginError(
            f"{_kind(group)} {name!r} ({entry.value}) cannot be loaded: {type(error).__name__}: {message}"
        ) from error


def is_third_party(group: str, name: str) -> bool:
    """Whether the plug-in is another package's. Raises UnknownNameError as `check` does."""
    check(group, name)
    package = _group(group)[name].dist
    return package is None or package.name != OWN_PACKAGE


@cache
def source_digest(group: str, name: str) -> str | None:
    """Compute the digest of the source file of another package's plug-in: an edited one is another one.

    None for a built-in one, whose versions are on record, for one that is not here, and for one without a file.
    """
    if name not in _group(group) or not is_third_party(group, name):
        return None
    try:
        spec = find_spec(_group(group)[name].module)
    # A package of the user's may raise anything when it is imported; `load` reports that.
    except Exception:
        return None
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        return None
    return hashlib.blake2b(Path(spec.origin).read_bytes(), digest_size=8).hexdigest()


def _kind(group: str) -> str:
    return group.removeprefix("nas.").removesuffix("s")
