"""The verdict of benchmarks.ship, and what lets it go on where it stopped."""

from pathlib import Path

import pytest

from benchmarks.kept import Kept
from benchmarks.ship.verdict import Race, Shipped, at_latencies, chosen_limits, volumes

FAST, MIDDLE, SLOW, POOR = (
    Shipped("fast", 0.70, 0.10, 0.2),
    Shipped("middle", 0.78, 0.15, 0.3),
    Shipped("slow", 0.80, 0.40, 0.6),
    Shipped("poor", 0.60, 0.30, 0.5),
)
BASELINES = (POOR, SLOW, FAST, MIDDLE)


def race(*ours: Shipped) -> Race:
    return Race("case", 0, 1000, chosen_limits(BASELINES), BASELINES, ours, "here")


def test_limits_are_the_fastest_the_knee_and_the_most_accurate() -> None:
    assert chosen_limits(BASELINES) == ["fast", "middle", "slow"]


def test_limits_stay_three_where_one_baseline_is_two_of_them() -> None:
    assert chosen_limits((FAST, SLOW, POOR)) == ["fast", "poor", "slow"]


def test_ours_meets_a_limit_by_accuracy_and_within_its_latency() -> None:
    rows = at_latencies(
        race(
            Shipped("a", 0.70, 0.101, 0.2, "fast"),
            Shipped("b", 0.90, 0.160, 0.2, "middle"),
            Shipped("c", 0.79, 0.300, 0.2, "slow"),
        )
    )
    assert [row.is_met for row in rows] == [True, False, False]
    assert [row.ours is None for row in rows] == [False, True, False]


def test_hypervolume_is_from_the_worst_baselines_error_and_the_slowest_latency() -> None:
    ours, theirs = volumes(race(Shipped("a", 0.70, 0.20, 0.2, "slow")))
    assert ours == pytest.approx((0.40 - 0.20) * (0.70 - 0.60))
    assert theirs == pytest.approx((0.40 - 0.15) * (0.78 - 0.60) + (0.15 - 0.10) * (0.70 - 0.60))


def test_kept_pieces_are_not_done_again(tmp_path: Path) -> None:
    path = tmp_path / "pieces.jsonl"
    assert Kept(path).once({"piece": "x", "seed": 0}, lambda: 1) == 1
    again = Kept(path)
    assert again.once({"seed": 0, "piece": "x"}, lambda: 2) == 1
    assert again.once({"seed": 1, "piece": "x"}, lambda: 2) == 2


def test_a_line_that_was_cut_off_is_done_again(tmp_path: Path) -> None:
    path = tmp_path / "pieces.jsonl"
    Kept(path).add({"piece": "x"}, 1)
    with path.open("a") as file:
        file.write('{"key": {"piece": "y"')
    kept = Kept(path)
    assert kept.get({"piece": "y"}) is None
    kept.add({"piece": "y"}, 2)
    assert [Kept(path).get({"piece": piece}) for piece in "xy"] == [1, 2]
