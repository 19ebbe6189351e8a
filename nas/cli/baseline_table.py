"""Known networks below a front, as a table for the terminal, and what the comparison comes to."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from nas.cli.front_table import SHOWN
from nas.cli.table import print_note, print_table
from nas.objective import unit_of


def print_baselines(
    baselines: Sequence[Mapping[str, Any]], conclusion: Sequence[str], objectives: Sequence[str], members: int
) -> None:
    """A row for each baseline, as nas.baselines.baseline has them as JSON, beside a front of so many `members`."""
    if not baselines:
        return
    table = Table("baseline", box=None, pad_edge=False)
    for heading in ("parameters", "accuracy", "std", "seeds", "latency ms", "IQR ms"):
        table.add_column(heading, justify="right")
    further = [name for name in objectives if name not in SHOWN]
    for heading in (*(f"{name} {unit_of(name)}".rstrip() for name in further), "front gains", "dominates"):
        table.add_column(heading, justify="right")
    for each in baselines:
        table.add_row(
            each["name"],
            _figure(each["parameters"], ","),
            _figure(each["accuracy"], ".4f"),
            _figure(each["accuracy_std"], ".4f"),
            str(each["seeds"]),
            _figure(each["latency_ms"], ".3f"),
            _figure(each["latency_iqr_ms"], ".3f"),
            *(_figure(each["figures"].get(name), ",.6g") for name in further),
            _figure(each["front_gain"], "+.4f"),
            f"{each['dominates']} of {members}" if each["dominates"] else "-",
        )
    print_table(table)
    print_note("front gains: how much more accurate the best member is that costs no more than the baseline")
    for each in baselines:
        if each["failure"] is not None:
            print_note(f"{each['name']} failed: {each['failure']['cause']}: {each['failure']['message']}")
    for line in conclusion:
        print_note(line)


def _figure(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
