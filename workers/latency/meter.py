"""Latency of any module on a target, for commands that measure outside of a search."""

import time
from collections.abc import Callable

import torch
from torch import nn

from nas.architecture import ModelInput
from nas.objective import LATENCY, Measurement
from workers.latency.estimate import Effort, time_runs
from workers.latency.load import load_target

EFFORT = Effort(warm_up_s=0.1, repeat_s=0.4, least=10, most=500)


def latency_meter(target_name: str) -> Callable[[nn.Module, ModelInput], Measurement]:
    """The function that measures a module of x_BCHW inputs, batch 1. Raises UnknownNameError or ParameterError."""
    target = load_target(target_name)
    fingerprint = dict(target.fingerprint())

    def measure(module: nn.Module, model_input: ModelInput) -> Measurement:
        threads = torch.get_num_threads()
        samples = time_runs(target.prepare(module, model_input), EFFORT, time.perf_counter)
        torch.set_num_threads(threads)
        return Measurement(LATENCY.name, LATENCY.unit, samples, fingerprint)

    return measure
