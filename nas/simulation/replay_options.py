"""Options of simulated searches."""

from dataclasses import dataclass, replace

from nas.errors import ParameterError
from nas.options import MAX_LATENCY, MIN_ACCURACY, Option, check_options


@dataclass(frozen=True)
class ReplayOptions:
    """Options of each search on a table. `reference` is (error, latency_ms), or None for the table's worst."""

    budget: int = Option("Number of trials in each search.", metavar="N", minimum=1).default(200)
    workers: int = Option("Number of trials that run at the same time, simulated.", metavar="W", minimum=1).default(1)
    reference: tuple[float, float] | None = None
    log_latency: bool = Option("Compute the hypervolume with the logarithm of latency.").default(False)
    max_latency_ms: float | None = replace(MAX_LATENCY, help="Latency limit: slower rows are infeasible.").default(None)
    min_accuracy: float | None = replace(
        MIN_ACCURACY,
        help="Least accuracy: rows below it are on no front, and the hypervolume is measured from it unless there is "
        "a --reference.",
    ).default(None)
    early_stopping: bool = Option("Replay every trial to the end of its learning curve.").default(True)
    same_knowledge: bool = Option(
        "Give all samplers the same knowledge: none knows a latency before its trial, nor which rows the table has. "
        "All propose from every combination of the choices; the nearest new row is tried."
    ).default(False)
    features: bool = Option("Give samplers the table's training-free features.").default(False)

    def check(self) -> None:
        """Check each option, and that they go together. Raises ParameterError."""
        check_options(self)
        if self.same_knowledge and self.features:
            raise ParameterError("--same-knowledge: no sampler knows features then; leave out --features")
