"""Tables of recorded results: a row for each architecture, with its choices, objectives and learning curve.

Columns: `param:NAME` (a choice: an integer or a word), `accuracy` (0 to 1), `latency_ms`, any further objective by its
name (minimised; such as `latency_ms@TARGET`), and optionally `accuracy@EPOCH`, `loss@EPOCH` (the training loss),
`cost_s@EPOCH` (seconds until the end of that epoch), `images@EPOCH` (those that the accuracy is of; not used here) and
`feature:NAME` (training-free).

A study's exported table (nas/exports/table_format.py) has its trials' states: those that are not complete are left out,
as are the columns that tell of trials, and columns of curves and features in which a complete trial has no number.
"""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nas.errors import ParameterError
from nas.exports.table_format import TRIAL_PREFIX
from nas.objective import ACCURACY, FEATURE_PREFIX, LATENCY, latency_on
from nas.space import Choice
from nas.trial import TrialState

PARAM = "param:"
CURVE, LOSS, COST, IMAGES = "accuracy@", "loss@", "cost_s@", "images@"
STATE = TRIAL_PREFIX + "state"
MAX_BYTES = 200_000_000
# Digits of a decimal number that a float always represents exactly.
MAX_INTEGER_DIGITS = 15


@dataclass(frozen=True)
class Row:
    """One architecture's results: `figures` by objective; `curve`, `costs_s` and `training_losses` by epoch."""

    parameters: Mapping[str, Choice]
    figures: Mapping[str, float]
    curve: Mapping[int, float] = field(default_factory=dict)
    costs_s: Mapping[int, float] = field(default_factory=dict)
    features: Mapping[str, float] = field(default_factory=dict)
    training_losses: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """Rows with distinct choices and the same columns. `objectives` are accuracy, latency and any further ones."""

    name: str
    rows: tuple[Row, ...]
    objectives: tuple[str, ...]

    @property
    def choices(self) -> dict[str, tuple[Choice, ...]]:
        """Options of each parameter that occur in the rows: integers ascending, words in alphabetical order."""
        names = self.rows[0].parameters
        return {name: tuple(sorted({row.parameters[name] for row in self.rows}, key=_sort_key)) for name in names}


def read_table(file: Path) -> Table:
    """Read a table from a CSV file. Raises ParameterError with the line and column of a mistake."""
    where = f"--table {str(file)!r}"
    if not file.is_file():
        raise ParameterError(f"{where} is not a file")
    if file.stat().st_size > MAX_BYTES:
        raise ParameterError(f"{where} is larger than {MAX_BYTES:,} bytes")
    try:
        with file.open(newline="", encoding="utf-8-sig") as stream:
            return _read(stream, file.stem, where)
    except OSError as error:
        raise ParameterError(f"{where} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ParameterError(f"{where} is not a CSV table in UTF-8: {error}") from error


def _read(stream: object, name: str, where: str) -> Table:
    reader = csv.DictReader(stream)  # type: ignore[call-overload]
    columns = list(reader.fieldnames or ())
    _check_columns(columns, where)
    cells = _read_cells(reader, columns, where)
    objectives = tuple(
        [ACCURACY.name, LATENCY.name]
        + [name for name in columns if _is_objective(name) and name not in (ACCURACY.name, LATENCY.name)]
    )
    rows: list[Row] = []
    lines: dict[tuple[Choice, ...], int] = {}
    integers = {
        column
        for column in columns
        if column.startswith(PARAM) and all(_is_integer(texts[column]) for _, texts in cells)
    }
    for line, texts in cells:
        parameters = {
            column.removeprefix(PARAM): int(text) if column in integers else text
            for column, text in texts.items()
            if column.startswith(PARAM)
        }
        if (first := lines.setdefault(tuple(parameters.values()), line)) != line:
            raise ParameterError(f"{where}, line {line}: the same choices as in line {first}")
        numbers = {
            column: _number(
                text,
                f"{where}, line {line}, column {column!r}",
                maximum=1.0 if column == ACCURACY.name or column.startswith(CURVE) else None,
            )
            for column, text in texts.items()
            if not column.startswith(PARAM)
        }
        for column in (column for column in columns if column.startswith(LATENCY.name)):
            if numbers[column] <= 0:
                raise ParameterError(f"{where}, line {line}, column {column!r}: {numbers[column]:g} is not above 0")
        costs_s = _by_epoch(numbers, COST)
        elapsed_s = [0.0, *costs_s.values()]
        if elapsed_s != sorted(elapsed_s):
            raise ParameterError(
                f"{where}, line {line}: {COST}EPOCH must be seconds since the start, and decrease here"
            )
        rows.append(
            Row(
                parameters,
                {objective: numbers[objective] for objective in objectives},
                _by_epoch(numbers, CURVE),
                costs_s,
                {n.removeprefix(FEATURE_PREFIX): value for n, value in numbers.items() if n.startswith(FEATURE_PREFIX)},
                _by_epoch(numbers, LOSS),
            )
        )
    if len(rows) < 2:
        raise ParameterError(f"{where} has fewer than 2 rows of results")
    return Table(name, tuple(rows), objectives)


def _read_cells(reader: "csv.DictReader[str]", columns: Sequence[str], where: str) -> list[tuple[int, dict[str, str]]]:
    cells = []
    for texts in reader:
        if None in texts or None in texts.values():
            raise ParameterError(
                f"{where}, line {reader.line_num}: the number of values is not that of the {len(columns)} columns"
            )
        stripped = {column: text.strip() for column, text in texts.items()}
        if stripped.get(STATE, TrialState.COMPLETE) == TrialState.COMPLETE:
            results = {column: text for column, text in stripped.items() if not column.startswith(TRIAL_PREFIX)}
            cells.append((reader.line_num, results))
    if STATE in columns:
        gaps = {column for _, texts in cells for column, text in texts.items() if not text and _is_optional(column)}
        cells = [(line, {c: text for c, text in texts.items() if c not in gaps}) for line, texts in cells]
    for line, texts in cells:
        if empty := [column for column, text in texts.items() if not text]:
            raise ParameterError(f"{where}, line {line}, column {empty[0]!r} is empty")
    return cells


def _check_columns(columns: Sequence[str], where: str) -> None:
    for needed in (ACCURACY.name, LATENCY.name):
        if needed not in columns:
            present = f"it has {', '.join(columns)}" if any(columns) else "the file is empty"
            raise ParameterError(f"{where} has no column {needed!r}; {present}")
    if not any(column.startswith(PARAM) for column in columns):
        raise ParameterError(f"{where} has no column {PARAM + 'NAME'!r}; it has {', '.join(columns)}")
    for column in columns:
        if not column.strip():
            raise ParameterError(f"{where} has a column without a name")
        if column in (PARAM, FEATURE_PREFIX, TRIAL_PREFIX):
            raise ParameterError(f"{where}, column {column!r} needs a name, as in {column}NAME")
        if columns.count(column) > 1:
            raise ParameterError(f"{where} has column {column!r} twice")
        if _is_objective(column):
            continue
        prefix, colon, _ = column.partition(":")
        if colon and f"{prefix}:" not in (PARAM, FEATURE_PREFIX, TRIAL_PREFIX):
            raise ParameterError(f"{where}, column {column!r}: {prefix!r} is not one of param, feature, trial")
        quantity, at, epoch = column.partition("@")
        is_curve = f"{quantity}@" in (CURVE, LOSS, COST, IMAGES) and epoch.isdecimal() and int(epoch) > 0
        if at and not colon and not is_curve:
            raise ParameterError(
                f"{where}, column {column!r} is not {CURVE}EPOCH, {LOSS}EPOCH, {COST}EPOCH or {IMAGES}EPOCH"
            )


def _is_objective(column: str) -> bool:
    # Names of targets contain colons, and an @ before a node.
    latency = latency_on("").name
    return (column.startswith(latency) and column != latency) or not {":", "@"}.intersection(column)


def _is_optional(column: str) -> bool:
    """Whether a table may do without the column: one of a curve or a feature."""
    return not column.startswith(PARAM) and not _is_objective(column)


def _by_epoch(numbers: Mapping[str, float], prefix: str) -> dict[int, float]:
    by_epoch = {int(name.removeprefix(prefix)): value for name, value in numbers.items() if name.startswith(prefix)}
    return dict(sorted(by_epoch.items()))


def _number(text: str, where: str, maximum: float | None) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or (maximum is not None and not 0 <= value <= maximum):
        raise ParameterError(f"{where}: {text!r} is not a number" + (" from 0 to 1" if maximum is not None else ""))
    return value


def _is_integer(text: str) -> bool:
    """Whether the text is an integer; one with more digits than a float represents exactly counts as a word."""
    return text.removeprefix("-").isdecimal() and len(text) <= MAX_INTEGER_DIGITS


def _sort_key(choice: Choice) -> tuple[bool, Choice]:
    return isinstance(choice, str), choice
