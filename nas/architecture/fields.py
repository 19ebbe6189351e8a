"""Validation of external data: the fields of a mapping, and whole numbers."""

from collections.abc import Mapping, Set
from typing import Any

from nas.errors import ParameterError


def check_fields(name: str, data: object, required: Set[str], optional: Set[str] = frozenset()) -> Mapping[str, Any]:
    """Return `data`. Raises ParameterError unless it is a mapping with all required fields and no unknown ones."""
    if not isinstance(data, Mapping):
        raise ParameterError(f"{name} {data!r} is not a mapping of {', '.join(sorted(required | optional))}")
    if missing := required - data.keys():
        raise ParameterError(f"{name} lacks {', '.join(sorted(missing))}")
    if unknown := data.keys() - required - optional:
        valid = ", ".join(sorted(required | optional))
        raise ParameterError(f"{name} has unknown {', '.join(sorted(map(str, unknown)))}; valid: {valid}")
    return data


def whole(value: Any) -> Any:
    """Return the value, with a float such as 2.0 (from a YAML file) as the integer 2."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def positive_integer(name: str, value: Any, minimum: int = 1) -> int:
    """Return the value as an integer: 2.0 (from a YAML file) is 2, True is not 1.

    Raises ParameterError for another type and below `minimum`.
    """
    number = whole(value)
    if isinstance(number, bool) or not isinstance(number, int) or number < minimum:
        raise ParameterError(f"{name} {value!r} is not a whole number of at least {minimum}")
    return number
