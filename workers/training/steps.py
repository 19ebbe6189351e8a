"""How a training's steps are taken: each one's kernels launched one by one, or as a CUDA graph that is replayed.

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

# Replays for which a trainer does not ask whether somebody wants to measure: about 20 ms.
REPLAYS = 16


class NonFiniteLossError(Exception):
    """The training loss became NaN or infinite."""


# Around each step, so that others may have the machine in between.
Lease = Callable[[], AbstractContextManager[None]]


@dataclass
class Eager:
    """One by one: the `loss` of a plan_4B (which images, and how each is moved), its gradients, the optimiser's step.

    A step is taken in parts of `part` images, each inside `lease()`. After each step `stepped` is called, which tells
    whether there is to be another one.
    """

    loss: Callable[[Tensor], Tensor]
    optimiser: Optimiser
    stepped: Callable[[], bool]
    lease: Lease
    part: int
    obstacle: ClassVar[str | None] = None

    def take(self, plans_N4B: Tensor) -> float:
        """The sum of the steps' losses. Raises NonFiniteLossError as soon as one is not finite."""
        total = 0.0
        is_finite = True
        for plan_4B in plans_N4B:
            parts = torch.split(plan_4B, self.part, dim=1)
            for number, part_4P in enumerate(parts, start=1):
                with self.lease():
                    loss = self.loss(part_4P) * (part_4P.shape[1] / plan_4B.shape[1])
                    if number == 1:
                        self.optimiser.zero_grad()
                    loss.backward()
                    if number == len(parts):
                        self.optimiser.step()
                        is_finite = self.stepped()
                    # At the end, since this waits for the device, which is to be idle when the lease is over.
                    total += finite(loss)
            if not is_finite:
                break
        return total


class Graphed:
    """The same steps on a CUDA device: the first ones `eager`, whose optimiser is capturable; then replays of a graph.

    Steps that cannot be captured, since they wait for a result of the device, go on one by one; `obstacle` tells why.
    """

    def __init__(self, eager: Eager, device: torch.device) -> None:
        self.obstacle: str | None = None
        self._eager = eager
        self._total = torch.zeros((), device=device)
        self._step: Callable[[Tensor], None] | None = None

    def take(self, plans_N4B: Tensor) -> float:
        """As Eager's; a loss that is not finite is noticed after REPLAYS steps."""
        total = 0.0
        is_finite = True
        if self._step is None and self.obstacle is None:
            first, plans_N4B = plans_N4B[:FIRST_CALLS], plans_N4B[FIRST_CALLS:]
            with side_stream():
                total = self._eager.take(first)
            self._step = self._captured(first[0].clone())
        if self._step is None:
            return total + self._eager.take(plans_N4B)
        for some_N4B in torch.split(plans_N4B, REPLAYS):
            with self._eager.lease():
                self._total.zero_()
                for plan_4B in some_N4B:
                    self._step(plan_4B)
                    is_finite = self._eager.stepped()
                    if not is_finite:
                        break
                total += finite(self._total)
            if not is_finite:
                break
        return total

    def _captured(self, static_4B: Tensor) -> Callable[[Tensor], None] | None:
        """A step of any plan, which is copied to where the graph reads it."""

        def call() -> None:
            loss = self._eager.loss(static_4B)
            loss.backward()  # type: ignore[no-untyped-call]
            self._eager.optimiser.step()
            self._total.add_(loss.detach())

        def step(plan_4B: Tensor) -> None:
            static_4B.copy_(plan_4B)
            graph.replay()

        # Gradients are then the graph's own tensors, which each replay writes anew.
        self._eager.optimiser.zero_grad()
        try:
            with self._eager.lease():
                graph = captured(call)
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise
            self.obstacle = str(error).splitlines()[0]
            self._eager.optimiser.zero_grad()
            return None
        return step


def finite(loss: Tensor) -> float:
    """Its value. Raises NonFiniteLossError."""
    value = loss.item()
    if not math.isfinite(value):
        raise NonFiniteLossError(f"training loss became {value}")
    return value
