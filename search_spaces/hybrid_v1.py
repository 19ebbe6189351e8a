"""The hybrid spaces of version 0.1, kept under names of their own so that their studies can continue.

Each of four stages has pooling, separable convolution or attention in the published blocks. Pooling and convolution
are local and bandwidth-bound, attention is global and quadratic in tokens; the search finds which belongs where (Yu et
al., MetaFormer Baselines for Vision, TPAMI 2024). No torch here: a space is data.
"""

from nas.space import SearchSpace, StageChoices

MIXERS = ("pool", "conv", "attention")


def _stages(depths: tuple[tuple[int, ...], ...], widths: tuple[tuple[int, ...], ...]) -> tuple[StageChoices, ...]:
    return tuple(StageChoices(MIXERS, depth, width) for depth, width in zip(depths, widths, strict=True))


HYBRID_V1 = SearchSpace(
    name="hybrid-v1",
    description="hybrid of version 0.1: pool / conv / attention in the published blocks, for small images",
    stages=_stages(
        depths=((1, 2), (1, 2), (1, 2, 3), (1, 2)),
        widths=((16, 24, 32), (24, 32, 40), (32, 48, 64), (48, 72, 96)),
    ),
)

HYBRID_224_V1 = SearchSpace(
    name="hybrid-224-v1",
    description="hybrid-224 of version 0.1: pool / conv / attention at the published S and M sizes",
    stages=_stages(
        depths=((2, 3, 4), (2, 4, 6, 12), (6, 9, 12, 18), (2, 3, 4)),
        widths=((64, 96), (128, 192), (320, 384), (512, 576, 768)),
    ),
)
