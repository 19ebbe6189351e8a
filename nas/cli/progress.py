"""Progress of a search: a bar on a terminal and in a notebook, plain lines without either."""

import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from nas.cli.figures import format_figures
from nas.cli.front_table import low_correlation_warning
from nas.cli.notebook_progress import NotebookProgress
from nas.objective import ACCURACY, LATENCY, OBJECTIVES
from nas.results.front import front
from nas.results.metric import METRIC_SETTING
from nas.results.rank_correlation import RankCheck
from nas.results.region import front_hypervolume
from nas.study.study import Study
from nas.trial import Trial, TrialState
from nas.trial_cost import duration

# Share of a search's time that computing its figures may take.
MAX_FIGURES_SHARE = 0.02


class SearchProgress:
    """Watcher that shows trials done, best accuracy, front size, hypervolume and time left; a context manager.

    With `to_stderr` it writes to standard error instead of standard output.
    """

    def __init__(self, *, to_stderr: bool) -> None:
        # Bound now: during a search, standard output is redirected to standard error to catch what Ray prints.
        self._console = Console(file=sys.stderr if to_stderr else sys.stdout)
        self._bar = _bar_on(self._console)
        self._is_bar_shown = False
        self._study: Study | None = None
        self._measure = ACCURACY.name
        self._warned: set[int] = set()
        self._shown = ""
        self._figures_until = float("-inf")

    def __enter__(self) -> "SearchProgress":
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def opened(self, study: Study, *, is_over: bool) -> None:
        self._study = study
        self._measure = study.settings.metric_label
        self._started = time.monotonic()
        self._done_before = study.done
        settings = study.settings
        resumed = f", resumed at {study.done}" if study.done else ""
        names = [objective.name for objective in settings.objectives]
        objectives = "" if names == [objective.name for objective in OBJECTIVES] else f", objectives {' '.join(names)}"
        measure = f", accuracy as {self._measure}" if METRIC_SETTING in settings else ""
        self._print(
            f"study {study.name}: space {settings.space}, data {settings.dataset}, "
            f"target {settings.target}{objectives}{measure}, {_extent(study)}{resumed}"
        )
        if is_over:
            self._print(f"study {study.name} is finished: {study.done} trials are recorded")
        elif self._bar is not None:
            self._bar.start()
            self._is_bar_shown = True
            self._task = self._bar.add_task("starting Ray", total=_planned(study), completed=study.done)

    def began(self, trial: Trial) -> None:
        if self._bar is not None and self._study is not None and self._study.done == self._done_before:
            self._bar.update(self._task, description="first trials running")

    def ended(self, trial: Trial) -> None:
        if self._study is None or (self._bar is not None and not self._is_bar_shown):
            return
        if self._bar is not None:
            figures, planned = self._figures(self._study), _planned(self._study)
            self._bar.update(self._task, completed=self._study.done, total=planned, description=figures)
            if trial.state is not TrialState.COMPLETE:
                self._print(_describe(trial, self._study))
        else:
            done = f"[{self._study.done}/{_planned(self._study) or '?'}]"
            self._print(f"{done} {_describe(trial, self._study)} | {self._figures(self._study)}")

    def confirmed(self, trial: Trial) -> None:
        if self._study is None or (self._bar is not None and not self._is_bar_shown):
            return
        last = trial.confirmations[-1]
        accuracy = last.outcome.accuracy
        verdict = "failed" if accuracy is None else f"{self._measure} {accuracy:.4f}"
        name = f"trial {trial.number} {trial.architecture.layout}"
        if last.fidelity is None:
            line = f"confirming the front: {name} with another seed: {verdict}"
        else:
            line = f"longer trainings: {name} with {last.fidelity}: {verdict}"
        if self._bar is not None:
            self._bar.update(self._task, description=line)
        else:
            self._print(f"{line} | {self._figures(self._study)}")

    def ranks_checked(self, checks: Sequence[RankCheck]) -> None:
        """Print each epoch's first warning; the last rank-correlation check is printed at the end of the search.

        Trials below a target training only select what is trained longer: there is no warning of these.
        """
        if self._study is None or self._study.settings.ladder is not None:
            return
        for check in checks:
            if check.is_low and check.epoch not in self._warned:
                self._warned.add(check.epoch)
                self._print(low_correlation_warning(check, self._measure))

    def noted(self, event: str, fields: Mapping[str, Any]) -> None:
        self._print(f"{event}: {fields.get('message') or format_figures(fields)}")

    def _figures(self, study: Study) -> str:
        """Summarise the study. The text may be a moment old: with thousands of trials, computing it takes a while."""
        now = time.monotonic()
        if now >= self._figures_until or study.is_over:
            self._shown = self._summarise(study)
            took = time.monotonic() - now
            self._figures_until = now + took / MAX_FIGURES_SHARE
        return self._shown

    def _summarise(self, study: Study) -> str:
        study_results = study.results
        members = front(study_results)
        if not study_results:
            return "no result yet"
        best = max(result.accuracy for result in members or study_results)
        volume = front_hypervolume(study_results, study.settings)
        newly_done = study.done - self._done_before
        below = "" if members else " (not within the limits)"
        figures = f"best {best:.4f}{below}, front {len(members)}, hypervolume {volume:.4g}"
        if study.is_over or not newly_done:
            return figures
        if study.time_limit is not None:
            left_s = study.time_limit.left_s
        else:
            left_s = study.remaining * (time.monotonic() - self._started) / newly_done
        gain = "" if study.expected_gain is None else f", expected gain {study.expected_gain:+.1%}"
        return f"{figures}, {left_s / 60:.1f} min left{gain}"

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def _bar_on(console: Console) -> Progress | None:
    """Make the bar that this output can show; None where it can show none, such as a file."""
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    if console.is_jupyter:
        return NotebookProgress(*columns, console=console)
    return Progress(*columns, console=console) if console.is_terminal else None


def _extent(study: Study) -> str:
    limits = [] if study.budget is None else [f"budget {study.budget}"]
    if study.time_limit is not None:
        limits.append(f"time {duration(study.time_limit.seconds)}")
    return ", ".join(limits)


def _planned(study: Study) -> int | None:
    """The number of trials at the end of the search; None where time is its limit and its pace is not known yet."""
    if study.time_limit is None:
        return study.max_trials
    return study.done + study.remaining if study.remaining else None


def _describe(trial: Trial, study: Study) -> str:
    outcome = trial.outcome
    parts = [f"trial {trial.number} {trial.architecture.layout} {trial.state.value}"]
    figures = {} if outcome is None else outcome.figures
    if ACCURACY.name in figures:
        parts.append(f"{study.settings.metric_label} {figures[ACCURACY.name]:.4f}")
    for name in (objective.name for objective in study.settings.objectives if objective.name in figures):
        if name.startswith(LATENCY.name):
            parts.append(f"{name.replace(LATENCY.name, 'latency')} {figures[name]:.3f} ms")
        elif name != ACCURACY.name:
            parts.append(f"{name} {figures[name]:,.0f}")
    if outcome is not None and outcome.failure is not None:
        parts.append(f"({outcome.failure.cause}: {outcome.failure.message})")
    return " ".join(parts)
