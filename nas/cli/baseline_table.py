"""Terminal table of the baselines below a front, and the conclusion of their comparison."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from nas.cli.front_table import COMMON_OBJECTIVES
from nas.cli.table import print_note, print_table
from nas.objective import ACCURACY, unit_of


def print_baselines(
    baselines: Sequence[Mapping[str, Any]],
    conclusion: Sequence[str],
    objectives: Sequence[str],
    front_size: int,
    measure: str = ACCURACY.name,
) -> None:
    """Print a row for each baseline, given as the JSON objects of `nas.study.baseline.as_json`, and notes below.

    `measure` is the label of the study's measure of accuracy.
    """
    if not baselines:
        return
    table = Table("baseline", box=None, pad_edge=False)
    for heading in ("parameters", measure, "std", "seeds", "latency ms", "IQR ms"):
        table.add_column(heading, justify="right")
    further = [name for name in objectives if name not in COMMON_OBJECTIVES]
    for heading in (*(f"{name} {unit_of(name)}".rstrip() for name in further), "front gains", "dominates"):
        table.add_column(heading, justify="right")
    for baseline in baselines:
        table.add_row(
            baseline["name"],
            _figure(baseline["parameters"], ","),
            _figure(baseline["accuracy"], ".4f"),
            _figure(baseline["accuracy_std"], ".4f"),
            str(baseline["seeds"]),
            _figure(baseline["latency_ms"], ".3f"),
            _figure(baseline["latency_iqr_ms"], ".3f"),
            *(_figure(baseline["figures"].get(name), ",.6g") for name in further),
            _figure(baseline["front_gain"], "+.4f"),
            f"{baseline['dominates']} of {front_size}" if baseline["dominates"] else "-",
        )
    print_table(table)
    print_note(
        f"front gains: {measure} of the front's best member that costs no more than the baseline, minus the baseline's"
    )
    for baseline in baselines:
        if (failure := baseline["failure"]) is not None:
            print_note(f"{baseline['name']} failed: {failure['cause']}: {failure['message']}")
    for line in conclusion:
        print_note(line)


def _figure(value: float | None, format_spec: str) -> str:
    return "-" if value is None else format(value, format_spec)
