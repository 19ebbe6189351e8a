"""The look at picture files before the first step: their facts, from the index where the files are as they were."""

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from nas.latency.machine import available_cores
from nas.options import FULL, SAMPLE
from workers.data.dataset import Request
from workers.data.picture_check import MANY_FILES, Batch, Job, Verdict, verdicts
from workers.data.picture_facts import STATE_FIELDS, UNKNOWN_BYTES, Facts, states_of, unknown
from workers.data.picture_index import PictureIndex

# Pictures that `--check sample` decodes.
SAMPLED_PICTURES = 200
# A file that changes again so soon after may keep its times, by the coarsest clocks of file systems: it is read again.
SETTLING_NS = 2 * 10**9


@dataclass(frozen=True)
class Look:
    """The facts of files, in their order; a message for each unreadable one, by its path; lines about the index."""

    facts: Facts
    problems: dict[str, str]
    notes: tuple[str, ...] = ()


def look(files: Sequence[str], root: Path, request: Request, *, keep: bool = True) -> Look:
    """Look at the files as `--check` says. Of many files an index is kept, unless not to `keep` it leaves it as it is.

    Raises DataError where the check itself breaks down.
    """
    started_ns = time.time_ns()
    states = states_of(files)
    place = root if request.argument is None else Path(request.argument).expanduser()
    index = PictureIndex(place, request.index_folder) if len(files) > MANY_FILES else None
    names = [file.removeprefix(f"{root}/") for file in files] if index else []
    facts = index.facts_of(names) if index else unknown(len(files))
    # What is to be left out has to be found, which headers do not always tell.
    decoded = _decoded(len(files), FULL if request.skip_unreadable else request.check_pictures)
    pixels = facts["width_px"].astype(np.uint64) * facts["height_px"]
    is_same = np.logical_and.reduce([facts[name] == states[name] for name in STATE_FIELDS])
    is_known = is_same & (facts["size_bytes"] != UNKNOWN_BYTES)
    to_check = np.flatnonzero(~is_known | (decoded & ~facts["is_decoded"]) | (pixels > request.max_pixels))
    if not len(to_check):
        return Look(facts, {}, _notes(index))
    problems: dict[str, str] = {}
    jobs = [Job(files[number], bool(decoded[number]), request.max_pixels) for number in to_check.tolist()]
    facts[to_check] = unknown(len(to_check))
    try:
        with closing(verdicts(jobs, available_cores())) as batches:
            for numbers, batch in _shown(batches, len(jobs)):
                places = to_check[numbers.start : numbers.stop : numbers.step]
                for name, column in zip(Verdict._fields[:-1], zip(*batch, strict=True), strict=False):
                    facts[name][places] = column
                readable = places[[verdict.problem is None for verdict in batch]]
                facts["is_decoded"][readable] = decoded[readable]
                for name in STATE_FIELDS:
                    facts[name][readable] = states[name][readable]
                pairs = zip(numbers, batch, strict=True)
                problems |= {
                    jobs[number].path: verdict.problem for number, verdict in pairs if verdict.problem is not None
                }
    finally:
        # Also of an interrupted look: the next one goes on with it.
        if index is not None and keep:
            changed_ns = np.maximum(states["mtime_ns"], states["ctime_ns"])
            settled = facts.copy()
            settled["size_bytes"][changed_ns > started_ns - SETTLING_NS] = UNKNOWN_BYTES
            index.write(names, settled)
    # In the order of the files.
    return Look(facts, {job.path: problems[job.path] for job in jobs if job.path in problems}, _notes(index))


def _decoded(files: int, check: str) -> NDArray[np.bool_]:
    """Tell of each file whether the check decodes all of it."""
    decoded = np.zeros(files, np.bool_)
    if step := {FULL: 1, SAMPLE: max(1, files // SAMPLED_PICTURES)}.get(check):
        decoded[::step] = True
    return decoded


def _shown(batches: Iterable[Batch], files: int) -> Iterator[Batch]:
    """The batches, with their progress on a terminal where there are many files."""
    is_shown = files > MANY_FILES and sys.stderr.isatty()
    with Progress(console=Console(stderr=True), transient=True, disable=not is_shown) as progress:
        task = progress.add_task("reading picture files", total=files)
        for batch in batches:
            yield batch
            progress.advance(task, len(batch.verdicts))


def _notes(index: PictureIndex | None) -> tuple[str, ...]:
    return () if index is None or index.problem is None else (index.problem,)
