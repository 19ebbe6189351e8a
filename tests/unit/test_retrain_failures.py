"""The ends of a retraining that fails, and the inputs by which an output folder knows its training."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from ray.exceptions import RayActorError
from ray.train.v2.api.exceptions import ControllerError, WorkerGroupError

from nas.errors import (
    DataError,
    NasError,
    OptionError,
    ParameterError,
    PluginError,
    ProgramError,
    SearchInterruptedError,
    SpaceFileError,
    TooBigError,
    UnknownNameError,
)
from nas.exports.training import TrainingRecipe
from workers.retrain.failure import training_error
from workers.retrain.record import SETTINGS_FILE, digest_settings, recorded
from workers.training.steps import NonFiniteLossError

RECIPE = TrainingRecipe(1, 32, 0.5)


def by_workers(*causes: Exception) -> WorkerGroupError:
    return WorkerGroupError("Traceback: line 1\nlast line", dict(enumerate(causes)))


@pytest.mark.parametrize(
    "error",
    [
        DataError("broken.jpg is broken"),
        UnknownNameError("mixer", "magic", ["pool", "conv"]),
        SpaceFileError(["line 1: wrong", "line 2: wrong"]),
        OptionError("{epochs} {} is too much", 3),
        PluginError("mixer 'x' cannot be loaded"),
        TooBigError("too big"),
    ],
)
def test_a_users_error_in_a_worker_stays_what_it_is(error: NasError, tmp_path: Path) -> None:
    sent = pickle.loads(pickle.dumps(error))
    assert (type(sent), str(sent), sent.args, vars(sent)) == (type(error), str(error), error.args, vars(error))
    # The other worker lost the connection when the first one failed.
    raised = training_error(by_workers(RuntimeError("connection closed by peer"), sent), RECIPE, tmp_path)
    assert raised is sent
    assert raised.exit_code == 2


def test_what_another_attempt_would_repeat_says_so(tmp_path: Path) -> None:
    rate = training_error(by_workers(NonFiniteLossError("training loss became nan")), RECIPE, tmp_path)
    assert str(rate) == "--learning-rate 0.5 is too high: training loss became nan"
    memory = training_error(by_workers(MemoryError("no room")), RECIPE, tmp_path)
    assert isinstance(memory, ParameterError)
    assert "--batch-size" in str(memory)
    mistake = training_error(by_workers(TypeError("an int is no str")), RECIPE, tmp_path)
    assert isinstance(mistake, ProgramError)
    assert "goes on" not in str(mistake)
    assert "TypeError: an int is no str" in str(mistake)
    assert "last line" in (tmp_path / "traceback.txt").read_text()


@pytest.mark.parametrize(
    "error",
    [
        by_workers(RayActorError()),
        by_workers(OSError(28, "No space left on device")),
        # Of several workers one is lost.
        by_workers(RuntimeError("connection closed by peer"), RayActorError()),
        ControllerError(RuntimeError("no resources")),
        OSError(28, "No space left on device"),
    ],
)
def test_a_breakdown_may_pass(error: Exception, tmp_path: Path) -> None:
    raised = training_error(error, RECIPE, tmp_path)
    assert isinstance(raised, SearchInterruptedError)
    assert "the same command goes on" in str(raised)


def again(folder: Path, settings: dict[str, Any]) -> dict[str, Any]:
    return recorded(folder, settings, has_trained=True)


def trained_from(folder: Path, content: bytes, **changed: Any) -> dict[str, Any]:
    weights = folder / "weights.safetensors"
    weights.write_bytes(content)
    return {"key": "k", "dataset": "digits", "started_from": "weights", **digest_settings(weights), **changed}


def test_an_output_folder_knows_its_weights_and_pictures(tmp_path: Path) -> None:
    pictures = {"data_content": {"digest": "d", "pictures": {"cat": 3}}}
    kept = again(tmp_path, trained_from(tmp_path, b"a", **pictures))
    assert again(tmp_path, trained_from(tmp_path, b"a", **pictures)) == kept
    with pytest.raises(ParameterError, match="holds a training that started from other weights; name another folder"):
        again(tmp_path, trained_from(tmp_path, b"b", **pictures))
    more = {"data_content": {"digest": "e", "pictures": {"cat": 4}}}
    with pytest.raises(ParameterError, match=r"on other pictures than 'digits' [(]cat: 3 pictures, now 4 pictures"):
        again(tmp_path, trained_from(tmp_path, b"a", **more))
    # The same pictures under another path.
    moved = trained_from(tmp_path, b"a", **pictures) | {"dataset": "imagefolder:moved"}
    assert again(tmp_path, moved) == moved
    # Nothing was trained before a picture was mended.
    assert recorded(tmp_path, trained_from(tmp_path, b"a", **more), has_trained=False)["data_content"]["digest"] == "e"


def test_a_training_of_an_earlier_version_goes_on_without_digests(tmp_path: Path) -> None:
    earlier = {"key": "k", "dataset": "digits", "started_from": "weights"}
    (tmp_path / SETTINGS_FILE).write_text(json.dumps(earlier))
    pictures = {"data_content": {"digest": "d", "pictures": {"cat": 3}}}
    assert again(tmp_path, trained_from(tmp_path, b"a", **pictures)) == earlier
    # What it started from is not known, and not invented.
    assert json.loads((tmp_path / SETTINGS_FILE).read_text()) == earlier
    with pytest.raises(ParameterError, match="key 'k', not 'other'"):
        again(tmp_path, trained_from(tmp_path, b"a", key="other"))
