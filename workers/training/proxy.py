"""The proxy evaluator: measures a network's latency, then trains it briefly for its validation accuracy."""

import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any

import torch
from torch import Tensor

from nas.architecture import Architecture, ModelInput, total_cost
from nas.errors import ParameterError
from nas.evaluation import Evaluation, EvaluationOptions, Job, Record, Run, Say
from nas.exports.pictures import Rules
from nas.exports.training import TrainingRecipe
from nas.latency.meter import Deployment, Meter, calibrated, input_on
from nas.objective import ENERGY, MACS, PEAK_MEMORY, Measurement, Objective, least_disturbed, objectives_of, pooled
from nas.space import SearchSpace
from nas.trial import Outcome
from workers.data.dataset import ProxyData
from workers.data.image_memory import is_mapped
from workers.device import choose_device
from workers.environment import environment_on
from workers.latency.measurement_lock import MeasurementLock, locks_for, shared_step
from workers.memory import free_bytes, is_out_of_memory
from workers.training.advice import advice_on
from workers.training.builder import load_builder
from workers.training.expected_failure import expected_failure
from workers.training.folds import training_on
from workers.training.loop import ResidentData, choose_setting, statistics_step
from workers.training.micro_batch import MicroBatch, ways
from workers.training.network_file import network_file
from workers.training.proxy_data import proxy_data
from workers.training.setting import PRECISIONS, Setting
from workers.training.space_check import check_space
from workers.training.steps import NonFiniteLossError
from workers.training.targets import fingerprints_of, meters_of
from workers.training.training_free import TrainingFree
from workers.training.trial_cost import MemoryEstimate, ProxyCosts, memory_estimate

# Measurements of a network whose figure on a busy machine is uncertain, before it counts as over the limit.
MAX_REPEATS = 3
# Other load makes a figure at most this many times too long (measured: 2 to 4 times).
MAX_DISTURBED = 4.0


@dataclass(frozen=True)
class ProxyEvaluator:
    """Evaluates one architecture after another on the same data, which stays in the worker's memory."""

    data: ProxyData
    model_input: ModelInput
    recipe: TrainingRecipe
    meters: Mapping[str, Meter]
    """The meters by their targets' names; the first one's latency is limited."""
    device: str
    max_latency_ms: float | None
    fingerprints: Mapping[str, Mapping[str, Any]]
    """The targets' fingerprints by their names, by which the study's figures are compared."""
    training_free: TrainingFree
    memory: MemoryEstimate
    objectives: Collection[Objective] = ()
    """The requested objectives."""
    notes: Sequence[tuple[str, Mapping[str, Any]]] = ()
    """Events about the data for the user: its census, and warnings."""
    rules: Rules = field(default_factory=Rules)
    """The rules by which pictures became images."""

    def prepared(self, record: Record, run: Run, say: Say) -> "ProxyEvaluator":
        """The evaluator with its meters on the record's scale. Says what there is to say about the data."""
        for event, note in self.notes:
            say(event, note)
        # Computed here, so that it is pickled to workers.
        _ = self.memory.trial
        return replace(self, meters={name: calibrated(meter, record) for name, meter in self.meters.items()})

    def check_node(self) -> None:
        """Raise ParameterError unless this node's targets have the study's fingerprints."""
        for name, meter in self.meters.items():
            node, study = dict(meter.fingerprint(input_on(meter, self.model_input))), self.fingerprints[name]
            differing = [f"{key} {value!r}" for key, value in node.items() if value != study.get(key)]
            if differing:
                raise ParameterError(
                    f"target {name!r} differs there ({', '.join(differing)}), so that latencies could not be "
                    f"compared; let one node serve it (--target {name.partition('@')[0]}@NODE)"
                )

    def evaluate(self, job: Job, initial: Mapping[str, Tensor] | None = None) -> Iterator[Outcome]:
        """Measure and train; over the latency limit nothing is trained, except confirmations and baselines.

        A NaN loss or a lack of memory is the outcome's failure. Weights are `initial` ones, by default random. Where
        memory has no room for a whole batch, or runs out, steps are taken in less of it (workers.training.micro_batch).
        """
        last = Outcome(environment=self.environment)
        try:
            resume_from = job.resume_from
            if resume_from is None:
                limit = self.max_latency_ms if job.repeat == 0 and not job.is_baseline else None
                resume_from = self.costs_and_latencies(job.architecture, job.known, limit)
                if limit is not None and resume_from.latency is not None and resume_from.latency.median > limit:
                    yield resume_from
                    return
            last = resumable = resume_from
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
        """Evaluate again with another seed, with latencies from before and after the training."""
        return self.with_repeated_latency(architecture, self.evaluate(Job(architecture, seed, repeat=1)))

    def with_repeated_latency(self, architecture: Architecture, trained: Iterator[Outcome]) -> Iterator[Outcome]:
        """The outcomes of `trained`, at the end with latencies pooled from before the training and after it.

        Repeats within one minute would share what a shared machine does in that minute.
        """
        for outcome in trained:
            if outcome.accuracy is None or outcome.latency is None:
                yield outcome
                continue
            first, *others = self.meters
            before = {first: outcome.latency, **outcome.latencies}
            after, spent_s = self._latencies(architecture, {}, None)
            both = {name: pooled([measurement, after[name]]) for name, measurement in before.items()}
            latencies = {name: both[name] for name in others if name in both}
            yield replace(outcome, latency=both[first], latencies=latencies, measure_s=outcome.measure_s + spent_s)

    def costs_and_latencies(
        self, architecture: Architecture, known: Mapping[str, Measurement], limit_ms: float | None
    ) -> Outcome:
        """The costs and latencies; on further targets only of networks within the limit on the first."""
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
        """Latencies by target, `known` or measured, and the seconds of measuring; over the limit only the first."""
        spent_s = 0.0
        latencies: dict[str, Measurement] = {}
        for name, meter in self.meters.items():
            measurement = known.get(name)
            if measurement is None:
                started = time.perf_counter()
                measurement = self._measured(architecture, meter)
                spent_s += time.perf_counter() - started
            latencies[name] = measurement
            if limit_ms is not None and next(iter(latencies.values())).median > limit_ms:
                break
        return latencies, spent_s

    def _measured(self, architecture: Architecture, meter: Meter) -> Measurement:
        """Measure the latency, and repeat a figure of few disturbed rounds; the least disturbed measurement counts.

        Repeated are those a little over the limit, and those whose reference was many times slower than recorded.
        """
        deployment = Deployment(architecture, self.model_input).on(meter)
        measurement = meter.measure(deployment)
        limit = math.inf if self.max_latency_ms is None else self.max_latency_ms
        for _ in range(MAX_REPEATS - 1):
            is_near = limit < measurement.median <= MAX_DISTURBED * limit
            if measurement.is_usable or not (is_near or measurement.drift > MAX_DISTURBED):
                break
            measurement = least_disturbed([measurement, meter.measure(deployment)])
        return measurement

    def _ways(self, architecture: Architecture) -> Iterator[MicroBatch]:
        """The ways to take a step that memory has room for, the fastest first; the last one in any case."""
        batch = self._batch
        free = free_bytes(self.device)
        fits = self.memory.trial is None or self.memory.trial.most <= free
        if fits:
            yield MicroBatch(batch)
        with torch.device("meta"):
            network = load_builder().build(architecture, self.model_input)
        whole, *smaller = ways(network, batch)
        needed = None if fits else self.memory.of(architecture)
        remaining = smaller if needed is None else [whole, *smaller]
        for way in remaining:
            if way is remaining[-1] or needed is None or way.recompute or needed.of(way.images) <= free:
                yield way

    def _trained(
        self, job: Job, resume_from: Outcome, way: MicroBatch, initial: Mapping[str, Tensor] | None
    ) -> Iterator[Outcome]:
        """The outcome after each epoch of a training that continues from `resume_from`; at rungs with a checkpoint."""
        # Seeded here because networks that were measured before were drawn by the same generator.
        torch.manual_seed(job.seed)
        folds = [self.resident, *self._further_folds]
        models = [self._build(job.architecture, self.model_input) for _ in folds]
        for model in models:
            if initial is not None:
                model.load_state_dict(initial)
            way.prepare(model)
        part = None if way == MicroBatch(self._batch) else way.images
        if resume_from.checkpoint is None:
            graph = not is_mapped(self.data.train_images)
            setting = choose_setting(models[0], self.resident, self.recipe, self.step_lock, part, graph=graph)
        else:
            setting = Setting.named(resume_from.environment["training"])
        with self.step_lock():
            training = training_on(
                models, folds, self.recipe, job.seed, setting, self.step_lock, part, prepared=initial is not None
            )
            if resume_from.checkpoint is not None:
                training.resume(resume_from.checkpoint)
        environment = {**self.environment, "training": str(setting), **way.environment(self._batch)}
        curve = list(resume_from.curve)
        for point in training.epochs():
            curve.append(point)
            if training.obstacle:
                environment["no CUDA graph"] = training.obstacle
            is_over = point.epoch == self.recipe.epochs
            keeps = is_over and job.is_final
            with self.step_lock():
                checkpoint = training.state() if point.epoch in job.rungs else None
            yield replace(
                resume_from,
                curve=tuple(curve),
                train_s=sum(trained.seconds for trained in curve),
                environment=environment,
                checkpoint=checkpoint,
                accuracy=point.accuracy if is_over else None,
                weights=network_file(training.judged, self.data, self.resident, self.rules) if keeps else None,
            )

    def _costs(self, architecture: Architecture) -> dict[str, Any]:
        """The costs at the input of the first target."""
        meter = next(iter(self.meters.values()))
        model_input = input_on(meter, self.model_input)
        cost = total_cost(load_builder(), architecture, model_input)
        costs: dict[str, float] = {MACS.name: cost.macs, **self.training_free(architecture).costs}
        if PEAK_MEMORY in self.objectives:
            costs[PEAK_MEMORY.name] = load_builder().peak_memory(architecture, model_input)
        if ENERGY in self.objectives:
            costs[ENERGY.name] = meter.energy_mj(Deployment(architecture, model_input))
        return {"parameters": cost.parameters, "costs": costs}

    def step_lock(self) -> AbstractContextManager[None]:
        """The context of a step, which waits for measurements."""
        return shared_step(self._locks)

    def _build(self, architecture: Architecture, model_input: ModelInput) -> torch.nn.Module:
        model: torch.nn.Module = load_builder().build(architecture, model_input)
        with self.step_lock():
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
    def _locks(self) -> Sequence[MeasurementLock]:
        return locks_for(self.device)

    @cached_property
    def environment(self) -> Mapping[str, Any]:
        return environment_on(self.device)


def prepare(options: EvaluationOptions, space: SearchSpace) -> Evaluation:
    """Load the data, check the targets, and make the evaluator. Raises as `proxy_of` does."""
    for option, value in (("inherit", options.inherit), ("supernet-epochs", options.supernet_epochs)):
        if value:
            raise ParameterError(f"--{option} needs --evaluator supernet")
    evaluator, space, settings = proxy_of(options, space)
    return Evaluation(
        evaluator,
        space,
        settings,
        features=features_of(evaluator),
        trial_costs=trial_costs(evaluator, space, options.seed),
        images=evaluator.data.digest,
        advice=advice_on(evaluator.data, options),
    )


def trial_costs(evaluator: ProxyEvaluator, space: SearchSpace, seed: int) -> ProxyCosts:
    """The estimator of the cost of the evaluator's trials of the space."""
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


def resident_bytes(data: ProxyData, device: str) -> int:
    """The bytes of training images that a trial has in memory of its own: all on a GPU, else those for statistics."""
    images = data.train_images
    if device == "cuda" and not is_mapped(images):
        return images.nbytes
    return images[:: statistics_step(len(images), math.prod(images.shape[1:]))].nbytes


def features_of(evaluator: ProxyEvaluator) -> list[Callable[[Architecture], float | None]]:
    """The evaluator's training-free features, for samplers."""
    training_free = evaluator.training_free
    return [partial(training_free.named, name) for name in training_free.names]


def proxy_of(options: EvaluationOptions, space: SearchSpace) -> tuple[ProxyEvaluator, SearchSpace, dict[str, Any]]:
    """Make the evaluator with its data, the space for pictures of their size, and the settings.

    Raises UserError (ParameterError, DataError, UnknownNameError) for anything that would make every trial fail.
    """
    device = choose_device(options.device)
    if options.train_precision not in PRECISIONS:
        raise ParameterError(f"--train-precision {options.train_precision!r} is not one of {', '.join(PRECISIONS)}")
    target_names = options.targets or (device,)
    objectives = objectives_of(options.objectives, target_names)
    meters = meters_of(target_names, options.ray_address, options.latency_precision)
    prepared = proxy_data(options)
    data, recipe = prepared.data, prepared.recipe
    model_input = data.model_input
    space = space.for_pictures(model_input)
    if ENERGY in objectives:
        # Raises before anything is trained where the hardware reports no energy.
        smallest = next(iter(space.smallest_of_each_mixer()), next(iter(space)))
        meters[target_names[0]].energy_mj(Deployment(smallest, model_input))
    inputs = {name: input_on(meter, model_input) for name, meter in meters.items()}
    check_space(load_builder(), space, (model_input, *inputs.values()))
    fingerprints = fingerprints_of(meters, inputs)
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
            space, model_input, min(recipe.batch_size, len(data.train_labels)), resident_bytes(data, device)
        ),
        objectives=objectives,
        notes=prepared.notes,
        rules=prepared.rules,
    )
    first, *others = target_names
    return (
        evaluator,
        space,
        {
            **prepared.settings,
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
        },
    )
