"""Estimation of the cost of a proxy's trials, before the first one, on a few members of the space.

The largest member of each mixer gives the memory; the smallest, a typical and the largest member are timed, as far as
that takes a negligible part of the search.
"""

import logging
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import nn

from nas import plugins
from nas.architecture import Architecture, ModelInput, total_cost
from nas.builder import Builder
from nas.space import SearchSpace
from nas.space.size import largest_of_each_mixer
from nas.trial_cost import TrialMemory, TrialSeconds
from workers.training.micro_batch import BATCH_DIVISORS
from workers.training.step_probe import PROBE_IMAGES, StepMemory, step_memory, step_seconds

# Members drawn at random, whose median by MACs is the typical one.
DRAWN = 5
# An estimate takes at most this, and at most this share of the search that it is made for.
MAX_SECONDS, MIN_SECONDS, MAX_SHARE = 2.0, 0.4, 0.01
# A core's multiply-accumulates of forward passes per second in training, assumed before a member is timed.
ASSUMED_RATE = 4e9
# A forward pass of more multiply-accumulates than this is traced without data to estimate its memory.
MAX_REAL_MACS = 5e8
# Images judged after each epoch but the last, at least and as a share of the training images; forward passes alone take
# a third of a step.
MIN_JUDGED, JUDGED_SHARE, FORWARD_SHARE = 256, 0.25, 1 / 3
# A measurement of latency, and building a network and its optimiser.
MEASURE_S, BUILD_S = 0.35, 0.05
# Bytes of a pixel while the statistics for normalising are computed, in float32; pixels are stored as single bytes.
FLOAT_BYTES = 4

# A child of the logger that a search shows.
_LOG = logging.getLogger("nas.trial_cost")


@dataclass(frozen=True)
class MemoryEstimate:
    """Estimates the memory of training steps at one input and batch size. Pickled to workers with its estimate."""

    smallest: Architecture
    largest: tuple[Architecture, ...]
    model_input: ModelInput
    batch: int
    data_bytes: int

    @cached_property
    def trial(self) -> TrialMemory | None:
        """The memory of the space's trials; None, with a warning, where a member's step cannot be taken here."""
        data = FLOAT_BYTES * self.data_bytes
        try:
            smallest = self.of(self.smallest).of(max(1, self.batch // BATCH_DIVISORS[-1]))
            largest = max(self.of(member).of(self.batch) for member in self.largest)
        except Exception as error:  # A third party's network may fail in a probe although trials would work.
            _LOG.warning("the memory of a trial is not known: %s: %s", type(error).__name__, error)
            return None
        return TrialMemory(max(smallest, data), max(largest, data))

    def of(self, architecture: Architecture) -> StepMemory:
        builder = _builder()
        macs = PROBE_IMAGES * total_cost(builder, architecture, self.model_input).macs
        return step_memory(
            lambda: builder.build(architecture, self.model_input), self.model_input, is_expensive=macs > MAX_REAL_MACS
        )


@dataclass(frozen=True)
class ProxyCosts:
    """Estimates the cost of a space's trials that are proxy trainings: a nas.trial_cost.TrialCosts."""

    space: SearchSpace
    estimate: MemoryEstimate
    epochs: int
    train_images: int
    validation_images: int
    targets: int
    device: str
    seed: int
    clock: Callable[[], float] = field(default=time.perf_counter)

    def memory(self) -> TrialMemory | None:
        """The memory of the trials; None where it cannot be estimated."""
        return self.estimate.trial

    def seconds(self, threads: int, trials: int) -> TrialSeconds | None:
        """The seconds of a trial; on CUDA None, since a few steps' time does not predict that of graph replays."""
        if self.device != "cpu":
            return None
        try:
            return self._timed(threads, trials)
        except Exception as error:  # As above; a trial that meets it records it.
            _LOG.warning("the time of a trial is not known: %s: %s", type(error).__name__, error)
            return None

    def _timed(self, threads: int, trials: int) -> TrialSeconds:
        members = self._members()
        smallest, typical, largest = members
        timed: dict[int, float] = {}

        def image_s(macs: int) -> float:
            """The seconds of an image, in proportion to the timed member with the nearest MACs."""
            nearest = min(timed, key=lambda known: abs(known - macs), default=None)
            return macs / (ASSUMED_RATE * threads) if nearest is None else timed[nearest] * macs / nearest

        until = self.clock()
        with _threads(threads):
            # The smallest is timed last: it may be all stem, and says least about the others.
            for macs, member in (typical, largest, smallest):
                images = self._affordable(image_s(macs), until - self.clock() if timed else MAX_SECONDS)
                if images is None:
                    continue
                first = not timed
                timed[macs] = self._seconds_per_image(member, images)
                if first:
                    search_s = trials * self._trial_seconds(timed[macs])
                    until = self.clock() + min(MAX_SECONDS, max(MIN_SECONDS, MAX_SHARE * search_s))
        seconds = [self._trial_seconds(image_s(macs)) for macs, _ in members]
        return TrialSeconds(min(seconds), seconds[1], max(seconds), is_lower_bound=typical[0] not in timed)

    def _members(self) -> Sequence[tuple[int, Architecture]]:
        """The smallest, a typical and the largest member, with their MACs."""
        generator = random.Random(self.seed)  # noqa: S311
        drawn = sorted(map(self._with_macs, (self.space.sample(generator) for _ in range(DRAWN))), key=_first)
        largest = max(map(self._with_macs, self.estimate.largest), key=_first)
        return [self._with_macs(self.estimate.smallest), drawn[DRAWN // 2], max(largest, drawn[-1], key=_first)]

    def _with_macs(self, architecture: Architecture) -> tuple[int, Architecture]:
        return total_cost(_builder(), architecture, self.estimate.model_input).macs, architecture

    def _affordable(self, image_s: float, allowed_s: float) -> int | None:
        """The images of a timed step, which follows a small one to warm up; None if even a small one takes too long."""
        batch = self.estimate.batch
        for images in dict.fromkeys((batch, max(PROBE_IMAGES, batch // 4), PROBE_IMAGES)):
            if (PROBE_IMAGES + images) * image_s <= allowed_s:
                return images
        return None

    def _seconds_per_image(self, architecture: Architecture, images: int) -> float:
        with torch.random.fork_rng(devices=[]):
            network: nn.Module = _builder().build(architecture, self.estimate.model_input)
        network = network.train().to(memory_format=torch.channels_last)
        for count in (PROBE_IMAGES, images):
            seconds = step_seconds(network, self.estimate.model_input, count, self.clock)
        return seconds / images

    def _trial_seconds(self, image_s: float) -> float:
        batch = self.estimate.batch
        trained = self.epochs * (self.train_images // batch) * batch
        per_epoch = min(self.validation_images, max(MIN_JUDGED, JUDGED_SHARE * self.train_images))
        judged = (self.epochs - 1) * per_epoch + self.validation_images
        return image_s * (trained + FORWARD_SHARE * judged) + self.targets * MEASURE_S + BUILD_S


def memory_estimate(space: SearchSpace, model_input: ModelInput, batch: int, data_bytes: int) -> MemoryEstimate:
    """The estimate for a study of the space, whose training images take `data_bytes`."""
    space = space.for_pictures(model_input)
    smallest = next(space.smallest_of_each_mixer(), None) or next(iter(space))
    largest = tuple(largest_of_each_mixer(space)) or (smallest,)
    return MemoryEstimate(smallest, largest, model_input, batch, data_bytes)


def _first(pair: tuple[int, Architecture]) -> int:
    return pair[0]


def _builder() -> Builder:
    builder: Builder = plugins.load(plugins.BUILDERS, plugins.BUILDER)
    return builder


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Set torch's number of threads within the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
