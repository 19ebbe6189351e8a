"""Checks of outside data: the fields of a mapping, and whole numbers."""

from collections.abc import Mapping, Set
from typing import Any

from nas.errors import ParameterError


def check_fields(what: str, data: object, needed: Set[str], optional: Set[str] = frozenset()) -> Mapping[str, Any]:
    """The mapping itself. Raises ParameterError when it is none, lacks a needed field or has an unknown one."""
    if not isinstance(data, Mapping):
        raise ParameterError(f"{what} {data!r} is not a mapping of {', '.join(sorted(needed | optional))}")
    if missing := needed - data.keys():
        raise ParameterError(f"{what} lacks {', '.join(sorted(missing))}")
    if unknown := data.keys() - needed - optional:
        valid = ", ".join(sorted(needed | optional))
        raise ParameterError(f"{what} has unknown {', '.join(sorted(map(str, unknown)))}; valid: {valid}")
    return data


def whole(value: Any) -> Any:
    """The value, 2.0 from a YAML file as 2."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def positive_integer(name: str, value: Any, least: int = 1) -> int:
    """An integer of at least `least`; 2.0 from a YAML file is 2, True is not 1. Raises ParameterError."""
    number = whole(value)
    if isinstance(number, bool) or not isinstance(number, int) or number < least:
        raise ParameterError(f"{name} {value!r} is not a whole number of at least {least}")
    return number
