"""The optimiser that a recipe names, for any network, and the assignment of weights to its parts."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from nas.exports.training import TrainingRecipe
from workers.training.orthogonal import Orthogonalised

# The learning rate of orthogonalised steps over the recipe's, and their momentum: docs/training.md has the figures.
FILTER_RATE = 10.0
MOMENTUM = 0.9


class Optimiser:
    """One or more torch optimisers that step together. `groups` are all of their parameter groups."""

    def __init__(self, parts: Sequence[torch.optim.Optimizer]) -> None:
        self._parts = parts
        self._peaks = [float(group["lr"]) for group in self.groups]

    @property
    def groups(self) -> list[dict[str, Any]]:
        return [group for part in self._parts for group in part.param_groups]

    def set_rate(self, factor: float) -> None:
        """Set each group's learning rate to this factor of its peak."""
        for group, peak in zip(self.groups, self._peaks, strict=True):
            # A CUDA graph reads the rate at the address where it was when the graph was captured.
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(factor * peak)
            else:
                group["lr"] = factor * peak

    def zero_grad(self) -> None:
        for part in self._parts:
            part.zero_grad()

    def step(self) -> None:
        for part in self._parts:
            part.step()

    def state_dict(self) -> list[dict[str, Any]]:
        return [part.state_dict() for part in self._parts]

    def load_state_dict(self, state: Sequence[dict[str, Any]]) -> None:
        for part, part_state in zip(self._parts, state, strict=True):
            part.load_state_dict(part_state)


def optimiser_of(model: nn.Module, recipe: TrainingRecipe, device: torch.device, *, graph: bool = False) -> Optimiser:
    """Make the recipe's optimiser; with `graph` its steps can be captured in a CUDA graph."""
    return OPTIMISERS[recipe.optimiser](model, recipe, device, graph)


def _adamw(model: nn.Module, recipe: TrainingRecipe, device: torch.device, graph: bool) -> Optimiser:
    return Optimiser([_adamw_of(_learned(model), recipe, device, graph)])


def _muon(model: nn.Module, recipe: TrainingRecipe, device: torch.device, graph: bool) -> Optimiser:
    filters = inner_filters(model)
    if not filters:
        return _adamw(model, recipe, device, graph)
    chosen = {id(weight) for weight in filters}
    others = [weight for weight in _learned(model) if id(weight) not in chosen]
    rate = _rate(FILTER_RATE * recipe.learning_rate, device, graph)
    inner = Orthogonalised(filters, rate, MOMENTUM, recipe.weight_decay)
    return Optimiser([inner, _adamw_of(others, recipe, device, graph)])


def inner_filters(model: nn.Module) -> list[Tensor]:
    """The weights of dense layers but the first one, which sees pixels, and the last one, the classifier.

    Depthwise filters are not matrices: each of their rows acts on one channel.
    """
    dense = [
        module.weight
        for module in model.modules()
        if isinstance(module, nn.Linear) or (isinstance(module, nn.Conv2d) and module.groups == 1)
    ]
    return [weight for weight in dense[1:-1] if weight.requires_grad]


def _adamw_of(
    weights: Sequence[Tensor], recipe: TrainingRecipe, device: torch.device, graph: bool
) -> torch.optim.AdamW:
    matrices = [weight for weight in weights if recipe.vector_decay or weight.ndim > 1]
    vectors = [weight for weight in weights if not recipe.vector_decay and weight.ndim <= 1]
    groups = [
        {"params": params, "weight_decay": decay, "lr": _rate(recipe.learning_rate, device, graph)}
        for params, decay in ((matrices, recipe.weight_decay), (vectors, 0.0))
        if params
    ]
    return torch.optim.AdamW(groups, fused=True, capturable=graph)


def _learned(model: nn.Module) -> list[Tensor]:
    return [weight for weight in model.parameters() if weight.requires_grad]


def _rate(rate: float, device: torch.device, graph: bool) -> float | Tensor:
    return torch.tensor(rate, device=device) if graph else rate


OPTIMISERS: Mapping[str, Callable[[nn.Module, TrainingRecipe, torch.device, bool], Optimiser]] = {
    "adamw": _adamw,
    "muon": _muon,
}
