"""The content of a data set whose files are the user's: by it the data set is known; its path is only a label."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

# The setting that holds the content, of data sets of the user's own.
DATA_CONTENT = "data_content"
# Classes that a message names.
MAX_NAMED = 5


@dataclass(frozen=True)
class DataContent:
    """The digest of the training pictures, their classes and order, and the number of `pictures` by class."""

    digest: str
    pictures: Mapping[str, int]

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self | None:
        """Read the content from settings; None where it is not on record."""
        record = settings.get(DATA_CONTENT)
        return None if record is None else cls(record["digest"], record["pictures"])

    def as_settings(self) -> dict[str, Any]:
        """The settings that record it, such that `of` gives it again."""
        return {DATA_CONTENT: {"digest": self.digest, "pictures": dict(self.pictures)}}

    def changes_since(self, earlier: "DataContent") -> str:
        """Say in words what differs from the content before."""
        before, now = earlier.pictures, self.pictures
        names = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
        changes = [f"{name}: {_count(before.get(name))}, now {_count(now.get(name))}" for name in names[:MAX_NAMED]]
        if len(names) > MAX_NAMED:
            changes.append(f"and {len(names) - MAX_NAMED} classes more")
        return "; ".join(changes) or "as many pictures of each class, other content"


def shortest(dataset: str) -> str:
    """The data set with its path in the shortest form: `imagefolder:./pets/` is `imagefolder:pets`.

    A path below the working folder is relative to it, any other one absolute. An argument that is no path stays.
    """
    name, colon, argument = dataset.partition(":")
    path = Path(argument).expanduser()
    if not argument or not path.exists():
        return dataset
    absolute = Path(os.path.abspath(path))
    folder = Path.cwd()
    return f"{name}{colon}{absolute.relative_to(folder) if absolute.is_relative_to(folder) else absolute}"


def _count(pictures: int | None) -> str:
    return "none" if pictures is None else f"{pictures:,} picture{'s' * (pictures != 1)}"
