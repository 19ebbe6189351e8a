"""The settings that all trials of a study share, read by name and type."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from nas.architecture import ModelInput
from nas.objective import OBJECTIVES, Objective, recorded_objective
from nas.results.ladder import LADDER_SETTING, Ladder
from nas.results.limits import MIN_ACCURACY_SETTING, Limits
from nas.results.metric import METRIC_SETTING, metric_label, metric_name

# Settings of a study's data that are on record only where they are not the default: the user's augmentation and metric,
# and whether splits are stratified by class.
FLIP_SETTING, SHIFT_SETTING, SPLIT_SETTING = "flip", "shift", "split"
DATA_SETTINGS = (FLIP_SETTING, SHIFT_SETTING, METRIC_SETTING, SPLIT_SETTING)
STRATIFIED = "stratified"
# The digests of the sources of other packages' mixers, by their names.
MIXER_SOURCES = "mixer_sources"
# Key for the way that pictures are fitted to the input's size, in settings; only where it is not the data set's own.
RESIZE_SETTING = "resize"
# Key for the colour behind pictures, as #rrggbb; only where it is not grey.
BACKGROUND_SETTING = "background"
PICTURE_SETTINGS = (RESIZE_SETTING, BACKGROUND_SETTING)


@dataclass(frozen=True, eq=False)
class ComparableSettings(Mapping[str, Any]):
    """The settings without which trials could not be compared: typed attributes over the JSON values on record.

    As a mapping it holds the values as they were recorded, those of other versions and other packages' evaluators
    included. An attribute whose value is not on record raises KeyError, unless earlier versions did without it.
    """

    record: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.record[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.record)

    def __len__(self) -> int:
        return len(self.record)

    def subset(self, *names: str) -> dict[str, Any]:
        """Return the values of these names that are on record."""
        return {name: self[name] for name in names if name in self}

    @property
    def space(self) -> str:
        return str(self["space"])

    @property
    def space_key(self) -> str | None:
        """The space's content; None where it was not recorded."""
        return self.get("space_key")

    @property
    def evaluator(self) -> str:
        return str(self["evaluator"])

    @property
    def dataset(self) -> str:
        return str(self["dataset"])

    @property
    def target(self) -> str:
        """The first target, on which the latency limit holds."""
        return str(self["target"])

    @property
    def fingerprint(self) -> Mapping[str, Any]:
        """The fingerprint of measurements on the first target."""
        fingerprint: Mapping[str, Any] = self["fingerprint"]
        return fingerprint

    @property
    def fingerprints(self) -> dict[str, Mapping[str, Any]]:
        """The fingerprints of measurements on the targets, by target; the first target comes first."""
        return {self.target: self.fingerprint, **self.get("further_targets", {})}

    @cached_property
    def objectives(self) -> tuple[Objective, ...]:
        """The objectives; studies of earlier versions had two."""
        return tuple(map(recorded_objective, self.get("objectives", [objective.name for objective in OBJECTIVES])))

    @property
    def limits(self) -> Limits:
        """The user's limits; earlier versions had no least accuracy."""
        return Limits(self.get("max_latency_ms"), self.get(MIN_ACCURACY_SETTING))

    @property
    def ladder(self) -> Ladder | None:
        """The ladder of fidelities; None where the front is of the trials' own trainings."""
        rungs = self.get(LADDER_SETTING)
        return None if rungs is None else Ladder.from_setting(rungs)

    @property
    def metric(self) -> str:
        """The name of the measure that stands for accuracy, a value of --metric."""
        return metric_name(self)

    @property
    def metric_label(self) -> str:
        """The words for the measure that stands for accuracy."""
        return metric_label(self)

    @property
    def seed(self) -> int:
        return int(self["seed"])

    @property
    def epochs(self) -> int:
        """The epochs of a trial; 1 where the evaluator has none."""
        return int(self.get("epochs", 1))

    @property
    def train_size(self) -> int | None:
        """The number of training images; None where the evaluator has none."""
        return self.get("train_size")

    @property
    def is_stratified(self) -> bool:
        """Whether the training and validation images are split by class."""
        return bool(self.get(SPLIT_SETTING) == STRATIFIED)

    @property
    def resize(self) -> str | None:
        """The way that pictures are fitted to the input's size; None is the data set's own."""
        return self.get(RESIZE_SETTING)

    @property
    def background(self) -> str | None:
        """The colour behind transparent pictures; None is the data set's own."""
        return self.get(BACKGROUND_SETTING)

    @property
    def mixer_sources(self) -> Mapping[str, str]:
        """The digests of the sources of other packages' mixers, by their names; earlier versions recorded none."""
        sources: Mapping[str, str] = self.get(MIXER_SOURCES, {})
        return sources

    @property
    def input(self) -> ModelInput:
        """The shape of the images that trials are trained on."""
        return ModelInput.from_dict(self["input"])

    @property
    def latency_input(self) -> ModelInput:
        """The shape of the images that latency is measured with on the first target."""
        return ModelInput.from_dict(self["latency_input"])

    def narrowed(self, limits: Limits) -> "ComparableSettings":
        """Return the settings with the narrower of their limits and these."""
        return ComparableSettings({**self, **asdict(self.limits.narrowed(limits))})
