"""Warnings about the data of a training, before its first step."""

from collections.abc import Iterator

import numpy as np

from nas import plugins
from nas.evaluation import advice_limit_s
from nas.exports.training import TrainingOptions
from workers.data.dataset import Dataset, ImageSource, split
from workers.data.splitting import HELD_OUT_FRACTION
from workers.retrain.loop import Assignment
from workers.retrain.recorded_options import is_of_study
from workers.training.advice import imbalance_warning
from workers.training.mirror_check import MAX_IMAGES, MAX_PX, MIN_JUDGED, mirroring_warning
from workers.training.policy import MAX_FOLDS


def training_warnings(options: TrainingOptions, assignment: Assignment, source: ImageSource) -> Iterator[str]:
    """Yield a line for what should be known of the data. Raises DataError for a picture that cannot be decoded.

    Whether mirroring harms is not looked at where the user has chosen, or a study on the same data has seen it.
    """
    counts = np.bincount(source.labels, minlength=len(source.classes))
    if warning := imbalance_warning(dict(zip(source.classes, counts.tolist(), strict=True)), assignment.metric):
        yield warning
    is_chosen = options.flip is not None or is_of_study(options)
    if assignment.flip and not is_chosen:
        dataset: Dataset = plugins.load(plugins.DATASETS, assignment.dataset)
        augmented = dataset.augmented(assignment.flip, assignment.shift)
        size_px = min(MAX_PX, assignment.model_input.height_px)
        folds = MAX_FOLDS if len(source.labels) * HELD_OUT_FRACTION < MIN_JUDGED else 1
        data = split(augmented, source, size_px=size_px, train_size=MAX_IMAGES, seed=assignment.seed, folds=folds)
        if warning := mirroring_warning(data, assignment.seed, advice_limit_s(options.time_s)):
            yield warning
