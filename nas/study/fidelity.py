"""The length of a search's trainings within `--time`: so that its trials are neither few nor very many."""

from dataclasses import dataclass

from nas.evaluation import Evaluation, Runner
from nas.study.time_limit import TRIALS_SHARE
from nas.trial_cost import MemoryAware, duration

# Trainings are shorter than the data set's default where time has room for fewer trials than this, longer where it has
# room for more than that.
PLANNED_TRIALS, MAX_TRIALS = 30, 200
MIN_EPOCHS, MAX_EPOCHS = 5, 100
# Starting Ray and the known networks take about this.
START_S = 15.0


@dataclass(frozen=True)
class Fidelity:
    """The epochs of a search's trainings, and the number of trials that its time has room for."""

    epochs: int
    trials: int
    time_s: float

    @property
    def message(self) -> str:
        return f"trainings of {self.epochs} epochs, so that about {self.trials} fit into {duration(self.time_s)}"


def fidelity_within(time_s: float, evaluation: Evaluation, runner: Runner) -> Fidelity | None:
    """The fidelity that suits the time; None where the time of a trial is not known, as on CUDA.

    Trials that are stopped early make room for further ones. Raises ParameterError when memory has room for no worker.
    """
    if evaluation.trial_costs is None or not isinstance(runner, MemoryAware):
        return None
    slots = runner.fit(evaluation.trial_costs.memory())
    trial = evaluation.trial_costs.seconds(slots.threads, PLANNED_TRIALS)
    if trial is None:
        return None
    workers_s = slots.workers * max(1.0, TRIALS_SHARE * time_s - START_S)
    trials = workers_s / trial.typical
    wanted = min(max(trials, PLANNED_TRIALS), MAX_TRIALS)
    default: int = evaluation.facts.epochs
    epochs = min(max(round(default * trials / wanted), MIN_EPOCHS), max(MAX_EPOCHS, default))
    return Fidelity(epochs, max(1, round(trials * default / epochs)), time_s)
