"""The data set that the options of a search name or hold."""

from nas import plugins
from nas.evaluation import EvaluationOptions
from workers.data.dataset import Dataset
from workers.data.in_memory import in_memory


def chosen_dataset(options: EvaluationOptions) -> tuple[str, Dataset, str]:
    """The data set's name among the settings, the data set, and its argument.

    Raises UnknownNameError for an unknown name, DataError for data in memory that are no pictures.
    """
    if options.pictures is not None:
        return *in_memory(options.pictures), ""
    plugin, _, argument = options.dataset.partition(":")
    dataset: Dataset = plugins.load(plugins.DATASETS, plugin)
    return options.dataset, dataset, argument
