"""Seconds to the first trial of a search on many pictures. `python -m benchmarks.many_pictures [--pictures N]`

A folder of JPEG files of 32 px in 100 classes, hard links to 20,000 of them. Prints, for a first search and for one
that has the index of the first, the seconds until the first trial is on record and the driver's peak memory until then.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.report import print_header
from nas.errors import StorageError
from nas.store.store import Store

CLASSES, DISTINCT, PX = 100, 20_000, 32
SEARCH = ("--budget", "1", "--epochs", "1", "--confirm", "0", "--baselines", "none")


def make_pictures(folder: Path, count: int) -> None:
    """Make the folder: pictures of noise on a colour by class, about 1 kB each."""
    generator = np.random.default_rng(0)
    colours = generator.integers(40, 215, (CLASSES, 3))
    distinct = min(count, DISTINCT) // CLASSES
    for number, colour in enumerate(colours):
        of_class = folder / f"class{number:03d}"
        of_class.mkdir(parents=True)
        for index in range(count // CLASSES):
            file = of_class / f"{index:06d}.jpg"
            if index < distinct:
                pixels = colour + generator.normal(0, 30, (PX, PX, 3))
                Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(file)
            else:
                os.link(of_class / f"{index % distinct:06d}.jpg", file)


def first_trial(pictures: Path, database: Path) -> tuple[float, float]:
    """Run a search until its first trial: the seconds, and the driver's peak memory in MB."""
    started = time.monotonic()
    command = (str(Path(sys.executable).with_name("nas")), "search", "--dataset", f"imagefolder:{pictures}", *SEARCH)
    with subprocess.Popen(
        [*command, "--storage", f"sqlite:///{database}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as search:
        while not has_trial(database):
            if search.poll() is not None:
                raise SystemExit(f"the search ended with {search.returncode} before its first trial")
            time.sleep(0.2)
        seconds = time.monotonic() - started
        status = Path(f"/proc/{search.pid}/status").read_text().splitlines()
        peak_kib = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
        search.terminate()
    return seconds, peak_kib / 1024


def has_trial(database: Path) -> bool:
    """Tell whether a study in the database has a trial."""
    if not database.is_file():
        return False
    try:
        with Store.open(f"sqlite:///{database}", create=False) as store:
            return any(store.trials(record.study_id) for record in store.studies())
    except StorageError:
        # Its tables are not there yet.
        return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=100_000)
    count = parser.parse_args().pictures
    print_header("seconds to the first trial on many pictures")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_pictures(folder / "pictures", count)
        for look in ("first", "second"):
            seconds, peak_mb = first_trial(folder / "pictures", folder / f"{look}.db")
            print(
                f"{count:,} pictures, {look} search: first trial after {seconds:.1f} s, driver's peak {peak_mb:,.0f} MB"
            )


if __name__ == "__main__":
    main()
