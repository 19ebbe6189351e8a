"""The data set that the options of a search or a training name or hold, and what they ask of its pictures."""

from nas import plugins
from nas.errors import OptionError
from nas.evaluation import EvaluationOptions
from nas.exports.pictures import COLOURS, Rules, background_of, colour_of
from nas.exports.training import TrainingOptions
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


def served_rules(
    options: EvaluationOptions | TrainingOptions, dataset: Dataset, source: ImageSource, channels: int
) -> Rules:
    """The rules of a source, whose images have these channels. Raises OptionError where the options ask for others."""
    rules = dataset.rules(source, channels)
    if options.colour in COLOURS and COLOURS[options.colour] != rules.colour:
        raise OptionError("{colour} {}: the images of this data set are {}", options.colour, colour_of(channels))
    if options.resize not in (None, rules.resize):
        raise OptionError("{resize} {}: this data set's images are always resized by {}", options.resize, rules.resize)
    if options.background is not None and background_of(options.background) != rules.background:
        raise OptionError("{background} {!r}: the images of this data set have no background", options.background)
    return rules
