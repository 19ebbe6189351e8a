"""The worth of short trainings: how well each rung of a study's ladder ranks those that were trained at its target."""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from nas.architecture import Architecture
from nas.results.front import NORMAL_90
from nas.results.ladder import Ladder
from nas.results.rank_correlation import rank_correlation
from nas.results.settings import ComparableSettings
from nas.space.mixing import GLOBAL, KINDS, LOCAL, kind_of
from nas.trial import Fidelity, Trial

# With fewer networks at the target a rank correlation says nothing.
MIN_AT_TARGET = 4
# The bootstrap's resamples, and the quantiles of the 90% interval.
RESAMPLES, QUANTILES = 500, (0.05, 0.95)
# From these rank correlations on, a ranking is called that.
VERDICTS = ((0.7, "well"), (0.4, "roughly"), (-1.0, "hardly"))


class Gain(NamedTuple):
    """The mean gain in accuracy from a rung up to the target, over `trials`, and its standard error.

    The error is None for fewer than two trials.
    """

    mean: float
    standard_error: float | None
    trials: int


@dataclass(frozen=True)
class RungReport:
    """One rung of a ladder. `trained` is the number of trials that were trained there, `train_s` the median seconds of
    their trainings, None without any.

    `compared` counts those that have an accuracy at the target, too; `tau` is Kendall's tau-b of both accuracies over
    them, `interval` its 90% interval by a bootstrap, and `gains` are those of each kind of mixing (nas.space.mixing).
    Without enough of them, and at the target itself, `tau` and `interval` are None and `gains` are empty.
    """

    fidelity: Fidelity
    trained: int
    train_s: float | None
    compared: int
    tau: float | None
    interval: tuple[float, float] | None
    gains: Mapping[str, Gain]

    def as_json(self) -> dict[str, Any]:
        """Convert to JSON values; other programs rely on the keys."""
        return {
            **vars(self.fidelity),
            "trained": self.trained,
            "train_s": self.train_s,
            "compared": self.compared,
            "tau": self.tau,
            "tau_interval": None if self.interval is None else list(self.interval),
            "gain": {kind: gain.mean for kind, gain in self.gains.items()},
        }


def study_reports(trials: Sequence[Trial], settings: ComparableSettings) -> list[RungReport]:
    """Return the reports of a study with these settings; empty where it has no ladder."""
    ladder = settings.ladder
    return [] if ladder is None else rung_reports(trials, ladder, kind_of)


def rung_reports(
    trials: Sequence[Trial], ladder: Ladder, mixing_kind: Callable[[Architecture], str | None]
) -> list[RungReport]:
    """Return a report of each rung, that of the trials first."""
    climbs = [_Climb(trial, ladder.accuracies(trial)) for trial in trials]
    finals = [climb.trial for climb in climbs if climb.accuracies[-1] is not None]
    kinds = {trial.number: mixing_kind(trial.architecture) for trial in finals}
    return [_report(climbs, kinds, ladder, rung) for rung in range(len(ladder.rungs))]


class _Climb(NamedTuple):
    """A trial with its accuracy at each rung; None where it has none."""

    trial: Trial
    accuracies: Sequence[float | None]


def _report(climbs: Sequence[_Climb], kinds: Mapping[int, str | None], ladder: Ladder, rung: int) -> RungReport:
    """Report a rung; `kinds` are those of the trials at the target, by number."""
    trained = [climb.trial for climb in climbs if climb.accuracies[rung] is not None]
    seconds = [train_s for trial in trained if (train_s := _train_s(trial, ladder, rung)) is not None]
    pairs = {
        climb.trial.number: (below, final)
        for climb in climbs
        if (below := climb.accuracies[rung]) is not None and (final := climb.accuracies[-1]) is not None
    }
    tau, interval, gains = None, None, {}
    if ladder.rungs[rung] != ladder.target and len(pairs) >= MIN_AT_TARGET:
        tau, interval = rank_correlation(*zip(*pairs.values(), strict=True)), _interval(tuple(pairs.values()))
        for kind in KINDS:
            rises = [final - below for number, (below, final) in pairs.items() if kinds[number] == kind]
            if rises:
                gains[kind] = _gain(rises)
    median_s = statistics.median(seconds) if seconds else None
    return RungReport(ladder.rungs[rung], len(trained), median_s, len(pairs), tau, interval, gains)


def conclusion(reports: Sequence[RungReport]) -> list[str]:
    """Say in two lines how well the trials rank networks for the target, and whether they are unfair to a kind."""
    if not reports:
        return ["the study has no target training: its front is judged by trainings as short as its trials"]
    first, *between, last = reports
    if first.tau is None or first.interval is None:
        networks = "network has" if last.trained == 1 else "networks have"
        return [
            f"{last.trained} {networks} been trained at the target, {last.fidelity}",
            f"with fewer than {MIN_AT_TARGET} one cannot say yet what shorter trainings are worth",
        ]
    verdict = next(word for least, word in VERDICTS if round(first.tau, 2) >= least)
    networks = f"{first.compared} networks at the target"
    line = f"the trials ({first.fidelity}) rank the {networks} {verdict}: {_tau_label(first)}"
    best = max(between, key=lambda report: -1.0 if report.tau is None else report.tau, default=None)
    if best is not None and best.tau is not None and best.tau > first.tau:
        line += f"; {best.fidelity} rank them by {_tau_label(best)}"
    return [line, _fairness(first)]


# Cached: a study's pairs change with each further training at the target alone.
@lru_cache(maxsize=256)
def _interval(pairs: tuple[tuple[float, float], ...]) -> tuple[float, float]:
    """Return the 90% interval of tau, by resampling pairs with replacement (Efron's percentile bootstrap, 1979)."""
    generator, ranked = np.random.default_rng(0), np.array(pairs)
    resamples = (ranked[generator.integers(0, len(pairs), len(pairs))] for _ in range(RESAMPLES))
    low, high = np.quantile([rank_correlation(*resample.T.tolist()) for resample in resamples], QUANTILES)
    return float(low), float(high)


def _gain(gains: Sequence[float]) -> Gain:
    if len(gains) < 2:
        return Gain(sum(gains), None, len(gains))
    return Gain(statistics.fmean(gains), statistics.stdev(gains) / math.sqrt(len(gains)), len(gains))


def _train_s(trial: Trial, ladder: Ladder, rung: int) -> float | None:
    """Return the seconds of the trial's training at a rung, its own at the lowest one."""
    if rung == 0:
        return None if trial.outcome is None else trial.outcome.train_s
    at_rung = (further.outcome.train_s for further in trial.confirmations if further.fidelity == ladder.rungs[rung])
    return next(at_rung, None)


def _tau_label(report: RungReport) -> str:
    low, high = report.interval or (math.nan, math.nan)
    return f"tau {report.tau:.2f} ({low:.2f} to {high:.2f})"


def _fairness(report: RungReport) -> str:
    """Compare the gains of both kinds of mixing from the trials up to the target."""
    missing = [kind for kind in KINDS if kind not in report.gains]
    if missing:
        return (
            f"no network with {' or '.join(missing)} mixing is at the target: to which kind trials are unfair is open"
        )
    local, spread = report.gains[LOCAL], report.gains[GLOBAL]
    gains = f"up to the target global mixing gains {spread.mean:.1%}, local mixing {local.mean:.1%}"
    if local.standard_error is None or spread.standard_error is None:
        return f"{gains}; too few of them to tell whether trials are unfair"
    if abs(spread.mean - local.mean) <= NORMAL_90 * math.hypot(local.standard_error, spread.standard_error):
        return f"{gains}: no more than chance"
    slower = "global" if spread.mean > local.mean else "local"
    return f"{gains}: the trials are unfair to {slower} mixing"
