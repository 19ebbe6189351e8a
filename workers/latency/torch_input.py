"""Placement of a network and its input on a torch device, by a target's options."""

import torch
from torch import Tensor, nn

from nas.architecture import ModelInput
from workers.latency.target import TargetOptions

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def place(model: nn.Module, model_input: ModelInput, options: TargetOptions, device: str) -> tuple[nn.Module, Tensor]:
    """Put the network, in evaluation mode, and an image batch on `device`. The network itself is changed."""
    layout = torch.channels_last if options.channels_last else torch.contiguous_format
    dtype = DTYPES[options.precision]
    shape = (options.batch, model_input.channels, model_input.height_px, model_input.width_px)
    x_BCHW = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    x_BCHW = x_BCHW.to(device, dtype, memory_format=layout)
    placed = model.eval().to(device, dtype, memory_format=layout)  # type: ignore[call-overload]
    return placed, x_BCHW
