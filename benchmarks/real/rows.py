"""Members and their trainings as rows of CSV files, which grow as they come."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from benchmarks.csv_rows import append, read
from nas.architecture import Architecture

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
    return [Member(row["source"], Architecture.from_dict(json.loads(row["architecture"]))) for row in read(path)]


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
        for row in read(path)
    ]


def append_trained(path: Path, row: Trained) -> None:
    curve = " ".join(f"{accuracy:.4f}" for accuracy in row.curve)
    append(path, Trained._fields, [row._replace(curve=curve)])  # type: ignore[arg-type]
