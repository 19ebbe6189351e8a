"""Proxy training: AdamW under a warm-up and cosine schedule on data that stays in memory."""

import io
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nas.trial import CurvePoint
from workers.augment import draw, moved
from workers.datasets.dataset import ProxyData
from workers.training_setting import Setting, candidates, quickest
from workers.training_steps import Eager, Graphed, Lease, NonFiniteLossError

WARM_UP = 0.2
# With no more than 1 / WARM_UP of them torch's schedule divides by the nought steps of its warm-up.
FEWEST_STEPS = 6
# Images that are judged at a time. A GPU's time for few is that of launching kernels; on a CPU the activations of 64
# stay in its caches (256 take half as long again for each).
EVALUATION_BATCH = {"cpu": 64, "cuda": 1024}
# Capturing a CUDA graph takes as long as one or two steps without one, and a step ten times as long as in it.
PAYS = 8
# Before the last epoch a quarter as many validation images as an epoch trains on must do, and at least so many: judging
# each epoch on all would cost a third of a short training.
GLANCE = 256


# What is lost on images x_BCHW of these labels.
Loss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Recipe:
    """How a proxy is trained. `learning_rate` is the schedule's peak, `precision` one of PRECISIONS."""

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float = 0.05
    precision: str = "auto"


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
        pixels = self.train_images.float()
        self.mean_1C11 = pixels.mean((0, 2, 3), keepdim=True)
        self.std_1C11 = pixels.std((0, 2, 3), keepdim=True).clamp_min(1.0)
        self.flip = data.flip
        self.shift_px = data.shift_px

    def normalise(self, images: Tensor) -> Tensor:
        return (images.float() - self.mean_1C11) / self.std_1C11


def choose_setting(
    model: nn.Module,
    data: ResidentData,
    recipe: Recipe,
    step: Lease = nullcontext,
    part: int | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Setting:
    """The fastest setting to train the model in by the recipe; its weights are laid out for it. Raises as Training."""
    batch = min(recipe.batch_size, len(data.train_labels))
    steps = recipe.epochs * (len(data.train_labels) // batch)
    graph = part is None and steps >= PAYS and data.train_labels.device.type == "cuda"
    among = candidates(recipe.precision, steps, graph=graph)
    shown = min(part or batch, batch)
    with step():
        x_BCHW = data.normalise(data.train_images[:shown])
        return quickest(model.train(), x_BCHW, data.train_labels[:shown], among, clock)


class Training:
    """A `model`, laid out for the `setting`, in training by a recipe; it can be carried on by another process.

    A batch is trained on in parts of `part` images where memory is too small for all of it at once. Each part (of
    a graph, some steps), each epoch's plan, and each validation, runs inside `step()`; whoever makes a training on a
    GPU, resumes it or asks for its state does so inside one. The `loss` is the model's cross-entropy unless told
    otherwise.
    """

    def __init__(
        self,
        model: nn.Module,
        data: ResidentData,
        recipe: Recipe,
        generator: torch.Generator,
        setting: Setting,
        step: Lease = nullcontext,
        part: int | None = None,
        loss: Loss | None = None,
    ) -> None:
        self._model = model
        self._loss_of = loss or self._cross_entropy
        self._data = data
        self._recipe = recipe
        self._generator = generator
        self._setting = setting
        self._step = step
        self._batch = min(recipe.batch_size, len(data.train_labels))
        self._shown = part
        self._steps = len(data.train_labels) // self._batch
        self._epoch = 0
        device = data.train_labels.device
        # A graph reads the rate where it was when it was captured.
        rate = torch.tensor(recipe.learning_rate, device=device) if setting.graph else recipe.learning_rate
        self._optimiser = torch.optim.AdamW(
            model.parameters(), lr=rate, weight_decay=recipe.weight_decay, fused=True, capturable=setting.graph
        )
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimiser,
            max_lr=recipe.learning_rate,
            total_steps=max(FEWEST_STEPS, recipe.epochs * self._steps),
            pct_start=WARM_UP,
            cycle_momentum=False,
        )
        eager = Eager(self._loss, self._optimiser, self._schedule, step, part or self._batch)
        self._taken = Graphed(eager, device) if setting.graph and part is None else eager

    def epochs(self) -> Iterator[CurvePoint]:
        """Train to the end; after each epoch, its point on the learning curve, the last one of all validation images.

        Raises NonFiniteLossError as soon as a loss is not finite, and whatever torch raises when memory runs out.
        """
        while self._epoch < self._recipe.epochs:
            self._epoch += 1
            started = time.perf_counter()
            loss = self._trained_epoch()
            is_last = self._epoch == self._recipe.epochs
            most = None if is_last else max(GLANCE, len(self._data.train_labels) // 4)
            accuracy = evaluate(self._model, self._data, self._setting, most, self._shown, self._step)
            yield CurvePoint(self._epoch, accuracy, loss, time.perf_counter() - started)

    @property
    def obstacle(self) -> str | None:
        """Why steps were taken one by one although the setting has them in a CUDA graph; None where they were not."""
        return self._taken.obstacle

    def state(self) -> bytes:
        """What `resume` needs to go on after the last epoch: tensors and numbers alone."""
        file = io.BytesIO()
        state = {
            "model": self._model.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "schedule": self._schedule.state_dict(),
            "generator": self._generator.get_state(),
            "torch": torch.get_rng_state(),
            "epoch": self._epoch,
        }
        torch.save(state, file)
        return file.getvalue()

    def resume(self, state: bytes) -> None:
        """Go on where another training of the same architecture, data and recipe was."""
        found = torch.load(io.BytesIO(state), map_location=self._data.train_labels.device, weights_only=True)
        self._model.load_state_dict(found["model"])
        self._optimiser.load_state_dict(found["optimiser"])
        self._schedule.load_state_dict(found["schedule"])
        self._generator.set_state(found["generator"].cpu())
        torch.set_rng_state(found["torch"].cpu())
        self._epoch = found["epoch"]

    def _trained_epoch(self) -> float:
        """One pass over the images; the mean loss."""
        data = self._data
        self._model.train()
        seen = self._steps * self._batch
        order_1N = torch.randperm(len(data.train_labels), generator=self._generator)[None, :seen]
        moves_3N = draw(seen, shift_px=data.shift_px, flip=data.flip, generator=self._generator)
        plan_4N = torch.cat((order_1N, moves_3N))
        plans_N4B = plan_4N.reshape(4, self._steps, self._batch).transpose(0, 1).contiguous()
        with self._step():
            plans_N4B = plans_N4B.to(data.train_labels.device)
        try:
            return self._taken.take(plans_N4B) / self._steps
        except NonFiniteLossError as error:
            raise NonFiniteLossError(f"{error} in epoch {self._epoch}") from error

    def _loss(self, plan_4B: Tensor) -> Tensor:
        data = self._data
        chosen_B, moves_3B = plan_4B[0], plan_4B[1:]
        x_BCHW = data.normalise(moved(data.train_images[chosen_B], moves_3B))
        with self._setting.cast(chosen_B.device):
            return self._loss_of(self._setting.batch(x_BCHW), data.train_labels[chosen_B])

    def _cross_entropy(self, x_BCHW: Tensor, labels_B: Tensor) -> Tensor:
        return F.cross_entropy(self._model(x_BCHW), labels_B)


@torch.inference_mode()
def evaluate(
    model: nn.Module,
    data: ResidentData,
    setting: Setting,
    most: int | None = None,
    batch: int | None = None,
    step: Lease = nullcontext,
) -> float:
    """Accuracy on the validation images, 0 to 1; on the first `most` of them, if that is given; a `step` each batch."""
    model.eval()
    judged = data.validation_labels[:most]
    batch = batch or EVALUATION_BATCH[judged.device.type]
    batches = (torch.split(each, batch) for each in (data.validation_images[:most], judged))
    correct = torch.zeros((), dtype=torch.int64, device=judged.device)
    for images, labels in zip(*batches, strict=True):
        with step(), setting.cast(labels.device):
            logits_BK = model(setting.batch(data.normalise(images)))
            correct += (logits_BK.argmax(1) == labels).sum()
    with step():
        return int(correct) / len(judged)
