"""A front as a table for the terminal."""

from collections.abc import Sequence

from rich.table import Table

from nas.cli.table import print_note, print_table
from nas.front import Result
from nas.objective import ACCURACY, LATENCY, PARAMETERS, Objective

SHOWN = (ACCURACY.name, LATENCY.name, PARAMETERS.name)


def print_front(members: Sequence[Result], objectives: Sequence[Objective]) -> None:
    """One row per member on standard output: mixers as letters (P pool, C conv, ...), depths, widths, figures.

    Of the study's `objectives` those that not every table has get columns of their own.
    """
    table = Table("trial", "mixers", "depths", "widths", box=None, pad_edge=False)
    for heading in ("parameters", "accuracy", "std", "seeds", "latency ms", "IQR ms"):
        table.add_column(heading, justify="right")
    further = [each.name for each in objectives if each.name not in SHOWN]
    for name in further:
        table.add_column(name, justify="right")
    words = _words(members)
    for member in members:
        stages = member.trial.architecture.stages
        table.add_row(
            str(member.trial.number),
            words[member.trial.number],
            "-".join(str(stage.depth) for stage in stages),
            "-".join(str(stage.width) for stage in stages),
            f"{member.parameters:,}",
            f"{member.accuracy:.4f}",
            "-" if member.accuracy_std is None else f"{member.accuracy_std:.4f}",
            str(len(member.accuracies)),
            f"{member.latency.median:.3f}" + ("*" if member.moved else ""),
            f"{member.latency.iqr:.3f}",
            *(f"{member.figures.get(name, float('nan')):,.6g}" for name in further),
        )
    print_table(table)
    if any(member.moved for member in members):
        print_note("* measured again at the end, and outside of the confidence interval of the first measurement")


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
