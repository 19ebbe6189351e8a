"""The regions of objective space in which our sampler gains hypervolume."""

import numpy as np
import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nas.samplers.distributions import distributions
from nas.samplers.ehvi.box_decomposition import BoxDecomposition
from nas.samplers.ehvi.regions import ExpectedGain, Region, regions
from nas.samplers.ehvi.sampler import EhviSampler
from tests.unit.test_ehvi import HYBRID, size

LOSSES = arrays(np.float64, st.tuples(st.integers(1, 12), st.just(2)), elements=st.floats(-3, 3, width=32))


@given(LOSSES, LOSSES)
def test_the_region_of_interest_is_better_than_most_members_and_the_whole_than_no_trial(points, members) -> None:
    interest, whole = regions(points, members, None)
    assert interest.weight + whole.weight == pytest.approx(1)
    better = np.sum(members[:, 0] <= interest.reference[0] + 1e-9)
    assert better >= 1 + int(0.4 * (len(members) - 1) - 1e-9)
    assert interest.reference[1] == max(points[:, 1].max(), members[:, 1].max())
    assert (points < np.array(whole.reference)).all()


@given(LOSSES, LOSSES, st.floats(-2, 2))
def test_with_a_least_accuracy_what_is_beyond_it_counts_nothing(points, members, limit) -> None:
    (region,) = regions(points, members, limit)
    assert (region.weight, region.reference[0]) == (1.0, limit)
    gain = ExpectedGain(points, [region])
    slowest = region.reference[1]
    nearly_sure = gain(np.array([limit + 1.0]), np.array([1e-3]), np.array([[slowest - 1.0]]))
    assert nearly_sure == pytest.approx(0)


def test_gains_are_shares_of_the_fronts_volume() -> None:
    front = np.array([[0.0, 2.0], [1.0, 1.0]])
    reference = (2.0, 3.0)
    mean, sd, others = np.array([0.5]), np.array([0.1]), np.array([[0.5]])
    volume = BoxDecomposition([tuple(point) for point in front.tolist()], reference).volume
    alone = BoxDecomposition([tuple(point) for point in front.tolist()], reference).improvement(mean, sd, others)
    gain = ExpectedGain(front, [Region(1.0, reference)])(mean, sd, others)
    assert gain == pytest.approx(alone / volume)
    twice = ExpectedGain(front, [Region(0.5, reference), Region(0.5, reference)])(mean, sd, others)
    assert twice == pytest.approx(gain)


def accuracy(member) -> float:
    """Larger networks are better, the less the larger they are."""
    return 1 - 3 / (3 + size(member) ** 0.5)


def test_trials_concentrate_on_a_stated_region() -> None:
    def accurate(limits: dict[int, float]) -> int:
        sampler = EhviSampler(HYBRID, 0, costs={1: size}, limits=limits)
        study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
        for _ in range(30):
            trial = study.ask(distributions(HYBRID))
            member = HYBRID.decode(trial.params)
            study.tell(trial, (accuracy(member), size(member)))
        return sum(trial.values[0] > 0.5 for trial in study.trials)

    assert accurate({0: 0.55}) > 2 * accurate({})
