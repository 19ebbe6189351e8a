"""The options of a search, declared once: the command line, the REST schema and the docs' table derive from them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from nas import plugins
from nas.architecture import Size
from nas.errors import OptionError
from nas.evaluation import EvaluationOptions, Resources, RunningTrial
from nas.options import (
    AUTO_COLOUR,
    BACKGROUND,
    CHECK_PICTURES,
    COLOUR,
    DATA_MEMORY,
    DEFAULT_LATENCY_PRECISION,
    DEFAULT_MAX_PIXELS,
    DEFAULT_STORAGE,
    EMPTY_CLASSES,
    FLIP,
    FOLLOW_LINKS,
    HEADERS,
    INPUT_SIZE,
    LATENCY_PRECISION,
    MAX_LATENCY,
    METRIC,
    MIN_ACCURACY,
    PIXEL_LIMIT,
    RAY_ADDRESS,
    RESIZE,
    SHIFT,
    SKIP_UNREADABLE,
    STORAGE,
    Option,
    check_options,
)
from nas.space import SearchSpace
from nas.space.loading import check_space
from nas.space.size import with_size
from nas.study.baseline_choice import FEW, named

_NAME = re.compile(r"[^/\\\x00-\x1f\x7f]+")
# What numpy's and torch's generators take.
MAX_SEED = 2**32 - 1
DEFAULT_BUDGET = 200
# Without a target training.
DEFAULT_CONFIRM = 2
# The target training that the user wants.
AUTO_TARGET, FULL, NO_TARGET = "auto", "full", "none"


@dataclass(frozen=True)
class SearchOptions:
    """The user's options for a search. None leaves a value to the data, the machine or, for `study`, the settings."""

    space: str = Option("Search space (`nas spaces` lists them) or YAML file.", metavar="NAME|FILE").default("hybrid")
    size: str | None = Option(
        "Scale the space: s, m (as declared), l, xl, or auto: the smallest that reaches --max-latency.",
        metavar="SIZE",
        default_text="m",
    ).default(None)
    budget: int | None = Option(
        "Number of trials that the study has at the end; those of earlier runs count.",
        metavar="N",
        minimum=1,
        default_text=f"{DEFAULT_BUDGET}; with --time no limit",
    ).default(None)
    time_s: float | None = Option(
        "Time of the search, confirmation included, such as 30s, 10m or 1h; without --epochs it also decides "
        "how long a training is.",
        flag="--time",
        metavar="TIME",
        kind="duration",
        above=0,
        unit="seconds",
    ).default(None)
    target_epochs: int | None = Option(
        "Epochs of the target training, by which the front is judged: what is promising among the trials is trained "
        "that long in the end, and its weights are kept.",
        metavar="N",
        above=0,
        default_text="as the budget or the time allows",
    ).default(None)
    target_train_size: int | None = Option(
        "Images of the target training.",
        metavar="N",
        above=0,
        default_text="all that no network is judged by, as far as the budget or the time allows",
    ).default(None)
    target_training: str = Option(
        "auto (as long as the budget or the time allows), full (as long as is worthwhile on the data) or none: the "
        "front is judged by the trials' own short trainings.",
        metavar="NAME",
        choices=(AUTO_TARGET, FULL, NO_TARGET),
    ).default(AUTO_TARGET)
    confirm: int | None = Option(
        "Number of further seeds to train each member of the front with, as shortly as the trials; no target training "
        "then.",
        metavar="K",
        minimum=0,
        default_text="none where there is a target training, else 2",
    ).default(None)
    early_stopping: bool = Option("Stop no training early: train every proxy for all epochs.").default(True)
    flat_below: float | None = Option(
        "End the search when the remaining trials are expected to add less than this share to the hypervolume; "
        "1% where no share is given.",
        flag="--stop-when-flat",
        metavar="P%",
        kind="share",
        alone=0.01,
    ).default(None)
    start_from: tuple[str, ...] = Option(
        "Architectures to try first: a study's front, a config, a published model or all published ones. The "
        "sampler ehvi also learns from a study's trials.",
        metavar="STUDY|CONFIG|MODEL|published",
    ).default(())
    baselines: tuple[str, ...] = Option(
        "Known networks to train beside the trials: few that suit the pictures, or plain-cnn-m, timm:resnet10t, "
        "your own module:function, ...; separated by commas or given again.",
        metavar="none|few|NAMES",
    ).default((FEW,))
    study: str | None = Option(
        "Study to begin or go on with; by default named after the settings.",
        metavar="NAME",
        default_text="from the settings",
    ).default(None)
    accept_changed_data: bool = Option(
        "Begin a new study if the data set's pictures have changed since the last one; a --study that exists is "
        "still refused."
    ).default(False)
    storage: str = STORAGE.default(DEFAULT_STORAGE)
    owner: str | None = Option(
        "Person to whom a new study belongs: through `nas dashboard` only that one or an admin stops, changes or "
        "deletes it.",
        metavar="NAME",
    ).default(None)
    sampler: str = Option(
        "Algorithm that proposes architectures: ehvi (expected hypervolume improvement), or Optuna's tpe, "
        "nsga2, nsga3, gp, qmc or random.",
        metavar="NAME",
    ).default("ehvi")
    evaluator: str = Option(
        "How architectures are judged: proxy (each is trained briefly) or supernet (one training for all, then "
        "inference alone).",
        metavar="NAME",
    ).default(plugins.EVALUATOR)
    supernet_epochs: int | None = Option(
        "Number of epochs of the supernet's training.",
        metavar="N",
        above=0,
        default_text="20 proxies' worth",
    ).default(None)
    inherit: bool = Option("Train the front's members from the supernet's weights instead of from scratch.").default(
        False
    )
    dataset: str = Option(
        "Data set: digits, fashion-mnist, cifar10, cifar100, imagefolder:PATH or table:FILE.", metavar="NAME"
    ).default("digits")
    data_dir: Path | None = Option("Folder that holds the data set.", metavar="DIR").default(None)  # noqa: RUF009
    download: bool = Option("Fetch the data set into --data-dir if it is not there.").default(False)
    follow_links: bool = FOLLOW_LINKS.default(False)
    empty_classes: bool = EMPTY_CLASSES.default(False)
    skip_unreadable: bool = SKIP_UNREADABLE.default(False)
    check_pictures: str = CHECK_PICTURES.default(HEADERS)
    epochs: int | None = Option(
        "Number of epochs of a proxy training.",
        metavar="N",
        above=0,
        default_text="by data set",
    ).default(None)
    train_size: int | None = Option(
        "Number of images that a proxy is trained on.", metavar="N", above=0, default_text="by data set"
    ).default(None)
    input_size_px: Size | None = replace(  # noqa: RUF009
        INPUT_SIZE,
        help="Size in pixels of the images that proxies are trained on: the side of squares, or height and width.",
        default_text="by data set",
    ).default(None)
    colour: str = COLOUR.default(AUTO_COLOUR)
    resize: str | None = RESIZE.default(None)
    background: str | None = BACKGROUND.default(None)
    max_pixels: int = PIXEL_LIMIT.default(DEFAULT_MAX_PIXELS)
    data_memory: int | None = DATA_MEMORY.default(None)
    flip: bool | None = FLIP.default(None)
    shift: float | None = SHIFT.default(None)
    batch_size: int | None = Option(
        "Batch size of proxy trainings.",
        metavar="N",
        above=0,
        default_text="by the data and the epochs",
    ).default(None)
    learning_rate: float | None = Option(
        "Peak learning rate of proxy trainings.",
        metavar="X",
        above=0,
        default_text="by the batch size",
    ).default(None)
    train_precision: str = Option(
        "Number format of trainings: fp32, bf16, or auto (the faster one for each architecture, by a short probe).",
        metavar="NAME",
        choices=("auto", "fp32", "bf16"),
    ).default("auto")
    targets: tuple[str, ...] = Option(
        "Target on which latency is measured (`nas targets` lists them); repeatable: latency on further targets "
        "is recorded.",
        flag="--target",
        metavar="NAME[:option=value,...]",
        default_text="cpu, or cuda where proxies train there",
    ).default(())
    objectives: tuple[str, ...] = Option(
        "Quantity to optimise: accuracy, latency, latency@TARGET, parameters, macs, peak_memory or energy; repeatable.",
        flag="--objective",
        metavar="NAME",
    ).default(("accuracy", "latency"))
    metric: str | None = METRIC.default(None)
    features: tuple[str, ...] = Option(
        "Feature that needs no training, for the sampler ehvi to learn from: parameters, macs, naswot, "
        "gradient_norm or synaptic; repeatable.",
        flag="--feature",
        metavar="NAME",
    ).default(())
    latency_precision: float = LATENCY_PRECISION.default(DEFAULT_LATENCY_PRECISION)
    device: str | None = Option(
        "Device that proxies are trained on: cpu or cuda.",
        metavar="NAME",
        default_text="cuda where there is one",
    ).default(None)
    max_latency_ms: float | None = replace(
        MAX_LATENCY, help="Latency limit on the first --target: slower architectures are not trained."
    ).default(None)
    min_accuracy: float | None = replace(
        MIN_ACCURACY,
        help="Least accuracy, by --metric: architectures below it are not on the front, and their trainings are "
        "stopped early.",
    ).default(None)
    workers: int | None = Option(
        "Number of trials that run at the same time.",
        metavar="N",
        minimum=1,
        default_text="one per core as far as memory allows, or per GPU share",
    ).default(None)
    gpus_per_trial: float | None = Option(
        "Number of GPUs for a trial; a fraction lets several trials share one.",
        metavar="X",
        above=0,
        default_text="1 on CUDA",
    ).default(None)
    ray_address: str | None = RAY_ADDRESS.default(None)
    cpus_per_trial: float | None = Option(
        "Number of a Ray cluster's cores that a trial takes.", metavar="X", above=0, default_text="1"
    ).default(None)
    resources: Mapping[str, float] = Option(
        "Custom resource of a Ray cluster that a trial takes; repeatable.",
        flag="--resource",
        metavar="NAME=AMOUNT",
    ).default({})
    seed: int = Option("Seed of everything drawn at random.", metavar="N", minimum=0, maximum=MAX_SEED).default(0)
    runner: str = "ray"
    space_object: SearchSpace | None = None
    """A space of the caller's own, in place of one by name or file."""
    evaluate: Callable[[Any, RunningTrial], Any] | None = None
    """The training function of the evaluator `function`."""
    pictures: Any = None
    """The data set in memory that replaces `dataset`: (images, labels) or a torch Dataset."""
    recorded_space: SearchSpace | None = None
    """The space as the study has it on record, where `space` names a file that is not here."""
    training_recipe: Mapping[str, Any] | None = None
    """A recorded recipe that trials are trained by, of a study that goes on (nas.exports.training.TrainingRecipe)."""
    stratify: bool = True
    """Whether splits may be stratified by class; not in a study that was begun without that."""

    def check(self) -> None:
        """Raises ParameterError or UnknownNameError for what can be seen to be wrong without loading anything."""
        check_options(self)
        if self.study == "":
            raise OptionError("{study} {!r} is empty; leave the option out to name the study by its settings", "")
        if self.study is not None and (self.study in (".", "..") or not _NAME.fullmatch(self.study)):
            # It is a part of addresses, and beside it configs are named by their paths.
            raise OptionError("{study} {!r} may have no slash, no control character, and be no dots alone", self.study)
        if self.recorded_space is None and self.space_object is None:
            check_space(self.sized_space)
        named(self.baselines)
        for group, name in (
            (plugins.DATASETS, self.dataset.partition(":")[0]),
            (plugins.SAMPLERS, self.sampler),
            (plugins.EVALUATORS, self.evaluator),
            (plugins.RUNNERS, self.runner),
        ):
            plugins.check(group, name)
        for target in self.targets:
            plugins.check(plugins.TARGETS, target.partition("@")[0].partition(":")[0])

    @property
    def max_trials(self) -> int | None:
        """The budget; None where time alone is the limit."""
        return self.budget or (DEFAULT_BUDGET if self.time_s is None else None)

    @property
    def sized_space(self) -> str:
        """The space's name with its size. Raises ParameterError for an unknown size, and for two."""
        return with_size(self.space, self.size)

    @property
    def index_folder(self) -> Path | None:
        """The database's folder, where it is a file: indices of picture files are beside it."""
        # Its import takes longer than `nas --help`.
        from nas.store.engine import parse_url, sqlite_file

        file = sqlite_file(parse_url(self.storage))
        return None if file is None else file.absolute().parent

    @property
    def evaluation(self) -> EvaluationOptions:
        """The options that evaluators receive."""
        return EvaluationOptions(**{entry.name: getattr(self, entry.name) for entry in fields(EvaluationOptions)})

    @property
    def cluster_share(self) -> Resources:
        """The resources that trials may use."""
        return Resources(self.workers, self.gpus_per_trial, self.ray_address, self.cpus_per_trial, dict(self.resources))
