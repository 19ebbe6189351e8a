"""Proxy training on real images, in this process."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from nas import plugins
from nas.architecture import Architecture, ModelInput, Stage
from nas.errors import ParameterError, UserError
from nas.evaluation import EvaluationOptions, Job
from nas.objective import UNKNOWN_HALF_WIDTH, Measurement
from nas.trial import Outcome, TrialState
from search_spaces.hybrid import HYBRID
from tests.builders import measurement
from workers.memory import is_out_of_memory
from workers.training.augment import augment
from workers.training.loop import Training
from workers.training.proxy import ProxyEvaluator, prepare
from workers.training.setting import BF16, CONTIGUOUS, FP32, TIMED_CALLS, Setting, candidates, fastest

SMALL = Architecture(tuple(Stage("pool", 1, width) for width in (16, 24, 32, 48)))


class Record:
    """Measurements in a list."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, Measurement]] = []

    def measurement(self, key: str, fingerprint: Mapping[str, Any]) -> Measurement | None:
        return next((taken for name, taken in self.taken if (name, taken.fingerprint) == (key, fingerprint)), None)

    def add_measurement(self, key: str, taken: Measurement) -> None:
        self.taken.append((key, taken))


def evaluator(**options: object) -> ProxyEvaluator:
    return prepare(EvaluationOptions(**{"device": "cpu", **options}), HYBRID).evaluator


def no_jobs(*_: object) -> None:
    raise AssertionError("a proxy needs none")


def final(proxy: ProxyEvaluator, *arguments: Any, **options: Any) -> Outcome:
    """What is found out at the end."""
    *_, outcome = proxy.evaluate(Job(*arguments, **options))
    return outcome


def test_the_default_proxy_learns_digits() -> None:
    outcome = final(evaluator(), SMALL, seed=1)
    assert outcome.state is TrialState.COMPLETE
    assert outcome.accuracy > 0.6
    assert [point.epoch for point in outcome.curve] == [1, 2, 3, 4]
    assert outcome.curve[-1].accuracy == outcome.accuracy
    assert outcome.parameters > 10_000
    assert outcome.latency.count + outcome.latency.discarded >= 8
    assert outcome.latency.taken_at > 0
    assert outcome.latency.fingerprint["threads"] == 1
    assert outcome.latency.fingerprint["input"] == "1x14x14"
    assert outcome.environment["torch"] == torch.__version__.partition("+")[0]


def test_a_latency_on_record_is_not_measured_again() -> None:
    known = measurement(3.0)
    outcome = final(evaluator(epochs=1, train_size=100), SMALL, seed=1, known={"cpu": known})
    assert outcome.state is TrialState.COMPLETE
    assert outcome.latency is known
    assert outcome.measure_s == 0
    over = final(evaluator(epochs=1, train_size=100, max_latency_ms=2.0), SMALL, seed=1, known={"cpu": known})
    assert over.state is TrialState.INFEASIBLE


def test_a_confirmation_is_measured_before_its_training_and_after_it() -> None:
    proxy = evaluator(epochs=1, train_size=64, train_precision="fp32", latency_precision=0.2)
    once = final(proxy, SMALL, seed=1)
    *_, confirmed = proxy.confirm(SMALL, 1)
    assert confirmed.accuracy == once.accuracy
    # A figure that counts where there is no other.
    before = dataclasses.replace(measurement(1000.0), relative_half_width=UNKNOWN_HALF_WIDTH, drift=9.0)
    (both,) = proxy.with_repeated_latency(SMALL, iter([dataclasses.replace(once, latency=before)]))
    assert both.latency.median < 1000
    assert both.measure_s > once.measure_s
    over = dataclasses.replace(once, accuracy=None)
    assert next(proxy.with_repeated_latency(SMALL, iter([over]))) is over


def test_figures_are_on_the_records_scale() -> None:
    """The reference network's time is taken once per database; later processes find it there."""
    record = Record()
    proxy = evaluator(epochs=1, train_size=64).prepared(record, no_jobs, print)
    ((key, taken),) = record.taken
    assert proxy.meters["cpu"].recorded_ms == taken.median
    assert evaluator(epochs=1, train_size=64).prepared(record, no_jobs, print).meters["cpu"].recorded_ms == taken.median
    assert record.taken == [(key, taken)]
    # On another scale the same machine gives other figures.
    record.taken = [(key, dataclasses.replace(taken, samples=(1000.0,)))]
    other = final(evaluator(epochs=1, train_size=64).prepared(record, no_jobs, print), SMALL, seed=1)
    assert other.latency.median > 50 * final(proxy, SMALL, seed=1).latency.median
    assert other.latency.drift < -0.9


def test_same_seed_same_accuracy_and_other_seed_other_training() -> None:
    proxy = evaluator(epochs=1, train_size=200)
    first, second, other = (final(proxy, SMALL, seed) for seed in (1, 1, 2))
    assert [dataclasses.replace(p, seconds=0) for p in first.curve] == [
        dataclasses.replace(p, seconds=0) for p in second.curve
    ]
    assert first.curve[0].loss != other.curve[0].loss


def test_a_schedule_of_any_length_is_followed() -> None:
    for epochs in range(1, 8):
        assert final(evaluator(epochs=epochs, train_size=40, batch_size=40), SMALL, 1).accuracy is not None


def test_a_training_is_the_same_whether_its_latency_is_measured_or_on_record() -> None:
    proxy = evaluator(epochs=1, train_size=100, train_precision="fp32")
    measured, known = (final(proxy, SMALL, 1, known=known) for known in ({}, {"cpu": measurement(3.0)}))
    assert measured.curve[0].loss == known.curve[0].loss
    assert measured.accuracy == known.accuracy


def test_a_training_goes_on_in_another_process_as_if_nothing_had_been() -> None:
    proxy = evaluator(epochs=4, train_size=200)
    at_rung, whole = list(proxy.evaluate(Job(SMALL, 1, rungs=(2,))))
    assert at_rung.state is TrialState.STOPPED
    assert at_rung.checkpoint is not None
    gone_on = final(evaluator(epochs=4, train_size=200), SMALL, 1, rungs=(2,), resume_from=at_rung)
    assert [dataclasses.replace(point, seconds=0) for point in gone_on.curve] == [
        dataclasses.replace(point, seconds=0) for point in whole.curve
    ]
    assert gone_on.accuracy == whole.accuracy
    assert gone_on.latency is at_rung.latency
    assert gone_on.checkpoint is None


def test_parts_of_a_batch_teach_what_the_whole_batch_does() -> None:
    proxy = evaluator(epochs=2, train_size=128)
    losses = []
    for part in (None, 8):
        torch.manual_seed(0)
        model = proxy._build(SMALL, proxy.model_input)
        training = Training(
            model, proxy.resident, dataclasses.replace(proxy.recipe), torch.Generator().manual_seed(0), FP32, part=part
        )
        losses.append([point.loss for point in training.epochs()])
    whole, in_parts = losses
    # Not the same images: each part draws its own shifts.
    assert in_parts == pytest.approx(whole, rel=0.1)


class Cramped(ProxyEvaluator):
    """Memory for so many images at a time."""

    room = 0

    @classmethod
    def like(cls, other: ProxyEvaluator, room: int) -> "Cramped":
        made = type("Cramped", (cls,), {"room": room})
        return made(**{each.name: getattr(other, each.name) for each in dataclasses.fields(other)})

    def _build(self, architecture: Architecture, model_input: ModelInput) -> torch.nn.Module:
        model = super()._build(architecture, model_input)

        def allocate(_module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            if len(inputs[0]) > self.room:
                torch.empty(2**60, dtype=torch.uint8)

        model.register_forward_pre_hook(allocate)
        return model


def test_where_memory_runs_out_a_part_of_each_batch_is_tried() -> None:
    roomy = final(Cramped.like(evaluator(epochs=2, batch_size=32), 10**9), SMALL, 1)
    assert "images at a time" not in roomy.environment
    tight = final(Cramped.like(evaluator(epochs=2, batch_size=32), 8), SMALL, 1)
    assert tight.environment["images at a time"] == 8
    assert tight.accuracy > 0.4
    tighter = final(Cramped.like(evaluator(epochs=1, batch_size=32), 7), SMALL, 1)
    assert tighter.environment["images at a time"] == 2
    none = final(Cramped.like(evaluator(epochs=2, batch_size=32), 1), SMALL, 1)
    assert none.failure.cause == "out of memory"
    assert none.accuracy is None
    assert none.latency is not None


def test_every_training_setting_learns_and_is_on_record() -> None:
    for precision, said in (("fp32", "fp32 channels_last"), ("bf16", "bf16 channels_last")):
        outcome = final(evaluator(train_precision=precision, epochs=2), SMALL, seed=1)
        assert outcome.accuracy > 0.4
        assert outcome.environment["training"] == said
    with pytest.raises(ParameterError, match="--train-precision 'fp8'"):
        evaluator(train_precision="fp8")


def test_the_probe_takes_the_fastest_and_the_first_at_near_ties() -> None:
    model = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.Flatten(), torch.nn.Linear(4 * 36, 3))
    before = [parameter.detach().clone() for parameter in model.parameters()]
    x_BCHW, labels_B = torch.randn(5, 1, 8, 8), torch.zeros(5, dtype=torch.int64)

    def taking(*seconds: float) -> Setting:
        """The choice where calls in each setting in its turn take so long."""
        ticks = iter([t for each in seconds for _ in range(TIMED_CALLS) for t in (0.0, each)])
        return fastest(model, x_BCHW, labels_B, (FP32, BF16, CONTIGUOUS), lambda: next(ticks))

    assert taking(1.0, 0.5, 0.9) == BF16
    assert taking(1.0, 0.9, 0.95) == FP32
    assert taking(1.0, 0.9, 0.5) == CONTIGUOUS
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_training_that_is_too_short_to_be_probed_takes_the_first_setting() -> None:
    assert candidates("auto", 48) == [FP32]
    assert candidates("fp32", 10_000) == [FP32]
    assert candidates("bf16", 10) == [BF16]
    assert candidates("auto", 1_000) == [FP32, BF16, CONTIGUOUS]
    # Steps of a graph are short beside its capture.
    graph = Setting(graph=True)
    assert candidates("auto", 1_000, graph=True) == [graph]
    assert candidates("auto", 2_000, graph=True)[0] == graph
    assert all(each.graph for each in candidates("auto", 2_000, graph=True))


@pytest.mark.parametrize("setting", [FP32, BF16, CONTIGUOUS, Setting(bf16=True, graph=True)])
def test_a_setting_is_on_record_by_its_name(setting: Setting) -> None:
    assert Setting.named(str(setting)) == setting


def test_a_loss_that_is_not_finite_fails_the_trial_with_its_reason() -> None:
    outcome = final(evaluator(learning_rate=1e18, epochs=1), SMALL, seed=1)
    assert outcome.state is TrialState.FAILED
    assert outcome.failure.cause == "loss not finite"
    assert outcome.latency is not None


def test_a_lack_of_memory_fails_the_trial_with_its_reason() -> None:
    huge = Architecture((Stage("conv", 1, 2_000_000),))
    outcome = final(evaluator(epochs=1), huge, seed=1)
    assert outcome.state is TrialState.FAILED
    assert outcome.failure.cause == "out of memory"


def test_only_a_lack_of_memory_is_taken_for_one() -> None:
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert not is_out_of_memory(RuntimeError("shapes do not match"))


def test_over_the_latency_limit_nothing_is_trained() -> None:
    outcome = final(evaluator(max_latency_ms=1e-6), SMALL, seed=1)
    assert outcome.state is TrialState.INFEASIBLE
    assert outcome.curve == ()
    assert outcome.train_s == 0
    assert outcome.latency.median > 1e-6


def test_latency_at_another_deployment_size() -> None:
    outcome = final(evaluator(targets=("cpu:size=40,threads=1",), epochs=1, train_size=64), SMALL, seed=1)
    assert outcome.latency.fingerprint["input"] == "1x40x40"


def test_further_targets_and_counted_objectives_are_found_out() -> None:
    options = {"targets": ("cpu", "cpu:batch=4,size=20"), "objectives": ("accuracy", "latency", "peak_memory")}
    outcome = final(evaluator(**options, epochs=1, train_size=64), SMALL, seed=1)
    assert outcome.figures.keys() == {
        "accuracy",
        "latency_ms",
        "latency_ms@cpu:batch=4,size=20",
        "parameters",
        "macs",
        "peak_memory",
    }
    further = outcome.latencies["cpu:batch=4,size=20"]
    assert (further.fingerprint["batch"], further.fingerprint["input"]) == (4, "1x20x20")
    assert outcome.figures["peak_memory"] > 4 * outcome.parameters


def test_settings_are_the_resolved_ones() -> None:
    settings = prepare(EvaluationOptions(device="cpu"), HYBRID).settings
    assert settings["input"] == {"channels": 1, "height_px": 14, "width_px": 14, "classes": 10}
    assert (settings["epochs"], settings["train_size"], settings["target"]) == (4, 400, "cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
@pytest.mark.parametrize("options", [{"targets": ("cuda",)}, {"targets": ("cuda-graph",)}, {"device": "cuda"}])
def test_cuda_where_there_is_none(options: dict[str, str]) -> None:
    with pytest.raises(ParameterError, match=r"'cuda.*torch finds no(ne| CUDA)"):
        prepare(EvaluationOptions(**options), HYBRID)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"device": "tpu"}, "tpu"),
        ({"targets": ("cpu:threads=0",)}, "threads '0'"),
        ({"input_size_px": 4}, "4x4 px is too small"),
        ({"targets": ("cpu:size=4",)}, "4x4 px is too small"),
        ({"targets": ("cpu", "cpu")}, "each is needed once"),
        ({"objectives": ("accuracy",)}, "at least one other"),
        ({"objectives": ("latency", "macs")}, "accuracy and"),
        ({"objectives": ("accuracy", "latency@onnxruntime")}, "needs --target onnxruntime"),
        ({"dataset": "digits:7"}, "'7'"),
        ({"dataset": "fashion-mnist"}, "--data-dir"),
        ({"dataset": "cifar10", "data_dir": Path("/nonexistent")}, "/nonexistent"),
        ({"dataset": "imagefolder"}, "imagefolder:PATH"),
    ],
)
def test_what_would_fail_every_trial_fails_at_once(options: dict[str, object], named: str) -> None:
    with pytest.raises(UserError, match=named):
        prepare(EvaluationOptions(**options), HYBRID)


def test_augmentation_moves_whole_images_by_the_callers_generator() -> None:
    images = torch.arange(4 * 6 * 6, dtype=torch.float32).reshape(4, 1, 6, 6)
    moved = [
        augment(images, shift_px=2, flip=True, generator=torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    ]
    assert torch.equal(moved[0], moved[1])
    assert not torch.equal(moved[0], moved[2])
    assert moved[0].shape == images.shape
    still = augment(images, shift_px=0, flip=False, generator=torch.Generator())
    assert torch.equal(still, images)


def test_an_image_is_moved_or_mirrored_and_never_mixed_with_another() -> None:
    images = torch.stack([torch.full((1, 5, 5), float(value)) for value in range(64)])
    out = augment(images, shift_px=1, flip=True, generator=torch.Generator().manual_seed(0))
    assert torch.equal(out, images)
    row = torch.arange(5.0).expand(64, 1, 5, 5)
    seen = {tuple(image[0, 0].tolist()) for image in augment(row, shift_px=1, flip=True, generator=torch.Generator())}
    shifted = [(0, 0, 1, 2, 3), (0, 1, 2, 3, 4), (1, 2, 3, 4, 4)]
    assert seen == {*shifted, *(tuple(reversed(each)) for each in shifted)}


def test_evaluators_are_found_as_plug_ins() -> None:
    evaluation = plugins.load(plugins.EVALUATORS, "proxy")(EvaluationOptions(), HYBRID)
    assert isinstance(evaluation.evaluator, ProxyEvaluator)
    # By default what is promising can be trained longer.
    assert evaluation.worthwhile.images >= evaluation.facts.train_size
    assert evaluation.reaching is not None
