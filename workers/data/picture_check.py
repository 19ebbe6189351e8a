"""The check of picture files before the first step, in processes of their own where there are many files.

`python -c "from workers.data.picture_check import main; main()"` is such a process: jobs in, problems out, as JSON.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from nas.errors import DataError
from nas.exports.pictures import opened
from nas.options import FULL, SAMPLE

# Pictures that `--check sample` decodes.
SAMPLED_PICTURES = 200
# Of fewer files the headers are read before processes would have started.
MANY_FILES = 2000
START = "from workers.data.picture_check import main; main()"


class Job(NamedTuple):
    """A file to check: its headers, or by decoding all of it. Of more pixels than `max_pixels` it is unreadable."""

    path: str
    in_full: bool
    max_pixels: int


def unreadable(paths: Sequence[Path], check: str, max_pixels: int, processes: int) -> dict[str, str]:
    """Check the files as `--check` says, many of them by `processes`: a message for each file that is unreadable.

    Raises DataError where the check itself breaks down.
    """
    step = {FULL: 1, SAMPLE: max(1, len(paths) // SAMPLED_PICTURES)}.get(check)
    decoded = frozenset() if step is None else frozenset(paths[::step])
    jobs = [Job(str(path), path in decoded, max_pixels) for path in paths]
    if len(jobs) <= MANY_FILES or processes < 2:
        return problems(jobs)
    with ThreadPoolExecutor(processes) as starters:
        parts = starters.map(_problems_elsewhere, [jobs[number::processes] for number in range(processes)])
        problem_of = {path: problem for part in parts for path, problem in part.items()}
    # In the order of the files.
    return {job.path: problem_of[job.path] for job in jobs if job.path in problem_of}


def problems(jobs: Sequence[Job]) -> dict[str, str]:
    """Check the files one after another: a message for each one that is unreadable."""
    return {job.path: problem for job in jobs if (problem := _problem(job)) is not None}


def main() -> None:
    """Check the jobs on standard input."""
    json.dump(problems([Job(*job) for job in json.load(sys.stdin)]), sys.stdout)


def _problem(job: Job) -> str | None:
    try:
        with opened(Path(job.path), job.max_pixels) as image:
            if job.in_full:
                image.load()
            else:
                image.verify()
    except DataError as error:
        return str(error)
    return None


def _problems_elsewhere(jobs: Sequence[Job]) -> Mapping[str, str]:
    done = subprocess.run(  # noqa: S603 - this program itself
        # -P: a folder of the user's that is named `workers` is not this package.
        [sys.executable, "-P", "-c", START],
        input=json.dumps(jobs),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise DataError(f"{len(jobs)} image files could not be checked: {reason}")
    found_problems: Mapping[str, str] = json.loads(done.stdout)
    return found_problems
