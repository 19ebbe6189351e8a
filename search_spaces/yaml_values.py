"""Readers of single values in a YAML file: each returns a node's value, or raises WrongValue with the reason."""

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import yaml
from yaml.constructor import SafeConstructor

from nas.architecture.fields import whole

_STANDARD = "tag:yaml.org,2002:"
# Dates, `=` and `<<` have no meaning in a space: they are text.
_TEXT = tuple(_STANDARD + name for name in ("str", "timestamp", "value", "merge"))
_OTHERS = tuple(_STANDARD + name for name in ("null", "bool", "int", "float"))
_COLLECTIONS = (_STANDARD + "seq", _STANDARD + "map")
# YAML 1.1, which PyYAML reads, requires both a point and the exponent's sign.
_EXPONENT = re.compile(r"([-+]?)(\d+\.?\d*|\.\d+)[eE]([-+]?)(\d+)")
_MAX_SHOWN = 60


class WrongValue(Exception):  # noqa: N818 - a user's mistake, not a failure of the program
    """A node whose value its key does not accept; the message follows the key."""


def check_tag(node: yaml.Node) -> None:
    """Check the node's tag. Raises WrongValue for one such as `!foo`, which has no meaning here."""
    if node.tag not in (*_TEXT, *_OTHERS, *_COLLECTIONS):
        raise WrongValue(f"tag {shown(node.tag.replace(_STANDARD, '!!'))} is unknown; leave it out")


def as_written(node: yaml.Node) -> str:
    """Show the node as its author wrote it, on one line."""
    if isinstance(node, yaml.ScalarNode):
        if node.tag == _STANDARD + "null":
            return "nothing"
        return shown(repr(node.value) if node.tag in _TEXT else node.value)
    return "a list" if isinstance(node, yaml.SequenceNode) else "a mapping"


def shown(text: str) -> str:
    """Show the text on one line, control characters escaped, a long text shortened."""
    line = "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )
    return line if len(line) <= _MAX_SHOWN else line[:_MAX_SHOWN] + "..."


def single(node: yaml.Node) -> Any:
    """Read text, a number, a boolean or None."""
    check_tag(node)
    if not isinstance(node, yaml.ScalarNode):
        raise WrongValue(f"is {as_written(node)}, not a single value")
    if node.tag in _TEXT:
        return node.value
    try:
        return SafeConstructor().construct_object(node)
    except (ValueError, LookupError, OverflowError, yaml.YAMLError) as error:
        # An explicit tag such as `!!int x`, or a number of thousands of digits.
        raise WrongValue(f"{as_written(node)} is not of type {node.tag.removeprefix(_STANDARD)}") from error


def scalar(node: yaml.Node) -> Any:
    """Read a single value, 2.0 as 2. Raises WrongValue for a number that YAML takes for text."""
    value = single(node)
    is_plain = isinstance(node, yaml.ScalarNode) and node.style is None
    if is_plain and isinstance(value, str) and (parts := _EXPONENT.fullmatch(value)):
        sign, mantissa, exponent_sign, exponent = parts.groups()
        # 1e-9, 1.e-9 and .1e-9 alike.
        before, _, after = mantissa.partition(".")
        number = f"{sign}{before or 0}.{after or 0}e{exponent_sign or '+'}{exponent}"
        raise WrongValue(f"{value!r} is text to YAML; write {number}")
    return whole(value)


def integer(maximum: int, minimum: int = 1) -> Callable[[yaml.Node], int]:
    """Make a reader of whole numbers from `minimum` to `maximum`."""
    return _number(
        int, lambda value: minimum <= value <= maximum, f"a whole number of at least {minimum} and at most {maximum:,}"
    )


def not_negative(maximum: float) -> Callable[[yaml.Node], float]:
    """Make a reader of numbers of at least 0 and at most `maximum`."""
    return _number(
        (int, float), lambda value: 0 <= value <= maximum, f"a number of at least 0 and at most {maximum:,g}"
    )


def positive(maximum: float) -> Callable[[yaml.Node], float]:
    """Make a reader of numbers above 0 and at most `maximum`."""
    return _number((int, float), lambda value: 0 < value <= maximum, f"a number above 0 and at most {maximum:,g}")


def _number(kind: type | tuple[type, ...], is_valid: Callable[[Any], bool], valid: str) -> Callable[[yaml.Node], Any]:
    def read(node: yaml.Node) -> Any:
        value = scalar(node)
        if isinstance(value, bool) or not isinstance(value, kind) or not is_valid(value):
            raise WrongValue(f"{as_written(node)} is not {valid}")
        return value

    return read


def option(maximum: float) -> Callable[[yaml.Node], Any]:
    """Make a reader of a mixer's option of any type; a number has a magnitude of at most `maximum`."""

    def read(node: yaml.Node) -> Any:
        value = scalar(node)
        if isinstance(value, (int, float)) and not (math.isfinite(value) and abs(value) <= maximum):
            raise WrongValue(f"{as_written(node)} is not a number of at most {maximum:,}")
        return value

    return read


def boolean(node: yaml.Node) -> bool:
    """Read true or false."""
    value = scalar(node)
    if not isinstance(value, bool):
        raise WrongValue(f"{as_written(node)} is not true or false")
    return value


def text(node: yaml.Node) -> str:
    """Read printable text, with each run of spaces and line breaks as one space."""
    value = single(node)
    if not isinstance(value, str):
        raise WrongValue(f"{as_written(node)} is not text; in quotes it is")
    line = " ".join(value.split())
    if not line or not line.isprintable():
        raise WrongValue(f"{as_written(node)} is empty or has characters that cannot be printed")
    return line


def one_of(valid: Sequence[str]) -> Callable[[yaml.Node], str]:
    """Make a reader of one of the valid names."""

    def read(node: yaml.Node) -> str:
        value = single(node)
        if value not in valid:
            raise WrongValue(f"{as_written(node)} is unknown; valid: {', '.join(valid)}")
        return str(value)

    return read
