"""Options declared once: a frozen dataclass whose fields hold type, default, bounds, choices and help.

The command line (nas.cli.declared_options), the REST schema, the page's form and the table in the docs derive from it.
"""

import math
import re
from dataclasses import MISSING, Field, dataclass, field, fields
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

from nas.errors import OptionError

METADATA = "option"


@dataclass(frozen=True)
class Option:
    """The declaration of one option, beside its field's name, type and default.

    Numbers, each of a pair, are at least `minimum` or `above` a bound, and at most `maximum` or `below` a bound.
    `flag` is its name on the command line where that is not the field's with dashes. `alone` is the value of a flag
    that is given without one; `default_text` describes a default that depends on the data or the machine.
    """

    help: str
    flag: str = ""
    metavar: str = ""
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    below: float | None = None
    choices: tuple[str, ...] = ()
    form: str = ""
    """A regular expression of further values beside the choices, and `form_text` in words."""
    form_text: str = ""
    unit: str = ""
    """The unit of a number, in the plural, for errors."""
    kind: Literal["", "share", "duration", "size", "bytes"] = ""
    """The form on the command line: as it is, a share as `1%`, seconds as `10m`, a size as `32x128`, bytes as `2GB`."""
    alone: float | None = None
    variable: str = ""
    """The environment variable that gives it."""
    default_text: str = ""
    is_of_recipe: bool = False
    """Whether it replaces the training recipe's field of the same name."""

    def default(self, value: Any) -> Any:
        """The dataclass's field, with that default."""
        metadata = {METADATA: self}
        if isinstance(value, dict):
            return field(default_factory=lambda: dict(value), metadata=metadata)
        return field(default=value, metadata=metadata)

    @property
    def required(self) -> Any:
        """The dataclass's field, without a default."""
        return field(metadata={METADATA: self})

    def check(self, name: str, value: Any) -> None:
        """Raises OptionError for a number that is out of bounds, and for what is none of the choices."""
        if value is None:
            return
        if self.choices and value not in self.choices and not (self.form and re.fullmatch(self.form, value)):
            choices = (*self.choices, self.form_text) if self.form else self.choices
            raise OptionError(f"{{{name}}} {{!r}} is not one of {{}}", value, ", ".join(choices))
        if self._has_bounds and not _is_number(value):
            raise OptionError(f"{{{name}}} {{!r}} is not a number" + (f" of {self.unit}" if self.unit else ""), value)
        if not self._holds(value):
            shown = "{:g}" if self.unit else "{}"
            raise OptionError(f"{{{name}}} {shown} is {self._bounds(value)}", value)

    @property
    def _has_bounds(self) -> bool:
        return self.above is not None or self.minimum is not None

    def _holds(self, value: Any) -> bool:
        if not self._has_bounds:
            return True
        if isinstance(value, tuple | list):
            return all(map(self._holds, value))
        is_high_enough = value > self.above if self.above is not None else value >= self.minimum
        is_low_enough = value <= self.maximum if self.maximum is not None else value < (self.below or math.inf)
        return bool(is_high_enough and is_low_enough)

    def _bounds(self, value: float) -> str:
        """The words for what is wrong of a number out of bounds."""
        if self.above is not None and self.below is not None:
            return f"not a number above {self.above:g} and below {self.below:g}"
        if self.above is not None:
            return f"not a positive number of {self.unit}" if self.unit else f"not a number above {self.above:g}"
        if self.maximum is not None:
            return f"not between {self.minimum:g} and {self.maximum:.15g}"
        if self.below is not None:
            return f"not from {self.minimum:g} to below {self.below:g}"
        return f"below {self.minimum:g}" if isinstance(value, int) else f"not a number of at least {self.minimum:g}"


def _is_number(value: Any) -> bool:
    """Whether it is a number, or several, as a value from Python need not be."""
    if isinstance(value, tuple | list):
        return all(map(_is_number, value))
    return isinstance(value, int | float) and not isinstance(value, bool)


class OptionField(NamedTuple):
    """An option with its field's name, the type of a value and the default; `is_many` where it is given repeatedly.

    A default of None leaves the value to the data or the machine; dataclasses.MISSING stands for no default.
    """

    name: str
    type: Any
    default: Any
    declared: Option
    is_many: bool = False

    @property
    def is_opt_out(self) -> bool:
        """Whether it is on by default, so that its flag turns it off."""
        return self.type is bool and self.default is True

    @property
    def is_switch(self) -> bool:
        """Whether one flag turns it on and another one off; without either it is left to the data."""
        return self.type is bool and self.default is None

    @property
    def flag(self) -> str:
        """The option on a command line; of a switch the flag that turns it on."""
        return self.declared.flag or f"--{'no-' * self.is_opt_out}{self.name.replace('_', '-')}"

    @property
    def flags(self) -> str:
        """All flags of the option: `--flip/--no-flip` of a switch."""
        return f"{self.flag}/--no-{self.flag.removeprefix('--')}" if self.is_switch else self.flag


def option_fields(options: type) -> list[OptionField]:
    """The options that a dataclass declares, in its order."""
    hints = get_type_hints(options)
    return [_option_field(entry, hints[entry.name]) for entry in fields(options) if METADATA in entry.metadata]


def _option_field(declared: Field[Any], hint: Any) -> OptionField:
    default = declared.default if declared.default_factory is MISSING else declared.default_factory()
    # `X | None` is an X that may be left out; of several types the first one is the simplest.
    value_type = next(arg for arg in get_args(hint) if arg is not NoneType) if isinstance(hint, UnionType) else hint
    container = get_origin(value_type)
    if container is tuple:
        value_type = get_args(value_type)[0]
    elif container is not None:
        value_type = container
    return OptionField(declared.name, value_type, default, declared.metadata[METADATA], container is not None)


def check_options(options: Any) -> None:
    """Raises OptionError for the first value of a dataclass's that is out of its option's bounds."""
    for option in option_fields(type(options)):
        option.declared.check(option.name, getattr(options, option.name))


# Options that several commands share, with their defaults.
DEFAULT_STORAGE = "sqlite:///nas.db"
STORAGE = Option(
    "Database: sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME.", metavar="URL", variable="NAS_STORAGE"
)
DEFAULT_LATENCY_PRECISION = 0.005
LATENCY_PRECISION = Option(
    "Measure until half of the 95% confidence interval is within this, as 1% or 0.01, or time is up.",
    metavar="P%",
    kind="share",
)
MAX_LATENCY = Option(
    "Leave out networks that are slower than this.", flag="--max-latency", metavar="MS", above=0, unit="milliseconds"
)
MIN_ACCURACY = Option(
    "Leave out networks that are less accurate than this; the study's own limit also applies.",
    flag="--min-accuracy",
    metavar="A",
    above=0,
    below=1,
)
FOLLOW_LINKS = Option("Use pictures outside of the data set's folder to which its links, or its table, lead.")
EMPTY_CLASSES = Option("Take class folders without pictures as classes.")
SKIP_UNREADABLE = Option("Leave out picture files that cannot be read; all are decoded to find them.")
HEADERS, SAMPLE, FULL = "headers", "sample", "full"
CHECK_PICTURES = Option(
    "Check picture files before the first step: all headers; a sample, 200 decoded besides; or full, all decoded.",
    flag="--check",
    metavar="NAME",
    choices=(HEADERS, SAMPLE, FULL),
)
INPUT_SIZE = Option(
    "Image size: the side of squares, or height and width.",
    flag="--input-size",
    metavar="PX|HxW",
    minimum=1,
    kind="size",
)
# Of picture files; nas.exports.pictures does what they say.
AUTO_COLOUR = "auto"
COLOUR = Option(
    "Channels of an image folder's pictures: auto (one where all are grey, else three), grey or rgb.",
    metavar="NAME",
    choices=(AUTO_COLOUR, "grey", "rgb"),
)
RESIZE = Option(
    "How an image folder's pictures are fitted to the size: crop (the middle), pad (all, in a frame) or squash.",
    metavar="NAME",
    choices=("crop", "pad", "squash"),
    default_text="crop",
)
BACKGROUND = Option(
    "Colour behind an image folder's transparent pixels and around padded pictures: grey, white, black or #rrggbb.",
    metavar="COLOUR",
    choices=("grey", "white", "black"),
    form="#[0-9a-fA-F]{6}",
    form_text="#rrggbb",
    default_text="grey",
)
# Pillow's own limit, against files that are made to fill memory.
DEFAULT_MAX_PIXELS = 178_956_970
PIXEL_LIMIT = Option(
    "Largest number of pixels in a picture file; larger files are refused, since each pixel takes at least "
    "three bytes of memory.",
    metavar="N",
    minimum=1,
)
DATA_MEMORY = Option(
    "Keep decoded pictures in memory up to this, as 2GB; those beyond it are read from files as they are needed.",
    metavar="SIZE",
    minimum=0,
    kind="bytes",
    default_text="a quarter of the free memory",
)
FLIP = Option("Train on mirrored pictures too, where they keep their class, or do not.", default_text="by data set")
SHIFT = Option(
    "Shift training pictures by up to this share of their size, as 12% or 0.12; 0 for none.",
    metavar="SHARE",
    minimum=0,
    below=1,
    kind="share",
    default_text="by data set",
)
# The measures of a classification that may stand for the objective `accuracy`.
PLAIN_ACCURACY, BALANCED_ACCURACY, F1_MACRO, LOG_LOSS = "accuracy", "balanced_accuracy", "f1_macro", "log_loss"
METRIC = Option(
    "Measure of accuracy: accuracy, balanced_accuracy (all classes count alike), f1_macro or log_loss (exp(-loss)).",
    metavar="NAME",
    choices=(PLAIN_ACCURACY, BALANCED_ACCURACY, F1_MACRO, LOG_LOSS),
    default_text=PLAIN_ACCURACY,
)
RAY_ADDRESS = Option(
    "Ray cluster to join, as `ray start` has made it; without it a search starts a Ray of its own.",
    metavar="HOST:PORT",
    variable="NAS_RAY_ADDRESS",
    default_text="a Ray of its own",
)
