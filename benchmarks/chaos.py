"""Kill anything, any time: is anything lost? `python -m benchmarks.chaos [--faults N] [--database sqlite|postgresql]`

Seeded random faults over real small searches: SIGKILL of a worker, the driver, the raylet or Ray's head process, a stop
of a worker, Ctrl-C twice, a restart of PostgreSQL, its connections cut, a full disk. When a search ends by it the same
command goes on; what was finished must still be so, exactly once, `nas db check` must be clean, no process of Ray may
be left. At the end the front is compared to that of a search that nothing disturbed, with the same seed and one worker.
"""

import argparse
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from benchmarks.report import print_header
from nas.results.front import front, results
from nas.store.check import check
from nas.store.store import Store
from nas.trial import TrialState
from tests.conftest import free_port
from tests.postgres import PostgresServer

SEARCH = ("search", "--epochs", "3", "--train-size", "200", "--workers", "1", "--confirm", "1", "--seed", "7")
# Latencies differ from run to run and lead to other proposals: what is compared is searched without them.
SAME = ("--objective", "accuracy", "--objective", "parameters")
EVERYWHERE = ("worker", "driver", "raylet", "gcs", "stopped worker", "ctrl-c twice")
FAULTS = {"sqlite": (*EVERYWHERE, "full disk"), "postgresql": (*EVERYWHERE, "restart", "connections")}
SMALL_DISK = "64m"
ALIVE_S = 120.0


class Search:
    """`nas search` as a process group of its own, and what Ray starts for it."""

    def __init__(self, log: Path, folder: Path, storage: str, budget: int) -> None:
        words = [*SEARCH, *SAME, "--budget", str(budget), "--storage", storage]
        self._log = log.open("ab")
        self.process = subprocess.Popen(
            [str(Path(sys.executable).with_name("nas")), *words],
            cwd=folder,
            # Two threads that wait for each other beside whatever else is on the cores take ten times as long.
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.began = time.monotonic()

    @property
    def lives(self) -> bool:
        return self.process.poll() is None

    def wait_for_worker(self) -> None:
        while self.lives and not self.named("ray::TrialActor", "ray::ResourceTrainable"):
            time.sleep(0.05)

    def family(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def named(self, *words: str) -> list[psutil.Process]:
        return [each for each in self.family() if any(word in _command(each) for word in words)]


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def done(storage: str) -> dict[str, float]:
    """The keys of finished trials, and when each finished. Raises AssertionError when one is on record twice."""
    with Store.open(storage, create=True) as store:
        trials = [trial for record in store.studies() for trial in store.trials(record.study_id)]
    keys = Counter(trial.architecture.key for trial in trials if trial.state.is_done)
    assert not keys or max(keys.values()) == 1, "doubled"
    return {trial.architecture.key: trial.finished_at or 0.0 for trial in trials if trial.state.is_done}


def strike(fault: str, search: Search, folder: Path, server: PostgresServer | None, generator: random.Random) -> bool:
    """Whether there was anything to strike at."""
    workers = search.named("ray::TrialActor", "ray::ResourceTrainable")
    targets = {"worker": workers, "stopped worker": workers, "raylet": search.named("raylet/raylet"),
               "gcs": search.named("gcs_server")}  # fmt: skip
    if fault in targets:
        if not targets[fault]:
            return False
        generator.choice(targets[fault]).send_signal(signal.SIGSTOP if fault == "stopped worker" else signal.SIGKILL)
    elif fault == "driver":
        search.process.kill()
    elif fault == "full disk":
        with full_disk(folder):
            time.sleep(5)
    elif fault == "ctrl-c twice":
        for _ in range(2):
            os.killpg(search.process.pid, signal.SIGINT)
            time.sleep(generator.uniform(0, 1))
    elif server is not None and fault == "restart":
        server.stop()
        time.sleep(generator.uniform(0, 5))
        server.start()
    elif server is not None and fault == "connections":
        server.cut_connections()
    return True


@contextmanager
def full_disk(folder: Path) -> Iterator[None]:
    """What is left of the folder's small filesystem is taken."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 4096)
        except OSError:
            pass
    try:
        yield
    finally:
        filler.unlink()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=50)
    parser.add_argument("--database", choices=sorted(FAULTS), default="sqlite")
    parser.add_argument(
        "--budget", type=int, default=40, help="trials of each search; a new one begins when it is over"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pause", type=float, default=8.0, help="mean seconds between faults")
    parser.add_argument("--log", type=Path, default=Path(tempfile.gettempdir()) / "nas-chaos.log")
    arguments = parser.parse_args()
    print_header(f"chaos: {arguments.faults} faults on {arguments.database}, seed {arguments.seed}")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "disk"
        folder.mkdir()
        server = None
        if arguments.database == "postgresql":
            server = stack.enter_context(PostgresServer(free_port()))
        else:
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", folder], check=True)
            stack.callback(subprocess.run, ["umount", "--lazy", str(folder)], check=True)
        run(arguments, folder, server)


def run(arguments: argparse.Namespace, folder: Path, server: PostgresServer | None) -> None:
    faults, budget, log, generator = arguments.faults, arguments.budget, arguments.log, random.Random(arguments.seed)
    log.unlink(missing_ok=True)

    def database(name: str) -> str:
        return server.create(name) if server is not None else f"sqlite:///{folder / name}.db"

    undisturbed = database("undisturbed")
    assert Search(log, folder, undisturbed, budget).process.wait() == 0, log.read_text()
    kinds = FAULTS["sqlite" if server is None else "postgresql"]
    struck: Counter[str] = Counter()
    resumes: list[float] = []
    problems: list[str] = []
    same = whole = given_up = 0
    while struck.total() < faults:
        storage = database(f"run{whole}")
        before: dict[str, float] = {}
        code = None
        while code != 0:
            search = Search(log, folder, storage, budget)
            try:
                search.wait_for_worker()
                if before and search.lives:
                    resumes.append(time.monotonic() - search.began)
                family: set[psutil.Process] = set()
                happened = []
                while search.lives and struck.total() < faults:
                    time.sleep(generator.expovariate(1 / arguments.pause))
                    fault = generator.choice(kinds)
                    family |= set(search.family())
                    if search.lives and strike(fault, search, folder, server, generator):
                        struck[fault] += 1
                        happened.append(fault)
                        family |= set(search.family())
                search.process.wait(timeout=900)
            finally:
                search.process.kill()
            code, now = search.process.returncode, done(storage)
            after = ", ".join(happened) or "nothing"
            found = [f"{key} is lost or has changed" for key, at in before.items() if now.get(key) != at]
            found += check(storage)
            _, left = psutil.wait_procs(family, timeout=ALIVE_S)
            found += [f"{_command(each)[:60]} is left" for each in left if each.is_running()]
            problems += [f"after {after}: {problem}" for problem in found]
            before = now
            print(f"{struck.total():4} exit {code:4}, {len(now)} of {budget}, after {after}", flush=True)
            if code and not happened:
                problems.append(f"a search that nothing disturbed ended with exit {code}")
                break
        whole += 1
        same += members(storage) == members(undisturbed)
        given_up += lost_for_good(storage)
    print("faults: " + ", ".join(f"{count} {kind}" for kind, count in sorted(struck.items())))
    print(
        f"searches brought to their end: {whole}; with the undisturbed one's front: {same}; "
        f"trials given up, tried again three times: {given_up}"
    )
    if resumes:
        print(f"seconds until a search that goes on has a worker: median {statistics.median(resumes):.1f}, "
              f"most {max(resumes):.1f} (wanted: 10)")  # fmt: skip
    print(f"{len(problems)} problems (wanted: 0)")
    for problem in problems:
        print(f"  {problem}")
    tracebacks = log.read_text().count("Traceback")
    print(f"{tracebacks} tracebacks in what the searches said (wanted: 0)")


def lost_for_good(storage: str) -> int:
    with Store.open(storage, create=False) as store:
        return sum(trial.state is TrialState.FAILED for trial in store.trials(store.study().study_id))


def members(storage: str) -> list[tuple[str, float]]:
    with Store.open(storage, create=False) as store:
        record = store.study()
        return [(each.trial.architecture.key, each.accuracy) for each in front(
            results(store.trials(record.study_id), record.settings))]  # fmt: skip


if __name__ == "__main__":
    main()
