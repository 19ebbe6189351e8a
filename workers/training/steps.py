"""Execution of training steps: kernels launched one by one, or a CUDA graph that is replayed.

Launched one by one, a small network's 500 kernels take a GPU ten times as long as they run: 8 to 14 ms a step of 32
images on an H100, where a graph takes 1.0 to 1.6.
"""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from workers.cuda_graph import FIRST_CALLS, captured, side_stream
from workers.memory import is_out_of_memory
from workers.training.optimiser import Optimiser

# Replays under one hold of the step lock: about 20 ms.
REPLAYS = 16


class NonFiniteLossError(Exception):
    """The training loss became NaN or infinite."""


# Makes a context around each step, so that measurements can run between steps.
StepLock = Callable[[], AbstractContextManager[None]]


@dataclass
class Eager:
    """Eager steps: the `loss` of a plan_4B (image numbers and the shifts of each), its gradients, the optimiser's step.

    A step is taken in parts of `part` images, each inside `step_lock()`. After each step `stepped` is called, which
    returns whether another step follows.
    """

    loss: Callable[[Tensor], Tensor]
    optimiser: Optimiser
    stepped: Callable[[], bool]
    step_lock: StepLock
    part: int
    obstacle: ClassVar[str | None] = None

    def take(self, plans_N4B: Tensor) -> float:
        """Take the steps; the sum of their losses. Raises NonFiniteLossError as soon as one is not finite."""
        total = 0.0
        continues = True
        for plan_4B in plans_N4B:
            parts = torch.split(plan_4B, self.part, dim=1)
            for number, part_4P in enumerate(parts, start=1):
                with self.step_lock():
                    loss = self.loss(part_4P) * (part_4P.shape[1] / plan_4B.shape[1])
                    if number == 1:
                        self.optimiser.zero_grad()
                    loss.backward()
                    if number == len(parts):
                        self.optimiser.step()
                        continues = self.stepped()
                    # Last, since this waits for the device, which must be idle when the lock is released.
                    total += finite(loss)
            if not continues:
                break
        return total


class Graphed:
    """The same steps on a CUDA device: the first ones `eager`, with a capturable optimiser, then replays of a graph.

    Steps that cannot be captured because they wait for the device stay eager; `obstacle` is then the reason.
    """

    def __init__(self, eager: Eager, device: torch.device) -> None:
        self.obstacle: str | None = None
        self._eager = eager
        self._total = torch.zeros((), device=device)
        self._step: Callable[[Tensor], None] | None = None

    def take(self, plans_N4B: Tensor) -> float:
        """Take the steps as Eager.take does; a loss that is not finite is detected after at most REPLAYS steps."""
        total = 0.0
        continues = True
        if self._step is None and self.obstacle is None:
            first, plans_N4B = plans_N4B[:FIRST_CALLS], plans_N4B[FIRST_CALLS:]
            with side_stream():
                total = self._eager.take(first)
            self._step = self._captured(first[0].clone())
        if self._step is None:
            return total + self._eager.take(plans_N4B)
        for some_N4B in torch.split(plans_N4B, REPLAYS):
            with self._eager.step_lock():
                self._total.zero_()
                for plan_4B in some_N4B:
                    self._step(plan_4B)
                    continues = self._eager.stepped()
                    if not continues:
                        break
                total += finite(self._total)
            if not continues:
                break
        return total

    def _captured(self, static_4B: Tensor) -> Callable[[Tensor], None] | None:
        """Capture a step that takes any plan, by copying it to where the graph reads it; None where that fails."""

        def call() -> None:
            loss = self._eager.loss(static_4B)
            loss.backward()  # type: ignore[no-untyped-call]
            self._eager.optimiser.step()
            self._total.add_(loss.detach())

        def step(plan_4B: Tensor) -> None:
            static_4B.copy_(plan_4B)
            graph.replay()

        # Gradients are then the graph's own tensors, which each replay overwrites.
        self._eager.optimiser.zero_grad()
        try:
            with self._eager.step_lock():
                graph = captured(call)
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise
            self.obstacle = str(error).splitlines()[0]
            self._eager.optimiser.zero_grad()
            return None
        return step


def finite(loss: Tensor) -> float:
    """The loss's value. Raises NonFiniteLossError."""
    value = loss.item()
    if not math.isfinite(value):
        raise NonFiniteLossError(f"training loss became {value}")
    return value
