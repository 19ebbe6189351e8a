"""`--format onnx`: a file for ONNX runtimes, batch norms folded, any batch size, checked against torch."""

import contextlib
import io
import json
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import nn

from nas.errors import ExportError
from nas.exports.config import ExportedConfig
from nas.exports.output_file import atomic_write
from search_spaces.exports.weights import difference, example_input, network_of
from search_spaces.folding import folded

# The first opset with a DFT over any axis.
OPSET = 20
TOLERANCE = 1e-4


def export(config: ExportedConfig, weights: Path | None, path: Path) -> str:
    """Write the file and return the message for the user.

    Raises ParameterError when it cannot be written, ExportError when ONNX Runtime's outputs differ from torch's.
    """
    model = network_of(config, weights)
    with atomic_write("--output", path) as file:
        convert(folded(model), example_input(config, 2), file, {"provenance": json.dumps(config.to_dict())})
        worst = max(
            difference(model(x_BCHW), run(file, x_BCHW))
            for x_BCHW in (example_input(config, 1), example_input(config, 3))
        )
        if not worst <= TOLERANCE:
            raise ExportError(f"ONNX Runtime's output differs from torch's by {worst:.1e}, more than {TOLERANCE:.0e}")
    return (
        f"wrote {path}; ONNX Runtime agrees with torch: largest difference {worst:.1e}; {config.weights_note(weights)}"
    )


def convert(model: nn.Module, x: torch.Tensor, path: Path, properties: dict[str, str]) -> None:
    """Write `model`, in evaluation mode, for any batch size, with `properties` as metadata."""
    with _quiet():
        program = torch.onnx.export(
            model,
            (x,),
            dynamo=True,
            opset_version=OPSET,
            input_names=["image"],
            output_names=["logits"],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
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
