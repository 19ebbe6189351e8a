"""Proxy training on real images, in this process."""

import dataclasses
from pathlib import Path

import pytest
import torch

from nas import plugins
from nas.architecture import Architecture, Stage
from nas.errors import ParameterError, UserError
from nas.evaluation import EvaluationOptions
from nas.trial import TrialState
from search_spaces.hybrid import HYBRID
from workers.augment import augment
from workers.proxy import ProxyEvaluator, is_out_of_memory, prepare

SMALL = Architecture(tuple(Stage("pool", 1, width) for width in (16, 24, 32, 48)))


def evaluator(**options: object) -> ProxyEvaluator:
    return prepare(EvaluationOptions(**options), HYBRID).evaluator


def test_the_default_proxy_learns_digits() -> None:
    outcome = evaluator().evaluate(SMALL, seed=1)
    assert outcome.state is TrialState.COMPLETE
    assert outcome.accuracy > 0.6
    assert [point.epoch for point in outcome.curve] == [1, 2, 3, 4]
    assert outcome.curve[-1].accuracy == outcome.accuracy
    assert outcome.parameters > 10_000
    assert outcome.latency.count >= 20
    assert outcome.latency.fingerprint["threads"] == 1
    assert outcome.latency.fingerprint["input"] == "1x14x14"
    assert outcome.environment["torch"] == torch.__version__.partition("+")[0]


def test_a_confirmation_trains_and_does_not_measure() -> None:
    outcome = evaluator(epochs=1, train_size=100).evaluate(SMALL, seed=1, measure=False)
    assert outcome.state is TrialState.COMPLETE
    assert outcome.latency is None


def test_same_seed_same_accuracy_and_other_seed_other_training() -> None:
    proxy = evaluator(epochs=1, train_size=200)
    first, second, other = (proxy.evaluate(SMALL, seed) for seed in (1, 1, 2))
    assert [dataclasses.replace(p, seconds=0) for p in first.curve] == [
        dataclasses.replace(p, seconds=0) for p in second.curve
    ]
    assert first.curve[0].loss != other.curve[0].loss


def test_a_loss_that_is_not_finite_fails_the_trial_with_its_reason() -> None:
    outcome = evaluator(learning_rate=1e18, epochs=1).evaluate(SMALL, seed=1)
    assert outcome.state is TrialState.FAILED
    assert outcome.failure.cause == "loss not finite"
    assert outcome.latency is not None


def test_a_lack_of_memory_fails_the_trial_with_its_reason() -> None:
    huge = Architecture((Stage("conv", 1, 2_000_000),))
    outcome = evaluator(epochs=1).evaluate(huge, seed=1)
    assert outcome.state is TrialState.FAILED
    assert outcome.failure.cause == "out of memory"


def test_only_a_lack_of_memory_is_taken_for_one() -> None:
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert not is_out_of_memory(RuntimeError("shapes do not match"))


def test_over_the_latency_limit_nothing_is_trained() -> None:
    outcome = evaluator(max_latency_ms=1e-6).evaluate(SMALL, seed=1)
    assert outcome.state is TrialState.INFEASIBLE
    assert outcome.curve == ()
    assert outcome.train_s == 0
    assert outcome.latency.median > 1e-6


def test_latency_at_another_deployment_size() -> None:
    outcome = evaluator(target="cpu:size=40,threads=1", epochs=1, train_size=64).evaluate(SMALL, seed=1)
    assert outcome.latency.fingerprint["input"] == "1x40x40"


def test_settings_are_the_resolved_ones() -> None:
    settings = prepare(EvaluationOptions(), HYBRID).settings
    assert settings["input"] == {"channels": 1, "height_px": 14, "width_px": 14, "classes": 10}
    assert (settings["epochs"], settings["train_size"], settings["target"]) == (4, 400, "cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
@pytest.mark.parametrize("options", [{"target": "cuda"}, {"device": "cuda"}])
def test_cuda_where_there_is_none(options: dict[str, str]) -> None:
    with pytest.raises(ParameterError, match="'cuda' needs a CUDA device"):
        prepare(EvaluationOptions(**options), HYBRID)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device")
def test_cuda_trains_and_measures() -> None:
    outcome = evaluator(device="cuda").evaluate(SMALL, seed=1)
    assert outcome.accuracy > 0.6
    assert outcome.latency.fingerprint["target"] == "cuda"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"device": "tpu"}, "tpu"),
        ({"target": "cpu:threads=0"}, "threads '0'"),
        ({"input_size_px": 8}, "8x8 px is too small"),
        ({"target": "cpu:size=4"}, "4x4 px is too small"),
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
    assert plugins.load(plugins.EVALUATORS, "proxy") is prepare
