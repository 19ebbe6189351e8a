"""The local runner: trials one after another in this process, for debugging. It needs no Ray."""

import socket
from collections.abc import Generator, Mapping
from typing import Any, Protocol, Self, runtime_checkable

from nas.errors import ParameterError
from nas.evaluation import AskTell, Evaluator, Job, Resources, outcomes_of
from nas.plugins import check_conflict
from nas.trial import Failure, Outcome, TrialState


@runtime_checkable
class Pausing(Protocol):
    """An evaluator that stops its process while another one measures."""

    def without_pause(self) -> Evaluator: ...


class LocalRunner:
    """Runs a search's jobs in this process, where a debugger reaches them. Ctrl-C ends it as it ends any program."""

    def __init__(self, resources: Resources, device: str) -> None:
        if (resources.workers or 1) > 1 or resources.ray_address is not None:
            raise ParameterError("runner 'local' runs one trial at a time, here: leave workers and ray_address out")

    def report(self) -> Mapping[str, Any]:
        return {"workers": {socket.gethostname(): 1}}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None: ...

    def run(self, search: AskTell, evaluator: Evaluator, workers: int | None = None) -> None:
        if isinstance(evaluator, Pausing):
            evaluator = evaluator.without_pause()
        while (job := search.ask()) is not None:
            search.tell(job, _evaluated(search, evaluator, job))


def _evaluated(search: AskTell, evaluator: Evaluator, job: Job) -> Outcome:
    """The outcome at the rung where the search stops the trial, or at its end."""
    outcomes = outcomes_of(evaluator, job)
    try:
        for outcome in outcomes:
            if outcome.state is not TrialState.STOPPED or not search.should_continue(job, outcome):
                return outcome
    except Exception as error:
        check_conflict(error)
        # Any other error belongs to this trial's record; the search goes on.
        return Outcome(failure=Failure.of_error(error))
    finally:
        # After Ctrl-C outside of it, too, a training does not outlive its trial.
        if isinstance(outcomes, Generator):
            outcomes.close()
    return Outcome(failure=Failure("no outcome", "the evaluator ended without one"))
