"""Handwritten digits that ship with scikit-learn: 1,797 grey images of 8x8 px. The default; nothing is downloaded.

They are enlarged to 14 px, for grids of 14, 7, 4 and 2: in four stages an 8 px image would end in a 1x1 grid, where
all mixers are equivalent, and at 10 px (10, 5, 3, 2) mixers hardly differ.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nas.errors import DataError, ParameterError
from workers.data.dataset import ArraySource, Dataset, ImageSource, Part, Request

TEST_FRACTION = 0.2
# The test part is the same for every study and seed, so that no search ever sees it.
TEST_SPLIT_SEED = 0


def open_digits(request: Request, part: Part) -> ImageSource:
    """Open a part of digits. Raises ParameterError when an argument is given, DataError without scikit-learn."""
    if request.argument is not None:
        raise ParameterError(f"data set 'digits' takes no argument, not {request.argument!r}")
    images_NHW, labels = _shipped()
    images_NCHW = np.round(images_NHW * (255 / 16)).astype(np.uint8)[:, None]
    order = np.random.default_rng(TEST_SPLIT_SEED).permutation(len(images_NCHW))
    tests = int(len(order) * TEST_FRACTION)
    chosen = order[:tests] if part == "test" else order[tests:]
    return ArraySource(images_NCHW[chosen], labels[chosen], tuple("0123456789"))


def _shipped() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Images of 0 to 16, and labels: as `sklearn.datasets.load_digits`, whose import would take a second."""
    spec = find_spec("sklearn")
    if spec is None or spec.origin is None:
        raise DataError("data set 'digits' is a part of scikit-learn, which is not installed")
    rows = np.loadtxt(Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz", delimiter=",")
    return rows[:, :-1].reshape(-1, 8, 8), rows[:, -1].astype(np.int64)


DIGITS = Dataset(open=open_digits, size_px=14, epochs=4, train_size=400, flip=False, shift=0.08)
