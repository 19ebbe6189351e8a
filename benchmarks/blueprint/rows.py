"""Trained variants as rows of a CSV file, which grows as they come."""

from pathlib import Path
from typing import NamedTuple

from benchmarks.csv_rows import read


class Trained(NamedTuple):
    """A variant's training of `seconds` CPU seconds with one seed; `failure` is empty where there was none."""

    px: int
    part: str
    choice: str
    seconds: float
    seed: int
    key: str
    widths: str
    macs: int
    parameters: int
    epochs: int
    cpu_s: float
    accuracy: float
    pictures: int
    failure: str

    @property
    def name(self) -> tuple[int, str, float, int]:
        return self.px, self.key, self.seconds, self.seed


class Timed(NamedTuple):
    """A variant's latency, taken by turns with all others of its picture size."""

    px: int
    part: str
    choice: str
    key: str
    ms: float


def read_trained(path: Path) -> list[Trained]:
    return [
        Trained(
            int(row["px"]),
            row["part"],
            row["choice"],
            float(row["seconds"]),
            int(row["seed"]),
            row["key"],
            row["widths"],
            int(row["macs"]),
            int(row["parameters"]),
            int(row["epochs"]),
            float(row["cpu_s"]),
            float(row["accuracy"]),
            int(row["pictures"]),
            row["failure"],
        )
        for row in read(path)
    ]


def read_timed(path: Path) -> list[Timed]:
    return [Timed(int(row["px"]), row["part"], row["choice"], row["key"], float(row["ms"])) for row in read(path)]
