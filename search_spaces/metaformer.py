"""The metaformer space: every token mixer in each of four stages, sized for small images and quick proxies.

No torch here: a space is data.
"""

from nas.space import SearchSpace, StageChoices

# In roughly ascending order of cost.
MIXERS = (
    "identity",
    "pool",
    "depthwise",
    "grid_fourier",
    "fourier",
    "random",
    "spatial_mlp",
    "token_mlp",
    "conv",
    "attention",
)

METAFORMER = SearchSpace(
    name="metaformer",
    description="every token mixer, sized for small images and quick proxies",
    stages=(
        StageChoices(MIXERS, (1, 2), (16, 24, 32)),
        StageChoices(MIXERS, (1, 2), (24, 32, 40)),
        StageChoices(MIXERS, (1, 2, 3), (32, 48, 64)),
        StageChoices(MIXERS, (1, 2), (48, 72, 96)),
    ),
)
