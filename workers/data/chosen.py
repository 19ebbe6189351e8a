"""The data set that the options of a search or a training name or hold, and what they ask of its pictures."""

from nas import plugins
from nas.errors import OptionError
from nas.evaluation import EvaluationOptions
from nas.exports.pictures import COLOURS, Rules, colour_of
from nas.exports.training import TrainingOptions
from workers.data.dataset import Dataset, ImageSource
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


def served_rules(
    options: EvaluationOptions | TrainingOptions, dataset: Dataset, source: ImageSource, channels: int
) -> Rules:
    """The rules of a source, whose images have these channels. Raises OptionError where the options ask for others."""
    rules = dataset.rules(source, channels)
    if options.colour in COLOURS and COLOURS[options.colour] != rules.colour:
        raise OptionError("{colour} {}: the images of this data set are {}", options.colour, colour_of(channels))
    if options.resize not in (None, rules.resize):
        raise OptionError("{resize} {}: the images of this data set are resized by {}", options.resize, rules.resize)
    return rules
