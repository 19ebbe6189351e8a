"""The recipe as data, the policy that chooses it, and the parts that follow it: on small networks in plain torch."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nas.exports.training import LEGACY, RECIPE_SETTING, TrainingRecipe
from workers.data.dataset import ArraySource, ProxyData, split
from workers.data.digits import DIGITS
from workers.training.augment import alternately
from workers.training.augmentation import mix_of
from workers.training.batch_norm import RunningStatistics
from workers.training.folds import FoldedTraining
from workers.training.loop import MIN_JUDGED_IMAGES, ResidentData, Training, prepare_weights
from workers.training.optimiser import inner_filters, optimiser_of
from workers.training.orthogonal import orthogonalised
from workers.training.policy import (
    MAX_FOLDS,
    MIN_EPOCHS_FOR_MIXUP,
    TrainingTask,
    folds,
    policy,
    worthwhile_epochs,
)
from workers.training.schedule import SCHEDULES, Schedule
from workers.training.setting import FP32
from workers.training.whitening import first_convolution, whiten

TASK = TrainingTask(images=10_000, size_px=32, channels=3, classes=10, mirrors=True)


def network(channels: int = 1, classes: int = 4) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        *(nn.Conv2d(channels, 12, 3, 2, 1), nn.BatchNorm2d(12), nn.ReLU()),
        *(
            nn.Conv2d(12, 12, 3, 1, 1, groups=12),
            nn.Conv2d(12, 128, 3, 2, 1, bias=False),
            nn.BatchNorm2d(128),
            nn.ReLU(),
        ),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, classes)),
    )


def blobs(images: int = 96, validation: int = 40) -> ProxyData:
    """Pictures whose class is where they are bright."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 4, images + validation)
    pictures = generator.integers(0, 120, (images + validation, 1, 12, 12), dtype=np.int64)
    for picture, label in zip(pictures, labels, strict=True):
        picture[0, 6 * (label // 2) :, 6 * (label % 2) :][:6, :6] += 100
    pictures = pictures.astype(np.uint8)
    return ProxyData(
        pictures[:images], labels[:images], pictures[images:], labels[images:], classes=4, flip=False, shift_px=1
    )


def training(recipe: TrainingRecipe, data: ResidentData | None = None, **options: object) -> Training:
    data = data or ResidentData(blobs(), torch.device("cpu"))
    model = network()
    FP32.place(model)
    return Training(model, data, recipe, torch.Generator().manual_seed(0), FP32, **options)


SHORT = policy(TrainingTask(96, 12, 1, 4, mirrors=False), epochs=8)


def test_settings_give_the_recipe_back_and_old_ones_the_old_recipe() -> None:
    recipe = policy(TASK, epochs=3)
    settings = {"epochs": 3, **recipe.as_settings()}
    assert TrainingRecipe.from_settings(settings) == recipe
    assert settings["batch_size"] == recipe.batch_size
    old = {"epochs": 3, "batch_size": 32, "learning_rate": 0.003}
    legacy = TrainingRecipe.from_settings(old)
    assert (legacy.name, legacy.optimiser, legacy.schedule, legacy.label_smoothing) == (LEGACY, "adamw", "one_cycle", 0)
    # An old study compares its settings with those of today.
    assert {"epochs": 3, **legacy.as_settings()} == old
    assert RECIPE_SETTING not in legacy.as_settings()


def mixed_batches(recipe: TrainingRecipe, seconds_per_call: float = 0.0) -> tuple[int, int]:
    """The numbers of mixed batches and of all batches of a training, whose clock advances with each look at it."""
    mixed, now = mix_of(replace(recipe, mixup=0.2), 4), 0.0
    assert mixed is not None
    calls: list[int] = []

    def mix(x_BCHW: Tensor, labels_B: Tensor) -> tuple[Tensor, Tensor]:
        calls.append(len(labels_B))
        x_BCHW, labels_BK = mixed(x_BCHW, labels_B)
        assert labels_BK.sum(1) == pytest.approx(1.0)
        return x_BCHW, labels_BK

    def clock() -> float:
        nonlocal now
        now += seconds_per_call
        return now

    trained = training(recipe, mix=mix, clock=clock)
    while not trained.is_over:
        trained.train_epoch()
    return len(calls), trained.steps


def test_pictures_are_mixed_in_trainings_that_see_each_of_them_often() -> None:
    recipe = replace(SHORT, mix_from_epochs=10)
    assert mixed_batches(recipe)[0] == 0
    mixed, steps = mixed_batches(replace(recipe, epochs=10))
    assert mixed == steps
    # By time the number of epochs is known after the first steps; here there are 3 steps in an epoch.
    by_time = replace(recipe, epochs=0, time_s=100.0)
    assert mixed_batches(by_time, seconds_per_call=5.0)[0] == 0
    mixed, steps = mixed_batches(by_time, seconds_per_call=0.5)
    assert steps > 30
    assert 0 < steps - mixed < 4


def test_the_policy_mixes_in_long_trainings_alone() -> None:
    recipe = policy(TASK, epochs=20)
    assert mix_of(recipe, 10) is not None
    assert recipe.has_plain_steps
    assert not policy(TASK, epochs=MIN_EPOCHS_FOR_MIXUP).has_plain_steps


def test_a_short_training_has_small_batches_and_what_the_user_says_stands() -> None:
    short, long = policy(TASK, epochs=1), policy(TASK, epochs=100)
    assert short.batch_size < long.batch_size
    assert short.learning_rate < long.learning_rate
    given = policy(TASK, epochs=1, batch_size=48, learning_rate=0.5)
    assert (given.batch_size, given.learning_rate) == (48, 0.5)
    by_time = policy(TASK, time_s=60.0)
    assert (by_time.epochs, by_time.time_s) == (0, 60.0)
    few = TrainingTask(images=60, size_px=8, channels=1, classes=2, mirrors=False)
    assert policy(few, epochs=1).batch_size <= 60
    assert worthwhile_epochs(few) > worthwhile_epochs(TASK)


def test_few_judged_pictures_are_judged_in_folds() -> None:
    assert folds(1000, 1400) == 1
    assert folds(160, 800) == MAX_FOLDS
    assert folds(250, 1250) == 2
    source = ArraySource(np.arange(200, dtype=np.uint8).reshape(200, 1, 1, 1), np.arange(200) % 4, tuple("abcd"))
    whole = split(DIGITS, source, size_px=1, train_size=400, seed=0, folds=4)
    alone = split(DIGITS, source, size_px=1, train_size=400, seed=0)
    assert np.array_equal(whole.train_images, alone.train_images)
    assert not alone.further_folds
    parts = [set(fold.validation_images.flat) for fold in (whole, *whole.further_folds)]
    assert len(parts) == 4
    assert len(set.union(*parts)) == sum(map(len, parts)) == 160
    for fold, judged in zip((whole, *whole.further_folds), parts, strict=True):
        assert not judged & set(fold.train_images.flat)


def test_folds_are_judged_together_and_go_on_together() -> None:
    def folded() -> FoldedTraining:
        data = [ResidentData(blobs(validation=count), torch.device("cpu")) for count in (20, 40)]
        return FoldedTraining([training(SHORT, each) for each in data])

    whole = list(folded().epochs())
    first = folded()
    points_left = first.epochs()
    points = [next(points_left), next(points_left)]
    second = folded()
    second.resume(first.state())
    points += second.epochs()
    assert [(point.epoch, point.accuracy, point.loss) for point in points] == [
        (point.epoch, point.accuracy, point.loss) for point in whole
    ]
    assert round(whole[-1].accuracy * 60) == pytest.approx(whole[-1].accuracy * 60)
    assert {point.images for point in whole} == {60}


def test_each_point_of_a_curve_says_on_how_many_images_it_was_judged() -> None:
    points = list(training(SHORT, ResidentData(blobs(validation=600), torch.device("cpu"))).epochs())
    assert len(points) > 1
    # Judging each epoch on all would cost a third of a short training.
    assert [point.images for point in points] == [MIN_JUDGED_IMAGES] * (len(points) - 1) + [600]


@pytest.mark.parametrize("shape", [(6, 40), (40, 6), (8, 8)])
def test_orthogonalised_matrices_keep_directions_and_lose_sizes(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    matrix = torch.randn(2, *shape) * torch.logspace(0, -1, shape[1])
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    found = orthogonalised(matrix)
    inside = u.mT @ found @ v.mT
    sizes = inside.diagonal(dim1=1, dim2=2)
    assert sizes.min() > 0.3
    assert sizes.max() < 1.3
    torch.testing.assert_close(inside, torch.diag_embed(sizes), atol=1e-4, rtol=0)


def test_only_inner_dense_weights_are_orthogonalised() -> None:
    model = network()
    (inner,) = inner_filters(model)
    assert inner is model[4].weight
    recipe = policy(TASK, epochs=1)
    groups = optimiser_of(model, recipe, torch.device("cpu")).groups
    assert sum(len(group["params"]) for group in groups) == len(list(model.parameters()))
    for group in groups:
        if group["weight_decay"] == 0:
            assert all(weight.ndim == 1 for weight in group["params"])
    # A network without any has the rest.
    assert len(optimiser_of(nn.Linear(3, 2), recipe, torch.device("cpu")).groups) == 2


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_rise_to_one_and_fall_to_nought(name: str) -> None:
    factors = [SCHEDULES[name](step / 100, 0.2) for step in range(101)]
    assert factors[20] == pytest.approx(1, abs=0.01)
    assert factors[:21] == sorted(factors[:21])
    assert factors[20:] == sorted(factors[20:], reverse=True)
    assert factors[-1] == pytest.approx(0, abs=1e-9)


def test_a_schedule_by_time_follows_the_clock() -> None:
    now = [100.0]
    schedule = Schedule(TrainingRecipe(0, 8, 0.1, time_s=10.0), 0, lambda: now[0], spent_s=2.0)
    schedule.start()
    assert not schedule.is_over
    now[0] += 3
    schedule.advance()
    assert schedule.share == pytest.approx(0.5)
    now[0] += 6
    schedule.advance()
    assert schedule.is_over
    assert schedule.factor == 0


def test_a_training_by_time_ends_in_the_middle_of_an_epoch_and_goes_on() -> None:
    now = [0.0]

    def tick() -> float:
        now[0] += 1.0
        return now[0]

    recipe = policy(TrainingTask(96, 12, 1, 4, mirrors=False), time_s=20.0, batch_size=16)
    whole = training(recipe, clock=tick)
    points = list(whole.epochs())
    assert whole.is_over
    assert 1 < len(points) < 20
    first = training(recipe, clock=tick)
    first.train_epoch()
    resumed = training(recipe, clock=tick)
    resumed.resume(first.state())
    assert 0 < resumed.share < 1
    assert resumed.elapsed_s >= 6


@pytest.mark.parametrize("recipe", [SHORT, TrainingRecipe(8, 16, 3e-3)], ids=["policy", LEGACY])
def test_what_is_learnt_is_the_same_after_an_interruption(recipe: TrainingRecipe) -> None:
    points = [(point.accuracy, point.loss) for point in training(recipe).epochs()]
    assert points[-1][0] > 0.8
    first = training(recipe)
    for _ in range(3):
        first.train_epoch()
    second = training(recipe)
    second.resume(first.state())
    assert [(point.accuracy, point.loss) for point in second.epochs()] == points[3:]


def test_a_whitening_layer_makes_patches_uncorrelated_and_is_not_trained() -> None:
    data = ResidentData(blobs(), torch.device("cpu"))
    model = network()
    prepare_weights(model, data, SHORT)
    first = model[0]
    assert not first.weight.requires_grad
    x_BCHW = data.normalise(data.train_images)
    with torch.no_grad():
        found = F.conv2d(x_BCHW, first.weight[:6], stride=2).transpose(0, 1).flatten(1)
    # Six directions, then their negatives.
    assert torch.equal(first.weight[6:12], -first.weight[:6])
    products = found @ found.T / found.shape[1]
    torch.testing.assert_close(products, torch.eye(6), atol=0.1, rtol=0)


class ByHand(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 3, 1)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return self.conv(F.pixel_unshuffle(x_BCHW, 2))


@pytest.mark.parametrize("model", [nn.Sequential(nn.Flatten(), nn.Linear(144, 4)), ByHand()])
def test_a_network_whose_first_layer_is_no_convolution_of_pictures_is_left_alone(model: nn.Module) -> None:
    before = [weight.clone() for weight in model.parameters()]
    assert not whiten(model, lambda count: torch.rand(count, 1, 12, 12))
    assert all(torch.equal(*pair) for pair in zip(before, model.parameters(), strict=True))
    assert all(weight.requires_grad for weight in model.parameters())


def test_the_first_convolution_is_the_one_that_sees_the_picture() -> None:
    model = network(channels=3)
    x_BCHW = torch.rand(1, 3, 12, 12)
    assert first_convolution(model.train(), x_BCHW) is model[0]
    assert model.training


def test_running_statistics_follow_in_a_training_of_few_steps() -> None:
    short = training(SHORT)
    *_, last = short.epochs()
    assert last.accuracy > 0.8
    slow = training(replace(SHORT, fast_statistics=False))
    *_, behind = slow.epochs()
    assert behind.accuracy < last.accuracy
    model = nn.Sequential(nn.BatchNorm2d(3), nn.BatchNorm2d(3, momentum=0.01))
    statistics = RunningStatistics(model)
    for steps, momentum in ((40, 0.5), (100, 0.2), (10_000, 0.1)):
        statistics.follow(steps)
        assert [module.momentum for module in model] == [momentum, 0.01]
    # By time, too, where nobody says how many steps there will be.
    now = iter(range(1000))
    timed = replace(SHORT, epochs=0, time_s=24.0)
    *_, last = training(timed, clock=lambda: float(next(now))).epochs()
    assert last.accuracy > 0.8


def test_each_picture_is_mirrored_in_every_other_epoch() -> None:
    first, second, third = (alternately(50, epoch) for epoch in (1, 2, 3))
    assert torch.equal(first + second, torch.ones(50, dtype=torch.int64))
    assert torch.equal(first, third)
    assert 10 < int(first.sum()) < 40
