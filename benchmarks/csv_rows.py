"""Rows of CSV files that grow as they come."""

import csv
from collections.abc import Iterable
from pathlib import Path

TABLES = Path(__file__).parent / "tables"


def append(path: Path, fields: Iterable[str], rows: Iterable[tuple[object, ...]]) -> None:
    """Append rows; a new file begins with its fields."""
    is_new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if is_new:
            writer.writerow(fields)
        writer.writerows(rows)


def read(path: Path) -> list[dict[str, str]]:
    """Read the rows by their fields; none where there is no file yet."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
