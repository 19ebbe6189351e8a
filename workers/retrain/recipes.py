"""The full recipe's defaults by data set.

For pictures they are those of Yu et al., MetaFormer Baselines for Vision (TPAMI 2024, table 9), with a learning rate
scaled to the batch; for CIFAR those that DeiT-like networks are trained with from scratch; digits and Fashion-MNIST are
small, grey and not to be mirrored or recoloured, and take a lighter one.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nas.errors import ParameterError
from nas.training import TrainingRecipe

_PICTURES = TrainingRecipe(
    epochs=300,
    batch_size=256,
    learning_rate=2.5e-4,
    warmup_epochs=20,
    rand_augment_ops=2,
    mixup=0.8,
    cutmix=1.0,
    erasing=0.25,
    drop_path=0.1,
    ema_decay=0.9999,
)
_CIFAR = TrainingRecipe(
    epochs=200,
    batch_size=128,
    learning_rate=1e-3,
    warmup_epochs=10,
    rand_augment_ops=2,
    mixup=0.8,
    cutmix=1.0,
    erasing=0.25,
    drop_path=0.1,
    ema_decay=0.999,
)
_GREY = TrainingRecipe(epochs=20, batch_size=128, learning_rate=3e-3, erasing=0.1, ema_decay=0.998)
# Of all epochs, unless the user says otherwise.
MOST_WARM_UP = 0.2
# torchvision's scale of magnitudes.
MOST_MAGNITUDE = 30
DEFAULTS: Mapping[str, TrainingRecipe] = {
    "digits": TrainingRecipe(epochs=40, batch_size=32, learning_rate=3e-3, warmup_epochs=2, ema_decay=0.99),
    "fashion-mnist": _GREY,
    "cifar10": _CIFAR,
    "cifar100": _CIFAR,
}


def recipe_for(dataset: str, overrides: Mapping[str, Any]) -> TrainingRecipe:
    """The data set's recipe with the user's own settings in it. Raises ParameterError for one that is out of range."""
    recipe = TrainingRecipe(**{**vars(DEFAULTS.get(dataset, _PICTURES)), **overrides})
    if "warmup_epochs" not in overrides:
        # A short training would otherwise be over before it is warm.
        recipe = replace(recipe, warmup_epochs=min(recipe.warmup_epochs, MOST_WARM_UP * recipe.epochs))
    if recipe.warmup_epochs > recipe.epochs:
        raise ParameterError(f"--warmup-epochs {recipe.warmup_epochs:g} is more than the {recipe.epochs} epochs")
    for name in ("erasing", "label_smoothing", "drop_path", "ema_decay"):
        if not 0 <= getattr(recipe, name) < 1:
            raise ParameterError(f"--{name.replace('_', '-')} {getattr(recipe, name)} is not from 0 to below 1")
    for name in ("epochs", "batch_size", "learning_rate"):
        if not 0 < getattr(recipe, name) < float("inf"):
            raise ParameterError(f"--{name.replace('_', '-')} {getattr(recipe, name)} is not a number above 0")
    for name in ("weight_decay", "warmup_epochs", "rand_augment_ops", "rand_augment_magnitude", "mixup", "cutmix"):
        if not 0 <= getattr(recipe, name) < float("inf"):
            raise ParameterError(f"--{name.replace('_', '-')} {getattr(recipe, name)} is not a number of at least 0")
    if recipe.rand_augment_magnitude > MOST_MAGNITUDE:
        raise ParameterError(
            f"--rand-augment-magnitude {recipe.rand_augment_magnitude} is not from 0 to {MOST_MAGNITUDE}"
        )
    return recipe
