"""The user's limits on a study's results: `--max-latency` and `--min-accuracy`."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

# The name under which it is among a study's settings, where there is such a limit.
MIN_ACCURACY_SETTING = "min_accuracy"


@dataclass(frozen=True)
class Limits:
    """The largest latency on the first target, in milliseconds, and the least accuracy. None is no limit."""

    max_latency_ms: float | None = None
    min_accuracy: float | None = None

    @classmethod
    def of_study(cls, settings: Mapping[str, Any]) -> Self:
        """The limits of a study with these settings; those of earlier versions had no least accuracy."""
        return cls(settings.get("max_latency_ms"), settings.get(MIN_ACCURACY_SETTING))

    def allow_latency(self, latency_ms: float) -> bool:
        return self.max_latency_ms is None or latency_ms <= self.max_latency_ms

    def allow_accuracy(self, accuracy: float) -> bool:
        return self.min_accuracy is None or accuracy >= self.min_accuracy

    def narrow(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return a study's settings with the narrower of its limits and these."""
        own = Limits.of_study(settings)
        latencies_ms = [limit for limit in (own.max_latency_ms, self.max_latency_ms) if limit is not None]
        accuracies = [limit for limit in (own.min_accuracy, self.min_accuracy) if limit is not None]
        narrowed = Limits(min(latencies_ms, default=None), max(accuracies, default=None))
        return {**settings, **asdict(narrowed)}
