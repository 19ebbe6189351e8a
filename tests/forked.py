"""`nas` in a process of its own, forked from one that has its imports done: as a user runs it, without the wait."""

import atexit
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

# What nearly every command imports. Nothing is computed before the fork, so that no library has threads by then.
PRELOADED = [
    "sklearn.datasets",
    "torchvision",
    "onnxscript",
    "onnxruntime",
    "ray.tune",
    "nas.cli.search",
    "workers.training.proxy",
    "workers.ray.runner",
]


def run_forked(
    arguments: Sequence[str], folder: Path, timeout_s: float, packages: Path | None = None
) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of `nas` with these arguments in `folder`.

    It also sees what is installed in the folder `packages`.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    with tempfile.TemporaryDirectory() as scratch:
        out, err = Path(scratch, "out"), Path(scratch, "err")
        process = context.Process(target=_command, args=(list(arguments), folder, out, err, _environment(packages)))
        process.start()
        process.join(timeout_s)
        if process.is_alive():
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(arguments, timeout_s, out.read_text(), err.read_text())
        return process.exitcode or 0, out.read_text(), err.read_text()


def _environment(packages: Path | None) -> dict[str, str]:
    """The environment of the command and of the processes that it starts."""
    return {**os.environ, **({} if packages is None else {"PYTHONPATH": os.pathsep.join([str(packages), *sys.path])})}


def _command(arguments: list[str], folder: Path, out: Path, err: Path, environment: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None
    os.chdir(folder)
    # Python reads PYTHONPATH as it starts, which this process did long ago.
    sys.path[:0] = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path not in ("", *sys.path)]
    for number, file in ((1, out), (2, err)):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.argv = ["nas", *arguments]

    from nas.cli.main import main

    try:
        main(arguments)
    finally:
        # multiprocessing ends its processes without these.
        atexit._run_exitfuncs()
