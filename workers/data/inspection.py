"""The inspection of a data set, as a search would use it, for `nas datasets inspect`."""

import io
from collections import Counter

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nas import plugins
from nas.evaluation import EvaluationOptions
from nas.exports.inspection import ClassInspection, Inspection
from workers.data.census import TEST, TRAIN, Census, by_count
from workers.data.dataset import Dataset, Described, ImageSource, PictureFacts, Request

THUMBNAIL_PX = 96


def inspect(options: EvaluationOptions, thumbnails: int) -> Inspection:
    """Count the pictures of both parts by class, size and mode; a nas.exports.inspection.Inspector."""
    name, _, argument = options.dataset.partition(":")
    dataset: Dataset = plugins.load(plugins.DATASETS, name)
    request = Request.of(argument, options)
    train = dataset.open(request, TRAIN)
    test = dataset.open(request.checked(dataset.census_of(train)), TEST)
    census = dataset.census_of(train, test)
    facts = {part: _facts(source) for part, source in ((TRAIN, train), (TEST, test))}
    classes = []
    for number, label in enumerate(census.classes):
        chosen = {part: np.flatnonzero(source.labels == number) for part, source in ((TRAIN, train), (TEST, test))}
        of_class = [facts[part][index] for part in facts if facts[part] for index in chosen[part]]
        classes.append(
            ClassInspection(
                label,
                {part: counts[number] for part, counts in census.parts.items()},
                _positive(census, label),
                _sizes(of_class),
                by_count(Counter(picture.mode for picture in of_class)),
                _thumbnails(train, chosen[TRAIN], thumbnails),
            )
        )
    return Inspection(options.dataset, census.message, classes, _positive(census, ""))


def _facts(source: ImageSource) -> list[PictureFacts]:
    return source.facts() if isinstance(source, Described) else []


def _positive(census: Census, label: str) -> dict[str, int]:
    return {reason: count for reason, count in census.skipped.get(label, {}).items() if count}


def _sizes(pictures: list[PictureFacts]) -> tuple[tuple[int, int], ...]:
    """The smallest, the median and the largest size; empty without pictures."""
    sizes = sorted(((picture.width_px, picture.height_px) for picture in pictures), key=lambda size: size[0] * size[1])
    return (sizes[0], sizes[len(sizes) // 2], sizes[-1]) if sizes else ()


def _thumbnails(source: ImageSource, indices: NDArray[np.int64], count: int) -> list[bytes]:
    """PNG files of pictures from all over the class, as networks see them."""
    step = max(1, len(indices) // max(1, count))
    images_NCHW = source.images(indices[::step][:count], THUMBNAIL_PX)
    return [_png(image_CHW) for image_CHW in images_NCHW]


def _png(image_CHW: NDArray[np.uint8]) -> bytes:
    pixels = image_CHW[0] if len(image_CHW) == 1 else image_CHW.transpose(1, 2, 0)
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "PNG")
    return file.getvalue()
