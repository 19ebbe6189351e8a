"""The proxy evaluator: measure the network's latency, then train it briefly and take its validation accuracy."""

import os
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from typing import Any

import torch

from nas import plugins
from nas.architecture import Architecture, ModelInput
from nas.builder import Builder
from nas.errors import ParameterError
from nas.evaluation import Evaluation, EvaluationOptions
from nas.objective import LATENCY, Measurement
from nas.space import SearchSpace
from nas.trial import CurvePoint, Failure, Outcome
from workers.datasets.dataset import Dataset, ProxyData, Request, split
from workers.device import choose_device
from workers.latency.cpu import processor_name
from workers.latency.estimate import Effort, time_runs
from workers.latency.load import load_target
from workers.latency.quiet import QuietWindow
from workers.latency.target import Run, Target
from workers.train import NonFiniteLossError, Recipe, ResidentData, train

FIRST_LOOK = Effort(warm_up_s=0.1, repeat_s=0.0, least=20, most=20)
SECOND_LOOK = Effort(warm_up_s=0.02, repeat_s=0.0, least=20, most=20)


@dataclass(frozen=True)
class ProxyEvaluator:
    """Evaluates one architecture after another on the same data, which stays in the worker's memory."""

    data: ProxyData
    model_input: ModelInput
    recipe: Recipe
    latency_input: ModelInput
    target_name: str
    device: str
    max_latency_ms: float | None
    quiet: QuietWindow = field(default_factory=QuietWindow)

    def evaluate(self, architecture: Architecture, seed: int, *, measure: bool = True) -> Outcome:
        """Over the latency limit nothing is trained. A NaN loss or a lack of memory is the outcome's failure.

        Latency is looked at before training and after it: what else the machine does comes in bursts of seconds, and a
        single look would take one burst for the truth.
        """
        torch.manual_seed(seed)
        facts: dict[str, Any] = {"environment": self._environment}
        curve: list[CurvePoint] = []
        try:
            looks = self._looks(architecture) if measure else None
            if looks is not None:
                facts |= looks.facts()
                if self.max_latency_ms is not None and facts["latency"].median > self.max_latency_ms:
                    return Outcome(**facts)
            model = self._build(architecture, self.model_input)
            generator = torch.Generator().manual_seed(seed)
            for point in train(model, self._resident, self.recipe, generator, self.quiet.step):
                curve.append(point)
                facts["train_s"] = sum(each.seconds for each in curve)
            if looks is not None:
                looks.look(SECOND_LOOK)
                facts |= looks.facts()
            return Outcome(**facts, accuracy=curve[-1].accuracy, curve=tuple(curve))
        except NonFiniteLossError as error:
            failure = Failure("loss not finite", str(error))
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            failure = Failure("out of memory", str(error).splitlines()[0] if str(error) else "allocation failed")
        return Outcome(**facts, curve=tuple(curve), failure=failure)

    def _looks(self, architecture: Architecture) -> "Looks":
        started = time.perf_counter()
        model_input = self.latency_input
        model = self._build(architecture, model_input)
        fingerprint = {
            **self._target.fingerprint(),
            "input": f"{model_input.channels}x{model_input.height_px}x{model_input.width_px}",
        }
        parameters = load_builder().cost(architecture, model_input).parameters
        looks = Looks(self._target.prepare(model, model_input), fingerprint, parameters, self.quiet)
        looks.look(FIRST_LOOK)
        looks.measure_s = time.perf_counter() - started
        return looks

    def _build(self, architecture: Architecture, model_input: ModelInput) -> torch.nn.Module:
        model: torch.nn.Module = load_builder().build(architecture, model_input)
        return model.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]

    @cached_property
    def _resident(self) -> ResidentData:
        return ResidentData(self.data, torch.device(self.device))

    @cached_property
    def _target(self) -> Target:
        return load_target(self.target_name)

    @cached_property
    def _environment(self) -> Mapping[str, Any]:
        return {
            "python": platform.python_version(),
            "platform": platform.platform(),
            "processor": processor_name(),
            "cores": os.cpu_count(),
            "device": torch.cuda.get_device_name() if self.device == "cuda" else "cpu",
            **{package: version(package) for package in ("hybrid-nas", "torch", "ray", "optuna")},
        }


class Looks:
    """One network's latency, looked at several times; what was seen so far is an outcome's facts."""

    def __init__(self, run: Run, fingerprint: Mapping[str, str | int], parameters: int, quiet: QuietWindow) -> None:
        self._run = run
        self._quiet = quiet
        self._fingerprint = fingerprint
        self._parameters = parameters
        self._samples: tuple[float, ...] = ()
        self.measure_s = 0.0

    def look(self, effort: Effort) -> None:
        """Measure once more, alone on the machine. The target sets torch's threads; the trainer's are restored."""
        started = time.perf_counter()
        threads = torch.get_num_threads()
        with self._quiet.alone():
            self._samples += time_runs(self._run, effort, time.perf_counter)
        torch.set_num_threads(threads)
        self.measure_s += time.perf_counter() - started

    def facts(self) -> dict[str, Any]:
        latency = Measurement(LATENCY.name, LATENCY.unit, self._samples, self._fingerprint)
        return {"latency": latency, "parameters": self._parameters, "measure_s": self.measure_s}


def prepare(options: EvaluationOptions, space: SearchSpace) -> Evaluation:
    """Load the data, look at the target, and make the evaluator.

    Raises UserError (ParameterError, DataError, UnknownNameError) for whatever would make every trial fail.
    """
    device = choose_device(options.device)
    target_name = options.target or device
    target = load_target(target_name)
    fingerprint = target.fingerprint()
    name, _, argument = options.dataset.partition(":")
    dataset: Dataset = plugins.load(plugins.DATASETS, name)
    size_px = options.input_size_px or dataset.size_px
    epochs = options.epochs or dataset.epochs
    train_size = options.train_size or dataset.train_size
    source = dataset.open(Request(argument or None, options.data_dir, options.download), "train")
    try:
        data = split(dataset, source, size_px=size_px, train_size=train_size, seed=options.seed)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise ParameterError(
            f"--input-size {size_px}: {train_size} images of that size do not fit in memory"
        ) from error
    model_input = ModelInput(data.train_images.shape[1], size_px, size_px, data.classes)
    latency_input = model_input if target.size_px is None else model_input.resized(target.size_px)
    # Says at once, rather than in every trial, when the images are too small for the space.
    with torch.device("meta"):
        for each_input in (model_input, latency_input):
            load_builder().build(next(iter(space)), each_input)
    evaluator = ProxyEvaluator(
        data=data,
        model_input=model_input,
        latency_input=latency_input,
        recipe=Recipe(epochs, options.batch_size, options.learning_rate),
        target_name=target_name,
        device=device,
        max_latency_ms=options.max_latency_ms,
    )
    return Evaluation(
        evaluator=evaluator,
        settings={
            "dataset": options.dataset,
            "input": model_input.to_dict(),
            "latency_input": latency_input.to_dict(),
            "epochs": epochs,
            "train_size": len(data.train_labels),
            "batch_size": options.batch_size,
            "learning_rate": options.learning_rate,
            "device": device,
            "target": target_name,
            "fingerprint": dict(fingerprint),
            "max_latency_ms": options.max_latency_ms,
            "seed": options.seed,
        },
    )


def load_builder() -> Builder:
    """The builder of the networks that are searched."""
    builder: Builder = plugins.load(plugins.BUILDERS, plugins.BUILDER)
    return builder


def is_out_of_memory(error: MemoryError | RuntimeError) -> bool:
    """Whether torch ran out of memory: on the CPU it says so in the message of a plain RuntimeError alone."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return "DefaultCPUAllocator" in str(error) or "can't allocate memory" in str(error)
