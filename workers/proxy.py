"""The proxy evaluator: measure the network's latency, then train it briefly and take its validation accuracy."""

import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import torch
from torch import Tensor

from nas import plugins
from nas.architecture import Architecture, ModelInput
from nas.builder import Builder, counted
from nas.errors import ParameterError
from nas.evaluation import Evaluation, EvaluationOptions, Job, Record, Run, Say
from nas.latency import Deployment, Meter, calibrated, input_on, load_meter
from nas.objective import ENERGY, MACS, PEAK_MEMORY, Measurement, Objective, least_disturbed, objectives_of, pooled
from nas.space import SearchSpace
from nas.trial import Outcome
from workers.datasets.dataset import Dataset, ProxyData, Request, split
from workers.device import choose_device
from workers.environment import environment_on
from workers.expected_failure import expected_failure
from workers.folds import training_on
from workers.latency.quiet import QuietWindow, step_in, windows_of
from workers.memory import is_out_of_memory, room
from workers.micro_batch import MicroBatch, ways
from workers.proxy_recipe import recipe_of
from workers.train import Recipe, ResidentData, choose_setting
from workers.training_free import TrainingFree
from workers.training_setting import PRECISIONS, Setting
from workers.training_steps import NonFiniteLossError
from workers.trial_cost import MemoryEstimate, ProxyCosts, memory_estimate

# A measurement takes at most so long: all trainers of the machine wait for it.
SECONDS = 0.3
# Of what a busy machine shows nothing certain of, before it is over the limit.
LOOKS = 3
# Beside others a figure is so many times too long at most (2 to 4 times, measured).
MOST_DISTURBED = 4.0


@dataclass(frozen=True)
class ProxyEvaluator:
    """Evaluates one architecture after another on the same data, which stays in the worker's memory."""

    data: ProxyData
    model_input: ModelInput
    recipe: Recipe
    meters: Mapping[str, Meter]
    """By the targets' names; the first one's latency is limited."""
    device: str
    max_latency_ms: float | None
    fingerprints: Mapping[str, Mapping[str, Any]]
    """The targets', by their names: what the study's figures are compared by."""
    training_free: TrainingFree
    memory: MemoryEstimate
    further: Collection[Objective] = ()
    """Objectives that are found out because they were asked for."""

    def prepared(self, record: Record, run: Run, say: Say) -> "ProxyEvaluator":
        """As nas.evaluation.Evaluator has it."""
        # Workers get what is known of it.
        _ = self.memory.trial
        return replace(self, meters={name: calibrated(meter, record) for name, meter in self.meters.items()})

    def check_node(self) -> None:
        """As nas.evaluation.Evaluator has it: the same targets, by their fingerprints."""
        for name, meter in self.meters.items():
            here, there = dict(meter.fingerprint(input_on(meter, self.model_input))), self.fingerprints[name]
            differing = [f"{key} {value!r}" for key, value in here.items() if value != there.get(key)]
            if differing:
                raise ParameterError(
                    f"target {name!r} is another one there ({', '.join(differing)}) and latencies could not be "
                    f"compared; have one node serve it (--target {name.partition('@')[0]}@NODE)"
                )

    def evaluate(self, job: Job, initial: Mapping[str, Tensor] | None = None) -> Iterator[Outcome]:
        """Over the latency limit nothing is trained, but for confirmations and baselines, of which all is to be known.

        A NaN loss or a lack of memory is the outcome's failure.

        Weights are `initial` ones, or drawn. Where memory has no room for a whole batch, or runs out in training,
        steps are taken in less of it (workers.micro_batch).
        """
        last = Outcome(environment=self.environment)
        try:
            begun = job.begun
            if begun is None:
                limit = self.max_latency_ms if job.repeat == 0 and not job.is_baseline else None
                begun = self.found_before_training(job.architecture, job.known, limit)
                if limit is not None and begun.latency is not None and begun.latency.median > limit:
                    yield begun
                    return
            last = resumable = begun
            problem: MemoryError | RuntimeError | None = None
            for way in self._ways(job.architecture):
                try:
                    for last in self._trained(job, resumable, way, initial):
                        if last.checkpoint is not None:
                            resumable = last
                        if last.checkpoint is not None or last.accuracy is not None:
                            yield last
                    return
                except (MemoryError, RuntimeError) as error:
                    if not is_out_of_memory(error):
                        raise
                    problem = error.with_traceback(None)
            if problem is not None:
                raise problem
        except (NonFiniteLossError, MemoryError, RuntimeError) as error:
            failure = expected_failure(error)
        yield replace(last, failure=failure, checkpoint=None)

    def confirm(self, architecture: Architecture, seed: int) -> Iterator[Outcome]:
        """As nas.evaluation.Evaluator has it."""
        return self.measured_again(architecture, self.evaluate(Job(architecture, seed, repeat=1)))

    def measured_again(self, architecture: Architecture, trained: Iterator[Outcome]) -> Iterator[Outcome]:
        """`trained`, and at the end latencies are of looks before the training and after it.

        What a shared machine does in one minute is in both figures of that minute.
        """
        for outcome in trained:
            if outcome.accuracy is None or outcome.latency is None:
                yield outcome
                continue
            first, *others = self.meters
            before = {first: outcome.latency, **outcome.latencies}
            after, spent_s = self._latencies(architecture, {}, None)
            both = {name: pooled([taken, after[name]]) for name, taken in before.items()}
            further = {name: both[name] for name in others if name in both}
            yield replace(outcome, latency=both[first], latencies=further, measure_s=outcome.measure_s + spent_s)

    def found_before_training(
        self, architecture: Architecture, known: Mapping[str, Measurement], limit_ms: float | None
    ) -> Outcome:
        """Costs and latencies, those on further targets only of what is within the limit on the first."""
        facts = self._costs(architecture)
        latencies, spent_s = self._latencies(architecture, known, limit_ms)
        first, *others = latencies
        return Outcome(
            **facts,
            latency=latencies[first],
            latencies={name: latencies[name] for name in others},
            measure_s=spent_s,
            environment={**self.environment, **self.training_free(architecture).environment},
        )

    def _latencies(
        self, architecture: Architecture, known: Mapping[str, Measurement], limit_ms: float | None
    ) -> tuple[dict[str, Measurement], float]:
        """By target, what is `known` or measured, and the seconds that took; over the limit no more than the first."""
        spent_s = 0.0
        latencies: dict[str, Measurement] = {}
        for name, meter in self.meters.items():
            taken = known.get(name)
            if taken is None:
                started = time.perf_counter()
                taken = self._measured(architecture, meter)
                spent_s += time.perf_counter() - started
            latencies[name] = taken
            if limit_ms is not None and next(iter(latencies.values())).median > limit_ms:
                break
        return latencies, spent_s

    def _measured(self, architecture: Architecture, meter: Meter) -> Measurement:
        """A figure of few disturbed rounds is not the last word little over the limit, or where the reference itself
        was many times slower than on record: of some looks the least disturbed one counts.
        """
        deployment = Deployment(architecture, self.model_input).on(meter)
        taken = meter.measure(deployment)
        limit = math.inf if self.max_latency_ms is None else self.max_latency_ms
        for _ in range(LOOKS - 1):
            is_near = limit < taken.median <= MOST_DISTURBED * limit
            if taken.is_usable or not (is_near or taken.drift > MOST_DISTURBED):
                break
            taken = least_disturbed([taken, meter.measure(deployment)])
        return taken

    def _ways(self, architecture: Architecture) -> Iterator[MicroBatch]:
        """The ways to take a step, the fastest first that memory has room for; the last one in any case."""
        batch = self._batch
        free = room(self.device)
        fits = self.memory.trial is None or self.memory.trial.most <= free
        if fits:
            yield MicroBatch(batch)
        with torch.device("meta"):
            network = load_builder().build(architecture, self.model_input)
        whole, *smaller = ways(network, batch)
        needed = None if fits else self.memory.of(architecture)
        tried = smaller if needed is None else [whole, *smaller]
        for way in tried:
            if way is tried[-1] or needed is None or way.recompute or needed.of(way.images) <= free:
                yield way

    def _trained(
        self, job: Job, begun: Outcome, way: MicroBatch, initial: Mapping[str, Tensor] | None
    ) -> Iterator[Outcome]:
        """What is known after each epoch of a training that goes on from `begun`; at rungs with a checkpoint."""
        # Here, since networks that were measured before were drawn by the same generator.
        torch.manual_seed(job.seed)
        folds = [self.resident, *self._further_folds]
        models = [self._build(job.architecture, self.model_input) for _ in folds]
        for model in models:
            if initial is not None:
                model.load_state_dict(initial)
            way.prepare(model)
        part = None if way == MicroBatch(self._batch) else way.images
        if begun.checkpoint is None:
            setting = choose_setting(models[0], self.resident, self.recipe, self.step, part)
        else:
            setting = Setting.named(begun.environment["training"])
        with self.step():
            training = training_on(
                models, folds, self.recipe, job.seed, setting, self.step, part, prepared=initial is not None
            )
            if begun.checkpoint is not None:
                training.resume(begun.checkpoint)
        environment = {**self.environment, "training": str(setting), **way.environment(self._batch)}
        curve = list(begun.curve)
        for point in training.epochs():
            curve.append(point)
            if training.obstacle:
                environment["no CUDA graph"] = training.obstacle
            seconds = sum(each.seconds for each in curve)
            with self.step():
                checkpoint = training.state() if point.epoch in job.rungs else None
            yield replace(
                begun,
                curve=tuple(curve),
                train_s=seconds,
                environment=environment,
                checkpoint=checkpoint,
                accuracy=point.accuracy if point.epoch == self.recipe.epochs else None,
            )

    def _costs(self, architecture: Architecture) -> dict[str, Any]:
        """At the input of the first target."""
        meter = next(iter(self.meters.values()))
        at = input_on(meter, self.model_input)
        cost = counted(load_builder(), architecture, at)
        costs: dict[str, float] = {MACS.name: cost.macs, **self.training_free(architecture).costs}
        if PEAK_MEMORY in self.further:
            costs[PEAK_MEMORY.name] = load_builder().peak_memory(architecture, at)
        if ENERGY in self.further:
            costs[ENERGY.name] = meter.energy_mj(Deployment(architecture, at))
        return {"parameters": cost.parameters, "costs": costs}

    def step(self) -> AbstractContextManager[None]:
        return step_in(self._windows)

    def _build(self, architecture: Architecture, model_input: ModelInput) -> torch.nn.Module:
        model: torch.nn.Module = load_builder().build(architecture, model_input)
        with self.step():
            return model.to(self.device)

    @property
    def _batch(self) -> int:
        return min(self.recipe.batch_size, len(self.data.train_labels))

    @cached_property
    def resident(self) -> ResidentData:
        return ResidentData(self.data, torch.device(self.device))

    @cached_property
    def _further_folds(self) -> Sequence[ResidentData]:
        return [ResidentData(fold, torch.device(self.device)) for fold in self.data.further_folds]

    @cached_property
    def _windows(self) -> Sequence[QuietWindow]:
        return windows_of(self.device)

    @cached_property
    def environment(self) -> Mapping[str, Any]:
        return environment_on(self.device)


def prepare(options: EvaluationOptions, space: SearchSpace) -> Evaluation:
    """Load the data, look at the target, and make the evaluator. Raises as `proxy_of` does."""
    for option, given in (("inherit", options.inherit), ("supernet-epochs", options.supernet_epochs)):
        if given:
            raise ParameterError(f"--{option} is of --evaluator supernet")
    evaluator, space, settings = proxy_of(options, space)
    costs, images = trial_costs(evaluator, space, options.seed), evaluator.data.digest
    return Evaluation(evaluator, space, settings, features=features_of(evaluator), trial_costs=costs, images=images)


def trial_costs(evaluator: ProxyEvaluator, space: SearchSpace, seed: int) -> ProxyCosts:
    """Estimates of what the evaluator's trials of the space cost."""
    return ProxyCosts(
        space,
        evaluator.memory,
        epochs=evaluator.recipe.epochs * (1 + len(evaluator.data.further_folds)),
        train_images=len(evaluator.data.train_labels),
        validation_images=len(evaluator.data.validation_labels),
        targets=len(evaluator.meters),
        device=evaluator.device,
        seed=seed,
    )


def features_of(evaluator: ProxyEvaluator) -> list[Callable[[Architecture], float | None]]:
    """The training-free ones, for samplers."""
    found = evaluator.training_free
    return [partial(found.named, name) for name in found.names]


def proxy_of(options: EvaluationOptions, space: SearchSpace) -> tuple[ProxyEvaluator, SearchSpace, dict[str, Any]]:
    """The evaluator, with its data, the space for pictures of their size, and the settings.

    Raises UserError (ParameterError, DataError, UnknownNameError) for whatever would make every trial fail.
    """
    device = choose_device(options.device)
    if options.train_precision not in PRECISIONS:
        raise ParameterError(f"--train-precision {options.train_precision!r} is not one of {', '.join(PRECISIONS)}")
    target_names = options.targets or (device,)
    if len(set(target_names)) < len(target_names):
        raise ParameterError(f"--target {', '.join(target_names)}: each is needed once")
    objectives = objectives_of(options.objectives, target_names)
    meters = {
        name: load_meter(name, options.ray_address).precise(options.latency_precision, SECONDS) for name in target_names
    }
    name, _, argument = options.dataset.partition(":")
    dataset: Dataset = plugins.load(plugins.DATASETS, name)
    train_size = options.train_size or dataset.train_size
    source = dataset.open(Request(argument or None, options.data_dir, options.download), "train")
    size_px = options.input_size_px or dataset.default_px(source)
    try:
        data = split(dataset, source, size_px=size_px, train_size=train_size, seed=options.seed)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise ParameterError(
            f"--input-size {size_px}: {train_size} images of that size do not fit in memory"
        ) from error
    recipe = recipe_of(options, dataset, data)
    if recipe.folds > 1:
        data = split(dataset, source, size_px=size_px, train_size=train_size, seed=options.seed, folds=recipe.folds)
    model_input = data.model_input
    space = space.for_pictures(model_input)
    if ENERGY in objectives:
        # Where the hardware reports none this says so before anything is trained.
        smallest = next(iter(space.smallest_of_each_mixer()), next(iter(space)))
        meters[target_names[0]].energy_mj(Deployment(smallest, model_input))
    inputs = {name: input_on(meter, model_input) for name, meter in meters.items()}
    # Says at once, rather than in every trial, when the images are too small for the space.
    with torch.device("meta"):
        for each_input in (model_input, *inputs.values()):
            load_builder().build(next(iter(space)), each_input)
    fingerprints = {name: dict(meters[name].fingerprint(inputs[name])) for name in target_names}
    for found in fingerprints.values():
        same = [other for other in target_names if fingerprints[other] == found]
        if len(same) > 1:
            raise ParameterError(f"--target {', '.join(same)}: they are the same target; each is needed once")
    evaluator = ProxyEvaluator(
        data=data,
        model_input=model_input,
        recipe=replace(recipe, precision=options.train_precision),
        meters=meters,
        device=device,
        max_latency_ms=options.max_latency_ms,
        fingerprints=fingerprints,
        training_free=TrainingFree.of(data, options.features, load_builder(), options.seed),
        memory=memory_estimate(
            space, model_input, min(recipe.batch_size, len(data.train_labels)), data.train_images.nbytes
        ),
        further=objectives,
    )
    first, *others = target_names
    return (
        evaluator,
        space,
        {
            "dataset": options.dataset,
            "input": model_input.to_dict(),
            "latency_input": inputs[first].to_dict(),
            "epochs": recipe.epochs,
            "train_size": len(data.train_labels),
            **recipe.as_settings(),
            "device": device,
            "objectives": [objective.name for objective in objectives],
            "target": first,
            "fingerprint": evaluator.fingerprints[first],
            "further_targets": {name: evaluator.fingerprints[name] for name in others},
            "latency_precision": options.latency_precision,
            "max_latency_ms": options.max_latency_ms,
            "seed": options.seed,
        },
    )


def load_builder() -> Builder:
    """The builder of the networks that are searched."""
    builder: Builder = plugins.load(plugins.BUILDERS, plugins.BUILDER)
    return builder
