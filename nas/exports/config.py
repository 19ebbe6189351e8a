"""Config of an exported architecture: the network, its input and the provenance of its figures."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from nas import plugins
from nas.architecture import SCHEMA_VERSION, Architecture, ModelInput
from nas.errors import ParameterError
from nas.exports.preprocessing import Preprocessing
from nas.results.front import Result
from nas.results.settings import DATA_SETTINGS, PICTURE_SETTINGS
from nas.store.store import StudyRecord

CONFIG_FILE = "config.json"
# Key in the provenance under which `nas retrain` documents the weights beside the config.
RETRAINED = "retrained"
# Key under which an export documents the weights of a search's training at its target.
TRAINED = "trained"
TRAINING_SETTINGS = ("input", "epochs", "train_size", "batch_size", "learning_rate", *PICTURE_SETTINGS)


@dataclass(frozen=True)
class ExportedConfig:
    """A network's description, and its provenance: facts about its study, which do not change the network."""

    architecture: Architecture
    model_input: ModelInput
    builder: str
    provenance: Mapping[str, Any]
    preprocessing: Preprocessing | None = None
    """That of the trained weights; None without any."""
    raw_input: bool = False
    """Whether a format that can hold the normalisation leaves it out."""
    free_size: bool = False
    """Whether a format that can leaves height and width of images to the user."""

    @property
    def seed(self) -> int:
        """The seed of fresh weights: that of the trial's training, where there was one."""
        return int(self.provenance.get("seed", 0))

    def weights_note(self, weights: Path | None) -> str:
        """Describe the weights that come with this config: those of a file, or initial ones without a file."""
        if weights is not None:
            if RETRAINED in self.provenance:
                return "weights as trained by nas retrain"
            return "weights as trained by the search" if TRAINED in self.provenance else f"weights as in {weights}"
        return f"weights are initial ones (seed {self.seed}), not trained: nas retrain trains them"

    def resized(self, height_px: int, width_px: int) -> "ExportedConfig":
        """Return the config for images of another size; its provenance records the input of the figures."""
        other = replace(self.model_input, height_px=height_px, width_px=width_px)
        if other == self.model_input:
            return self
        return replace(
            self,
            model_input=other,
            provenance={"figures_of_input": self.model_input.to_dict()} | dict(self.provenance),
            preprocessing=None if self.preprocessing is None else self.preprocessing.resized(height_px, width_px),
        )

    def untrained(self) -> "ExportedConfig":
        """Return the config without weights: its provenance marks a training as that of weights that are not here."""
        provenance = {
            f"{name}_elsewhere" if name in (RETRAINED, TRAINED) else name: value
            for name, value in self.provenance.items()
        }
        return replace(self, provenance=provenance, preprocessing=None)

    def to_dict(self) -> dict[str, Any]:
        return {
            "schema_version": SCHEMA_VERSION,
            "architecture": self.architecture.to_dict(),
            "input": self.model_input.to_dict(),
            "builder": self.builder,
            **({} if self.preprocessing is None else {"preprocessing": self.preprocessing.to_dict()}),
            "provenance": dict(self.provenance),
        }


def config_of(result: Result, record: StudyRecord) -> ExportedConfig:
    """Build the config of a study's trial, with the input at which the latency was measured."""
    settings = record.settings
    trial = result.trial
    environment = dict(trial.outcome.environment) if trial.outcome else {}
    fingerprint = dict(result.latency.fingerprint)
    return ExportedConfig(
        architecture=trial.architecture,
        model_input=settings.latency_input,
        builder=plugins.BUILDER,
        provenance={
            "study": record.name,
            "trial": trial.number,
            "key": trial.architecture.key,
            "accuracy": result.accuracy,
            "accuracy_std": result.accuracy_std,
            "seeds": len(result.reported),
            "latency_ms": result.latency.median,
            "latency_iqr_ms": result.latency.iqr,
            "parameters": result.parameters,
            "figures": dict(result.figures),
            "target": {"name": settings.target, **fingerprint},
            "dataset": settings.dataset,
            **settings.subset(*DATA_SETTINGS),
            "training": settings.subset(*TRAINING_SETTINGS),
            "seed": trial.seed,
            "study_seed": settings.seed,
            "environment": environment,
        },
    )


def load_config(path: Path) -> ExportedConfig:
    """Read a YAML or JSON config. Raises ParameterError if it is unreadable, not a config or of a newer schema."""
    if path.exists() and not path.is_file():
        raise ParameterError(f"config {str(path)!r} is not a regular file")
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ParameterError(f"config {str(path)!r} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ParameterError(f"config {str(path)!r} is neither YAML nor JSON: {str(error).splitlines()[0]}") from error
    if not isinstance(data, dict) or not isinstance(data.get("schema_version"), int):
        raise ParameterError(f"config {str(path)!r} has no schema_version: it is not a config written by `nas export`")
    if data["schema_version"] > SCHEMA_VERSION:
        raise ParameterError(
            f"config {str(path)!r} has schema_version {data['schema_version']}, newer than {SCHEMA_VERSION} of this "
            "program: upgrade hybrid-nas"
        )
    if missing := {"architecture", "input", "builder"} - data.keys():
        raise ParameterError(f"config {str(path)!r} lacks {', '.join(sorted(missing))}")
    provenance = data.get("provenance") or {}
    if not isinstance(provenance, dict) or not isinstance(provenance.get("seed", 0), int):
        raise ParameterError(f"config {str(path)!r}: provenance must be a mapping, and its seed an integer")
    preprocessing, model_input = data.get("preprocessing"), ModelInput.from_dict(data["input"])
    return ExportedConfig(
        architecture=Architecture.from_dict(data["architecture"]),
        model_input=model_input,
        builder=str(data["builder"]),
        provenance=provenance,
        preprocessing=None if preprocessing is None else Preprocessing.from_dict(preprocessing),
    )
