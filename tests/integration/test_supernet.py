"""`--evaluator supernet` and `nas supernet` as a user runs them: a real Ray, real training, kept small."""

import json
import os
import signal
from pathlib import Path

import pytest

from nas.store.artifact import Artifact
from nas.store.store import Store
from tests.conftest import run_nas
from tests.integration.searching import QUICK, RunningSearch, trials, wait_for_end
from workers.supernet.evaluator import CHECKED_MEMBERS

# Each of a supernet's checked members is trained by itself, which is most of a short search's time.
SPACE = """\
stages:
  - {mixers: [pool, conv], depths: [1, 2], widths: [8]}
  - {mixers: [pool, conv], depths: [1], widths: [16]}
"""
MEMBERS = 8
MADE_OF = ("--space", "hybrid", "--epochs", "1", "--train-size", "100", "--workers", "1", "--latency-precision", "20%")


def supernets(folder: Path) -> list[Artifact]:
    if not (folder / "nas.db").exists():
        return []
    with Store.open(f"sqlite:///{folder / 'nas.db'}", create=False) as store:
        return store.artifacts("supernet")


def test_a_search_by_a_supernet_confirms_its_front_by_trainings_of_its_own(tmp_path: Path) -> None:
    """So little training makes a supernet that is no guide, which is said; the search ends all the same."""
    (tmp_path / "space.yaml").write_text(SPACE)
    space = ("--space", "space.yaml", "--supernet-epochs", "1")
    searched = run_nas((*QUICK, *space, "--evaluator", "supernet", "--budget", "4", "--confirm", "1"), tmp_path)
    assert searched.code == 0, searched.err
    assert "supernet trained: epoch 1" in searched.out
    assert f"supernet audited: members {MEMBERS}" in searched.out
    recorded = trials(tmp_path)
    assert len(recorded) == 4
    for trial in recorded:
        assert trial.outcome.figures["inherited_log_likelihood"] < 0
        assert trial.outcome.curve == ()
    confirmed = [each for trial in recorded for each in trial.confirmations]
    assert confirmed
    assert all(len(each.outcome.curve) == 1 and each.outcome.accuracy is not None for each in confirmed)

    (one,) = json.loads(run_nas(["supernet", "info", "--json"], tmp_path).out)
    assert one["epochs"] == one["of_epochs"] == 1
    assert len(one["audit"]) == len(one["audit_losses"]) == MEMBERS
    assert -1 <= one["stages"][0]["tau"] <= 1

    assert run_nas(["db", "check"], tmp_path).code == 0

    exported = run_nas(["export", "--output", "best.yaml"], tmp_path)
    assert exported.code == 0, exported.err
    judged = run_nas(["supernet", "evaluate", "best.yaml", *MADE_OF, *space, "--json"], tmp_path)
    assert judged.code == 0, judged.err
    line = json.loads(judged.out)
    of_search = {trial.architecture.key: trial for trial in trials(tmp_path)}[line["key"]]
    assert line["accuracy"] == of_search.outcome.accuracy


@pytest.mark.slow
def test_a_later_search_takes_the_supernet_on_record(tmp_path: Path) -> None:
    command = (*QUICK, "--evaluator", "supernet", "--supernet-epochs", "1", "--budget", "2", "--confirm", "1")
    assert run_nas(command, tmp_path).code == 0
    again = run_nas((*command, "--max-latency", "1000", "--study", "another"), tmp_path)
    assert again.code == 0, again.err
    assert "supernet on record" in again.out
    assert "supernet trained" not in again.out


@pytest.mark.slow
def test_a_killed_training_goes_on(tmp_path: Path) -> None:
    command = ("supernet", "train", *MADE_OF, "--supernet-epochs", "8")
    training = RunningSearch(tmp_path, *command)
    training.wait_until(lambda: any(each.details["epochs"] >= 2 for each in supernets(tmp_path)))
    family = training.descendants()
    os.killpg(training.process.pid, signal.SIGKILL)
    training.finish()
    assert wait_for_end(family) == []
    (left,) = supernets(tmp_path)
    assert left.details["epochs"] < 8
    ended = run_nas(command, tmp_path)
    assert ended.code == 0, ended.err
    assert f"epoch {left.details['epochs'] + 1}, of 8" in ended.err
    assert "epoch 1, of 8" not in ended.err
    (whole,) = supernets(tmp_path)
    assert [stage["epoch"] for stage in whole.details["stages"]] == list(range(1, 9))
    assert len(whole.details["audit"]) == CHECKED_MEMBERS


def test_what_is_no_member_cannot_be_judged(tmp_path: Path) -> None:
    (tmp_path / "nas.db").touch()
    assert "no supernet is recorded" in run_nas(["supernet", "info"], tmp_path).out
    for config, named in (("nothing.yaml", "no config file"), ("caformer_s18", "stem recipe is not one of")):
        missing = run_nas(["supernet", "evaluate", config, *MADE_OF], tmp_path)
        assert missing.code == 2
        assert config in missing.err
        assert named in missing.err
