"""A user's own pictures: `imagefolder:PATH`, one folder per class or a metadata.csv, of any size and mode.

The parts are PATH/train and PATH/test, or PATH/val, where these exist; otherwise a fixed fifth of the pictures is the
test part.
"""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from nas.errors import DataError, ParameterError
from nas.exports.pictures import CROP
from workers.data.census import TEST, TRAIN, Census
from workers.data.dataset import Dataset, Part, Request
from workers.data.folder_listing import folder_listing
from workers.data.listing import Listing, Picture
from workers.data.picture_source import PictureSource
from workers.data.splitting import split_indices

TEST_FRACTION = 0.2
TEST_SPLIT_SEED = 0
# Pictures whose size is read, and the size below which networks have no grid.
SIZED_PICTURES, MIN_PX = 100, 8


def open_image_folder(request: Request, part: Part) -> PictureSource:
    """Open a part of a folder of pictures.

    Raises ParameterError without a PATH; DataError for a missing folder, fewer than two classes, classes without
    pictures, unreadable files and links out of the folder, as far as the request does not allow them.
    """
    if not request.argument:
        raise ParameterError("data set 'imagefolder' needs a path: imagefolder:PATH")
    root = Path(request.argument).expanduser()
    if not root.is_dir():
        raise DataError(f"image folder {str(root)!r} is not a directory")
    return source_of(folder_listing(root, follow_links=request.follow_links), request, part)


def source_of(listing: Listing, request: Request, part: Part) -> PictureSource:
    """Make the source of a part of the listing, after the check of all of its files. Raises DataError."""
    listing, unreadable = listing.readable(request)
    part_of = listing.part_of
    number = {label: index for index, label in enumerate(listing.classes)}
    parts: dict[str, list[Picture]] = {TRAIN: [], TEST: []}
    if part_of:
        for picture in listing.pictures:
            parts[part_of[picture.split]].append(picture)
    else:
        tests = int(len(listing.pictures) * TEST_FRACTION)
        labels = np.array([number[picture.label] for picture in listing.pictures], dtype=np.int64)
        split = split_indices(labels, tests, TEST_SPLIT_SEED, stratify=request.stratify)
        for name, indices in zip((TRAIN, TEST), split, strict=True):
            parts[name] = [listing.pictures[index] for index in np.sort(indices)]
    counts = {name: Counter(picture.label for picture in pictures) for name, pictures in parts.items()}
    by_part = {name: tuple(counts[name][label] for label in listing.classes) for name in parts}
    return PictureSource(
        tuple(picture.path for picture in parts[part]),
        np.array([number[picture.label] for picture in parts[part]], dtype=np.int64),
        listing.classes,
        request,
        Census(listing.classes, by_part, listing.skipped, unreadable),
    )


def own_px(source: PictureSource) -> int:
    """The median of the shorter sides of about SIZED_PICTURES pictures, at least MIN_PX. Raises DataError."""
    step = max(1, len(source.paths) // SIZED_PICTURES)
    sized = replace(source, paths=source.paths[::step]).facts()
    return max(MIN_PX, int(np.median([min(picture.width_px, picture.height_px) for picture in sized])))


def census_of(source: PictureSource) -> Census:
    """The count of the whole listing, of which the source is a part."""
    return source.census


IMAGE_FOLDER = Dataset(
    open=open_image_folder,
    size_px=64,
    epochs=4,
    train_size=8000,
    flip=True,
    shift=0.125,
    own_px=own_px,
    resize=CROP,
    census=census_of,
)
