"""The document: by picture size, each choice's accuracy and latency beside the reference's."""

import math
import statistics
from collections.abc import Sequence
from pathlib import Path

from benchmarks.blueprint.rows import Timed, Trained
from benchmarks.blueprint.variants import MAX_MACS_DEVIATION, REFERENCE

DOCUMENT = Path(__file__).parents[2] / "docs" / "mixers.md"

INTRODUCTION = """# Mixers and blueprints compared

Each row changes one thing of a plain convolutional network (3x3 convolutions to 24, 48, 96 and 128 channels at stride
2, a further one at 48 and at 96, batch norm, ReLU): the mixer of the two inner blocks, or one choice of the blueprint.
All widths are scaled so that the multiply-accumulates are those of the network above (within 5%, else they are named).
Each is trained for {seconds:g} CPU seconds on one thread by the search's own loop; figures are the mean accuracy of
{seeds} on validation pictures, and milliseconds in ONNX Runtime (one thread, one picture). The standard error of the
reference's accuracy is {noise}: differences of less than twice that say nothing. Mixers that do not mix channels have
an MLP too.

`python -m benchmarks.blueprint --write` makes this table, {conditions}.

14 px: 1,150 digits; 28 px: 6,000 pictures of Fashion-MNIST; 32 px: 5,000 of CIFAR-10; 64 px: 2,500 of these, enlarged.
"""


def document(rows: Sequence[Trained], timed: Sequence[Timed], conditions: str) -> str:
    """Return the text of the document; of several latencies of one network at one size the last one counts."""
    sizes = sorted({row.px for row in rows})
    names = dict.fromkeys((row.part, row.choice) for row in rows)
    ordered = sorted(names, key=lambda name: (name != REFERENCE, _rank(name[0], names), name))
    ms = {(row.px, row.key): row.ms for row in timed}
    head = " | ".join(f"{px} px: accuracy | ms" for px in sizes)
    lines = [f"| part | choice | {head} |", "|---|---|" + "---|---|" * len(sizes)]
    macs = {px: next((row.macs for row in rows if (row.px, row.part) == (px, REFERENCE[0])), 0) for px in sizes}
    for part, choice in ordered:
        cells: list[str] = []
        for px in sizes:
            variant_rows = [row for row in rows if (row.px, row.part, row.choice) == (px, part, choice)]
            cells += _cells(variant_rows, ms, macs[px])
        lines.append(f"| {part} | {choice} | {' | '.join(cells)} |")
    plain = [row for row in rows if row.part == REFERENCE[0]]
    errors = [_standard_error([row for row in plain if row.px == px]) for px in sizes]
    introduction = INTRODUCTION.format(
        seconds=rows[0].seconds if rows else 0,
        seeds=_counted(len({row.seed for row in rows})),
        noise=", ".join(f"{error:.4f} ({px} px)" for px, error in zip(sizes, errors, strict=True)),
        conditions=conditions.replace("\n", " "),
    )
    return "\n".join([introduction, *lines, ""])


def _cells(variant_rows: Sequence[Trained], ms: dict[tuple[int, str], float], macs: int) -> tuple[str, str]:
    if not variant_rows:
        return "", ""
    finished = [row.accuracy for row in variant_rows if not row.failure]
    accuracy = f"{statistics.fmean(finished):.4f}" if finished else variant_rows[0].failure
    time_ms = ms.get((variant_rows[0].px, variant_rows[0].key))
    deviation = variant_rows[0].macs / macs - 1 if macs else 0.0
    note = f" ({deviation:+.0%} MACs)" if abs(deviation) > MAX_MACS_DEVIATION else ""
    return accuracy, f"{time_ms:.4f}{note}" if time_ms is not None else note


def _rank(part: str, names: dict[tuple[str, str], None]) -> int:
    return list(dict.fromkeys(name for name, _ in names)).index(part)


def _standard_error(rows: Sequence[Trained]) -> float:
    """The binomial standard error of the rows' mean accuracy, each judged on as many pictures."""
    if not rows:
        return 0.0
    mean = statistics.fmean(row.accuracy for row in rows)
    return math.sqrt(mean * (1 - mean) / sum(row.pictures for row in rows))


def _counted(seeds: int) -> str:
    return "one seed" if seeds == 1 else f"{seeds} seeds"
