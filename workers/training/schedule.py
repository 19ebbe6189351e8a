"""Learning rates over a training: a shape, followed by steps or by the time that a training may take."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from nas.export.training import TrainingRecipe

# Where the rate begins, as a share of its peak (torch's OneCycleLR has the same).
BEGIN = 1 / 25


def one_cycle(share: float, warm_up: float) -> float:
    """Cosine up and cosine down."""
    if share < warm_up:
        return BEGIN + (1 - BEGIN) * 0.5 * (1 - math.cos(math.pi * share / warm_up))
    return _cosine(share, warm_up)


def cosine(share: float, warm_up: float) -> float:
    """Straight up and cosine down."""
    return BEGIN + (1 - BEGIN) * share / warm_up if share < warm_up else _cosine(share, warm_up)


def triangle(share: float, warm_up: float) -> float:
    """Straight up and straight down."""
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
    """How far a training is, and the factor of the peak learning rate there.

    `total` steps are the whole, or `time_s` by the `clock`; `spent_s` of it went by in earlier processes. `agree` makes
    one share of those that several processes find at the same step.
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
        """Of the whole training; by time as far as it can be told, and before the first step 0."""
        if self.recipe.time_s is None:
            return self.total
        return self.steps / self.share if self.share > 0 else 0.0

    @property
    def elapsed_s(self) -> float:
        """Since the first step, time between two processes left out."""
        return self.spent_s + (0.0 if self._started is None else self.clock() - self._started)

    def start(self) -> None:
        """The clock runs from now on, unless it does already."""
        if self._started is None:
            self._started = self.clock()

    def advance(self) -> None:
        """A step is done."""
        self.steps += 1
        if self.recipe.time_s is None:
            self.share = min(1.0, self.steps / max(1, self.total - 1))
        else:
            self.share = self.agree(min(1.0, self.elapsed_s / self.recipe.time_s))
