"""Tables of pictures: the rows of a csv or parquet file, and the pictures that they name."""

import os
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, NamedTuple

from nas.errors import DataError
from workers.data.census import TEST, TRAIN
from workers.data.folder_scan import FolderScan
from workers.data.listing import SPLITS, VALIDATION, Picture

PARQUET = ".parquet"
# The reason to skip a row that is the same as an earlier one.
LISTED_AGAIN = "listed again"


class Columns(NamedTuple):
    """The names of a table's columns."""

    path: str
    label: str
    split: str | None = None

    def are_in(self, file: Path) -> bool:
        """Whether the table has the columns that are needed."""
        return {self.path, self.label} <= set(_frame(file).columns)


TABLE = Columns("path", "label", "split")
# Hugging Face's names.
METADATA = Columns("file_name", "label")


class Row(NamedTuple):
    """A picture's path, as the table has it, its class and its split, empty where the table has none."""

    path: str
    label: str
    split: str


def read_rows(file: Path, columns: Columns) -> list[Row]:
    """Read a table. Raises DataError for one that cannot be read or lacks a column."""
    frame = _frame(file)
    missing = [name for name in (columns.path, columns.label) if name not in frame.columns]
    if missing:
        raise DataError(
            f"table {str(file)!r} has no column {', '.join(missing)}; it has {', '.join(map(str, frame.columns))}"
        )
    has_split = columns.split in frame.columns
    splits = frame[columns.split] if has_split else [""] * len(frame)
    values = zip(frame[columns.path], frame[columns.label], splits, strict=True)
    rows = [Row(_text(path), _text(label), _text(split)) for path, label, split in values]
    for number, row in enumerate(rows, start=1):
        if not row.path or not row.label or (has_split and row.split not in SPLITS):
            raise DataError(
                f"table {str(file)!r}: row {number} has path {row.path!r}, label {row.label!r}, split {row.split!r}; "
                f"path and label are needed, and split is {TRAIN}, {VALIDATION} or {TEST} where there is that column"
            )
    return rows


def pictures_of(
    rows: list[Row], folder: str, scan: FolderScan, title: str, skipped: defaultdict[str, Counter[str]]
) -> list[Picture]:
    """The pictures that the rows name, by paths from the folder.

    Raises DataError for a path out of the scan's root unless links are followed, and for a picture that has two classes
    or splits.
    """
    pictures: dict[str, Picture] = {}
    real_folders: dict[str, str] = {}
    for number, row in enumerate(rows, start=1):
        path = os.path.join(folder, row.path)
        real = _real(path, real_folders)
        if not scan.allows(real):
            raise DataError(
                f"{title}: row {number} names {row.path!r}, which is not in the folder; --follow-links allows that"
            )
        picture = Picture(str(Path(path)), row.label, SPLITS.get(row.split, ""))
        before = pictures.setdefault(real, picture)
        if before is not picture:
            if before[1:] != picture[1:]:
                as_what = " in ".join(filter(None, row[1:]))
                raise DataError(f"{title}: row {number} names {row.path!r} again, now as {as_what}")
            skipped[row.label][LISTED_AGAIN] += 1
    return list(pictures.values())


def _real(path: str, real_folders: dict[str, str]) -> str:
    """The path without links. `real_folders` keeps those of folders: to resolve each file's takes 20 times as long."""
    folder, name = os.path.split(path)
    if name in ("", os.curdir, os.pardir) or os.path.islink(path):
        return os.path.realpath(path)
    if folder not in real_folders:
        real_folders[folder] = os.path.realpath(folder)
    return os.path.join(real_folders[folder], name)


def _frame(file: Path) -> Any:
    """The table as a pandas.DataFrame."""
    # Its import takes as long as all else that a search begins with.
    import pandas

    try:
        if file.suffix.lower() == PARQUET:
            return pandas.read_parquet(file)
        return pandas.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except ImportError as error:
        raise DataError(f"table {str(file)!r}: parquet files need pyarrow, which is not installed") from error
    except (OSError, ValueError) as error:
        raise DataError(f"table {str(file)!r} cannot be read: {str(error).splitlines()[0]}") from error


def _text(value: Any) -> str:
    # NaN stands for no value, and alone differs from itself.
    return "" if value is None or value != value else str(value)
