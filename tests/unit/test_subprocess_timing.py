"""ONNX Runtime in a process of its own: what it finds comes back, and so does what goes wrong there."""

from pathlib import Path

import numpy as np
import pytest

from nas.architecture import Architecture, ModelInput, Stage
from nas.latency.meter import Deployment
from workers.latency.estimate import Effort, Estimate
from workers.latency.load import load_target
from workers.latency.onnx_network import OnnxNetwork
from workers.latency.subprocess_timing import SubprocessTiming
from workers.memory import is_out_of_memory

INPUT = ModelInput(1, 16, 16, 10)


def prepared(*depths: int) -> OnnxNetwork:
    network = Deployment(Architecture(tuple(Stage("pool", depth, 16) for depth in depths)), INPUT)
    found: OnnxNetwork = load_target("onnxruntime").prepare(network.build(), INPUT)
    return found


def timed(run: OnnxNetwork, reference: OnnxNetwork) -> Estimate:
    with SubprocessTiming().ready(run, reference) as estimating:
        return estimating(Effort(limit_s=0.1), None)


def test_a_deeper_network_takes_longer() -> None:
    shallow, deep = prepared(1, 1), prepared(6, 6)
    found = timed(deep, shallow)
    assert min(found.samples_ms) > found.reference_ms > 0
    assert found.drift == 0.0
    assert SubprocessTiming().calibrate(shallow, 0.01, 0.1).reference_ms > 0


def test_a_network_is_the_same_from_its_folder(tmp_path: Path) -> None:
    network = prepared(1)
    network.save(tmp_path / "saved")
    again = OnnxNetwork.saved(tmp_path / "saved", network.threads, network.provider)
    assert again() > 0
    assert np.array_equal(again.image, network.image)


def test_what_fails_there_is_told_here() -> None:
    broken = OnnxNetwork(b"no network", np.zeros((1, 1, 16, 16), np.float32), 1, "CPUExecutionProvider")
    with pytest.raises(RuntimeError, match=r"ONNX Runtime: .*INVALID_PROTOBUF"):
        timed(broken, broken)


def test_lack_of_memory_is_told_from_other_failures() -> None:
    words = "ONNX Runtime: onnxruntime...RuntimeException: Failed to allocate memory for requested"
    assert is_out_of_memory(RuntimeError(words))
    assert not is_out_of_memory(RuntimeError("ONNX Runtime: INVALID_PROTOBUF"))
