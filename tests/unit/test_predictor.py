"""Predicted latency: additive costs are recovered, strange networks have wide intervals, the design is worth it."""

import random
import statistics
from dataclasses import replace

import numpy as np
import pytest

from nas import plugins
from nas.architecture import Architecture, ModelInput, Stage
from nas.latency import device_profile as profiling
from nas.latency.latency_model import LatencyModel, features
from nas.latency.online_model import FEWEST, OnlineLatencyModel
from nas.objective import UNKNOWN_HALF_WIDTH
from nas.space.loading import load_space
from search_spaces.hybrid_v1 import HYBRID_V1
from tests.builders import measurement

INPUT = ModelInput(1, 28, 28, 10)
BUILDER = plugins.load(plugins.BUILDERS, plugins.BUILDER)
OVERHEAD_MS = {"pool": 0.06, "conv": 0.12, "attention": 0.15}
PER_CHANNEL_MS = {"pool": 0.0008, "conv": 0.002, "attention": 0.0015}


def truth(architecture: Architecture) -> float:
    """Milliseconds of a machine whose networks are the sums of their blocks; 1% noise, always the same."""
    total = 0.3
    for index, stage in enumerate(architecture.stages):
        total += stage.depth * (OVERHEAD_MS[stage.mixer] + PER_CHANNEL_MS[stage.mixer] * stage.width * (4 - index))
    return total * random.Random(architecture.key).gauss(1.0, 0.01)


def fitted(chosen: list[Architecture]) -> LatencyModel:
    return LatencyModel([features(each, INPUT, BUILDER) for each in chosen], [truth(each) for each in chosen])


def judged(chosen: list[Architecture]) -> profiling.Errors:
    known = fitted(chosen)
    others = [HYBRID_V1.sample(random.Random(seed)) for seed in range(100)]
    return profiling.errors(
        [known.predict(features(each, INPUT, BUILDER)) for each in others], [truth(o) for o in others]
    )


def test_64_designed_networks_predict_the_others() -> None:
    found = judged(profiling.design(HYBRID_V1, INPUT, BUILDER, 64, seed=0))
    assert found.close >= 0.98
    assert found.covered >= 0.85
    assert found.tau > 0.9


def test_a_design_is_distinct_seeded_and_no_worse_than_chance() -> None:
    chosen = profiling.design(HYBRID_V1, INPUT, BUILDER, 24, seed=0)
    assert len({each.key for each in chosen}) == 24
    assert chosen == profiling.design(HYBRID_V1, INPUT, BUILDER, 24, seed=0)
    by_chance = [
        judged([HYBRID_V1.sample(random.Random(10 * s + i)) for i in range(24)]).typical for s in range(100, 105)
    ]
    assert judged(chosen).typical <= 1.1 * statistics.median(by_chance)


def test_what_was_never_measured_has_a_wide_interval() -> None:
    known = fitted([each for each in profiling.design(HYBRID_V1, INPUT, BUILDER, 64, seed=0) if "A" not in each.word])
    pools, attentions = (
        known.predict(features(Architecture(tuple(Stage(mixer, 1, w) for w in (16, 24, 32, 48))), INPUT, BUILDER))
        for mixer in ("pool", "attention")
    )
    assert (attentions.high_ms - attentions.low_ms) > 3 * (pools.high_ms - pools.low_ms)


def test_blocks_cost_what_they_do() -> None:
    known = fitted(profiling.design(HYBRID_V1, INPUT, BUILDER, 64, seed=0))
    costs = profiling.per_block_ms(HYBRID_V1, INPUT, BUILDER, known)
    assert list(costs) == ["pool", "conv", "attention"]
    for mixer, by_stage in costs.items():
        for index, (cost, width) in enumerate(zip(by_stage, (24, 32, 48, 72), strict=True)):
            assert cost == pytest.approx(OVERHEAD_MS[mixer] + PER_CHANNEL_MS[mixer] * width * (4 - index), rel=0.15)


def test_cross_validation_is_of_networks_left_out() -> None:
    chosen = profiling.design(HYBRID_V1, INPUT, BUILDER, 64, seed=0)
    rows = [features(each, INPUT, BUILDER) for each in chosen]
    found = profiling.cross_validated(rows, [truth(each) for each in chosen], seed=0)
    assert found.networks == 64
    assert found.close >= 0.95
    shuffled = np.random.default_rng(0).permutation([truth(each) for each in chosen])
    assert profiling.cross_validated(rows, shuffled.tolist(), seed=0).close < 0.7


def test_a_forecast_says_nothing_until_it_knows_enough_and_follows_the_record() -> None:
    online_model = OnlineLatencyModel(BUILDER, INPUT)
    chosen = profiling.design(HYBRID_V1, INPUT, BUILDER, 40, seed=0)
    online_model.add([(each, measurement(truth(each))) for each in chosen[: FEWEST - 1]])
    assert online_model.predict(chosen[-1]) is None
    last = chosen[FEWEST - 1]
    # Of a machine too busy to tell.
    online_model.add([(last, replace(measurement(9.0), relative_half_width=UNKNOWN_HALF_WIDTH))])
    assert online_model.predict(chosen[-1]) is None
    online_model.add([(last, measurement(9.0)), (last, measurement(truth(last)))])
    assert online_model.expected_ms(last) == truth(last)
    before = online_model.predict(chosen[-1])
    online_model.add([(each, measurement(truth(each))) for each in chosen[FEWEST:-1]])
    after = online_model.predict(chosen[-1])
    assert (after.high_ms - after.low_ms) < (before.high_ms - before.low_ms)


def test_networks_of_many_macs_are_fitted_too() -> None:
    """At 224 px a block has ten thousand times the MACs of others."""
    at = ModelInput(3, 224, 224, 1000)
    space = load_space("imagenet-conv")
    for seed in range(2):
        generator = random.Random(seed)
        chosen = [space.sample(generator) for _ in range(64)]
        rows = [features(each, at, BUILDER) for each in chosen]
        times = [generator.gauss(1.0, 0.005) * sum(map(abs, row.values())) / 100 for row in rows]
        assert all(np.isfinite(LatencyModel(rows, times).predict(row)).all() for row in rows)
