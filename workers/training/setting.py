"""Memory format and precision of a training: a short probe finds the fastest, which differs by architecture.

bf16 doubles the speed of convolutions where the processor has it and slows narrow attention down; the balance depends
on the widths, the images and the machine.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from workers.cuda_graph import FIRST_CALLS, captured, side_stream
from workers.memory import is_out_of_memory

# Another setting than the first must be at least this many times as fast: near ties would be decided by chance, and
# change the bits of a training that must be reproducible.
MIN_SPEED_UP = 1.15
# Timed calls of each setting, after untimed ones.
TIMED_CALLS = 2
# A probe may take this share of a training; where the training is too short for it the first setting is used.
MAX_SHARE = 0.08
PRECISIONS = ("auto", "fp32", "bf16")


@dataclass(frozen=True)
class Setting:
    """A precision and memory format; with `graph` steps are replays of a CUDA graph.

    bf16 is autocast: weights, gradients and the optimiser's state stay fp32.
    """

    bf16: bool = False
    channels_last: bool = True
    graph: bool = False

    def __str__(self) -> str:
        labels = ("bf16" if self.bf16 else "fp32", "channels_last" if self.channels_last else "contiguous")
        return " ".join((*labels, *(("graph",) if self.graph else ())))

    @classmethod
    def named(cls, text: str) -> "Setting":
        """The setting of a `str`."""
        labels = text.split()
        return cls("bf16" in labels, "channels_last" in labels, "graph" in labels)

    def place(self, model: nn.Module) -> None:
        """Lay out the weights. To be called before an optimiser is made, whose state would not follow."""
        model.to(memory_format=self._format)

    def batch(self, x_BCHW: Tensor) -> Tensor:
        return x_BCHW.contiguous(memory_format=self._format)

    def cast(self, device: torch.device) -> torch.autocast:
        """The context for forward passes and the loss."""
        return torch.autocast(device.type, torch.bfloat16, enabled=self.bf16)

    @property
    def steps_to_try(self) -> int:
        """The cost of probing, in training steps of the setting: a graph's take a tenth of those before its capture."""
        return 1 + TIMED_CALLS if not self.graph else 10 * (FIRST_CALLS + 1) + TIMED_CALLS

    @property
    def _format(self) -> torch.memory_format:
        return torch.channels_last if self.channels_last else torch.contiguous_format


FP32, BF16, CONTIGUOUS = Setting(), Setting(bf16=True), Setting(channels_last=False)


def candidates(precision: str, steps: int, *, graph: bool = False) -> Sequence[Setting]:
    """The settings to probe for a training of `steps` steps, by the user's `precision` (one of PRECISIONS)."""
    settings = [replace(setting, graph=graph) for setting in (FP32, BF16, CONTIGUOUS)]
    if precision == "bf16":
        return settings[1:2]
    is_affordable = sum(setting.steps_to_try for setting in settings) <= MAX_SHARE * steps
    return settings if precision == "auto" and is_affordable else settings[:1]


def fastest(
    model: nn.Module, x_BCHW: Tensor, labels_B: Tensor, among: Sequence[Setting], clock: Callable[[], float]
) -> Setting:
    """The setting with the fastest forward and backward pass of this batch; the first one at near ties.

    The model's weights keep their values, laid out for the setting.
    """
    first, *others = among
    chosen = first
    if others:
        times = {setting: _seconds(model, x_BCHW, labels_B, setting, clock) for setting in among}
        best = min(among, key=times.__getitem__)
        chosen = best if times[first] > MIN_SPEED_UP * times[best] else first
    chosen.place(model)
    return chosen


def _seconds(model: nn.Module, x_BCHW: Tensor, labels_B: Tensor, setting: Setting, clock: Callable[[], float]) -> float:
    """The seconds of the fastest of TIMED_CALLS; infinite where a graph cannot be captured."""
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
        return min(timed(once) for _ in range(TIMED_CALLS))
    except RuntimeError as error:
        if not setting.graph or is_out_of_memory(error):
            raise
        return math.inf
    finally:
        model.zero_grad()
