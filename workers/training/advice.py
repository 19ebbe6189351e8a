"""Warnings about the data of a search or a training, before its first step."""

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from nas.evaluation import EvaluationOptions
from nas.options import BALANCED_ACCURACY, F1_MACRO
from workers.data.dataset import ProxyData
from workers.training.mirror_check import mirroring_warning

# Classes are imbalanced where the rarest has less than this share of the pictures of the largest.
BALANCED_SHARE = 1 / 5


def data_warnings(data: ProxyData, seed: int, limit_s: float = math.inf, *, is_flip_chosen: bool) -> Iterator[str]:
    """Yield a line for what should be known of the data, within about `limit_s` seconds.

    Whether mirroring harms is looked at only where the data set's default has it, which somebody has not chosen.
    """
    if warning := imbalance_warning(data.class_counts, data.metric):
        yield warning
    if data.flip and not is_flip_chosen and (warning := mirroring_warning(data, seed, limit_s)):
        yield warning


def advice_on(data: ProxyData, options: EvaluationOptions) -> Callable[[float], Iterator[str]]:
    """The warnings of a search with these options, for a number of seconds to find them in."""
    return partial(data_warnings, data, options.seed, is_flip_chosen=options.flip is not None)


def imbalance_warning(class_counts: Mapping[str, int], metric: str) -> str | None:
    """Word the warning that accuracy says little of rare classes; None where classes are balanced or count alike."""
    counts = {name: count for name, count in class_counts.items() if count}
    if metric in (BALANCED_ACCURACY, F1_MACRO) or not counts:
        return None
    rarest, largest = min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__)
    if counts[rarest] >= BALANCED_SHARE * counts[largest]:
        return None
    return (
        f"classes are imbalanced, {counts[rarest]} pictures of {rarest!r} to {counts[largest]} of {largest!r}: "
        f"--metric {BALANCED_ACCURACY} has all classes count alike"
    )
