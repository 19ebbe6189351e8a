"""A search's options on their way to the service: those of `nas search`, under the same names, as JSON."""

from collections.abc import Iterator, Mapping
from typing import Any

import click
from click.core import ParameterSource

# The service decides its database, its cluster and the owner itself, and links lead out of no folder that it may use.
ITS_OWN = ("storage", "ray_address", "follow_links", "owner")
# Options of the output, and of the service to talk to.
OUTPUT_OPTIONS = ("log_format", "json", "service")
Value = str | int | float | bool | list[str]


def served_options(command: click.Command) -> dict[str, click.Option]:
    """List the options that the service takes, by their JSON names."""
    options = {name_of(option): option for option in command.params if isinstance(option, click.Option)}
    return {name: option for name, option in options.items() if name not in (*ITS_OWN, *OUTPUT_OPTIONS)}


def kind_of(option: click.Option) -> type[bool | int | float | str]:
    """Tell the JSON type of a value: text, as on a command line, unless the option is a flag or a plain number."""
    if option.is_flag:
        return bool
    if option.type is click.INT:
        return int
    return float if option.type is click.FLOAT else str


def given_options(context: click.Context) -> dict[str, Value]:
    """Read the options that the user gave to a command, from its context."""
    served = served_options(context.command)
    given = (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)
    return {
        name: _as_json(context.params[option.name], option)
        for name, option in served.items()
        if option.name is not None and context.get_parameter_source(option.name) in given
    }


def arguments(command: click.Command, given: Mapping[str, Value | None]) -> list[str]:
    """Write the command line. None stands for an option that is not given."""
    served = served_options(command)
    return [word for name, value in given.items() if value is not None for word in _words(served[name], value)]


def _words(option: click.Option, value: Value) -> Iterator[str]:
    flag = option.opts[0]
    if isinstance(value, bool):
        # Of a switch the other flag; a plain flag is not given.
        yield from (flag,) if value else option.secondary_opts
    elif isinstance(value, list):
        yield from (f"{flag}={item}" for item in value)
    else:
        yield f"{flag}={value}"


def name_of(option: click.Parameter) -> str:
    """Derive an option's JSON name: its flag without leading dashes, with underscores within."""
    return option.opts[0].lstrip("-").replace("-", "_")


def _as_json(value: Any, option: click.Option) -> Value:
    if option.multiple:
        return ["=".join(map(str, item)) if isinstance(item, tuple) else str(item) for item in value]
    return kind_of(option)(value)
