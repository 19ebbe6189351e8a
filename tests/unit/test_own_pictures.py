"""The files of image folders and tables that are data, and the reasons to skip others."""

import csv
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas
import pytest
from PIL import Image

from nas.errors import DataError
from nas.evaluation import EvaluationOptions
from nas.options import DEFAULT_MAX_PIXELS
from tests.unit.test_datasets import pictures
from workers.data.dataset import Request
from workers.data.image_folder import IMAGE_FOLDER
from workers.data.inspection import inspect
from workers.data.picture_check import Job, verdicts
from workers.data.picture_source import PictureSource
from workers.data.picture_table import PICTURE_TABLE


def opened(root: Path, part: str = "train", **options: object) -> PictureSource:
    return IMAGE_FOLDER.open(Request(str(root), **options), part)


def names(root: Path, source: PictureSource) -> set[str]:
    return {str(path.relative_to(root)) for path in source.paths}


def put(path: Path, colour: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (12, 9), (colour, 0, 0)).save(path)
    return path


def table(path: Path, rows: Sequence[Sequence[object]]) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def test_every_ending_of_pillow_is_data_and_nothing_hidden_is(tmp_path: Path) -> None:
    root = pictures(tmp_path / "pictures")
    for name in ("a.jfif", "b.tiff", "c.webp", "deep/er/d.GIF", "e.jpe"):
        put(root / "class0" / name)
    for name in (".ipynb_checkpoints/f.png", "._g.png", "deep/.h.png", "__MACOSX/i.png"):
        put(root / "class0" / name)
    put(root / ".thumbnails" / "j.png")
    put(root / "beside.png")
    (root / "class1" / "notes.txt").write_text("no picture")
    (root / "class1" / "README").write_text("none either")
    source = opened(root)
    used = names(root, source) | names(root, opened(root, "test"))
    assert {"class0/a.jfif", "class0/b.tiff", "class0/c.webp", "class0/deep/er/d.GIF", "class0/e.jpe"} <= used
    assert not any("/." in f"/{name}" or "MACOSX" in name for name in used)
    assert source.classes == ("class0", "class1")
    assert source.census.message == (
        "25 pictures in 2 classes (class0 15, class1 10): train 20, test 5; "
        "skipped: 5 hidden, 1 outside of class folders, 1 without ending, 1 (.txt)"
    )


def test_links_inside_are_followed_once_and_never_in_circles(tmp_path: Path) -> None:
    root = pictures(tmp_path / "pictures")
    (root / "class0" / "again.jpg").symlink_to(root / "class0" / "0.jpg")
    (root / "class0" / "up").symlink_to(root)
    (root / "class0" / "here").symlink_to(root / "class0")
    (root / "class0" / "nowhere.png").symlink_to(root / "gone.png")
    (root / "class0" / "others").symlink_to(root / "class1")
    (root / "class1" / "others").symlink_to(root / "class0")
    (root / "class2").symlink_to(root / "class1")
    census = opened(root).census
    # Of each other's pictures all count, and those of a class that is a link as well.
    assert census.by_class == {"class0": 20, "class1": 20, "class2": 20}
    assert census.skipped["class0"] == {
        "linked again": 2,
        "linked in a circle": 2,
        "linked to nothing": 1,
    }


def test_links_out_of_the_folder_are_refused_unless_they_are_allowed(tmp_path: Path) -> None:
    elsewhere = pictures(tmp_path / "elsewhere", classes=3)
    root = tmp_path / "pictures"
    shutil.copytree(elsewhere / "class0", root / "class0")
    (root / "class1").symlink_to(elsewhere / "class1")
    with pytest.raises(DataError, match=r"'class1' is a link out of the folder; --follow-links allows"):
        opened(root)
    # That it leads to nothing is not said.
    (root / "class1").unlink()
    (root / "class1").symlink_to(elsewhere / "gone")
    with pytest.raises(DataError, match=r"'class1' is a link out of the folder"):
        opened(root)
    (root / "class1").unlink()
    (root / "class1").symlink_to(elsewhere / "class1")
    assert opened(root, follow_links=True).census.by_class == {"class0": 10, "class1": 10}


@pytest.mark.parametrize(
    ("parts", "train", "test"),
    [
        (("train", "test"), {"train"}, {"test"}),
        (("train", "val"), {"train"}, {"val"}),
        (("train", "validation"), {"train"}, {"validation"}),
        (("train", "valid", "test"), {"train", "valid"}, {"test"}),
    ],
)
def test_parts(parts: tuple[str, ...], train: set[str], test: set[str], tmp_path: Path) -> None:
    for part in parts:
        pictures(tmp_path / part, each=3)
    for part, folders in (("train", train), ("test", test)):
        source = opened(tmp_path, part)
        assert {Path(name).parts[0] for name in names(tmp_path, source)} == folders
        assert len(source.paths) == 6 * len(folders)
        assert source.census.parts == {"train": (3 * len(train),) * 2, "test": (3 * len(test),) * 2}


def test_class_folders_without_pictures_are_refused_unless_they_are_classes(tmp_path: Path) -> None:
    root = pictures(tmp_path / "pictures")
    (root / "none").mkdir()
    (root / "nothing").mkdir()
    (root / "nothing" / "a.txt").write_text("no picture")
    with pytest.raises(DataError, match=r"has no pictures in none, nothing; --empty-classes takes them"):
        opened(root)
    source = opened(root, empty_classes=True)
    assert source.classes == ("class0", "class1", "none", "nothing")
    assert set(source.labels) == {0, 1}


def test_all_unreadable_files_are_named_at_once_or_left_out(tmp_path: Path) -> None:
    for part in ("train", "test"):
        pictures(tmp_path / part)
    for number in range(7):
        (tmp_path / "train" / "class0" / f"bad{number}.png").write_text("no picture")
        (tmp_path / "test" / "class1" / f"bad{number}.png").write_bytes(b"")
    with pytest.raises(DataError) as error:
        opened(tmp_path)
    assert "14 files cannot be read: test/class1/bad0.png, " in str(error.value)
    assert " and 4 more; --skip-unreadable leaves them out" in str(error.value)
    source = opened(tmp_path, skip_unreadable=True)
    assert any(note.startswith("left out, since they cannot be read: ") for note in source.census.notes)
    assert source.census.parts == {"train": (10, 10), "test": (10, 10)}
    assert source.census.reasons == {"unreadable": 14}
    # The check is not repeated: the request knows its result.
    again = Request(str(tmp_path)).checked(source.census)
    assert len(IMAGE_FOLDER.open(again, "test").paths) == 20


def test_a_full_check_finds_what_headers_do_not_show(tmp_path: Path) -> None:
    root = pictures(tmp_path / "pictures")
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    Image.fromarray(noise).save(cut := root / "class0" / "cut.jpg")
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    assert opened(root).census.by_class["class0"] == 11
    # So few are decoded by either.
    for check in ("sample", "full"):
        with pytest.raises(DataError, match=r"cut\.jpg"):
            opened(root, check_pictures=check)
        assert opened(root, check_pictures=check, skip_unreadable=True).census.by_class["class0"] == 10
    # What is to be left out has to be found.
    assert opened(root, skip_unreadable=True).census.by_class["class0"] == 10


def test_many_files_are_checked_by_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = pictures(tmp_path / "pictures", each=4)
    # A folder of that name here is not ours.
    (tmp_path / "workers").mkdir()
    (tmp_path / "workers" / "__init__.py").write_text("raise AssertionError")
    monkeypatch.chdir(tmp_path)
    bad = root / "class0" / "bad.png"
    bad.write_text("no picture")
    monkeypatch.setattr("workers.data.picture_check.MANY_FILES", 3)
    jobs = [Job(str(path), True, DEFAULT_MAX_PIXELS) for path in sorted(root.rglob("*.*"))]
    by_processes, alone = (
        {
            jobs[number].path: verdict
            for batch in verdicts(jobs, processes)
            for number, verdict in zip(*batch, strict=True)
        }
        for processes in (2, 1)
    )
    assert [path for path, verdict in by_processes.items() if verdict.problem] == [str(bad)]
    assert by_processes == alone
    assert by_processes.keys() == {job.path for job in jobs}


def test_a_table_names_pictures_classes_and_splits(tmp_path: Path) -> None:
    for name in ("a", "b", "c", "d", "e"):
        put(tmp_path / "files" / f"{name}.bin.png")
    rows = [("path", "label", "split")]
    rows += [(f"files/{name}.bin.png", "10" if name in "ad" else "2", "train") for name in "abcd"]
    file = table(tmp_path / "list.csv", [*rows, ("files/e.bin.png", "2", "val"), rows[1]])
    train, test = (PICTURE_TABLE.open(Request(str(file)), part) for part in ("train", "test"))
    assert train.classes == ("10", "2")
    assert [train.classes[label] for label in train.labels] == ["10", "2", "2", "10"]
    assert [path.name for path in test.paths] == ["e.bin.png"]
    assert train.census.reasons == {"listed again": 1}
    frame = pandas.DataFrame({"path": [row[0] for row in rows[1:]], "label": [1, 2, 1, 2]})
    frame.to_parquet(tmp_path / "list.parquet")
    parquet = PICTURE_TABLE.open(Request(str(tmp_path / "list.parquet")), "train")
    assert parquet.classes == ("1", "2")
    assert len(parquet.paths) == 4


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("path", "class"), ("a.png", "x")], "has no column label; it has path, class"),
        ([("path", "label"), ("a.png", "x"), ("b.png", "")], "row 2 has path 'b.png', label ''"),
        ([("path", "label", "split"), ("a.png", "x", "dev")], "row 1 has .* split 'dev'"),
        ([("path", "label"), ("a.png", "x"), ("gone.png", "y")], "gone.png' cannot be read"),
        ([("path", "label"), ("a.png", "x"), ("a.png", "y")], "row 2 names 'a.png' again, now as y"),
        ([("path", "label"), ("a.png", "x"), ("b.png", "x")], "at least 2 labels; found x"),
        ([("path", "label"), ("a.png", "x"), ("../out.png", "y")], r"row 2 names '../out.png', .* --follow-links"),
        ([("path", "label", "split"), ("a.png", "x", "test"), ("b.png", "y", "val")], "train is needed"),
        ([], "cannot be read"),
    ],
)
def test_tables_that_are_wrong(rows: list[tuple[str, ...]], message: str, tmp_path: Path) -> None:
    put(tmp_path / "in" / "a.png"), put(tmp_path / "in" / "b.png"), put(tmp_path / "out.png")
    file = table(tmp_path / "in" / "list.csv", rows)
    with pytest.raises(DataError, match=message):
        PICTURE_TABLE.open(Request(str(file)), "train")


def test_the_metadata_of_hugging_faces_image_folders(tmp_path: Path) -> None:
    for part, count in (("train", 6), ("test", 4)):
        for number in range(count + 1):
            put(tmp_path / part / f"{number}.png")
        rows = [(f"{number}.png", "even" if number % 2 == 0 else "odd", "a caption") for number in range(count)]
        table(tmp_path / part / "metadata.csv", [("file_name", "label", "text"), *rows])
    source = opened(tmp_path, "test")
    assert source.census.parts == {"train": (3, 3), "test": (2, 2)}
    assert source.census.reasons == {"not in metadata.csv": 2}
    # Of a folder without parts a fifth is for testing, and other metadata leave its classes as they are.
    whole = opened(tmp_path / "train").census
    assert whole.by_class == {"even": 3, "odd": 3}
    assert sum(whole.parts["test"]) == 1
    plain = pictures(tmp_path / "plain")
    table(plain / "metadata.csv", [("file_name", "text"), ("class0/0.jpg", "a caption")])
    assert opened(plain).census.by_class == {"class0": 10, "class1": 10}


def test_an_inspection_counts_sizes_and_modes_by_class(tmp_path: Path) -> None:
    root = pictures(tmp_path / "pictures")
    (root / "class1" / "notes.txt").write_text("no picture")
    inspection = inspect(EvaluationOptions(dataset=f"imagefolder:{root}"), 2)
    first, second = inspection.classes
    assert first.pictures["train"] + first.pictures["test"] == sum(first.modes.values()) == 10
    assert second.skipped == {".txt": 1}
    assert first.sizes[0][0] * first.sizes[0][1] <= first.sizes[2][0] * first.sizes[2][1]
    assert [thumbnail[:4] for thumbnail in first.thumbnails] == [b"\x89PNG"] * 2
    digits = inspect(EvaluationOptions(dataset="digits"), 0)
    assert digits.classes[3].sizes == ((8, 8),) * 3
    assert digits.classes[3].modes == {"L": sum(digits.classes[3].pictures.values())}
