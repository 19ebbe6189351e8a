"""`nas export --format table`: a table of a study's complete trials, a row each, for `nas simulate`."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from nas.errors import UserError
from nas.exports.output_file import write_text
from nas.objective import ACCURACY, COUNTED_NAMES, FEATURE_PREFIX, LATENCY, recorded_objectives
from nas.store.store import StudyRecord
from nas.trial import Trial, TrialState


def export(trials: Sequence[Trial], record: StudyRecord, path: Path) -> str:
    """Write the table; return a message for the user. Raises UserError if fewer than two trials are complete."""
    complete = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    if len(complete) < 2:
        raise UserError(f"study {record.name!r} has {len(complete)} complete trials; a table needs at least 2")
    choices = [trial.architecture.choices for trial in complete]
    # Only choices that vary become columns.
    varying = [name for name in choices[0] if len({choice.get(name) for choice in choices}) > 1]
    further = [
        objective.name
        for objective in recorded_objectives(record.settings)
        if objective.name not in (ACCURACY.name, LATENCY.name)
    ]
    epochs = range(1, 1 + min(len(trial.outcome.curve) for trial in complete if trial.outcome is not None))
    figures_of = [trial.outcome.figures for trial in complete if trial.outcome is not None]
    recorded = {name for figures in figures_of for name in figures if name.startswith(FEATURE_PREFIX)}
    # A table has no empty cells, so it leaves out features that some trials lack.
    features = [name for name in sorted(recorded) if all(name in figures for figures in figures_of)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        [f"param:{name}" for name in varying]
        + [ACCURACY.name, LATENCY.name, *further]
        + [f"accuracy@{epoch}" for epoch in epochs]
        + [f"loss@{epoch}" for epoch in epochs]
        + [f"cost_s@{epoch}" for epoch in epochs]
        + [FEATURE_PREFIX + name for name in COUNTED_NAMES]
        + features
    )
    for trial, choice in zip(complete, choices, strict=True):
        outcome = trial.outcome
        if outcome is None:
            continue
        figures = outcome.figures
        elapsed_s = [sum(point.seconds for point in outcome.curve[:epoch]) for epoch in epochs]
        writer.writerow(
            [choice[name] for name in varying]
            + [f"{figures[name]:.6g}" for name in (ACCURACY.name, LATENCY.name, *further)]
            + [f"{outcome.curve[epoch - 1].accuracy:.6g}" for epoch in epochs]
            + [f"{outcome.curve[epoch - 1].loss:.6g}" for epoch in epochs]
            + [f"{seconds:.4g}" for seconds in elapsed_s]
            + [f"{figures.get(name, 0.0):.6g}" for name in COUNTED_NAMES]
            + [f"{figures[name]:.6g}" for name in features]
        )
    write_text("--output", path, text.getvalue())
    # Without a learning curve an accuracy is the score of an evaluator that does not train, such as the supernet.
    scores = "" if epochs else "; their accuracies are scores found without training"
    omitted = ", ".join(sorted(recorded.difference(features)))
    without = f"; without {omitted}, which some trials lack" if omitted else ""
    return f"wrote {path}: {len(complete)} rows of study {record.name}{scores}{without}"
