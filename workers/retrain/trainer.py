"""The driver of a full training: runs Ray Train, then writes config, weights and figures to the output folder."""

import json
import logging
import math
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ray
import torch
from ray.train import CheckpointConfig, Result, RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer
from ray.util.queue import Empty, Queue
from safetensors.torch import save

from nas import plugins
from nas.errors import DataError, NasError, ParameterError, SearchInterruptedError
from nas.exports.config import CONFIG_FILE, RETRAINED, ExportedConfig
from nas.exports.output_file import atomic_write, make_folder, write_text
from nas.exports.preprocessing import Preprocessing
from nas.exports.source import BASELINE, WEIGHTS_FILE
from nas.exports.training import Epoch, TrainingOptions, TrainingRecipe, TrainingResult, TrainingWatcher
from nas.latency.byte_size import bytes_text
from nas.latency.machine import available_cores
from nas.options import PLAIN_ACCURACY
from nas.results.metric import METRIC_SETTING
from workers.data.dataset import Dataset
from workers.data.image_memory import bound_bytes
from workers.data.settings import data_settings, picture_settings
from workers.device import choose_device
from workers.ray.environment import ray_environment
from workers.ray.interruption import handle_signals
from workers.ray.start import start_ray, starting
from workers.retrain.advice import training_warnings
from workers.retrain.failure import training_error
from workers.retrain.loop import CHECKPOINT, Assignment, work
from workers.retrain.part import TrainingPart, training_part
from workers.retrain.recipes import recipe_for
from workers.retrain.record import digest_settings, recorded
from workers.retrain.recorded_options import with_recorded
from workers.retrain.untested import UNTESTED_FILE, keep_untested, tested, untested_metrics
from workers.training.policy import TrainingTask, worthwhile_epochs
from workers.training.setting import PRECISIONS

RAY_TRAIN = {
    "RAY_TRAIN_V2_ENABLED": "1",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    # Ray Train looks for its workers' reports at this interval, by default 2 s, and as long after their end.
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2",
    # Both are for clusters, and take a process each and time at the start.
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
    "RAY_TRAIN_METRICS_ENABLED": "0",
}
RUN = "checkpoints"
METRICS_FILE = "metrics.json"
# A training of fewer than this share of the worthwhile epochs is short, which a warning says.
SHORT_SHARE = 1 / 4
# A network underfits whose accuracy on training pictures is higher by less than this
MAX_UNDERFIT_GAP = 0.02
# and is below this.
LEARNT_ACCURACY = 0.95


def retrain(options: TrainingOptions, watcher: TrainingWatcher) -> TrainingResult:
    """Train, and write the output folder; a nas.exports.training.Trainer."""
    options = with_recorded(replace(options, dataset=_dataset_of(options)))
    assignment, task, part = _assignment(options)
    make_folder("--output", options.output)
    finished = options.output / METRICS_FILE
    has_checkpoint = any((options.output / RUN).glob("checkpoint*"))
    untested = untested_metrics(options.output)
    settings = recorded(
        options.output,
        _settings(assignment, options, part.content),
        has_trained=has_checkpoint or finished.is_file() or untested is not None,
    )
    watcher.started(settings, resumed=has_checkpoint)
    if finished.is_file():
        metrics = json.loads(finished.read_text(encoding="utf-8"))
        curve = tuple(Epoch(**point) for point in metrics["curve"])
        train_accuracy = metrics.get("train_accuracy")
        return TrainingResult(metrics["test_accuracy"], curve, assignment.recipe, settings, train_accuracy)
    watcher.noted("data", part.census.as_json())
    for note in (*part.census.notes, *_streaming(assignment, len(part.source.labels))):
        watcher.noted("data", {"message": note})
    if untested is None:
        advice = () if has_checkpoint else training_warnings(options, assignment, part.source)
        for warning in (*part.warnings, *advice):
            watcher.warned(warning)
        metrics = _trained(assignment, options, settings, _ShortTraining(watcher, assignment.recipe, task))
    else:
        try:
            metrics = tested(assignment, untested, options.output)
        except DataError as error:
            raise _not_tested(str(error), options) from error
    curve = tuple(Epoch(**point) for point in metrics["curve"])
    result = TrainingResult(
        metrics["test_accuracy"], curve, assignment.recipe, settings, train_accuracy=metrics["train_accuracy"]
    )
    _write(options, assignment, result, metrics)
    train_accuracy, test_accuracy = metrics["train_accuracy"], metrics["test_accuracy"]
    if train_accuracy - test_accuracy < MAX_UNDERFIT_GAP and train_accuracy < LEARNT_ACCURACY:
        watcher.warned(
            f"on training pictures the network reaches {train_accuracy:.1%}, hardly more than on new ones: "
            "a longer training (--time, --epochs) or a larger network would be more accurate"
        )
    return result


def _trained(
    assignment: Assignment, options: TrainingOptions, settings: Mapping[str, Any], watcher: TrainingWatcher
) -> dict[str, Any]:
    """Train and write the weights; return the metrics. Raises DataError where the test part cannot be read."""
    outcome = _run(assignment, options, watcher)
    if outcome.error is not None or outcome.checkpoint is None or outcome.metrics is None:
        raise SearchInterruptedError(f"the training broke down ({outcome.error}); the same command goes on with it")
    metrics: dict[str, Any] = outcome.metrics
    with outcome.checkpoint.as_directory() as folder:
        state = torch.load(Path(folder) / CHECKPOINT, map_location="cpu", weights_only=True)["judged"]
    with atomic_write("--output", options.output / WEIGHTS_FILE) as file:
        file.write_bytes(save({name: weight.contiguous() for name, weight in state.items()}))
    if (problem := metrics.pop("test_error", None)) is not None:
        _write_config(options, assignment, settings, metrics)
        keep_untested(options.output, metrics)
        raise _not_tested(problem, options)
    return metrics


def _not_tested(problem: str, options: TrainingOptions) -> DataError:
    return DataError(
        f"{problem}; the network is trained and its weights are in {str(options.output)!r}, but its test accuracy is "
        "not known: mend the test part, then the same command judges it"
    )


@dataclass
class _ShortTraining:
    """A watcher that warns, at the first epoch, of a training with far fewer epochs than are worthwhile."""

    watcher: TrainingWatcher
    recipe: TrainingRecipe
    task: TrainingTask

    def started(self, settings: Mapping[str, Any], *, resumed: bool) -> None:
        self.watcher.started(settings, resumed=resumed)

    def warned(self, message: str) -> None:
        self.watcher.warned(message)

    def noted(self, event: str, fields: Mapping[str, Any]) -> None:
        self.watcher.noted(event, fields)

    def trained(self, epoch: Epoch) -> None:
        self.watcher.trained(epoch)
        worthwhile = worthwhile_epochs(self.task)
        if epoch.epoch > 1 or epoch.epochs >= SHORT_SHARE * worthwhile:
            return
        fits = f"in {self.recipe.time_s:g} s each picture is seen" if self.recipe.time_s else "each picture is seen"
        self.watcher.warned(
            f"a short training: {fits} about {epoch.epochs} times, and accuracy still rises with more; "
            f"{worthwhile} epochs would take about {duration(worthwhile * epoch.seconds)} (--time, --epochs)"
        )


def duration(seconds: float) -> str:
    """Seconds in the format of `--time`."""
    if seconds < 60:
        return f"{math.ceil(seconds)}s"
    return f"{math.ceil(seconds / 60)}m" if seconds < 2 * 3600 else f"{math.ceil(seconds / 3600)}h"


def _dataset_of(options: TrainingOptions) -> str:
    """The data set that the user names, by default the one recorded in the config."""
    recorded = options.source.config.provenance.get("dataset")
    if options.dataset is None and not isinstance(recorded, str):
        raise ParameterError("--dataset is needed: the config does not name the data set that its network is for")
    return options.dataset or str(recorded)


def _assignment(options: TrainingOptions) -> tuple[Assignment, TrainingTask, TrainingPart]:
    """Make the assignment, and open the data; check all that can be checked before Ray starts."""
    name, _, argument = str(options.dataset).partition(":")
    plugins.check(plugins.DATASETS, name)
    default: Dataset = plugins.load(plugins.DATASETS, name)
    if options.precision not in PRECISIONS:
        raise ParameterError(f"unknown --precision {options.precision!r}; valid: {', '.join(PRECISIONS)}")
    if options.workers < 1:
        raise ParameterError(f"--workers {options.workers} is below 1")
    if options.threads is not None and options.threads > (cores := available_cores()):
        raise ParameterError(f"--threads {options.threads} is more than the {cores} cores that this process may use")
    dataset = default.augmented(options.flip, options.shift)
    config = options.source.config
    size_px = options.input_size_px or (
        dataset.size_px if config.provenance.keys() & {"published", BASELINE} else config.model_input.size_px
    )
    part = training_part(options, dataset, argument, size_px)
    model_input = part.model_input
    images = round(len(part.source.labels) * (1 - options.validation))
    shorter_px = min(model_input.height_px, model_input.width_px)
    task = TrainingTask(images, shorter_px, model_input.channels, model_input.classes, dataset.flip)
    recipe = recipe_for(options.recipe, name, task, options.overrides, options.time_s)
    with torch.device("meta"):
        plugins.load(plugins.BUILDERS, config.builder).build(config.architecture, model_input)
    if options.source.weights is not None:
        # Unreadable weights, or another network's, raise here and not in a worker.
        resized = replace(config, model_input=model_input)
        plugins.load(plugins.WEIGHTS, "safetensors")(resized, options.source.weights)
    device = choose_device(options.device)
    if device == "cuda" and options.workers > torch.cuda.device_count():
        raise ParameterError(
            f"--workers {options.workers} is more than this machine's {torch.cuda.device_count()} GPUs"
        )
    assignment = Assignment(
        architecture=config.architecture,
        model_input=model_input,
        classes=part.source.classes,
        builder=config.builder,
        weights=str(options.source.weights.resolve()) if options.source.weights else None,
        dataset=name,
        request=part.request,
        rules=part.rules,
        flip=dataset.flip,
        shift=dataset.shift,
        recipe=replace(recipe, precision=options.precision),
        validation=options.validation,
        metric=options.metric or PLAIN_ACCURACY,
        device=device,
        threads=options.threads or max(1, available_cores() // options.workers),
        seed=options.seed,
        max_data_bytes=bound_bytes(options.data_memory) // options.workers,
    )
    return assignment, task, part


def _streaming(assignment: Assignment, images: int) -> Iterator[str]:
    """A line for the user where a worker decodes pictures as it needs them, rather than once."""
    size = assignment.model_input
    decoded_bytes = images * size.channels * size.height_px * size.width_px
    if decoded_bytes > assignment.max_data_bytes:
        yield (
            f"{images:,} decoded pictures take {bytes_text(decoded_bytes)}, and --data-memory allows "
            f"{bytes_text(assignment.max_data_bytes)} a worker: they are decoded as they are needed, in each epoch"
        )


def _settings(assignment: Assignment, options: TrainingOptions, content: Mapping[str, Any]) -> dict[str, Any]:
    dataset: Dataset = plugins.load(plugins.DATASETS, assignment.dataset)
    augmented = dataset.augmented(assignment.flip, assignment.shift)
    is_stratified = assignment.request.stratify
    return {
        "key": assignment.architecture.key,
        "dataset": options.dataset,
        "input": assignment.model_input.to_dict(),
        **picture_settings(dataset, assignment.rules),
        "recipe": assignment.recipe.to_dict(),
        "validation": assignment.validation,
        "device": assignment.device,
        "workers": options.workers,
        "precision": assignment.recipe.precision,
        "seed": assignment.seed,
        "started_from": "weights" if assignment.weights else "scratch",
        **data_settings(dataset, augmented, assignment.metric, is_stratified=is_stratified),
        **digest_settings(options.source.weights),
        **content,
    }


@contextmanager
def _listening(reports: Queue, watcher: TrainingWatcher) -> Iterator[None]:
    """Pass each epoch that the first worker reports to the watcher, within the block."""
    over = threading.Event()

    def listen() -> None:
        while not (over.is_set() and reports.empty()):
            with suppress(Empty):
                watcher.trained(Epoch(**reports.get(timeout=0.5)))

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(timeout=10)


def _run(assignment: Assignment, options: TrainingOptions, watcher: TrainingWatcher) -> Result:
    with ray_environment(RAY_TRAIN):
        logging.getLogger("ray").setLevel(logging.ERROR)
        try:
            start_ray(options.workers + 1)
            with starting():
                reports = Queue(actor_options={"num_cpus": 0})
                trainer = TorchTrainer(
                    work,
                    train_loop_config={"assignment": assignment, "reports": reports},
                    scaling_config=ScalingConfig(num_workers=options.workers, use_gpu=assignment.device == "cuda"),
                    run_config=RunConfig(
                        name=RUN,
                        storage_path=str(options.output.resolve()),
                        checkpoint_config=CheckpointConfig(num_to_keep=2),
                    ),
                )
            with _listening(reports, watcher):
                return _fitted(trainer)
        except NasError:
            raise
        except Exception as error:
            raise training_error(error, assignment.recipe, options.output) from error
        finally:
            ray.shutdown()


def _fitted(trainer: TorchTrainer) -> Result:
    """Run the trainer in another thread: in the main one Ray would handle Ctrl-C, train on for a while and exit 1."""
    outcome: Future[Result] = Future()

    def fit() -> None:
        try:
            outcome.set_result(trainer.fit())
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=fit, daemon=True).start()
    with handle_signals():
        return outcome.result()


def _provenance(options: TrainingOptions, settings: Mapping[str, Any], metrics: Mapping[str, Any]) -> dict[str, Any]:
    retrained = {
        **settings,
        "precision": metrics["precision"],
        "epochs": len(metrics["curve"]),
        "seconds": round(metrics["elapsed_s"], 1),
        "test_accuracy": metrics["test_accuracy"],
        "train_accuracy": metrics["train_accuracy"],
    }
    return {**options.source.config.provenance, RETRAINED: retrained}


def _write_config(
    options: TrainingOptions, assignment: Assignment, settings: Mapping[str, Any], metrics: Mapping[str, Any]
) -> ExportedConfig:
    """Write and return the config of the trained network."""
    trained = ExportedConfig(
        assignment.architecture,
        assignment.model_input,
        assignment.builder,
        _provenance(options, settings, metrics),
        preprocessing=_preprocessing(assignment, metrics),
    )
    write_text("--output", options.output / CONFIG_FILE, json.dumps(trained.to_dict(), indent=2) + "\n")
    return trained


def _preprocessing(assignment: Assignment, metrics: Mapping[str, Any]) -> Preprocessing:
    """The way from a picture to the trained network's input."""
    size = assignment.model_input
    return Preprocessing(
        size.height_px,
        size.width_px,
        tuple(metrics["mean"]),
        tuple(metrics["std"]),
        assignment.classes,
        **vars(assignment.rules),
    )


def _write(
    options: TrainingOptions, assignment: Assignment, result: TrainingResult, metrics: Mapping[str, Any]
) -> None:
    """Write what describes the weights, which are in the output folder."""
    trained = _write_config(options, assignment, result.settings, metrics)
    page = plugins.load(plugins.PAGES, "curve")(trained, result)
    write_text("--output", options.output / "curve.html", page)
    # Written last: its presence means that the training is finished and all files are written.
    figures = {
        **{name: value for name, value in result.settings.items() if name == METRIC_SETTING},
        "test_accuracy": result.test_accuracy,
        "train_accuracy": result.train_accuracy,
        "epochs": len(result.curve),
        "seconds": round(metrics["elapsed_s"], 1),
        "curve": [vars(point) for point in result.curve],
    }
    write_text("--output", options.output / METRICS_FILE, json.dumps(figures, indent=2) + "\n")
    (options.output / UNTESTED_FILE).unlink(missing_ok=True)
