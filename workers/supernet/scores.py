"""Scores of members by inference: the likelihood of validation images' labels under shared weights."""

from collections import OrderedDict
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nas.architecture import Architecture, Blueprint, Stage
from workers.training.judgement import EVALUATION_BATCH
from workers.training.proxy import ProxyEvaluator
from workers.training.setting import FP32

# The size of the cache of activations after each stage, for members with the same first stages.
MAX_CACHE_BYTES = 256 * 2**20
# The number of validation images: 1,000 rank members hardly better (a tau of .295 for .279 with their own accuracies),
# accuracies on these much worse (.084).
SCORED_ON = 250

FirstStages = tuple[Blueprint, tuple[Stage, ...]]


class Scores:
    """Scores members under a supernet's present weights. Most of the time is in first stages, which members share."""

    def __init__(self, supernet: nn.Module, proxy: ProxyEvaluator, max_cache_bytes: int = MAX_CACHE_BYTES) -> None:
        self._supernet = supernet
        self._proxy = proxy
        # Made here and not below, where inference mode is on: tensors made in it could not be trained on later.
        self._data = proxy.resident
        self._max_cache_bytes = max_cache_bytes
        self._cache: OrderedDict[FirstStages, list[Tensor]] = OrderedDict()
        self._cache_bytes = 0

    @torch.inference_mode()
    def __call__(self, member: Architecture) -> float:
        """The mean log-likelihood of the labels, at most 0."""
        self._supernet.eval()
        parts = 1 + len(member.stages)
        first_part, batches = self._longest_cached(member)
        for part in range(first_part, parts):
            # One lock per part, so that a measurement waits for no more than one.
            with self._proxy.step_lock():
                batches = [self._supernet(batch, member, part, part + 1) for batch in batches]
            if part:
                self._put((member.blueprint, member.stages[:part]), batches)
        with self._proxy.step_lock():
            logits_BK = torch.cat([self._supernet(batch, member, parts, parts + 1) for batch in batches])
            return -F.cross_entropy(logits_BK.float(), self._data.validation_labels[:SCORED_ON]).item()

    def _longest_cached(self, member: Architecture) -> tuple[int, Sequence[Tensor]]:
        """The first part to compute, and its input: the activations of the longest cached sequence of stages."""
        for count in range(len(member.stages), 0, -1):
            first_stages = (member.blueprint, member.stages[:count])
            if first_stages in self._cache:
                self._cache.move_to_end(first_stages)
                return 1 + count, self._cache[first_stages]
        data = self._data
        images = torch.split(data.held_out(0, SCORED_ON), EVALUATION_BATCH[data.validation_labels.device.type])
        return 0, [FP32.batch(data.normalise(batch)) for batch in images]

    def _put(self, first_stages: FirstStages, batches: list[Tensor]) -> None:
        """Cache activations, in the place of the least recently used ones."""
        self._cache[first_stages] = batches
        self._cache_bytes += _size(batches)
        while self._cache_bytes > self._max_cache_bytes:
            self._cache_bytes -= _size(self._cache.popitem(last=False)[1])


def _size(batches: Sequence[Tensor]) -> int:
    return sum(batch.nbytes for batch in batches)
