"""A network for ONNX Runtime: a file and an input, without an import of torch."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

MODEL, INPUT = "network.onnx", "input.npy"


@dataclass(frozen=True, eq=False)
class OnnxNetwork:
    """A network whose `model` is a file or a file's content. It is a target's Run; the first call makes its session."""

    model: bytes | Path
    image: NDArray[np.float32]
    threads: int
    provider: str

    def save(self, folder: Path) -> None:
        folder.mkdir()
        (folder / MODEL).write_bytes(self.model if isinstance(self.model, bytes) else self.model.read_bytes())
        np.save(folder / INPUT, self.image)

    @classmethod
    def saved(cls, folder: Path, threads: int, provider: str) -> "OnnxNetwork":
        return cls(folder / MODEL, np.load(folder / INPUT, allow_pickle=False), threads, provider)

    def __call__(self) -> float:
        started = time.perf_counter()
        self._call()
        return (time.perf_counter() - started) * 1000.0

    @cached_property
    def _call(self) -> Callable[[], object]:
        """A function for one complete inference, after a first one."""
        call = self._bound(self._session())
        call()
        return call

    def _session(self) -> Any:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        model = self.model if isinstance(self.model, bytes) else str(self.model)
        session = onnxruntime.InferenceSession(model, options, providers=[self.provider])
        if (first := session.get_providers()[0]) != self.provider:
            # ONNX Runtime replaces a provider whose libraries do not load.
            raise RuntimeError(f"{self.provider} does not start here; {first} would take its place")
        return session

    def _bound(self, session: Any) -> Callable[[], object]:
        feed = {session.get_inputs()[0].name: self.image}
        return lambda: session.run(None, feed)


class CudaOnnxNetwork(OnnxNetwork):
    """A network on the process's current CUDA device, input and output bound there."""

    def _bound(self, session: Any) -> Callable[[], object]:
        binding = session.io_binding()
        name = session.get_inputs()[0].name
        binding.bind_ortvalue_input(name, onnxruntime.OrtValue.ortvalue_from_numpy(self.image, "cuda"))
        binding.bind_output(session.get_outputs()[0].name, "cuda")

        def call() -> None:
            session.run_with_iobinding(binding)
            binding.synchronize_outputs()

        return call
