"""Members judged by inference: how likely validation images' labels are, by shared weights."""

from collections import OrderedDict
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nas.architecture import Architecture, Blueprint, Stage
from workers.training.loop import EVALUATION_BATCH
from workers.training.proxy import ProxyEvaluator
from workers.training.setting import FP32

# What stages made of the images is kept for members that begin alike, up to so many bytes.
KEPT_BYTES = 256 * 2**20
# So many validation images: by 1,000 members are ranked hardly better (a tau of .295 for .279 with what they come to by
# themselves), by accuracies on these much worse (.084).
SCORED_ON = 250

Beginning = tuple[Blueprint, tuple[Stage, ...]]


class Scores:
    """Of a supernet, as its weights are now. Most of a member's time is in its first stages, which few differ in."""

    def __init__(self, supernet: nn.Module, proxy: ProxyEvaluator, kept_bytes: int = KEPT_BYTES) -> None:
        self._supernet = supernet
        self._proxy = proxy
        # Here and not below, where inference mode is on: what is made in it nothing can be trained on later.
        self._data = proxy.resident
        self._most = kept_bytes
        self._kept: OrderedDict[Beginning, list[Tensor]] = OrderedDict()
        self._bytes = 0

    @torch.inference_mode()
    def __call__(self, member: Architecture) -> float:
        """The mean log-likelihood of the labels, at most 0."""
        self._supernet.eval()
        parts = 1 + len(member.stages)
        resume_from, batches = self._longest(member)
        for part in range(resume_from, parts):
            # Each by itself: whoever measures waits for no more.
            with self._proxy.step_lock():
                batches = [self._supernet(batch, member, part, part + 1) for batch in batches]
            if part:
                self._keep((member.blueprint, member.stages[:part]), batches)
        with self._proxy.step_lock():
            logits_BK = torch.cat([self._supernet(batch, member, parts, parts + 1) for batch in batches])
            return -F.cross_entropy(logits_BK.float(), self._data.validation_labels[:SCORED_ON]).item()

    def _longest(self, member: Architecture) -> tuple[int, Sequence[Tensor]]:
        """The part to go on with, and what those before it made of the images."""
        for count in range(len(member.stages), 0, -1):
            beginning = (member.blueprint, member.stages[:count])
            if beginning in self._kept:
                self._kept.move_to_end(beginning)
                return 1 + count, self._kept[beginning]
        data = self._data
        images = torch.split(data.validation_images[:SCORED_ON], EVALUATION_BATCH[data.validation_images.device.type])
        return 0, [FP32.batch(data.normalise(each)) for each in images]

    def _keep(self, beginning: Beginning, batches: list[Tensor]) -> None:
        """In the place of what was not asked for the longest."""
        self._kept[beginning] = batches
        self._bytes += _size(batches)
        while self._bytes > self._most:
            self._bytes -= _size(self._kept.popitem(last=False)[1])


def _size(batches: Sequence[Tensor]) -> int:
    return sum(batch.nbytes for batch in batches)
