"""Searches as a user runs them: the console script, a real Ray, real training, kept small."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from nas.store.store import Store
from nas.trial import Trial
from tests.conftest import Finished, nas_script

# A search that trains for real, on few images.
# One worker: starting a second one takes longer than its trials. Beside other tests latencies are never precise.
QUICK = (
    *("search", "--space", "hybrid", "--epochs", "1", "--train-size", "100", "--confirm", "0", "--workers", "1"),
    *("--latency-precision", "20%", "--baselines", "none"),
)


@dataclass(frozen=True)
class Searched:
    """The folder and the outcome of a search that is over."""

    folder: Path
    result: Finished

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder / 'nas.db'}"


def trials(folder: Path) -> list[Trial]:
    with Store.open(f"sqlite:///{folder / 'nas.db'}", create=False) as store:
        return store.trials(store.study().study_id)


def done(folder: Path) -> list[Trial]:
    """The trials on record, none before there is a study."""
    if not (folder / "nas.db").exists():
        return []
    with Store.open(f"sqlite:///{folder / 'nas.db'}", create=False) as store:
        return [trial for record in store.studies() for trial in store.trials(record.study_id) if trial.state.is_done]


def driver(folder: Path) -> Mapping[str, Any]:
    """The record of the process that drives the latest study, empty where none does."""
    with Store.open(f"sqlite:///{folder / 'nas.db'}", create=False) as store:
        return store.driver(store.study().study_id) or {}


class RunningSearch:
    """`nas` in a process group of its own, as a shell starts it."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [nas_script(), *arguments],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def wait_until(self, condition: Callable[[], bool], timeout_s: float = 480) -> None:
        end = time.monotonic() + timeout_s
        while not condition():
            assert self.process.poll() is None, f"ended early: {self.process.communicate()}"
            assert time.monotonic() < end, "timed out"
            time.sleep(0.1)

    def interrupt(self) -> None:
        """Ctrl-C: the whole process group gets it."""
        os.killpg(self.process.pid, signal.SIGINT)

    def finish(self, timeout_s: float = 600) -> tuple[int, str, str]:
        try:
            out, err = self.process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            # Left alone it would disturb every later test.
            os.killpg(self.process.pid, signal.SIGKILL)
            raise
        return self.process.returncode, out, err

    def descendants(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def workers(self) -> list[psutil.Process]:
        """The processes that evaluate trials."""
        names = ("ray::TrialActor", "ray::ResourceTrainable")
        return [process for process in self.descendants() if _command_line(process).startswith(names)]


def _command_line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""


def wait_for_end(processes: list[psutil.Process], timeout_s: float = 300) -> list[psutil.Process]:
    """Those of `processes` that are still alive after the wait. Ray's agents notice a dead driver after a minute."""
    _, alive = psutil.wait_procs(processes, timeout=timeout_s)
    return [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
