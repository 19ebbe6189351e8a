"""The cost of a trial is estimated before the first one, and workers are as many as fit into memory."""

import dataclasses
import multiprocessing
from collections.abc import Callable
from pathlib import Path

import pytest

from nas.architecture import Architecture, ModelInput, Stage
from nas.errors import ParameterError
from nas.evaluation import EvaluationOptions, Job, Resources
from nas.latency.machine import available_cores
from nas.objective import Measurement
from nas.trial import Outcome
from nas.trial_cost import GIB, Slots, TrialMemory, TrialPlan, TrialSeconds, duration, plan_trials, span
from search_spaces.hybrid_v1 import HYBRID_V1
from search_spaces.model import build
from tests.builders import measurement
from workers.memory import free_bytes, limit_to_share
from workers.ray.runner import RayTuneRunner
from workers.training.proxy import ProxyEvaluator, prepare
from workers.training.step_probe import step_memory

SMALL = Architecture(tuple(Stage("pool", 1, width) for width in (16, 24, 32, 48)))
HUGE = TrialMemory(least=GIB // 8, most=2**60)


def in_a_process(function: Callable[[], object]) -> object:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function)


def peak_beside_estimate() -> tuple[float, float]:
    """Of a training step of a batch: the growth of the process's peak memory, and the estimate without weights."""
    import torch
    import torch.nn.functional as F

    torch.set_num_threads(1)
    model_input = ModelInput(3, 64, 64, 10)
    stages = zip(("conv", "pool", "attention", "attention"), (32, 40, 64, 96), strict=True)
    architecture = Architecture(tuple(Stage(mixer, 2, width) for mixer, width in stages))
    network = build(architecture, model_input).train()

    def step(images: int) -> None:
        x_BCHW = torch.randn(images, 3, 64, 64)
        F.cross_entropy(network(x_BCHW), torch.zeros(images, dtype=torch.long)).backward()  # type: ignore[no-untyped-call]

    def status(line: str) -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(row.split()[1]) * 1024 for row in lines if row.startswith(line))

    step(2)
    before = status("VmRSS:")
    Path("/proc/self/clear_refs").write_text("5")
    step(128)
    peak = status("VmHWM:") - before
    estimate = step_memory(lambda: build(architecture, model_input), model_input, is_expensive=False)
    traced = step_memory(lambda: build(architecture, model_input), model_input, is_expensive=True)
    assert traced == estimate
    return float(peak), 128 * estimate.bytes_per_image


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the system does not tell a process's peak")
def test_the_memory_of_a_step_is_what_is_seen() -> None:
    peak, estimate = in_a_process(peak_beside_estimate)  # type: ignore[misc]
    assert 0.7 < estimate / peak < 1.3


def test_seconds_grow_with_the_network_and_the_training() -> None:
    def seconds(**options: object) -> TrialSeconds:
        costs = prepare(EvaluationOptions(device="cpu", train_size=64, **options), HYBRID_V1).trial_costs  # type: ignore[arg-type]
        assert costs is not None
        ticks = iter(range(10_000))
        # Each look at the clock is a second later: a step takes a second whatever the machine does.
        clocked = dataclasses.replace(costs, clock=lambda: float(next(ticks)))  # type: ignore[type-var]
        estimate = clocked.seconds(1, 10**6)
        assert estimate is not None
        return estimate

    short, long = seconds(epochs=1), seconds(epochs=10)
    assert 0 < short.least < short.most
    assert long.least > 2 * short.least


def test_the_line_says_what_a_trial_takes() -> None:
    memory, seconds = TrialMemory(GIB // 10, int(0.4 * GIB)), TrialSeconds(3.0, 8.4, 12.0)
    costs = TrialPlan(memory, seconds, Slots(2, 1), trials=200)
    assert costs.message == "a trial takes about 3 to 12 s and up to 0.4 GiB; 200 trials on 2 workers about 14 min"
    assert list(costs.warnings) == []
    slow = dataclasses.replace(seconds, typical=1800.0, is_lower_bound=True)
    hopeless = TrialPlan(memory, slow, Slots(1, 2, "no room"), trials=1)
    assert "at least" in hopeless.message
    first, second = hopeless.warnings
    assert first == "no room"
    assert "30 min" in second
    assert "--input-size" in second


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.84, "0.8 s"), (12.3, "12 s"), (840.0, "14 min"), (9000.0, "2.5 h"), (4e5, "4.6 days")]
)
def test_durations_have_two_digits(seconds, text) -> None:
    assert duration(seconds) == text


def test_a_span_names_a_common_unit_once() -> None:
    assert span(3, 12) == "3 to 12 s"
    assert span(40, 180) == "40 s to 3 min"
    assert span(5.01, 5.02) == "5 s"


def test_workers_are_as_many_as_memory_allows() -> None:
    runner = RayTuneRunner(Resources(), "cpu")
    assert runner.fit(TrialMemory(1, 1)) == Slots(available_cores(), 1, None)
    slots = RayTuneRunner(Resources(), "cpu").fit(HUGE)
    assert slots.workers == 1
    assert slots.problem is not None
    assert "micro-batches" in slots.problem


def test_workers_that_were_asked_for_stay_with_a_warning() -> None:
    slots = RayTuneRunner(Resources(workers=2), "cpu").fit(HUGE)
    assert slots.workers == 2
    assert slots.problem is not None
    assert "a worker of 2" in slots.problem


def test_where_not_even_the_smallest_fits_it_is_an_error() -> None:
    with pytest.raises(ParameterError, match="--input-size"):
        RayTuneRunner(Resources(), "cpu").fit(TrialMemory(2**60, 2**60))


def test_costs_that_are_not_known_plan_nothing() -> None:
    class Unknown:
        def memory(self) -> None:
            return None

        def seconds(self, threads: int, trials: int) -> None:
            return None

    assert plan_trials(Unknown(), RayTuneRunner(Resources(), "cpu"), 3) is None


def final(outcomes: object) -> Outcome:
    *_, last = outcomes  # type: ignore[misc]
    return last


def trained_in_enough_memory() -> tuple[object, float | None]:
    """Train; return the number of images in memory at a time, None for the whole batch, and the accuracy."""
    return trained(limited_evaluator(None))


def trained_in_little_memory() -> tuple[object, float | None]:
    """Train likewise, in a process whose share of memory is less than the estimate for a whole batch."""
    return trained(limited_evaluator(0.8))


def limited_evaluator(share: float | None) -> ProxyEvaluator:
    options = EvaluationOptions(device="cpu", epochs=1, train_size=256, batch_size=256, input_size_px=64)
    evaluator = prepare(options, HYBRID_V1).evaluator
    assert evaluator.memory.trial is not None
    if share is not None:
        limit_to_share(max(1, int(free_bytes("cpu") / evaluator.memory.of(SMALL).of(256) / share)))
    return evaluator


def trained(evaluator: ProxyEvaluator) -> tuple[object, float | None]:
    outcome = final(evaluator.evaluate(Job(SMALL, seed=1, known={"cpu": measured()})))
    return outcome.environment.get("images at a time"), outcome.accuracy


def measured() -> Measurement:
    return measurement(1.0)


def test_what_does_not_fit_is_trained_in_micro_batches() -> None:
    whole, roomy = in_a_process(trained_in_enough_memory)  # type: ignore[misc]
    images, tight = in_a_process(trained_in_little_memory)  # type: ignore[misc]
    assert whole is None
    assert images in {16, 64}
    assert tight == pytest.approx(roomy, abs=0.02)
