"""A search space's choices as Optuna's distributions."""

from itertools import pairwise

from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution

from nas.space import Choice, Space


def distributions(space: Space) -> dict[str, BaseDistribution]:
    """Return integer distributions for evenly spaced numbers, whose order samplers use, else categorical ones."""
    return {name: _distribution(options) for name, options in space.choices.items()}


def _distribution(options: tuple[Choice, ...]) -> BaseDistribution:
    numbers = [option for option in options if isinstance(option, int)]
    steps = {following - number for number, following in pairwise(numbers)}
    if len(numbers) == len(options) and len(steps) == 1 and min(steps) > 0:
        return IntDistribution(numbers[0], numbers[-1], step=steps.pop())
    return CategoricalDistribution(options)
