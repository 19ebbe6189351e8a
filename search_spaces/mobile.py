"""The mobile spaces: `hybrid`'s networks, with the mixers of networks that are deployed on phones and CPUs besides.

Sizes, stems and blueprints are those of `hybrid` at the same image size (search_spaces/hybrid.py). Mixers that are tied
to the grid, and those without learned weights but pooling, are left out. No torch here: a space is data.
"""

from dataclasses import replace

from nas.space import MixerChoice, SearchSpace, StageChoices
from search_spaces.hybrid import HYBRID_8, HYBRID_16, HYBRID_32, HYBRID_64, HYBRID_128, HYBRID_224, LOCAL

# Mixers whose cost is linear in tokens, for stages of many; heads of 8 channels suit their narrow widths.
MOBILE_LOCAL = (
    *LOCAL,
    "depthwise",
    "conv",
    "rep_mixer",
    "inception_depthwise",
    "gated_conv",
    MixerChoice("window_attention", (("head_dim", 8), ("window", 4))),
)
MOBILE_LATE = (
    *MOBILE_LOCAL[:-1],
    "window_attention",
    "attention",
    "pooled_attention",
    "linear_attention",
    "single_head_attention",
    "state_space",
)


def _mobile(name: str, hybrid: SearchSpace, images: str) -> SearchSpace:
    """Make the space of `hybrid`'s networks with the mobile mixers, global ones in the stages that have attention."""

    def stage(choices: StageChoices) -> StageChoices:
        is_late = "attention" in map(str, choices.mixers)
        return replace(choices, mixers=MOBILE_LATE if is_late else MOBILE_LOCAL)

    description = f"mixers for phones and CPUs in {len(hybrid.stages)} stages, for images of {images}"
    return replace(hybrid, name=name, description=description, stages=tuple(map(stage, hybrid.stages)))


MOBILE_8 = _mobile("mobile-8", HYBRID_8, "8 to 12 px")
MOBILE_16 = _mobile("mobile-16", HYBRID_16, "13 to 16 px")
MOBILE_32 = _mobile("mobile-32", HYBRID_32, "17 to 40 px")
MOBILE_64 = _mobile("mobile-64", HYBRID_64, "41 to 80 px")
MOBILE_128 = _mobile("mobile-128", HYBRID_128, "81 to 160 px")
MOBILE_224 = _mobile("mobile-224", HYBRID_224, "more than 160 px")
MOBILE = replace(
    MOBILE_32,
    name="mobile",
    description="mixers for phones and CPUs, mobile-8 to mobile-224 by the size of the images",
    variants=((12, MOBILE_8), (16, MOBILE_16), (40, MOBILE_32), (80, MOBILE_64), (160, MOBILE_128), (1e9, MOBILE_224)),
)
