"""Targets of ONNX Runtime: `onnxruntime` on the CPU; `onnxruntime-cuda` and `tensorrt` on a CUDA device, if installed.

The timed file is the one that `nas export --format onnx` writes; making it takes some seconds for each network.
"""

import logging
import tempfile
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import ClassVar

import onnxruntime
import torch
from torch import nn

from nas import plugins
from nas.architecture import ModelInput
from nas.latency.processor import processor_name
from workers.device import gpu
from workers.latency.cuda import driver_version
from workers.latency.onnx_network import CudaOnnxNetwork, OnnxNetwork
from workers.latency.subprocess_timing import SubprocessTiming
from workers.latency.target import Fingerprint, TargetOptions
from workers.latency.timing import InProcessTiming
from workers.latency.torch_input import place


class OnnxRuntimeTarget(SubprocessTiming):
    """ONNX Runtime on the CPU; `precision=int8` is its dynamic quantisation."""

    name: ClassVar = "onnxruntime"
    provider: ClassVar = "CPUExecutionProvider"
    network_class: ClassVar[type[OnnxNetwork]] = OnnxNetwork
    process: ClassVar = "of its own"
    valid: ClassVar[Mapping[str, Sequence[str]]] = {
        "threads": (),
        "batch": (),
        "size": (),
        "precision": ("fp32", "int8"),
    }

    def __init__(self, options: TargetOptions = TargetOptions()) -> None:  # noqa: B008 - frozen
        self.options = options

    @classmethod
    def obstacle(cls) -> str | None:
        if cls.provider in onnxruntime.get_available_providers():
            return None
        return f"this onnxruntime has no {cls.provider} (it is in the package onnxruntime-gpu)"

    @property
    def lock_domain(self) -> str:
        return "machine"

    @property
    def device(self) -> str:
        return processor_name()

    def fingerprint(self) -> Fingerprint:
        return {
            "target": self.name,
            "runtime": f"onnxruntime {onnxruntime.__version__}",
            # The timed graph is the exporter's.
            "exporter": f"torch {torch.__version__}, onnxscript {version('onnxscript')}",
            "device": self.device,
            "threads": self.options.threads,
            "batch": self.options.batch,
            "precision": self.options.precision,
            "process": self.process,
        }

    def prepare(self, model: nn.Module, model_input: ModelInput) -> OnnxNetwork:
        as_float = TargetOptions(batch=self.options.batch)
        model, x_BCHW = place(model, model_input, as_float, "cpu")
        x_BCHW = x_BCHW.contiguous()
        with tempfile.TemporaryDirectory(prefix="nas-onnx-") as folder:
            file = Path(folder) / "network.onnx"
            # torch's exporter needs an example of more than one image to keep the batch size variable.
            example = torch.zeros(2, *x_BCHW.shape[1:])
            plugins.load(plugins.CONVERTERS, "onnx")(model, example, file, {})
            content = self._quantised(file).read_bytes()
        return self.network_class(content, x_BCHW.numpy(), self.options.threads, self.provider)

    def _quantised(self, file: Path) -> Path:
        if self.options.precision != "int8":
            return file
        from onnxruntime.quantization import quantize_dynamic

        smaller = file.with_name("int8.onnx")
        # It recommends pre-processing, to the root logger, which dynamic quantisation does not need.
        logging.disable(logging.WARNING)
        try:
            quantize_dynamic(file, smaller)
        finally:
            logging.disable(logging.NOTSET)
        return smaller


class OnnxRuntimeCudaTarget(InProcessTiming, OnnxRuntimeTarget):
    """ONNX Runtime on the process's current CUDA device, input and output bound there."""

    name: ClassVar = "onnxruntime-cuda"
    provider: ClassVar = "CUDAExecutionProvider"
    network_class: ClassVar = CudaOnnxNetwork
    process: ClassVar = "the worker's"
    valid: ClassVar[Mapping[str, Sequence[str]]] = {"batch": (), "size": ()}

    @classmethod
    def obstacle(cls) -> str | None:
        return super().obstacle() or (None if torch.cuda.is_available() else "torch finds no CUDA device")

    def fingerprint(self) -> Fingerprint:
        return {**super().fingerprint(), "driver": driver_version(), "cuda": torch.version.cuda or ""}

    @property
    def lock_domain(self) -> str:
        return gpu()

    @property
    def device(self) -> str:
        return torch.cuda.get_device_name()


class TensorRtTarget(OnnxRuntimeCudaTarget):
    """TensorRT through ONNX Runtime."""

    name: ClassVar = "tensorrt"
    provider: ClassVar = "TensorrtExecutionProvider"
