"""Handwritten digits that ship with scikit-learn: 1,797 grey images of 8x8 px. The default; nothing is downloaded.

They are enlarged to 14 px, for grids of 14, 7, 4 and 2: under four stages an 8 px image would end in a 1x1 grid, where
every mixer is the same, and at 10 px (10, 5, 3, 2) mixers hardly differ.
"""

import numpy as np

from nas.errors import ParameterError
from workers.datasets.dataset import ArraySource, Dataset, ImageSource, Part, Request

TEST_FRACTION = 0.2
# The test part is the same for every study and seed, so that no search ever sees it.
TEST_SPLIT_SEED = 0


def open_digits(request: Request, part: Part) -> ImageSource:
    """Raises ParameterError when an argument is given."""
    from sklearn.datasets import load_digits

    if request.argument is not None:
        raise ParameterError(f"data set 'digits' takes no argument, not {request.argument!r}")
    digits = load_digits()
    images_NCHW = np.round(digits.images * (255 / 16)).astype(np.uint8)[:, None]
    order = np.random.default_rng(TEST_SPLIT_SEED).permutation(len(images_NCHW))
    tests = int(len(order) * TEST_FRACTION)
    chosen = order[:tests] if part == "test" else order[tests:]
    return ArraySource(images_NCHW[chosen], digits.target[chosen].astype(np.int64), tuple("0123456789"))


DIGITS = Dataset(open=open_digits, size_px=14, epochs=4, train_size=400, flip=False, shift=0.08)
