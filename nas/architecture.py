"""An architecture as data: what each stage mixes with, how deep and how wide it is.

The blueprint is MetaFormer's (Yu et al., CVPR 2022): a stem, stages of (token mixer + channel MLP) blocks with a
downsampling convolution between stages, and a head. A network is built from this data, never stored as code.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from nas.errors import ParameterError

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Stage:
    """`depth` blocks of one token mixer at one width (channels).

    Raises ParameterError when depth or width is below 1 or the mixer has no name.
    """

    mixer: str
    depth: int
    width: int

    def __post_init__(self) -> None:
        if not isinstance(self.mixer, str) or not self.mixer:
            raise ParameterError(f"stage mixer {self.mixer!r} is not a name")
        for name in ("depth", "width"):
            object.__setattr__(self, name, _positive_integer(f"stage {name}", getattr(self, name)))

    def to_dict(self) -> dict[str, Any]:
        return {"mixer": self.mixer, "depth": self.depth, "width": self.width}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Stage":
        """Raises ParameterError on a missing or unknown field."""
        _check_fields("stage", data, {"mixer", "depth", "width"})
        return cls(mixer=data["mixer"], depth=data["depth"], width=data["width"])


@dataclass(frozen=True)
class Architecture:
    """A network, but for its input: the same architecture can be built for another image size or class count.

    Raises ParameterError when there is no stage.
    """

    stages: tuple[Stage, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "stages", tuple(self.stages))
        if not self.stages:
            raise ParameterError("an architecture needs at least one stage")

    @property
    def canonical_json(self) -> str:
        """One spelling for one network: sorted keys, no spaces, integers as integers.

        A field that a later schema adds must be left out here at its default, so that keys on record stay valid.
        """
        return json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))

    @cached_property
    def key(self) -> str:
        """Identity for deduplication, the latency record and exports: 128-bit hash of the canonical JSON, in hex."""
        return hashlib.blake2b(self.canonical_json.encode(), digest_size=16).hexdigest()

    @property
    def word(self) -> str:
        """The stages' mixers as one letter each, such as PCAA for pool, conv, attention, attention."""
        return "".join(stage.mixer[0].upper() for stage in self.stages)

    def to_dict(self) -> dict[str, Any]:
        return {"stages": [stage.to_dict() for stage in self.stages]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Architecture":
        """Raises ParameterError when `data` is not of the form that `to_dict` gives."""
        _check_fields("architecture", data, {"stages"})
        stages = data["stages"]
        if not isinstance(stages, (list, tuple)):
            raise ParameterError(f"architecture stages {stages!r} is not a list")
        return cls(tuple(Stage.from_dict(stage) for stage in stages))


@dataclass(frozen=True, slots=True)
class ModelInput:
    """What a network is built for: images of (channels, height_px, width_px) and the number of classes."""

    channels: int
    height_px: int
    width_px: int
    classes: int

    def __post_init__(self) -> None:
        for name in ("channels", "height_px", "width_px", "classes"):
            object.__setattr__(self, name, _positive_integer(f"input {name}", getattr(self, name)))

    def resized(self, size_px: int) -> "ModelInput":
        """The same task at another, square, image size."""
        return ModelInput(self.channels, size_px, size_px, self.classes)

    def to_dict(self) -> dict[str, int]:
        return {
            "channels": self.channels,
            "height_px": self.height_px,
            "width_px": self.width_px,
            "classes": self.classes,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "ModelInput":
        """Raises ParameterError on a missing or unknown field."""
        _check_fields("input", data, {"channels", "height_px", "width_px", "classes"})
        return cls(**data)


def _check_fields(what: str, data: object, fields: set[str]) -> None:
    if not isinstance(data, Mapping):
        raise ParameterError(f"{what} {data!r} is not a mapping of {', '.join(sorted(fields))}")
    if missing := fields - data.keys():
        raise ParameterError(f"{what} lacks {', '.join(sorted(missing))}")
    if unknown := data.keys() - fields:
        raise ParameterError(
            f"{what} has unknown {', '.join(sorted(map(str, unknown)))}; valid: {', '.join(sorted(fields))}"
        )


def _positive_integer(name: str, value: Any) -> int:
    """An integer of at least 1; 2.0 from a YAML file is 2, True is not 1."""
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if isinstance(value, bool) or not whole or value < 1:
        raise ParameterError(f"{name} {value!r} is not a whole number of at least 1")
    return int(value)
