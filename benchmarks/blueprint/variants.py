"""A plain convolutional network as a member of the space, and its variants by one mixer or one choice."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nas import plugins
from nas.architecture import NO_MIXER, Architecture, Blueprint, ModelInput, Stage, Stem
from nas.builder import Builder

RECIPE = "plain"
# A width of a stage is a multiple of it.
WIDTH_STEP = 4
# MACs of a variant over the reference's, at most this far from 1.
MACS_MARGIN = 0.05
# Widths of the reference are scaled by 0.30, 0.31, ... 4.
SCALES = tuple(percent / 100 for percent in range(30, 401))
# Mixers that mix channels too; the others stand in a block with an MLP, since without one nothing would.
STANDS_ALONE = frozenset({"dense_conv", "fused_inverted_bottleneck", "inverted_bottleneck"})
MLP_RATIO = 2
MLP_RATIOS = (1, 2, 4)
# The blueprint's other fields; those of the reference are left out by their canonical form.
NAMED: Mapping[str, Sequence[str]] = {
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
    """`part` is what is changed, `choice` what it is changed to."""

    part: str
    choice: str
    architecture: Architecture


REFERENCE = ("reference", "plain CNN")


def stem_stride(size_px: int) -> int:
    """The reference's: the whole picture is worth its MACs only where it is small."""
    return 2 if size_px >= 28 else 1


def fits(stem: Stem, size_px: int) -> bool:
    """Whether the last of the four grids is 2x2 or larger."""
    return size_px > 8 * stem.stride


def reference(size_px: int) -> Architecture:
    """Convolutions to 24, 48, 96 and 128 channels, each but the first at stride 2; one more at 48 and at 96."""
    stages = (
        Stage(NO_MIXER, 0, 24),
        Stage("dense_conv", 1, 48, mlp_ratio=0),
        Stage("dense_conv", 1, 96, mlp_ratio=0),
        Stage(NO_MIXER, 0, 128),
    )
    return Architecture(stages, RECIPE, Blueprint(stem=Stem(3, stem_stride(size_px))))


def variants(model_input: ModelInput, builder: Builder) -> list[Variant]:
    """The reference first; each variant's widths are scaled so that its MACs are the reference's."""
    plain = reference(model_input.height_px)
    wanted = builder.cost(plain, model_input).macs
    found = {builder.canonical(plain).key: Variant(*REFERENCE, plain)}
    for part, choice, architecture in _changed(plain, model_input.height_px):
        key = builder.canonical(architecture).key
        if key not in found:
            found[key] = Variant(part, choice, at_macs(architecture, model_input, builder, wanted))
    return list(found.values())


def at_macs(architecture: Architecture, model_input: ModelInput, builder: Builder, wanted: int) -> Architecture:
    """The architecture with all widths scaled alike, its MACs as near to those wanted as they come."""
    scaled = {each.key: each for each in (_scaled(architecture, scale) for scale in SCALES)}
    # MACs grow with the scale: bisection, as each count builds the network.
    candidates = list(scaled.values())
    low, high = 0, len(candidates) - 1
    while low < high:
        middle = (low + high) // 2
        if builder.cost(candidates[middle], model_input).macs < wanted:
            low = middle + 1
        else:
            high = middle
    near = candidates[max(0, low - 2) : low + 3]
    return min(near, key=lambda each: abs(builder.cost(each, model_input).macs - wanted))


def _changed(plain: Architecture, size_px: int) -> Iterator[tuple[str, str, Architecture]]:
    for mixer in plugins.names(plugins.MIXERS):
        for options in OPTIONS.get(mixer, ((),)):
            ratio = 0 if mixer in STANDS_ALONE else MLP_RATIO
            changed = _blocks(plain, mixer=mixer, options=options, mlp_ratio=ratio)
            inner = next(stage for stage in changed.stages if stage.depth)
            yield "mixer", f"{inner.mixer_label}{f' + MLP {ratio}' if ratio else ''}", changed
    for ratio in MLP_RATIOS:
        yield "MLP ratio", str(ratio), _blocks(plain, mlp_ratio=ratio)
    blueprint = plain.blueprint
    assert blueprint.stem is not None  # as `reference` has it
    for stem in (each for each in _stems(blueprint.stem.stride) if fits(each, size_px)):
        yield "stem", stem.label, replace(plain, blueprint=replace(blueprint, stem=stem))
    for field, names in NAMED.items():
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
    """With other fields in those stages that have blocks."""
    stages = (replace(stage, **changes) if stage.depth else stage for stage in architecture.stages)
    return replace(architecture, stages=tuple(stages))


def _scaled(architecture: Architecture, scale: float) -> Architecture:
    def width(stage: Stage) -> int:
        return max(WIDTH_STEP, WIDTH_STEP * round(stage.width * scale / WIDTH_STEP))

    return replace(architecture, stages=tuple(replace(stage, width=width(stage)) for stage in architecture.stages))
