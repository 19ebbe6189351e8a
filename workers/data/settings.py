"""The settings of a study's data that are on record where they are not the default (nas.evaluation.DATA_SETTINGS)."""

from typing import Any

from nas.exports.pictures import DEFAULT_BACKGROUND, Rules, background_name
from nas.options import PLAIN_ACCURACY
from nas.results.metric import METRIC_SETTING
from nas.results.settings import (
    BACKGROUND_SETTING,
    FLIP_SETTING,
    RESIZE_SETTING,
    SHIFT_SETTING,
    SPLIT_SETTING,
    STRATIFIED,
)
from workers.data.dataset import Dataset


def picture_settings(dataset: Dataset, rules: Rules) -> dict[str, str]:
    """Make the settings that record how the rules differ from the data set's own: earlier versions had no others."""
    differing = {}
    if rules.resize != dataset.resize:
        differing[RESIZE_SETTING] = rules.resize
    if rules.background != DEFAULT_BACKGROUND:
        differing[BACKGROUND_SETTING] = background_name(rules.background)
    return differing


def data_settings(default: Dataset, chosen: Dataset, metric: str, *, is_stratified: bool) -> dict[str, Any]:
    """Make the settings that record how the chosen augmentation, the metric and the split differ from the default."""
    differing: dict[str, Any] = {}
    if chosen.flip != default.flip:
        differing[FLIP_SETTING] = chosen.flip
    if chosen.shift != default.shift:
        differing[SHIFT_SETTING] = chosen.shift
    if metric != PLAIN_ACCURACY:
        differing[METRIC_SETTING] = metric
    if is_stratified:
        differing[SPLIT_SETTING] = STRATIFIED
    return differing
