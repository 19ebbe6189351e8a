"""The peak memory of inference of folded networks: weights and live activations, tracked on tensors without data."""

from collections.abc import Collection
from typing import Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from nas.architecture import Architecture, ModelInput
from search_spaces import model
from search_spaces.folding import folded_in_place


class _ActivationTracker(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """A mode that tracks `peak`, the largest number of bytes alive after an operation, without those of `weights`."""

    def __init__(self, weights: Collection[int]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak = 0
        self._weights = weights
        self._alive: dict[int, tuple[StorageWeakRef, int]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        results = func(*args, **(kwargs or {}))
        for leaf in tree_leaves((args, results)):
            if isinstance(leaf, torch.Tensor) and leaf.untyped_storage()._cdata not in self._weights:
                storage = leaf.untyped_storage()
                weak = StorageWeakRef(storage)  # type: ignore[no-untyped-call]
                self._alive[storage._cdata] = (weak, storage.nbytes())
        self._alive = {key: entry for key, entry in self._alive.items() if not entry[0].expired()}  # type: ignore[no-untyped-call]
        self.peak = max(self.peak, sum(size for _, size in self._alive.values()))
        return results


def peak_memory(architecture: Architecture, model_input: ModelInput) -> int:
    """Return the peak memory of inference in bytes (nas.builder.Builder). Raises as model.build does."""
    # Fake tensors of the CPU: there attention is fused, unlike on the meta device.
    with torch.no_grad(), FakeTensorMode():
        network = folded_in_place(model.build(architecture, model_input))
        x_BCHW = torch.empty(1, model_input.channels, model_input.height_px, model_input.width_px)
        return peak_bytes(network, x_BCHW)


@torch.no_grad()
def peak_bytes(network: nn.Module, x_BCHW: torch.Tensor) -> int:
    """Return the bytes of the network's weights, plus the largest sum of activations alive at once during a call."""
    storages = [weight.untyped_storage() for weight in (*network.parameters(), *network.buffers())]
    weights = {storage._cdata: storage.nbytes() for storage in storages}
    with _ActivationTracker(weights) as tracker:
        network(x_BCHW)
    total: int = sum(weights.values()) + tracker.peak
    return total
