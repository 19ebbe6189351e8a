"""Orthogonalised momentum for filters and matrices: Muon (Jordan et al., 2024; cifar10-airbench, arXiv 2404.00498).

Each step of a matrix is its momentum with all singular values brought near one, by the Newton-Schulz iteration. It has
the root mean square of a step of AdamW (Liu et al., Muon is Scalable for LLM Training, 2025), so that both take
learning rates of one scale.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

# Coefficients of the quintic under which small singular values grow fastest (Jordan et al.).
QUINTIC = (3.4445, -4.7750, 2.0315)
# Two more steps make singular values more equal and no accuracy better (docs/training.md).
STEPS = 3
# The approximate root mean square of AdamW's steps.
ADAMW_STEP = 0.2


class Orthogonalised(torch.optim.Optimizer):
    """Orthogonalised Nesterov momentum with decoupled weight decay. A tensor as `lr` may change in a graph."""

    def __init__(self, weights: Iterable[Tensor], lr: float | Tensor, momentum: float, weight_decay: float) -> None:
        super().__init__(weights, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            learned = [weight for weight in group["params"] if weight.grad is not None]
            if not learned:
                continue
            gradients = [weight.grad for weight in learned]
            for weight in learned:
                if "momentum" not in self.state[weight]:
                    self.state[weight]["momentum"] = torch.zeros_like(weight)
            momenta = [self.state[weight]["momentum"] for weight in learned]
            torch._foreach_mul_(momenta, group["momentum"])
            torch._foreach_add_(momenta, gradients)
            directions = torch._foreach_add(gradients, momenta, alpha=group["momentum"])
            torch._foreach_mul_(learned, 1 - group["lr"] * group["weight_decay"])
            # Weights of one shape are batched: a small network's time is that of launching many small products.
            by_shape: dict[tuple[int, int], list[int]] = defaultdict(list)
            for index, direction in enumerate(directions):
                by_shape[len(direction), direction[0].numel()].append(index)
            for (rows, columns), indices in by_shape.items():
                steps = orthogonalised(torch.stack([directions[index].flatten(1) for index in indices]))
                steps *= ADAMW_STEP * max(rows, columns) ** 0.5 * group["lr"]
                for index, step in zip(indices, steps, strict=True):
                    learned[index].sub_(step.reshape(learned[index].shape))


def orthogonalised(matrices_NRC: Tensor) -> Tensor:
    """Matrices with the same singular vectors and singular values between about 0.7 and 1.2.

    Each step multiplies by a polynomial in the Gram matrix. The iteration updates the Gram matrix and not the matrix
    itself, which has nine columns for each row where it is a 3x3 filter: that takes half the time.
    """
    a, b, c = QUINTIC
    is_tall = matrices_NRC.shape[1] > matrices_NRC.shape[2]
    x_NRC = matrices_NRC.mT if is_tall else matrices_NRC
    x_NRC = x_NRC / (x_NRC.norm(dim=(1, 2), keepdim=True) + 1e-7)
    gram_NRR = x_NRC @ x_NRC.mT
    identity_RR = torch.eye(gram_NRR.shape[1], device=x_NRC.device, dtype=x_NRC.dtype)
    product_NRR = a * identity_RR + b * gram_NRR + c * (gram_NRR @ gram_NRR)
    factor_NRR = product_NRR
    for _ in range(STEPS - 1):
        gram_NRR = factor_NRR @ gram_NRR @ factor_NRR
        factor_NRR = a * identity_RR + b * gram_NRR + c * (gram_NRR @ gram_NRR)
        product_NRR = factor_NRR @ product_NRR
    steps_NRC: Tensor = product_NRR @ x_NRC
    return steps_NRC.mT if is_tall else steps_NRC
