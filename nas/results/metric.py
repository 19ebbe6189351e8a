"""The measure of a classification that stands for accuracy in a study or a training."""

from collections.abc import Mapping
from typing import Any

from nas.options import BALANCED_ACCURACY, F1_MACRO, LOG_LOSS, PLAIN_ACCURACY

# The name under which it is among the settings, where it is not plain accuracy.
METRIC_SETTING = "metric"
LABELS = {
    PLAIN_ACCURACY: "accuracy",
    BALANCED_ACCURACY: "balanced accuracy",
    F1_MACRO: "macro F1",
    LOG_LOSS: "exp(-log loss)",
}
EXPLANATIONS = {
    LABELS[LOG_LOSS]: "exp(-log loss): 1 is best; the log loss is its negative logarithm, such as 0.693 for 0.5",
}


def metric_name(settings: Mapping[str, Any]) -> str:
    """Return the name of the measure, a value of --metric, that the settings of a study or a training name."""
    return str(settings.get(METRIC_SETTING, PLAIN_ACCURACY))


def metric_label(settings: Mapping[str, Any]) -> str:
    """Return the words for the measure that the settings of a study or a training name."""
    name = metric_name(settings)
    return LABELS.get(name, name)
