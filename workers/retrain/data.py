"""Pictures of a full training: in memory where they fit, else decoded batch by batch."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nas.architecture import Size
from workers.data.dataset import Dataset, ImageSource, ProxyData
from workers.data.read_ahead import ReadAhead
from workers.memory import free_bytes
from workers.training.loop import ResidentData, statistics_step
from workers.training.normalisation import Normalisation

# The share of a GPU's free memory that pictures may take.
GPU_SHARE = 0.25


@dataclass(frozen=True)
class Pictures:
    """Some of a source's pictures, decoded at one size on demand."""

    source: ImageSource
    indices: NDArray[np.int64]
    size_px: Size
    device: torch.device

    @classmethod
    def all_of(cls, source: ImageSource, size_px: Size, device: torch.device) -> "Pictures":
        """All of a source's pictures."""
        return cls(source, np.arange(len(source.labels)), size_px, device)

    @cached_property
    def labels(self) -> Tensor:
        return torch.from_numpy(self.source.labels[self.indices]).to(self.device)

    def decoded(self, chosen: NDArray[np.int64] | slice) -> NDArray[np.uint8]:
        return self.source.images(self.indices[chosen], self.size_px)

    def __call__(self, chosen: NDArray[np.int64] | slice) -> Tensor:
        return torch.from_numpy(self.decoded(chosen)).to(self.device)


class Stretches:
    """Pictures in stretches, one after another; the next one is decoded while a network judges the one before."""

    def __init__(self, pictures: Pictures) -> None:
        self._pictures = pictures
        self._ahead = ReadAhead(pictures.decoded)

    def __call__(self, first: int, last: int) -> Tensor:
        """The pictures from `first` to before `last`."""
        images = self._ahead.take(np.arange(first, last))
        following = np.arange(last, min(2 * last - first, len(self._pictures.indices)))
        self._ahead.expect([following] if len(following) else [])
        return torch.from_numpy(images).to(self._pictures.device)


class StreamedData:
    """A TrainingData whose pictures are decoded for each batch, a few batches ahead."""

    def __init__(self, training: Pictures, validation: Pictures, *, flip: bool, shift_px: int, metric: str) -> None:
        self._training, self._validation = ReadAhead(training.decoded), Stretches(validation)
        self._device = training.device
        self.train_labels, self.validation_labels = training.labels, validation.labels
        step = statistics_step(len(training.indices), training.decoded(slice(0, 1)).nbytes)
        self.normalise = Normalisation.of(training(slice(None, None, step)))
        self.flip, self.shift_px, self.metric = flip, shift_px, metric

    def pictures(self, chosen_B: Tensor) -> Tensor:
        return torch.from_numpy(self._training.take(chosen_B.cpu().numpy())).to(self._device)

    def expect(self, batches: Tensor) -> None:
        self._training.expect(batches.cpu().numpy())

    def held_out(self, first: int, last: int) -> Tensor:
        return self._validation(first, last)


class FurtherPictures:
    """A JudgedData of pictures that the training does not validate on, normalised by the training's statistics."""

    def __init__(self, pictures: Pictures, normalise: Normalisation, metric: str) -> None:
        self._pictures = Stretches(pictures)
        self.validation_labels = pictures.labels
        self.normalise = normalise
        self.metric = metric

    def held_out(self, first: int, last: int) -> Tensor:
        return self._pictures(first, last)


def training_data(
    training: Pictures, validation: Pictures, dataset: Dataset, metric: str, max_bytes: int
) -> ResidentData | StreamedData:
    """The data of a training on the two parts: resident up to `max_bytes`, else streamed. Judged by the metric."""
    shift_px = dataset.shift_px(training.size_px)
    count = len(training.indices) + len(validation.indices)
    if training.device.type == "cuda":
        max_bytes = min(max_bytes, int(GPU_SHARE * free_bytes("cuda")))
    if count * training.decoded(slice(0, 1)).nbytes > max_bytes:
        return StreamedData(training, validation, flip=dataset.flip, shift_px=shift_px, metric=metric)
    return ResidentData(
        ProxyData(
            training.decoded(slice(None)),
            training.source.labels[training.indices],
            validation.decoded(slice(None)),
            validation.source.labels[validation.indices],
            len(training.source.classes),
            dataset.flip,
            shift_px,
            metric,
        ),
        training.device,
    )
