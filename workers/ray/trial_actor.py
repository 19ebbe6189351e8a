"""The process that Ray Tune keeps alive in each slot, which evaluates one trial after another."""

from collections.abc import Iterator
from typing import Any

import torch
from ray import tune

from nas.errors import PackageConflictError
from nas.evaluation import Evaluator, Job, outcomes_of
from nas.latency.machine import available_cores
from nas.plugins import check_conflict
from nas.trial import Failure, Outcome, TrialState
from workers.allocator import keep_freed_memory
from workers.memory import limit_to_share
from workers.ray.heartbeat import Heartbeat

# The keys of Tune's result: an Outcome, or an error that is no trial's own and ends the search.
OUTCOME, ERROR = "outcome", "error_of_all"


class TrialActor(tune.Trainable):  # type: ignore[misc]
    """A trainable whose step leads to the trial's next rung or end. The evaluator and its data outlive the trials."""

    def setup(
        self,
        config: dict[str, Any],
        evaluator: Evaluator,
        threads: int,
        workers_on_machine: int | None,
        gpus: float,
        heartbeat: str,
    ) -> None:
        """Set the process's limits.

        `workers_on_machine` share the machine's memory; None where their number is known only here. A `gpus` below 1
        is the share of a GPU's memory that may be taken.
        """
        self.evaluator = evaluator
        self.threads = threads
        self._heartbeat = Heartbeat(heartbeat)
        keep_freed_memory()
        limit_to_share(workers_on_machine or max(1, available_cores() // threads))
        if 0 < gpus < 1:
            torch.cuda.set_per_process_memory_fraction(gpus)
        self._outcomes: Iterator[Outcome] | None = None

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.config = new_config
        # Frees the memory of a stopped trial before the next one begins.
        self._outcomes = None
        return True

    def step(self) -> dict[str, Any]:
        with self._heartbeat:
            return self._stepped()

    def _stepped(self) -> dict[str, Any]:
        torch.set_num_threads(self.threads)
        job: Job = self.config["job"]
        try:
            if self._outcomes is None:
                self._outcomes = outcomes_of(self.evaluator, job)
            outcome = next(self._outcomes)
        except Exception as error:
            try:
                check_conflict(error)
            except PackageConflictError as conflict:
                return {ERROR: conflict, "done": True}
            # Any other error belongs to this trial's record; the search goes on.
            outcome = Outcome(failure=Failure.of_error(error))
        return {OUTCOME: outcome, "done": outcome.state is not TrialState.STOPPED}
