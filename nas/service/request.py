"""A search's options on their way to the service: those of `nas search`, under the same names, as JSON."""

from collections.abc import Iterator, Mapping
from typing import Any

import click
from click.core import ParameterSource

# What the service decides itself: its database and its cluster.
ITS_OWN = ("storage", "ray_address")
# How a command speaks, and to whom.
SPEAKING = ("log_format", "json", "service")
Value = str | int | float | bool | list[str]


def served_options(command: click.Command) -> dict[str, click.Option]:
    """The options that the service takes, by their names there."""
    found = {name_of(each): each for each in command.params if isinstance(each, click.Option)}
    return {name: option for name, option in found.items() if name not in (*ITS_OWN, *SPEAKING)}


def kind_of(option: click.Option) -> type[bool | int | float | str]:
    """What its value is as JSON: text, as on a command line, unless it is a flag or a plain number."""
    if option.is_flag:
        return bool
    if option.type is click.INT:
        return int
    return float if option.type is click.FLOAT else str


def given_options(context: click.Context) -> dict[str, Value]:
    """Those that the user gave to a command that was called with this context."""
    served = served_options(context.command)
    given = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)
    return {
        name: _as_json(context.params[option.name], kind_of(option))
        for name, option in served.items()
        if option.name is not None and context.get_parameter_source(option.name) in given
    }


def arguments(command: click.Command, given: Mapping[str, Value | None]) -> list[str]:
    """What the command line would be. None is an option that is not given."""
    served = served_options(command)
    return [word for name, value in given.items() if value is not None for word in _words(served[name], value)]


def _words(option: click.Option, value: Value) -> Iterator[str]:
    flag = option.opts[0]
    if isinstance(value, bool):
        if value:
            yield flag
    elif isinstance(value, list):
        yield from (f"{flag}={each}" for each in value)
    else:
        yield f"{flag}={value}"


def name_of(option: click.Parameter) -> str:
    """An option's name on its way: its flag without dashes before, underlines within."""
    return option.opts[0].lstrip("-").replace("-", "_")


def _as_json(value: Any, kind: type[bool | int | float | str]) -> Value:
    if isinstance(value, tuple):
        return ["=".join(map(str, each)) if isinstance(each, tuple) else str(each) for each in value]
    return kind(value)
