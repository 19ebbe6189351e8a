"""Text drawing of an architecture: a line for each stage and a bar for each block, whose length shows the width."""

import math

from nas.architecture import MLP_RATIO, Architecture, Stage

BLOCK = "\u2588"
MAX_BLOCKS = 24


def draw(architecture: Architecture) -> str:
    """Draw an architecture, a line for each stage: as many bars as blocks, their length the logarithm of the width."""
    labels = [stage.mixer_label if stage.depth else "" for stage in architecture.stages]
    column_width = max(map(len, labels))
    min_width = min(stage.width for stage in architecture.stages)
    blueprint = [f"{field} {label}" for field, label in architecture.blueprint.labels.items() if label != "recipe"]
    lines = [
        "  ".join((architecture.layout, architecture.recipe, architecture.key[:12], ", ".join(blueprint))).rstrip()
    ]
    for number, (label, stage) in enumerate(zip(labels, architecture.stages, strict=True), start=1):
        bar = BLOCK * (1 + round(2 * math.log2(stage.width / min_width)))
        bars = " ".join([bar] * min(stage.depth, MAX_BLOCKS))
        lines.append(
            f"  {number}  {label:<{column_width}}  {stage.depth:>2} x {stage.width:<4} {bars}{_details(stage)}"
        )
    return "\n".join(lines)


def _details(stage: Stage) -> str:
    """Name the fields that differ from their defaults."""
    details = []
    if stage.depth and stage.mlp_ratio != MLP_RATIO:
        details.append(f"MLP ratio {stage.mlp_ratio:g}")
    if stage.norm is not None:
        details.append(f"{stage.norm} norm")
    if stage.position:
        details.append("position embedding")
    return f"  ({', '.join(details)})" if details else ""
