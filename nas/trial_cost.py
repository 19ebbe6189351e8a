"""The estimated cost of a trial before the first one runs: seconds and memory, and warnings where it is too high."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

# A typical trial that takes longer gives a warning.
MAX_TRIAL_S = 600.0
GIB = 2**30
MINUTE_S, HOUR_S, DAY_S = 60.0, 3600.0, 86400.0
REMEDIES = "--input-size, --train-size, --epochs or a smaller --space (--size s) make it cheaper"


@dataclass(frozen=True)
class TrialMemory:
    """Peak bytes of a trial, the worker's libraries not included.

    `most` is for the largest member with a whole batch at once, `least` for the smallest member in the smallest
    micro-batches.
    """

    least: int
    most: int


@dataclass(frozen=True)
class TrialSeconds:
    """Seconds of a trial: for the smallest member, a typical one and the largest.

    With `is_lower_bound` steps were too expensive to be timed in full, and the seconds are extrapolated.
    """

    least: float
    typical: float
    most: float
    is_lower_bound: bool = False


@dataclass(frozen=True)
class Slots:
    """The places for trials: `workers` at a time on `threads` each; `problem` says why they are fewer or too many."""

    workers: int
    threads: int
    problem: str | None = None


class TrialCosts(Protocol):
    """Estimates the cost of an evaluator's trials on this machine."""

    def memory(self) -> TrialMemory | None:
        """Estimate a trial's memory; None where that is not possible."""

    def seconds(self, threads: int, trials: int) -> TrialSeconds | None:
        """Estimate the time of a trial on this number of threads; None where that is not possible.

        Estimating takes at most about 1% of the time of this number of trials.
        """


@runtime_checkable
class MemoryAware(Protocol):
    """A runner that adapts its number of workers to the memory that trials take."""

    def fit(self, memory: TrialMemory | None) -> Slots:
        """Choose as many workers as fit into memory. Raises ParameterError when not even one fits."""


@dataclass(frozen=True)
class TrialPlan:
    """The cost of `trials` trials in the slots that run them."""

    memory: TrialMemory | None
    seconds: TrialSeconds | None
    slots: Slots
    trials: int

    @property
    def total_s(self) -> float | None:
        """The time of all trials if none is stopped early, in seconds."""
        if self.seconds is None:
            return None
        return self.trials * self.seconds.typical / min(self.slots.workers, self.trials)

    @property
    def message(self) -> str:
        """One line: `a trial takes about 3 to 12 s and up to 0.4 GiB; 200 trials on 2 workers about 14 min`."""
        costs = []
        about = "about"
        if self.seconds is not None:
            about = "at least" if self.seconds.is_lower_bound else "about"
            costs.append(f"{about} {span(self.seconds.least, self.seconds.most)}")
        if self.memory is not None:
            costs.append(f"up to {size(self.memory.most)}")
        workers, trials = _counted(self.slots.workers, "worker"), _counted(self.trials, "trial")
        total = "" if self.total_s is None else f" {about} {duration(self.total_s)}"
        return f"a trial takes {' and '.join(costs)}; {trials} on {workers}{total}"

    @property
    def warnings(self) -> Iterator[str]:
        """Reasons against running the search as planned, a line each."""
        if self.slots.problem is not None:
            yield self.slots.problem
        if self.seconds is not None and self.seconds.typical > MAX_TRIAL_S:
            yield f"a typical trial takes {duration(self.seconds.typical)}: {REMEDIES}"

    def as_json(self) -> dict[str, Any]:
        return {
            "message": self.message,
            "trial_s": None if self.seconds is None else [self.seconds.least, self.seconds.typical, self.seconds.most],
            "trial_bytes": None if self.memory is None else self.memory.most,
            "workers": self.slots.workers,
            "threads": self.slots.threads,
            "trials": self.trials,
            "total_s": self.total_s,
        }


def plan_trials(costs: TrialCosts, runner: MemoryAware, trials: int) -> TrialPlan | None:
    """Fit the runner to the memory of a trial, and estimate the time of `trials` of them; None where nothing is known.

    Raises ParameterError when not even one worker fits into memory.
    """
    memory = costs.memory()
    slots = runner.fit(memory)
    seconds = costs.seconds(slots.threads, trials)
    if memory is None and seconds is None:
        return None
    return TrialPlan(memory, seconds, slots, trials)


def span(least_s: float, most_s: float) -> str:
    """Format a range of seconds: `3 to 12 s`, `0.8 to 12 s`, `40 s to 3 min`."""
    low, high = duration(least_s), duration(most_s)
    if low == high:
        return high
    value, unit = low.rsplit(" ", 1)
    return f"{value} to {high}" if high.endswith(f" {unit}") else f"{low} to {high}"


def duration(seconds: float) -> str:
    """Format seconds with two digits and a unit: `0.8 s`, `12 s`, `14 min`, `3.5 h`, `2 days`."""
    for limit, unit_s, unit in ((90.0, 1.0, "s"), (90 * MINUTE_S, MINUTE_S, "min"), (2 * DAY_S, HOUR_S, "h")):
        if seconds < limit:
            return f"{_rounded(seconds / unit_s)} {unit}"
    return f"{_rounded(seconds / DAY_S)} days"


def size(count: int) -> str:
    """Format bytes in GiB."""
    return f"{_rounded(max(count / GIB, 0.1))} GiB"


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _rounded(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0") if value < 10 else f"{value:.0f}"
