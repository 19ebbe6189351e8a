"""Latency prediction during a search: a latency model that is refitted as measurements arrive."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nas.architecture import Architecture, ModelInput
from nas.builder import Builder
from nas.latency.latency_model import Feature, LatencyModel, Prediction, features
from nas.objective import Measurement

# With fewer measured networks nothing is predicted.
MIN_MEASURED = 16
# The model is refitted when the number of measured networks has grown by this factor.
REFIT_GROWTH = 1.15


@dataclass
class OnlineLatencyModel:
    """Predicts latencies on one target from measurements there, which may be added at any time."""

    builder: Builder
    model_input: ModelInput
    _rows: dict[str, Mapping[Feature, float]] = field(default_factory=dict)
    _waiting: list[Architecture] = field(default_factory=list)
    _latencies_ms: dict[str, float] = field(default_factory=dict)
    _latency_model: LatencyModel | None = None
    _fitted: int = 0

    def add(self, measured: Sequence[tuple[Architecture, Measurement]]) -> None:
        """Add architectures with their measurements, the latest last; unusable ones are ignored."""
        for architecture, measurement in measured:
            if measurement.is_usable:
                # Features take time: they are computed at the next prediction.
                self._waiting.append(architecture)
                self._latencies_ms[architecture.key] = measurement.median

    def expected_ms(self, architecture: Architecture) -> float | None:
        """Return the measured latency, or else the predicted one; None with too few measurements."""
        measured = self._latencies_ms.get(architecture.key)
        if measured is not None:
            return measured
        prediction = self.predict(architecture)
        return prediction.ms if prediction is not None else None

    def predict(self, architecture: Architecture) -> Prediction | None:
        """Predict the latency; None with too few measurements."""
        count = len(self._latencies_ms)
        if count < MIN_MEASURED:
            return None
        while self._waiting:
            waiting = self._waiting.pop()
            self._rows[waiting.key] = features(waiting, self.model_input, self.builder)
        if self._latency_model is None or count >= REFIT_GROWTH * self._fitted:
            latencies_ms = [self._latencies_ms[key] for key in self._rows]
            self._latency_model = LatencyModel(list(self._rows.values()), latencies_ms)
            self._fitted = count
        return self._latency_model.predict(features(architecture, self.model_input, self.builder))
