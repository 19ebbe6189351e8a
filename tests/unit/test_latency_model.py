"""Latency models recover additive costs, give wide intervals for unlike networks, and profit from the design."""

import random
import statistics
from dataclasses import replace

import numpy as np
import pytest

from nas import plugins
from nas.architecture import Architecture, ModelInput, Stage
from nas.latency import device_profile
from nas.latency.latency_model import LatencyModel, features
from nas.latency.online_model import MIN_MEASURED, OnlineLatencyModel
from nas.objective import UNKNOWN_HALF_WIDTH
from nas.space.loading import load_space
from search_spaces.hybrid_v1 import HYBRID_V1
from tests.builders import measurement

INPUT = ModelInput(1, 28, 28, 10)
BUILDER = plugins.load(plugins.BUILDERS, plugins.BUILDER)
OVERHEAD_MS = {"pool": 0.06, "conv": 0.12, "attention": 0.15}
PER_CHANNEL_MS = {"pool": 0.0008, "conv": 0.002, "attention": 0.0015}


def truth(architecture: Architecture) -> float:
    """Return the milliseconds of a machine with additive costs of blocks and 1% noise, fixed for each network."""
    total = 0.3
    for index, stage in enumerate(architecture.stages):
        total += stage.depth * (OVERHEAD_MS[stage.mixer] + PER_CHANNEL_MS[stage.mixer] * stage.width * (4 - index))
    return total * random.Random(architecture.key).gauss(1.0, 0.01)


def fitted(chosen: list[Architecture]) -> LatencyModel:
    return LatencyModel([features(member, INPUT, BUILDER) for member in chosen], [truth(member) for member in chosen])


def errors_on_others(chosen: list[Architecture]) -> device_profile.PredictionErrors:
    model = fitted(chosen)
    others = [HYBRID_V1.sample(random.Random(seed)) for seed in range(100)]
    return device_profile.prediction_errors(
        [model.predict(features(member, INPUT, BUILDER)) for member in others], [truth(member) for member in others]
    )


def test_64_designed_networks_predict_the_others() -> None:
    errors = errors_on_others(device_profile.design(HYBRID_V1, INPUT, BUILDER, 64, seed=0))
    assert errors.close >= 0.98
    assert errors.covered >= 0.85
    assert errors.tau > 0.9


def test_a_design_is_distinct_seeded_and_no_worse_than_chance() -> None:
    chosen = device_profile.design(HYBRID_V1, INPUT, BUILDER, 24, seed=0)
    assert len({member.key for member in chosen}) == 24
    assert chosen == device_profile.design(HYBRID_V1, INPUT, BUILDER, 24, seed=0)
    by_chance = [
        errors_on_others([HYBRID_V1.sample(random.Random(10 * s + i)) for i in range(24)]).typical
        for s in range(100, 105)
    ]
    assert errors_on_others(chosen).typical <= 1.1 * statistics.median(by_chance)


def test_unmeasured_features_widen_the_interval() -> None:
    model = fitted(
        [member for member in device_profile.design(HYBRID_V1, INPUT, BUILDER, 64, seed=0) if "A" not in member.layout]
    )
    pools, attentions = (
        model.predict(features(Architecture(tuple(Stage(mixer, 1, w) for w in (16, 24, 32, 48))), INPUT, BUILDER))
        for mixer in ("pool", "attention")
    )
    assert (attentions.high_ms - attentions.low_ms) > 3 * (pools.high_ms - pools.low_ms)


def test_costs_of_blocks_are_recovered() -> None:
    model = fitted(device_profile.design(HYBRID_V1, INPUT, BUILDER, 64, seed=0))
    costs = device_profile.per_block_ms(HYBRID_V1, INPUT, BUILDER, model)
    assert list(costs) == ["pool", "conv", "attention"]
    for mixer, by_stage in costs.items():
        for index, (cost, width) in enumerate(zip(by_stage, (24, 32, 48, 72), strict=True)):
            assert cost == pytest.approx(OVERHEAD_MS[mixer] + PER_CHANNEL_MS[mixer] * width * (4 - index), rel=0.15)


def test_cross_validation_predicts_networks_outside_the_fit() -> None:
    chosen = device_profile.design(HYBRID_V1, INPUT, BUILDER, 64, seed=0)
    rows = [features(member, INPUT, BUILDER) for member in chosen]
    errors = device_profile.cross_validate(rows, [truth(member) for member in chosen], seed=0)
    assert errors.networks == 64
    assert errors.close >= 0.95
    shuffled = np.random.default_rng(0).permutation([truth(member) for member in chosen])
    assert device_profile.cross_validate(rows, shuffled.tolist(), seed=0).close < 0.7


def test_an_online_model_predicts_once_it_has_enough_measurements_and_is_refitted() -> None:
    online_model = OnlineLatencyModel(BUILDER, INPUT)
    chosen = device_profile.design(HYBRID_V1, INPUT, BUILDER, 40, seed=0)
    online_model.add([(member, measurement(truth(member))) for member in chosen[: MIN_MEASURED - 1]])
    assert online_model.predict(chosen[-1]) is None
    last = chosen[MIN_MEASURED - 1]
    # An unusable measurement of a busy machine.
    online_model.add([(last, replace(measurement(9.0), relative_half_width=UNKNOWN_HALF_WIDTH))])
    assert online_model.predict(chosen[-1]) is None
    online_model.add([(last, measurement(9.0)), (last, measurement(truth(last)))])
    assert online_model.expected_ms(last) == truth(last)
    before = online_model.predict(chosen[-1])
    online_model.add([(member, measurement(truth(member))) for member in chosen[MIN_MEASURED:-1]])
    after = online_model.predict(chosen[-1])
    assert (after.high_ms - after.low_ms) < (before.high_ms - before.low_ms)


def test_networks_with_many_macs_are_fitted() -> None:
    """At 224 px some blocks have ten thousand times the MACs of others."""
    at = ModelInput(3, 224, 224, 1000)
    space = load_space("imagenet-conv")
    for seed in range(2):
        generator = random.Random(seed)
        chosen = [space.sample(generator) for _ in range(64)]
        rows = [features(member, at, BUILDER) for member in chosen]
        times = [generator.gauss(1.0, 0.005) * sum(map(abs, row.values())) / 100 for row in rows]
        assert all(np.isfinite(LatencyModel(rows, times).predict(row)).all() for row in rows)
