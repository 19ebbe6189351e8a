"""An architecture drawn with characters: a line for each stage, a bar for each block, its length the width's."""

import math

from nas.architecture import MLP_RATIO, Architecture, Stage

BLOCK = "\u2588"
MAX_BLOCKS = 24


def draw(architecture: Architecture) -> str:
    """Several lines: mixers, depth as the number of bars, width as their length (its logarithm) and in figures."""
    names = [stage.mixer_label if stage.depth else "" for stage in architecture.stages]
    aligned = max(map(len, names))
    least = min(stage.width for stage in architecture.stages)
    blueprint = [f"{field} {label}" for field, label in architecture.blueprint.labels.items() if label != "recipe"]
    lines = [
        "  ".join((architecture.layout, architecture.recipe, architecture.key[:12], ", ".join(blueprint))).rstrip()
    ]
    for number, (name, stage) in enumerate(zip(names, architecture.stages, strict=True), start=1):
        bar = BLOCK * (1 + round(2 * math.log2(stage.width / least)))
        bars = " ".join([bar] * min(stage.depth, MAX_BLOCKS))
        lines.append(f"  {number}  {name:<{aligned}}  {stage.depth:>2} x {stage.width:<4} {bars}{_details(stage)}")
    return "\n".join(lines)


def _details(stage: Stage) -> str:
    """What is not as by default."""
    words = []
    if stage.depth and stage.mlp_ratio != MLP_RATIO:
        words.append(f"MLP ratio {stage.mlp_ratio:g}")
    if stage.norm is not None:
        words.append(f"{stage.norm} norm")
    if stage.position:
        words.append("position embedding")
    return f"  ({', '.join(words)})" if words else ""
