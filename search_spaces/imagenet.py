"""Spaces for 224 px images, one for each published recipe: each contains that recipe's models at S and M widths.

Sources: Yu et al., MetaFormer Is Actually What You Need for Vision (CVPR 2022) for v1; Yu et al., MetaFormer Baselines
for Vision (TPAMI 2024) for v2 and conv. No torch here: a space is data.
"""

from nas.space import SearchSpace, StageChoices

_DEPTHS = ((2, 4, 6, 8), (2, 4, 6, 8), (6, 12, 18, 24), (2, 4, 6, 8))
_WIDTHS = ((64, 96), (128, 192), (320, 384), (512, 768))

_V1_MIXERS = ("identity", "pool", "spatial_mlp", "attention")
# The published hybrids have a position embedding before their first attention stage, the third or the fourth.
_V1_POSITIONS = ((False,), (False,), (False, True), (False, True))

IMAGENET_V1 = SearchSpace(
    name="imagenet-v1",
    description="PoolFormer and its hybrids at 224 px, with a choice of norm and position embedding",
    stages=tuple(
        StageChoices(_V1_MIXERS, depths, widths, norms=(None, "layer"), positions=positions)
        for depths, widths, positions in zip(_DEPTHS, _WIDTHS, _V1_POSITIONS, strict=True)
    ),
    recipe="v1",
)

IMAGENET_V2 = SearchSpace(
    name="imagenet-v2",
    description="IdentityFormer, RandFormer and PoolFormerV2 at 224 px",
    stages=tuple(
        StageChoices(("identity", "pool", "random"), depths, widths)
        for depths, widths in zip(_DEPTHS, _WIDTHS, strict=True)
    ),
    recipe="v2",
)

IMAGENET_CONV = SearchSpace(
    name="imagenet-conv",
    description="ConvFormer and CAFormer at 224 px, with pooling and depthwise convolution added",
    stages=tuple(
        StageChoices(("pool", "depthwise", "conv", "attention"), depths, widths)
        for depths, widths in zip(
            ((2, 3, 4), (3, 6, 12), (9, 12, 18), (2, 3, 4)),
            ((64, 96, 128), (128, 192, 256), (320, 384, 512), (512, 576, 768)),
            strict=True,
        )
    ),
    recipe="conv",
)
