"""Trainings of one network on several splits of the same few pictures, judged as one."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from nas.trial import CurvePoint
from workers.train import Training


@dataclass(frozen=True)
class FoldedTraining:
    """Trains a fold after the other, epoch by epoch; accuracies are of all folds' validation pictures together."""

    folds: Sequence[Training]

    def epochs(self) -> Iterator[CurvePoint]:
        """As Training's, for all folds at a time."""
        for points in zip(*(fold.epochs() for fold in self.folds), strict=True):
            judged = [fold.judged_images for fold in self.folds]
            right = sum(point.accuracy * images for point, images in zip(points, judged, strict=True))
            loss = sum(point.loss for point in points) / len(points)
            yield CurvePoint(points[0].epoch, right / sum(judged), loss, sum(point.seconds for point in points))

    @property
    def obstacle(self) -> str | None:
        """As Training's."""
        return next((fold.obstacle for fold in self.folds if fold.obstacle), None)

    def state(self) -> bytes:
        """As Training's."""
        file = io.BytesIO()
        torch.save([fold.state() for fold in self.folds], file)
        return file.getvalue()

    def resume(self, state: bytes) -> None:
        """As Training's."""
        for fold, of_fold in zip(self.folds, torch.load(io.BytesIO(state), weights_only=True), strict=True):
            fold.resume(of_fold)
