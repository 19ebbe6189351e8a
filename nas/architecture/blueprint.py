"""The blueprint of a network as data: its stem, downsampling, norm, activation and block form.

A stage's mixer, depth and width belong to the stage (nas/architecture/layout.py). A field that is None takes the value
of the architecture's recipe (search_spaces/families.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from nas.architecture.fields import check_fields, positive_integer
from nas.errors import ParameterError

MAX_KERNEL = 15
STEM_STRIDES = (1, 2, 4, 8, 16)
MAX_STEM_CONVS = 2


@dataclass(frozen=True, slots=True)
class Stem:
    """The stem, from image to tokens: `convs` convolutions of kernel x kernel px with a total `stride`.

    With `pool`, a max pooling of stride 2 comes last and is part of the stride. One convolution whose kernel equals its
    stride is a patch convolution (Dosovitskiy et al., 2021); two small ones make attention easier to train (Xiao et
    al., Early Convolutions Help Transformers See Better, 2021).

    Raises ParameterError when a number is out of range or a convolution's kernel is below its stride.
    """

    kernel: int
    stride: int
    convs: int = 1
    pool: bool = False

    def __post_init__(self) -> None:
        for name in ("kernel", "stride", "convs"):
            object.__setattr__(self, name, positive_integer(f"stem {name}", getattr(self, name)))
        if self.kernel > MAX_KERNEL:
            raise ParameterError(f"stem kernel {self.kernel} is above {MAX_KERNEL}")
        if self.stride not in STEM_STRIDES:
            raise ParameterError(f"stem stride {self.stride} is not one of {', '.join(map(str, STEM_STRIDES))}")
        if self.convs > MAX_STEM_CONVS:
            raise ParameterError(f"stem convs {self.convs} is above {MAX_STEM_CONVS}")
        if not isinstance(self.pool, bool):
            raise ParameterError(f"stem pool {self.pool!r} is not true or false")
        if self.pool and self.stride == 1:
            raise ParameterError("stem pool needs a stem stride of 2 or more, and it is 1")
        if self.kernel < max(self.conv_strides):
            raise ParameterError(f"stem kernel {self.kernel} is below a convolution's stride {max(self.conv_strides)}")

    @property
    def conv_strides(self) -> tuple[int, ...]:
        """The stride of each convolution, without the pooling's 2."""
        stride = self.stride // 2 if self.pool else self.stride
        if self.convs == 1:
            return (stride,)
        last = 2 if stride > 2 else 1
        return (stride // last, last)

    @property
    def label(self) -> str:
        """One-line label: `3x3/2`, `2*3x3/4`, `3x3/2+pool`."""
        times = "" if self.convs == 1 else f"{self.convs}*"
        return f"{times}{self.kernel}x{self.kernel}/{self.stride}{'+pool' if self.pool else ''}"

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values: kernel and stride always, the others where they differ from the default."""
        optional = {"convs": (self.convs, 1), "pool": (self.pool, False)}
        required = {"kernel": self.kernel, "stride": self.stride}
        return required | {name: value for name, (value, default) in optional.items() if value != default}

    @classmethod
    def from_dict(cls, data: object) -> "Stem":
        """Read what `to_dict` returns. Raises ParameterError on a missing or unknown field."""
        return cls(**check_fields("stem", data, {"kernel", "stride"}, {"convs", "pool"}))


@dataclass(frozen=True, slots=True)
class Blueprint:
    """The parts of a network by name; None selects the recipe's own. Each recipe defines the names it accepts.

    Raises ParameterError when a field is not a name.
    """

    stem: Stem | None = None
    downsample: str | None = None
    norm: str | None = None
    activation: str | None = None
    block: str | None = None

    def __post_init__(self) -> None:
        for name in NAMED_FIELDS:
            value = getattr(self, name)
            if not (value is None or (isinstance(value, str) and value)):
                raise ParameterError(f"blueprint {name} {value!r} is not a name")

    def __bool__(self) -> bool:
        """Whether any field differs from the recipe."""
        return bool(self.to_dict())

    @property
    def labels(self) -> dict[str, str]:
        """A one-line label of each field; `recipe` where the recipe's value applies."""
        stem = "recipe" if self.stem is None else self.stem.label
        return {"stem": stem} | {name: getattr(self, name) or "recipe" for name in NAMED_FIELDS}

    def to_dict(self) -> dict[str, Any]:
        """Return the fields that differ from the recipe as JSON values."""
        stem = {} if self.stem is None else {"stem": self.stem.to_dict()}
        return stem | {name: getattr(self, name) for name in NAMED_FIELDS if getattr(self, name) is not None}

    @classmethod
    def from_dict(cls, data: object) -> "Blueprint":
        """Read what `to_dict` returns. Raises ParameterError on an unknown field."""
        values: Mapping[str, Any] = check_fields("blueprint", data, set(), {"stem", *NAMED_FIELDS})
        stem = Stem.from_dict(values["stem"]) if values.get("stem") is not None else None
        return cls(**{**values, "stem": stem})


NAMED_FIELDS = tuple(field.name for field in fields(Blueprint) if field.name != "stem")
