"""`--format onnx`: a file for ONNX runtimes, batch norms folded, any batch size, checked against torch.

A trained network's file takes pictures as uint8, of 0 to 255: the normalisation is in the graph, and the rest of the
preprocessing in the metadata.
"""

import contextlib
import io
import json
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from nas.errors import ExportError
from nas.exports.config import ExportedConfig
from nas.exports.output_file import atomic_write
from nas.exports.prediction import METADATA
from nas.exports.preprocessing import Preprocessing
from search_spaces.exports.weights import difference, example_input, network_of
from search_spaces.folding import folded

# The first opset with a DFT over any axis.
OPSET = 20
TOLERANCE = 1e-4


class OfPictures(nn.Module):
    """A network that takes pictures of uint8, which it normalises."""

    mean: Tensor
    scale: Tensor

    def __init__(self, network: nn.Module, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.from_numpy(preprocessing.mean_255))
        self.register_buffer("scale", torch.from_numpy(1 / preprocessing.std_255))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        logits: Tensor = self.network((x_BCHW.float() - self.mean) * self.scale)
        return logits


def export(config: ExportedConfig, weights: Path | None, path: Path) -> str:
    """Write the file and return the message for the user.

    Raises ParameterError when it cannot be written, ExportError when ONNX Runtime's outputs differ from torch's.
    """
    model = network_of(config, weights)
    preprocessing = config.preprocessing
    deployed, example, takes = folded(model), example_input, "normalised images of float32"
    if preprocessing is not None and not config.raw_input:
        model, deployed = OfPictures(model, preprocessing), OfPictures(deployed, preprocessing)
        example, takes = _example_pictures, "pictures of uint8 (0 to 255)"
    properties = {"provenance": json.dumps(config.to_dict())}
    if preprocessing is not None:
        properties[METADATA] = json.dumps(preprocessing.to_dict())
    size = config.model_input
    checked = [example(config, 1), example(config, 3)]
    if config.free_size:
        checked.append(example(config.resized(size.height_px + 7, 2 * size.width_px), 1))
        _check_free(model, checked[-1])
    with atomic_write("--output", path) as file:
        convert(deployed, example(config, 2), file, properties, free_size=config.free_size)
        with torch.no_grad():
            worst = max(difference(model(x_BCHW), run(file, x_BCHW)) for x_BCHW in checked)
        if not worst <= TOLERANCE:
            raise ExportError(f"ONNX Runtime's output differs from torch's by {worst:.1e}, more than {TOLERANCE:.0e}")
    sides = "H, W" if config.free_size else f"{size.height_px}, {size.width_px}"
    return (
        f"wrote {path}; it takes {takes}, (N, {size.channels}, {sides}); ONNX Runtime agrees with torch: largest "
        f"difference {worst:.1e}; {config.weights_note(weights)}"
    )


def _example_pictures(config: ExportedConfig, batch: int) -> Tensor:
    """Make random pictures of uint8, always the same."""
    shape = example_input(config, batch).shape
    return torch.randint(256, shape, generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


@torch.no_grad()
def _check_free(model: nn.Module, x_BCHW: Tensor) -> None:
    """Raise ExportError unless the network takes images of this other size."""
    try:
        model(x_BCHW)
    except RuntimeError as error:
        raise ExportError("--free-size: the network is tied to the size of its images; leave the option out") from error


def convert(
    model: nn.Module, x: torch.Tensor, path: Path, properties: dict[str, str], *, free_size: bool = False
) -> None:
    """Write `model`, in evaluation mode, for any batch size, with `properties` as metadata.

    With `free_size` it is for any height and width, too.
    """
    free = {0: torch.export.Dim("batch")} | (dict.fromkeys((2, 3), torch.export.Dim.DYNAMIC) if free_size else {})
    with _quiet():
        program = torch.onnx.export(
            model,
            (x,),
            dynamo=True,
            opset_version=OPSET,
            input_names=["image"],
            output_names=["logits"],
            dynamic_shapes=(free,),
            verbose=False,
        )
    if program is None:
        raise ExportError("torch could not convert the network to ONNX")
    program.model.metadata_props.update(properties)
    program.save(path)


@torch.no_grad()
def run(path: Path, x: torch.Tensor) -> torch.Tensor:
    """Run the file on `x` by ONNX Runtime on the CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (output,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    return torch.from_numpy(output)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Suppress the exporter's logs, warnings and prints: users who export a file have no use for them."""
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
