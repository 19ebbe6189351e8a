"""Types of values on the command line."""

import re
from pathlib import Path

import click

from nas.architecture.picture_size import Sides, parse_size
from nas.latency.byte_size import parse_bytes

file_path = click.Path(path_type=Path)


class Percent(click.ParamType[float]):
    """A share between 0 and 1, written as `1%` or 0.01; or 0, where that `is_zero_valid`."""

    name = "percent"

    def __init__(self, *, is_zero_valid: bool = False) -> None:
        self._is_zero_valid = is_zero_valid

    def convert(self, value: object, parameter: click.Parameter | None, context: click.Context | None) -> float:
        text = str(value)
        try:
            share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            share = -1.0
        if not (0 < share < 1 or (share == 0 and self._is_zero_valid)):
            self.fail(f"{text!r} is not a share between 0 and 1, written as 1% or 0.01", parameter, context)
        return share


class Duration(click.ParamType[float]):
    """Seconds, written as 30s, 10m, 1h, 1h30m, 90d or a plain number."""

    name = "duration"

    def convert(self, value: object, parameter: click.Parameter | None, context: click.Context | None) -> float:
        text = str(value)
        parts = re.fullmatch(r"(?:([\d.]+)d)?(?:([\d.]+)h)?(?:([\d.]+)m)?(?:([\d.]+)s?)?", text)
        try:
            seconds = (
                sum(float(number) * unit for number, unit in zip(parts.groups("0"), (86400, 3600, 60, 1), strict=True))
                if parts
                else 0.0
            )
        except ValueError:
            seconds = 0.0
        if not 0 < seconds < float("inf"):
            self.fail(f"{text!r} is not a time above 0, written as 30s, 10m, 1h30m or 90d", parameter, context)
        return seconds


class PictureSize(click.ParamType[int | Sides]):
    """A size of pictures, written as 224 or, height first, as 224x160."""

    name = "size"

    def convert(self, value: object, parameter: click.Parameter | None, context: click.Context | None) -> int | Sides:
        try:
            return parse_size(str(value))
        except ValueError as error:
            self.fail(str(error), parameter, context)


class ByteSize(click.ParamType[int]):
    """A number of bytes, written as 2GB, 1.5GiB, 512MB or a plain number."""

    name = "bytes"

    def convert(self, value: object, parameter: click.Parameter | None, context: click.Context | None) -> int:
        try:
            return parse_bytes(str(value))
        except ValueError as error:
            self.fail(str(error), parameter, context)


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
