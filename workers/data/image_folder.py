"""A user's own pictures: `imagefolder:PATH`, one folder per class or a metadata.csv, of any size and mode.

The parts are PATH/train and PATH/test, or PATH/val, where these exist; otherwise a fixed fifth of the pictures is the
test part.
"""

from pathlib import Path

import numpy as np

from nas.errors import DataError, ParameterError
from nas.exports.pictures import CROP
from workers.data.census import TEST, TRAIN, Census
from workers.data.dataset import Dataset, Part, Request
from workers.data.folder_listing import folder_listing
from workers.data.listing import SPLIT_NAMES, Listing
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
    listing, checked = listing.readable(request)
    part_of = listing.part_of
    if part_of:
        # Pictures in no split are in no part, where there are splits.
        is_test = np.array([part_of.get(name) == TEST for name in SPLIT_NAMES])[listing.splits]
        parts = {TRAIN: np.flatnonzero(~is_test), TEST: np.flatnonzero(is_test)}
    else:
        tests = int(len(listing.files) * TEST_FRACTION)
        split = split_indices(listing.labels, tests, TEST_SPLIT_SEED, stratify=request.stratify)
        parts = dict(zip((TRAIN, TEST), map(np.sort, split), strict=True))
    labels = {name: listing.labels[indices] for name, indices in parts.items()}
    counts = {name: np.bincount(of_part, minlength=len(listing.classes)).tolist() for name, of_part in labels.items()}
    by_part = {name: tuple(by_class) for name, by_class in counts.items()}
    return PictureSource(
        [listing.files[index] for index in parts[part].tolist()],
        labels[part],
        listing.classes,
        request,
        Census(listing.classes, by_part, listing.skipped, checked.unreadable, checked.notes),
        listing.root,
        None if checked.facts is None else checked.facts[parts[part]],
    )


def own_px(source: PictureSource) -> int:
    """The median of the shorter sides of about SIZED_PICTURES pictures, at least MIN_PX. Raises DataError."""
    facts = source.known_facts[:: max(1, len(source.files) // SIZED_PICTURES)]
    return max(MIN_PX, int(np.median(np.minimum(facts["width_px"], facts["height_px"]))))


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
