"""Memory format and precision of a training: what is fastest differs by architecture, and a short probe tells.

bf16 doubles the speed of convolutions where the processor has it and slows narrow attention down; which of them wins
depends on the widths, the images and the machine.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

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
MAX_SHARE = 0.08
PRECISIONS = ("auto", "fp32", "bf16")


@dataclass(frozen=True)
class Setting:
    """bf16 is autocast: weights, gradients and the optimiser's state stay fp32. `graph`: steps are a CUDA graph's."""

    bf16: bool = False
    channels_last: bool = True
    graph: bool = False

    def __str__(self) -> str:
        words = ("bf16" if self.bf16 else "fp32", "channels_last" if self.channels_last else "contiguous")
        return " ".join((*words, *(("graph",) if self.graph else ())))

    @classmethod
    def named(cls, text: str) -> "Setting":
        """The inverse of `str`."""
        words = text.split()
        return cls("bf16" in words, "channels_last" in words, "graph" in words)

    def place(self, model: nn.Module) -> None:
        """Lay out the weights. Before there is an optimiser, whose state would not follow."""
        model.to(memory_format=self._format)

    def batch(self, x_BCHW: Tensor) -> Tensor:
        return x_BCHW.contiguous(memory_format=self._format)

    def cast(self, device: torch.device) -> torch.autocast:
        """For forward passes and the loss."""
        return torch.autocast(device.type, torch.bfloat16, enabled=self.bf16)

    @property
    def steps_to_try(self) -> int:
        """What trying it costs, in steps of a training in it: a graph's take a tenth of those before its capture."""
        return 1 + CALLS if not self.graph else 10 * (FIRST_CALLS + 1) + CALLS

    @property
    def _format(self) -> torch.memory_format:
        return torch.channels_last if self.channels_last else torch.contiguous_format


FP32, BF16, CONTIGUOUS = Setting(), Setting(bf16=True), Setting(channels_last=False)


def candidates(precision: str, steps: int, *, graph: bool = False) -> Sequence[Setting]:
    """What a training of so many steps may choose from, by the user's `precision` (one of PRECISIONS)."""
    tried = [replace(each, graph=graph) for each in (FP32, BF16, CONTIGUOUS)]
    if precision == "bf16":
        return tried[1:2]
    is_worth_it = sum(each.steps_to_try for each in tried) <= MAX_SHARE * steps
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
        with setting.cast(x_BCHW.device):
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
