"""A search on a folder of pictures goes on with the same pictures, and says what changed of others."""

import shutil
from pathlib import Path

import pytest

from tests.conftest import Finished, run_nas
from tests.integration.searching import QUICK
from tests.unit.test_datasets import pictures


@pytest.mark.timeout(400)
def test_changed_pictures_are_refused_or_begin_a_new_study(tmp_path: Path) -> None:
    pictures(tmp_path / "pets", each=40)

    def search(path: str, *more: str) -> Finished:
        command = (*QUICK, "--dataset", f"imagefolder:{path}", "--input-size", "16", "--budget", "1", "--json")
        return run_nas([*command, *more], tmp_path)

    begun = search("pets")
    assert begun.code == 0, begun.err
    name = begun.json()["study"]
    for path in ("./pets/", str(tmp_path / "pets")):
        again = search(path)
        assert again.code == 0, again.err
        assert again.json()["study"] == name
    for number in range(40, 50):
        shutil.copy(tmp_path / "pets" / "class0" / "0.jpg", tmp_path / "pets" / "class0" / f"{number}.jpg")
    refused = search("pets")
    assert refused.code == 2
    assert f"study {name!r} was begun with other pictures of 'imagefolder:pets' (class0: " in refused.err
    assert "--accept-changed-data begins a new study" in refused.err
    assert "name another --study" in search("pets", "--study", name).err
    accepted = search("pets", "--accept-changed-data")
    assert accepted.code == 0, accepted.err
    assert accepted.json()["study"] != name
