"""A user's own pictures: `imagefolder:PATH`, one folder per class, any size and mode that Pillow reads.

The parts are PATH/train and PATH/test where these exist; otherwise a fixed fifth of the pictures is the test part.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torchvision import datasets

from nas.errors import DataError, ParameterError
from nas.exports.pictures import CROP, RGB, decode, opened
from workers.data.dataset import Dataset, ImageSource, Part, Request
from workers.data.splitting import split_indices

TEST_FRACTION = 0.2
TEST_SPLIT_SEED = 0
# Pictures whose size is read, and the size below which networks have no grid.
SIZED_PICTURES, MIN_PX = 100, 8
# Usual names of parts: where a folder holds only these, they are not classes.
PART_NAMES = {"train", "val", "valid", "validation", "test"}


@dataclass(frozen=True)
class PictureSource:
    """An ImageSource over picture files, in colour, cropped to a square and resized on demand."""

    paths: tuple[Path, ...]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]

    def images(self, indices: NDArray[np.int64], size_px: int) -> NDArray[np.uint8]:
        """Decode the chosen pictures. Raises DataError with the file's name when one cannot be decoded."""
        pictures = [
            decode(self.paths[index], size_px, size_px, colour=RGB, resize=CROP, white=255.0) for index in indices
        ]
        return np.stack(pictures).transpose(0, 3, 1, 2) if pictures else np.empty((0, 3, size_px, size_px), np.uint8)


def open_image_folder(request: Request, part: Part) -> ImageSource:
    """Open a part of a folder of pictures.

    Raises ParameterError without a PATH; DataError for a missing folder, fewer than two classes or a broken file.
    """
    if not request.argument:
        raise ParameterError("data set 'imagefolder' needs a path: imagefolder:PATH")
    root = Path(request.argument).expanduser()
    if not root.is_dir():
        raise DataError(f"image folder {str(root)!r} is not a directory")
    has_parts = (root / "train").is_dir() and (root / "test").is_dir()
    if not has_parts and {"train"} <= set(_classes(root)) <= PART_NAMES:
        raise DataError(
            f"image folder {str(root)!r} is split into {', '.join(_classes(root))}; train and test are needed"
        )
    source = _scan(root / part if has_parts else root)
    if has_parts:
        other = {"train": "test", "test": "train"}[part]
        if _classes(root / other) != list(source.classes):
            raise DataError(
                f"image folder {str(root)!r}: train and test need the same class folders; {part} has "
                f"{', '.join(source.classes)}, {other} {', '.join(_classes(root / other)) or 'none'}"
            )
        return source
    tests = int(len(source.paths) * TEST_FRACTION)
    parts = split_indices(source.labels, tests, TEST_SPLIT_SEED, stratify=request.stratify)
    chosen = np.sort(parts[part == "test"])
    return PictureSource(tuple(source.paths[index] for index in chosen), source.labels[chosen], source.classes)


def _scan(root: Path) -> PictureSource:
    try:
        folders = _classes(root)
        if len(folders) < 2:
            names = ", ".join(folders) or "none"
            raise DataError(f"image folder {str(root)!r} needs at least 2 class folders with pictures; found {names}")
        _check_links(root)
        pictures = _Pictures(str(root))
    except OSError as error:
        raise DataError(f"image folder {str(root)!r}: {str(error).splitlines()[0]}") from error
    paths = tuple(Path(path) for path, _ in pictures.samples)
    for path in paths:
        _verify(path)
    return PictureSource(paths, np.asarray(pictures.targets, dtype=np.int64), tuple(pictures.classes))


def _classes(root: Path) -> list[str]:
    """The names of the folders that are not hidden."""
    return sorted(path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))


class _Pictures(datasets.ImageFolder):  # type: ignore[misc]
    def find_classes(self, directory: str) -> tuple[list[str], dict[str, int]]:
        classes = _classes(Path(directory))
        return classes, {name: number for number, name in enumerate(classes)}


def _check_links(root: Path) -> None:
    """Raise DataError for a link out of the folder, or to a folder, which may be one that contains the link."""
    inside = root.resolve()
    for folder, folders, files in os.walk(root):
        for path in (Path(folder, name) for name in (*folders, *files)):
            if path.is_symlink() and (path.is_dir() or not path.resolve().is_relative_to(inside)):
                raise DataError(
                    f"image folder {str(root)!r}: {str(path.relative_to(root))!r} is a link to a folder, or to a file "
                    "outside; replace it with what it leads to"
                )


def _verify(path: Path) -> None:
    """Check a file's headers, which is quick enough to find every broken file at the start."""
    with opened(path) as image:
        image.verify()


def own_px(source: PictureSource) -> int:
    """The median of the shorter sides of about SIZED_PICTURES pictures, at least MIN_PX. Raises DataError."""
    step = max(1, len(source.paths) // SIZED_PICTURES)
    return max(MIN_PX, int(np.median([_shorter_side_px(path) for path in source.paths[::step]])))


def _shorter_side_px(path: Path) -> int:
    with opened(path) as image:
        return min(image.size)


IMAGE_FOLDER = Dataset(
    open=open_image_folder, size_px=64, epochs=4, train_size=8000, flip=True, shift=0.125, own_px=own_px, resize=CROP
)
