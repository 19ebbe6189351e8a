"""A search whose front is trained at a target, from end to end: front, weights, exports, and going on with it."""

import json
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors.torch import load
from sklearn.datasets import load_digits

import nas
from nas.store.check import check
from nas.store.store import Store
from nas.trial import Fidelity, TrialState
from tests.conftest import run_nas
from tests.integration.searching import QUICK, Searched, trials
from tests.serving import client_of

BUDGET = 8
TARGET = ["--target-epochs", "6", "--target-train-size", "300"]


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Searched:
    folder = tmp_path_factory.mktemp("target")
    result = run_nas([*QUICK, "--epochs", "1", "--budget", str(BUDGET), *TARGET, "--no-early-stopping"], folder)
    assert result.code == 0, result.err
    return Searched(folder, result)


def test_the_front_is_of_networks_that_were_trained_at_the_target(searched: Searched) -> None:
    study = nas.load_study(searched.url)
    rungs = [Fidelity(*rung) for rung in study.settings["ladder"]]
    assert (rungs[0].epochs, rungs[-1]) == (1, Fidelity(300, 6))
    assert study.front
    for member in study.front:
        climbed = {further.fidelity: further.outcome for further in member.result.trial.confirmations}
        assert list(climbed) == rungs[1:]
        final = climbed[rungs[-1]]
        assert member.accuracy == final.accuracy
        assert len(final.curve) == 6
        assert final.latency is not None
    shown = run_nas(["front", "--json"], searched.folder).json()
    assert [row["target_training"] for row in shown] == [{"images": 300, "epochs": 6}] * len(shown)
    for row in shown:
        low, high = row["accuracy_interval"]
        assert low < row["accuracy"] < high
        assert 0 < row["test_accuracy"] <= 1
    assert "300 images x 6 epochs" in searched.result.out
    assert check(searched.url) == []


def test_what_was_not_trained_at_the_target_is_on_no_front(searched: Searched) -> None:
    study = nas.load_study(searched.url)
    below = [trial for trial in study.trials if not trial.confirmations and trial.state is TrialState.COMPLETE]
    assert below
    assert {trial.number for trial in below}.isdisjoint(member.trial for member in study.front)


def test_an_export_right_after_the_search_is_a_trained_network(searched: Searched) -> None:
    """Judged without nas by a public runtime, on the very pictures of the test part."""
    exported = run_nas(["export", "--pick", "accuracy", "--format", "onnx", "--output", "net.onnx"], searched.folder)
    assert exported.code == 0, exported.err
    assert "weights as trained by the search" in exported.out
    best = nas.load_study(searched.url).best()
    session = onnxruntime.InferenceSession(searched.folder / "net.onnx")
    from workers.data.dataset import Request
    from workers.data.digits import DIGITS

    test = DIGITS.open(Request(), "test")
    size_px = session.get_inputs()[0].shape[2]
    images = test.images(np.arange(len(test.labels)), size_px)
    (logits,) = session.run(None, {session.get_inputs()[0].name: images})
    assert np.mean(logits.argmax(1) == test.labels) == pytest.approx(best.test_accuracy, abs=0.01)
    assert best.test_accuracy is not None
    assert best.test_accuracy > 0.5


def test_from_python_it_is_exported_with_its_weights(searched: Searched) -> None:
    best = nas.load_study(searched.url).best()
    best.export(searched.folder / "net", "torch")
    network = nas.load(str(searched.folder / "net"))
    digits = load_digits()
    pictures = [(picture * 15.9).astype("uint8") for picture in digits.images[:100]]
    predicted = [prediction.name for prediction in network.predict(pictures)]
    assert np.mean([name == str(label) for name, label in zip(predicted, digits.target, strict=False)]) > 0.5
    config = json.loads((searched.folder / "net" / "config.json").read_text())
    assert config["provenance"]["trained"]["test_accuracy"] == best.test_accuracy


def test_an_export_without_weights_claims_none(searched: Searched) -> None:
    """A config alone has no weights; a folder that is exported again, or trained further, says whose weights it has."""
    folder = searched.folder
    assert run_nas(["export", "--pick", "accuracy", "--output", "best.yaml"], folder).code == 0
    fresh = run_nas(["export", "best.yaml", "--format", "torch", "--output", "fresh"], folder)
    assert "weights are initial ones" in fresh.out, fresh.err
    provenance = json.loads((folder / "fresh" / "config.json").read_text())["provenance"]
    assert "trained" not in provenance
    assert provenance["trained_elsewhere"]["images"] == 300
    assert run_nas(["export", "--pick", "accuracy", "--format", "torch", "--output", "best"], folder).code == 0
    again = run_nas(["export", "best", "--format", "onnx", "--output", "again.onnx"], folder)
    assert "weights as trained by the search" in again.out, again.err
    longer = run_nas(["retrain", "best", "--epochs", "1", "--threads", "1", "--output", "longer"], folder)
    assert longer.code == 0, longer.err
    exported = run_nas(["export", "longer", "--format", "onnx", "--output", "longer.onnx"], folder)
    assert "weights as trained by nas retrain" in exported.out
    (folder / "best" / "weights.safetensors").unlink()
    broken = run_nas(["export", "best", "--format", "onnx", "--output", "no.onnx"], folder)
    assert (broken.code, "weights.safetensors is missing" in broken.err) == (2, True)


def test_the_services_downloads_and_copies_of_the_study_have_the_weights(searched: Searched, tmp_path: Path) -> None:
    best = nas.load_study(searched.url).best()
    best.export(tmp_path / "net", "torch")
    expected = (tmp_path / "net" / "weights.safetensors").read_bytes()
    with Store.open(searched.url, create=False) as store, client_of(store, searched.url) as client:
        answer = client.get(f"/api/v1/studies/{best.record.name}/trials/{best.trial}/export/torch")
    with ZipFile(BytesIO(answer.content)) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("weights.safetensors")]
        assert load(archive.read(name)).keys() == load(expected).keys()
        assert all(torch.equal(value, load(expected)[key]) for key, value in load(archive.read(name)).items())
    copied = run_nas(["db", "copy", "--to", f"sqlite:///{tmp_path / 'copy.db'}"], searched.folder)
    assert copied.code == 0, copied.err
    nas.load_study(f"sqlite:///{tmp_path / 'copy.db'}").best().export(tmp_path / "copied", "torch")
    weights = load((tmp_path / "copied" / "weights.safetensors").read_bytes())
    assert all(torch.equal(value, load(expected)[key]) for key, value in weights.items())


def test_the_worth_of_its_short_trainings_is_shown(searched: Searched) -> None:
    shown = run_nas(["fidelity", "--json"], searched.folder).json()
    assert shown["rungs"][0]["trained"] == BUDGET
    assert (shown["rungs"][-1]["images"], shown["rungs"][-1]["epochs"]) == (300, 6)
    assert len(shown["conclusion"]) == 2


def test_the_same_command_goes_on_with_the_same_ladder(searched: Searched) -> None:
    more = run_nas(
        [*QUICK, "--epochs", "1", "--budget", str(BUDGET + 2), *TARGET, "--no-early-stopping"], searched.folder
    )
    assert more.code == 0, more.err
    assert len(trials(searched.folder)) == BUDGET + 2
    names = [study.name for study in [nas.load_study(searched.url)]]
    assert len(names) == 1


@pytest.mark.parametrize(
    "options",
    [["--target-epochs", "7"], ["--target-training", "none"], ["--target-train-size", "310"], ["--confirm", "1"]],
)
def test_a_study_keeps_its_target(options: list[str], searched: Searched) -> None:
    study = nas.load_study(searched.url).name
    refused = run_nas([*QUICK, "--epochs", "1", "--study", study, "--budget", "20", *options], searched.folder)
    assert (refused.code, len(refused.err.splitlines())) == (2, 1), refused.err
    assert "was begun with a target training of 300 images x 6 epochs; name another --study" in refused.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--target-epochs", "6", "--confirm", "2"], "--target-epochs 6 with --confirm 2"),
        (["--target-epochs", "6", "--target-training", "none"], "--target-epochs 6 with --target-training none"),
        (["--target-train-size", "100000"], "--target-train-size 100000 is more than the "),
        (["--target-epochs", "1", "--epochs", "4", "--target-train-size", "200"], "is none for trials of"),
        (["--target-training", "long"], "--target-training 'long'"),
        (["--target-epochs", "6", "--evaluator", "supernet"], "--target-epochs 6 with --evaluator supernet"),
    ],
)
def test_a_target_that_cannot_be_is_refused_in_one_line(options: list[str], message: str, tmp_path: Path) -> None:
    refused = run_nas([*QUICK, "--budget", "4", *options], tmp_path)
    assert (refused.code, len(refused.err.splitlines())) == (2, 1), refused.err
    assert message in refused.err
    assert not (tmp_path / "nas.db").exists()
