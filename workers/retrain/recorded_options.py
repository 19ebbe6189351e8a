"""The options of a training that are on record: those of the study that its config was found in, for the same data."""

import json

from nas.evaluation import with_recorded_data
from nas.exports.training import TrainingOptions
from nas.results.settings import SPLIT_SETTING, STRATIFIED
from workers.retrain.record import SETTINGS_FILE

# A provenance has it where the config is a study's.
STUDY = "study"


def with_recorded(options: TrainingOptions) -> TrainingOptions:
    """Fill in augmentation and metric as the config's study had them, if the training is on the study's data set.

    Raises OptionError where the config has a value that is no option's.
    """
    provenance = options.source.config.provenance
    recorded = provenance if options.dataset == provenance.get("dataset") else {}
    completed = with_recorded_data(options, recorded)
    completed.check()
    return completed


def is_of_study(options: TrainingOptions) -> bool:
    """Whether the config is of a study on the training's data set."""
    provenance = options.source.config.provenance
    return STUDY in provenance and options.dataset == provenance.get("dataset")


def may_stratify(options: TrainingOptions) -> bool:
    """Whether splits may be stratified by class: not where the study, or the training that goes on, began without."""
    if is_of_study(options):
        return options.source.config.provenance.get(SPLIT_SETTING) == STRATIFIED
    recorded = options.output / SETTINGS_FILE
    return not recorded.is_file() or SPLIT_SETTING in json.loads(recorded.read_text(encoding="utf-8"))
