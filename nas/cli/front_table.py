"""Terminal tables of a front, of rank correlations and of training-free features."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click
from rich.table import Table

from nas.architecture import Architecture, Stage
from nas.cli.table import print_note, print_table
from nas.objective import ACCURACY, LATENCY, PARAMETERS, unit_of
from nas.results.metric import EXPLANATIONS
from nas.results.rank_correlation import MIN_TRIALS_TO_RANK, FeatureRank, RankCheck

# Objectives that have a column in every table.
COMMON_OBJECTIVES = (ACCURACY.name, LATENCY.name, PARAMETERS.name)
# Shown in the column of seeds for a member that was trained with the search's own seed only.
UNCONFIRMED = "own"
# The marks of rows that were dropped from the front, with the reasons.
DROPPED = {
    "a": "it is below --min-accuracy",
    "o": "over --max-latency when it was measured again",
    "x": "by its further training it is dominated by a member of the front",
}


def print_front(
    members: Sequence[Mapping[str, Any]],
    objectives: Sequence[str],
    dropped: Sequence[Mapping[str, Any]],
    measure: str = ACCURACY.name,
) -> None:
    """Print a row per member on standard output: mixers as letters (P pool, C conv, ...), depths, widths, figures.

    Members are the JSON objects of `nas.results.front.as_json`. Further `objectives` of the study get columns of their
    own. Results `dropped` when the front was confirmed follow, marked. `measure` is the label of its accuracies.
    """
    rows = [*members, *dropped]
    if not rows:
        return
    table = Table("trial", "mixers", "depths", "widths", box=None, pad_edge=False)
    columns = TARGET_COLUMNS if any(row["target_training"] for row in rows) else SEED_COLUMNS
    for heading in ("parameters", measure, *columns, "latency ms", "IQR ms"):
        table.add_column(heading, justify="right")
    further = [name for name in objectives if name not in COMMON_OBJECTIVES]
    for name in further:
        table.add_column(f"{name} {unit_of(name)}".rstrip(), justify="right")
    layouts = _mixer_labels([Architecture(tuple(map(Stage.from_dict, row["stages"]))) for row in rows])
    suffixes = [""] * len(members) + [_mark_of_dropped(row) for row in dropped]
    for row, mixers, suffix in zip(rows, layouts, suffixes, strict=True):
        table.add_row(f"{row['trial']}{suffix}", mixers, *_cells(row, columns, further))
    print_table(table)
    _print_notes(members, dropped, {LATENCY.name, *further}, measure)


def _interval(member: Mapping[str, Any]) -> str:
    interval = member["accuracy_interval"]
    return "-" if interval is None else f"{interval[0]:.3f} to {interval[1]:.3f}"


# Columns of studies without a target training, and with one: headings, and a member's cells.
SEED_COLUMNS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "std": lambda member: "-" if member["accuracy_std"] is None else f"{member['accuracy_std']:.4f}",
    "seeds": lambda member: str(member["seeds"]) if member["confirmed"] else UNCONFIRMED,
    "expected": lambda member: f"{member['expected_accuracy']:.4f}",
}
TARGET_COLUMNS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "90% interval": _interval,
    "on front": lambda member: "-" if member["front_probability"] is None else f"{member['front_probability']:.0%}",
    "test": lambda member: "-" if member["test_accuracy"] is None else f"{member['test_accuracy']:.4f}",
}


def _cells(
    member: Mapping[str, Any], columns: Mapping[str, Callable[[Mapping[str, Any]], str]], further: Sequence[str]
) -> list[str]:
    """Format depths, widths and figures in the order of the headings."""
    return [
        "-".join(str(stage["depth"]) for stage in member["stages"]),
        "-".join(str(stage["width"]) for stage in member["stages"]),
        f"{member['parameters']:,}",
        f"{member['accuracy']:.4f}" + ("~" if member["similar_to"] else ""),
        *(cell(member) for cell in columns.values()),
        f"{member['latency_ms']:.3f}" + _suffix(member, LATENCY.name),
        f"{member['latency_iqr_ms']:.3f}",
        *(f"{member['figures'].get(name, float('nan')):,.6g}" + _suffix(member, name) for name in further),
    ]


def _print_notes(
    members: Sequence[Mapping[str, Any]], dropped: Sequence[Mapping[str, Any]], shown: set[str], measure: str
) -> None:
    """Explain the marks in the table; `shown` are the objectives of its columns."""
    rows = [*members, *dropped]
    if measure in EXPLANATIONS:
        print_note(EXPLANATIONS[measure])
    targets = [member["target_training"] for member in members if member["target_training"]]
    if targets:
        images, epochs = targets[0]["images"], targets[0]["epochs"]
        print_note(
            f"{measure}: after the target training, {images} images x {epochs} epochs; test: of the same network on "
            "the data set's test part. `nas export` writes its weights"
        )
    elif unconfirmed := sum(not member["confirmed"] for member in members):
        print_note(
            f"{UNCONFIRMED}: {unconfirmed} of {len(members)} members are judged by the search's own seed alone. That "
            f"{measure} is likely too high; `nas search` trains them again at its end (--target-epochs, --confirm)"
        )
    if any(row["similar_to"] for row in rows):
        between = "" if targets else " between seeds"
        print_note(f"~ differs from another member's {measure} by less than the standard error{between}")
    if not targets and any(row["expected_accuracy"] != row["accuracy"] for row in rows):
        print_note(f"expected: the {measure} to expect of a new seed; it decides which members are confirmed first")
    if any(shown.intersection(row["moved"]) for row in rows):
        print_note("* changed: measured again at the end, and differs by more than the confidence intervals allow")
    if any(shown.intersection(row["unsure"]) for row in rows):
        print_note("! unreliable: the machine was too busy, and only a few rounds were undisturbed")
    for mark in sorted({_mark_of_dropped(row) for row in dropped}):
        print_note(f"{mark} dropped: {DROPPED[mark]}")


def _mark_of_dropped(row: Mapping[str, Any]) -> str:
    """Return the mark of a row that was dropped from the front: a key of DROPPED."""
    if row["over_limit"]:
        return "o"
    return "a" if row["below_min_accuracy"] else "x"


def print_below(below: int, complete: int, min_accuracy: float | None) -> None:
    """Print how many of the complete trials are below the least accuracy, where there is one."""
    if below and min_accuracy is not None:
        print_note(f"{below} of {complete} complete trials are below --min-accuracy {min_accuracy:g}: on no front")


def _suffix(member: Mapping[str, Any], objective: str) -> str:
    return ("*" if objective in member["moved"] else "") + ("!" if objective in member["unsure"] else "")


def print_rank_checks(checks: Sequence[RankCheck], measure: str = ACCURACY.name) -> None:
    """Print the rank correlations of early with final accuracies in one line, and a warning for each low one."""
    if checks:
        taus = ", ".join(f"{check.tau:.2f} after epoch {check.epoch}" for check in checks)
        print_note(f"rank correlation with the final {measure} (the last {checks[-1].trials} complete trials): {taus}")
    for check in checks:
        if check.is_low:
            click.echo(low_correlation_warning(check, measure), err=True)


def print_features(ranks: Sequence[FeatureRank]) -> None:
    """Print each training-free feature's rank correlation with the accuracies in a row."""
    table = Table("feature", box=None, pad_edge=False)
    for heading in ("trials", "tau", "tau of the best quarter"):
        table.add_column(heading, justify="right")
    for rank in ranks:
        taus = ("-" if tau is None else f"{tau:.2f}" for tau in (rank.tau, rank.tau_of_best))
        table.add_row(rank.feature, str(rank.trials), *taus)
    print_table(table)
    if any(rank.tau is None for rank in ranks):
        print_note(f"tau needs at least {MIN_TRIALS_TO_RANK} trials with the feature")


def low_correlation_warning(check: RankCheck, measure: str) -> str:
    """Word the warning that early accuracies rank unlike the final ones."""
    return (
        f"warning: the {measure} after epoch {check.epoch} is a poor predictor of the final one (Kendall's tau "
        f"{check.tau:.2f} over {check.trials} trials): raise --epochs or --train-size, or turn early stopping off "
        "with --no-early-stopping"
    )


def _mixer_labels(architectures: Sequence[Architecture]) -> list[str]:
    """Label each architecture's mixers by letters, or by full names where two of them share a letter."""
    # A stage without blocks is a dash in a layout.
    labels = {stage.mixer_label for architecture in architectures for stage in architecture.stages if stage.depth}
    if len({label[0] for label in labels}) == len(labels):
        return [architecture.layout for architecture in architectures]
    return ["-".join(stage.mixer_label for stage in architecture.stages) for architecture in architectures]
