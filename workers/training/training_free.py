"""What is found out of an architecture without training it: the features that a search was asked for."""

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
from workers.latency.quiet import step_in, windows_of
from workers.training.loop import ResidentData

# Of the proxies' images, in one batch.
IMAGES = 32


@dataclass(frozen=True)
class Found:
    """Of one architecture: features by name, and why there are no others."""

    values: dict[str, float] = field(default_factory=dict)
    obstacles: dict[str, str] = field(default_factory=dict)

    @property
    def costs(self) -> dict[str, float]:
        """As an outcome has them."""
        return {FEATURE_PREFIX + name: value for name, value in self.values.items()}

    @property
    def environment(self) -> dict[str, str]:
        """What an outcome says of the others."""
        return {f"no {FEATURE_PREFIX}{name}": why for name, why in self.obstacles.items()}


@dataclass(frozen=True)
class TrainingFree:
    """Features by their names (entry points of group `nas.features`) of networks with weights drawn from `seed`.

    `images` are normalised. On the CPU wherever proxies train, as a step that stands aside for measurements; known ones
    are kept.
    """

    names: Sequence[str]
    builder: Builder
    model_input: ModelInput
    images: Tensor
    labels: Tensor
    seed: int
    _known: dict[str, Found] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, data: ProxyData, names: Collection[str], builder: Builder, seed: int) -> "TrainingFree":
        """On the first of the training images, by whose statistics they are normalised.

        Raises UnknownNameError, or ParameterError for one that is named twice or cannot be loaded.
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
        first = replace(data, train_images=data.train_images[:IMAGES], train_labels=data.train_labels[:IMAGES])
        resident = ResidentData(first, torch.device("cpu"))
        x_BCHW = resident.normalise(resident.train_images)
        to_find = [name for name in names if name not in COUNTED_NAMES]
        return cls(to_find, builder, data.model_input, x_BCHW, resident.train_labels, seed)

    def __call__(self, architecture: Architecture) -> Found:
        """Whatever its networks' features do, or building it: what cannot be found out says why."""
        if architecture.key not in self._known:
            self._known[architecture.key] = self._found(architecture) if self.names else Found()
        return self._known[architecture.key]

    def named(self, name: str, architecture: Architecture) -> float | None:
        """One of them, None where it could not be found out."""
        return self(architecture).values.get(name)

    def _found(self, architecture: Architecture) -> Found:
        found = Found()
        threads = torch.get_num_threads()
        with step_in(windows_of("cpu")):
            # The other cores are busy with trials.
            torch.set_num_threads(1)
            try:
                for name in self.names:
                    try:
                        found.values[name] = self._value(name, architecture)
                    # Anybody's code, which is not to end a search.
                    except Exception as error:
                        found.obstacles[name] = f"{type(error).__name__}: {' '.join(str(error).split())}"
            finally:
                torch.set_num_threads(threads)
        return found

    def _value(self, name: str, architecture: Architecture) -> float:
        """Raises ValueError where it is not finite, and whatever the builder and the feature raise."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            model = self.builder.build(architecture, self.model_input).train()
            value = float(plugins.load(plugins.FEATURES, name)(model, self.images, self.labels))
        if not math.isfinite(value):
            raise ValueError(f"it is {value}")
        return value
