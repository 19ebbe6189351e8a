"""Training as pure data: the recipe that `nas search` and `nas retrain` share, and the trainer of the latter.

Trainers are entry points of group `nas.trainers`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Protocol, Self

from nas import plugins
from nas.architecture import Size
from nas.exports.source import Source
from nas.options import (
    AUTO_COLOUR,
    BACKGROUND,
    CHECK_PICTURES,
    COLOUR,
    DATA_MEMORY,
    DEFAULT_MAX_PIXELS,
    EMPTY_CLASSES,
    FLIP,
    FOLLOW_LINKS,
    HEADERS,
    INPUT_SIZE,
    METRIC,
    PIXEL_LIMIT,
    RESIZE,
    SHIFT,
    SKIP_UNREADABLE,
    Option,
    check_options,
    option_fields,
)

# Under this name a study's settings hold its recipe. Studies without one were trained by `LEGACY`.
RECIPE_SETTING = "training_recipe"
LEGACY = "legacy"


@dataclass(frozen=True)
class TrainingRecipe:
    """Everything that decides how a network is trained on given pictures. Rates and probabilities are from 0 to 1.

    The defaults are the recipe of searches before recipes were recorded (`LEGACY`). 0 leaves an augmentation out.
    """

    epochs: int
    """Passes over the pictures; 0 where `time_s` decides."""
    batch_size: int
    """Pictures in a step, over all workers."""
    learning_rate: float
    """The schedule's peak, for the batch as a whole."""
    weight_decay: float = 0.05
    precision: str = "auto"
    name: str = LEGACY
    optimiser: str = "adamw"
    """A name of workers.training.optimiser.OPTIMISERS."""
    vector_decay: bool = True
    """Whether norms' scales and biases decay as matrices and filters do."""
    schedule: str = "one_cycle"
    """A name of workers.training.schedule.SCHEDULES."""
    warm_up: float = 0.2
    """Share of the training in which the learning rate rises."""
    label_smoothing: float = 0.0
    mirror: str = "random"
    """Where the data set allows it: each picture mirrored at `random`, or in every other epoch (`alternate`)."""
    whiten: bool = False
    """Whether the first convolution whitens the pictures' patches and stays as it is."""
    fast_statistics: bool = False
    """Whether batch norms' running statistics follow faster in a training of few steps."""
    folds: int = 1
    """Trainings, each judged on another part of the training pictures, whose verdicts make one accuracy."""
    time_s: float | None = None
    """The training's wall time, which the schedule then follows."""
    rand_augment_ops: int = 0
    rand_augment_magnitude: int = 9
    mixup: float = 0.0
    cutmix: float = 0.0
    mix_from_epochs: int = 0
    """Mixup and cutmix are for trainings of at least this many epochs: short ones do without."""
    erasing: float = 0.0
    drop_path: float = 0.0
    """Stochastic depth of the last block (Huang et al.); earlier ones have less."""
    ema_decay: float = 0.0
    """Of a moving average of the weights, which is then judged and kept."""

    @property
    def has_plain_steps(self) -> bool:
        """Whether pictures are only shifted and mirrored, which a CUDA graph can capture."""
        is_mixed = self.epochs >= self.mix_from_epochs and (self.mixup or self.cutmix)
        return not (self.rand_augment_ops or self.erasing or is_mixed)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`; fields that the record lacks have their defaults."""
        known = {declared.name for declared in fields(cls)}
        return cls(**{name: value for name, value in record.items() if name in known})

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """The recipe that a study's recorded settings name, `LEGACY` where they were recorded before there were any."""
        if RECIPE_SETTING in settings:
            return cls.from_dict(settings[RECIPE_SETTING])
        return cls(settings["epochs"], settings["batch_size"], settings["learning_rate"])

    def as_settings(self) -> dict[str, Any]:
        """The settings that record the recipe, such that `from_settings` gives it again."""
        plain = {"batch_size": self.batch_size, "learning_rate": self.learning_rate}
        # The precision that is fastest differs by machine.
        recorded = {name: value for name, value in self.to_dict().items() if name != "precision"}
        return plain if self.name == LEGACY else {**plain, RECIPE_SETTING: recorded}


def _recipe(help_: str, *, metavar: str = "X", **bounds: float) -> Any:
    """An option that replaces the recipe's field of the same name."""
    return Option(help_, metavar=metavar, is_of_recipe=True, **bounds).default(None)  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """The user's options for one training of `source`. None leaves a value to the config, the recipe or the machine."""

    source: Source
    dataset: str | None = Option(
        "Data set, as for `nas search`; by default the one of the search that found the config.", metavar="NAME"
    ).default(None)
    data_dir: Path | None = Option("Folder that holds the data set.", metavar="DIR").default(None)  # noqa: RUF009
    download: bool = Option("Fetch the data set into --data-dir if it is not there.").default(False)
    follow_links: bool = FOLLOW_LINKS.default(False)
    empty_classes: bool = EMPTY_CLASSES.default(False)
    skip_unreadable: bool = SKIP_UNREADABLE.default(False)
    check_pictures: str = CHECK_PICTURES.default(HEADERS)
    input_size_px: Size | None = INPUT_SIZE.default(None)  # noqa: RUF009
    colour: str = COLOUR.default(AUTO_COLOUR)
    resize: str | None = RESIZE.default(None)
    background: str | None = BACKGROUND.default(None)
    max_pixels: int = PIXEL_LIMIT.default(DEFAULT_MAX_PIXELS)
    data_memory: int | None = DATA_MEMORY.default(None)
    flip: bool | None = FLIP.default(None)
    shift: float | None = SHIFT.default(None)
    metric: str | None = METRIC.default(None)
    output: Path = Option("Folder for weights and figures.", metavar="DIR").required
    time_s: float | None = Option(
        "Time of the training, such as 30s, 10m or 1h.", flag="--time", metavar="TIME", kind="duration"
    ).default(None)
    recipe: str = Option(
        "Training recipe: policy (as `nas search` trains, chosen by data and time) or published (heavy "
        "augmentation, for long trainings).",
        metavar="NAME",
    ).default("policy")
    epochs: int | None = _recipe("Epochs.", metavar="N", above=0)
    batch_size: int | None = _recipe("Images in a step, over all workers.", metavar="N", above=0)
    learning_rate: float | None = _recipe("Peak learning rate.", above=0)
    weight_decay: float | None = _recipe("Weight decay, of matrices and filters alone.", minimum=0)
    warmup_epochs: float | None = _recipe("Epochs in which the learning rate rises.", minimum=0)
    rand_augment_ops: int | None = _recipe("RandAugment: operations per image; 0 for none.", metavar="N", minimum=0)
    rand_augment_magnitude: int | None = _recipe(
        "RandAugment: their magnitude, 0 to 30.", metavar="N", minimum=0, maximum=30
    )
    mixup: float | None = _recipe("Mixup's alpha; 0 for none.", minimum=0)
    cutmix: float | None = _recipe("Cutmix's alpha; 0 for none.", minimum=0)
    erasing: float | None = _recipe("Probability of erasing a part of an image.", minimum=0, below=1)
    label_smoothing: float | None = _recipe("Share of the label that goes to all classes.", minimum=0, below=1)
    drop_path: float | None = _recipe("Stochastic depth of the last block; earlier ones have less.", minimum=0, below=1)
    ema_decay: float | None = _recipe("Decay of the weights' moving average; 0 for none.", minimum=0, below=1)
    validation: float = Option(
        "Hold out this share of the training pictures, to judge each epoch; without it all of them train.",
        metavar="P%",
        kind="share",
    ).default(0.0)
    workers: int = Option("Number of training processes; on CUDA each has a GPU.", metavar="N", minimum=1).default(1)
    threads: int | None = Option("CPU threads of each worker.", metavar="N", minimum=1).default(None)
    device: str | None = Option(
        "Device to train on: cpu or cuda; by default cuda if this machine has it.", metavar="NAME"
    ).default(None)
    precision: str = Option(
        "Number format of the training: fp32, bf16, or auto (the faster one on this machine).",
        metavar="NAME",
        choices=("auto", "fp32", "bf16"),
    ).default("auto")
    seed: int = Option("Seed of all draws.", metavar="N", minimum=0).default(0)

    def check(self) -> None:
        """Raises ParameterError or UnknownNameError for what can be seen to be wrong without loading anything."""
        if self.dataset is not None:
            plugins.check(plugins.DATASETS, self.dataset.partition(":")[0])
        check_options(self)

    @property
    def overrides(self) -> dict[str, Any]:
        """The fields of TrainingRecipe that replace the recipe's own, `warmup_epochs` besides."""
        names = [option.name for option in option_fields(type(self)) if option.declared.is_of_recipe]
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


@dataclass(frozen=True)
class Epoch:
    """One epoch of a training: mean training loss, accuracy from 0 to 1 on held-out pictures if there are any, seconds.

    `epochs` is the number planned; with a time limit an estimate, and the last epoch may be a part of one. `images` is
    the number of held-out pictures that the accuracy is of: before the last epoch a part of them.
    """

    epoch: int
    epochs: int
    loss: float
    accuracy: float | None
    seconds: float
    images: int | None = None


@dataclass(frozen=True)
class TrainingResult:
    """The end of a training: the accuracy on the data set's test part, and the curve."""

    test_accuracy: float
    curve: tuple[Epoch, ...]
    recipe: TrainingRecipe
    settings: Mapping[str, Any]
    train_accuracy: float | None = None
    """On training pictures as they are, without augmentation."""


class TrainingWatcher(Protocol):
    """Callbacks of a training, in the driver."""

    def started(self, settings: Mapping[str, Any], *, resumed: bool) -> None:
        """`resumed` tells that there is a checkpoint to go on from."""

    def noted(self, event: str, fields: Mapping[str, Any]) -> None:
        """Another event happened, with these details as JSON values; its `message` says it in words."""

    def trained(self, epoch: Epoch) -> None: ...

    def warned(self, message: str) -> None:
        """Advice for the user, one line."""


class Trainer(Protocol):
    """Trains a config's network and writes config, weights and figures into the output folder."""

    def __call__(self, options: TrainingOptions, watcher: TrainingWatcher) -> TrainingResult:
        """Goes on where an earlier call with the same output folder and options stopped.

        Raises UserError for options that cannot be served, SearchInterruptedError when the machinery breaks down.
        """
