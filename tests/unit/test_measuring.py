"""How latency is sampled and summed up."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.errors import ParameterError
from tests.builders import measurement
from workers.latency.cpu import CpuTarget
from workers.latency.estimate import Effort, time_runs


class Clock:
    """Time that passes only when the run says so, in milliseconds."""

    def __init__(self) -> None:
        self.now_ms = 0

    def __call__(self) -> float:
        return self.now_ms / 1000

    def advance(self, step_ms: int) -> None:
        self.now_ms += step_ms


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50), st.floats(0, 1))
def test_quantiles_are_those_of_numpy(samples: list[float], q: float) -> None:
    taken = measurement(*samples)
    assert taken.quantile(q) == pytest.approx(float(np.quantile(samples, q)), abs=1e-6)
    assert taken.median == pytest.approx(float(np.median(samples)), abs=1e-6)
    assert taken.count == len(samples)


def test_warm_up_is_by_time_and_not_among_the_samples() -> None:
    clock, runs = Clock(), []

    def run() -> None:
        clock.advance(50 if len(runs) < 3 else 10)
        runs.append(clock.now_ms)

    samples = time_runs(run, Effort(warm_up_s=0.15, repeat_s=0.1, least=5, most=100), clock)
    assert samples == (10.0,) * 10
    assert len(runs) == 3 + 10


def test_slow_runs_are_repeated_the_least_times_and_quick_ones_at_most_the_most() -> None:
    clock = Clock()
    slow = time_runs(lambda: clock.advance(1000), Effort(0.1, 0.3, least=20, most=200), clock)
    assert len(slow) == 20
    quick = time_runs(lambda: clock.advance(1), Effort(0.01, 0.3, least=20, most=200), clock)
    assert len(quick) == 200


@pytest.mark.parametrize("options", ["threads=0", "threads=x", "threads", "cores=2", "threads=1.5"])
def test_wrong_target_options_are_named(options: str) -> None:
    with pytest.raises(ParameterError, match="target 'cpu'"):
        CpuTarget(options)


def test_fingerprint_tells_thread_counts_apart() -> None:
    one, two = CpuTarget("threads=1").fingerprint(), CpuTarget("threads=2,size=64").fingerprint()
    assert one["device"] == two["device"]
    assert one != two
