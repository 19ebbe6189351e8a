"""The count of a data set's pictures, by part and class, and of the files that are skipped, by reason."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from nas.exports.inspection import skipped_text

TRAIN: Final = "train"
TEST: Final = "test"
# The reason of files that are left out because they cannot be read.
UNREADABLE = "unreadable"
# Classes that one line lists.
LISTED_CLASSES = 6


@dataclass(frozen=True)
class Census:
    """The pictures of each part by class, in the order of `classes`.

    `skipped` has the files that are no data, by class and reason; a reason is a word or a file's ending. Those under ""
    are in no class. `unreadable` are the picture files that the user leaves out. `notes` are more lines for the user.
    """

    classes: tuple[str, ...]
    parts: Mapping[str, tuple[int, ...]]
    skipped: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    unreadable: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def by_class(self) -> dict[str, int]:
        """Pictures of each class, of all parts."""
        return {name: sum(counts) for name, *counts in zip(self.classes, *self.parts.values(), strict=True)}

    @property
    def reasons(self) -> dict[str, int]:
        """Skipped files by reason, of all classes, the most frequent reason first."""
        return by_count(sum((Counter(reasons) for reasons in self.skipped.values()), Counter()))

    @property
    def message(self) -> str:
        """One line: `1,234 pictures in 2 classes (apple 800, pear 434): train 984, test 250; skipped: 12 (.txt)`."""
        by_class = self.by_class
        listed = [f"{name} {count:,}" for name, count in list(by_class.items())[:LISTED_CLASSES]]
        more = ", ..." if len(by_class) > LISTED_CLASSES else ""
        parts = ", ".join(f"{part} {sum(counts):,}" for part, counts in self.parts.items())
        line = f"{sum(by_class.values()):,} pictures in {len(by_class)} classes ({', '.join(listed)}{more}): {parts}"
        return f"{line}; skipped: {skipped_text(self.reasons)}" if self.reasons else line

    def as_json(self) -> dict[str, Any]:
        return {
            "message": self.message,
            "classes": self.by_class,
            "parts": {part: sum(counts) for part, counts in self.parts.items()},
            "skipped": self.reasons,
        }


def by_count(counts: Counter[str]) -> dict[str, int]:
    """Sort counts, the largest first."""
    return dict(sorted(counts.items(), key=lambda counted: -counted[1]))
