"""Classes whose pictures are of a single colour as the network sees them: a sign that their content was lost."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# Of pixels from 0 to 255, in each channel.
MIN_STD = 1.0
MAX_BLANK_SHARE = 0.5
# Pictures of a class that are looked at.
SAMPLE = 20


def blank_warnings(images_NCHW: NDArray[np.uint8], labels: NDArray[np.int64], classes: Sequence[str]) -> list[str]:
    """Return a line that names the classes most of whose pictures are of a single colour; none where there are none."""
    chosen = [images_NCHW[np.flatnonzero(labels == label)[:SAMPLE]] for label in range(len(classes))]
    blank = [name for name, images in zip(classes, chosen, strict=True) if _is_blank(images)]
    if not blank:
        return []
    named = ", ".join(map(repr, blank))
    return [
        f"most pictures of {'class' if len(blank) == 1 else 'classes'} {named} are of a single colour once they are "
        "decoded, so that a network can learn nothing of them: look at these files"
    ]


def _is_blank(images_NCHW: NDArray[np.uint8]) -> bool:
    deviations_NC = images_NCHW.std(axis=(2, 3))
    return bool((deviations_NC.max(axis=1) < MIN_STD).mean() > MAX_BLANK_SHARE) if len(images_NCHW) else False
