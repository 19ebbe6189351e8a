"""Objects that several tests need."""

import dataclasses
from collections.abc import Callable, Sequence

from hypothesis import strategies as st

from nas.architecture import Architecture, Stage
from nas.objective import LATENCY, Measurement
from nas.space import SearchSpace, StageChoices
from nas.trial import CurvePoint, Failure, Outcome, Trial

MIXERS = ("pool", "conv", "attention")

stages = st.builds(Stage, st.sampled_from(MIXERS), st.integers(1, 20), st.integers(1, 1024))
architectures = st.builds(Architecture, st.lists(stages, min_size=1, max_size=6).map(tuple))


def small_space(mixers: Sequence[str] = MIXERS) -> SearchSpace:
    """36 architectures of two stages."""
    return SearchSpace("small", "for tests", tuple(StageChoices(tuple(mixers), (1, 2), (32,)) for _ in range(2)))


def measurement(*samples: float) -> Measurement:
    return Measurement(LATENCY.name, LATENCY.unit, samples, {"target": "cpu", "threads": 1}, relative_half_width=0.01)


def complete(accuracy: float, latency_ms: float) -> Outcome:
    return Outcome(
        accuracy=accuracy,
        latency=measurement(latency_ms, latency_ms, latency_ms + 0.5),
        parameters=1000,
        curve=(CurvePoint(1, accuracy / 2, 2.0, 0.5), CurvePoint(2, accuracy, 1.0, 0.5, 1000)),
        train_s=1.0,
        measure_s=0.25,
        environment={"torch": "0"},
    )


def infeasible(latency_ms: float) -> Outcome:
    return dataclasses.replace(complete(0.0, latency_ms), accuracy=None, curve=())


def failed(cause: str = "out of memory") -> Outcome:
    return Outcome(failure=Failure(cause, "details"))


def synthetic(architecture: Architecture) -> Outcome:
    """A trade-off that is known: attention and width cost time and gain accuracy, conv is in between."""
    worth = {"pool": 0.0, "conv": 0.6, "attention": 1.0}
    gain = sum(worth[stage.mixer] * position + stage.depth for position, stage in enumerate(architecture.stages))
    cost = sum(1 + 2 * worth[stage.mixer] + stage.depth for stage in architecture.stages)
    return complete(round(1 - 1 / (2 + gain), 6), cost)


class Silent:
    """A watcher that keeps what it saw."""

    def __init__(self, react: Callable[[Trial], None] = lambda trial: None) -> None:
        self.began_trials: list[Trial] = []
        self.ended_trials: list[Trial] = []
        self.confirmed_trials: list[Trial] = []
        self._react = react

    def began(self, trial: Trial) -> None:
        self.began_trials.append(trial)

    def ended(self, trial: Trial) -> None:
        self.ended_trials.append(trial)
        self._react(trial)

    def confirmed(self, trial: Trial) -> None:
        self.confirmed_trials.append(trial)

    def noted(self, event: object, fields: object) -> None: ...

    def ranks_checked(self, found: object) -> None:
        self.rank_checks = found

    def opened(self, study: object, *, is_over: bool) -> None:
        self.study = study
