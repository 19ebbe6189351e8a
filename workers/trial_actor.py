"""The process that Ray Tune keeps alive in each slot: it evaluates one trial after another."""

import traceback
from typing import Any

import torch
from ray import tune

from nas.evaluation import Evaluator, Job
from nas.trial import Failure, Outcome

# Under this name an Outcome travels in Tune's result.
OUTCOME = "outcome"


class TrialActor(tune.Trainable):  # type: ignore[misc]
    """One step is one trial. The evaluator, with its data, outlives the trials."""

    def setup(self, config: dict[str, Any], evaluator: Evaluator, threads: int) -> None:
        self.evaluator = evaluator
        self.threads = threads

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.config = new_config
        return True

    def step(self) -> dict[str, Any]:
        torch.set_num_threads(self.threads)
        job: Job = self.config["job"]
        try:
            outcome = self.evaluator.evaluate(job.architecture, job.seed, known=job.known)
        except Exception as error:  # Whatever it is belongs to this trial's record; the search goes on.
            last = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{last.filename}:{last.lineno}"
            outcome = Outcome(failure=Failure(type(error).__name__, f"{error} ({where})"))
        return {OUTCOME: outcome, "done": True}
