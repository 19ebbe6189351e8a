"""The environment of a trial for its record: hardware and versions."""

import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import torch

from nas.latency.machine import available_cores
from nas.latency.processor import processor_name


def environment_on(device: str) -> Mapping[str, Any]:
    """The environment of trainings on this machine's `cpu` or `cuda`."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": processor_name(),
        "cores": available_cores(),
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        **{package: version(package) for package in ("hybrid-nas", "torch", "ray", "optuna")},
    }
