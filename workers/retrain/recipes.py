"""The recipe of a full training: the policy's or a published one, with the user's overrides.

The published recipe for pictures is that of Yu et al., MetaFormer Baselines for Vision (TPAMI 2024, table 9), with a
learning rate scaled to the batch; for CIFAR it is that of DeiT-like networks from scratch; digits and Fashion-MNIST are
small, grey and must not be mirrored or recoloured, and have a lighter one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from nas.errors import ParameterError
from nas.exports.training import TrainingRecipe
from workers.training.policy import POLICY, TrainingTask, policy

PUBLISHED = "published"
RECIPES = (POLICY, PUBLISHED)


@dataclass(frozen=True)
class Published:
    """A recipe for a data set, and the epochs of its warm-up."""

    recipe: TrainingRecipe
    warmup_epochs: float


def _published(warmup_epochs: float, **recipe: Any) -> Published:
    fixed: dict[str, Any] = {"name": PUBLISHED, "vector_decay": False, "schedule": "cosine", "label_smoothing": 0.1}
    return Published(TrainingRecipe(**fixed, **recipe), warmup_epochs)


_HEAVY = {"rand_augment_ops": 2, "mixup": 0.8, "cutmix": 1.0, "erasing": 0.25, "drop_path": 0.1}
_PICTURES = _published(20, epochs=300, batch_size=256, learning_rate=2.5e-4, ema_decay=0.9999, **_HEAVY)
_CIFAR = _published(10, epochs=200, batch_size=128, learning_rate=1e-3, ema_decay=0.999, **_HEAVY)
# The default limit of the warm-up's share of all epochs: a short training could otherwise end within its warm-up.
MAX_WARM_UP = 0.2
# torchvision's scale of magnitudes.
MAX_MAGNITUDE = 30
DEFAULTS: Mapping[str, Published] = {
    "digits": _published(2, epochs=40, batch_size=32, learning_rate=3e-3, ema_decay=0.99),
    "fashion-mnist": _published(1, epochs=20, batch_size=128, learning_rate=3e-3, erasing=0.1, ema_decay=0.998),
    "cifar10": _CIFAR,
    "cifar100": _CIFAR,
}


def recipe_for(
    name: str, dataset: str, task: TrainingTask, overrides: Mapping[str, Any], time_s: float | None = None
) -> TrainingRecipe:
    """The recipe of this name with the user's overrides. Raises ParameterError for a value that is out of range.

    `overrides` are fields of TrainingRecipe, and `warmup_epochs`, which sets its `warm_up`.
    """
    _check(overrides, time_s)
    if name not in RECIPES:
        raise ParameterError(f"unknown --recipe {name!r}; valid: {', '.join(RECIPES)}")
    rest = dict(overrides)
    warmup_epochs = rest.pop("warmup_epochs", None)
    if name == POLICY:
        names = ("epochs", "batch_size", "learning_rate")
        chosen = {field: rest.pop(field) for field in names if field in rest}
        if {"mixup", "cutmix"} & rest.keys():
            # The user's own, however short the training is.
            rest = {"mixup": 0.0, "cutmix": 0.0, "mix_from_epochs": 0, **rest}
        recipe = replace(policy(task, **chosen, time_s=time_s), **rest)
    else:
        published = DEFAULTS.get(dataset, _PICTURES)
        recipe = replace(published.recipe, **rest)
        recipe = replace(recipe, warm_up=min(MAX_WARM_UP, published.warmup_epochs / recipe.epochs))
        if time_s is not None:
            recipe = replace(recipe, epochs=0, time_s=time_s)
    if warmup_epochs is None:
        return recipe
    if recipe.time_s is not None:
        raise ParameterError(f"--warmup-epochs {warmup_epochs:g} needs a training by --epochs, and --time is given")
    if warmup_epochs > recipe.epochs:
        raise ParameterError(f"--warmup-epochs {warmup_epochs:g} is more than the {recipe.epochs} epochs")
    return replace(recipe, warm_up=warmup_epochs / recipe.epochs)


def _check(overrides: Mapping[str, Any], time_s: float | None) -> None:
    def flag(name: str) -> str:
        return f"--{name.replace('_', '-')} {overrides[name]}"

    if time_s is not None and "epochs" in overrides:
        raise ParameterError(f"{flag('epochs')} and --time: give one of them")
    for name in overrides.keys() & {"erasing", "label_smoothing", "drop_path", "ema_decay"}:
        if not 0 <= overrides[name] < 1:
            raise ParameterError(f"{flag(name)} is not from 0 to below 1")
    for name in overrides.keys() & {"epochs", "batch_size", "learning_rate"}:
        if not 0 < overrides[name] < float("inf"):
            raise ParameterError(f"{flag(name)} is not a number above 0")
    for name in overrides.keys() & {"weight_decay", "warmup_epochs", "rand_augment_ops", "mixup", "cutmix"}:
        if not 0 <= overrides[name] < float("inf"):
            raise ParameterError(f"{flag(name)} is not a number of at least 0")
    if not 0 <= overrides.get("rand_augment_magnitude", 0) <= MAX_MAGNITUDE:
        raise ParameterError(f"{flag('rand_augment_magnitude')} is not from 0 to {MAX_MAGNITUDE}")
