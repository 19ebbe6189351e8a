"""Accuracy predictions from similar architectures: a ridge regression on architecture features, leave-one-out.

The features are each mixer's share of the blocks, and the mixer and sizes of each stage. The ridge is the one with the
lowest leave-one-out error, which has a closed form (Allen's PRESS, 1974).
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from nas.architecture import Architecture

# Penalties on the squared weights.
RIDGES = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
MIN_ARCHITECTURES = 8
Floats = NDArray[np.float64]


def feature_columns(architectures: Sequence[Architecture]) -> Floats:
    """Return (architectures, columns) in standard units: features in which at least two differ from the median."""
    if len(architectures) < MIN_ARCHITECTURES:
        return np.zeros((len(architectures), 0))
    features = [_features(architecture) for architecture in architectures]
    indices = {name: index for index, name in enumerate(sorted(set().union(*features)))}
    columns = np.zeros((len(features), len(indices)))
    rows = np.repeat(np.arange(len(features)), [len(row) for row in features])
    columns[rows, [indices[name] for row in features for name in row]] = [x for row in features for x in row.values()]
    columns = columns[:, (columns != np.median(columns, 0)).sum(0) > 1]
    columns = columns - columns.mean(0)
    standardized: Floats = columns / columns.std(0)
    return standardized


def leave_one_out_predictions(columns: Floats, values: Floats) -> Floats:
    """Predict each value from the others; zeros where no ridge predicts better than the mean of the others."""
    count = len(values)
    best = np.zeros(count)
    if not columns.shape[1]:
        return best
    centered = values - values.mean()
    eigenvalues, axes = np.linalg.eigh(columns.T @ columns)
    projected = columns @ axes
    # The leave-one-out error of the mean of the others.
    lowest_error = float((centered**2).mean()) * (count / (count - 1)) ** 2
    for ridge in RIDGES:
        inverse = 1.0 / (np.maximum(eigenvalues, 0.0) + ridge)
        leverage = np.minimum((projected**2 * inverse).sum(1) + 1 / count, 0.999)
        predicted = centered - (centered - projected @ (inverse * (projected.T @ centered))) / (1 - leverage)
        error = float(((predicted - centered) ** 2).mean())
        if error < lowest_error:
            lowest_error, best = error, predicted + values.mean()
    return best


# Cached: all trials of a study are read again after each new one.
@lru_cache(maxsize=2**14)
def _features(architecture: Architecture) -> Mapping[str, float]:
    """Return the features by name: numbers as logarithms, categories as indicators `name=value`."""
    blocks: Counter[str] = Counter()
    for stage in architecture.stages:
        blocks[stage.mixer_label] += stage.depth
    features = {mixer: count / max(1, blocks.total()) for mixer, count in blocks.items()}
    for name, choice in architecture.choices.items():
        try:
            features[name] = math.log(float(choice))
        except ValueError:
            features[f"{name}={choice}"] = 1.0
    return features
