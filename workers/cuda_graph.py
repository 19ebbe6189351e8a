"""CUDA graphs: kernels that were launched once, allocations and the choice of kernels done, are replayed together."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

# Calls before a capture.
FIRST_CALLS = 3


@contextmanager
def side_stream() -> Iterator[None]:
    """Work inside is queued on another stream, after all that was queued before and before all that comes."""
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        yield
    torch.cuda.current_stream().wait_stream(stream)


def captured(call: Callable[[], object]) -> torch.cuda.CUDAGraph:
    """The kernels of a call, which does not run by that. Raises RuntimeError where it waits for a result of the device.

    Before it there were FIRST_CALLS in a side stream. Tensors that the call makes live as long as the graph, and are
    written to again by each replay.
    """
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        call()
    return graph
