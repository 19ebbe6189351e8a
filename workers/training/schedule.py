"""Learning-rate schedules: a curve over the share of the training, by steps or by time."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from nas.exports.training import TrainingRecipe

# The initial rate as a share of its peak (torch's OneCycleLR has the same).
BEGIN = 1 / 25


def one_cycle(share: float, warm_up: float) -> float:
    """Rise by a cosine and fall by a cosine."""
    if share < warm_up:
        return BEGIN + (1 - BEGIN) * 0.5 * (1 - math.cos(math.pi * share / warm_up))
    return _cosine(share, warm_up)


def cosine(share: float, warm_up: float) -> float:
    """Rise linearly and fall by a cosine."""
    return BEGIN + (1 - BEGIN) * share / warm_up if share < warm_up else _cosine(share, warm_up)


def triangle(share: float, warm_up: float) -> float:
    """Rise linearly and fall linearly."""
    if share < warm_up:
        return BEGIN + (1 - BEGIN) * share / warm_up
    return max(0.0, 1 - share) / (1 - warm_up)


def _cosine(share: float, warm_up: float) -> float:
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (share - warm_up) / (1 - warm_up))))


SCHEDULES: Mapping[str, Callable[[float, float], float]] = {
    "one_cycle": one_cycle,
    "cosine": cosine,
    "triangle": triangle,
}


@dataclass
class Schedule:
    """The progress of a training, and the factor of the peak learning rate there.

    The training takes `total` steps, or the recipe's `time_s` by the `clock`, of which `spent_s` passed in earlier
    processes. `agree` makes one share from those that several processes compute at the same step.
    """

    recipe: TrainingRecipe
    total: int
    clock: Callable[[], float]
    agree: Callable[[float], float] = lambda share: share
    steps: int = 0
    spent_s: float = 0.0
    share: float = 0.0
    _started: float | None = field(default=None, repr=False)

    @property
    def factor(self) -> float:
        return SCHEDULES[self.recipe.schedule](self.share, self.recipe.warm_up)

    @property
    def is_over(self) -> bool:
        return self.share >= 1 if self.recipe.time_s is not None else self.steps >= self.total

    @property
    def expected_steps(self) -> float:
        """The steps of the whole training; by time an extrapolation, 0 before the first step."""
        if self.recipe.time_s is None:
            return self.total
        return self.steps / self.share if self.share > 0 else 0.0

    @property
    def elapsed_s(self) -> float:
        """The seconds since the first step, without the time between two processes."""
        return self.spent_s + (0.0 if self._started is None else self.clock() - self._started)

    def start(self) -> None:
        """Start the clock, unless it runs already."""
        if self._started is None:
            self._started = self.clock()

    def advance(self) -> None:
        """Count a finished step."""
        self.steps += 1
        if self.recipe.time_s is None:
            self.share = min(1.0, self.steps / max(1, self.total - 1))
        else:
            self.share = self.agree(min(1.0, self.elapsed_s / self.recipe.time_s))
