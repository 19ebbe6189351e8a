"""Training-free features: the requested features of architectures, computed without training."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from nas import plugins
from nas.architecture import Architecture, ModelInput
from nas.builder import Builder
from nas.errors import ParameterError
from nas.objective import COUNTED_NAMES, FEATURE_PREFIX
from workers.data.dataset import ProxyData
from workers.latency.measurement_lock import locks_for, shared_step
from workers.training.loop import ResidentData

# The first of the proxies' images, in one batch.
FEATURE_IMAGES = 32


@dataclass(frozen=True)
class FeatureValues:
    """One architecture's features by name, and the reasons why others are missing."""

    values: dict[str, float] = field(default_factory=dict)
    obstacles: dict[str, str] = field(default_factory=dict)

    @property
    def costs(self) -> dict[str, float]:
        """The values by the names that they have in an outcome."""
        return {FEATURE_PREFIX + name: value for name, value in self.values.items()}

    @property
    def environment(self) -> dict[str, str]:
        """The obstacles by the names that they have in an outcome."""
        return {f"no {FEATURE_PREFIX}{name}": reason for name, reason in self.obstacles.items()}


@dataclass(frozen=True)
class TrainingFree:
    """Computes features by name (entry points of group `nas.features`) of networks with weights drawn from `seed`.

    `images` are normalised. Always on the CPU, as a step that waits for measurements; results are cached.
    """

    names: Sequence[str]
    builder: Builder
    model_input: ModelInput
    images: Tensor
    labels: Tensor
    seed: int
    _known: dict[str, FeatureValues] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, data: ProxyData, names: Collection[str], builder: Builder, seed: int) -> "TrainingFree":
        """Make the features of the first training images, normalised by these images' statistics.

        Raises UnknownNameError, or ParameterError for a feature that is named twice or cannot be loaded.
        """
        for name in names:
            if name not in COUNTED_NAMES:
                plugins.check(plugins.FEATURES, name, also=COUNTED_NAMES)
                try:
                    plugins.load(plugins.FEATURES, name)
                except (ImportError, AttributeError) as error:
                    raise ParameterError(f"--feature {name} cannot be loaded: {error}") from error
        if len(set(names)) < len(names):
            raise ParameterError(f"--feature {', '.join(names)}: each is needed once")
        first = replace(
            data, train_images=data.train_images[:FEATURE_IMAGES], train_labels=data.train_labels[:FEATURE_IMAGES]
        )
        resident = ResidentData(first, torch.device("cpu"))
        x_BCHW = resident.normalise(resident.train_images)
        to_compute = [name for name in names if name not in COUNTED_NAMES]
        return cls(to_compute, builder, data.model_input, x_BCHW, resident.train_labels, seed)

    def __call__(self, architecture: Architecture) -> FeatureValues:
        """The architecture's features. Never raises: an error of a feature or the builder becomes an obstacle."""
        if architecture.key not in self._known:
            self._known[architecture.key] = self._computed(architecture) if self.names else FeatureValues()
        return self._known[architecture.key]

    def named(self, name: str, architecture: Architecture) -> float | None:
        """One feature's value, None where it could not be computed."""
        return self(architecture).values.get(name)

    def _computed(self, architecture: Architecture) -> FeatureValues:
        features = FeatureValues()
        threads = torch.get_num_threads()
        with shared_step(locks_for("cpu")):
            # The other cores are busy with trials.
            torch.set_num_threads(1)
            try:
                for name in self.names:
                    try:
                        features.values[name] = self._value(name, architecture)
                    # Third-party code, which must not end a search.
                    except Exception as error:
                        features.obstacles[name] = f"{type(error).__name__}: {' '.join(str(error).split())}"
            finally:
                torch.set_num_threads(threads)
        return features

    def _value(self, name: str, architecture: Architecture) -> float:
        """Compute one feature. Raises ValueError where it is not finite, and what the builder and the feature raise."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            model = self.builder.build(architecture, self.model_input).train()
            value = float(plugins.load(plugins.FEATURES, name)(model, self.images, self.labels))
        if not math.isfinite(value):
            raise ValueError(f"it is {value}")
        return value
