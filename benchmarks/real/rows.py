"""Members and their trainings as rows of CSV files, which grow as they come."""

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from nas.architecture import Architecture

TABLES = Path(__file__).parents[1] / "tables"
MEMBERS, TRAININGS, LATENCIES = "cifar_real_members.csv", "cifar_real.csv", "cifar_real_latency.csv"


class Member(NamedTuple):
    """An architecture and where it comes from: `random`, or the sampler on whose search's front it was."""

    source: str
    architecture: Architecture


class Trained(NamedTuple):
    """A training on `images` for `epochs`, judged on the pictures of `part` (validation or test).

    `curve` has the accuracy after each epoch, of the pictures that a search judges then; `seconds` are of one thread.
    """

    key: str
    images: int
    epochs: int
    seed: int
    part: str
    accuracy: float
    loss: float
    seconds: float
    setting: str
    curve: tuple[float, ...]

    @property
    def name(self) -> tuple[str, int, int, int]:
        return self.key, self.images, self.epochs, self.seed


def read_members(path: Path) -> list[Member]:
    return [Member(row["source"], Architecture.from_dict(json.loads(row["architecture"]))) for row in _read(path)]


def write_members(path: Path, members: Iterable[Member]) -> None:
    append(
        path,
        ("key", "source", "layout", "architecture"),
        (
            (member.architecture.key, member.source, member.architecture.layout, member.architecture.canonical_json)
            for member in members
        ),
    )


def read_trained(path: Path) -> list[Trained]:
    return [
        Trained(
            row["key"],
            int(row["images"]),
            int(row["epochs"]),
            int(row["seed"]),
            row["part"],
            float(row["accuracy"]),
            float(row["loss"]),
            float(row["seconds"]),
            row["setting"],
            tuple([float(value) for value in row["curve"].split()]),
        )
        for row in _read(path)
    ]


def append_trained(path: Path, row: Trained) -> None:
    curve = " ".join(f"{accuracy:.4f}" for accuracy in row.curve)
    append(path, Trained._fields, [row._replace(curve=curve)])  # type: ignore[arg-type]


def append(path: Path, fields: Iterable[str], rows: Iterable[tuple[object, ...]]) -> None:
    is_new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if is_new:
            writer.writerow(fields)
        writer.writerows(rows)


def _read(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
