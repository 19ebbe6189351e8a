"""The measures of a judgement, as scikit-learn has them, and over folds."""

import math

import numpy as np
import pytest
import torch
from sklearn import metrics

from nas.options import METRIC
from workers.training.judgement import MEASURES, Judgement

LABELS = [0] * 8 + [1] * 3 + [2]
# Class 2 is never predicted, class 3 never right.
PREDICTED = [0, 0, 0, 0, 0, 0, 1, 3, 1, 1, 0, 0]
LOSSES = np.linspace(0.1, 2.0, len(LABELS))


def judgement(metric: str, part: slice = slice(None)) -> Judgement:
    labels, predicted = torch.tensor(LABELS), torch.tensor(PREDICTED)
    return Judgement(labels[part], predicted[part], torch.from_numpy(LOSSES)[part], metric)


def test_every_metric_has_a_measure() -> None:
    assert set(MEASURES) == set(METRIC.choices)


@pytest.mark.filterwarnings("ignore:y_pred contains classes")
def test_measures_are_those_of_scikit_learn() -> None:
    assert judgement("accuracy").value == metrics.accuracy_score(LABELS, PREDICTED) == 8 / 12
    assert judgement("balanced_accuracy").value == pytest.approx(metrics.balanced_accuracy_score(LABELS, PREDICTED))
    assert judgement("f1_macro").value == pytest.approx(metrics.f1_score(LABELS, PREDICTED, average="macro"))
    assert judgement("log_loss").value == pytest.approx(math.exp(-LOSSES.mean()))


def test_a_network_that_is_sure_of_the_wrong_class_or_broken_has_no_likelihood() -> None:
    labels = torch.zeros(2, dtype=torch.int64)
    for loss in (math.inf, math.nan):
        assert Judgement(labels, labels, torch.tensor([0.5, loss]), "log_loss").value == 0


@pytest.mark.parametrize("metric", METRIC.choices)
def test_folds_are_judged_as_one(metric: str) -> None:
    """A mean over folds would be another figure: a class may be in one of them alone."""
    parts = [judgement(metric, part) for part in (slice(0, 5), slice(5, 9), slice(9, None))]
    assert Judgement.pooled(parts).value == judgement(metric).value
