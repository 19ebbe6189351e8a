"""How latency is sampled and summed up."""

import multiprocessing
import pickle
import random
import socket
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch._dynamo.utils import counters

from nas import plugins
from nas.architecture import Architecture, ModelInput, Stage
from nas.errors import ParameterError
from nas.latency.meter import Deployment, load_meter
from nas.latency.processor import processor_name
from nas.objective import UNKNOWN_HALF_WIDTH, pooled
from tests.builders import measurement
from workers.latency import timing
from workers.latency.cpu import CpuCompileTarget, CpuTarget
from workers.latency.energy import energy_counter
from workers.latency.estimate import MIN_ROUNDS, STEADY, Effort, Estimate, Estimating, Run, calibration, estimate
from workers.latency.load import load_target, obstacles
from workers.latency.machine_record import MachineRecord
from workers.latency.measurement_lock import MeasurementLock
from workers.latency.meter import Meter
from workers.latency.target import lock_domain_of


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50), st.floats(0, 1))
def test_quantiles_are_those_of_numpy(samples: list[float], q: float) -> None:
    taken = measurement(*samples)
    assert taken.quantile(q) == pytest.approx(float(np.quantile(samples, q)), abs=1e-6)
    assert taken.median == pytest.approx(float(np.median(samples)), abs=1e-6)
    assert taken.count == len(samples)


class Machine:
    """Two networks on it, each with its time; `pace` says how much slower everything is, by the seconds passed."""

    def __init__(self, run_ms: float, reference_ms: float, pace: Callable[[float], float] = lambda now: 1.0) -> None:
        self.now_s = 0.0
        self._pace = pace
        self.calls = 0
        self.preemptions = 0
        self.run = self._of(run_ms)
        self.reference = self._of(reference_ms)

    def clock(self) -> float:
        return self.now_s

    def _of(self, usual_ms: float) -> Callable[[], float]:
        def run() -> float:
            taken_ms = usual_ms * self._pace(self.now_s)
            self.now_s += taken_ms / 1000
            self.calls += 1
            return taken_ms

        return run

    def estimate(self, effort: Effort, recorded_ms: float | None = None) -> Estimate:
        return estimate(self.run, self.reference, effort, self.clock, lambda: self.preemptions, recorded_ms)

    def calibrate(self, limit_s: float) -> Estimate:
        return calibration(self.reference, 0.0, limit_s, self.clock)


def test_warm_up_is_by_time_and_not_among_the_samples() -> None:
    found = Machine(2.0, 1.0, lambda now: 5.0 if now < 0.1 else 1.0).estimate(Effort(warm_up_s=0.15))
    assert set(found.samples_ms) == {2.0}
    assert found.discarded == 0


def test_no_more_rounds_than_the_precision_needs() -> None:
    steady = Machine(2.0, 1.0)
    found = steady.estimate(Effort(warm_up_s=0.0, min_rounds=16, limit_s=10.0))
    assert len(found.samples_ms) == 16
    assert found.relative_half_width == 0.0
    noise = random.Random(0)
    noisy = Machine(2.0, 1.0, lambda now: noise.uniform(1.0, 1.05))
    found = noisy.estimate(Effort(precision=0.004, warm_up_s=0.0, limit_s=10.0))
    assert 16 < len(found.samples_ms) < 3000
    assert found.relative_half_width <= 0.004


def test_the_time_limit_holds_and_what_was_not_reached_is_said() -> None:
    noise = random.Random(0)
    found = Machine(20.0, 10.0, lambda now: noise.uniform(1.0, 2.0)).estimate(Effort(warm_up_s=0.0, limit_s=1.0))
    assert found.relative_half_width > 0.01
    slow = Machine(50.0, 1.0).estimate(Effort(warm_up_s=0.0, min_rounds=16))
    assert len(slow.samples_ms) == 16
    slower = Machine(1000.0, 1.0).estimate(Effort(warm_up_s=0.0, min_rounds=16))
    assert len(slower.samples_ms) == MIN_ROUNDS
    assert slower.relative_half_width == 0.0


def test_a_reference_that_does_not_hold_still_is_looked_at_longer() -> None:
    noise = random.Random(0)
    calmer = Machine(2.0, 1.0, lambda now: 1.0 if now > 0.35 else noise.uniform(1.0, 10.0))
    found = calmer.calibrate(limit_s=0.3)
    assert found.relative_half_width <= STEADY
    assert 0.6 <= calmer.now_s < 1.0
    wild = Machine(2.0, 1.0, lambda now: noise.uniform(1.0, 40.0))
    assert wild.calibrate(limit_s=0.3).relative_half_width > STEADY
    # Busy nearly all of the time: the few calls that nothing disturbed say what a quiet machine would.
    busy = Machine(2.0, 1.0, lambda now: 1.0 if noise.random() < 0.1 else noise.uniform(1.5, 3.0))
    found = busy.calibrate(limit_s=0.3)
    assert found.relative_half_width <= STEADY
    assert found.reference_ms == 1.0


def test_rounds_in_which_the_reference_drifted_are_discarded() -> None:
    """A quarter of the time everything takes three times as long, which is not in the figure."""
    bursts = Machine(2.0, 1.0, lambda now: 3.0 if now % 0.2 > 0.15 else 1.0)
    found = bursts.estimate(Effort(warm_up_s=0.0, min_rounds=400))
    assert set(found.samples_ms) == {2.0}
    assert found.discarded > 20


def test_a_neighbour_that_slows_the_network_more_than_the_reference_is_not_in_the_figure() -> None:
    """For most of the time it has the caches: nothing drifts within a round, but the ratio is another one."""
    shared = Machine(2.0, 1.0, lambda now: 1.0 if now < 0.1 else 1.1)
    network = shared.run
    shared.run = lambda: network() * (1.0 if shared.now_s < 0.1 else 1.2)
    found = shared.estimate(Effort(warm_up_s=0.0, precision=0.0, limit_s=0.3))
    assert statistics.median(found.samples_ms) == pytest.approx(2.0)


def test_a_machine_that_is_shared_is_waited_for() -> None:
    """At first a neighbour on the core makes everything twice as slow, and the network even slower."""
    shared = Machine(2.0, 1.0, lambda now: 2.0 if now < 0.5 else 1.0)
    network = shared.run
    shared.run = lambda: network() * (1.2 if shared.now_s < 0.5 else 1.0)
    found = shared.estimate(Effort(warm_up_s=0.0, limit_s=0.3), recorded_ms=1.0)
    assert statistics.median(found.samples_ms) == pytest.approx(2.0)
    assert found.drift == pytest.approx(0.0)
    assert 0.5 < shared.now_s < 1.2
    always = Machine(2.0, 1.0, lambda now: 2.0)
    assert always.estimate(Effort(warm_up_s=0.0, limit_s=0.3), recorded_ms=1.0).drift == pytest.approx(1.0)
    assert 1.2 <= always.now_s < 1.3
    roughly = Machine(2.0, 1.0, lambda now: 2.0)
    assert roughly.estimate(Effort(0.2, warm_up_s=0.0, limit_s=0.3), recorded_ms=1.0).drift == pytest.approx(1.0)
    assert roughly.now_s < 0.5


def test_of_several_repeats_those_of_a_shared_machine_count_where_there_are_no_others() -> None:
    quiet, other = (
        replace(measurement(2.0), relative_half_width=0.01),
        replace(measurement(2.2), relative_half_width=0.01),
    )
    shared = replace(measurement(3.0), relative_half_width=0.03, drift=0.9)
    assert pooled([quiet, shared]) == quiet
    assert pooled([quiet, shared, other]).median == pytest.approx(2.1)
    assert pooled([shared]) == shared
    # As sure as they agree, whatever the number of samples.
    many = replace(measurement(*[2.2] * 100), relative_half_width=0.001)
    assert pooled([quiet, many]).median == pytest.approx(2.1)
    assert pooled([quiet, many]).relative_half_width > 0.05
    unsure = replace(measurement(9.0), relative_half_width=UNKNOWN_HALF_WIDTH)
    assert pooled([quiet, unsure]) == quiet
    assert pooled([unsure, shared]) == shared
    assert pooled([unsure]) == unsure
    assert not pooled([unsure, unsure]).is_usable


def test_calls_that_were_preempted_are_discarded() -> None:
    """Of the network's calls most are interrupted for 4 ms; the reference is too short to be."""
    busy = Machine(2.0, 1.0)
    network = busy.run

    def interrupted() -> float:
        ms = network()
        if busy.calls % 10 > 3:
            busy.preemptions += 1
            return ms + 4.0
        return ms

    busy.run = interrupted
    found = busy.estimate(Effort(warm_up_s=0.0, min_rounds=200))
    assert statistics.median(found.samples_ms) == pytest.approx(2.0)
    assert found.discarded > 100


def test_figures_are_at_the_references_time_on_record() -> None:
    """A machine that is slower today, for the network and the reference alike, gives the same figure."""
    found = Machine(2.0, 1.0, lambda now: 1.3).estimate(Effort(), recorded_ms=1.0)
    assert statistics.median(found.samples_ms) == pytest.approx(2.0)
    assert found.drift == pytest.approx(0.3)


def test_the_half_width_of_too_few_rounds_is_unknown() -> None:
    found = Machine(1000.0, 1000.0).estimate(Effort(warm_up_s=0.0, limit_s=0.0, min_rounds=4))
    assert found.relative_half_width == UNKNOWN_HALF_WIDTH
    assert len(found.samples_ms) == 4


@pytest.mark.parametrize(
    "options",
    [
        *("threads=0", "threads=x", "threads", "cores=2", "threads=1.5", "precision=fp8", "threads=1,threads=1"),
        *("batch=4097", "size=4097", "batch=99999999999999999999999"),
    ],
)
def test_wrong_target_options_are_named(options: str) -> None:
    with pytest.raises(ParameterError, match="target 'cpu'"):
        load_target(f"cpu:{options}")


@pytest.mark.parametrize("target", ["@phone", "cpu@", "@"])
def test_a_target_without_its_name_or_node_is_told_so(target: str) -> None:
    with pytest.raises(ParameterError, match=f"'{target}' must be NAME or NAME@NODE"):
        load_meter(target, "127.0.0.1:1")


def test_more_threads_than_cores_are_refused() -> None:
    with pytest.raises(ParameterError, match="is more than the"):
        load_target("cpu:threads=100000")


def test_fingerprints_tell_options_apart() -> None:
    names = ("cpu", "cpu:batch=2", "cpu:precision=bf16", "cpu:channels_last=no", "onnxruntime", "cpu-compile")
    fingerprints = [tuple(sorted(load_target(name).fingerprint().items())) for name in names]
    assert len(set(fingerprints)) == len(names)
    assert load_target("cpu:threads=1").fingerprint() == load_target("cpu").fingerprint()


@pytest.mark.parametrize("name", plugins.names(plugins.TARGETS))
def test_every_target_measures_or_says_why_it_cannot(name: str) -> None:
    """The contract: a measurement with its fingerprint, of a batch and input that were asked for."""
    obstacle = dict(obstacles())[name]
    if obstacle is not None:
        with pytest.raises(
            ParameterError, match=f"target '{name}' does not work on {socket.gethostname()}: {obstacle[:10]}"
        ):
            load_target(name)
        pytest.skip(obstacle)
    architecture = Architecture((Stage("pool", 1, 8), Stage("attention", 1, 32)))
    model_input = ModelInput(1, 16, 16, 10)
    meter = Meter(f"{name}:batch=2", effort=Effort(limit_s=0.05))
    found = meter.measure(Deployment(architecture, model_input))
    assert found.median > 0
    assert found.fingerprint == meter.fingerprint(model_input)
    assert (found.fingerprint["target"], found.fingerprint["batch"]) == (name, 2)
    assert pickle.loads(pickle.dumps(meter)) == meter


def test_what_a_target_cannot_run_is_told_in_a_line() -> None:
    class Odd(nn.Module):
        def forward(self, x_BCHW: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("no kernel for this type\nand more")

    network = Deployment(Architecture((Stage("pool", 1, 8),)), ModelInput(1, 16, 16, 10))
    object.__setattr__(network, "build", Odd)
    with pytest.raises(ParameterError, match=r"^target 'cpu' cannot run the network: no kernel for this type$"):
        Meter("cpu", effort=Effort(limit_s=0.05)).measure(network)


def test_energy_is_the_sum_of_the_packages_counters_past_their_ends(tmp_path: Path) -> None:
    for number, (name, now) in enumerate(
        (("intel-rapl:0", 900_000), ("intel-rapl:1", 0), ("intel-rapl:0:0", 5), ("intel-rapl:2", 7))
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "name").write_text(("package-0\n", "package-1\n", "core\n", "psys\n")[number])
        (tmp_path / name / "energy_uj").write_text(f"{now}\n")
        (tmp_path / name / "max_energy_range_uj").write_text("999999\n")
    read = energy_counter("machine", tmp_path)
    assert read() == 0.0
    (tmp_path / "intel-rapl:0" / "energy_uj").write_text("100000\n")
    (tmp_path / "intel-rapl:1" / "energy_uj").write_text("50000\n")
    assert read() == pytest.approx(200.0 + 50.0)
    assert read() == pytest.approx(250.0)


def test_a_machine_without_energy_counters_says_so(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="this machine reports no energy"):
        energy_counter("machine", tmp_path)


@pytest.mark.parametrize("name", ["cpu:precision=bf16", "cpu:channels_last=no", "onnxruntime:precision=int8"])
def test_options_are_honoured(name: str) -> None:
    network = Deployment(Architecture((Stage("conv", 1, 16), Stage("attention", 1, 32))), ModelInput(1, 16, 16, 10))
    threads = torch.get_num_threads()
    assert Meter(name, effort=Effort(limit_s=0.05)).measure(network).median > 0
    assert torch.get_num_threads() == threads


def test_the_references_time_is_taken_once_on_a_machine(tmp_path: Path) -> None:
    record = MachineRecord(tmp_path / "new")
    taken = measurement(1.5, 1.25)
    assert record.get(taken.fingerprint) is None
    record.put(taken)
    assert record.get(taken.fingerprint) == taken
    assert record.get({**taken.fingerprint, "threads": 2}) is None
    (file,) = (tmp_path / "new").iterdir()
    file.write_text('{"samples": [1')
    assert record.get(taken.fingerprint) is None


def test_two_meters_of_one_machine_are_on_one_scale() -> None:
    first, second = (Meter("cpu:batch=3").calibrate() for _ in range(2))
    assert first == second


def step_once(ready: object, stepped: object) -> None:
    ready.set()
    with MeasurementLock().shared():
        stepped.set()


def test_what_is_placed_alone_is_placed_under_the_lock_under_which_it_is_timed() -> None:
    spawn = multiprocessing.get_context("spawn")
    ready, stepped = spawn.Event(), spawn.Event()
    trainer = spawn.Process(target=step_once, args=(ready, stepped))

    class PlacedAlone(CpuTarget):
        placed_alone: ClassVar = True

        def prepare(self, model: nn.Module, model_input: ModelInput) -> Run:
            if trainer.pid is None:
                trainer.start()
            assert ready.wait(60)
            return super().prepare(model, model_input)

        @contextmanager
        def ready(self, run: Run, reference: Run) -> Iterator[Estimating]:
            with super().ready(run, reference) as estimating:
                assert not stepped.wait(0.5)
                yield estimating

    meter = Meter("cpu", effort=Effort(limit_s=0.05))
    meter.__dict__["target"] = PlacedAlone()
    network = Deployment(Architecture((Stage("pool", 1, 16),)), ModelInput(1, 16, 16, 10))
    assert meter.measure(network).median > 0
    assert stepped.wait(30)
    trainer.join()


def test_former_names_of_a_targets_parts_go_on_working() -> None:
    class Former(CpuTarget):
        quarters: ClassVar = "gpu-1"

    with pytest.warns(DeprecationWarning, match="`quarters` is `lock_domain` now"):
        assert lock_domain_of(Former()) == "gpu-1"
    with pytest.warns(DeprecationWarning, match="InProcessTiming"):
        assert timing.TimedHere is timing.InProcessTiming


@pytest.mark.slow
@pytest.mark.skipif(CpuCompileTarget.obstacle() is not None, reason=str(CpuCompileTarget.obstacle()))
def test_nothing_is_compiled_under_the_exclusive_lock() -> None:
    """Placing a network makes torch forget the code of the reference."""
    seen = []

    class Watched(CpuCompileTarget):
        @contextmanager
        def ready(self, run: Run, reference: Run) -> Iterator[Estimating]:
            with super().ready(run, reference) as estimating:
                before = dict(counters["frames"])
                yield estimating
                seen.append(dict(counters["frames"]) == before)

    meter = Meter("cpu-compile", effort=Effort(limit_s=0.05))
    meter.__dict__["target"] = Watched()
    for width in (16, 24):
        network = Deployment(Architecture((Stage("pool", 1, width),)), ModelInput(1, 16, 16, 10))
        assert meter.measure(network).median > 0
    assert seen == [True, True]


def test_a_processor_without_a_name_is_told_by_its_numbers(tmp_path: Path) -> None:
    """Otherwise figures of two ARM machines would be taken for one machine's."""
    file = tmp_path / "cpuinfo"
    core = "processor : 0\nCPU implementer : 0x41\nCPU part : 0xd08\n"
    file.write_text(f"{core}\nModel : Raspberry Pi 4 Model B\n")
    assert processor_name(file) == "Raspberry Pi 4 Model B 0x41 0xd08"
    file.write_text(core)
    assert processor_name(file) == "0x41 0xd08"
    file.write_text("model name : A\n\nmodel name : A\n")
    assert processor_name(file) == "A"
