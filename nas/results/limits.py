"""The user's limits on a study's results: `--max-latency` and `--min-accuracy`."""

from dataclasses import dataclass

# The name under which it is among a study's settings, where there is such a limit.
MIN_ACCURACY_SETTING = "min_accuracy"


@dataclass(frozen=True)
class Limits:
    """The largest latency on the first target, in milliseconds, and the least accuracy. None is no limit."""

    max_latency_ms: float | None = None
    min_accuracy: float | None = None

    def allow_latency(self, latency_ms: float) -> bool:
        return self.max_latency_ms is None or latency_ms <= self.max_latency_ms

    def allow_accuracy(self, accuracy: float) -> bool:
        return self.min_accuracy is None or accuracy >= self.min_accuracy

    def narrowed(self, other: "Limits") -> "Limits":
        """Return the narrower of both limits on latency, and of both on accuracy."""
        latencies_ms = [limit for limit in (self.max_latency_ms, other.max_latency_ms) if limit is not None]
        accuracies = [limit for limit in (self.min_accuracy, other.min_accuracy) if limit is not None]
        return Limits(min(latencies_ms, default=None), max(accuracies, default=None))
