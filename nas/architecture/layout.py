"""An architecture as data: the token mixer, depth and width of each stage.

The structure is MetaFormer's (Yu et al., CVPR 2022): a stem, stages of (token mixer + channel MLP) blocks with a
downsampling convolution between stages, and a head. Networks are built from this data and never stored as code.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from nas.architecture.blueprint import Blueprint
from nas.architecture.fields import check_fields, positive_integer, whole
from nas.architecture.picture_size import Size, size_of
from nas.errors import ParameterError

# Version 2 added mlp_ratio, options, norm and position to stages, and the recipe; version 3 the blueprint, and stages
# without blocks.
SCHEMA_VERSION = 3

MLP_RATIO: float = 4
RECIPE = "compact"
# The depth limit of a stage: building more blocks takes minutes.
MAX_BLOCKS = 1000
# The fields of a stage in `choices`; the mixer's label includes its options.
FIELDS = ("mixer", "depth", "width", "mlp_ratio", "norm", "position")
# The mixer of a stage without blocks, and its letter in a layout.
NO_MIXER = "identity"
NO_BLOCKS = "-"

Option = int | float | bool | str
Options = tuple[tuple[str, Option], ...]


@dataclass(frozen=True, slots=True)
class Stage:
    """`depth` blocks of one token mixer at one width (channels).

    `mlp_ratio` is the channel MLP's hidden size over the width, 0 for blocks without an MLP. `options` are the mixer's
    own (kernel, head_dim, ...). A `norm` of None selects the blueprint's. `position` adds a learned embedding to the
    stage's tokens. A stage of depth 0 only changes the width; its mixer, options and MLP ratio are set to the defaults.

    Raises ParameterError when a number is out of range or the mixer has no name.
    """

    mixer: str
    depth: int
    width: int
    mlp_ratio: float = MLP_RATIO
    options: Options = ()
    norm: str | None = None
    position: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.mixer, str) or not self.mixer:
            raise ParameterError(f"stage mixer {self.mixer!r} is not a name")
        for name, minimum in (("depth", 0), ("width", 1)):
            object.__setattr__(self, name, positive_integer(f"stage {name}", getattr(self, name), minimum))
        if self.depth > MAX_BLOCKS:
            raise ParameterError(f"stage depth {self.depth} is above {MAX_BLOCKS}")
        ratio = self.mlp_ratio
        if isinstance(ratio, bool) or not isinstance(ratio, (int, float)) or not 0 <= ratio < math.inf:
            raise ParameterError(f"stage mlp_ratio {ratio!r} is not a number of at least 0")
        object.__setattr__(self, "mlp_ratio", whole(ratio))
        pairs = self.options.items() if isinstance(self.options, Mapping) else self.options
        object.__setattr__(self, "options", tuple(sorted((str(name), whole(value)) for name, value in pairs)))
        if not (self.norm is None or isinstance(self.norm, str)):
            raise ParameterError(f"stage norm {self.norm!r} is not a name")
        if not isinstance(self.position, bool):
            raise ParameterError(f"stage position {self.position!r} is not true or false")
        if self.depth == 0:
            # Equal networks have equal data.
            for name, value in (("mixer", NO_MIXER), ("options", ()), ("mlp_ratio", MLP_RATIO)):
                object.__setattr__(self, name, value)

    @property
    def mixer_label(self) -> str:
        """The mixer with its options: `conv(kernel=5)`."""
        return mixer_label(self.mixer, self.options)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values: mixer, depth, width, and the others where they differ from the default."""
        optional = {
            "mlp_ratio": (self.mlp_ratio, MLP_RATIO),
            "options": (dict(self.options), {}),
            "norm": (self.norm, None),
            "position": (self.position, False),
        }
        required = {"mixer": self.mixer, "depth": self.depth, "width": self.width}
        return required | {name: value for name, (value, default) in optional.items() if value != default}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Stage":
        """Read what `to_dict` returns. Raises ParameterError on a missing or unknown field."""
        check_fields("stage", data, {"mixer", "depth", "width"}, {"mlp_ratio", "options", "norm", "position"})
        options = data.get("options", {})
        if not isinstance(options, Mapping):
            raise ParameterError(f"stage options {options!r} is not a mapping")
        return cls(**{**data, "options": tuple(options.items())})


@dataclass(frozen=True)
class Architecture:
    """A network without its input: the same architecture can be built for another image size or class count.

    `recipe` names the details of blocks, stem and head (search_spaces/families.py); `blueprint` overrides some of them.

    Raises ParameterError without a stage.
    """

    stages: tuple[Stage, ...]
    recipe: str = RECIPE
    blueprint: Blueprint = Blueprint()  # noqa: RUF009 - frozen

    def __post_init__(self) -> None:
        object.__setattr__(self, "stages", tuple(self.stages))
        if not self.stages:
            raise ParameterError("an architecture needs at least one stage")
        if not isinstance(self.recipe, str) or not self.recipe:
            raise ParameterError(f"architecture recipe {self.recipe!r} is not a name")

    @property
    def canonical_json(self) -> str:
        """The canonical JSON, equal for equal networks: sorted keys, no spaces, integers as integers.

        A field that a later schema adds must be omitted here at its default, so that recorded keys stay valid.
        """
        return json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))

    @cached_property
    def key(self) -> str:
        """The identity for deduplication, recorded latencies and exports: 128-bit hex hash of the canonical JSON."""
        return hashlib.blake2b(self.canonical_json.encode(), digest_size=16).hexdigest()

    @property
    def layout(self) -> str:
        """The mixers' initials, such as PCAA for pool, conv, attention, attention; `-` for a stage without blocks."""
        return "".join(stage.mixer[0].upper() if stage.depth else NO_BLOCKS for stage in self.stages)

    @property
    def choices(self) -> dict[str, str]:
        """The fields of each stage by name (`stage1.mixer`, with its options), then those of the blueprint."""
        stages = {
            f"stage{number}.{field}": stage.mixer_label if field == "mixer" else str(getattr(stage, field))
            for number, stage in enumerate(self.stages, start=1)
            for field in FIELDS
        }
        return stages | self.blueprint.labels

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values, without a default recipe and without an empty blueprint."""
        recipe = {} if self.recipe == RECIPE else {"recipe": self.recipe}
        blueprint = {"blueprint": self.blueprint.to_dict()} if self.blueprint else {}
        return {**recipe, **blueprint, "stages": [stage.to_dict() for stage in self.stages]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Architecture":
        """Read what `to_dict` returns. Raises ParameterError for data of another form."""
        check_fields("architecture", data, {"stages"}, {"recipe", "blueprint"})
        stages = data["stages"]
        if not isinstance(stages, (list, tuple)):
            raise ParameterError(f"architecture stages {stages!r} is not a list")
        blueprint = Blueprint.from_dict(data.get("blueprint", {}))
        return cls(tuple(Stage.from_dict(stage) for stage in stages), data.get("recipe", RECIPE), blueprint)


@dataclass(frozen=True, slots=True)
class ModelInput:
    """The input of a network: images of (channels, height_px, width_px), and the number of classes."""

    channels: int
    height_px: int
    width_px: int
    classes: int

    def __post_init__(self) -> None:
        for name in ("channels", "height_px", "width_px", "classes"):
            object.__setattr__(self, name, positive_integer(f"input {name}", getattr(self, name)))

    @property
    def size_px(self) -> Size:
        """The size of the images: one number for squares."""
        return size_of(self.height_px, self.width_px)

    def resized(self, size_px: int) -> "ModelInput":
        """Return the same input at a square image size."""
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
        """Read what `to_dict` returns. Raises ParameterError on a missing or unknown field."""
        check_fields("input", data, {"channels", "height_px", "width_px", "classes"})
        return cls(**data)


def mixer_label(mixer: str, options: Options) -> str:
    """Return a mixer's name with its options: `conv(kernel=5)`."""
    arguments = ",".join(f"{name}={value}" for name, value in options)
    return f"{mixer}({arguments})" if arguments else mixer
