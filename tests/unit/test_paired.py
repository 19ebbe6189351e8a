"""Two networks compared: the interval has in it what parts differ by."""

import random

import pytest

from workers.latency.estimate import Estimate
from workers.latency.paired import MAX_PARTS, MIN_PARTS, compared


class Networks:
    """Of which the first takes `ratio` times as long; where each part puts them changes that by up to `placed`."""

    def __init__(self, ratio: float, placed: float, of_first: float = 0.0) -> None:
        self.ratio, self.placed, self.of_first = ratio, placed, of_first
        self.random = random.Random(0)
        self.parts = 0

    def __call__(self, *, swapped: bool) -> Estimate:
        self.parts += 1
        ratio = (1 / self.ratio if swapped else self.ratio) * (1 + self.of_first)
        ratio *= 1 + self.random.uniform(-self.placed, self.placed)
        return Estimate((ratio,) * 10, discarded=1, relative_half_width=0.0, reference_ms=1.0, drift=0.0)


def test_steady_networks_take_the_fewest_parts() -> None:
    networks = Networks(1.25, 0.0)
    found = compared(networks, 0.01)
    assert (found.ratio, found.low, found.high) == pytest.approx((1.25, 1.25, 1.25))
    assert (networks.parts, found.rounds, found.discarded) == (MIN_PARTS, 10 * MIN_PARTS, MIN_PARTS)


def test_what_placement_changes_is_in_the_interval() -> None:
    networks = Networks(1.0, 0.02)
    found = compared(networks, 0.001)
    assert networks.parts == MAX_PARTS
    assert found.low < 1.0 < found.high
    assert 0.002 < found.high - found.ratio < 0.03


def test_being_the_first_one_is_not_in_the_ratio() -> None:
    assert compared(Networks(0.8, 0.0, of_first=0.02), 0.05).ratio == pytest.approx(0.8)
