"""Labelled picture files that a folder or a table names, before any of them is opened."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from nas.errors import DataError
from nas.latency.machine import available_cores
from nas.options import FULL
from workers.data.census import TEST, TRAIN, UNREADABLE
from workers.data.dataset import Part, Request
from workers.data.picture_check import unreadable

VALIDATION = "val"
# The split that a folder's or a table's name for it means.
SPLITS = {TRAIN: TRAIN, "val": VALIDATION, "valid": VALIDATION, "validation": VALIDATION, TEST: TEST}
# Files and folders that an error names.
NAMED = 10


class Picture(NamedTuple):
    """A picture file, its class and its split: train, val, test, or nothing where there are no splits."""

    path: Path
    label: str
    split: str


@dataclass(frozen=True)
class Listing:
    """Pictures, the names of their classes, and the files that are skipped, by class and reason.

    `title` names the folder or the table in errors. `needed` has the names, for errors, of what must have pictures, by
    split and class.
    """

    title: str
    root: Path
    pictures: Sequence[Picture]
    classes: tuple[str, ...]
    skipped: Mapping[str, Counter[str]]
    needed: Mapping[tuple[str, str], str]

    @classmethod
    def of_rows(
        cls, title: str, root: Path, pictures: Sequence[Picture], skipped: Mapping[str, Counter[str]]
    ) -> "Listing":
        """List the pictures of a table, whose classes are the labels. Each class needs pictures to train on.

        Raises DataError for fewer than two classes, and for splits without one to train on.
        """
        classes = tuple(sorted({picture.label for picture in pictures}))
        if len(classes) < 2:
            raise DataError(f"{title} needs pictures of at least 2 labels; found {', '.join(classes) or 'none'}")
        splits = {picture.split for picture in pictures}
        if splits != {""} and TRAIN not in splits:
            raise DataError(f"{title} has the splits {', '.join(sorted(splits))}; {TRAIN} is needed")
        split = TRAIN if TRAIN in splits else ""
        needed = {(split, label): str(Path(split, label)) for label in classes}
        return cls(title, root, pictures, classes, skipped, needed)

    def readable(self, request: Request) -> tuple["Listing", tuple[str, ...]]:
        """Check the files, unless the request has been, and leave out unreadable ones, whose paths are returned too.

        Raises DataError for unreadable files, unless the request skips them, and for classes without pictures.
        """
        left_out = request.unreadable
        if left_out is None:
            paths = [picture.path for picture in self.pictures]
            # What is to be left out has to be found, which headers do not always tell.
            check = FULL if request.skip_unreadable else request.check_pictures
            problems = unreadable(paths, check, request.max_pixels, available_cores())
            if problems and not request.skip_unreadable:
                raise DataError(self._unreadable_text(problems))
            left_out = tuple(problems)
        listing = self._without(frozenset(left_out))
        listing._check_needed(request)
        return listing, left_out

    @property
    def part_of(self) -> dict[str, Part]:
        """The part that each split belongs to; empty where the pictures are in no parts.

        A search splits validation images off by itself: the validation split trains, unless it is all there is to test.
        """
        splits = {split for split, _ in self.needed} | {picture.split for picture in self.pictures}
        if not splits & {VALIDATION, TEST}:
            return {}
        return {TRAIN: TRAIN, VALIDATION: TRAIN if TEST in splits else TEST, TEST: TEST}

    def _without(self, paths: frozenset[str]) -> "Listing":
        if not paths:
            return self
        skipped = {label: Counter(reasons) for label, reasons in self.skipped.items()}
        for picture in self.pictures:
            if str(picture.path) in paths:
                skipped.setdefault(picture.label, Counter())[UNREADABLE] += 1
        remaining = [picture for picture in self.pictures if str(picture.path) not in paths]
        return Listing(self.title, self.root, remaining, self.classes, skipped, self.needed)

    def _check_needed(self, request: Request) -> None:
        present = {(picture.split, picture.label) for picture in self.pictures}
        missing = [name for place, name in self.needed.items() if place not in present]
        if missing and not request.empty_classes:
            raise DataError(
                f"{self.title} has no pictures in {shortened(missing)}; --empty-classes takes them as classes without "
                "pictures"
            )

    def _unreadable_text(self, problems: Mapping[str, str]) -> str:
        first = next(iter(problems.values()))
        if len(problems) == 1:
            return f"{first}; --skip-unreadable leaves it out"
        names = [os.path.relpath(path, self.root) for path in problems]
        return (
            f"{self.title}: {len(problems):,} files cannot be read: {shortened(names)}; --skip-unreadable leaves them "
            f"out; of the first one: {first}"
        )


def shortened(names: Sequence[str]) -> str:
    """Join the names, NAMED of them at most and the number of the others."""
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
