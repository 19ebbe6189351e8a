"""The training in each of Ray Train's worker processes: one epoch after another, with checkpoints."""

import math
import tempfile
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import ray.train
import ray.train.torch
import torch
import torch.distributed
from torch import nn

from nas import plugins
from nas.architecture import Architecture, ModelInput
from nas.builder import Builder
from nas.errors import DataError
from nas.exports.pictures import Rules
from nas.exports.training import TrainingRecipe
from workers.allocator import keep_freed_memory
from workers.data.dataset import Dataset, Request
from workers.data.splitting import split_indices
from workers.latency.measurement_lock import locks_for, shared_step
from workers.retrain.data import FurtherPictures, Pictures, training_data
from workers.training.augmentation import augmentation_of, mix_of
from workers.training.judgement import judge
from workers.training.loop import Training, TrainingData, choose_setting, prepare_weights
from workers.training.setting import Setting

CHECKPOINT = "training.pt"
# Seconds of training per second of checkpoints: an epoch of few pictures is shorter than its checkpoint.
TRAINING_PER_CHECKPOINT = 20
# Training pictures that are judged at the end, in addition to the test part.
JUDGED_TRAINING_PICTURES = 2000


@dataclass(frozen=True)
class Assignment:
    """The description of a training for a worker process: plain data, sent by pickling."""

    architecture: Architecture
    model_input: ModelInput
    classes: tuple[str, ...]
    builder: str
    weights: str | None
    dataset: str
    request: Request
    rules: Rules
    flip: bool
    shift: float
    recipe: TrainingRecipe
    validation: float
    metric: str
    device: str
    threads: int
    seed: int
    max_data_bytes: int
    """The bytes of decoded pictures that the worker keeps in memory, at most."""


def part_request(job: Assignment) -> Request:
    """The request for a part of the data set, by the rules of the training part."""
    return replace(job.request, rules=job.rules)


def work(config: dict[str, Any]) -> None:
    """Train to the end, from the last checkpoint if there is one, and report each epoch; Ray Train calls it.

    The last report has the accuracies on the test part and on training pictures.
    """
    job: Assignment = config["assignment"]
    torch.set_num_threads(job.threads)
    keep_freed_memory()
    context = ray.train.get_context()
    rank, world = context.get_world_rank(), context.get_world_size()
    device = ray.train.torch.get_device() if job.device == "cuda" else torch.device("cpu")
    dataset: Dataset = plugins.load(plugins.DATASETS, job.dataset).augmented(job.flip, job.shift)
    source = dataset.open(part_request(job), "train")
    size_px = job.model_input.size_px
    validation_images = held_out(len(source.labels), job.validation)
    training_part, validation_part = split_indices(
        source.labels, validation_images, job.seed, stratify=job.request.stratify
    )
    training_pictures = Pictures(source, training_part, size_px, device)
    validation_pictures = Pictures(source, validation_part, size_px, device)
    data = training_data(training_pictures, validation_pictures, dataset, job.metric, job.max_data_bytes)
    # One process per machine takes the lock: several could wait for each other for ever.
    step_lock = partial(shared_step, locks_for(device.type, device.index) if context.get_local_rank() == 0 else ())
    network = _network(job, data, device)
    state = _checkpoint()
    setting = _setting(network, data, job.recipe, state.get("setting"), together=world > 1)
    training = Training(
        network,
        data,
        job.recipe,
        torch.Generator().manual_seed(job.seed),
        setting,
        step_lock,
        present=augmentation_of(job.recipe, data),
        mix=mix_of(job.recipe, job.model_input.classes),
        forward=ray.train.torch.prepare_model(network, move_to_device=False) if world > 1 else network,
        rank=rank,
        world=world,
        agree=_first_workers if world > 1 else float,
        prepared=True,
    )
    curve: list[dict[str, Any]] = state.get("curve", [])
    if state:
        training.resume(state["training"])
    # Heavy augmentation uses torch's global generator, and must differ between workers.
    torch.manual_seed((job.seed * 100_003 + training.epoch) * world + rank)
    precision = "bf16" if setting.bf16 else "fp32"
    report = _Reports(training, setting, curve, leads=rank == 0, together=world > 1)
    while not training.is_over:
        started = time.perf_counter()
        loss = training.train_epoch()
        metrics = {
            "epoch": training.epoch,
            "epochs": job.recipe.epochs or math.ceil(training.epoch / max(training.share, 1e-9)),
            "loss": loss,
            "accuracy": training.accuracy() if len(validation_part) else None,
            "images": len(training.judgement.labels) if len(validation_part) else None,
        }
        metrics["seconds"] = time.perf_counter() - started
        curve.append(metrics)
        if rank == 0:
            config["reports"].put(metrics)
        report.epoch({**metrics, "precision": precision})

    def accuracy_on(pictures: Pictures) -> float:
        judged = FurtherPictures(pictures, data.normalise, data.metric)
        return judge(training.judged, judged, setting, step_lock=step_lock).value

    mean, std = data.normalise.channels
    judged_training = replace(training_pictures, indices=training_part[:JUDGED_TRAINING_PICTURES])
    trained = {
        "precision": precision,
        "setting": str(setting),
        "curve": curve,
        "elapsed_s": training.elapsed_s,
        "mean": mean,
        "std": std,
        "train_accuracy": accuracy_on(judged_training),
    }
    # The weights are safe before a picture of the test part is read, which may be broken.
    try:
        test = dataset.open(part_request(job), "test")
        test_pictures = Pictures.all_of(test, size_px, device)
        report.end({**trained, "test_accuracy": accuracy_on(test_pictures)})
    except DataError as error:
        report.end({**trained, "test_accuracy": None, "test_error": str(error)})


def held_out(images: int, share: float) -> int:
    """The number of validation images: a share of all, at least one unless the share is 0."""
    return min(images - 1, max(1, round(images * share))) if share else 0


class _Reports:
    """The reports to Ray Train, the same number by every worker. The first worker's have the checkpoints."""

    def __init__(
        self, training: Training, setting: Setting, curve: list[dict[str, Any]], *, leads: bool, together: bool
    ) -> None:
        self._training, self._setting, self._curve = training, setting, curve
        self._leads, self._together = leads, together
        self._next_at = 0.0

    def epoch(self, metrics: dict[str, Any]) -> None:
        """Report the epoch, unless the last checkpoint is recent and no other worker waits for this one."""
        started = time.monotonic()
        if self._together or started >= self._next_at:
            self.end(metrics)
            spent = time.monotonic() - started
            self._next_at = time.monotonic() + TRAINING_PER_CHECKPOINT * spent

    def end(self, metrics: dict[str, Any]) -> None:
        if not self._leads:
            ray.train.report(metrics)
            return
        with tempfile.TemporaryDirectory() as folder:
            state = {
                "training": self._training.state(),
                "setting": str(self._setting),
                "judged": self._training.judged.state_dict(),
                "curve": self._curve,
            }
            torch.save(state, Path(folder) / CHECKPOINT)
            ray.train.report(metrics, checkpoint=ray.train.Checkpoint.from_directory(folder))


def _network(job: Assignment, data: TrainingData, device: torch.device) -> nn.Module:
    """Build the network with the initial weights of the training."""
    torch.manual_seed(job.seed)
    builder: Builder = plugins.load(plugins.BUILDERS, job.builder)
    network: nn.Module = builder.build(job.architecture, job.model_input)
    if job.weights is not None:
        from safetensors.torch import load_file

        network.load_state_dict(load_file(job.weights))
    network = network.to(device)
    if job.weights is None:
        prepare_weights(network, data, job.recipe)
    _set_drop_path(network, job.recipe.drop_path)
    return network


def _checkpoint() -> dict[str, Any]:
    """The last checkpoint's state; empty where there is none."""
    checkpoint = ray.train.get_checkpoint()
    if checkpoint is None:
        return {}
    with checkpoint.as_directory() as folder:
        state: dict[str, Any] = torch.load(Path(folder) / CHECKPOINT, map_location="cpu", weights_only=True)
    return state


def _setting(
    network: nn.Module, data: TrainingData, recipe: TrainingRecipe, recorded: str | None, *, together: bool
) -> Setting:
    """The checkpoint's setting, else the fastest; the first worker's for all, since gradients add up in one layout."""
    # No graph: averages, gradients of several processes and heavy augmentation cannot be captured.
    setting = Setting.named(recorded) if recorded else choose_setting(network, data, recipe, graph=False)
    if together:
        agreed: list[Setting] = [setting]
        torch.distributed.broadcast_object_list(agreed, 0)
        setting = agreed[0]
    setting.place(network)
    return setting


def _first_workers(share: float) -> float:
    """The first worker's share, so that all workers have one learning rate and end together."""
    shared = torch.tensor(share, dtype=torch.float64)
    if torch.distributed.get_backend() == "nccl":
        shared = shared.cuda()
    torch.distributed.broadcast(shared, 0)
    return float(shared)


def _set_drop_path(network: nn.Module, rate: float) -> None:
    """Set stochastic depth, which rises from 0 to `rate` with depth, as published."""
    branches = [module for module in network.modules() if hasattr(module, "rate")]
    for index, branch in enumerate(branches):
        # Two branches a block.
        branch.rate = rate * (index // 2) / max(1, len(branches) // 2 - 1)  # type: ignore[assignment]
