"""The function evaluator: measures a network's latency, then has the user's own function train it."""

import math
import queue
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field, fields, replace
from typing import Any

import torch
from torch import Tensor, nn

from nas.architecture import Architecture
from nas.errors import OptionError
from nas.evaluation import RECORDED_OPTIONS, Evaluation, EvaluationOptions, Job, RunningTrial, TrialStopped
from nas.objective import ACCURACY
from nas.space import SearchSpace
from nas.trial import CurvePoint, Outcome
from workers.latency.pause import paused_for_measurements
from workers.training.micro_batch import MicroBatch
from workers.training.proxy import ProxyEvaluator, proxy_of

# A training function: a network with fresh weights and its trial, to its accuracy or to several figures by name.
Function = Callable[[nn.Module, RunningTrial], float | Mapping[str, float]]


class FunctionTrial:
    """A trial as the training function sees it (nas.evaluation.RunningTrial). Used by the function's thread."""

    def __init__(self, job: Job, device: str) -> None:
        self.number = job.number
        self.seed = job.seed
        self.architecture: Architecture = job.architecture
        self.device = device
        self._rungs = frozenset(job.rungs)
        self._points: queue.SimpleQueue[CurvePoint | None] = queue.SimpleQueue()
        self._verdicts: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._epoch = 0
        self._is_stopped = False
        self._reported_at = time.perf_counter()

    def report(self, epoch: int, accuracy: float, loss: float | None = None) -> None:
        """Report the validation accuracy after an epoch. Raises TrialStopped where the search ends the trial."""
        if epoch != self._epoch + 1:
            raise ValueError(f"epoch {epoch} is reported after epoch {self._epoch}; report each epoch, from 1 upwards")
        accuracy, seconds = checked_accuracy(accuracy), time.perf_counter() - self._reported_at
        # Samplers predict final accuracies from the curve of losses.
        self._points.put(CurvePoint(epoch, accuracy, 1 - accuracy if loss is None else float(loss), seconds))
        self._epoch = epoch
        if self._is_stopped or (epoch in self._rungs and not self._verdicts.get()):
            raise TrialStopped(f"the search ended trial {self.number} after epoch {epoch}")
        self._reported_at = time.perf_counter()

    def points(self, result: "Future[Any]") -> Iterator[CurvePoint]:
        """The function's reports, until it ends. At a rung the function waits until the next one is asked for."""
        result.add_done_callback(lambda _: self._points.put(None))
        while (point := self._points.get()) is not None:
            yield point
            if point.epoch in self._rungs:
                self._verdicts.put(True)

    def stop(self) -> None:
        """End the function, where it still runs, at its next report or at the one where it waits."""
        self._is_stopped = True
        self._verdicts.put(False)


@dataclass(frozen=True)
class FunctionEvaluator(ProxyEvaluator):
    """Has the user's `function` train each network; everything but the training is the proxy evaluator's.

    The process stops while others measure, so that latencies are of a quiet machine; `without_pause` it does not.
    """

    function: Function = field(kw_only=True)
    is_paused: bool = True

    def without_pause(self) -> "FunctionEvaluator":
        """The evaluator for the process of a user, who may stand in a debugger or at a terminal."""
        return replace(self, is_paused=False)

    def _ways(self, architecture: Architecture) -> Iterator[MicroBatch]:
        """The function chooses its own batches."""
        yield MicroBatch(self._batch)

    def _trained(
        self, job: Job, resume_from: Outcome, way: MicroBatch, initial: Mapping[str, Tensor] | None
    ) -> Iterator[Outcome]:
        """The outcome after each reported epoch, and at the end. A trial that was cut off begins anew."""
        torch.manual_seed(job.seed)
        network = self._build(job.architecture, self.model_input)
        trial, threads = FunctionTrial(job, self.device), torch.get_num_threads()
        started, curve = time.perf_counter(), list[CurvePoint]()
        last = replace(resume_from, curve=(), checkpoint=None)
        pause = paused_for_measurements(self._locks) if self.is_paused else nullcontext()
        # In a thread of its own, which waits in `report` for the search's verdict. It gets this thread's limits.
        with pause, ThreadPoolExecutor(1, "training", torch.set_num_threads, (threads,)) as executor:
            # Stopped before the executor waits for its thread. Ctrl-C may come before the first point, too.
            try:
                result = executor.submit(self.function, network, trial)
                for point in trial.points(result):
                    curve.append(point)
                    last = replace(last, curve=tuple(curve), train_s=time.perf_counter() - started)
                    yield replace(last, checkpoint=b"" if point.epoch in job.rungs else None)
            finally:
                trial.stop()
            figures = _figures(result.result())
        costs = {**last.costs, **{name: value for name, value in figures.items() if name != ACCURACY.name}}
        yield replace(last, accuracy=figures[ACCURACY.name], costs=costs, train_s=time.perf_counter() - started)


def checked_accuracy(value: Any) -> float:
    """The accuracy as a float. Raises ValueError where it is no number from 0 to 1."""
    accuracy = float(value)
    if not 0 <= accuracy <= 1:
        raise ValueError(f"accuracy {accuracy:g} is not between 0 and 1")
    return accuracy


def _figures(result: Any) -> dict[str, float]:
    """The function's result as figures by name, `accuracy` among them."""
    named = result if isinstance(result, Mapping) else {ACCURACY.name: result}
    figures = {str(name): float(value) for name, value in named.items()}
    if ACCURACY.name not in figures:
        raise ValueError(f"the training function returned {', '.join(figures) or 'nothing'}; accuracy is needed")
    for name, value in figures.items():
        if not math.isfinite(value):
            raise ValueError(f"the training function returned {name} {value:g}, which is not finite")
    checked_accuracy(figures[ACCURACY.name])
    return figures


def prepare(options: EvaluationOptions, space: SearchSpace) -> Evaluation:
    """Make the evaluator of `options.evaluate`. Raises as `proxy_of` does, and OptionError without a function."""
    if options.evaluate is None:
        raise OptionError("{evaluator} 'function' needs {evaluate}: a function of a network and its trial")
    for name in RECORDED_OPTIONS:
        if (value := getattr(options, name)) is not None:
            raise OptionError(
                f"{{{name}}} {{!r}}: cannot be used with {{evaluate}}, whose function trains and measures",
                value,
            )
    # Without epochs, of which the function reports each, there are no rungs to stop a trial at.
    epochs = options.epochs or 1
    proxy, space, settings = proxy_of(replace(options, epochs=epochs), space)
    values = {entry.name: getattr(proxy, entry.name) for entry in fields(ProxyEvaluator)}
    evaluator = FunctionEvaluator(**values, function=options.evaluate)
    name = getattr(options.evaluate, "__qualname__", type(options.evaluate).__name__)
    return Evaluation(evaluator, space, {**settings, "function": name})
