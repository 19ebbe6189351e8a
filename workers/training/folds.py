"""Cross-validation: trainings of one network on several splits of the same few pictures, judged as one."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from nas.exports.training import TrainingRecipe
from nas.trial import CurvePoint
from workers.training.augmentation import augmentation_of, mix_of
from workers.training.judgement import Judgement
from workers.training.loop import ResidentData, Training
from workers.training.setting import Setting
from workers.training.steps import StepLock


@dataclass(frozen=True)
class FoldedTraining:
    """Trains the folds in turn, epoch by epoch; accuracies are over all folds' validation pictures together."""

    folds: Sequence[Training]

    def epochs(self) -> Iterator[CurvePoint]:
        """Train all folds to the end; as Training.epochs."""
        for points in zip(*(fold.epochs() for fold in self.folds), strict=True):
            judgement = Judgement.pooled([fold.judgement for fold in self.folds])
            loss = sum(point.loss for point in points) / len(points)
            seconds = sum(point.seconds for point in points)
            images = sum(len(fold.judgement.labels) for fold in self.folds)
            yield CurvePoint(points[0].epoch, judgement.value, loss, seconds, images)

    @property
    def judged(self) -> nn.Module:
        """The first fold's network."""
        return self.folds[0].judged

    @property
    def obstacle(self) -> str | None:
        """The first fold's obstacle, if there is one; as Training.obstacle."""
        return next((fold.obstacle for fold in self.folds if fold.obstacle), None)

    def state(self) -> bytes:
        """All folds' states; as Training.state."""
        file = io.BytesIO()
        torch.save([fold.state() for fold in self.folds], file)
        return file.getvalue()

    def resume(self, state: bytes) -> None:
        """Resume all folds; as Training.resume."""
        for fold, fold_state in zip(self.folds, torch.load(io.BytesIO(state), weights_only=True), strict=True):
            fold.resume(fold_state)


def training_on(
    models: Sequence[nn.Module],
    folds: Sequence[ResidentData],
    recipe: TrainingRecipe,
    seed: int,
    setting: Setting,
    step_lock: StepLock,
    part: int | None,
    *,
    prepared: bool,
) -> Training | FoldedTraining:
    """The training of each model on its fold; `prepared` as for Training."""
    trainings = []
    for model, data in zip(models, folds, strict=True):
        setting.place(model)
        generator = torch.Generator().manual_seed(seed)
        trainings.append(
            Training(
                model,
                data,
                recipe,
                generator,
                setting,
                step_lock,
                part,
                present=augmentation_of(recipe, data),
                mix=mix_of(recipe, data.classes),
                prepared=prepared,
            )
        )
    return FoldedTraining(trainings) if len(trainings) > 1 else trainings[0]
