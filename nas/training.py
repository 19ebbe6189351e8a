"""What `nas retrain` asks of whoever trains: entry points of group `nas.trainers`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from nas.export.source import Source


@dataclass(frozen=True)
class TrainingRecipe:
    """The full recipe. `learning_rate` is the peak for the batch as a whole; rates and probabilities are from 0 to 1.

    AdamW (Loshchilov and Hutter), warm-up and cosine; RandAugment (Cubuk et al.) as operations per image and
    magnitude; mixup (Zhang et al.) and cutmix (Yun et al.) by their alphas; random erasing (Zhong et al.); label
    smoothing; stochastic depth (Huang et al.), rising with depth; a moving average of the weights. 0 leaves one out.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float = 0.05
    warmup_epochs: float = 1.0
    rand_augment_ops: int = 0
    rand_augment_magnitude: int = 9
    mixup: float = 0.0
    cutmix: float = 0.0
    erasing: float = 0.0
    label_smoothing: float = 0.1
    drop_path: float = 0.0
    ema_decay: float = 0.0


@dataclass(frozen=True)
class TrainingOptions:
    """What the user asked of a training. `overrides` are fields of TrainingRecipe, over the data set's defaults."""

    source: Source
    output: Path
    dataset: str
    data_dir: Path | None = None
    download: bool = False
    input_size_px: int | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)
    workers: int = 1
    threads: int | None = None
    device: str | None = None
    precision: str = "auto"
    seed: int = 0


@dataclass(frozen=True)
class Epoch:
    """One epoch of a training: mean training loss, accuracies from 0 to 1, seconds."""

    epoch: int
    epochs: int
    loss: float
    accuracy: float
    seconds: float


@dataclass(frozen=True)
class TrainingResult:
    """What a training ended with: the accuracy on the data set's test part, and the curve on its validation part."""

    test_accuracy: float
    curve: tuple[Epoch, ...]
    recipe: TrainingRecipe
    settings: Mapping[str, Any]


class TrainingWatcher(Protocol):
    """Told as a training goes on, in the driver."""

    def started(self, settings: Mapping[str, Any], *, goes_on: bool) -> None:
        """`goes_on` tells that there is a checkpoint to go on from."""

    def trained(self, epoch: Epoch) -> None: ...


class Trainer(Protocol):
    """Trains a config's network and writes config, weights and figures into the output folder."""

    def __call__(self, options: TrainingOptions, watcher: TrainingWatcher) -> TrainingResult:
        """Goes on where an earlier call with the same output folder and options stopped.

        Raises UserError for options that cannot be served, SearchInterruptedError when the machinery breaks down.
        """
