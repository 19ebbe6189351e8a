"""The hybrid spaces, from plain convolutional networks to networks with local mixers early and attention late.

A member is a stem and four stages (three for tiny images). Each stage mixes tokens by pooling, a convolution or
attention, or only changes the width (depth 0). The spaces are a family by image size: `hybrid` selects the one that
suits the images. Local mixing is bandwidth-bound, attention is quadratic in tokens; the search finds which belongs
where (Yu et al., MetaFormer Baselines for Vision, TPAMI 2024). No torch here: a space is data.
"""

from dataclasses import replace

from nas.architecture import Architecture, Blueprint, Stage, Stem
from nas.space import BlueprintChoices, SearchSpace, StageChoices

RECIPE = "plain"
LOCAL = ("pool", "inverted_bottleneck", "dense_conv", "fused_inverted_bottleneck")
MIXERS = ("pool", "inverted_bottleneck", "dense_conv", "attention", "fused_inverted_bottleneck")
MLP_RATIOS = (0, 2)
FULL, HALF, TWO_HALF = Stem(3, 1), Stem(3, 2), Stem(3, 2, convs=2)
QUARTER, POOLED_QUARTER, EIGHTH = Stem(3, 4, convs=2), Stem(3, 4, pool=True), Stem(3, 8, convs=2, pool=True)


def _space(
    name: str,
    description: str,
    stems: tuple[Stem, ...],
    depths: tuple[tuple[int, ...], ...],
    widths: tuple[tuple[int, ...], ...],
    local_stages: int,
) -> SearchSpace:
    """Make a space whose first `local_stages` have only local mixers: attention is quadratic in their many tokens."""
    stages = tuple(
        StageChoices(LOCAL if index < local_stages else MIXERS, depth, width, MLP_RATIOS)
        for index, (depth, width) in enumerate(zip(depths, widths, strict=True))
    )
    blueprint = BlueprintChoices(
        stems=stems,
        downsamples=("pool", None, "conv_pool"),
        activations=(None, "hard_swish"),
        blocks=(None, "residual"),
    )
    space = SearchSpace(name, description, stages, RECIPE, blueprint=blueprint)
    return replace(space, starts=_starts(space))


def _starts(space: SearchSpace) -> tuple[Architecture, ...]:
    """List the architectures that a search tries first, the most useful ones first.

    They are plain convolutional networks of each width, one block in the inner stages, with the coarsest and the finest
    stem; with the finest also ones that convolve before they pool, as the CIFAR speed record's network does; and a
    middle one with pooling in place of its convolutions, with and without attention in the last stage that has blocks.
    """
    last = len(space.stages) - 1

    def network(
        relative_width: float,
        stem: Stem | None,
        mixers: tuple[str, str] = ("dense_conv", "dense_conv"),
        ratio: float = 0,
        downsample: str | None = None,
    ) -> Architecture:
        stages = []
        for index, stage in enumerate(space.stages):
            width = stage.widths[round(relative_width * (len(stage.widths) - 1))]
            depth = int(0 < index < last)
            stages.append(Stage(mixers[index == last - 1], depth, width, ratio))
        return Architecture(tuple(stages), RECIPE, Blueprint(stem=stem, downsample=downsample))

    fine, coarse = space.blueprint.stems[0], space.blueprint.stems[-1]
    networks = [network(width, coarse) for width in (0, 1 / 4, 1 / 2, 1)]
    networks += [network(width, fine, downsample="conv_pool") for width in (0, 1 / 4, 1 / 2)]
    networks += [network(1 / 4, coarse, mixers, 2) for mixers in (("pool", "pool"), ("pool", "attention"))]
    networks += [network(width, fine) for width in (0, 1 / 4, 1 / 2, 1)]
    return tuple(dict.fromkeys(networks))


HYBRID_8 = _space(
    "hybrid-8",
    "pool / convolutions / attention in three stages, for images of 8 to 12 px",
    stems=(FULL,),
    depths=((0, 1, 2), (0, 1, 2, 3), (0, 1, 2)),
    widths=((16, 24, 32, 48), (32, 48, 64, 96), (64, 96, 128, 192)),
    local_stages=0,
)
HYBRID_16 = _space(
    "hybrid-16",
    "pool / convolutions / attention in three stages, for images of 13 to 16 px",
    stems=(FULL, TWO_HALF, HALF),
    depths=((0, 1, 2), (0, 1, 2, 3), (0, 1, 2)),
    widths=((8, 16, 24, 32), (16, 32, 48, 64), (32, 64, 96, 128)),
    local_stages=1,
)
HYBRID_32 = _space(
    "hybrid-32",
    "pool / convolutions / attention in four stages, for images of 17 to 40 px",
    stems=(FULL, TWO_HALF, HALF),
    depths=((0, 1, 2), (0, 1, 2), (0, 1, 2, 3), (0, 1, 2)),
    widths=((8, 16, 24, 32, 48), (24, 32, 48, 64, 96), (48, 64, 96, 128, 192), (64, 96, 128, 192, 256)),
    local_stages=1,
)
HYBRID_64 = _space(
    "hybrid-64",
    "pool / convolutions / attention in four stages, for images of 41 to 80 px",
    stems=(HALF, TWO_HALF, QUARTER, POOLED_QUARTER),
    depths=((0, 1, 2), (0, 1, 2), (0, 1, 2, 3), (0, 1, 2)),
    widths=((8, 16, 24, 32, 48), (24, 32, 48, 64, 96), (48, 64, 96, 128, 192), (64, 96, 128, 192, 256)),
    local_stages=2,
)
HYBRID_128 = _space(
    "hybrid-128",
    "pool / convolutions / attention in four stages, for images of 81 to 160 px",
    stems=(TWO_HALF, QUARTER, POOLED_QUARTER, EIGHTH),
    depths=((0, 1, 2), (0, 1, 2), (0, 1, 2, 3), (0, 1, 2)),
    widths=((16, 24, 32, 48), (32, 48, 64, 96), (64, 96, 128, 192), (128, 192, 256, 384)),
    local_stages=2,
)
HYBRID_224 = _space(
    "hybrid-224",
    "pool / convolutions / attention in four stages, for images of more than 160 px",
    stems=(QUARTER, POOLED_QUARTER, EIGHTH),
    depths=((0, 1, 2), (0, 1, 2), (1, 2, 3, 4), (0, 1, 2)),
    widths=((16, 24, 32, 48), (48, 64, 96, 128), (96, 128, 192, 256), (192, 256, 384, 512)),
    local_stages=2,
)
HYBRID = replace(
    HYBRID_32,
    name="hybrid",
    description="pool / convolutions / attention, hybrid-8 to hybrid-224 by the size of the images",
    variants=((12, HYBRID_8), (16, HYBRID_16), (40, HYBRID_32), (80, HYBRID_64), (160, HYBRID_128), (1e9, HYBRID_224)),
)
