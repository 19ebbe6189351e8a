"""The details in which the published MetaFormer families differ, as data; parameter counts depend on all of them.

Sources: Yu et al., MetaFormer Is Actually What You Need for Vision (CVPR 2022) for v1; Yu et al., MetaFormer Baselines
for Vision (TPAMI 2024) for v2 and conv. No torch here: a recipe is data.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class NetworkRecipe:
    """The details of a network's blocks, stem, downsampling and head.

    `norm` is `group` (one group: statistics over tokens and channels) or `layer` (over a token's channels).
    """

    norm: str
    norm_bias: bool
    eps: float
    activation: str
    mlp_bias: bool
    layer_scale: bool
    """A learned scale on each branch, initially tiny (Touvron et al., CaiT)."""
    res_scale: bool
    """A learned scale on the residual connections of stages 3 and up (Shleifer et al., NormFormer)."""
    embedding_norm: bool
    """A norm after the stem and before each downsampling."""
    head: str
    """`linear`, or `mlp`: 4x, squared ReLU, norm."""
    norm_before_mean: bool
    """Whether the last norm acts on tokens, before their mean, rather than on the mean."""
    mixer_options: Mapping[str, Mapping[str, bool]] = field(default_factory=dict, hash=False)
    """Defaults of token mixers' options under this recipe, by mixer and option."""


_V2 = NetworkRecipe(
    norm="group",
    norm_bias=False,
    eps=1e-6,
    activation="star_relu",
    mlp_bias=False,
    layer_scale=False,
    res_scale=True,
    embedding_norm=True,
    head="linear",
    norm_before_mean=False,
)


def _v2(norm: str, head: str) -> NetworkRecipe:
    return NetworkRecipe(**{**vars(_V2), "norm": norm, "head": head})


RECIPES: Mapping[str, NetworkRecipe] = {
    # ConvFormer's and CAFormer's blocks under a linear head: an MLP head would outweigh a narrow network.
    "compact": _v2("layer", "linear"),
    # ConvFormer, CAFormer.
    "conv": _v2("layer", "mlp"),
    # PoolFormer and its hybrids.
    "v1": NetworkRecipe(
        norm="group",
        norm_bias=True,
        eps=1e-5,
        activation="gelu",
        mlp_bias=True,
        layer_scale=True,
        res_scale=False,
        embedding_norm=False,
        head="linear",
        norm_before_mean=True,
        mixer_options={"attention": {"proj_bias": True}},
    ),
    # IdentityFormer, RandFormer, PoolFormerV2.
    "v2": _V2,
}
