"""The evaluator of searches by default: trials are proxies, and what is promising is trained longer."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from nas.architecture import Architecture
from nas.evaluation import Evaluation, EvaluationOptions, Evaluator, Job, Record, Run, Say
from nas.exports.training import TrainingRecipe
from nas.space import SearchSpace
from nas.trial import Fidelity, Outcome
from workers.data.dataset import ProxyData
from workers.ladder.test_part import TestPart
from workers.training import proxy as proxies
from workers.training.policy import POLICY, TrainingTask, policy, worthwhile_epochs
from workers.training.proxy import ProxyEvaluator
from workers.training.proxy_data import proxy_data


@dataclass(frozen=True)
class LadderEvaluator:
    """Evaluates trials by `proxy`, and longer trainings by the same evaluator with more images and other recipes.

    A nas.evaluation.Evaluator. `data` has the images of the largest training, the proxy's among them.
    """

    proxy: ProxyEvaluator
    data: ProxyData
    recipes: Mapping[Fidelity, TrainingRecipe]
    _evaluators: dict[Fidelity, ProxyEvaluator] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def device(self) -> str:
        return self.proxy.device

    def prepared(self, record: Record, run: Run, say: Say) -> "LadderEvaluator":
        return replace(self, proxy=self.proxy.prepared(record, run, say))

    def check_node(self) -> None:
        self.proxy.check_node()

    def evaluate(self, job: Job) -> Iterator[Outcome]:
        """Evaluate as the proxy evaluator does, at the job's fidelity; a final training is measured after it, too."""
        if job.fidelity is None:
            yield from self.proxy.evaluate(job)
            return
        evaluator = self._at(job.fidelity)
        outcomes = evaluator.evaluate(job)
        yield from evaluator.with_repeated_latency(job.architecture, outcomes) if job.is_final else outcomes

    def confirm(self, architecture: Architecture, seed: int) -> Iterator[Outcome]:
        return self.proxy.confirm(architecture, seed)

    def _at(self, fidelity: Fidelity) -> ProxyEvaluator:
        """The evaluator for trainings at the fidelity, which it keeps with its images in the worker's memory."""
        if fidelity not in self._evaluators:
            recipe, memory = self.recipes[fidelity], self.proxy.memory
            if recipe.batch_size > memory.batch:
                # Otherwise the driver's estimate holds, and no worker makes one of its own.
                memory = replace(memory, batch=recipe.batch_size)
            data = self.data.first(fidelity.images)
            self._evaluators[fidelity] = replace(self.proxy, data=data, recipe=recipe, memory=memory)
        return self._evaluators[fidelity]


def prepare(options: EvaluationOptions, space: SearchSpace) -> Evaluation:
    """Make the proxy evaluator, which can be extended up to a target. Raises as workers.training.proxy.prepare does."""
    evaluation = proxies.prepare(options, space)
    proxy = evaluation.evaluator
    if not isinstance(proxy, ProxyEvaluator) or proxy.recipe.name != POLICY:
        return evaluation
    available = sum(proxy.data.class_counts.values()) - len(proxy.data.validation_labels)
    largest = Fidelity(available, worthwhile_epochs(_task(proxy.data, available)))
    test_part = TestPart(options, proxy.rules, proxy.model_input, proxy.device)
    return replace(
        evaluation,
        worthwhile=largest,
        reaching=partial(_reaching, options, proxy),
        # Pictures in memory are all to train on and to validate with.
        test=None if options.pictures is not None else test_part.accuracy,
    )


def _reaching(options: EvaluationOptions, proxy: ProxyEvaluator, rungs: Sequence[Fidelity]) -> Evaluator:
    """The evaluator of trainings at these fidelities."""
    images = max(rung.images for rung in rungs)
    base = len(proxy.data.train_labels)
    data = proxy.data if images <= base else proxy_data(options, keep=images).data
    recipes = {rung: _recipe_at(rung, proxy) for rung in rungs}
    return LadderEvaluator(replace(proxy, data=data.first(base)), data, recipes)


def _recipe_at(fidelity: Fidelity, proxy: ProxyEvaluator) -> TrainingRecipe:
    """The policy's recipe at the fidelity, with what the user has chosen in the place of the policy for the trials."""
    base = proxy.recipe
    own = policy(_task(proxy.data, len(proxy.data.train_labels)), epochs=base.epochs)
    recipe = policy(
        _task(proxy.data, fidelity.images),
        epochs=fidelity.epochs,
        batch_size=base.batch_size if base.batch_size != own.batch_size else None,
        learning_rate=base.learning_rate if base.learning_rate != own.learning_rate else None,
    )
    return replace(recipe, folds=base.folds, precision=base.precision)


def _task(data: ProxyData, images: int) -> TrainingTask:
    model_input = data.model_input
    shorter_px = min(model_input.height_px, model_input.width_px)
    return TrainingTask(images, shorter_px, model_input.channels, model_input.classes, data.flip)
