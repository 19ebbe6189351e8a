"""Options that several commands share."""

import re
from pathlib import Path

import click
from click.core import ParameterSource

from nas.errors import ParameterError

DEFAULT_STORAGE = "sqlite:///nas.db"

storage = click.option(
    "--storage",
    default=DEFAULT_STORAGE,
    show_default=True,
    envvar="NAS_STORAGE",
    show_envvar=True,
    metavar="URL",
    help="Database: sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME.",
)
study = click.option("--study", metavar="NAME", help="Study to read; the newest by default.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else, to standard output.")
max_latency = click.option(
    "--max-latency", "max_latency_ms", type=float, metavar="MS", help="Leave out what is slower than this."
)


class Percent(click.ParamType[float]):
    """A share between 0 and 1, written as `1%` or 0.01."""

    name = "percent"

    def convert(self, value: object, parameter: click.Parameter | None, context: click.Context | None) -> float:
        text = str(value)
        try:
            share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            share = -1.0
        if not 0 < share < 1:
            self.fail(f"{text!r} is not a share between 0 and 1, written as 1% or 0.01", parameter, context)
        return share


class Duration(click.ParamType[float]):
    """Seconds, written as 30s, 10m, 1h or 1h30m."""

    name = "duration"

    def convert(self, value: object, parameter: click.Parameter | None, context: click.Context | None) -> float:
        text = str(value)
        parts = re.fullmatch(r"(?:([\d.]+)h)?(?:([\d.]+)m)?(?:([\d.]+)s)?", text)
        try:
            seconds = (
                sum(float(number) * unit for number, unit in zip(parts.groups("0"), (3600, 60, 1), strict=True))
                if parts
                else 0.0
            )
        except ValueError:
            seconds = 0.0
        if not 0 < seconds < float("inf"):
            self.fail(f"{text!r} is not a time above 0, written as 30s, 10m, 1h or 1h30m", parameter, context)
        return seconds


class Amount(click.ParamType[tuple[str, float]]):
    """An amount of a resource, written as NAME=AMOUNT."""

    name = "amount"

    def convert(
        self, value: object, parameter: click.Parameter | None, context: click.Context | None
    ) -> tuple[str, float]:
        if isinstance(value, tuple):
            return value
        name, _, text = str(value).partition("=")
        try:
            amount = float(text)
        except ValueError:
            amount = 0.0
        if not name or not 0 < amount < float("inf"):
            self.fail(f"{str(value)!r} is not NAME=AMOUNT with an amount above 0", parameter, context)
        return name, amount


latency_precision = click.option(
    "--latency-precision",
    "precision",
    default="0.5%",
    show_default=True,
    type=Percent(),
    metavar="P%",
    help="Measure until half of the 95% confidence interval is within this, as 1% or 0.01, or time is up.",
)
time_limit = click.option(
    "--time-limit", "limit_s", default=3.0, show_default=True, type=float, metavar="S", help="Seconds for a network."
)
target = click.option(
    "--target", default="cpu", show_default=True, metavar="NAME[:option=value,...]", help="As `nas targets` lists."
)
targets = click.option(
    "--target",
    "targets",
    default=("cpu",),
    show_default=True,
    multiple=True,
    metavar="NAME[:option=value,...]",
    help="As `nas targets` lists; given again, on each.",
)
ray_address = click.option(
    "--ray-address",
    metavar="HOST:PORT",
    envvar="NAS_RAY_ADDRESS",
    show_envvar=True,
    help="Ray cluster to join, as `ray start` has made it; without it a search starts a Ray of its own.",
)
file_path = click.Path(path_type=Path)


def check_max_latency(value: float | None) -> None:
    """Raises ParameterError for a limit that is not a positive number."""
    if value is not None and not 0 < value < float("inf"):
        raise ParameterError(f"--max-latency {value:g} is not a positive number of milliseconds")


def is_given(parameter: str) -> bool:
    """Whether the user gave that parameter of the present command on the command line."""
    return click.get_current_context().get_parameter_source(parameter) is ParameterSource.COMMANDLINE
