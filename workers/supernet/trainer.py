"""The training of a supernet in a worker: one job, with a rung after each epoch."""

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import nn

from nas.architecture import Architecture
from nas.evaluation import Job, Record, Run, Say
from nas.exports.training import TrainingRecipe
from nas.space import SearchSpace
from nas.trial import Outcome
from workers.supernet.sandwich import Sandwich
from workers.supernet.scores import Scores
from workers.training.builder import load_builder
from workers.training.expected_failure import expected_failure
from workers.training.loop import Training
from workers.training.proxy import ProxyEvaluator
from workers.training.setting import FP32
from workers.training.steps import NonFiniteLossError


@dataclass(frozen=True)
class SupernetTrainer:
    """Trains the supernet of a `space` on a proxy's data: a nas.evaluation.Evaluator whose outcomes hold weights."""

    proxy: ProxyEvaluator
    space: SearchSpace
    recipe: TrainingRecipe
    check_members: tuple[Architecture, ...]
    """Members whose scores are in the outcomes' `costs`, by key, after each quarter of the training."""

    @property
    def device(self) -> str:
        return self.proxy.device

    def prepared(self, record: Record, run: Run, say: Say) -> "SupernetTrainer":
        return self

    def check_node(self) -> None:
        """Raise ParameterError unless this node's targets have the study's fingerprints."""
        self.proxy.check_node()

    def confirm(self, architecture: Architecture, seed: int) -> Iterator[Outcome]:
        return self.evaluate(Job(architecture, seed))

    def evaluate(self, job: Job) -> Iterator[Outcome]:
        """Train the supernet. The curve is of the largest network.

        `checkpoint` is the state to continue from, at the end only the weights.
        """
        torch.manual_seed(job.seed)
        model = Sandwich(shared_weights(self.proxy, self.space), self.space)
        generator = torch.Generator().manual_seed(job.seed)
        training = Training(
            model, self.proxy.resident, self.recipe, generator, FP32, self.proxy.step_lock, loss=model.loss
        )
        last = job.resume_from or Outcome(environment=self.proxy.environment)
        if last.checkpoint is not None:
            training.resume(last.checkpoint)
        try:
            for point in training.epochs():
                is_end = point.epoch == self.recipe.epochs
                last = replace(
                    last,
                    curve=(*last.curve, point),
                    train_s=last.train_s + point.seconds,
                    costs=self._scores(model.supernet) if point.epoch in self._quarters else {},
                    checkpoint=dumped(model.supernet) if is_end else training.state(),
                    accuracy=point.accuracy if is_end else None,
                )
                yield last
        except (NonFiniteLossError, MemoryError, RuntimeError) as error:
            yield replace(last, failure=expected_failure(error))

    @property
    def _quarters(self) -> set[int]:
        return {math.ceil(self.recipe.epochs * quarter / 4) for quarter in (1, 2, 3, 4)}

    def _scores(self, supernet: nn.Module) -> dict[str, float]:
        score = Scores(supernet, self.proxy)
        return {member.key: score(member) for member in self.check_members}


def shared_weights(proxy: ProxyEvaluator, space: SearchSpace) -> nn.Module:
    """Build the supernet at the proxy's input, initialised from torch's global generator."""
    return load_builder().supernet(space, proxy.model_input).to(proxy.device)


def dumped(supernet: nn.Module) -> bytes:
    """The supernet's weights, in the format of `load`."""
    file = io.BytesIO()
    torch.save(supernet.state_dict(), file)
    return file.getvalue()


def load(supernet: nn.Module, weights: bytes) -> None:
    """Load weights into a supernet of the same space and input."""
    supernet.load_state_dict(torch.load(io.BytesIO(weights), map_location="cpu", weights_only=True))
