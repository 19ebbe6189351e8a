"""The training loop of `nas search` and `nas retrain`: trains a network on pictures by a recipe."""

import io
import math
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from nas.exports.training import TrainingRecipe
from nas.trial import CurvePoint
from workers.data.dataset import ProxyData
from workers.data.image_memory import is_mapped
from workers.training.augment import alternately, draw, shifted
from workers.training.batch_norm import RunningStatistics
from workers.training.judgement import JudgedData, Judgement, judge
from workers.training.normalisation import Normalisation
from workers.training.optimiser import Optimiser, optimiser_of
from workers.training.schedule import Schedule
from workers.training.setting import Setting, candidates, fastest
from workers.training.steps import Eager, Graphed, NonFiniteLossError, StepLock
from workers.training.whitening import whiten

# Capturing a CUDA graph takes as long as one or two steps without one, and a step ten times as long as in it.
MIN_GRAPH_STEPS = 8
# Before the last epoch accuracy is judged on a quarter as many validation images as an epoch trains on, and at least on
# this number: judging each epoch on all would cost a third of a short training.
MIN_JUDGED_IMAGES = 256
# The assumed steps of a training by time, to decide whether a probe is worth it.
STEPS_BY_TIME = 1000

# Images, and their bytes, that the mean and standard deviation of all are computed from, at most.
STATISTICS_IMAGES, STATISTICS_BYTES = 20_000, 2**28

# From images x_BCHW and their labels to the loss.
Loss = Callable[[Tensor, Tensor], Tensor]
# From uint8 images and labels to the network's normalised input and the labels or their probabilities.
Presentation = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


class TrainingData(JudgedData, Protocol):
    """Labelled pictures that a network is trained on, and those that it is judged on."""

    train_labels: Tensor
    flip: bool
    shift_px: int

    def pictures(self, chosen_B: Tensor) -> Tensor:
        """The training part's pictures of these numbers."""

    def expect(self, batches: Tensor) -> None:
        """Prepare for batches of these numbers, (batches, images), which `pictures` will be asked for in that order."""


class ResidentData:
    """A ProxyData on the training device, as uint8; a batch is normalised by the training part's statistics.

    On the CPU the data is not copied, so that data from Ray stays in its shared memory. Images that are mapped from a
    file stay there, and batches of them go to the device.
    """

    def __init__(self, data: ProxyData, device: torch.device) -> None:
        self._device = device
        with warnings.catch_warnings():
            # Shared memory is read-only, and nothing here writes to it.
            warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
            self.train_images, self.validation_images = (
                torch.from_numpy(images).to("cpu" if is_mapped(images) else device)
                for images in (data.train_images, data.validation_images)
            )
            self.train_labels, self.validation_labels = (
                torch.from_numpy(labels).to(device) for labels in (data.train_labels, data.validation_labels)
            )
        step = statistics_step(len(data.train_images), math.prod(data.train_images.shape[1:]))
        # A sample of many images is enough; as float32 all of them would take four times their memory.
        self.normalise = Normalisation.of(self.train_images[::step].to(device))
        self.flip = data.flip
        self.shift_px = data.shift_px
        self.classes = data.classes
        self.metric = data.metric

    def pictures(self, chosen_B: Tensor) -> Tensor:
        return self.train_images[chosen_B.to(self.train_images.device)].to(self._device)

    def held_out(self, first: int, last: int) -> Tensor:
        return self.validation_images[first:last].to(self._device)

    def expect(self, batches: Tensor) -> None:
        pass


def statistics_step(images: int, image_bytes: int) -> int:
    """The step from one of the images to the next that statistics are computed from."""
    return 1 + images // max(1, min(STATISTICS_IMAGES, STATISTICS_BYTES // image_bytes))


def choose_setting(
    model: nn.Module,
    data: TrainingData,
    recipe: TrainingRecipe,
    step_lock: StepLock = nullcontext,
    part: int | None = None,
    clock: Callable[[], float] = time.perf_counter,
    *,
    graph: bool = True,
) -> Setting:
    """The fastest setting for the model's training by the recipe; lays out its weights for it. Raises as Training.

    Settings with CUDA graphs are left out unless `graph`.
    """
    batch = min(recipe.batch_size, len(data.train_labels))
    steps = STEPS_BY_TIME if recipe.time_s is not None else recipe.epochs * (len(data.train_labels) // batch)
    can_capture = recipe.has_plain_steps and part is None and steps >= MIN_GRAPH_STEPS
    graph = graph and can_capture and data.train_labels.device.type == "cuda"
    among = candidates(recipe.precision, steps, graph=graph)
    chosen_B = torch.arange(min(part or batch, batch), device=data.train_labels.device)
    with step_lock():
        x_BCHW = data.normalise(data.pictures(chosen_B))
        return fastest(model.train(), x_BCHW, data.train_labels[chosen_B], among, clock)


def prepare_weights(model: nn.Module, data: TrainingData, recipe: TrainingRecipe) -> None:
    """Apply the recipe's preparation to fresh weights; deterministic."""

    def normalised(count: int) -> Tensor:
        first = torch.arange(min(count, len(data.train_labels)), device=data.train_labels.device)
        return data.normalise(data.pictures(first))

    if recipe.whiten:
        whiten(model, normalised)


class Training:
    """The training of a `model`, laid out for the `setting`, by a recipe; another process can resume it.

    A batch is trained on in parts of `part` images where memory is too small for all of it at once. Each part (with a
    graph, several steps), each epoch's plan, and each validation runs inside `step_lock()`; on a GPU the caller makes
    the training, resumes it and reads its state inside `step_lock()` too. The default `loss` is the model's
    cross-entropy. `present` augments beyond shifts and mirror images; `mix` mixes the pictures of a batch where the
    recipe has the training long enough for it. When several processes train together, each takes the images of its
    `rank` among `world`, through its own `forward`; `agree` is the Schedule's. The default `optimiser` is the recipe's.
    Weights are fresh and the recipe prepares them, unless they are `prepared`: trained before, or by `prepare_weights`.
    """

    judgement: Judgement
    """The last one on validation images."""

    def __init__(
        self,
        model: nn.Module,
        data: TrainingData,
        recipe: TrainingRecipe,
        generator: torch.Generator,
        setting: Setting,
        step_lock: StepLock = nullcontext,
        part: int | None = None,
        loss: Loss | None = None,
        present: Presentation | None = None,
        mix: Presentation | None = None,
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
        self._present = present or self._normalised
        self._mix_of_long = mix
        self._data = data
        self._recipe = recipe
        self._generator = generator
        self._setting = setting
        self._step_lock = step_lock
        self._rank, self._world = rank, world
        images = len(data.train_labels) // world
        self._batch = max(1, min(recipe.batch_size // world, images))
        self._part = part
        self._steps = images // self._batch
        self.epoch = 0
        device = data.train_labels.device
        self._optimiser = optimiser or optimiser_of(model, recipe, device, graph=setting.graph)
        self._schedule = Schedule(recipe, recipe.epochs * self._steps, clock, agree)
        self._statistics = RunningStatistics(model) if recipe.fast_statistics else None
        self._follow()
        self._average = _average(model, recipe.ema_decay) if recipe.ema_decay else None
        self._optimiser.set_rate(self._schedule.factor)
        eager = Eager(self._loss, self._optimiser, self._stepped, step_lock, part or self._batch)
        self._stepper = Graphed(eager, device) if setting.graph and part is None else eager

    def epochs(self) -> Iterator[CurvePoint]:
        """Train to the end; yields each epoch's point on the learning curve, the last one over all validation images.

        Raises NonFiniteLossError as soon as a loss is not finite, and whatever torch raises when memory runs out.
        """
        while not self.is_over:
            started = time.perf_counter()
            loss = self.train_epoch()
            accuracy = self.accuracy()
            yield CurvePoint(self.epoch, accuracy, loss, time.perf_counter() - started, len(self.judgement.labels))

    @property
    def is_over(self) -> bool:
        return self._schedule.is_over if self._recipe.time_s is not None else self.epoch >= self._recipe.epochs

    @property
    def steps(self) -> int:
        """The number of steps so far."""
        return self._schedule.steps

    @property
    def share(self) -> float:
        """The finished share of the training, 0 to 1."""
        return self._schedule.share

    @property
    def elapsed_s(self) -> float:
        """The seconds since its first step, in all processes that ran it."""
        return self._schedule.elapsed_s

    @property
    def obstacle(self) -> str | None:
        """The reason why steps were eager although the setting has a CUDA graph; None where they were not."""
        return self._stepper.obstacle

    @property
    def judged(self) -> nn.Module:
        """The network that is judged and kept: the moving average of the weights, where there is one."""
        return self._model if self._average is None else self._average.module

    def accuracy(self) -> float:
        """The accuracy on validation images by the data's metric, 0 to 1; at the end on all of them."""
        self.judgement = judge(self.judged, self._data, self._setting, self._judged_limit, self._part, self._step_lock)
        return self.judgement.value

    @property
    def _judged_limit(self) -> int | None:
        return None if self.is_over else max(MIN_JUDGED_IMAGES, len(self._data.train_labels) // 4)

    def train_epoch(self) -> float:
        """Train for one pass over the images, or until the time is up; the mean loss. Raises as `epochs`."""
        data, recipe = self._data, self._recipe
        self.epoch += 1
        self._forward.train()
        self._schedule.start()
        images = len(data.train_labels)
        presented = self._steps * self._batch
        order_N = torch.randperm(images, generator=self._generator)
        chosen_N = order_N[self._rank :: self._world][:presented]
        shifts_3N = draw(presented, shift_px=data.shift_px, flip=data.flip, generator=self._generator)
        if data.flip and recipe.mirror == "alternate":
            shifts_3N[2] = alternately(images, self.epoch)[chosen_N]
        plan_4N = torch.cat((chosen_N[None], shifts_3N))
        plans_N4B = plan_4N.reshape(4, self._steps, self._batch).transpose(0, 1).contiguous()
        with self._step_lock():
            plans_N4B = plans_N4B.to(data.train_labels.device)
        data.expect(plans_N4B[:, 0])
        before = self._schedule.steps
        try:
            total = self._stepper.take(plans_N4B)
        except NonFiniteLossError as error:
            raise NonFiniteLossError(f"{error} in epoch {self.epoch}") from error
        return total / (self._schedule.steps - before)

    def state(self) -> bytes:
        """The state that `resume` needs to continue after the last epoch: only tensors and numbers."""
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
        """Continue from the `state` of another training of the same architecture, data and recipe."""
        fields = torch.load(io.BytesIO(state), map_location=self._data.train_labels.device, weights_only=True)
        self._model.load_state_dict(fields["model"])
        if self._average is not None:
            self._average.load_state_dict(fields["average"])
        if "schedule" in fields:
            # A former format of checkpoints, when each training had one optimiser and a schedule of torch's.
            fields |= {"optimiser": [fields["optimiser"]], "steps": fields["schedule"]["last_epoch"]}
            fields["share"] = fields["steps"] / max(1, self._schedule.total - 1)
        self._optimiser.load_state_dict(fields["optimiser"])
        self._schedule.steps, self._schedule.share = fields["steps"], fields["share"]
        self._schedule.spent_s = fields.get("spent_s", 0.0)
        self._follow()
        self._optimiser.set_rate(self._schedule.factor)
        self._generator.set_state(fields["generator"].cpu())
        torch.set_rng_state(fields["torch"].cpu())
        self.epoch = fields["epoch"]

    def _stepped(self) -> bool:
        """Advance schedule, rates and averages after a step; whether the training continues."""
        self._schedule.advance()
        self._optimiser.set_rate(self._schedule.factor)
        if self._schedule.steps.bit_count() == 1:
            # At steps 1, 2, 4, 8, ...: the number of steps of a training by time is only now known more exactly.
            self._follow()
        if self._average is not None:
            self._average.update_parameters(self._model)
        return not self._schedule.is_over

    def _follow(self) -> None:
        expected_steps = self._schedule.expected_steps
        if self._statistics is not None:
            self._statistics.follow(expected_steps)
        is_long = expected_steps >= self._recipe.mix_from_epochs * self._steps
        self._mix = self._mix_of_long if is_long else None

    def _loss(self, plan_4B: Tensor) -> Tensor:
        data = self._data
        chosen_B, shifts_3B = plan_4B[0], plan_4B[1:]
        images = shifted(data.pictures(chosen_B), shifts_3B)
        x_BCHW, labels = self._present(images, data.train_labels[chosen_B])
        if self._mix is not None:
            x_BCHW, labels = self._mix(x_BCHW, labels)
        with self._setting.cast(chosen_B.device):
            return self._loss_of(self._setting.batch(x_BCHW), labels)

    def _normalised(self, images: Tensor, labels_B: Tensor) -> tuple[Tensor, Tensor]:
        return self._data.normalise(images), labels_B

    def _cross_entropy(self, x_BCHW: Tensor, labels_B: Tensor) -> Tensor:
        return F.cross_entropy(self._forward(x_BCHW), labels_B, label_smoothing=self._recipe.label_smoothing)


def _average(model: nn.Module, decay: float) -> AveragedModel:
    """A moving average of the model's weights, whose decay after n steps is at most (1 + n) / (10 + n).

    TensorFlow's moving average has the same limit: otherwise a short training would be judged by its first weights.
    """

    def update(averaged: Any, current: Any, steps: Any) -> None:
        current_decay = min(decay, (1 + int(steps)) / (10 + int(steps)))
        get_ema_multi_avg_fn(current_decay)(averaged, current, steps)  # type: ignore[no-untyped-call]

    return AveragedModel(model, multi_avg_fn=update)
