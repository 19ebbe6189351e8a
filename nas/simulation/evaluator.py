"""Evaluator that looks up an architecture's results in a table instead of training it."""

from collections.abc import Iterator
from typing import Any

from nas.architecture import Architecture
from nas.evaluation import Job, Record, Run, Say
from nas.objective import ACCURACY, LATENCY, Measurement
from nas.simulation.space import TableSpace
from nas.simulation.table import Row
from nas.trial import CurvePoint, Outcome

TARGET = "table"
# Duration of a trial if the table records none, in seconds.
DEFAULT_TRIAL_S = 1.0


class TabularEvaluator:
    """Evaluator of a table's rows, for which the seed has no effect."""

    device = "cpu"

    def __init__(self, space: TableSpace, max_latency_ms: float | None) -> None:
        self._space = space
        self._max_latency_ms = max_latency_ms

    def prepared(self, record: Record, run: Run, say: Say) -> "TabularEvaluator":
        return self

    def confirm(self, architecture: Architecture, seed: int) -> Iterator[Outcome]:
        return self.evaluate(Job(architecture, seed))

    def check_node(self) -> None:
        """Accept every node: a table is the same everywhere."""

    def evaluate(self, job: Job) -> Iterator[Outcome]:
        row = self._space.row(job.architecture)
        latency_ms = row.figures[LATENCY.name]
        costs = {name: value for name, value in row.figures.items() if name not in (ACCURACY.name, LATENCY.name)}
        latency = Measurement(LATENCY.name, LATENCY.unit, (latency_ms,), {"target": TARGET}, relative_half_width=0.0)
        facts: dict[str, Any] = {"latency": latency, "parameters": 0, "costs": costs}
        if self._max_latency_ms is not None and latency_ms > self._max_latency_ms:
            yield Outcome(**facts)
            return
        curve = learning_curve(row)
        for epoch in sorted(epoch for epoch in job.rungs if epoch < len(curve)):
            yield Outcome(**facts, curve=curve[:epoch], train_s=_seconds(curve[:epoch]))
        yield Outcome(**facts, accuracy=row.figures[ACCURACY.name], curve=curve, train_s=_seconds(curve))


def learning_curve(row: Row) -> tuple[CurvePoint, ...]:
    """Fill a row's learning curve up to its last recorded epoch; an epoch without a record repeats the one before it.

    A row without a curve gets a single epoch with the final accuracy. If training losses are not recorded up to the
    last epoch, errors stand in for them, and the last epoch has the final accuracy's error: the curve may be that of a
    shorter training, or of one of several seeds.
    """
    if not row.curve:
        accuracy = row.figures[ACCURACY.name]
        return (CurvePoint(1, accuracy, 1.0 - accuracy, max(row.costs_s.values(), default=DEFAULT_TRIAL_S)),)
    last = max(row.curve)
    whole_s = max(row.costs_s.values(), default=DEFAULT_TRIAL_S)
    points: list[CurvePoint] = []
    accuracy, before_s = next(iter(row.curve.values())), 0.0
    losses = row.training_losses
    if last not in losses:
        losses = {epoch: 1.0 - accuracy for epoch, accuracy in row.curve.items()} | {
            last: 1.0 - row.figures[ACCURACY.name]
        }
    loss = next(iter(losses.values()))
    for epoch in range(1, last + 1):
        accuracy, loss = row.curve.get(epoch, accuracy), losses.get(epoch, loss)
        elapsed_s = row.costs_s.get(epoch, whole_s * epoch / last)
        points.append(CurvePoint(epoch, accuracy, loss, max(0.0, elapsed_s - before_s)))
        before_s = max(before_s, elapsed_s)
    return tuple(points)


def first_epoch(row: Row) -> int:
    """Return the first epoch at which a trial can be judged: the first with all recorded quantities of the curve."""
    curves = (row.curve, row.training_losses if max(row.curve, default=1) in row.training_losses else {})
    return max((min(epochs) for epochs in curves if epochs), default=1)


def _seconds(curve: tuple[CurvePoint, ...]) -> float:
    return sum(point.seconds for point in curve)
