"""A data set's pictures by class and part, as `nas datasets inspect` shows them. Inspectors are entry points."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nas.evaluation import EvaluationOptions


@dataclass(frozen=True)
class ClassInspection:
    """The pictures of a class by part, its skipped files by reason, and its pictures by mode.

    `sizes` are (width, height) in pixels of the smallest picture, the median one and the largest, by area; empty where
    the data set does not tell them. `thumbnails` are PNG files.
    """

    name: str
    pictures: Mapping[str, int]
    skipped: Mapping[str, int]
    sizes: tuple[tuple[int, int], ...]
    modes: Mapping[str, int]
    thumbnails: Sequence[bytes]

    def as_json(self) -> dict[str, Any]:
        return {
            "class": self.name,
            "pictures": dict(self.pictures),
            "skipped": dict(self.skipped),
            "sizes_px": [list(size) for size in self.sizes],
            "modes": dict(self.modes),
        }


@dataclass(frozen=True)
class Inspection:
    """A data set as a search would use it; `message` sums it up, `skipped` are files that are in no class."""

    dataset: str
    message: str
    classes: Sequence[ClassInspection]
    skipped: Mapping[str, int]

    def as_json(self) -> dict[str, Any]:
        return {
            "dataset": self.dataset,
            "message": self.message,
            "classes": [entry.as_json() for entry in self.classes],
            "skipped": dict(self.skipped),
        }


# Inspects the data set that the options name, with this number of thumbnails of each class. Raises UserError.
Inspector = Callable[[EvaluationOptions, int], Inspection]


def skipped_text(reasons: Mapping[str, int]) -> str:
    """Write reasons with their numbers of files: `12 (.txt), 3 hidden`. A reason is a word or a file's ending."""
    return ", ".join(f"{count:,} {f'({reason})' if reason[0] == '.' else reason}" for reason, count in reasons.items())
