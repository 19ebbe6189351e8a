"""Options that several commands share."""

from dataclasses import replace

import click
from click.core import ParameterSource

from nas.cli.declared_options import click_option
from nas.cli.option_types import file_path as file_path
from nas.options import (
    DEFAULT_LATENCY_PRECISION,
    DEFAULT_MAX_PIXELS,
    DEFAULT_STORAGE,
    LATENCY_PRECISION,
    MAX_LATENCY,
    MIN_ACCURACY,
    PIXEL_LIMIT,
    RAY_ADDRESS,
    STORAGE,
    OptionField,
)

storage = click_option(OptionField("storage", str, DEFAULT_STORAGE, STORAGE))
study = click.option("--study", metavar="NAME", help="Study to read; the newest by default.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else, to standard output.")
max_latency = click_option(OptionField("max_latency_ms", float, None, MAX_LATENCY))
min_accuracy = click_option(OptionField("min_accuracy", float, None, MIN_ACCURACY))
latency_precision = click_option(
    OptionField("precision", float, DEFAULT_LATENCY_PRECISION, replace(LATENCY_PRECISION, flag="--latency-precision"))
)
time_limit = click.option(
    "--time-limit",
    "limit_s",
    default=3.0,
    show_default=True,
    type=float,
    metavar="S",
    help="Seconds after which measuring a network ends, whatever its precision.",
)
target = click.option(
    "--target",
    default="cpu",
    show_default=True,
    metavar="NAME[:option=value,...]",
    help="Target to measure on (`nas targets` lists them).",
)
targets = click.option(
    "--target",
    "targets",
    default=("cpu",),
    show_default=True,
    multiple=True,
    metavar="NAME[:option=value,...]",
    help="Target to measure on (`nas targets` lists them); repeatable.",
)
max_pixels = click_option(OptionField("max_pixels", int, DEFAULT_MAX_PIXELS, PIXEL_LIMIT))
ray_address = click_option(OptionField("ray_address", str, None, RAY_ADDRESS))


def is_given(parameter: str) -> bool:
    """Whether the user gave this parameter of the current command on the command line."""
    return click.get_current_context().get_parameter_source(parameter) is ParameterSource.COMMANDLINE
