"""How a search in progress is shown: a live line on a terminal, plain lines elsewhere."""

import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from nas.cli.figures import told
from nas.cli.front_table import low_correlation_warning
from nas.objective import ACCURACY, LATENCY, OBJECTIVES, recorded_objectives
from nas.results.front import front, front_hypervolume
from nas.results.rank_correlation import Audit
from nas.study.study import Study
from nas.trial import Trial, TrialState

# Of a search's time, what working out its figures may take.
SHARE = 0.02


class SearchProgress:
    """Watches a study: trials done, best accuracy, front size, hypervolume and the time left. A context manager.

    With `to_stderr` standard output is left alone.
    """

    def __init__(self, *, to_stderr: bool) -> None:
        # Of now: whatever else Ray prints while a search runs goes to standard error.
        self._console = Console(file=sys.stderr if to_stderr else sys.stdout)
        self._bar: Progress | None = None
        if self._console.is_terminal:
            columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
            self._bar = Progress(*columns, console=self._console)
        self._study: Study | None = None
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
        self._started = time.monotonic()
        self._done_before = study.done
        settings = study.settings
        resumed = f", going on from {study.done}" if study.done else ""
        names = [each.name for each in recorded_objectives(settings)]
        objectives = "" if names == [each.name for each in OBJECTIVES] else f", objectives {' '.join(names)}"
        self._say(
            f"study {study.name}: space {settings['space']}, data {settings['dataset']}, "
            f"target {settings['target']}{objectives}, budget {study.budget}{resumed}"
        )
        if is_over:
            self._say(f"study {study.name} is finished: {study.done} trials are on record")
        elif self._bar is not None:
            self._bar.start()
            self._task = self._bar.add_task("starting Ray", total=study.budget, completed=study.done)

    def began(self, trial: Trial) -> None:
        if self._bar is not None and self._study is not None and self._study.done == self._done_before:
            self._bar.update(self._task, description="first trials running")

    def ended(self, trial: Trial) -> None:
        if self._study is None or (self._bar is not None and not self._bar.live.is_started):
            return
        if self._bar is not None:
            self._bar.update(self._task, completed=self._study.done, description=self._figures(self._study))
            if trial.state is not TrialState.COMPLETE:
                self._say(_described(trial, self._study))
        else:
            done = f"[{self._study.done}/{self._study.budget}]"
            self._say(f"{done} {_described(trial, self._study)} | {self._figures(self._study)}")

    def confirmed(self, trial: Trial) -> None:
        if self._study is None or (self._bar is not None and not self._bar.live.is_started):
            return
        accuracy = trial.confirmations[-1].outcome.accuracy
        again = "failed" if accuracy is None else f"accuracy {accuracy:.4f}"
        line = f"trial {trial.number} {trial.architecture.word} with another seed: {again}"
        if self._bar is not None:
            self._bar.update(self._task, description=f"confirming the front: {line}")
        else:
            self._say(f"confirming the front: {line} | {self._figures(self._study)}")

    def audited(self, found: Sequence[Audit]) -> None:
        """Each epoch's first warning; the last audit is printed at the end."""
        for each in found:
            if each.is_low and each.epoch not in self._warned:
                self._warned.add(each.epoch)
                self._say(low_correlation_warning(each))

    def noted(self, event: str, fields: Mapping[str, Any]) -> None:
        self._say(f"{event}: {fields.get('message') or told(fields)}")

    def _figures(self, study: Study) -> str:
        """As they are now, or were a moment ago: of thousands of trials they take a while."""
        now = time.monotonic()
        if now >= self._figures_until or study.is_over:
            self._shown = self._worked_out(study)
            took = time.monotonic() - now
            self._figures_until = now + took / SHARE
        return self._shown

    def _worked_out(self, study: Study) -> str:
        found = study.results
        members = front(found)
        if not members:
            return "no result yet"
        best = max(member.accuracy for member in members)
        volume = front_hypervolume(found, study.settings)
        fresh = study.done - self._done_before
        figures = f"best {best:.4f}, front {len(members)}, hypervolume {volume:.4g}"
        if study.is_over or not fresh:
            return figures
        left_s = (study.budget - study.done) * (time.monotonic() - self._started) / fresh
        gain = "" if study.expected_gain is None else f" for about {study.expected_gain:+.1%}"
        return f"{figures}, {left_s / 60:.1f} min left{gain}"

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def _described(trial: Trial, study: Study) -> str:
    outcome = trial.outcome
    words = [f"trial {trial.number} {trial.architecture.word} {trial.state.value}"]
    figures = {} if outcome is None else outcome.figures
    if ACCURACY.name in figures:
        words.append(f"accuracy {figures[ACCURACY.name]:.4f}")
    for name in (each.name for each in recorded_objectives(study.settings) if each.name in figures):
        if name.startswith(LATENCY.name):
            words.append(f"{name.replace(LATENCY.name, 'latency')} {figures[name]:.3f} ms")
        elif name != ACCURACY.name:
            words.append(f"{name} {figures[name]:,.0f}")
    if outcome is not None and outcome.failure is not None:
        words.append(f"({outcome.failure.cause}: {outcome.failure.message})")
    return " ".join(words)
