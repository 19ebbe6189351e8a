"""Data of the user's own is known by its content: its path is a label, and another content is another data set."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nas.errors import OptionError
from nas.results.settings import ComparableSettings
from nas.store.data_content import DATA_CONTENT, DataContent, shortest
from nas.store.store import Store
from nas.study import opening
from nas.study.identity import default_name, label_of, study_name
from nas.study.search_options import SearchOptions
from tests.studies import settings
from workers.data.content import content_settings
from workers.data.dataset import Request
from workers.data.digits import DIGITS
from workers.data.image_folder import IMAGE_FOLDER


def picture(file: Path, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file)


@pytest.fixture
def pets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of two classes in train and test, below the working folder."""
    monkeypatch.chdir(tmp_path)
    for part in ("train", "test"):
        for number, name in enumerate(("cat", "dog")):
            folder = tmp_path / "pets" / part / name
            folder.mkdir(parents=True)
            for index in range(5):
                picture(folder / f"{index}.png", 100 * number + index)
    return tmp_path / "pets"


def content(folder: Path) -> DataContent:
    recorded = DataContent.of(content_settings(IMAGE_FOLDER.open(Request(str(folder)), "train")))
    assert recorded is not None
    return recorded


def test_content_is_the_files_and_not_their_path(pets: Path) -> None:
    before = content(pets)
    assert before.pictures == {"cat": 5, "dog": 5}
    shutil.copytree(pets, pets.with_name("moved"))
    assert content(pets.with_name("moved")) == before
    # The test part is not searched on.
    picture(pets / "test" / "cat" / "0.png", 7)
    assert content(pets) == before
    assert content_settings(DIGITS.open(Request(), "train")) == {}


def test_each_change_is_another_content_and_is_named(pets: Path) -> None:
    before = content(pets)
    picture(pets / "train" / "cat" / "5.png", 9)
    assert content(pets).changes_since(before) == "cat: 5 pictures, now 6 pictures"
    (pets / "train" / "cat" / "5.png").unlink()
    assert content(pets) == before

    picture(pets / "train" / "cat" / "0.png", 8)
    assert content(pets).changes_since(before) == "as many pictures of each class, other content"
    picture(pets / "train" / "cat" / "0.png", 0)
    assert content(pets) == before

    swapped = pets / "train" / "swapped"
    (pets / "train" / "cat").rename(swapped)
    (pets / "train" / "dog").rename(pets / "train" / "cat")
    swapped.rename(pets / "train" / "dog")
    assert content(pets).changes_since(before) == "as many pictures of each class, other content"
    for part in ("train", "test"):
        (pets / part / "dog").rename(pets / part / "puppy")
    assert content(pets).changes_since(before) == "dog: 5 pictures, now none; puppy: none, now 5 pictures"


def test_paths_of_one_folder_are_one_label(pets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in ("pets", "./pets/", "pets/../pets", str(pets)):
        assert shortest(f"imagefolder:{path}") == "imagefolder:pets"
    assert shortest("digits") == "digits"
    assert shortest("imagefolder:nowhere/") == "imagefolder:nowhere/"
    monkeypatch.chdir("/")
    assert shortest(f"imagefolder:{pets}/") == f"imagefolder:{str(pets)[1:]}"


class Recorded:
    """A database of studies on pictures."""

    def __init__(self, folder: Path) -> None:
        self.url = f"sqlite:///{folder / 'nas.db'}"

    def begin(self, name: str, values: ComparableSettings) -> None:
        with Store.open(self.url, create=True) as store:
            opening.open_study(store, self.url, name, values)

    def name(self, values: ComparableSettings, **options: Any) -> str:
        with Store.open(self.url, create=True) as store:
            return study_name(SearchOptions(**options), values, store.studies())

    def label(self, dataset: str) -> str:
        with Store.open(self.url, create=True) as store:
            return label_of(dataset, store.studies())


def on_pets(pets: Path, label: str = "imagefolder:pets", **changed: Any) -> ComparableSettings:
    return settings(dataset=label, **content(pets).as_settings(), **changed)


def test_a_default_name_goes_on_until_the_pictures_change(pets: Path, tmp_path: Path) -> None:
    recorded = Recorded(tmp_path)
    before = on_pets(pets)
    name = recorded.name(before)
    assert name == default_name(settings(dataset="imagefolder:pets"))
    recorded.begin(name, before)
    assert recorded.name(on_pets(pets)) == name

    picture(pets / "train" / "cat" / "5.png", 9)
    # More pictures may also have other settings: it is the same data set still.
    for changed in ({}, {"train_size": 110}):
        with pytest.raises(OptionError, match=r"cat: 5 pictures, now 6 pictures.*accept_changed_data begins"):
            recorded.name(on_pets(pets, **changed))
    accepted = recorded.name(on_pets(pets), accept_changed_data=True)
    assert accepted != name
    recorded.begin(accepted, on_pets(pets))
    # From then on both contents are known.
    assert recorded.name(on_pets(pets)) == accepted
    assert recorded.name(before) == name


def test_a_named_study_refuses_other_pictures_and_takes_another_path(pets: Path, tmp_path: Path) -> None:
    recorded = Recorded(tmp_path)
    recorded.begin("own", on_pets(pets))
    recorded.begin("own", on_pets(pets, str(pets)))
    picture(pets / "train" / "cat" / "0.png", 8)
    with pytest.raises(OptionError, match=r"'own' was begun with other pictures of .*other content.*another study"):
        recorded.begin("own", on_pets(pets))


def test_a_study_of_an_earlier_version_goes_on_by_its_path(pets: Path, tmp_path: Path) -> None:
    recorded = Recorded(tmp_path)
    earlier = settings(dataset="imagefolder:./pets/")
    name = default_name(earlier)
    recorded.begin(name, earlier)
    for typed in ("imagefolder:./pets/", "imagefolder:pets", f"imagefolder:{pets}"):
        label = recorded.label(typed)
        assert label == "imagefolder:./pets/"
        assert recorded.name(on_pets(pets, label)) == name
        recorded.begin(name, on_pets(pets, label))
    with Store.open(recorded.url, create=False) as store:
        assert DATA_CONTENT not in store.study(name).settings
