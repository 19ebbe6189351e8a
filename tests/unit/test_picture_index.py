"""The index of a folder's pictures: what changed is read again, the rest is not, and nothing depends on it."""

import hashlib
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nas.errors import DataError
from nas.study.search_options import SearchOptions
from tests.unit.test_datasets import pictures
from workers.data.dataset import Request
from workers.data.image_folder import IMAGE_FOLDER
from workers.data.picture_index import cache_folder
from workers.data.picture_source import PictureSource


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of pictures that counts as one of many, whose files count as settled."""
    monkeypatch.setattr("workers.data.picture_look.MANY_FILES", 3)
    monkeypatch.setattr("workers.data.picture_look.SETTLING_NS", -(10**12))
    return pictures(tmp_path / "pictures")


def opened(root: Path, folder: str = "index", **options: object) -> PictureSource:
    return IMAGE_FOLDER.open(Request(str(root), index_folder=root.parent / folder, **options), "train")


def index_file(root: Path) -> Path:
    (file,) = (root.parent / "index").iterdir()
    return file


def rewritten(file: Path, change: Callable[[dict[str, np.ndarray]], None]) -> None:
    """Change the entries of an index."""
    with np.load(file) as stored:
        entries = dict(stored)
    change(entries)
    np.savez(file, **entries)


def test_unchanged_files_are_not_read_again(root: Path) -> None:
    first = opened(root)
    assert not first.census.notes

    def marked(entries: dict[str, np.ndarray]) -> None:
        entries["facts"]["digest"] = 7

    rewritten(index_file(root), marked)
    # What the index says is believed of each file, but for the one that changes.
    assert set(opened(root).known_facts["digest"]) == {7}
    changed = Path(first.files[0])
    Image.new("RGB", (33, 44)).save(changed)
    again = opened(root)
    digests = dict(zip(again.files, again.known_facts["digest"], strict=True))
    assert digests.pop(str(changed)) not in (7, first.known_facts["digest"][0])
    assert set(digests.values()) == {7}
    assert (33, 44) in {(fact.width_px, fact.height_px) for fact in again.facts()}
    # The index knows that now.
    assert set(opened(root).known_facts["digest"]) - {7} == set(again.known_facts["digest"]) - {7}


def added(root: Path) -> None:
    Image.new("RGB", (9, 9)).save(root / "class0" / "new.png")


def removed(root: Path) -> None:
    (root / "class0" / "0.jpg").unlink()


def renamed(root: Path) -> None:
    (root / "class1" / "0.jpg").rename(root / "class1" / "00.jpg")


def swapped(root: Path) -> None:
    """Files of one size and time change places, as those of an archive may."""
    first, second = root / "class0" / "a.bmp", root / "class1" / "a.bmp"
    first.rename(root / "other")
    second.rename(first)
    (root / "other").rename(second)


def overwritten(root: Path) -> None:
    """Other contents of the same length, with the times of before."""
    for file in root.rglob("a.bmp"):
        status = file.stat()
        file.write_bytes(file.read_bytes()[:-1] + b"\x01")
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("change", [added, removed, renamed, swapped, overwritten])
def test_a_look_by_the_index_is_as_a_first_one(change: Callable[[Path], None], root: Path) -> None:
    for number in range(2):
        Image.new("RGB", (9, 9), (number, 0, 0)).save(file := root / f"class{number}" / "a.bmp")
        os.utime(file, (10**9, 10**9))
    before = opened(root)
    change(root)
    after, first = opened(root), opened(root, "another")
    assert after.files == first.files
    assert np.array_equal(after.known_facts, first.known_facts)
    assert after.digest == first.digest != before.digest


def test_files_that_have_just_changed_are_read_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.data.picture_look.SETTLING_NS", 10**12)
    opened(root)
    with np.load(index_file(root)) as entries:
        assert set(entries["facts"]["size_bytes"]) == {-1}


@pytest.mark.parametrize(
    "harm",
    [
        lambda file: file.write_bytes(b"no index"),
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(file.read_bytes()[:-200]),
        lambda file: rewritten(file, lambda entries: entries.update(version=np.array(0))),
        lambda file: rewritten(file, lambda entries: entries.update(facts=entries["facts"][:-1])),
        lambda file: rewritten(file, lambda entries: entries.update(facts=entries["facts"]["size_bytes"])),
        lambda file: rewritten(file, lambda entries: entries.pop("names")),
    ],
)
def test_an_index_that_cannot_be_used_is_made_again_with_a_line(harm: Callable[[Path], None], root: Path) -> None:
    before = opened(root)
    harm(index_file(root))
    again = opened(root)
    (note,) = again.census.notes
    assert "is damaged or of another version; it is made again" in note
    assert again.digest == before.digest
    assert not opened(root).census.notes


def test_an_index_that_cannot_be_kept_is_a_line_and_no_failure(root: Path) -> None:
    (root.parent / "index").write_text("no folder")
    source = opened(root)
    (note,) = source.census.notes
    assert note.startswith(
        f"the index of the pictures in {str(root)!r} cannot be kept in {str(root.parent / 'index')!r}"
    )
    assert source.digest == opened(root, "another").digest


def test_limits_and_checks_hold_for_files_that_the_index_knows(root: Path) -> None:
    opened(root)
    largest = max(fact.width_px * fact.height_px for fact in opened(root).facts())
    with pytest.raises(DataError, match=rf"more than --max-pixels {largest - 1} allows"):
        opened(root, max_pixels=largest - 1)
    opened(root, max_pixels=largest)
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    Image.fromarray(noise).save(cut := root / "class0" / "cut.jpg")
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    opened(root)
    # The header is known by now, and does not tell.
    with pytest.raises(DataError, match=r"cut\.jpg"):
        opened(root, check_pictures="full")
    assert opened(root, skip_unreadable=True).census.reasons == {"unreadable": 1}
    # A file that is unreadable is read at each look: its disk may be back.
    with pytest.raises(DataError, match=r"cut\.jpg"):
        opened(root, check_pictures="full")


def test_searches_at_the_same_time_share_the_index(root: Path) -> None:
    with ThreadPoolExecutor(4) as searches:
        sources = list(searches.map(lambda _: opened(root), range(12)))
    assert {source.digest for source in sources} == {opened(root, "another").digest}
    assert not any(source.census.notes for source in sources)
    # Nothing but the index is left beside it.
    assert index_file(root).name.startswith("nas-pictures-")


def test_another_folder_under_the_same_name_has_its_own_index(root: Path, tmp_path: Path) -> None:
    before = opened(root)
    root.rename(tmp_path / "moved")
    pictures(root, each=5)
    assert opened(root).digest != before.digest
    # By whatever way the folder is reached, it is one.
    (tmp_path / "link").symlink_to(root)
    opened(tmp_path / "link")
    assert len(list((tmp_path / "index").iterdir())) == 1
    assert opened(tmp_path / "moved").digest == before.digest


def test_the_digest_is_that_of_studies_on_record(root: Path) -> None:
    """The class, the name and the digest of the bytes of each training picture, in order."""
    source = opened(root)
    digest = hashlib.blake2b(digest_size=8)
    for path in source.paths:
        digest.update(f"{path.parent.name}\0{path.name}\0".encode())
        digest.update(hashlib.blake2b(path.read_bytes(), digest_size=8).digest())
    assert source.digest == opened(root).digest == digest.hexdigest()
    assert replace(source, facts_by_check=None).digest == source.digest


def test_few_files_have_no_index(tmp_path: Path) -> None:
    opened(pictures(tmp_path / "pictures"))
    assert not (tmp_path / "index").exists()


def test_the_index_is_beside_the_database_or_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert SearchOptions().evaluation.index_folder == tmp_path
    assert SearchOptions(storage="sqlite:///studies/a.db").evaluation.index_folder == tmp_path / "studies"
    assert SearchOptions(storage="postgresql+psycopg://me@host/studies").evaluation.index_folder is None
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert cache_folder() == tmp_path / "cache" / "nas"


def test_a_check_that_breaks_down_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The processes that check many files are killed: none is taken for readable."""
    root = pictures(tmp_path / "pictures")
    for number in range(3000):
        os.link(root / "class0" / "0.jpg", root / "class0" / f"more{number}.jpg")
    killed = [sys.executable, "-c", "import os; os._exit(9)"]
    monkeypatch.setattr("workers.data.picture_check.hybrid_nas.command", lambda _: killed)
    monkeypatch.setattr("workers.data.picture_look.available_cores", lambda: 2)
    with pytest.raises(DataError, match=r"3,020 image files could not be checked: exit code 9"):
        opened(root)
    monkeypatch.undo()
    assert len(opened(root).files) == 2416
