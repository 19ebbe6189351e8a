"""The judgement of a network on labelled pictures that it was not trained on, and the measures of it.

Every measure is from 0 to 1, and larger is better.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nas.options import BALANCED_ACCURACY, F1_MACRO, LOG_LOSS, PLAIN_ACCURACY
from workers.training.setting import Setting
from workers.training.steps import StepLock

# Images that are judged at a time. A GPU's time for few is that of launching kernels; on a CPU the activations of 64
# stay in its caches (at 256 each image takes half as long again).
EVALUATION_BATCH = {"cpu": 64, "cuda": 1024}


class JudgedData(Protocol):
    """Labelled pictures that a network is judged on, on its device, as uint8; many pictures are decoded on demand."""

    validation_labels: Tensor
    metric: str
    """The name of the measure."""

    def held_out(self, first: int, last: int) -> Tensor:
        """The pictures from `first` to before `last`."""

    @property
    def normalise(self) -> Callable[[Tensor], Tensor]:
        """The normalisation of images by the training part's statistics."""


@dataclass(frozen=True)
class Judgement:
    """The labels of some pictures, the classes that a network predicts, and the log loss of each; on the CPU."""

    labels: Tensor
    predicted: Tensor
    losses: Tensor
    metric: str

    @classmethod
    def pooled(cls, judgements: "Sequence[Judgement]") -> "Judgement":
        """Pool judgements by one metric as if all pictures had been judged together."""
        return cls(
            torch.cat([judgement.labels for judgement in judgements]),
            torch.cat([judgement.predicted for judgement in judgements]),
            torch.cat([judgement.losses for judgement in judgements]),
            judgements[0].metric,
        )

    @property
    def value(self) -> float:
        """The figure by the metric."""
        return MEASURES[self.metric](self)

    @property
    def counts(self) -> Tensor:
        """For each of K classes the numbers of pictures of it, of those predicted as it, and of both: (3, K)."""
        right = self.labels[self.predicted == self.labels]
        classes = 1 + max(int(self.labels.max()), int(self.predicted.max()))
        return torch.stack(
            [torch.bincount(numbers, minlength=classes) for numbers in (self.labels, self.predicted, right)]
        )


def accuracy(judgement: Judgement) -> float:
    """The share of the pictures whose class is predicted."""
    return int((judgement.predicted == judgement.labels).sum()) / len(judgement.labels)


def balanced_accuracy(judgement: Judgement) -> float:
    """The mean over the classes of the share of their pictures whose class is predicted."""
    labelled_K, _, right_K = judgement.counts.double()
    present_K = labelled_K > 0
    return float((right_K[present_K] / labelled_K[present_K]).mean())


def f1_macro(judgement: Judgement) -> float:
    """The mean over the classes of the harmonic mean of precision and recall."""
    labelled_K, predicted_K, right_K = judgement.counts.double()
    seen_K = labelled_K + predicted_K > 0
    return float((2 * right_K[seen_K] / (labelled_K + predicted_K)[seen_K]).mean())


def likelihood(judgement: Judgement) -> float:
    """The geometric mean of the probabilities of the true classes: exp(-log loss)."""
    mean = float(judgement.losses.double().mean())
    return math.exp(-mean) if math.isfinite(mean) else 0.0


MEASURES: Mapping[str, Callable[[Judgement], float]] = {
    PLAIN_ACCURACY: accuracy,
    BALANCED_ACCURACY: balanced_accuracy,
    F1_MACRO: f1_macro,
    LOG_LOSS: likelihood,
}


@torch.inference_mode()
def judge(
    model: nn.Module,
    data: JudgedData,
    setting: Setting,
    limit: int | None = None,
    batch: int | None = None,
    step_lock: StepLock = nullcontext,
) -> Judgement:
    """Judge a network on the first `limit` validation images, by default on all; holds the lock for each batch."""
    model.eval()
    labels_N = data.validation_labels[:limit]
    batch = batch or EVALUATION_BATCH[labels_N.device.type]
    predicted: list[Tensor] = []
    losses: list[Tensor] = []
    for first in range(0, len(labels_N), batch):
        labels_B = labels_N[first : first + batch]
        with step_lock(), setting.cast(labels_B.device):
            logits_BK = model(setting.batch(data.normalise(data.held_out(first, first + len(labels_B)))))
            predicted.append(logits_BK.argmax(1))
            losses.append(F.cross_entropy(logits_BK.float(), labels_B, reduction="none"))
    with step_lock():
        return Judgement(labels_N.cpu(), torch.cat(predicted).cpu(), torch.cat(losses).cpu(), data.metric)
