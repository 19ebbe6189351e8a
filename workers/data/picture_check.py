"""The check of picture files before the first step, in processes of their own where there are many files.

`main` is such a process: jobs in, verdicts out, as JSON. It
imports no torch, which would take longer than to check some ten thousand files.
"""

import json
import subprocess
import sys
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

import hybrid_nas
from nas.errors import DataError
from nas.exports.pictures import opened
from workers.data.file_digest import file_digest

# Of fewer files the headers are read before processes would have started.
MANY_FILES = 2000
# Verdicts that a process sends at a time.
BATCH = 200
START = "workers.data.picture_check:main"


class Job(NamedTuple):
    """A file to check: its header, or by decoding all of it. Of more pixels than `max_pixels` it is unreadable."""

    path: str
    in_full: bool
    max_pixels: int


class Verdict(NamedTuple):
    """The digest of a file's bytes, a little-endian number, its size and mode; or the problem of an unreadable one."""

    digest: int = 0
    width_px: int = 0
    height_px: int = 0
    mode: str = ""
    problem: str | None = None


class Batch(NamedTuple):
    """Verdicts on the jobs of these `numbers`."""

    numbers: range
    verdicts: Sequence[Verdict]


class _End(NamedTuple):
    """The end of a process, with an error where it broke down."""

    error: str | None


def verdicts(jobs: Sequence[Job], processes: int) -> Generator[Batch]:
    """Check the files, many of them by `processes`: verdicts in batches, in any order.

    Raises DataError where the check itself breaks down.
    """
    if len(jobs) <= MANY_FILES or processes < 2:
        for first in range(0, len(jobs), BATCH):
            numbers = range(first, min(first + BATCH, len(jobs)))
            yield Batch(numbers, [verdict_on(jobs[number]) for number in numbers])
        return
    batches: SimpleQueue[Batch | _End] = SimpleQueue()
    with ExitStack() as stack:
        readers = stack.enter_context(ThreadPoolExecutor(processes))
        for first in range(processes):
            process = _started()
            # Also where the caller wants no more: a process then ends, and its reader with it.
            stack.callback(process.kill)
            numbers = range(first, len(jobs), processes)
            readers.submit(_read, process, [jobs[number] for number in numbers], numbers, batches)
        ends = 0
        while ends < processes:
            match batches.get():
                case Batch() as batch:
                    yield batch
                case _End(None):
                    ends += 1
                case _End(error):
                    raise DataError(f"{len(jobs):,} image files could not be checked: {error}")


def verdict_on(job: Job) -> Verdict:
    """Check a file."""
    path = Path(job.path)
    try:
        with opened(path, job.max_pixels) as image:
            width_px, height_px, mode = image.width, image.height, image.mode
            if job.in_full:
                image.load()
            else:
                image.verify()
        return Verdict(int.from_bytes(file_digest(path), "little"), width_px, height_px, mode)
    except DataError as error:
        return Verdict(problem=str(error))


def main() -> None:
    """Check the jobs on standard input."""
    jobs = [Job(*job) for job in json.load(sys.stdin)]
    for first in range(0, len(jobs), BATCH):
        json.dump([verdict_on(job) for job in jobs[first : first + BATCH]], sys.stdout)
        sys.stdout.write("\n")
        sys.stdout.flush()


def _started() -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603 - this program itself
        hybrid_nas.command(START),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _read(
    process: subprocess.Popen[str], jobs: Sequence[Job], numbers: range, batches: SimpleQueue[Batch | _End]
) -> None:
    """Send the process its jobs, which have these numbers, and pass its verdicts on, to the end."""
    checked = 0
    try:
        with process:
            if process.stdin is None or process.stdout is None or process.stderr is None:
                raise ValueError("the process has no pipes")
            # One that has ended already says why by its other pipes.
            with suppress(BrokenPipeError), process.stdin:
                json.dump(jobs, process.stdin)
            for line in process.stdout:
                batch = [Verdict(*verdict) for verdict in json.loads(line)]
                batches.put(Batch(numbers[checked : checked + len(batch)], batch))
                checked += len(batch)
            reasons = process.stderr.read().strip().splitlines()
            error = None if checked == len(jobs) else [f"exit code {process.wait()}", *reasons][-1]
    except (OSError, ValueError) as problem:
        error = str(problem)
    batches.put(_End(error))
