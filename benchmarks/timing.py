"""Latency of deployed networks in ONNX Runtime and in torch, one thread, one picture, all networks by turns."""

import multiprocessing
import statistics
import time
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import torch
from torch import nn

# Calls of a network in one turn; the first ones, which find another network in the caches, are discarded.
CALLS, DISCARDED = 20, 5
TURNS = 100
ONNX, TORCH = "onnx", "pt"


def deploy(model: nn.Module, shape_CHW: tuple[int, int, int], path: Path) -> None:
    """Write a plain network as a user does: an ONNX file by torch's own exporter, and `freeze`'s file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model.eval(),
            (torch.zeros(1, *shape_CHW),),
            path.with_suffix(f".{ONNX}"),
            input_names=["x"],
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    freeze(model, shape_CHW, path)


def freeze(model: nn.Module, shape_CHW: tuple[int, int, int], path: Path) -> None:
    """Write the network traced and frozen, which folds batch norms into convolutions. Both sides are frozen alike."""
    x_BCHW = torch.zeros(1, *shape_CHW).contiguous(memory_format=torch.channels_last)
    model.eval().to(memory_format=torch.channels_last)
    with torch.no_grad(), warnings.catch_warnings():
        # torch would rather have torch.compile, whose compiler a device seldom has.
        warnings.simplefilter("ignore")
        frozen = torch.jit.freeze(torch.jit.trace(model, x_BCHW))  # type: ignore[no-untyped-call]
        frozen.save(str(path.with_suffix(f".{TORCH}")))


def latencies(paths: Mapping[str, Path], shape_CHW: tuple[int, int, int]) -> dict[str, dict[str, float]]:
    """Time the files that exist beside each path: milliseconds by name and runtime.

    It runs in a process of its own, whose torch has one thread.
    """
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(_latencies, dict(paths), shape_CHW).result()


def _latencies(paths: Mapping[str, Path], shape_CHW: tuple[int, int, int]) -> dict[str, dict[str, float]]:
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    figures: dict[str, dict[str, float]] = {name: {} for name in paths}
    for suffix, load in ((ONNX, _onnx), (TORCH, _torch)):
        calls = {
            name: load(path.with_suffix(f".{suffix}"), shape_CHW)
            for name, path in paths.items()
            if path.with_suffix(f".{suffix}").exists()
        }
        turns: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(TURNS):
            for name, call in calls.items():
                turns[name].append(_turn_ms(call))
        for name, times in turns.items():
            figures[name][suffix] = statistics.median(times)
    return figures


def _turn_ms(call: Callable[[], object]) -> float:
    times = []
    for _ in range(CALLS):
        started = time.perf_counter()
        call()
        times.append((time.perf_counter() - started) * 1000.0)
    return statistics.median(times[DISCARDED:])


def _onnx(path: Path, shape_CHW: tuple[int, int, int]) -> Callable[[], object]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session: Any = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: torch.randn(1, *shape_CHW).numpy()}
    return lambda: session.run(None, feed)


def _torch(path: Path, shape_CHW: tuple[int, int, int]) -> Callable[[], object]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = torch.jit.load(str(path))  # type: ignore[no-untyped-call]
    x_BCHW = torch.randn(1, *shape_CHW).contiguous(memory_format=torch.channels_last)
    return lambda: model(x_BCHW)
