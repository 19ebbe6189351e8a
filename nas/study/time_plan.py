"""The length of a search's trainings within `--time`: so that its trials are neither few nor very many."""

from dataclasses import dataclass

from nas.evaluation import Evaluation, Runner
from nas.trial_cost import MemoryAware, duration

# Trainings are shorter than the data set's default where time has room for fewer trials than this, longer where it has
# room for more than that.
PLANNED_TRIALS, MAX_TRIALS = 30, 200
MIN_EPOCHS, MAX_EPOCHS = 5, 100
# With a ladder, where short trainings only select what is trained longer, they may also be of fewer images than by
# default, down to this number.
MIN_IMAGES = 2000
# Starting Ray and the known networks take about this.
START_S = 15.0


@dataclass(frozen=True)
class TimePlan:
    """The fidelity of a search's trainings, and the number of trials that its time has room for.

    `images` is None where it is the data set's default.
    """

    epochs: int
    images: int | None
    trials: int
    time_s: float

    @property
    def message(self) -> str:
        images = "" if self.images is None else f" of {self.images} images"
        return (
            f"trainings of {self.epochs} epochs{images}, so that about {self.trials} fit into {duration(self.time_s)}"
        )


def plan_within(time_s: float, share: float, evaluation: Evaluation, runner: Runner) -> TimePlan | None:
    """Plan the trials, in a share of the time; None where the time of a trial is not known, as on CUDA.

    Trials that are stopped early make room for further ones. Raises ParameterError when memory has room for no worker.
    """
    if evaluation.trial_costs is None or not isinstance(runner, MemoryAware):
        return None
    slots = runner.fit(evaluation.trial_costs.memory())
    trial = evaluation.trial_costs.seconds(slots.threads, PLANNED_TRIALS)
    if trial is None:
        return None
    workers_s = slots.workers * max(1.0, share * time_s - START_S)
    trials = workers_s / trial.typical
    wanted = min(max(trials, PLANNED_TRIALS), MAX_TRIALS)
    default, by_default = evaluation.facts.epochs, evaluation.facts.train_size or 0
    wanted_epochs = default * trials / wanted
    epochs = min(max(round(wanted_epochs), MIN_EPOCHS), max(MAX_EPOCHS, default))
    images = by_default
    if evaluation.reaching is not None and wanted_epochs < MIN_EPOCHS:
        images = min(by_default, max(MIN_IMAGES, round(by_default * wanted_epochs / MIN_EPOCHS)))
    planned = trials * default * by_default / (epochs * images)
    return TimePlan(epochs, None if images == by_default else images, max(1, round(planned)), time_s)
