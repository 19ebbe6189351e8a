"""What architectures like it lead one to expect of an architecture: a ridge regression, without its own figure.

Described by how often each mixer is taken over the blocks, and by each stage's mixer and sizes. How much weights are
held back is decided by what comes out for architectures that are left out, in a closed form (Allen's PRESS, 1974).
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from nas.architecture import Architecture

# What the squares of weights are multiplied with.
RIDGES = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
MIN_ARCHITECTURES = 8
Floats = NDArray[np.float64]


def feature_columns(architectures: Sequence[Architecture]) -> Floats:
    """(architectures, columns): what two at least have and two at least have not, in standard units."""
    if len(architectures) < MIN_ARCHITECTURES:
        return np.zeros((len(architectures), 0))
    words = [_words(each) for each in architectures]
    names = {name: place for place, name in enumerate(sorted(set().union(*words)))}
    columns = np.zeros((len(words), len(names)))
    rows = np.repeat(np.arange(len(words)), [len(each) for each in words])
    columns[rows, [names[name] for each in words for name in each]] = [x for each in words for x in each.values()]
    columns = columns[:, (columns != np.median(columns, 0)).sum(0) > 1]
    columns = columns - columns.mean(0)
    found: Floats = columns / columns.std(0)
    return found


def leave_one_out_predictions(columns: Floats, values: Floats) -> Floats:
    """What the others' values foretell of each; zeros where they foretell nothing."""
    count = len(values)
    best = np.zeros(count)
    if not columns.shape[1]:
        return best
    off = values - values.mean()
    squares, axes = np.linalg.eigh(columns.T @ columns)
    along = columns @ axes
    # Of the mean of the others, which tells nothing of this one.
    least = float((off**2).mean()) * (count / (count - 1)) ** 2
    for ridge in RIDGES:
        kept = 1.0 / (np.maximum(squares, 0.0) + ridge)
        own = np.minimum((along**2 * kept).sum(1) + 1 / count, 0.999)
        left_out = off - (off - along @ (kept * (along.T @ off))) / (1 - own)
        error = float(((left_out - off) ** 2).mean())
        if error < least:
            least, best = error, left_out + values.mean()
    return best


# A study's trials are looked at again whenever there is one more.
@lru_cache(maxsize=2**14)
def _words(architecture: Architecture) -> Mapping[str, float]:
    """Numbers by their logarithms, what is a word as 1 under its own name."""
    blocks: Counter[str] = Counter()
    for stage in architecture.stages:
        blocks[stage.mixer_label] += stage.depth
    found = {mixer: count / max(1, blocks.total()) for mixer, count in blocks.items()}
    for name, chosen in architecture.choices.items():
        try:
            found[name] = math.log(float(chosen))
        except ValueError:
            found[f"{name}={chosen}"] = 1.0
    return found
