"""Searches from Python: `nas.search`, `nas.load_study`, `nas.load_space`, `nas.export`. docs/python.md tells more."""

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from nas.cli.progress import SearchProgress
from nas.errors import ParameterError
from nas.evaluation import RunningTrial
from nas.exports.source import Source, source_of
from nas.options import option_fields
from nas.results.rank_correlation import RankCheck
from nas.space import SearchSpace
from nas.study.search import Announcer, SearchOptions
from nas.study.search import search as run_search
from nas.study.stored_study import Member, StoredStudy
from nas.study.study import Study
from nas.trial import Trial

FUNCTION = "function"
# Arguments that `search` names itself.
NAMED = ("space", "dataset", "evaluator")


class Callback:
    """A listener of a search: its methods, called in the main thread, do nothing until they are overridden."""

    def opened(self, study: Study, *, is_over: bool) -> None:
        """The study is open; `is_over` where its budget is recorded already."""

    def began(self, trial: Trial) -> None:
        """A trial has begun."""

    def ended(self, trial: Trial) -> None:
        """A trial has ended, with an outcome."""

    def confirmed(self, trial: Trial) -> None:
        """A trial was trained with a further seed."""

    def ranks_checked(self, rank_checks: Sequence[RankCheck]) -> None:
        """The rank correlation of early accuracies with final ones was computed anew."""

    def noted(self, event: str, fields: Mapping[str, Any]) -> None:
        """Another event happened; a `message` says it in words."""


def search(
    space: str | PathLike[str] | SearchSpace = "hybrid",
    *,
    evaluate: Callable[[Any, RunningTrial], float | Mapping[str, float]] | None = None,
    dataset: Any = "digits",
    progress: bool = True,
    callbacks: Sequence[Callback] = (),
    **options: Any,
) -> StoredStudy:
    """Search a space for the Pareto front of accuracy against measured latency, as `nas search` does.

    `space` is a name, a YAML file or a SearchSpace. `dataset` is a name, a pair (images, labels) or a torch Dataset.
    `evaluate` trains a network and returns its validation accuracy (0 to 1) or a mapping with `accuracy` and further
    figures; without one, networks are trained by the recipe policy. `options` are the fields of SearchOptions, which
    the command's options are too: `budget`, `max_latency_ms`, `epochs`, `study`, `storage`, `runner`, ...

    Returns the study with what is recorded, also at Ctrl-C; the same call goes on with it. Raises UserError for
    anything that cannot be served, and names the parameter.
    """
    wanted = _options(space, evaluate, dataset, options)
    if not progress:
        return StoredStudy(wanted.storage, run_search(wanted, _Announcers(callbacks)).study)
    with SearchProgress(to_stderr=False) as shown:
        return StoredStudy(wanted.storage, run_search(wanted, _Announcers((shown, *callbacks))).study)


def load_study(storage: str, study: str | None = None) -> StoredStudy:
    """Read a study of the database of URL `storage`; its name may be left out where it is the only one.

    Raises StorageError for a database that cannot be read, UnknownNameError for an unknown study.
    """
    return StoredStudy(storage, study)


def export(
    network: str | PathLike[str] | Member,
    path: str | PathLike[str],
    format: str = "yaml",  # noqa: A002
    *,
    raw_input: bool = False,
    free_size: bool = False,
) -> str:
    """Write a member of a front, or what `nas export CONFIG` takes, in a format; return a message about it.

    A trained network's ONNX file takes pictures of uint8; with `raw_input` it takes normalised images, with `free_size`
    images of any height and width.
    Raises UnknownNameError for an unknown format, ExportError for a network that the format cannot represent.
    """
    source = Source(network.config) if isinstance(network, Member) else source_of(str(network))
    return source.export(path, format, raw_input=raw_input, free_size=free_size)


class _Announcers:
    """Several listeners as one Announcer."""

    def __init__(self, listeners: Sequence[Announcer]) -> None:
        self._listeners = listeners

    def opened(self, study: Study, *, is_over: bool) -> None:
        for listener in self._listeners:
            listener.opened(study, is_over=is_over)

    def began(self, trial: Trial) -> None:
        for listener in self._listeners:
            listener.began(trial)

    def ended(self, trial: Trial) -> None:
        for listener in self._listeners:
            listener.ended(trial)

    def confirmed(self, trial: Trial) -> None:
        for listener in self._listeners:
            listener.confirmed(trial)

    def ranks_checked(self, rank_checks: Sequence[RankCheck]) -> None:
        for listener in self._listeners:
            listener.ranks_checked(rank_checks)

    def noted(self, event: str, fields: Mapping[str, Any]) -> None:
        for listener in self._listeners:
            listener.noted(event, fields)


def _options(space: Any, evaluate: Any, dataset: Any, options: Mapping[str, Any]) -> SearchOptions:
    """The search's options. Raises ParameterError for an unknown one."""
    declared = {option.name: option for option in option_fields(SearchOptions)}
    valid = {*declared, "runner"}.difference(NAMED if evaluate is not None else NAMED[:2])
    for name in options:
        if name not in valid:
            raise ParameterError(f"search() has no option {name!r}; valid: {', '.join(sorted(valid))}")
    values: dict[str, Any] = {
        # One of several may be given by itself.
        name: (value,) if name in declared and declared[name].is_many and isinstance(value, str) else value
        for name, value in options.items()
    }
    if "data_dir" in values:
        values["data_dir"] = Path(values["data_dir"])
    if isinstance(space, SearchSpace):
        values |= {"space": space.name, "space_object": space}
    else:
        values["space"] = str(space)
    if isinstance(dataset, str):
        values["dataset"] = dataset
    else:
        values["pictures"] = dataset
    if evaluate is not None:
        values |= {"evaluate": evaluate, "evaluator": FUNCTION}
    return SearchOptions(**values)
