"""Targets of torch on the CPU: `cpu` runs networks eagerly, `cpu-compile` through torch.compile."""

import logging
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import torch
from torch import nn

from nas.architecture import ModelInput
from nas.latency.processor import processor_name
from workers.latency.estimate import Run
from workers.latency.target import Fingerprint, TargetOptions
from workers.latency.timing import InProcessTiming
from workers.latency.torch_input import place

WAYS = ("yes", "no")


class CpuTarget(InProcessTiming):
    """Eager torch. By default one thread, so that figures do not depend on a machine's number of cores."""

    name: ClassVar = "cpu"
    mode: ClassVar = "eager"
    valid: ClassVar[Mapping[str, Sequence[str]]] = {
        "threads": (),
        "batch": (),
        "size": (),
        "precision": ("fp32", "bf16"),
        "channels_last": WAYS,
    }
    lock_domain: ClassVar = "machine"

    def __init__(self, options: TargetOptions = TargetOptions()) -> None:  # noqa: B008 - frozen
        self.options = options

    @staticmethod
    def obstacle() -> str | None:
        return None

    def fingerprint(self) -> Fingerprint:
        return {
            "target": self.name,
            "runtime": f"torch {torch.__version__} {self.mode}",
            "device": processor_name(),
            "threads": self.options.threads,
            "batch": self.options.batch,
            "precision": self.options.precision,
            "channels_last": WAYS[not self.options.channels_last],
        }

    def prepare(self, model: nn.Module, model_input: ModelInput) -> Run:
        model, x_BCHW = place(model, model_input, self.options, "cpu")
        network = self._callable(model)

        def run() -> float:
            # Checked at each call because a trainer in the same process may use another count.
            if torch.get_num_threads() != self.options.threads:
                torch.set_num_threads(self.options.threads)
            with torch.inference_mode():
                started = time.perf_counter()
                network(x_BCHW)
                return (time.perf_counter() - started) * 1000.0

        run()
        return run

    def _callable(self, model: nn.Module) -> Callable[[torch.Tensor], object]:
        return model


class CpuCompileTarget(CpuTarget):
    """torch.compile, which takes some seconds to half a minute for each network before it is timed."""

    name: ClassVar = "cpu-compile"
    mode: ClassVar = "compiled"

    @staticmethod
    def obstacle() -> str | None:
        return None if shutil.which("g++") or shutil.which("clang++") else "torch.compile needs a C++ compiler (g++)"

    def _callable(self, model: nn.Module) -> Callable[[torch.Tensor], object]:
        # Code compiled for one network is of no use to the next: without this torch would stop compiling after eight.
        torch.compiler.reset()
        # It warns of a CUDA toolkit without a GPU, which does not matter here.
        logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
        compiled: Callable[[torch.Tensor], object] = torch.compile(model)
        return compiled
