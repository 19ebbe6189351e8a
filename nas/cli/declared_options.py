"""Click's options for a dataclass that declares options (nas.options), and the dataclass from what a user gave."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING
from pathlib import Path
from typing import Any, TypeVar

import click

from nas.cli.option_types import Amount, ByteSize, Duration, Percent, PictureSize, file_path
from nas.errors import NamedOptionsError, ParameterError
from nas.options import OptionField, option_fields

Options = TypeVar("Options")


def parameter_name(option: OptionField) -> str:
    """The name of the command's parameter: the field's, but for a flag that turns off what is on by default."""
    return f"no_{option.name}" if option.is_opt_out else option.name


def default_text(option: OptionField) -> str:
    """The default as the user would write it; empty where there is none."""
    if option.default is None or option.default is MISSING or isinstance(option.default, bool):
        return option.declared.default_text
    if isinstance(option.default, tuple | Mapping):
        return ", ".join(option.default) or option.declared.default_text
    return _share(option.default) if option.declared.kind == "share" else str(option.default)


def click_option(option: OptionField) -> Callable[[Any], Any]:
    """The option as a decorator of a Click command."""
    declared = option.declared
    settings: dict[str, Any] = {"help": declared.help}
    if option.type is bool:
        default = None if option.is_switch else False
        return click.option(option.flags, parameter_name(option), is_flag=True, default=default, **settings)
    has_default = option.default not in (None, MISSING, (), {}) and not (declared.kind and option.default == 0)
    if has_default:
        settings |= {"default": default_text(option) if declared.kind else option.default, "show_default": True}
    elif declared.default_text:
        settings["show_default"] = declared.default_text
    if declared.alone is not None:
        settings |= {"is_flag": False, "flag_value": _share(declared.alone)}
    if declared.variable:
        settings |= {"envvar": declared.variable, "show_envvar": True}
    return click.option(
        option.flag,
        parameter_name(option),
        type=_click_type(option),
        required=option.default is MISSING,
        multiple=option.is_many,
        metavar=_metavar(option).strip() or None,
        **settings,
    )


def with_options(options: type, only: Collection[str] | None = None) -> Callable[[Any], Any]:
    """A decorator that gives a command the options that a dataclass declares, or `only` those of these names.

    `options_from` reads them.
    """

    def decorated(command: Any) -> Any:
        for option in reversed(option_fields(options)):
            if only is None or option.name in only:
                command = click_option(option)(command)
        return command

    return decorated


def options_from(options: type[Options], parameters: Mapping[str, Any], **further: Any) -> Options:
    """Make the dataclass of a command's parameters and `further` fields; parameters not given have their defaults."""
    values: dict[str, Any] = {}
    for option in option_fields(options):
        value = parameters.get(parameter_name(option))
        if value is None:
            continue
        if option.is_opt_out:
            values[option.name] = not value
        else:
            values[option.name] = dict(value) if option.type is Mapping else value
    return options(**values, **further)


def table_rows(options: type) -> list[tuple[str, str, str]]:
    """The cells of the docs' table of options, in Markdown: option, default, help."""
    return [
        (f"`{option.flags}{_metavar(option)}`".replace("|", r"\|"), default_text(option), option.declared.help)
        for option in option_fields(options)
    ]


class OptionsCommand(click.Command):
    """A command whose errors name options by their flags."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except NamedOptionsError as error:
            raise with_flags(error, self) from error


def with_flags(error: NamedOptionsError, command: click.Command) -> ParameterError:
    """The error, in the words of a command's user."""
    flags = {option.name: option.opts[0] for option in command.params}
    return ParameterError(error.naming(lambda name: flags.get(name, name)))


def _metavar(option: OptionField) -> str:
    metavar = option.declared.metavar
    if option.declared.alone is not None:
        return f" [{metavar}]"
    return metavar and f" {metavar}"


def _share(value: float) -> str:
    return f"{100 * value:g}%"


def _click_type(option: OptionField) -> Any:
    if option.declared.kind:
        share = Percent(is_zero_valid=option.declared.minimum == 0)
        return {"share": share, "duration": Duration(), "size": PictureSize(), "bytes": ByteSize()}[
            option.declared.kind
        ]
    return {Path: file_path, Mapping: Amount()}.get(option.type, option.type)
