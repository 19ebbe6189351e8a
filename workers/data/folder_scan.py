"""The files under a folder of pictures: which are data by their names and links, and why others are not."""

import os
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from nas.errors import DataError
from nas.exports.picture_files import is_hidden, picture_endings

# Reasons to skip a file or folder; a file of another kind is skipped by its ending.
HIDDEN = "hidden"
NO_ENDING = "without ending"
BROKEN_LINK = "linked to nothing"
CIRCLE = "linked in a circle"
AGAIN = "linked again"


class Entry(NamedTuple):
    """A file or folder: its path as it is reached, and the `real` one, with links resolved."""

    name: str
    path: str
    real: str
    is_folder: bool


class FolderScan:
    """Reads folders under `root`. Links within it are followed, others with `follow_links` alone."""

    def __init__(self, root: Path, *, follow_links: bool) -> None:
        self.top = Entry(root.name, str(root), os.path.realpath(root), True)
        self._follow_links = follow_links
        self._endings = picture_endings()

    def entries(self, folder: Entry, skipped: Counter[str]) -> list[Entry]:
        """The folder's entries that are not hidden, links last. Those left out are counted in `skipped`, by reason.

        Raises DataError for a link out of the root, OSError for a folder that cannot be read.
        """
        entries = []
        real_prefix = os.path.join(folder.real, "")
        with os.scandir(folder.path) as listed:
            ordered = sorted(listed, key=lambda entry: (entry.is_symlink(), entry.name))
        for entry in ordered:
            name = entry.name
            if is_hidden(name):
                skipped[HIDDEN] += 1
                continue
            real = real_prefix + name
            if entry.is_symlink():
                real = os.path.realpath(entry.path)
                if reason := self._obstacle(entry.path, real, folder):
                    skipped[reason] += 1
                    continue
            entries.append(Entry(name, entry.path, real, entry.is_dir()))
        return entries

    def pictures(self, folder: Entry, skipped: Counter[str]) -> list[str]:
        """The paths of the picture files at any depth of the folder, in the order of their folders and names. Each file
        counts once, whatever links lead to it. Raises as `entries` does.
        """
        files, remaining, seen = [], [folder], {folder.real}
        while remaining:
            within = remaining.pop()
            for entry in self.entries(within, skipped):
                if not entry.is_folder and (reason := self.reason(entry.name)):
                    skipped[reason] += 1
                elif entry.real in seen:
                    skipped[AGAIN] += 1
                else:
                    seen.add(entry.real)
                    if entry.is_folder:
                        remaining.append(entry)
                    else:
                        files.append((within.path, entry.name))
        return [f"{parent}{os.sep}{name}" for parent, name in sorted(files)]

    def reason(self, name: str) -> str | None:
        """Why a file of this name is no picture; None for one that is."""
        # As os.path.splitext, which takes a tenth of the time to the first trial on a million files.
        dot = name.rfind(".")
        ending = name[dot:].lower() if dot > 0 else ""
        return None if ending in self._endings else ending or NO_ENDING

    def allows(self, real: str) -> bool:
        """Whether pictures at a path without links may be used: in the root, or anywhere where links are followed."""
        return self._follow_links or _is_within(real, self.top.real)

    def _obstacle(self, path: str, real: str, folder: Entry) -> str | None:
        """Why a link is not followed; None for one that is."""
        if not self.allows(real):
            # It does not say what the link leads to, or whether that exists: the message may be for somebody else.
            raise DataError(
                f"image folder {self.top.path!r}: {os.path.relpath(path, self.top.path)!r} is a link out of the "
                "folder; --follow-links allows such links"
            )
        if not os.path.exists(real):
            return BROKEN_LINK
        return CIRCLE if _is_within(folder.real, real) else None


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
