"""What a table says of an architecture, as if it had just been trained."""

from collections.abc import Iterator
from typing import Any

from nas.architecture import Architecture
from nas.evaluation import Job, Record, Run, Say
from nas.objective import ACCURACY, LATENCY, Measurement
from nas.simulation.space import TableSpace
from nas.simulation.table import Row
from nas.trial import CurvePoint, Outcome

TARGET = "table"
# What a trial takes where the table does not say it.
TRIAL_S = 1.0


class TabularEvaluator:
    """As nas.evaluation.Evaluator has it; a seed changes nothing."""

    device = "cpu"

    def __init__(self, space: TableSpace, max_latency_ms: float | None) -> None:
        self._space = space
        self._max_latency_ms = max_latency_ms

    def prepared(self, record: Record, run: Run, say: Say) -> "TabularEvaluator":
        return self

    def confirm(self, architecture: Architecture, seed: int) -> Iterator[Outcome]:
        return self.evaluate(Job(architecture, seed))

    def check_node(self) -> None:
        """A table is the same everywhere."""

    def evaluate(self, job: Job) -> Iterator[Outcome]:
        row = self._space.row(job.architecture)
        latency_ms = row.figures[LATENCY.name]
        costs = {name: value for name, value in row.figures.items() if name not in (ACCURACY.name, LATENCY.name)}
        measured = Measurement(LATENCY.name, LATENCY.unit, (latency_ms,), {"target": TARGET}, relative_half_width=0.0)
        facts: dict[str, Any] = {"latency": measured, "parameters": 0, "costs": costs}
        if self._max_latency_ms is not None and latency_ms > self._max_latency_ms:
            yield Outcome(**facts)
            return
        curve = learning_curve(row)
        for epoch in sorted(epoch for epoch in job.rungs if epoch < len(curve)):
            yield Outcome(**facts, curve=curve[:epoch], train_s=_seconds(curve[:epoch]))
        yield Outcome(**facts, accuracy=row.figures[ACCURACY.name], curve=curve, train_s=_seconds(curve))


def learning_curve(row: Row) -> tuple[CurvePoint, ...]:
    """Every epoch up to the last that is recorded: one that is not has the accuracy of the one before it.

    A row without a curve has one epoch, at the end of which its accuracy is the final one. Where there are no training
    losses up to the end the error is in their place, at the last epoch the final one: the curve may be that of a
    shorter training, or of one of several seeds.
    """
    if not row.curve:
        accuracy = row.figures[ACCURACY.name]
        return (CurvePoint(1, accuracy, 1.0 - accuracy, max(row.costs_s.values(), default=TRIAL_S)),)
    last = max(row.curve)
    whole_s = max(row.costs_s.values(), default=TRIAL_S)
    points: list[CurvePoint] = []
    accuracy, before_s = next(iter(row.curve.values())), 0.0
    losses = row.training_losses
    if last not in losses:
        losses = {epoch: 1.0 - known for epoch, known in row.curve.items()} | {last: 1.0 - row.figures[ACCURACY.name]}
    loss = next(iter(losses.values()))
    for epoch in range(1, last + 1):
        accuracy, loss = row.curve.get(epoch, accuracy), losses.get(epoch, loss)
        passed_s = row.costs_s.get(epoch, whole_s * epoch / last)
        points.append(CurvePoint(epoch, accuracy, loss, max(0.0, passed_s - before_s)))
        before_s = max(before_s, passed_s)
    return tuple(points)


def first_epoch(row: Row) -> int:
    """Before it nothing of the learning curve is recorded, by which a trial could be judged."""
    recorded = (row.curve, row.training_losses if max(row.curve, default=1) in row.training_losses else {})
    return max((min(epochs) for epochs in recorded if epochs), default=1)


def _seconds(curve: tuple[CurvePoint, ...]) -> float:
    return sum(point.seconds for point in curve)
