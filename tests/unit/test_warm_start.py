"""Warm starts: the architectures that are tried first, and the prior of a finished study."""

from collections.abc import Callable
from pathlib import Path

import pytest
from scipy.stats import spearmanr

from nas.errors import ParameterError
from nas.results.front import front, results
from nas.space.loading import load_space
from nas.store.store import Store
from nas.study.warm_start import MIN_RESULTS_FOR_PRIOR, warm_start
from tests.builders import small_space, synthetic
from tests.conftest import Finished
from tests.integration.searching import QUICK, trials
from tests.studies import make_study, open_study


@pytest.fixture
def url(tmp_path: Path) -> str:
    made = f"sqlite:///{tmp_path / 'nas.db'}"
    make_study(made, name="finished", budget=30)
    return made


def test_a_studys_front_comes_first_and_its_accuracies_are_a_prior(url: str) -> None:
    space = small_space()
    with Store.open(url, create=False) as store:
        record = store.study("finished")
        members = [
            member.trial.architecture for member in front(results(store.trials(record.study_id), record.settings))
        ]
        start = warm_start(["finished"], store, space, "new")
        assert list(start.architectures) == members
        (expected,) = start.priors
        everyone = list(space)
        ranks = spearmanr(
            [expected(member) for member in everyone], [-synthetic(member).accuracy for member in everyone]
        )
        assert ranks.statistic > 0.95
        study = open_study(store, url, name="new", budget=10)
        study.enqueue(start.architectures)
        study.enqueue(start.architectures)
        asked = [study.ask() for _ in range(10)]
        assert [trial.architecture for trial in asked[: len(members)]] == members
        assert study.ask() is None


def test_small_studies_inform_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'nas.db'}"
    make_study(url, name="short", budget=MIN_RESULTS_FOR_PRIOR - 1)
    with Store.open(url, create=False) as store:
        start = warm_start(["short"], store, small_space(), "new")
    assert start.architectures
    assert start.priors == ()


def test_published_models_that_are_members(url: str) -> None:
    with Store.open(url, create=False) as store:
        start = warm_start(["published"], store, load_space("imagenet-v1"), "new")
        named = warm_start(["poolformer_s12"], store, load_space("imagenet-v1"), "new")
    assert len(start.architectures) > 1
    assert named.architectures[0] in start.architectures


@pytest.mark.parametrize(
    ("name", "said"),
    [("nothing", "no study here (finished)"), ("new", "the study itself"), ("published", "is a member of space")],
)
def test_what_cannot_be_started_from_is_named(url: str, name: str, said: str) -> None:
    with Store.open(url, create=False) as store, pytest.raises(ParameterError) as raised:
        warm_start([name], store, small_space(), "new")
    assert said in str(raised.value)
    assert repr(name) in str(raised.value)


def test_a_search_starts_from_another_ones_front(nas: Callable[..., Finished], tmp_path: Path) -> None:
    assert nas(*QUICK, "--budget", "2", "--study", "first").code == 0
    first = nas("front", "--study", "first", "--json").json()
    second = nas(*QUICK, "--budget", "3", "--study", "second", "--seed", "7", "--start-from", "first")
    assert second.code == 0, second.err
    keys = [trial.architecture.key for trial in trials(tmp_path)]
    assert keys[: len(first)] == [member["key"] for member in first]
    wrong = nas(*QUICK, "--budget", "4", "--study", "third", "--start-from", "nowhere")
    assert wrong.code == 2
    assert "--start-from 'nowhere'" in wrong.err
    assert len(wrong.err.strip().splitlines()) == 1
    assert [study["study"] for study in nas("studies", "--json").json()] == ["second", "first"]
