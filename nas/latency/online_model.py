"""What a search knows of latencies before it measures: a predictor that follows the record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nas.architecture import Architecture, ModelInput
from nas.builder import Builder
from nas.latency.latency_model import Feature, LatencyModel, Prediction, features
from nas.objective import Measurement

# With fewer measured networks nothing is predicted.
MIN_MEASURED = 16
# The predictor is fitted again when the record has grown by this share.
GROWTH = 1.15


@dataclass
class OnlineLatencyModel:
    """Predicts latencies on one target, from what is measured there; more of it may be added at any time."""

    builder: Builder
    model_input: ModelInput
    _rows: dict[str, Mapping[Feature, float]] = field(default_factory=dict)
    _waiting: list[Architecture] = field(default_factory=list)
    _latencies_ms: dict[str, float] = field(default_factory=dict)
    _latency_model: LatencyModel | None = None
    _fitted: int = 0

    def add(self, measured: Sequence[tuple[Architecture, Measurement]]) -> None:
        """Architectures and what was measured of them, the latest last; what is not usable tells nothing."""
        for architecture, taken in measured:
            if taken.is_usable:
                # Features take time: they are found out when something is to be predicted.
                self._waiting.append(architecture)
                self._latencies_ms[architecture.key] = taken.median

    def expected_ms(self, architecture: Architecture) -> float | None:
        """As measured, or else as predicted; None while too little is known."""
        measured = self._latencies_ms.get(architecture.key)
        if measured is not None:
            return measured
        prediction = self.predict(architecture)
        return prediction.ms if prediction is not None else None

    def predict(self, architecture: Architecture) -> Prediction | None:
        """None while too little is known."""
        count = len(self._latencies_ms)
        if count < MIN_MEASURED:
            return None
        while self._waiting:
            waiting = self._waiting.pop()
            self._rows[waiting.key] = features(waiting, self.model_input, self.builder)
        if self._latency_model is None or count >= GROWTH * self._fitted:
            latencies_ms = [self._latencies_ms[key] for key in self._rows]
            self._latency_model = LatencyModel(list(self._rows.values()), latencies_ms)
            self._fitted = count
        return self._latency_model.predict(features(architecture, self.model_input, self.builder))
