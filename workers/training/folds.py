"""Trainings of one network on several splits of the same few pictures, judged as one."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from nas.export.training import TrainingRecipe
from nas.trial import CurvePoint
from workers.training.loop import ResidentData, Training
from workers.training.setting import Setting
from workers.training.steps import Lease


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


def training_on(
    models: Sequence[nn.Module],
    folds: Sequence[ResidentData],
    recipe: TrainingRecipe,
    seed: int,
    setting: Setting,
    step: Lease,
    part: int | None,
    *,
    prepared: bool,
) -> Training | FoldedTraining:
    """Of each model on its fold; `prepared` as for Training."""
    trainings = []
    for model, data in zip(models, folds, strict=True):
        setting.place(model)
        generator = torch.Generator().manual_seed(seed)
        trainings.append(Training(model, data, recipe, generator, setting, step, part, prepared=prepared))
    return FoldedTraining(trainings) if len(trainings) > 1 else trainings[0]
