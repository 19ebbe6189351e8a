"""A plain convolutional network as a member of the space, and its variants by one mixer or one choice."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nas import plugins
from nas.architecture import NO_MIXER, Architecture, Blueprint, ModelInput, Stage, Stem
from nas.builder import Builder

RECIPE = "plain"
# Divisor of all widths of stages.
WIDTH_STEP = 4
# Relative deviation of a variant's MACs from the reference's.
MAX_MACS_DEVIATION = 0.05
# Widths of the reference are scaled by 0.30, 0.31, ... 4.
SCALES = tuple(percent / 100 for percent in range(30, 401))
# Mixers that mix channels too; the others stand in a block with an MLP, since without one nothing would.
WITHOUT_MLP = frozenset({"dense_conv", "fused_inverted_bottleneck", "inverted_bottleneck"})
MLP_RATIO = 2
MLP_RATIOS = (1, 2, 4)
# The blueprint's other fields; those of the reference are left out by their canonical form.
CHOICES: Mapping[str, Sequence[str]] = {
    "downsample": ("conv", "patch", "conv_pool", "pool"),
    "norm": ("batch", "layer", "group", "rms"),
    "activation": ("relu", "hard_swish", "gelu", "star_relu"),
    "block": ("plain", "residual", "prenorm"),
}
OPTIONS: Mapping[str, Sequence[tuple[tuple[str, int | bool], ...]]] = {
    "inverted_bottleneck": ((), (("squeeze", True),)),
}


@dataclass(frozen=True)
class Variant:
    """The reference with its `part` changed to `choice`."""

    part: str
    choice: str
    architecture: Architecture


REFERENCE = ("reference", "plain CNN")


def stem_stride(size_px: int) -> int:
    """Return the reference's stride: the whole picture is worth its MACs only where it is small."""
    return 2 if size_px >= 28 else 1


def fits(stem: Stem, size_px: int) -> bool:
    """Whether the last of the four grids is 2x2 or larger."""
    return size_px > 8 * stem.stride


def reference(size_px: int) -> Architecture:
    """Return convolutions to 24, 48, 96 and 128 channels, each but the first at stride 2; one more at 48 and at 96."""
    stages = (
        Stage(NO_MIXER, 0, 24),
        Stage("dense_conv", 1, 48, mlp_ratio=0),
        Stage("dense_conv", 1, 96, mlp_ratio=0),
        Stage(NO_MIXER, 0, 128),
    )
    return Architecture(stages, RECIPE, Blueprint(stem=Stem(3, stem_stride(size_px))))


def variants(model_input: ModelInput, builder: Builder) -> list[Variant]:
    """Return the reference, then its variants, whose widths are scaled so that the MACs are the reference's."""
    plain = reference(model_input.height_px)
    target_macs = builder.cost(plain, model_input).macs
    by_key = {builder.canonical(plain).key: Variant(*REFERENCE, plain)}
    for part, choice, architecture in _changed(plain, model_input.height_px):
        key = builder.canonical(architecture).key
        if key not in by_key:
            by_key[key] = Variant(part, choice, at_macs(architecture, model_input, builder, target_macs))
    return list(by_key.values())


def at_macs(architecture: Architecture, model_input: ModelInput, builder: Builder, target_macs: int) -> Architecture:
    """Scale all widths alike, so that the MACs come as near to `target_macs` as they can."""
    scaled = {candidate.key: candidate for candidate in (_scaled(architecture, scale) for scale in SCALES)}
    # MACs grow with the scale: bisection, as each count builds the network.
    candidates = list(scaled.values())
    low, high = 0, len(candidates) - 1
    while low < high:
        middle = (low + high) // 2
        if builder.cost(candidates[middle], model_input).macs < target_macs:
            low = middle + 1
        else:
            high = middle
    near = candidates[max(0, low - 2) : low + 3]
    return min(near, key=lambda candidate: abs(builder.cost(candidate, model_input).macs - target_macs))


def _changed(plain: Architecture, size_px: int) -> Iterator[tuple[str, str, Architecture]]:
    for mixer in plugins.names(plugins.MIXERS):
        for options in OPTIONS.get(mixer, ((),)):
            ratio = 0 if mixer in WITHOUT_MLP else MLP_RATIO
            changed = _blocks(plain, mixer=mixer, options=options, mlp_ratio=ratio)
            inner = next(stage for stage in changed.stages if stage.depth)
            yield "mixer", f"{inner.mixer_label}{f' + MLP {ratio}' if ratio else ''}", changed
    for ratio in MLP_RATIOS:
        yield "MLP ratio", str(ratio), _blocks(plain, mlp_ratio=ratio)
    blueprint = plain.blueprint
    assert blueprint.stem is not None  # as `reference` has it
    for stem in (stem for stem in _stems(blueprint.stem.stride) if fits(stem, size_px)):
        yield "stem", stem.label, replace(plain, blueprint=replace(blueprint, stem=stem))
    for field, names in CHOICES.items():
        for option in names:
            yield field, option, replace(plain, blueprint=replace(blueprint, **{field: option}))  # type: ignore[arg-type]


def _stems(stride: int) -> Iterator[Stem]:
    yield Stem(3, stride, convs=2)
    yield Stem(7, stride)
    if stride > 1:
        yield Stem(stride, stride)
        yield Stem(3, stride, pool=True)
        yield Stem(3, 1)
    yield Stem(2 * stride, 2 * stride)
    yield Stem(3, 2 * stride, convs=2)
    yield Stem(3, 2 * stride, pool=True)


def _blocks(architecture: Architecture, **changes: Any) -> Architecture:
    """Change fields of the stages that have blocks."""
    stages = (replace(stage, **changes) if stage.depth else stage for stage in architecture.stages)
    return replace(architecture, stages=tuple(stages))


def _scaled(architecture: Architecture, scale: float) -> Architecture:
    def width(stage: Stage) -> int:
        return max(WIDTH_STEP, WIDTH_STEP * round(stage.width * scale / WIDTH_STEP))

    return replace(architecture, stages=tuple(replace(stage, width=width(stage)) for stage in architecture.stages))
