"""Heavy augmentation, of the published recipes and of long trainings, on batches that are already shifted and mirrored.

All random numbers are torch's.
"""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nas.exports.training import TrainingRecipe
from workers.training.loop import Presentation, TrainingData


@dataclass(frozen=True)
class HeavyAugmentation:
    """RandAugment (Cubuk et al.) and random erasing (Zhong et al.) of each picture."""

    recipe: TrainingRecipe
    data: TrainingData

    def __call__(self, images: Tensor, labels_B: Tensor) -> tuple[Tensor, Tensor]:
        # It takes seconds to import, and few trainings need it.
        from torchvision.transforms import v2

        recipe = self.recipe
        if recipe.rand_augment_ops:
            policy = v2.RandAugment(recipe.rand_augment_ops, recipe.rand_augment_magnitude)
            images = torch.stack([policy(image) for image in images])
        x_BCHW = self.data.normalise(images)
        if recipe.erasing:
            eraser = v2.RandomErasing(p=recipe.erasing)
            x_BCHW = torch.stack([eraser(image) for image in x_BCHW])
        return x_BCHW, labels_B


@dataclass(frozen=True)
class Mix:
    """Mixup (Zhang et al.) and cutmix (Yun et al.) of a batch's pictures."""

    recipe: TrainingRecipe
    classes: int

    def __call__(self, x_BCHW: Tensor, labels_B: Tensor) -> tuple[Tensor, Tensor]:
        return mix(x_BCHW, F.one_hot(labels_B, self.classes).float(), self.recipe, torch.default_generator)


def augmentation_of(recipe: TrainingRecipe, data: TrainingData) -> Presentation | None:
    """The recipe's augmentation of each picture; None where it has only shifts and mirror images."""
    return HeavyAugmentation(recipe, data) if recipe.rand_augment_ops or recipe.erasing else None


def mix_of(recipe: TrainingRecipe, classes: int) -> Mix | None:
    """The recipe's mixing of pictures; None where it has none."""
    return Mix(recipe, classes) if recipe.mixup or recipe.cutmix else None


def mix(x_BCHW: Tensor, y_BK: Tensor, recipe: TrainingRecipe, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Mix the batch with itself in another order, by mixup or cutmix, each half of the time if both are on."""
    alphas = {"mixup": recipe.mixup, "cutmix": recipe.cutmix}
    active = [name for name, alpha in alphas.items() if alpha > 0]
    if not active:
        return x_BCHW, y_BK
    name = active[int(torch.randint(len(active), (), generator=generator))]
    draws = np.random.default_rng(int(torch.randint(2**31, (), generator=generator)))
    share = float(draws.beta(alphas[name], alphas[name]))
    order = torch.randperm(len(x_BCHW), generator=generator).to(x_BCHW.device)
    if name == "mixup":
        x_BCHW = share * x_BCHW + (1 - share) * x_BCHW[order]
    else:
        height, width = x_BCHW.shape[2:]
        side = (1 - share) ** 0.5
        centre_y, centre_x = draws.uniform(0, height), draws.uniform(0, width)
        top, bottom = (int(np.clip(centre_y + sign * side * height / 2, 0, height)) for sign in (-1, 1))
        left, right = (int(np.clip(centre_x + sign * side * width / 2, 0, width)) for sign in (-1, 1))
        x_BCHW = x_BCHW.clone()
        x_BCHW[:, :, top:bottom, left:right] = x_BCHW[order, :, top:bottom, left:right]
        share = 1 - (bottom - top) * (right - left) / (height * width)
    return x_BCHW, share * y_BK + (1 - share) * y_BK[order]
