"""Targets of torch on a CUDA device: `cuda` is eager, `cuda-compile` uses torch.compile, `cuda-graph` replays a graph.

Timed by CUDA events on the computing stream, with the L2 cache cleared before each inference and the input on the
device. Clocks and power settings are left unchanged.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn

from nas.architecture import ModelInput
from workers.cuda_graph import FIRST_CALLS, captured, side_stream
from workers.device import gpu
from workers.latency.cpu import WAYS
from workers.latency.estimate import Run
from workers.latency.target import Fingerprint, TargetOptions
from workers.latency.timing import InProcessTiming
from workers.latency.torch_input import place

Call = Callable[[], object]


class CudaTarget(InProcessTiming):
    """Eager torch, on the process's current CUDA device.

    After a process has worked on a side stream an H100 launches each kernel of its graphs .4 us later, until another
    process has worked on the GPU: 10 to 14% of a network's time, and different for different networks.
    """

    name: ClassVar = "cuda"
    mode: ClassVar = "eager"
    placed_alone: ClassVar = True
    valid: ClassVar[Mapping[str, Sequence[str]]] = {
        "batch": (),
        "size": (),
        "precision": ("fp32", "bf16", "fp16"),
        "channels_last": WAYS,
    }

    def __init__(self, options: TargetOptions = TargetOptions()) -> None:  # noqa: B008 - frozen
        self.options = options

    @staticmethod
    def obstacle() -> str | None:
        return None if torch.cuda.is_available() else "torch finds no CUDA device"

    @property
    def lock_domain(self) -> str:
        return gpu()

    def fingerprint(self) -> Fingerprint:
        return {
            "target": self.name,
            "runtime": f"torch {torch.__version__} {self.mode}, CUDA {torch.version.cuda}",
            "device": torch.cuda.get_device_name(),
            "driver": driver_version(),
            "cudnn": torch.backends.cudnn.version() or "",  # type: ignore[no-untyped-call]
            "batch": self.options.batch,
            "precision": self.options.precision,
            "channels_last": WAYS[not self.options.channels_last],
        }

    def prepare(self, model: nn.Module, model_input: ModelInput) -> Run:
        model, x_BCHW = place(model, model_input, self.options, "cuda")
        return timed(self._callable(model, x_BCHW))

    def _callable(self, model: nn.Module, x_BCHW: Tensor) -> Call:
        return lambda: model(x_BCHW)


class CudaCompileTarget(CudaTarget):
    """torch.compile with its defaults, which takes some seconds to a minute for each network before it is timed."""

    name: ClassVar = "cuda-compile"
    mode: ClassVar = "compiled"
    placed_alone: ClassVar = False

    def _callable(self, model: nn.Module, x_BCHW: Tensor) -> Call:
        torch.compiler.reset()
        compiled = torch.compile(model)
        return lambda: compiled(x_BCHW)


class CudaGraphTarget(CudaTarget):
    """One captured CUDA graph, replayed: the device's own time, without Python's launches."""

    name: ClassVar = "cuda-graph"
    mode: ClassVar = "CUDA graph"

    def _callable(self, model: nn.Module, x_BCHW: Tensor) -> Call:
        with side_stream(), torch.inference_mode():
            for _ in range(FIRST_CALLS):
                model(x_BCHW)
        with torch.inference_mode():
            graph = captured(lambda: model(x_BCHW))

        def replay() -> tuple[nn.Module, Tensor]:
            # The graph reads weights and input where they lie, and does not keep them.
            graph.replay()
            return model, x_BCHW

        return replay


def timed(call: Call) -> Run:
    """Make a Run of `call`: one inference between two events, synchronised, from a cleared L2 cache."""
    cache = torch.empty(2 * torch.cuda.get_device_properties().L2_cache_size, dtype=torch.int8, device="cuda")
    before, after = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]

    def run() -> float:
        with torch.inference_mode():
            cache.zero_()
            before.record()
            call()
            after.record()
        after.synchronize()
        return float(before.elapsed_time(after))

    for _ in range(FIRST_CALLS):
        run()
    return run


def driver_version() -> str:
    """The version of NVIDIA's driver, as its kernel module reports it; empty where it does not."""
    file = Path("/proc/driver/nvidia/version")
    match = re.search(r"\d+\.\d+(\.\d+)?", file.read_text()) if file.is_file() else None
    return match[0] if match else ""
