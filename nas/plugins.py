"""Plug-ins by group and name, through entry points: built-in and third-party ones register in the same way.

The core never imports search_spaces, workers or dashboard; it loads them here, by name.
"""

import hashlib
from collections.abc import Collection
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

import hybrid_nas
from nas.errors import NasError, PackageConflictError, PluginError, UnknownNameError

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

# The digest of the source of a package of several files begins with it.
PACKAGE_PREFIX = "package:"
MAX_SOURCE_FILES = 500


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
        if not is_third_party(group, name):
            hybrid_nas.import_own(entry.module.partition(".")[0])
        return entry.load()
    except NasError:
        raise
    except hybrid_nas.NameTakenError as error:
        raise PackageConflictError(str(error)) from error
    except Exception as error:
        check_conflict(error)
        message = next(iter(str(error).splitlines()), "no message")
        raise PluginError(
            f"{_kind(group)} {name!r} ({entry.value}) cannot be loaded: {type(error).__name__}: {message}"
        ) from error


def check_conflict(error: Exception) -> None:
    """Raise PackageConflictError where a user's code got a package of ours in the place of his own of the same name."""
    problem = hybrid_nas.conflict(error)
    if problem is not None:
        raise PackageConflictError(problem) from error


def is_third_party(group: str, name: str) -> bool:
    """Whether the plug-in is another package's. Raises UnknownNameError as `check` does."""
    check(group, name)
    package = _group(group)[name].dist
    return package is None or package.name != OWN_PACKAGE


@cache
def source_digest(group: str, name: str) -> str | None:
    """Compute the digest of the source of another package's plug-in: an edited one is another one.

    The source is all Python files of the outermost package that its module is in, up to MAX_SOURCE_FILES, else its
    module's file alone. None for a built-in one, whose versions are on record, and for one without a file here.
    """
    if name not in _group(group) or not is_third_party(group, name):
        return None
    module = _group(group)[name].module
    parents = [module.rsplit(".", depth)[0] for depth in range(module.count("."), -1, -1)]
    # A namespace of several packages has no file of its own, and is not the plug-in's alone.
    file = next((origin for origin in map(_origin, parents) if origin is not None), None)
    if file is None or file.name != "__init__.py":
        return module_digest(group, name)
    files = sorted(islice(file.parent.rglob("*.py"), MAX_SOURCE_FILES + 1))
    if len(files) in (1, MAX_SOURCE_FILES + 1):
        return module_digest(group, name)
    digest = hashlib.blake2b(digest_size=8)
    for path in files:
        # Names end, and contents have a length: no two packages are the same bytes.
        digest.update(f"{path.relative_to(file.parent).as_posix()}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return PACKAGE_PREFIX + digest.hexdigest()


def is_same_source(group: str, name: str, recorded: str, digest: str) -> bool:
    """Whether a plug-in whose `source_digest` is `digest` has the recorded source.

    Earlier versions recorded the digest of the module's file also for one of several.
    """
    if digest.startswith(PACKAGE_PREFIX) and not recorded.startswith(PACKAGE_PREFIX):
        return recorded == module_digest(group, name)
    return recorded == digest


def module_digest(group: str, name: str) -> str | None:
    """Compute the digest of the file of a plug-in's module; None where there is none."""
    file = _origin(_group(group)[name].module) if name in _group(group) else None
    return None if file is None else hashlib.blake2b(file.read_bytes(), digest_size=8).hexdigest()


def _origin(module: str) -> Path | None:
    """The file of a module; None where it has none."""
    try:
        spec = find_spec(module)
    # A package of the user's may raise anything when it is imported; `load` reports that.
    except Exception:
        return None
    origin = None if spec is None or spec.origin is None else Path(spec.origin)
    return origin if origin is not None and origin.is_file() else None


def _kind(group: str) -> str:
    return group.removeprefix("nas.").removesuffix("s")
