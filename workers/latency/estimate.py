"""How a run is timed: warm-up by time, then repeats until there are enough, all kept."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from workers.latency.target import Run


@dataclass(frozen=True)
class Effort:
    """Warm up for `warm_up_s`; then repeat for `repeat_s`, at least `least` and at most `most` times."""

    warm_up_s: float = 0.1
    repeat_s: float = 0.3
    least: int = 20
    most: int = 200


def time_runs(run: Run, effort: Effort, clock: Callable[[], float]) -> tuple[float, ...]:
    """Milliseconds of each repeat, in order, to 10 ns. `clock` gives seconds and never goes back."""
    return tuple(_repeats(run, effort, clock))


def _repeats(run: Run, effort: Effort, clock: Callable[[], float]) -> Iterator[float]:
    warm = clock() + effort.warm_up_s
    run()
    while clock() < warm:
        run()
    end = clock() + effort.repeat_s
    for repeat in range(effort.most):
        started = clock()
        if repeat >= effort.least and started >= end:
            return
        run()
        yield round((clock() - started) * 1000.0, 5)
