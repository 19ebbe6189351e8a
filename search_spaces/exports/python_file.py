"""`--format python`: one readable file that needs torch alone and defines this network."""

from pathlib import Path

import torch
import yaml
from torch import nn

from nas.architecture import Architecture, ModelInput
from nas.errors import ParameterError
from nas.exports.config import ExportedConfig
from nas.exports.known import KNOWN
from nas.exports.output_file import atomic_write, write_text
from nas.exports.preprocessing import Preprocessing
from search_spaces.exports.normalised import normalised
from search_spaces.exports.source import Bundle
from search_spaces.exports.weights import network_of
from search_spaces.folding import folded
from search_spaces.known.family import refuse_export
from search_spaces.model import grids, network_part
from search_spaces.recipe import RECIPES, NetworkRecipe


def export(config: ExportedConfig, weights: Path | None, path: Path) -> str:
    """Write the file, and beside it the weights for `torch.load` if there are any; return the message for the user.

    Raises ExportError when a mixer needs more than torch, ParameterError when the file cannot be written.
    """
    if config.architecture.recipe == KNOWN:
        refuse_export("python")
    model = network_of(config, weights)
    source = text(config, model)
    if weights is None:
        write_text("--output", path, source)
        return f"wrote {path}"
    beside = path.with_suffix(".pt")
    if beside == path:
        raise ParameterError(f"--output {str(path)!r} is the name of the weights beside it; end it in .py")
    with atomic_write("--output", beside) as file:
        torch.save(model.state_dict(), file)
    write_text("--output", path, source)
    return f"wrote {path} and its weights {beside}; {config.weights_note(weights)}"


def text(config: ExportedConfig, model: torch.nn.Module) -> str:
    """Write the file's text: provenance and shapes, the classes of the network's modules, and `build`."""
    used = {type(module) for module in model.modules() if not type(module).__module__.startswith("torch.")}
    bundle = Bundle()
    for module_class in sorted(used, key=lambda module_class: module_class.__qualname__):
        bundle.add(module_class)
    if config.architecture.recipe in RECIPES:
        bundle.add(NetworkRecipe)
    if any(isinstance(module, nn.BatchNorm2d) for module in model.modules()):
        bundle.add(folded)
    constants = ""
    if config.preprocessing is not None:
        bundle.add(normalised)
        constants = f"\n\n{_constants(config.preprocessing)}"
    return f"{_docstring(config)}\n{bundle.text()}{constants}\n\n\n{_build(config.architecture, config.model_input)}"


def _constants(preprocessing: Preprocessing) -> str:
    rules = preprocessing.colour, preprocessing.resize, preprocessing.white
    lines = [
        f"HEIGHT_PX, WIDTH_PX = {preprocessing.height_px}, {preprocessing.width_px}",
        f"COLOUR, RESIZE, WHITE = {', '.join(map(repr, rules))}",
        f"BACKGROUND = {preprocessing.background!r}",
        f"MEAN, STD = {preprocessing.mean!r}, {preprocessing.std!r}",
        f"CLASSES = {preprocessing.classes!r}",
    ]
    return "\n".join(lines)


def _docstring(config: ExportedConfig) -> str:
    size = config.model_input
    architecture = config.architecture
    shapes = [
        f"    stage {number}: {stage.mixer_label} x{stage.depth}, (B, {height}, {width}, {stage.width})"
        for number, (stage, (height, width)) in enumerate(
            zip(architecture.stages, grids(architecture, size), strict=True), start=1
        )
    ]
    described = yaml.safe_dump(config.to_dict(), sort_keys=False, width=100).replace("\\", "\\\\").replace('"', "'")
    trained = config.preprocessing is not None
    lines = [
        f'"""A network for images of {size.height_px}x{size.width_px} px, found by nas. It needs torch alone.',
        "",
        "`build()` gives the network with fresh weights; `build().load_state_dict(...)` takes those of other exports.",
        "If there is a function `folded`, `folded(model)` is the same network for inference, without batch norms.",
        *(
            ("`normalised(pictures, MEAN, STD)` is what the trained network takes; CLASSES names its logits.",)
            * trained
        ),
        "",
        f"    images:  (B, {size.channels}, {size.height_px}, {size.width_px})",
        *shapes,
        f"    logits:  (B, {size.classes})",
        "",
        "Provenance:",
        "",
        *(f"    {line}" for line in described.splitlines()),
        '"""',
    ]
    return "\n".join(lines) + "\n"


def _build(architecture: Architecture, size: ModelInput) -> str:
    recipe = RECIPES.get(architecture.recipe)
    names = {} if recipe is None else {id(recipe): "recipe"}
    declared = "" if recipe is None else f"    recipe = {recipe!r}\n"
    return f'''def build() -> nn.Module:
    """Build the network with fresh weights from torch\'s global generator."""
{declared}    return {network_part(architecture, size).source(names, 1)}
'''
