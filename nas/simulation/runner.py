"""Pool of workers on a simulated clock, on which jobs take their recorded times."""

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from nas.evaluation import AskTell, Evaluator, Job
from nas.trial import Outcome, TrialState


@dataclass(order=True)
class _Event:
    """Arrival of a worker at its job's next rung, or at the job's end, at `time_s`."""

    time_s: float
    order: int
    started_s: float = field(compare=False)
    job: Job = field(compare=False)
    outcome: Outcome = field(compare=False)
    later: Iterator[Outcome] = field(compare=False)


class SimulatedRunner:
    """Runner on a simulated clock; after a search, `now_s` is its simulated duration."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.now_s = 0.0

    def report(self) -> Mapping[str, Any]:
        return {"workers": {"simulated": self.workers}}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def run(self, search: AskTell, evaluator: Evaluator, workers: int | None = None) -> None:
        events: list[_Event] = []
        order = 0
        while True:
            while len(events) < (workers or self.workers) and (job := search.ask()) is not None:
                later = iter(evaluator.evaluate(job))
                outcome = next(later)
                order += 1
                heapq.heappush(events, _Event(self.now_s + outcome.train_s, order, self.now_s, job, outcome, later))
            if not events:
                return
            event = heapq.heappop(events)
            self.now_s = event.time_s
            if event.outcome.state is TrialState.STOPPED and search.should_continue(event.job, event.outcome):
                event.outcome = next(event.later)
                event.time_s = event.started_s + event.outcome.train_s
                heapq.heappush(events, event)
            else:
                search.tell(event.job, event.outcome)
