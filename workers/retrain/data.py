"""Pictures of a full training: in memory where they fit, else decoded batch by batch."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nas.architecture import Size
from workers.data.dataset import Dataset, ImageSource, ProxyData
from workers.training.loop import Normalisation, ResidentData

# Pictures that take more bytes decoded are decoded for each batch.
MAX_RESIDENT_BYTES = 2**30
# Pictures that the mean and standard deviation of all are computed from.
STATISTICS_IMAGES = 4096


@dataclass(frozen=True)
class Pictures:
    """Some of a source's pictures, decoded at one size on demand."""

    source: ImageSource
    indices: NDArray[np.int64]
    size_px: Size
    device: torch.device

    @cached_property
    def labels(self) -> Tensor:
        return torch.from_numpy(self.source.labels[self.indices]).to(self.device)

    def decoded(self, chosen: NDArray[np.int64] | slice) -> NDArray[np.uint8]:
        return self.source.images(self.indices[chosen], self.size_px)

    def __call__(self, chosen: NDArray[np.int64] | slice) -> Tensor:
        return torch.from_numpy(self.decoded(chosen)).to(self.device)


class StreamedData:
    """A TrainingData whose pictures are decoded for each batch."""

    def __init__(self, training: Pictures, validation: Pictures, *, flip: bool, shift_px: int, metric: str) -> None:
        self._training, self._validation = training, validation
        self.train_labels, self.validation_labels = training.labels, validation.labels
        self.normalise = Normalisation.of(training(slice(0, STATISTICS_IMAGES)))
        self.flip, self.shift_px, self.metric = flip, shift_px, metric

    def pictures(self, chosen_B: Tensor) -> Tensor:
        return self._training(chosen_B.cpu().numpy())

    def held_out(self, first: int, last: int) -> Tensor:
        return self._validation(slice(first, last))


class FurtherPictures:
    """A JudgedData of pictures that the training does not validate on, normalised by the training's statistics."""

    def __init__(self, pictures: Pictures, normalise: Normalisation, metric: str) -> None:
        self._pictures = pictures
        self.validation_labels = pictures.labels
        self.normalise = normalise
        self.metric = metric

    def held_out(self, first: int, last: int) -> Tensor:
        return self._pictures(slice(first, last))


def training_data(
    training: Pictures, validation: Pictures, dataset: Dataset, metric: str
) -> ResidentData | StreamedData:
    """The data of a training on the two parts: resident where it fits, else streamed. Judged by the metric."""
    shift_px = dataset.shift_px(training.size_px)
    count = len(training.indices) + len(validation.indices)
    if count * training.decoded(slice(0, 1)).nbytes > MAX_RESIDENT_BYTES:
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
