"""The data set that the options of a search name or hold."""

from nas import plugins
from nas.evaluation import EvaluationOptions
from workers.data.census import TRAIN
from workers.data.dataset import Dataset, ImageSource, Request
from workers.data.in_memory import in_memory


def chosen_dataset(options: EvaluationOptions) -> tuple[str, Dataset, ImageSource]:
    """The data set's name among the settings, the data set, and its training part.

    Raises UnknownNameError for an unknown name, DataError for pictures that cannot be used.
    """
    if options.pictures is not None:
        name, dataset = in_memory(options.pictures)
        return name, dataset, dataset.open(Request(), TRAIN)
    plugin, _, argument = options.dataset.partition(":")
    dataset = plugins.load(plugins.DATASETS, plugin)
    return options.dataset, dataset, dataset.open(Request.of(argument, options), TRAIN)
