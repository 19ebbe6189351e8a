"""`nas datasets` as a user runs it, on pictures of the user's own and on a built-in data set."""

import re
from pathlib import Path

from nas import plugins
from tests.conftest import run_nas
from tests.unit.test_datasets import pictures


def test_data_sets_are_listed_and_inspected(tmp_path: Path) -> None:
    assert run_nas(["datasets"], tmp_path).out.splitlines() == plugins.names(plugins.DATASETS)
    pictures(tmp_path / "pictures" / "train", classes=3)
    pictures(tmp_path / "pictures" / "val", classes=3, each=2)
    (tmp_path / "pictures" / "train" / "class1" / "notes.txt").write_text("no picture")
    shown = run_nas(["datasets", "inspect", "imagefolder:pictures", "--html", "page.html"], tmp_path)
    assert shown.code == 0, shown.err
    first, headings, *rows = shown.out.splitlines()
    assert first == (
        "imagefolder:pictures: 36 pictures in 3 classes (class0 12, class1 12, class2 12): train 30, test 6; "
        "skipped: 1 (.txt)"
    )
    assert headings.split() == ["class", "train", "test", "smallest", "median", "largest", "modes", "skipped"]
    assert re.match(r"class1 +10 +2 +\d+x\d+ .*RGB \d.* 1 \(\.txt\)", rows[1])
    page = (tmp_path / "page.html").read_text()
    assert page.count('<img src="data:image/png;base64,') == 3 * 10
    assert "http" not in page
    digits = run_nas(["datasets", "inspect", "digits", "--json"], tmp_path).json()
    assert digits["message"].startswith(
        "1,797 pictures in 10 classes (0 178, 1 182, 2 177, 3 183, 4 181, 5 182, ...): train 1,438, test 359"
    )
    assert digits["classes"][0]["sizes_px"] == [[8, 8]] * 3


def test_a_request_that_is_wrong_is_one_line(tmp_path: Path) -> None:
    root = pictures(tmp_path / "pictures")
    (root / "class0" / "bad.png").write_text("no picture")
    (root / "class1" / "bad.png").write_text("no picture")
    inspect = ["datasets", "inspect", "imagefolder:pictures"]
    for arguments, named in (
        (inspect, "class0/bad.png, class1/bad.png; --skip-unreadable leaves them out"),
        ([*inspect, "--check", "quick"], "--check 'quick' is not one of headers, sample, full"),
        (["datasets", "inspect", "magic"], "unknown dataset 'magic'"),
        (["search", "--dataset", "table:nowhere.csv"], "table 'nowhere.csv' is not a file"),
        (["search", "--follow-links", "--service", "http://127.0.0.1:1"], "--follow-links is decided by the service"),
    ):
        done = run_nas(arguments, tmp_path)
        assert done.code == 2, arguments
        assert named in done.err
        assert len(done.err.splitlines()) == 1
    skipping = run_nas([*inspect, "--skip-unreadable"], tmp_path)
    assert skipping.code == 0, skipping.err
    assert "skipped: 2 unreadable" in skipping.out
