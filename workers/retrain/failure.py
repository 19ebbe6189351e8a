"""Errors of a training, called what they are: the user's, a mistake in a program, or a breakdown that may pass."""

from collections.abc import Sequence
from pathlib import Path

from ray.exceptions import RayError
from ray.train.v2._internal.exceptions import RayTrainError
from ray.train.v2.api.exceptions import WorkerGroupError
from torch.distributed import DistError

from nas.errors import NasError, ParameterError, ProgramError, SearchInterruptedError
from nas.exports.output_file import write_text
from nas.exports.training import TrainingRecipe
from workers.memory import is_out_of_memory
from workers.ray.environment import reason
from workers.training.steps import NonFiniteLossError

TRACEBACK_FILE = "traceback.txt"
# A process or a connection was lost, or a disk is full: the next attempt may do better.
PASSING = (OSError, RayError, RayTrainError, DistError)


def training_error(error: Exception, recipe: TrainingRecipe, output: Path) -> NasError:
    """The error to raise for one that ended Ray Train, by what its workers raised.

    The traceback of a mistake in a program is written to the output folder.
    """
    causes = _causes(error)
    for cause in causes:
        if isinstance(cause, NonFiniteLossError):
            return ParameterError(f"--learning-rate {recipe.learning_rate:g} is too high: {cause}")
        if isinstance(cause, NasError):
            return cause
        if isinstance(cause, (MemoryError, RuntimeError)) and is_out_of_memory(cause):
            return ParameterError(
                f"the training needs more memory than there is ({reason(cause)}): a smaller --batch-size or "
                "--input-size takes less"
            )
    # Where one worker is lost the others may raise anything.
    if any(isinstance(cause, PASSING) for cause in causes):
        return SearchInterruptedError(f"the training broke down ({reason(error, -1)}); the same command goes on")
    file = output / TRACEBACK_FILE
    write_text("--output", file, f"{error}\n")
    return ProgramError(
        f"the training failed by a mistake in the program ({type(causes[0]).__name__}: {reason(causes[0])}), which the "
        f"same command would only repeat; its traceback is in {str(file)!r}"
    )


def _causes(error: Exception) -> Sequence[BaseException]:
    """The errors that the workers raised, or the error itself where it was not a worker's."""
    failures = error.worker_failures.values() if isinstance(error, WorkerGroupError) else (error,)
    return [getattr(failure, "_base_exc", failure) for failure in failures]
