"""The same command goes on with its study of an earlier version, which read grey pictures in three channels."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nas.results.settings import ComparableSettings
from nas.store.data_content import DATA_CONTENT
from nas.store.store import Store
from nas.study import opening
from nas.study.identity import study_name
from nas.study.preparation import going_on, prepared, prepared_as_begun, settings_of
from nas.study.search_options import SearchOptions


@pytest.fixture
def command(tmp_path: Path) -> SearchOptions:
    """A search on a folder of grey pictures in three classes, one of them rare."""
    draw = np.random.default_rng(0)
    for name, count in (("cat", 12), ("dog", 12), ("eel", 3)):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for number in range(count):
            pixels = draw.integers(0, 256, (12, 12), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pets" / name / f"{number}.png")
    url = f"sqlite:///{tmp_path / 'nas.db'}"
    return going_on(SearchOptions(storage=url, space="hybrid", dataset=f"imagefolder:{tmp_path / 'pets'}"))


def begin(command: SearchOptions, *, without_content: bool) -> str:
    """Put the study of this search on record, as an earlier version did `without_content`; return its name."""
    evaluation = prepared(command)
    settings = settings_of(command, evaluation)
    name = study_name(command, settings, [])
    if without_content:
        settings = ComparableSettings({key: value for key, value in settings.items() if key != DATA_CONTENT})
    with Store.open(command.storage, create=True) as store:
        opening.open_study(store, command.storage, name, settings)
    return name


def name_now(command: SearchOptions) -> str:
    options, evaluation = prepared_as_begun(command)
    settings = settings_of(options, evaluation)
    name = study_name(options, settings, opening.recorded_studies(command.storage))
    with Store.open(command.storage, create=True) as store:
        opening.open_study(store, command.storage, name, settings)
    return name


def test_a_study_of_an_earlier_version_goes_on_without_its_name(command: SearchOptions) -> None:
    old = begin(replace(command, colour="rgb", stratify=False), without_content=True)
    assert name_now(command) == old
    # Another command, or what the user asks for, is another study.
    assert name_now(replace(command, seed=1)) != old
    assert name_now(replace(command, colour="grey")) != old


def test_colour_that_the_user_chose_lately_is_another_study(command: SearchOptions) -> None:
    chosen = begin(replace(command, colour="rgb"), without_content=False)
    own = name_now(command)
    assert own != chosen
    assert name_now(command) == own
    assert name_now(replace(command, colour="rgb")) == chosen
