"""The published MetaFormers at 224 px and 1000 classes: their architectures and reported figures.

Sources: Yu et al. (CVPR 2022) for v1; Yu et al. (TPAMI 2024) for the others. Parameters and MACs as counted with timm
and the authors' code on random weights. No torch here: a model is data.
"""

from nas.architecture import Architecture, ModelInput, Stage
from nas.exports.published import PublishedModel

INPUT = ModelInput(channels=3, height_px=224, width_px=224, classes=1000)

S = (64, 128, 320, 512)
M = (96, 192, 384, 768)
CONV_M = (96, 192, 384, 576)
CONV_B = (128, 256, 512, 768)

S12, S24, S36, M48 = (2, 2, 6, 2), (4, 4, 12, 4), (6, 6, 18, 6), (8, 8, 24, 8)
S18, CONV_36 = (3, 3, 9, 3), (3, 12, 18, 3)

POOL = ("pool",) * 4
IDENTITY = ("identity",) * 4
RANDOM = ("identity", "identity", "random", "random")
CONV = ("conv",) * 4
CONV_ATTENTION = ("conv", "conv", "attention", "attention")

# depths, widths, learned parameters, frozen parameters of randformer, MACs in G, MACs in G of randformer
_V2_SIZES = {
    "s12": (S12, S, 11_891_712, 235_298, 1.8123, 1.8885),
    "s24": (S24, S, 21_341_464, 470_596, 3.3922, 3.5446),
    "s36": (S36, S, 30_791_216, 705_894, 4.9722, 5.2008),
    "m36": (S36, M, 56_077_168, 705_894, 8.7588, 9.0354),
    "m48": (M48, M, 73_346_056, 941_192, 11.5333, 11.9021),
}
_V1_SIZES = {
    "s12": (S12, S, 11_915_176, 1.8123, 77.2),
    "s24": (S24, S, 21_388_968, 3.3922, 80.3),
    "s36": (S36, S, 30_862_760, 4.9722, 81.4),
    "m36": (S36, M, 56_172_520, 8.7588, 82.1),
    "m48": (M48, M, 73_473_448, 11.5333, 82.5),
}
_CONV_SIZES = {
    "convformer_s18": (CONV, S18, S, 26_774_448, 3.9410, 83.0),
    "convformer_s36": (CONV, CONV_36, S, 40_012_152, 7.6397, 84.1),
    "convformer_m36": (CONV, CONV_36, CONV_M, 57_051_640, 12.8423, 84.5),
    "convformer_b36": (CONV, CONV_36, CONV_B, 99_882_616, 22.6294, 84.8),
    "caformer_s18": (CONV_ATTENTION, S18, S, 26_341_656, 4.1069, 83.6),
    "caformer_s36": (CONV_ATTENTION, CONV_36, S, 39_297_102, 7.9716, 84.5),
    "caformer_m36": (CONV_ATTENTION, CONV_36, CONV_M, 56_204_878, 13.2406, 85.2),
    "caformer_b36": (CONV_ATTENTION, CONV_36, CONV_B, 98_753_614, 23.1605, 85.5),
}
_V2_TOP1 = {
    "identityformer": {"s12": 74.6, "s24": 78.2, "s36": 79.3, "m36": 80.0, "m48": 80.4},
    "randformer": {"s12": 76.6, "s24": 78.2, "s36": 79.5, "m36": 81.2, "m48": 81.4},
    "poolformerv2": {"s12": 78.0, "s24": 80.7, "s36": 81.6, "m36": 82.2, "m48": 82.6},
}


def _architecture(
    recipe: str,
    mixers: tuple[str, ...],
    depths: tuple[int, ...],
    widths: tuple[int, ...],
    norm: str | None = None,
    position_at: int | None = None,
) -> Architecture:
    """`position_at` is the index of the stage with a position embedding."""
    stages = enumerate(zip(mixers, depths, widths, strict=True))
    return Architecture(
        tuple(
            Stage(mixer, depth, width, norm=norm, position=index == position_at)
            for index, (mixer, depth, width) in stages
        ),
        recipe,
    )


def _model(
    name: str, architecture: Architecture, parameters: int, gmacs: float, top1: float, frozen: int = 0
) -> PublishedModel:
    return PublishedModel(name, architecture, INPUT, parameters, frozen, gmacs, top1)


def _models() -> tuple[PublishedModel, ...]:
    models = []
    for size, (depths, widths, parameters, gmacs, top1) in _V1_SIZES.items():
        architecture = _architecture("v1", POOL, depths, widths)
        models.append(_model(f"poolformer_{size}", architecture, parameters, gmacs, top1))
    for family, mixers in (("poolformerv2", POOL), ("identityformer", IDENTITY), ("randformer", RANDOM)):
        for size, (depths, widths, parameters, frozen, gmacs, random_gmacs) in _V2_SIZES.items():
            is_random = "random" in mixers
            models.append(
                _model(
                    f"{family}_{size}",
                    _architecture("v2", mixers, depths, widths),
                    parameters,
                    random_gmacs if is_random else gmacs,
                    _V2_TOP1[family][size],
                    frozen if is_random else 0,
                )
            )
    for name, (mixers, depths, widths, parameters, gmacs, top1) in _CONV_SIZES.items():
        models.append(_model(name, _architecture("conv", mixers, depths, widths), parameters, gmacs, top1))
    p, a, f = "pool", "attention", "spatial_mlp"
    hybrids: dict[str, tuple[Architecture, int, float, float]] = {
        "id": (_architecture("v1", IDENTITY, S12, S), 11_915_176, 1.8123, 74.3),
        "pppa": (_architecture("v1", (p, p, p, a), S12, S, "layer", 3), 14_038_440, 1.9199, 78.3),
        "ppaa": (_architecture("v1", (p, p, a, a), S12, S, "layer", 2), 16_535_592, 2.5492, 81.0),
        "pppf": (_architecture("v1", (p, p, p, f), S12, S), 11_919_978, 1.8147, 77.5),
        "ppff": (_architecture("v1", (p, p, f, f), S12, S), 12_150_474, 1.8885, 77.9),
    }
    models.extend(_model(f"metaformer_{name}_s12", *figures) for name, figures in hybrids.items())
    return tuple(models)


PUBLISHED = _models()
