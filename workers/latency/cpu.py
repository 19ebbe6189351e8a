"""Torch eager on the CPU, batch 1, a fixed number of threads: `cpu[:threads=N,size=PX]`."""

import os
import platform
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from nas.architecture import ModelInput
from nas.errors import ParameterError
from workers.latency.target import Options, Run


class CpuTarget:
    """One thread unless told otherwise: the figure that does not depend on how many cores a machine has."""

    def __init__(self, options: str = "") -> None:
        values = Options.parse("cpu", options, ("threads", "size")).values
        self.threads = values.get("threads", 1)
        cores = os.cpu_count() or 1
        if self.threads > cores:
            raise ParameterError(f"option threads '{self.threads}' of target 'cpu' is more than the {cores} cores here")
        self.size_px = values.get("size")

    def fingerprint(self) -> Mapping[str, str | int]:
        return {
            "target": "cpu",
            "runtime": f"torch {torch.__version__} eager",
            "device": processor_name(),
            "threads": self.threads,
            "batch": 1,
        }

    def prepare(self, model: nn.Module, model_input: ModelInput) -> Run:
        model.eval().to("cpu")
        x_BCHW = torch.zeros(1, model_input.channels, model_input.height_px, model_input.width_px)

        def run() -> None:
            # Checked at each call because the trainer that shares the process may use another count.
            if torch.get_num_threads() != self.threads:
                torch.set_num_threads(self.threads)
            with torch.inference_mode():
                model(x_BCHW)

        return run


def processor_name() -> str:
    """The processor as its maker calls it, or its architecture where the system does not say."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
