"""The training itself, in each of Ray Train's worker processes: one epoch after another, a checkpoint after each."""

import math
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray.train
import ray.train.torch
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from nas import plugins
from nas.architecture import Architecture, ModelInput
from nas.builder import Builder
from nas.training import TrainingRecipe
from workers.datasets.dataset import Dataset, ImageSource, Request
from workers.latency.quiet import step_in, windows_of
from workers.retrain.batches import Batches, Statistics
from workers.retrain.split import split_indices
from workers.training_steps import NonFiniteLossError, finite

CHECKPOINT = "training.pt"
PROBE_STEPS = 3


@dataclass(frozen=True)
class Assignment:
    """What a worker process trains: plain data, sent to it by pickling."""

    architecture: Architecture
    model_input: ModelInput
    builder: str
    weights: str | None
    dataset: str
    request: Request
    recipe: TrainingRecipe
    device: str
    threads: int
    precision: str
    seed: int


def work(config: dict[str, Any]) -> None:
    """Ray Train's entry: trains to the end, from the last checkpoint if there is one, and reports each epoch.

    The last report has the test accuracy.
    """
    job: Assignment = config["assignment"]
    torch.set_num_threads(job.threads)
    context = ray.train.get_context()
    device = ray.train.torch.get_device() if job.device == "cuda" else torch.device("cpu")
    dataset: Dataset = plugins.load(plugins.DATASETS, job.dataset)
    source = dataset.open(job.request, "train")
    size_px = job.model_input.height_px
    training, validation = split_indices(len(source.labels), job.seed)
    statistics = Statistics.of(source, training, size_px)
    world = context.get_world_size()

    def batches(of: ImageSource, indices: Any) -> Batches:
        share = max(1, job.recipe.batch_size // world)
        return Batches(of, indices, size_px, statistics, device, share, context.get_world_rank(), world)

    trained = Training(job, batches(source, training).steps, device)
    checkpoint = ray.train.get_checkpoint()
    if checkpoint is not None:
        with checkpoint.as_directory() as folder:
            trained.restore(torch.load(Path(folder) / CHECKPOINT, map_location=device, weights_only=True))
    augmented = batches(source, training)
    for epoch in range(trained.epoch + 1, job.recipe.epochs + 1):
        started = time.perf_counter()
        epoch_batches = augmented.augmented(
            job.recipe, job.seed * 100_003 + epoch, flip=dataset.flip, shift_px=round(dataset.shift * size_px)
        )
        loss = trained.run_epoch(epoch_batches)
        metrics = {"epoch": epoch, "loss": loss, "accuracy": trained.accuracy(batches(source, validation))}
        metrics["seconds"] = time.perf_counter() - started
        trained.curve.append(metrics)
        if context.get_world_rank() == 0:
            config["reports"].put(metrics)
        if epoch == job.recipe.epochs:
            test = dataset.open(job.request, "test")
            metrics = {
                **metrics,
                "test_accuracy": trained.accuracy(batches(test, torch.arange(len(test.labels)).numpy())),
            }
        _report(trained, {**metrics, "precision": trained.precision, "curve": trained.curve})


def _report(trained: "Training", metrics: dict[str, Any]) -> None:
    """Every worker reports; the first one alone has the checkpoint."""
    if ray.train.get_context().get_world_rank() != 0:
        ray.train.report(metrics)
        return
    with tempfile.TemporaryDirectory() as folder:
        torch.save(trained.state(), Path(folder) / CHECKPOINT)
        ray.train.report(metrics, checkpoint=ray.train.Checkpoint.from_directory(folder))


class Training:
    """The network, its moving average, optimiser and schedule: all that a checkpoint holds."""

    def __init__(self, job: Assignment, steps: int, device: torch.device) -> None:
        self.recipe = job.recipe
        self.device = device
        # One process stands aside for all of its machine: each of them doing so could wait for each other for ever.
        leads = int(ray.train.get_context().get_local_rank()) == 0
        self.windows = windows_of(device.type, device.index) if leads else ()
        self.epoch = 0
        self.curve: list[dict[str, Any]] = []
        torch.manual_seed(job.seed)
        builder: Builder = plugins.load(plugins.BUILDERS, job.builder)
        network = builder.build(job.architecture, job.model_input)
        if job.weights is not None:
            from safetensors.torch import load_file

            network.load_state_dict(load_file(job.weights))
        self.network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        _set_drop_path(self.network, job.recipe.drop_path)
        self.average = None
        if job.recipe.ema_decay:
            self.average = AveragedModel(
                self.network,
                multi_avg_fn=_moving_average(job.recipe.ema_decay),
            )
        self.model = ray.train.torch.prepare_model(self.network, move_to_device=False) if _in_worker() else self.network
        self.optimiser = torch.optim.AdamW(_groups(self.network, job.recipe.weight_decay), lr=job.recipe.learning_rate)
        total, warm_up = job.recipe.epochs * steps, round(job.recipe.warmup_epochs * steps)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(self.optimiser, _cosine(total, warm_up))
        self.precision = job.precision

    def run_epoch(self, batches: Iterator[tuple[Tensor, Tensor]]) -> float:
        """Train on each batch once; the mean loss. Raises NonFiniteLossError as soon as it is not finite."""
        self.model.train()
        total, steps = 0.0, 0
        while True:
            # Whoever measures a latency on this machine has it to itself.
            with step_in(self.windows):
                batch = next(batches, None)
                if batch is None:
                    break
                if self.precision == "auto":
                    self.precision = self._faster_precision(*batch)
                total += self._step(*batch)
            steps += 1
        self.epoch += 1
        return total / steps

    def _step(self, x_BCHW: Tensor, y_BK: Tensor) -> float:
        loss = self._loss(x_BCHW, y_BK, self.precision)
        try:
            value = finite(loss)
        except NonFiniteLossError as error:
            raise NonFiniteLossError(f"{error} in epoch {self.epoch + 1}") from error
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        self.schedule.step()
        if self.average is not None:
            self.average.update_parameters(self.network)
        return value

    @torch.inference_mode()
    def accuracy(self, batches: Batches) -> float:
        """Of the averaged network, if there is one, on all images; 0 to 1."""
        judged = self.judged.eval()
        correct = total = 0
        for x_BCHW, labels_B in batches.plain():
            with step_in(self.windows):
                correct += int((judged(x_BCHW).argmax(1) == labels_B).sum())
            total += len(labels_B)
        return correct / total

    @property
    def judged(self) -> nn.Module:
        """The network that is judged and kept: the moving average, where there is one."""
        return self.network if self.average is None else self.average.module

    def state(self) -> dict[str, Any]:
        return {
            "epoch": self.epoch,
            "curve": self.curve,
            "precision": self.precision,
            "network": self.network.state_dict(),
            "average": None if self.average is None else self.average.state_dict(),
            "judged": self.judged.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.epoch, self.curve, self.precision = state["epoch"], state["curve"], state["precision"]
        self.network.load_state_dict(state["network"])
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])

    def _loss(self, x_BCHW: Tensor, y_BK: Tensor, precision: str) -> Tensor:
        casting: AbstractContextManager[Any] = nullcontext()
        if precision == "bf16":
            casting = torch.autocast(self.device.type, dtype=torch.bfloat16)
        with casting:
            logits_BK = self.model(x_BCHW)
        return F.cross_entropy(logits_BK.float(), y_BK)

    def _faster_precision(self, x_BCHW: Tensor, y_BK: Tensor) -> str:
        """bf16 where some steps with it take less time here than with fp32; no weight is changed."""
        seconds = {}
        for precision in ("fp32", "bf16", "fp32", "bf16"):
            started = time.perf_counter()
            for _ in range(PROBE_STEPS):
                self._loss(x_BCHW, y_BK, precision).backward()  # type: ignore[no-untyped-call]
                if self.device.type == "cuda":
                    torch.cuda.synchronize()
            # The second round counts: the first one warms up.
            seconds[precision] = time.perf_counter() - started
        self.optimiser.zero_grad()
        return min(seconds, key=lambda precision: seconds[precision])


def _in_worker() -> bool:
    return int(ray.train.get_context().get_world_size()) > 1


def _set_drop_path(network: nn.Module, rate: float) -> None:
    """Stochastic depth that rises from 0 to `rate` with depth, as published."""
    branches = [module for module in network.modules() if hasattr(module, "rate")]
    for index, branch in enumerate(branches):
        # Two branches a block.
        branch.rate = rate * (index // 2) / max(1, len(branches) // 2 - 1)  # type: ignore[assignment]


def _groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Scales and biases are not decayed."""
    learned = [weight for weight in network.parameters() if weight.requires_grad]
    return [
        {"params": [weight for weight in learned if weight.ndim > 1], "weight_decay": weight_decay},
        {"params": [weight for weight in learned if weight.ndim <= 1], "weight_decay": 0.0},
    ]


def _moving_average(decay: float) -> Callable[[Any, Any, Any], None]:
    """As AveragedModel takes it. After n steps the decay is (1 + n) / (10 + n) at most, as TensorFlow's moving average
    has it: otherwise a short training would be judged by its first weights.
    """

    def update(averaged: Any, current: Any, steps: Any) -> None:
        present = min(decay, (1 + int(steps)) / (10 + int(steps)))
        get_ema_multi_avg_fn(present)(averaged, current, steps)  # type: ignore[no-untyped-call]

    return update


def _cosine(total: int, warm_up: int) -> Callable[[int], float]:
    def factor(step: int) -> float:
        if step < warm_up:
            return (step + 1) / warm_up
        return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warm_up) / max(1, total - warm_up))))

    return factor
