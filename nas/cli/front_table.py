"""A front as a table for the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

import click
from rich.table import Table

from nas.architecture import Architecture, Stage
from nas.cli.table import print_note, print_table
from nas.objective import ACCURACY, LATENCY, PARAMETERS, unit_of
from nas.results.rank_correlation import FEWEST, Audit, FeatureRank

SHOWN = (ACCURACY.name, LATENCY.name, PARAMETERS.name)
# In the column of seeds: no other seed than the search's own.
UNCONFIRMED = "own"


def print_front(
    members: Sequence[Mapping[str, Any]], objectives: Sequence[str], fell_off: Sequence[Mapping[str, Any]]
) -> None:
    """Print a row per member on standard output: mixers as letters (P pool, C conv, ...), depths, widths, figures.

    Members are as nas.results.front has them as JSON. Of the study's `objectives` those that not every table has get
    columns of their own. What was dropped when the front was confirmed follows, marked.
    """
    listed = [*members, *fell_off]
    if not listed:
        return
    table = Table("trial", "mixers", "depths", "widths", box=None, pad_edge=False)
    for heading in ("parameters", "accuracy", "std", "seeds", "expected", "latency ms", "IQR ms"):
        table.add_column(heading, justify="right")
    further = [name for name in objectives if name not in SHOWN]
    for name in further:
        table.add_column(f"{name} {unit_of(name)}".rstrip(), justify="right")
    words = _words([Architecture(tuple(map(Stage.from_dict, each["stages"]))) for each in listed])
    marks = [""] * len(members) + ["o" if each["over_limit"] else "x" for each in fell_off]
    for member, mixers, mark in zip(listed, words, marks, strict=True):
        table.add_row(f"{member['trial']}{mark}", mixers, *_cells(member, further))
    print_table(table)
    _print_notes(members, fell_off, {LATENCY.name, *further})


def _cells(member: Mapping[str, Any], further: Sequence[str]) -> list[str]:
    """Sizes and figures, in the order of the headings."""
    return [
        "-".join(str(stage["depth"]) for stage in member["stages"]),
        "-".join(str(stage["width"]) for stage in member["stages"]),
        f"{member['parameters']:,}",
        f"{member['accuracy']:.4f}" + ("~" if member["similar_to"] else ""),
        "-" if member["accuracy_std"] is None else f"{member['accuracy_std']:.4f}",
        str(member["seeds"]) if member["confirmed"] else UNCONFIRMED,
        f"{member['expected_accuracy']:.4f}",
        f"{member['latency_ms']:.3f}" + _mark(member, LATENCY.name),
        f"{member['latency_iqr_ms']:.3f}",
        *(f"{member['figures'].get(name, float('nan')):,.6g}" + _mark(member, name) for name in further),
    ]


def _print_notes(members: Sequence[Mapping[str, Any]], fell_off: Sequence[Mapping[str, Any]], shown: set[str]) -> None:
    """Explain the marks that the table has; `shown` are the objectives of its columns."""
    listed = [*members, *fell_off]
    if unconfirmed := sum(not member["confirmed"] for member in members):
        print_note(
            f"{UNCONFIRMED}: {unconfirmed} of {len(members)} members are judged by the search's own seed alone, which "
            "is likely too high: nas search --confirm trains them with further seeds"
        )
    if any(member["similar_to"] for member in listed):
        print_note("~ differs from another member's accuracy by less than the standard error between seeds")
    if any(member["expected_accuracy"] != member["accuracy"] for member in listed):
        print_note("expected: the accuracy without what is likely a seed's luck; it decides who is confirmed first")
    if any(shown.intersection(member["moved"]) for member in listed):
        print_note("* measured again at the end, and further from the first figure than both confidence intervals tell")
    if any(shown.intersection(member["unsure"]) for member in listed):
        print_note("! of a few disturbed rounds: the machine was too busy to tell")
    if any(not member["over_limit"] for member in fell_off):
        print_note("x dropped: by its further seeds a member of the front is better")
    if any(member["over_limit"] for member in fell_off):
        print_note("o dropped: over --max-latency when it was measured again")


def _mark(member: Mapping[str, Any], objective: str) -> str:
    return ("*" if objective in member["moved"] else "") + ("!" if objective in member["unsure"] else "")


def print_rank_checks(found: Sequence[Audit]) -> None:
    """How well early accuracies foretold the final ones, in one line, and a warning of those that did not."""
    if found:
        words = ", ".join(f"{each.tau:.2f} after epoch {each.epoch}" for each in found)
        print_note(f"rank correlation with the final accuracy (the last {found[-1].trials} complete trials): {words}")
    for each in found:
        if each.is_low:
            click.echo(low_correlation_warning(each), err=True)


def print_features(found: Sequence[FeatureRank]) -> None:
    """How training-free features rank with accuracies, a row each."""
    table = Table("feature", box=None, pad_edge=False)
    for heading in ("trials", "tau", "within the best quarter"):
        table.add_column(heading, justify="right")
    for each in found:
        taus = ("-" if tau is None else f"{tau:.2f}" for tau in (each.tau, each.tau_of_best))
        table.add_row(each.feature, str(each.trials), *taus)
    print_table(table)
    if any(each.tau is None for each in found):
        print_note(f"features are ranked from {FEWEST} trials on")


def low_correlation_warning(found: Audit) -> str:
    """The warning."""
    return (
        f"warning: the accuracy after epoch {found.epoch} foretells little of the final one (Kendall's tau "
        f"{found.tau:.2f} over {found.trials} trials): more --epochs or a larger --train-size rank better, and "
        "--no-early-stopping stops nothing"
    )


def _words(architectures: Sequence[Architecture]) -> list[str]:
    """Each one's mixers as letters; in full where a letter would stand for two of them, or for two of its options."""
    used = {stage.mixer_label for each in architectures for stage in each.stages}
    in_full = len({name[0] for name in used}) < len(used)
    return ["-".join(stage.mixer_label for stage in each.stages) if in_full else each.word for each in architectures]
