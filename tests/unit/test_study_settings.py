"""A study's settings: what its trials share, its space, and the conditions that change on its way."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nas import plugins
from nas.architecture import ModelInput
from nas.errors import ParameterError
from nas.results.limits import Limits
from nas.space import SearchSpace
from nas.space.constraint import Constraints, Limit
from nas.space.declaration import space_from_dict, space_to_dict
from nas.space.loading import load_space
from nas.store.copying import copy
from nas.store.store import Store
from nas.study import opening
from nas.study.preparation import going_on, prepared
from nas.study.search import record_conditions
from nas.study.search_options import SearchOptions
from nas.study.settings import Conditions, Session, StudySettings
from tests.builders import Silent, small_space
from tests.studies import INPUT, make_study, settings

# A database that was made just before settings recorded more than what trials share.
STUDY = Path(__file__).parent.parent / "data" / "study_before_recorded_settings.sql"
CONDITIONS = Conditions.of_search(SearchOptions(sampler="random"))


class Noting(Silent):
    """A watcher that keeps what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.notes: list[tuple[str, str]] = []

    def noted(self, event: str, fields: Mapping[str, Any]) -> None:
        self.notes.append((event, fields["message"]))


@pytest.fixture
def earlier(tmp_path: Path) -> str:
    """The URL of a database with a study of an earlier version."""
    file = tmp_path / "earlier.db"
    with sqlite3.connect(file) as connection:
        connection.executescript(STUDY.read_text())
    return f"sqlite:///{file}"


def spaces() -> Sequence[SearchSpace]:
    constrained = replace(
        small_space(), constraints=Constraints(order=(("pool",), ("conv",)), limits=(Limit("total_depth", most=3),))
    )
    named = [load_space(name) for name in plugins.names(plugins.SPACES)]
    return [small_space(), constrained, *named, load_space("hybrid-16@l")]


@pytest.mark.parametrize("space", spaces(), ids=lambda space: space.name)
def test_a_space_is_the_same_after_it_was_recorded(space: SearchSpace) -> None:
    again = space_from_dict(json.loads(json.dumps(space_to_dict(space), allow_nan=False)))
    assert again == replace(space, variants=())
    assert again.key == space.key


def test_settings_are_the_same_after_they_were_recorded() -> None:
    begun = StudySettings(settings(space_key=small_space().key)).with_session(small_space(), CONDITIONS, 10.0)
    again = StudySettings.from_dict(json.loads(json.dumps(begun.to_dict())))
    assert again == begun
    assert again.space() == small_space()
    assert again.comparable == settings(space_key=small_space().key)


def test_settings_keep_what_they_do_not_know_and_have_types() -> None:
    record = {**settings(max_latency_ms=3.0), "of_another_package": {"k": [1, 2]}}
    shared = StudySettings.from_dict(json.loads(json.dumps(record))).comparable
    assert dict(shared) == record
    assert (shared.dataset, shared.target, shared.epochs, shared.seed) == ("digits", "cpu", 2, 0)
    assert shared.limits == Limits(3.0, None)
    assert shared.latency_input == ModelInput.from_dict(INPUT)
    assert shared.metric_label == "accuracy"


def test_settings_of_version_0_1_have_what_later_ones_record() -> None:
    names = ("objectives", "further_targets", "max_latency_ms", "space_key")
    shared = StudySettings.from_dict(
        {name: value for name, value in settings().items() if name not in names}
    ).comparable
    assert [objective.name for objective in shared.objectives] == ["accuracy", "latency_ms"]
    assert shared.fingerprints == {"cpu": {"target": "cpu"}}
    assert shared.limits == Limits()
    assert shared.space_key is None
    assert not shared.is_stratified
    with pytest.raises(KeyError, match="dataset"):
        _ = StudySettings.from_dict({}).comparable.dataset


def test_settings_of_an_earlier_version_load() -> None:
    old = StudySettings.from_dict(settings())
    assert old.space() is None
    assert old.sessions == ()
    assert old.conditions_at(5.0) is None


def test_each_trial_has_the_conditions_of_its_session() -> None:
    other = replace(CONDITIONS, sampler="ehvi", budget=300, versions={**CONDITIONS.versions, "torch": "9"})
    begun = StudySettings({}).with_session(small_space(), CONDITIONS, 10.0)
    assert begun.with_session(small_space(), CONDITIONS, 20.0) == begun
    changed = begun.with_session(small_space(), other, 30.0)
    assert changed.sessions == (Session(10.0, CONDITIONS), Session(30.0, other))
    assert [changed.conditions_at(at) for at in (5.0, 10.0, 29.0, 30.0)] == [None, CONDITIONS, CONDITIONS, other]
    torch = CONDITIONS.versions["torch"]
    assert other.changes_since(CONDITIONS) == [
        "sampler random, now ehvi",
        "budget 200, now 300",
        f"torch {torch}, now 9",
    ]


def test_a_changed_sampler_is_told_and_recorded(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'nas.db'}"
    make_study(url, budget=4)
    watcher = Noting()
    with Store.open(url, create=False) as store:
        for options in (
            SearchOptions(sampler="random"),
            SearchOptions(sampler="random"),
            SearchOptions(sampler="ehvi", early_stopping=False),
        ):
            record_conditions(options, small_space(), store, store.study(), watcher)
        record = store.study()
    assert watcher.notes == [
        ("changed", "since the trials before: sampler random, now ehvi; early stopping on, now off")
    ]
    assert record.settings == settings()
    sessions = StudySettings.from_record(record).sessions
    assert [session.conditions.sampler for session in sessions] == ["random", "ehvi"]
    copy(url, f"sqlite:///{tmp_path / 'copy.db'}")
    with Store.open(f"sqlite:///{tmp_path / 'copy.db'}", create=False) as store:
        assert store.study().recorded == record.recorded


def test_a_study_goes_on_without_its_space_file(tmp_path: Path) -> None:
    url, space = f"sqlite:///{tmp_path / 'nas.db'}", load_space("hybrid-16")
    mine = replace(space, name="mine", stages=space.stages[:2], starts=())
    with Store.open(url, create=True) as store:
        opening.open_study(store, url, "study", settings(space="mine", space_key=mine.key))
    options = SearchOptions(
        space=str(tmp_path / "mine.yaml"), study="study", storage=url, device="cpu", latency_precision=0.2
    )
    # Nothing is known of the space yet: its file is asked for.
    assert going_on(options).recorded_space is None
    with Store.open(url, create=False) as store:
        record_conditions(options, mine, store, store.study(), Silent())
    for name in (options.space, "mine"):
        resumed = going_on(replace(options, space=name))
        resumed.check()
        assert resumed.recorded_space == mine
    assert prepared(resumed).space.key == mine.key
    # Another size is another space, and so is one that is installed.
    assert going_on(replace(options, size="l")).recorded_space is None
    assert going_on(replace(options, space="hybrid")).recorded_space is None


def test_a_study_goes_on_in_its_space_that_an_earlier_version_declared_otherwise(tmp_path: Path) -> None:
    url, now = f"sqlite:///{tmp_path / 'nas.db'}", load_space("hybrid-16")
    earlier = replace(now, stages=now.stages[:2], starts=())
    with Store.open(url, create=True) as store:
        opening.open_study(store, url, "study", settings(space="hybrid-16", space_key=earlier.key))
        record_conditions(SearchOptions(), earlier, store, store.study(), Silent())
        opening.open_study(store, url, "current", settings(space="hybrid-16", space_key=now.key))
        record_conditions(SearchOptions(), now, store, store.study("current"), Silent())
    options = SearchOptions(study="study", storage=url)
    # By the name of the family, or of the one for these images.
    for name in ("hybrid", "hybrid-16"):
        assert going_on(replace(options, space=name)).recorded_space == earlier
        assert going_on(replace(options, space=name, study="current")).recorded_space is None
    assert going_on(replace(options, space="hybrid-v1")).recorded_space is None


def test_a_study_of_an_earlier_version_opens_and_exports(earlier: str, tmp_path: Path, nas: Any) -> None:
    with Store.open(earlier, create=False) as store:
        record = store.study("today")
    old = StudySettings.from_record(record)
    assert old.comparable["space"] == "hybrid-16"
    assert old.sessions == ()
    options = going_on(SearchOptions(study="today", storage=earlier))
    assert (options.space, options.epochs, options.train_size) == ("hybrid", 1, 100)
    assert options.training_recipe is not None
    front = nas("front", "--storage", earlier, "--json").json()
    assert front
    exported = nas("export", "--storage", earlier, "--pick", "accuracy", "--output", str(tmp_path / "best.yaml"))
    assert exported.code == 0, exported.err


def test_a_study_goes_on_with_its_augmentation_its_metric_and_its_split(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'nas.db'}"
    data = {"flip": False, "shift": 0.0, "metric": "f1_macro"}
    with Store.open(url, create=True) as store:
        opening.open_study(store, url, "study", settings(**data))
        opening.open_study(store, url, "stratified", settings(split="stratified"))
        # What the study has on record and the search has not is another setting, too.
        with pytest.raises(ParameterError, match="was begun with flip False, not without flip"):
            opening.open_study(store, url, "study", settings(shift=0.0, metric="f1_macro"))
        with pytest.raises(ParameterError, match="was begun with split 'stratified', not without split"):
            opening.open_study(store, url, "stratified", settings())
    options = SearchOptions(study="study", storage=url)
    resumed = going_on(options)
    assert {name: getattr(resumed, name) for name in data} == data
    assert going_on(replace(options, flip=True)).flip is True
    # Only new studies, and those that were begun so, are stratified.
    assert options.stratify
    assert not resumed.stratify
    assert going_on(replace(options, study="stratified")).stratify
