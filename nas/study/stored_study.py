"""A study in a database, for programs: its trials, its front and the networks on it."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Any

from nas import plugins
from nas.architecture import Architecture
from nas.errors import OptionError
from nas.exports.config import ExportedConfig, config_of
from nas.exports.source import Source
from nas.exports.trained import trained_source
from nas.options import MAX_LATENCY, MIN_ACCURACY
from nas.results.front import Result, front, pick, results
from nas.results.ladder import Ladder
from nas.results.limits import Limits
from nas.results.region import within
from nas.results.settings import ComparableSettings
from nas.store.store import Store, StudyRecord
from nas.trial import Trial

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go
    from torch import nn


@dataclass(frozen=True)
class Member:
    """A trained architecture of a study with its figures: accuracy from 0 to 1, latency in milliseconds."""

    result: Result
    record: StudyRecord
    storage: str

    @property
    def trial(self) -> int:
        """The trial's number."""
        return self.result.trial.number

    @property
    def architecture(self) -> Architecture:
        return self.result.trial.architecture

    @property
    def accuracy(self) -> float:
        """The validation accuracy of the training at the target; in a study without one the mean over the seeds that
        confirmed the trial, or that of the search's own seed.
        """
        return self.result.accuracy

    @property
    def latency_ms(self) -> float:
        """The median latency on the study's first target."""
        return self.result.latency.median

    @property
    def config(self) -> ExportedConfig:
        """The config that `nas export` writes, with its provenance."""
        return config_of(self.result, self.record)

    @property
    def test_accuracy(self) -> float | None:
        """The accuracy on the data set's test part of the network that was trained at the target; None without one."""
        return None if self.result.final is None else self.result.final.test_accuracy

    def build(self) -> "nn.Module":
        """The network with fresh weights: images (B, channels, height_px, width_px) to logits (B, classes)."""
        config = self.config
        model: nn.Module = plugins.load(plugins.BUILDERS, config.builder).build(config.architecture, config.model_input)
        return model

    def export(self, path: str | PathLike[str], format: str = "yaml") -> str:  # noqa: A002
        """Write the network as `Source.export` does, with its weights where it was trained at the target."""
        with self.source() as source:
            return source.export(path, format)

    def source(self) -> AbstractContextManager[Source]:
        """The network as a source of exports, within the block, with its weights where they are recorded."""
        return trained_source(self.storage, self.record, self.result)

    def __repr__(self) -> str:
        figures = f"{self.record.settings.metric_label} {self.accuracy:.4f}, {self.latency_ms:.3f} ms"
        return f"<trial {self.trial}: {self.architecture.layout}, {figures}>"


class StoredStudy:
    """A study as it was when it was read; `reload` reads it anew."""

    def __init__(self, storage: str, name: str | None = None) -> None:
        """Read the study of that name, or the only one. Raises StorageError, and UnknownNameError without one."""
        self.storage = storage
        with Store.open(storage, create=False) as store:
            self.record: StudyRecord = store.study(name)
            self.trials: Sequence[Trial] = store.trials(self.record.study_id)

    def reload(self) -> "StoredStudy":
        """The study as it is now."""
        return StoredStudy(self.storage, self.name)

    @property
    def name(self) -> str:
        return self.record.name

    @property
    def settings(self) -> ComparableSettings:
        """The settings that all trials have in common: typed attributes, and a mapping of the JSON values."""
        return self.record.settings

    @property
    def front(self) -> list[Member]:
        """The members of the Pareto front, the fastest first."""
        return [Member(result, self.record, self.storage) for result in front(self._results)]

    def best(self, max_latency_ms: float | None = None, min_accuracy: float | None = None) -> Member:
        """The most accurate member within the limits. Raises ParameterError where nothing is."""
        return self.pick("accuracy", max_latency_ms, min_accuracy)

    def pick(self, choice: str, max_latency_ms: float | None = None, min_accuracy: float | None = None) -> Member:
        """The member within the limits that `nas.results.front.pick` chooses: `knee`, `latency`, `trial:3`, ...

        Raises ParameterError where no trial is that fast and that accurate, and what `pick` raises.
        """
        MAX_LATENCY.check("max_latency_ms", max_latency_ms)
        MIN_ACCURACY.check("min_accuracy", min_accuracy)
        fast = within(self._results, Limits(max_latency_ms))
        if self._results and not fast:
            fastest_ms = min(result.latency.median for result in self._results)
            raise OptionError(
                "{max_latency_ms} {:g}: the study's fastest trial takes {:.3f} ms", max_latency_ms, fastest_ms
            )
        fitting = within(fast, Limits(min_accuracy=min_accuracy))
        if fast and not fitting:
            measure, best = self.settings.metric_label, max(result.accuracy for result in fast)
            if max_latency_ms is None:
                message = "{min_accuracy} {:g}: the study's most accurate trial has {} {:.4f}"
                raise OptionError(message, min_accuracy, measure, best)
            message = "{min_accuracy} {:g}: within {max_latency_ms} {:g} the most accurate trial has {} {:.4f}"
            raise OptionError(message, min_accuracy, max_latency_ms, measure, best)
        return Member(pick(fitting, choice), self.record, self.storage)

    def trials_dataframe(self) -> "pd.DataFrame":
        """All trials as a pandas DataFrame, a row each: number, state, layout, key, seed, figures, failure.

        `seeds` counts trainings as short as the trial's. In a study with a ladder `target_accuracy` and `test_accuracy`
        are those of the training at its target.
        """
        import pandas as pd

        ladder = self.settings.ladder
        return pd.DataFrame([_row(trial, ladder) for trial in self.trials])

    def plot_front(self) -> "go.Figure":
        """The front and all trials as a Plotly figure."""
        figure: go.Figure = plugins.load(plugins.FIGURES, "front")(self.record, self._results)
        return figure

    @cached_property
    def _results(self) -> list[Result]:
        return results(self.trials, self.record.settings)

    def __repr__(self) -> str:
        return f"<study {self.name!r}: {len(self.trials)} trials, {len(self.front)} on the front>"


def _row(trial: Trial, ladder: Ladder | None) -> dict[str, Any]:
    outcome = trial.outcome
    final = None if ladder is None else ladder.final(trial)
    at_target = {
        "target_accuracy": None if final is None else final.outcome.accuracy,
        "test_accuracy": None if final is None else final.test_accuracy,
    }
    failure = None if outcome is None or outcome.failure is None else str(outcome.failure)
    return {
        "number": trial.number,
        "state": trial.state.value,
        "layout": trial.architecture.layout,
        "key": trial.architecture.key,
        "seed": trial.seed,
        **({} if outcome is None else outcome.figures),
        "epochs": 0 if outcome is None else len(outcome.curve),
        "seeds": 1 + sum(further.fidelity is None for further in trial.confirmations),
        **({} if ladder is None else at_target),
        "train_s": None if outcome is None else outcome.train_s,
        "failure": failure,
    }
