"""Failures that may happen in any training and become the trial's outcome: a non-finite loss, and lack of memory."""

from nas.trial import Failure
from workers.memory import is_out_of_memory
from workers.training.steps import NonFiniteLossError


def expected_failure(error: NonFiniteLossError | MemoryError | RuntimeError) -> Failure:
    """The failure for an error that a training raised. Raises any other error again."""
    if isinstance(error, NonFiniteLossError):
        return Failure("loss not finite", str(error))
    if not is_out_of_memory(error):
        raise error
    return Failure("out of memory", str(error).splitlines()[0] if str(error) else "allocation failed")
