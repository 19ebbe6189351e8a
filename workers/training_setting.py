"""Memory format and precision of a training: what is fastest differs by architecture, and a short probe tells.

bf16 doubles the speed of matrix products where the processor has it, and slows narrow attention, norms and depthwise
convolutions down; which of them wins depends on the widths, the images and the machine.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workers.cuda_graph import FIRST_CALLS, captured, side_stream
from workers.memory import is_out_of_memory

# Another setting than the first must be so many times as fast: near ties would fall by chance, and change the bits of
# a training that is to come out the same again.
MARGIN = 1.15
# Of each setting, after those that make what it needs.
CALLS = 2
# A probe may take so much of a training; where that is too short the first setting serves.
MOST_SHARE = 0.1
PRECISIONS = ("auto", "fp32", "bf16")
Arithmetic = Literal["fp32", "bf16", "bf16-products"]


@dataclass(frozen=True)
class Setting:
    """`bf16` is autocast, `bf16-products` casts for linear layers alone: weights, gradients and the optimiser's state
    stay fp32. With `graph` steps are a CUDA graph's.
    """

    arithmetic: Arithmetic = "fp32"
    channels_last: bool = True
    graph: bool = False

    def __str__(self) -> str:
        words = (self.arithmetic, "channels_last" if self.channels_last else "contiguous")
        return " ".join((*words, *(("graph",) if self.graph else ())))

    @classmethod
    def named(cls, text: str) -> "Setting":
        """The inverse of `str`."""
        words = text.split()
        (arithmetic,) = (each for each in get_args(Arithmetic) if each in words)
        return cls(arithmetic, "channels_last" in words, "graph" in words)

    def place(self, model: nn.Module) -> None:
        """Lay out the weights. Before there is an optimiser, whose state would not follow."""
        model.to(memory_format=self._format)

    def batch(self, x_BCHW: Tensor) -> Tensor:
        return x_BCHW.contiguous(memory_format=self._format)

    def cast(self, model: nn.Module, device: torch.device) -> AbstractContextManager[None]:
        """For forward passes of the model, and the loss."""
        if self.arithmetic == "bf16-products":
            return products_in_bf16(model)
        return torch.autocast(device.type, torch.bfloat16, enabled=self.arithmetic == "bf16")

    @property
    def steps_to_try(self) -> int:
        """What trying it costs, in steps of a training in it: a graph's take a tenth of those before its capture."""
        return 1 + CALLS if not self.graph else 10 * (FIRST_CALLS + 1) + CALLS

    @property
    def _format(self) -> torch.memory_format:
        return torch.channels_last if self.channels_last else torch.contiguous_format


FP32, BF16, PRODUCTS, CONTIGUOUS = Setting(), Setting("bf16"), Setting("bf16-products"), Setting(channels_last=False)


def candidates(precision: str, steps: int, *, graph: bool = False) -> Sequence[Setting]:
    """What a training of so many steps may choose from, by the user's `precision` (one of PRECISIONS)."""
    tried = [replace(each, graph=graph) for each in (FP32, BF16, PRODUCTS, CONTIGUOUS)]
    if precision == "bf16":
        return tried[1:2]
    is_worth_it = sum(each.steps_to_try for each in tried) <= MOST_SHARE * steps
    return tried if precision == "auto" and is_worth_it else tried[:1]


def quickest(
    model: nn.Module, x_BCHW: Tensor, labels_B: Tensor, among: Sequence[Setting], clock: Callable[[], float]
) -> Setting:
    """The setting in which a forward and a backward pass of this batch take least; the first one at near ties.

    The model's weights stay as they are, laid out for the setting.
    """
    first, *others = among
    found = first
    if others:
        times = {setting: _seconds(model, x_BCHW, labels_B, setting, clock) for setting in among}
        best = min(among, key=times.__getitem__)
        found = best if times[first] > MARGIN * times[best] else first
    found.place(model)
    return found


def _seconds(model: nn.Module, x_BCHW: Tensor, labels_B: Tensor, setting: Setting, clock: Callable[[], float]) -> float:
    """The least of some calls; infinite where a graph of them cannot be captured."""
    setting.place(model)
    x_BCHW = setting.batch(x_BCHW)
    on_cuda = x_BCHW.device.type == "cuda"

    def call() -> None:
        with setting.cast(model, x_BCHW.device):
            loss = F.cross_entropy(model(x_BCHW), labels_B)
        loss.backward()  # type: ignore[no-untyped-call]

    def timed(once: Callable[[], object]) -> float:
        started = clock()
        once()
        if on_cuda:
            torch.cuda.synchronize(x_BCHW.device)
        return clock() - started

    once: Callable[[], object] = call
    try:
        if setting.graph:
            with side_stream():
                for _ in range(FIRST_CALLS):
                    call()
            model.zero_grad()
            once = captured(call).replay
        once()
        return min(timed(once) for _ in range(CALLS))
    except RuntimeError as error:
        if not setting.graph or is_out_of_memory(error):
            raise
        return math.inf
    finally:
        model.zero_grad()


@contextmanager
def products_in_bf16(model: nn.Module) -> Iterator[None]:
    """Its linear layers, and their gradients, multiply in bf16 inside the block; all else stays as it is."""
    layers = [layer for layer in model.modules() if type(layer) is nn.Linear]
    for layer in layers:
        layer.forward = partial(_product, layer)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward


def _product(layer: nn.Linear, x: Tensor) -> Tensor:
    bias = None if layer.bias is None else layer.bias.bfloat16()
    return F.linear(x.bfloat16(), layer.weight.bfloat16(), bias).to(x.dtype)
