"""Plug-ins by group and name, through entry points: built-in and third-party ones register in the same way.

The core never imports search_spaces, workers or dashboard; it loads them here, by name.
"""

from collections.abc import Collection
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from nas.errors import UnknownNameError

SPACES = "nas.spaces"
SPACE_FILES = "nas.space_files"
MIXERS = "nas.mixers"
MODELS = "nas.models"
BASELINES = "nas.baselines"
BUILDERS = "nas.builders"
DATASETS = "nas.datasets"
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
    """Load the object that `name` points to. Raises UnknownNameError as `check` does."""
    check(group, name)
    return _group(group)[name].load()


def _kind(group: str) -> str:
    return group.removeprefix("nas.").removesuffix("s")
