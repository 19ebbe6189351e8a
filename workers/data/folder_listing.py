"""The pictures of an image folder by class and part: one folder per class, or Hugging Face's metadata.csv."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np

from nas.errors import DataError
from workers.data.census import TEST, TRAIN
from workers.data.folder_scan import Entry, FolderScan
from workers.data.listing import SPLIT_NAMES, SPLITS, Listing, Picture
from workers.data.table_rows import METADATA, Row, pictures_of, read_rows

# Such a file names pictures in its folder and their classes.
METADATA_FILE = "metadata.csv"
# Reasons to skip what lies beside the folders of classes and of parts, or is not in the metadata.
BESIDE_CLASSES = "outside of class folders"
BESIDE_PARTS = "beside the parts"
NOT_LISTED = f"not in {METADATA_FILE}"


def folder_listing(root: Path, *, follow_links: bool) -> Listing:
    """List the pictures of an image folder.

    Raises DataError for fewer than two classes, parts of different classes, and links out of the folder.
    """
    try:
        return _Folder(root, FolderScan(root, follow_links=follow_links)).listing()
    except OSError as error:
        raise DataError(f"image folder {str(root)!r}: {str(error).splitlines()[0]}") from error


@dataclass(frozen=True)
class _Folder:
    root: Path
    scan: FolderScan
    skipped: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    @property
    def title(self) -> str:
        return f"image folder {str(self.root)!r}"

    def listing(self) -> Listing:
        top = self.scan.entries(self.scan.top, beside := Counter[str]())
        parts = self._parts([entry for entry in top if entry.is_folder])
        if parts:
            beside.update(BESIDE_PARTS for entry in top if entry.is_folder and entry.name not in parts)
            self._skip_files(top)
            self.skipped[""].update(beside)
        places = parts or {"": self.scan.top}
        metadata = {part: rows for part, place in places.items() if (rows := _metadata(place)) is not None}
        return self._by_metadata(places, metadata) if metadata else self._by_folders(places)

    def _by_folders(self, parts: Mapping[str, Entry]) -> Listing:
        first = TRAIN if TRAIN in parts else ""
        folders = {part: self._class_folders(place) for part, place in parts.items()}
        for part, names in folders.items():
            if names.keys() != folders[first].keys():
                raise DataError(
                    f"{self.title}: {first} and {part} need the same class folders; {first} has "
                    f"{', '.join(folders[first])}, {part} {', '.join(names)}"
                )
        places = [(part, label, folder) for part, named in folders.items() for label, folder in named.items()]
        files = [self.scan.pictures(folder, self.skipped[label]) for _, label, folder in places]
        counts = [len(of_place) for of_place in files]
        classes = tuple(folders[first])
        labels = np.array([classes.index(label) for _, label, _ in places], np.int64)
        splits = np.array([SPLIT_NAMES.index(SPLITS.get(part, "")) for part, _, _ in places], np.int8)
        needed = {(SPLITS.get(part, ""), label): str(Path(part, label)) for part, label, _ in places}
        return Listing(
            self.title,
            self.root,
            list(chain.from_iterable(files)),
            labels.repeat(counts),
            splits.repeat(counts),
            classes,
            self.skipped,
            needed,
        )

    def _class_folders(self, place: Entry) -> dict[str, Entry]:
        entries = self.scan.entries(place, self.skipped[""])
        self._skip_files(entries)
        folders = {entry.name: entry for entry in sorted(entries) if entry.is_folder}
        if len(folders) < 2:
            names = ", ".join(folders) or "none"
            raise DataError(f"image folder {place.path!r} needs at least 2 class folders with pictures; found {names}")
        return folders

    def _by_metadata(self, parts: Mapping[str, Entry], metadata: Mapping[str, list[Row]]) -> Listing:
        pictures: list[Picture] = []
        for part, place in parts.items():
            if part not in metadata:
                raise DataError(f"{self.title}: {METADATA_FILE} is in {', '.join(metadata)} and not in {part}")
            rows = [row._replace(split=part) for row in metadata[part]]
            listed = pictures_of(rows, place.path, self.scan, self.title, self.skipped)
            names = {picture.path for picture in listed}
            others = self.scan.pictures(place, self.skipped[""])
            self.skipped[""].update(NOT_LISTED for path in others if path not in names)
            # The metadata are no file that is left out.
            self.skipped[""].subtract([Path(METADATA_FILE).suffix])
            pictures += listed
        return Listing.of_rows(self.title, self.root, pictures, self.skipped)

    def _parts(self, folders: list[Entry]) -> dict[str, Entry]:
        """The folders of parts; none where the folders are classes. Raises DataError for parts without one to test."""
        parts = {entry.name: entry for entry in sorted(folders) if entry.name in SPLITS}
        if TRAIN in parts and len(parts) > 1:
            return parts
        if parts and len(parts) == len(folders):
            raise DataError(
                f"{self.title} is split into {', '.join(parts)}; {TRAIN} and {TEST}, or {TRAIN} and val, are needed"
            )
        return {}

    def _skip_files(self, entries: list[Entry]) -> None:
        """Count the files beside the folders of classes or parts."""
        files = [entry for entry in entries if not entry.is_folder]
        self.skipped[""].update(self.scan.reason(entry.name) or BESIDE_CLASSES for entry in files)


def _metadata(place: Entry) -> list[Row] | None:
    """The rows of the folder's metadata; None where it has none that names pictures and classes."""
    file = Path(place.path) / METADATA_FILE
    return read_rows(file, METADATA) if file.is_file() and METADATA.are_in(file) else None
