"""`--format timm`: keyword arguments and weights for timm.models.metaformer.MetaFormer, outputs compared.

timm's networks are fewer than ours: what timm cannot express is refused with the reason.
"""

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor, nn

from nas.architecture import MLP_RATIO, Architecture
from nas.errors import ExportError
from nas.exports.config import CONFIG_FILE, ExportedConfig
from nas.exports.known import KNOWN
from nas.exports.output_file import atomic_write, make_folder, write_text
from nas.exports.pictures import CROP, PAD, SQUASH
from nas.exports.preprocessing import Preprocessing
from nas.exports.source import WEIGHTS_FILE
from search_spaces.exports.weights import difference, example_input, network_of
from search_spaces.known.family import refuse_export
from search_spaces.metaformer_family import MetaFormerFamily
from search_spaces.recipe import RECIPES

TOLERANCE = 1e-4
MODEL_FILE = "model.py"
STRIDE = 4
HEAD_DIM = 32
CROP_MODES = {CROP: "center", PAD: "border", SQUASH: "squash"}
# Names in timm.models.metaformer or torch.nn.
MIXERS = {"identity": "nn.Identity", "pool": "Pooling", "conv": "SepConv", "attention": "Attention"}
NORMS = {
    ("layer", False): "LayerNorm2dNoBias",
    ("group", False): "GroupNorm1NoBias",
    ("layer", True): "LayerNormNoBias",
}


def export(config: ExportedConfig, weights: Path | None, path: Path) -> str:
    """Write the folder and return the message for the user.

    Raises ExportError when timm cannot express the network or computes something else, ParameterError when the folder
    cannot be written.
    """
    if config.architecture.recipe == KNOWN:
        refuse_export("timm")
    if reasons := list(obstacles(config)):
        raise ExportError(f"timm's MetaFormer cannot express this network: {'; '.join(reasons)}")
    model = network_of(config, weights)
    arguments = keyword_arguments(config)
    timm_network = build(arguments)
    state = converted(model.state_dict(), timm_network.state_dict())
    timm_network.load_state_dict(state)
    x_BCHW = example_input(config, 2)
    with torch.no_grad():
        worst = difference(model(x_BCHW), timm_network(x_BCHW))
    if not worst <= TOLERANCE:
        raise ExportError(f"timm's output differs from ours by {worst:.1e}, more than {TOLERANCE:.0e}")
    make_folder("--output", path)
    with atomic_write("--output", path / WEIGHTS_FILE) as file:
        file.write_bytes(save(state, metadata={"provenance": json.dumps(config.provenance)}))
    write_text("--output", path / CONFIG_FILE, json.dumps(config.to_dict(), indent=2) + "\n")
    write_text("--output", path / MODEL_FILE, _source(arguments, config.preprocessing))
    files = f"{MODEL_FILE}, {WEIGHTS_FILE}, {CONFIG_FILE}"
    return f"wrote {path} ({files}); timm agrees: largest difference {worst:.1e}; {config.weights_note(weights)}"


def obstacles(config: ExportedConfig) -> Iterator[str]:
    """Yield the reasons why timm cannot express the network."""
    architecture = config.architecture
    if architecture.recipe not in RECIPES:
        yield f"recipe {architecture.recipe!r} is not in timm ({', '.join(RECIPES)} are)"
        return
    recipe, family = RECIPES[architecture.recipe], MetaFormerFamily(RECIPES[architecture.recipe])
    if recipe.norm_before_mean:
        yield f"recipe {architecture.recipe!r} has its last norm before the mean over tokens, timm after that mean"
    stride = family.stem_stride(architecture, config.model_input)
    if stride != STRIDE:
        yield f"its stem has stride {stride} at this input size, timm's stem always {STRIDE}"
    widths = [stage.width for stage in architecture.stages]
    if any(one == other for one, other in pairwise(widths)):
        yield "neighbouring stages have equal widths, between which timm does not downsample"
    for number, stage in enumerate(architecture.stages, start=1):
        if not stage.depth:
            yield f"stage {number} has no blocks"
        if stage.mixer not in MIXERS:
            yield f"stage {number}: mixer {stage.mixer!r} is not in timm ({', '.join(MIXERS)} are)"
        if stage.options:
            yield f"stage {number}: options of {stage.mixer_label} are fixed in timm"
        if stage.mlp_ratio != MLP_RATIO:
            yield f"stage {number}: MLP ratio {stage.mlp_ratio:g} is not {MLP_RATIO}"
        if stage.position:
            yield f"stage {number}: timm has no position embedding"
        if stage.mixer == "attention" and stage.width % HEAD_DIM:
            yield f"stage {number}: attention's width {stage.width} is not a multiple of {HEAD_DIM}"
        if stage.mixer == "attention" and (stage.norm or recipe.norm) == "group":
            yield f"stage {number}: attention has per-channel norms in timm, not group norm"


def keyword_arguments(config: ExportedConfig) -> dict[str, Any]:
    """List timm's keyword arguments, classes by name."""
    architecture = config.architecture
    recipe = RECIPES[architecture.recipe]
    return {
        "in_chans": config.model_input.channels,
        "num_classes": config.model_input.classes,
        "depths": [stage.depth for stage in architecture.stages],
        "dims": [stage.width for stage in architecture.stages],
        "token_mixers": [MIXERS[stage.mixer] for stage in architecture.stages],
        "norm_layers": [NORMS[stage.norm or recipe.norm, stage.mixer == "attention"] for stage in architecture.stages],
        "res_scale_init_values": _residual_scales(architecture),
        "use_mlp_head": recipe.head == "mlp",
    }


def _residual_scales(architecture: Architecture) -> list[float | None]:
    family = MetaFormerFamily(RECIPES[architecture.recipe])
    return [1.0 if family.has_res_scale(index) else None for index in range(len(architecture.stages))]


def build(arguments: dict[str, Any]) -> nn.Module:
    """Build timm's network, in evaluation mode."""
    from timm.models import metaformer

    classes = {
        name: [
            getattr(nn if class_name.startswith("nn.") else metaformer, class_name.removeprefix("nn."))
            for class_name in arguments[name]
        ]
        for name in ("token_mixers", "norm_layers")
    }
    network: nn.Module = metaformer.MetaFormer(**{**arguments, **classes})
    return network.eval()


def converted(state: dict[str, Tensor], like: dict[str, Tensor]) -> dict[str, Tensor]:
    """Reshape weights as those of the same names in `like`: a linear layer's to a 1x1 convolution's, and back."""
    return {name: state[name].reshape(weight.shape).contiguous() for name, weight in like.items()}


def pretrained_cfg(preprocessing: Preprocessing) -> dict[str, Any]:
    """The preprocessing in timm's terms, as `timm.data.resolve_data_config` takes it."""
    return {
        "input_size": (len(preprocessing.mean), preprocessing.height_px, preprocessing.width_px),
        "mean": preprocessing.mean,
        "std": preprocessing.std,
        "interpolation": "bilinear",
        "crop_pct": 1.0,
        "crop_mode": CROP_MODES[preprocessing.resize],
        "num_classes": len(preprocessing.classes),
        "label_names": preprocessing.classes,
    }


def _source(arguments: dict[str, Any], preprocessing: Preprocessing | None) -> str:
    def literal(name: str, value: Any) -> str:
        if name == "token_mixers":
            return (
                "["
                + ", ".join(class_name if "." in class_name else f"metaformer.{class_name}" for class_name in value)
                + "]"
            )
        if name == "norm_layers":
            return "[" + ", ".join(f"metaformer.{class_name}" for class_name in value) + "]"
        return repr(value)

    listed = "\n".join(f"    {name}={literal(name, value)}," for name, value in arguments.items())
    declared = assigned = ""
    if preprocessing is not None:
        entries = "\n".join(f"    {name}={value!r}," for name, value in pretrained_cfg(preprocessing).items())
        declared = f"# For timm.data.resolve_data_config.\nPRETRAINED_CFG = dict(\n{entries}\n)\n"
        assigned = "    model.pretrained_cfg = PRETRAINED_CFG\n"
    return f'''"""A network found by nas, for timm; {CONFIG_FILE} records its provenance."""

from pathlib import Path

from safetensors.torch import load_file
from timm.models import metaformer
from torch import nn

KWARGS = dict(
{listed}
)
{declared}

def load() -> metaformer.MetaFormer:
    """Load the network with its weights, in evaluation mode. Images (B, channels, height, width) to logits."""
    model = metaformer.MetaFormer(**KWARGS)
    model.load_state_dict(load_file(Path(__file__).with_name("{WEIGHTS_FILE}")))
{assigned}    return model.eval()
'''
