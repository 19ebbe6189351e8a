"""Labelled picture files that a folder or a table names, in columns, before any of them is opened."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas.errors import DataError
from workers.data.census import TEST, TRAIN, UNREADABLE
from workers.data.dataset import Part, Request
from workers.data.picture_facts import Facts
from workers.data.picture_look import look

VALIDATION = "val"
# The split that a folder's or a table's name for it means.
SPLITS = {TRAIN: TRAIN, "val": VALIDATION, "valid": VALIDATION, "validation": VALIDATION, TEST: TEST}
# The splits by their numbers; the first one is that of pictures in no split.
SPLIT_NAMES = ("", TRAIN, VALIDATION, TEST)
# Files and folders that an error names.
NAMED = 10


class Picture(NamedTuple):
    """A picture file, its class and its split: train, val, test, or nothing where there are no splits."""

    path: str
    label: str
    split: str


class Checked(NamedTuple):
    """Files after their check: their facts, None where they were checked before; those left out; lines for the user."""

    facts: Facts | None
    unreadable: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Listing:
    """Pictures in columns, the names of their classes, and the files that are skipped, by class and reason.

    `labels` are numbers of `classes`, `splits` of SPLIT_NAMES. `title` names the folder or the table in errors.
    `needed` has the names, for errors, of what must have pictures, by split and class.
    """

    title: str
    root: Path
    files: Sequence[str]
    labels: NDArray[np.int64]
    splits: NDArray[np.int8]
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
        number_of = {label: number for number, label in enumerate(classes)}
        return cls(
            title,
            root,
            [picture.path for picture in pictures],
            np.array([number_of[picture.label] for picture in pictures], np.int64),
            np.array([SPLIT_NAMES.index(picture.split) for picture in pictures], np.int8),
            classes,
            skipped,
            needed,
        )

    def readable(self, request: Request) -> tuple["Listing", Checked]:
        """Check the files, unless the request has been, and leave out unreadable ones.

        Raises DataError for unreadable files, unless the request skips them, and for classes without pictures.
        """
        checked = Checked(None, request.unreadable or (), ())
        if request.unreadable is None:
            view = look(self.files, self.root, request)
            if view.problems and not request.skip_unreadable:
                raise DataError(self._unreadable_text(view.problems))
            checked = Checked(view.facts, tuple(view.problems), (*view.notes, *self._left_out_text(view.problems)))
        listing = self
        if checked.unreadable:
            left_out = frozenset(checked.unreadable)
            remains = np.array([file not in left_out for file in self.files])
            listing = self._only(remains)
            if checked.facts is not None:
                checked = checked._replace(facts=checked.facts[remains])
        listing._check_needed(request)
        return listing, checked

    @property
    def part_of(self) -> dict[str, Part]:
        """The part that each split belongs to; empty where the pictures are in no parts.

        A search splits validation images off by itself: the validation split trains, unless it is all there is to test.
        """
        splits = {split for split, _ in self.needed} | {SPLIT_NAMES[number] for number in np.unique(self.splits)}
        if not splits & {VALIDATION, TEST}:
            return {}
        return {TRAIN: TRAIN, VALIDATION: TRAIN if TEST in splits else TEST, TEST: TEST}

    def _only(self, remains: NDArray[np.bool_]) -> "Listing":
        """Leave out the pictures that do not remain, and count them as skipped."""
        skipped = {label: Counter(reasons) for label, reasons in self.skipped.items()}
        for number, count in enumerate(np.bincount(self.labels[~remains]).tolist()):
            if count:
                skipped.setdefault(self.classes[number], Counter())[UNREADABLE] += count
        files = list(compress(self.files, remains))
        return replace(self, files=files, labels=self.labels[remains], splits=self.splits[remains], skipped=skipped)

    def _check_needed(self, request: Request) -> None:
        pairs = np.unique(np.stack((self.splits, self.labels)), axis=1).T.tolist()
        present = {(SPLIT_NAMES[split], self.classes[label]) for split, label in pairs}
        missing = [name for place, name in self.needed.items() if place not in present]
        if missing and not request.empty_classes:
            raise DataError(
                f"{self.title} has no pictures in {shortened(missing)}; --empty-classes takes them as classes without "
                "pictures"
            )

    def _left_out_text(self, problems: Mapping[str, str]) -> list[str]:
        """A line with the names of the files that the user leaves out, where there are any."""
        names = [os.path.relpath(path, self.root) for path in problems]
        return [f"left out, since they cannot be read: {shortened(names)}"] if names else []

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
