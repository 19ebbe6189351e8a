"""CUDA graphs: kernels that were launched once, allocations and the choice of kernels done, are replayed together."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import torch

# Calls before a capture.
FIRST_CALLS = 3


@contextmanager
def side_stream() -> Iterator[None]:
    """Work inside is queued on another stream, after all that was queued before and before all that comes."""
    stream = _beside(torch.cuda.current_device())
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        yield
    torch.cuda.current_stream().wait_stream(stream)


@cache
def _beside(device: int) -> torch.cuda.Stream:
    """One for all: libraries keep memory for each stream that they have worked on."""
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


def captured(call: Callable[[], object]) -> torch.cuda.CUDAGraph:
    """The kernels of a call, which does not run by that. Raises RuntimeError where it waits for a result of the device.

    Before it there were FIRST_CALLS in a side stream. Tensors that the call makes live as long as the graph, and are
    written to again by each replay.
    """
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        call()
    return graph
