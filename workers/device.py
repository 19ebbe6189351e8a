"""Choice and naming of the device to train on."""

import torch

from nas.errors import ParameterError

DEVICES = ("cpu", "cuda")


def choose_device(wanted: str | None) -> str:
    """The `wanted` device, by default CUDA where there is one. Raises ParameterError."""
    if wanted is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted not in DEVICES:
        raise ParameterError(f"unknown --device {wanted!r}; valid: {', '.join(DEVICES)}")
    if wanted == "cuda" and not torch.cuda.is_available():
        raise ParameterError("--device 'cuda' needs a CUDA device and torch finds none here; valid: cpu")
    return wanted


def gpu(index: int | None = None) -> str:
    """The machine-wide name of the CUDA device with this number in this process, by default the current one.

    Numbers differ between processes that were given different devices.
    """
    device = torch.cuda.current_device() if index is None else index
    return f"gpu-{torch.cuda.get_device_properties(device).uuid}"
