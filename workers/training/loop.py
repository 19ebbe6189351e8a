"""The training loop of `nas search` and `nas retrain`: a network, pictures, and a recipe that says how."""

import io
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from nas.export.training import TrainingRecipe
from nas.trial import CurvePoint
from workers.data.dataset import ProxyData
from workers.training.augment import alternately, draw, shifted
from workers.training.batch_norm import RunningStatistics
from workers.training.optimiser import Optimiser, optimiser_of
from workers.training.schedule import Schedule
from workers.training.setting import Setting, candidates, quickest
from workers.training.steps import Eager, Graphed, Lease, NonFiniteLossError
from workers.training.whitening import whiten

# Images that are judged at a time. A GPU's time for few is that of launching kernels; on a CPU the activations of 64
# stay in its caches (256 take half as long again for each).
EVALUATION_BATCH = {"cpu": 64, "cuda": 1024}
# Capturing a CUDA graph takes as long as one or two steps without one, and a step ten times as long as in it.
PAYS = 8
# Before the last epoch a quarter as many validation images as an epoch trains on must do, and at least so many: judging
# each epoch on all would cost a third of a short training.
GLANCE = 256
# Steps that a training by time is taken to have when it is decided whether a probe pays.
STEPS_BY_TIME = 1000

# Images that tell the mean and the spread of all.
STATISTICS_IMAGES = 20_000

# What is lost on images x_BCHW of these labels.
Loss = Callable[[Tensor, Tensor], Tensor]
# The network's input, normalised, and its labels or their probabilities, from uint8 images and labels.
Presentation = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


class JudgedData(Protocol):
    """Labelled pictures that a network is judged on, on its device; as uint8, decoded when asked for where many."""

    validation_labels: Tensor

    def held_out(self, first: int, last: int) -> Tensor:
        """The pictures from `first` to before `last`."""

    def normalise(self, images: Tensor) -> Tensor:
        """By the training part's statistics."""


class TrainingData(JudgedData, Protocol):
    """Those that it is trained on besides."""

    train_labels: Tensor
    flip: bool
    shift_px: int

    def pictures(self, chosen_B: Tensor) -> Tensor:
        """Pictures of the training part, by their numbers."""


@dataclass(frozen=True)
class Normalisation:
    """Makes pictures' pixels those of mean 0 and standard deviation 1 in each channel."""

    mean: Tensor
    std: Tensor

    @classmethod
    def of(cls, images: Tensor) -> "Normalisation":
        """By the statistics of these."""
        pixels = images.float()
        mean = pixels.mean((0, 2, 3), keepdim=True)
        std = pixels.std((0, 2, 3), keepdim=True).clamp_min(1.0)
        # As large as a picture: to repeat three numbers for each pixel takes five times as long.
        mean, std = (
            each.expand(-1, -1, *images.shape[2:]).contiguous(memory_format=torch.channels_last) for each in (mean, std)
        )
        return cls(mean, std)

    def __call__(self, images: Tensor) -> Tensor:
        return torch.sub(images.contiguous(memory_format=torch.channels_last), self.mean).div_(self.std)


class ResidentData:
    """A ProxyData on the training device, as uint8; a batch is normalised by the training part's statistics.

    On the CPU it stays where it is, which is Ray's shared memory where Ray has brought it.
    """

    def __init__(self, data: ProxyData, device: torch.device) -> None:
        with warnings.catch_warnings():
            # Of memory that many share, which nothing here writes to.
            warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
            self.train_images, self.validation_images, self.train_labels, self.validation_labels = (
                torch.from_numpy(each).to(device)
                for each in (data.train_images, data.validation_images, data.train_labels, data.validation_labels)
            )
        # Of many images some tell as much, and all would be four times as large.
        self.normalise = Normalisation.of(self.train_images[:: 1 + len(self.train_images) // STATISTICS_IMAGES])
        self.flip = data.flip
        self.shift_px = data.shift_px

    def pictures(self, chosen_B: Tensor) -> Tensor:
        return self.train_images[chosen_B]

    def held_out(self, first: int, last: int) -> Tensor:
        return self.validation_images[first:last]


def choose_setting(
    model: nn.Module,
    data: TrainingData,
    recipe: TrainingRecipe,
    step: Lease = nullcontext,
    part: int | None = None,
    clock: Callable[[], float] = time.perf_counter,
    *,
    graph: bool = True,
) -> Setting:
    """The fastest setting to train the model in by the recipe; its weights are laid out for it. Raises as Training.

    Without `graph` none whose steps are a CUDA graph's.
    """
    batch = min(recipe.batch_size, len(data.train_labels))
    steps = STEPS_BY_TIME if recipe.time_s is not None else recipe.epochs * (len(data.train_labels) // batch)
    graph = graph and part is None and steps >= PAYS and data.train_labels.device.type == "cuda"
    among = candidates(recipe.precision, steps, graph=graph)
    shown = torch.arange(min(part or batch, batch), device=data.train_labels.device)
    with step():
        x_BCHW = data.normalise(data.pictures(shown))
        return quickest(model.train(), x_BCHW, data.train_labels[shown], among, clock)


def prepare_weights(model: nn.Module, data: TrainingData, recipe: TrainingRecipe) -> None:
    """Do to fresh weights what the recipe does to them; the same each time."""

    def normalised(count: int) -> Tensor:
        first = torch.arange(min(count, len(data.train_labels)), device=data.train_labels.device)
        return data.normalise(data.pictures(first))

    if recipe.whiten:
        whiten(model, normalised)


class Training:
    """A `model`, laid out for the `setting`, in training by a recipe; it can be carried on by another process.

    A batch is trained on in parts of `part` images where memory is too small for all of it at once. Each part (of
    a graph, some steps), each epoch's plan, and each validation, runs inside `step()`; whoever makes a training on a
    GPU, resumes it or asks for its state does so inside one. The `loss` is the model's cross-entropy unless told
    otherwise. `present` augments beyond shifts and mirror images. Of several processes that train together each
    takes the images of its `rank` among `world`, through its own `forward`; `agree` is the Schedule's. The `optimiser`
    is the recipe's unless another one is given. Weights are fresh ones, which the recipe prepares, unless they are
    `prepared`: trained before, or by `prepare_weights`.
    """

    def __init__(
        self,
        model: nn.Module,
        data: TrainingData,
        recipe: TrainingRecipe,
        generator: torch.Generator,
        setting: Setting,
        step: Lease = nullcontext,
        part: int | None = None,
        loss: Loss | None = None,
        present: Presentation | None = None,
        forward: nn.Module | None = None,
        rank: int = 0,
        world: int = 1,
        agree: Callable[[float], float] = lambda share: share,
        clock: Callable[[], float] = time.monotonic,
        optimiser: Optimiser | None = None,
        prepared: bool = False,
    ) -> None:
        if not prepared:
            prepare_weights(model, data, recipe)
        self._model = model
        self._forward = forward or model
        self._loss_of = loss or self._cross_entropy
        self._present = present or self._plainly
        self._data = data
        self._recipe = recipe
        self._generator = generator
        self._setting = setting
        self._step = step
        self._rank, self._world = rank, world
        images = len(data.train_labels) // world
        self._batch = max(1, min(recipe.batch_size // world, images))
        self._shown = part
        self._steps = images // self._batch
        self.epoch = 0
        device = data.train_labels.device
        self._optimiser = optimiser or optimiser_of(model, recipe, device, graph=setting.graph)
        self._schedule = Schedule(recipe, recipe.epochs * self._steps, clock, agree)
        self._statistics = RunningStatistics(model) if recipe.fast_statistics else None
        self._follow()
        self._average = _average(model, recipe.ema_decay) if recipe.ema_decay else None
        self._optimiser.set_rate(self._schedule.factor)
        eager = Eager(self._loss, self._optimiser, self._stepped, step, part or self._batch)
        self._taken = Graphed(eager, device) if setting.graph and part is None else eager

    def epochs(self) -> Iterator[CurvePoint]:
        """Train to the end; after each epoch, its point on the learning curve, the last one of all validation images.

        Raises NonFiniteLossError as soon as a loss is not finite, and whatever torch raises when memory runs out.
        """
        while not self.is_over:
            started = time.perf_counter()
            loss = self.train_epoch()
            accuracy = self.accuracy()
            yield CurvePoint(self.epoch, accuracy, loss, time.perf_counter() - started)

    @property
    def is_over(self) -> bool:
        return self._schedule.is_over if self._recipe.time_s is not None else self.epoch >= self._recipe.epochs

    @property
    def steps(self) -> int:
        """Taken so far."""
        return self._schedule.steps

    @property
    def share(self) -> float:
        """How far the training is, 0 to 1."""
        return self._schedule.share

    @property
    def elapsed_s(self) -> float:
        """Since its first step, in all processes that carried it on."""
        return self._schedule.elapsed_s

    @property
    def obstacle(self) -> str | None:
        """Why steps were taken one by one although the setting has them in a CUDA graph; None where they were not."""
        return self._taken.obstacle

    @property
    def judged_images(self) -> int:
        """How many validation images decided the last accuracy."""
        return len(self._data.validation_labels[: self._most])

    @property
    def judged(self) -> nn.Module:
        """The network that is judged and kept: the moving average of its weights, where there is one."""
        return self._model if self._average is None else self._average.module

    def accuracy(self) -> float:
        """On validation images, 0 to 1: on all of them at the end."""
        return evaluate(self.judged, self._data, self._setting, self._most, self._shown, self._step)

    @property
    def _most(self) -> int | None:
        return None if self.is_over else max(GLANCE, len(self._data.train_labels) // 4)

    def train_epoch(self) -> float:
        """One pass over the images, or what is left of the time; the mean loss. Raises as `epochs`."""
        data, recipe = self._data, self._recipe
        self.epoch += 1
        self._forward.train()
        self._schedule.start()
        images = len(data.train_labels)
        seen = self._steps * self._batch
        order_N = torch.randperm(images, generator=self._generator)
        mine_N = order_N[self._rank :: self._world][:seen]
        moves_3N = draw(seen, shift_px=data.shift_px, flip=data.flip, generator=self._generator)
        if data.flip and recipe.mirror == "alternate":
            moves_3N[2] = alternately(images, self.epoch)[mine_N]
        plan_4N = torch.cat((mine_N[None], moves_3N))
        plans_N4B = plan_4N.reshape(4, self._steps, self._batch).transpose(0, 1).contiguous()
        with self._step():
            plans_N4B = plans_N4B.to(data.train_labels.device)
        before = self._schedule.steps
        try:
            total = self._taken.take(plans_N4B)
        except NonFiniteLossError as error:
            raise NonFiniteLossError(f"{error} in epoch {self.epoch}") from error
        return total / (self._schedule.steps - before)

    def state(self) -> bytes:
        """What `resume` needs to go on after the last epoch: tensors and numbers alone."""
        file = io.BytesIO()
        state = {
            "model": self._model.state_dict(),
            "average": None if self._average is None else self._average.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "steps": self._schedule.steps,
            "share": self._schedule.share,
            "spent_s": self._schedule.elapsed_s,
            "generator": self._generator.get_state(),
            "torch": torch.get_rng_state(),
            "epoch": self.epoch,
        }
        torch.save(state, file)
        return file.getvalue()

    def resume(self, state: bytes) -> None:
        """Go on where another training of the same architecture, data and recipe was."""
        found = torch.load(io.BytesIO(state), map_location=self._data.train_labels.device, weights_only=True)
        self._model.load_state_dict(found["model"])
        if self._average is not None:
            self._average.load_state_dict(found["average"])
        if "schedule" in found:
            # As checkpoints were when each training had one optimiser and a schedule of torch's.
            found |= {"optimiser": [found["optimiser"]], "steps": found["schedule"]["last_epoch"]}
            found["share"] = found["steps"] / max(1, self._schedule.total - 1)
        self._optimiser.load_state_dict(found["optimiser"])
        self._schedule.steps, self._schedule.share = found["steps"], found["share"]
        self._schedule.spent_s = found.get("spent_s", 0.0)
        self._follow()
        self._optimiser.set_rate(self._schedule.factor)
        self._generator.set_state(found["generator"].cpu())
        torch.set_rng_state(found["torch"].cpu())
        self.epoch = found["epoch"]

    def _stepped(self) -> bool:
        """Called after each step; whether the training goes on."""
        self._schedule.advance()
        self._optimiser.set_rate(self._schedule.factor)
        if self._schedule.steps.bit_count() == 1:
            # At steps 1, 2, 4, 8, ...: by time it shows only now how many there will be.
            self._follow()
        if self._average is not None:
            self._average.update_parameters(self._model)
        return not self._schedule.is_over

    def _follow(self) -> None:
        if self._statistics is not None:
            self._statistics.follow(self._schedule.expected_steps)

    def _loss(self, plan_4B: Tensor) -> Tensor:
        data = self._data
        chosen_B, moves_3B = plan_4B[0], plan_4B[1:]
        images = shifted(data.pictures(chosen_B), moves_3B)
        x_BCHW, labels_B = self._present(images, data.train_labels[chosen_B])
        with self._setting.cast(chosen_B.device):
            return self._loss_of(self._setting.batch(x_BCHW), labels_B)

    def _plainly(self, images: Tensor, labels_B: Tensor) -> tuple[Tensor, Tensor]:
        return self._data.normalise(images), labels_B

    def _cross_entropy(self, x_BCHW: Tensor, labels_B: Tensor) -> Tensor:
        return F.cross_entropy(self._forward(x_BCHW), labels_B, label_smoothing=self._recipe.label_smoothing)


@torch.inference_mode()
def evaluate(
    model: nn.Module,
    data: JudgedData,
    setting: Setting,
    most: int | None = None,
    batch: int | None = None,
    step: Lease = nullcontext,
) -> float:
    """Accuracy on the validation images, 0 to 1; on the first `most` of them, if that is given; a `step` each batch."""
    model.eval()
    judged = data.validation_labels[:most]
    batch = batch or EVALUATION_BATCH[judged.device.type]
    correct = torch.zeros((), dtype=torch.int64, device=judged.device)
    for first in range(0, len(judged), batch):
        labels = judged[first : first + batch]
        with step(), setting.cast(labels.device):
            logits_BK = model(setting.batch(data.normalise(data.held_out(first, first + len(labels)))))
            correct += (logits_BK.argmax(1) == labels).sum()
    with step():
        return int(correct) / len(judged)


def _average(model: nn.Module, decay: float) -> AveragedModel:
    """After n steps the decay is (1 + n) / (10 + n) at most, as TensorFlow's moving average has it: otherwise a short
    training would be judged by its first weights.
    """

    def update(averaged: Any, current: Any, steps: Any) -> None:
        present = min(decay, (1 + int(steps)) / (10 + int(steps)))
        get_ema_multi_avg_fn(present)(averaged, current, steps)  # type: ignore[no-untyped-call]

    return AveragedModel(model, multi_avg_fn=update)
