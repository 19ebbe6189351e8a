"""Torch eager on a CUDA device, batch 1: `cuda[:size=PX]`."""

from collections.abc import Mapping

import torch
from torch import nn

from nas.architecture import ModelInput
from nas.errors import ParameterError
from workers.latency.target import Options, Run


class CudaTarget:
    """The process's current CUDA device; every run ends with a synchronisation, so that work is not merely queued."""

    def __init__(self, options: str = "") -> None:
        self.size_px = Options.parse("cuda", options, ("size",)).values.get("size")

    def fingerprint(self) -> Mapping[str, str | int]:
        """Raises ParameterError where torch finds no CUDA device."""
        if not torch.cuda.is_available():
            raise ParameterError("target 'cuda' needs a CUDA device and torch finds none here; valid: cpu")
        return {
            "target": "cuda",
            "runtime": f"torch {torch.__version__} eager, CUDA {torch.version.cuda}",
            "device": torch.cuda.get_device_name(),
            "batch": 1,
        }

    def prepare(self, model: nn.Module, model_input: ModelInput) -> Run:
        model.eval().to("cuda")
        x_BCHW = torch.zeros(1, model_input.channels, model_input.height_px, model_input.width_px, device="cuda")

        def run() -> None:
            with torch.inference_mode():
                model(x_BCHW)
            torch.cuda.synchronize()

        return run
