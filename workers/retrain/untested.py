"""A training that is over but for its test part, which could not be read: judged later, by its weights alone."""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from nas import plugins
from nas.builder import Builder
from nas.exports.output_file import write_text
from nas.exports.source import WEIGHTS_FILE
from workers.data.dataset import Dataset
from workers.latency.measurement_lock import locks_for, shared_step
from workers.retrain.data import FurtherPictures, Pictures
from workers.retrain.loop import Assignment, part_request
from workers.training.judgement import judge
from workers.training.normalisation import Normalisation
from workers.training.setting import Setting

# The metrics of the training, in its output folder; it is removed once the test part is judged.
UNTESTED_FILE = "untested.json"


def keep_untested(folder: Path, metrics: Mapping[str, Any]) -> None:
    """Record that the training is over and its weights are written, but its test part is not judged."""
    write_text("--output", folder / UNTESTED_FILE, json.dumps(dict(metrics), indent=2) + "\n")


def untested_metrics(folder: Path) -> dict[str, Any] | None:
    """The metrics of the training that waits for its test part in the folder; None where none does."""
    file = folder / UNTESTED_FILE
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None


def tested(job: Assignment, metrics: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Judge the folder's weights on the test part; return the metrics with its accuracy. Raises DataError."""
    torch.set_num_threads(job.threads)
    device = torch.device(job.device)
    builder: Builder = plugins.load(plugins.BUILDERS, job.builder)
    network = builder.build(job.architecture, job.model_input)
    network.load_state_dict(load_file(folder / WEIGHTS_FILE))
    setting = Setting.named(metrics["setting"])
    setting.place(network.to(device))
    dataset: Dataset = plugins.load(plugins.DATASETS, job.dataset)
    test = dataset.open(part_request(job), "test")
    pictures = Pictures.all_of(test, job.model_input.size_px, device)
    normalise = Normalisation.by_channel(metrics["mean"], metrics["std"], device)
    step_lock = partial(shared_step, locks_for(device.type, device.index))
    judgement = judge(network, FurtherPictures(pictures, normalise, job.metric), setting, step_lock=step_lock)
    return {**metrics, "test_accuracy": judgement.value}
