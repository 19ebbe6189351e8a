"""A front as a table for the terminal."""

from collections.abc import Sequence

import click
from rich.table import Table

from nas.audit import Audit
from nas.cli.table import print_note, print_table
from nas.front import Result, unsure
from nas.objective import ACCURACY, LATENCY, PARAMETERS, Objective

SHOWN = (ACCURACY.name, LATENCY.name, PARAMETERS.name)


def print_front(members: Sequence[Result], objectives: Sequence[Objective], fell_off: Sequence[Result]) -> None:
    """One row per member on standard output: mixers as letters (P pool, C conv, ...), depths, widths, figures.

    Of the study's `objectives` those that not every table has get columns of their own. Those that are hardly more
    accurate than a cheaper one are marked; those that fell off when the front was confirmed follow, marked.
    """
    table = Table("trial", "mixers", "depths", "widths", box=None, pad_edge=False)
    for heading in ("parameters", "accuracy", "std", "seeds", "latency ms", "IQR ms"):
        table.add_column(heading, justify="right")
    further = [each.name for each in objectives if each.name not in SHOWN]
    for name in further:
        table.add_column(name, justify="right")
    words = _words([*members, *fell_off])
    in_doubt = unsure(members)
    marked = [(each, "~" if each.trial.number in in_doubt else "") for each in members]
    for member, mark in [*marked, *((each, "x") for each in fell_off)]:
        stages = member.trial.architecture.stages
        table.add_row(
            f"{member.trial.number}{mark}",
            words[member.trial.number],
            "-".join(str(stage.depth) for stage in stages),
            "-".join(str(stage.width) for stage in stages),
            f"{member.parameters:,}",
            f"{member.accuracy:.4f}",
            "-" if member.accuracy_std is None else f"{member.accuracy_std:.4f}",
            str(len(member.reported)),
            f"{member.latency.median:.3f}" + ("*" if member.moved else ""),
            f"{member.latency.iqr:.3f}",
            *(f"{member.figures.get(name, float('nan')):,.6g}" for name in further),
        )
    print_table(table)
    if any(member.moved for member in [*members, *fell_off]):
        print_note("* measured again at the end, and outside of the confidence interval of the first measurement")
    if in_doubt:
        print_note("~ about as accurate as a cheaper one: trained again, it may well not be better")
    if fell_off:
        print_note("x on the front as searched, and off it since it was trained with further seeds")


def print_audits(found: Sequence[Audit]) -> None:
    """How well early accuracies foretold the final ones, in one line, and a warning of those that did not."""
    if found:
        words = ", ".join(f"{each.tau:.2f} after epoch {each.epoch}" for each in found)
        print_note(f"rank correlation with the final accuracy (the last {found[-1].trials} complete trials): {words}")
    for each in found:
        if each.is_low:
            click.echo(low_audit(each), err=True)


def low_audit(found: Audit) -> str:
    """The warning."""
    return (
        f"warning: the accuracy after epoch {found.epoch} foretells little of the final one (Kendall's tau "
        f"{found.tau:.2f} over {found.trials} trials): more --epochs or a larger --train-size rank better, and "
        "--no-early-stopping stops nothing"
    )


def _words(members: Sequence[Result]) -> dict[int, str]:
    """Each trial's mixers as letters; in full where a letter would stand for two of them, or for two of its options."""
    used = {stage.spelled_mixer for member in members for stage in member.trial.architecture.stages}
    in_full = len({name[0] for name in used}) < len(used)
    return {
        member.trial.number: "-".join(stage.spelled_mixer for stage in member.trial.architecture.stages)
        if in_full
        else member.trial.architecture.word
        for member in members
    }
