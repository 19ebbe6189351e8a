"""`nas export --format table`: a table of a study's trials, a row each, whatever their ends.

`nas simulate` reads the complete ones (nas/simulation/table.py): choices, objectives, learning curves and features.
Columns `trial:NAME`, which it leaves out, tell what else is on record of a trial.
"""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from nas.errors import UserError
from nas.exports.output_file import write_text
from nas.objective import ACCURACY, COUNTED_NAMES, FEATURE_PREFIX, LATENCY
from nas.results.front import Result, front, results
from nas.store.store import StudyRecord
from nas.trial import Confirmation, CurvePoint, Outcome, Trial, TrialState

# The prefix of columns that tell of a trial and not of its architecture.
TRIAL_PREFIX = "trial:"
CURVE_COLUMNS: Mapping[str, Callable[[Sequence[CurvePoint]], float | None]] = {
    "accuracy": lambda curve: curve[-1].accuracy,
    "loss": lambda curve: curve[-1].loss,
    "cost_s": lambda curve: sum(point.seconds for point in curve),
    "images": lambda curve: curve[-1].images,
}
"""The columns `NAME@EPOCH`, from a learning curve up to that epoch."""
Cells = dict[str, str | float | None]


def export(trials: Sequence[Trial], record: StudyRecord, path: Path) -> str:
    """Write the table; return a message for the user. Raises UserError if the study has no trial."""
    if not trials:
        raise UserError(f"study {record.name!r} has no trial yet")
    # Only choices that vary become columns.
    choices = [trial.architecture.choices for trial in trials]
    names = list(dict.fromkeys(name for choice in choices for name in choice))
    varying = [name for name in names if len({choice.get(name) for choice in choices}) > 1] or names
    objectives = [objective.name for objective in record.settings.objectives]
    study_results = {result.trial.number: result for result in results(trials, record.settings)}
    members = {member.trial.number for member in front(list(study_results.values()))}
    rows = []
    for trial, choice in zip(trials, choices, strict=True):
        outcome = trial.outcome or Outcome()
        rows.append(
            # What is as by default may be left out of an architecture.
            {f"param:{name}": choice.get(name, "default") for name in varying}
            | {name: outcome.figures.get(name) for name in dict.fromkeys((ACCURACY.name, LATENCY.name, *objectives))}
            | _curve(outcome)
            | _features(outcome)
            | _trial(trial, outcome, record.settings.metric)
            | _result(study_results.get(trial.number), is_member=trial.number in members)
        )
    write_text("--output", path, _csv(rows))
    complete = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    # Without a learning curve an accuracy is the score of an evaluator that does not train, such as the supernet.
    trained = not complete or any(trial.outcome is not None and trial.outcome.curve for trial in complete)
    scores = "" if trained else "; their accuracies are scores found without training"
    return f"wrote {path}: {len(rows)} trials of study {record.name}, {len(complete)} of them complete{scores}"


def _curve(outcome: Outcome) -> Cells:
    cells = {
        f"{name}@{epoch}": value(outcome.curve[:epoch])
        for name, value in CURVE_COLUMNS.items()
        for epoch in range(1, 1 + len(outcome.curve))
    }
    return {name: value for name, value in cells.items() if value is not None}


def _features(outcome: Outcome) -> Cells:
    counted: Cells = {FEATURE_PREFIX + name: outcome.figures.get(name) for name in COUNTED_NAMES}
    return counted | {name: value for name, value in outcome.figures.items() if name.startswith(FEATURE_PREFIX)}


def _trial(trial: Trial, outcome: Outcome, metric: str) -> Cells:
    """The cells of the trial itself: the latency's interval is that of its own measurement."""
    cells: Cells = {
        "number": trial.number,
        "state": trial.state.value,
        "key": trial.architecture.key,
        "layout": trial.architecture.layout,
        "seed": trial.seed,
        "attempt": trial.attempt,
        "metric": metric,
        "train_s": outcome.train_s,
        "measure_s": outcome.measure_s,
        "finished_at": None if trial.finished_at is None else round(trial.finished_at),
        "failure": None if outcome.failure is None else " ".join(str(outcome.failure).split()),
    }
    for name, measurement in outcome.measured.items():
        # A measurement of a few disturbed rounds has no interval.
        low_ms, high_ms = measurement.interval if measurement.is_usable else (None, None)
        cells |= {name.replace(LATENCY.name, "latency_low_ms"): low_ms}
        cells |= {name.replace(LATENCY.name, "latency_high_ms"): high_ms}
    repeated = [further for further in trial.confirmations if further.fidelity is None]
    cells |= {
        "confirmations": len(repeated),
        "confirmation_seeds": " ".join(str(further.seed) for further in repeated),
        "confirmation_accuracies": " ".join(_accuracy(further) for further in repeated),
    }
    for further in trial.confirmations:
        if further.fidelity is not None:
            cells |= {f"accuracy_of_{further.fidelity.images}x{further.fidelity.epochs}": _accuracy(further)}
    return {TRIAL_PREFIX + name: value for name, value in cells.items()}


def _accuracy(further: Confirmation) -> str:
    accuracy = further.outcome.accuracy
    return "failed" if accuracy is None else f"{accuracy:.6g}"


def _result(result: Result | None, *, is_member: bool) -> Cells:
    """The figures that the front goes by, and the estimate beside them; without a result none."""
    if result is None:
        return {}
    low_ms, high_ms = result.latency.interval if result.latency.is_usable else (None, None)
    low, high = result.interval or (None, None)
    cells: Cells = {
        "shown_accuracy": result.accuracy,
        "shown_accuracy_std": result.accuracy_std,
        "shown_accuracy_low": low,
        "shown_accuracy_high": high,
        "expected_accuracy": result.expected_accuracy,
        "shown_latency_ms": result.latency.median,
        "shown_latency_low_ms": low_ms,
        "shown_latency_high_ms": high_ms,
        "front": "yes" if is_member else "no",
    }
    if result.final is not None:
        cells |= {"trained_at": str(result.final.fidelity), "test_accuracy": result.final.test_accuracy}
    return {TRIAL_PREFIX + name: value for name, value in cells.items()}


def _csv(rows: Sequence[Cells]) -> str:
    """The rows, with a column for each of their names and empty cells for what a row lacks."""
    text = io.StringIO()
    columns = sorted(dict.fromkeys(name for row in rows for name in row), key=_place)
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _shown(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def _place(column: str) -> tuple[int, int, int]:
    """The place of a column: choices, objectives, the curve by quantity and epoch, features, then the trial's."""
    quantity, _, epoch = column.partition("@")
    if quantity in CURVE_COLUMNS and epoch.isdecimal():
        return 2, list(CURVE_COLUMNS).index(quantity), int(epoch)
    groups = {"param:": 0, FEATURE_PREFIX: 3, TRIAL_PREFIX: 4}
    return next((place for prefix, place in groups.items() if column.startswith(prefix)), 1), 0, 0


def _shown(value: str | float | None) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return "" if value is None else str(value)
