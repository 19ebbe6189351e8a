"""What may go wrong in any training and is then the trial's outcome: a loss that is not finite, and lack of memory."""

from nas.trial import Failure
from workers.memory import is_out_of_memory
from workers.training.steps import NonFiniteLossError


def expected_failure(error: NonFiniteLossError | MemoryError | RuntimeError) -> Failure:
    """Of what a training raised. Raises it again if it is none."""
    if isinstance(error, NonFiniteLossError):
        return Failure("loss not finite", str(error))
    if not is_out_of_memory(error):
        raise error
    return Failure("out of memory", str(error).splitlines()[0] if str(error) else "allocation failed")
