"""Answer times of the dashboard while many users look on. `python -m benchmarks.dashboard [--trials N] [--seconds S]`

20 users poll and 5 follow the events of a study of 5,000 trials on PostgreSQL, while a search writes to it; then a page
is opened in Chromium; then the users ask an hour's worth of questions as fast as they can. Prints how long answers
took, how long the page took, and how the server's memory grew.
"""

import argparse
import itertools
import json
import multiprocessing
import random
import shutil
import statistics
import tempfile
import threading
import time
from pathlib import Path

import httpx
import optuna
import psutil
from playwright.sync_api import sync_playwright

from benchmarks.report import print_header
from benchmarks.scale import SilentWatcher, simulated_outcome
from nas.samplers.distinct import DistinctSampler
from nas.space.loading import load_space
from nas.store.store import Store
from nas.study import opening
from nas.study.optuna_mirror import OptunaMirror
from nas.study.study import Study
from tests.conftest import free_port
from tests.postgres import PostgresServer
from tests.serving import Served
from tests.studies import settings

USERS, STREAMS = 20, 5
# Pauses between the polls of a user of the service; the page itself waits for events.
POLL_S, HOUR_POLL_S = 1.0, 5.0
HOUR_S = 3600
QUESTIONS = ("", "/trials", "/front")
MEMORY_READINGS = 4


def write(url: str, trials: int, pause_s: float) -> None:
    """Search without training until `trials` trials are recorded."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space = load_space("hybrid-v1")
    study_settings = settings(space="hybrid-v1", space_key=space.key, epochs=3)
    with Store.open(url, create=True) as store:
        optuna_study, _ = opening.open_study(store, url, "many", study_settings)
        mirror = OptunaMirror(optuna_study, space, study_settings)
        study = Study(store, mirror, space, study_settings, trials, SilentWatcher())
        sampler = optuna.samplers.RandomSampler(seed=0)
        optuna_study.sampler = DistinctSampler(sampler, space, lambda: study.excluded, seed=0)
        generator = random.Random(0)
        while (trial := study.ask()) is not None:
            study.tell(trial.number, simulated_outcome(trial.architecture, generator))
            time.sleep(pause_s)


class User(threading.Thread):
    """A user who sends a page's requests from an address of its own and times the answers."""

    def __init__(
        self, url: str, number: int, pause_s: float, stop: threading.Event, max_rounds: int | None = None
    ) -> None:
        super().__init__(daemon=True)
        self._url, self._pause_s, self._stop_event, self._max_rounds = url, pause_s, stop, max_rounds
        self._transport = httpx.HTTPTransport(local_address=f"127.0.0.{10 + number}")
        self.ms: dict[str, list[float]] = {question: [] for question in QUESTIONS}
        self.refused = 0

    def run(self) -> None:
        with httpx.Client(transport=self._transport, base_url=f"{self._url}/api/v1/studies", timeout=60) as client:
            after = client.get("/many/trials").json()["revision"]
            for _ in itertools.count() if self._max_rounds is None else range(self._max_rounds):
                for question in QUESTIONS:
                    began = time.perf_counter()
                    answer = client.get(f"/many{question}", params={"after": after} if question == "/trials" else {})
                    self.ms[question].append((time.perf_counter() - began) * 1000)
                    self.refused += not answer.is_success
                    if question == "/trials" and answer.is_success:
                        after = answer.json()["revision"]
                if self._stop_event.wait(self._pause_s):
                    return


def follow(url: str, stop: threading.Event, events: list[float]) -> None:
    with httpx.Client(timeout=60) as client, client.stream("GET", f"{url}/api/v1/studies/many/events") as answer:
        for line in answer.iter_lines():
            if line.startswith("data:"):
                events.append(json.loads(line.removeprefix("data:"))["done"])
            if stop.is_set():
                return


def run_users(url: str, seconds: float | None, max_rounds: int | None = None) -> list[User]:
    """Run all users at once: polling for `seconds`, or `max_rounds` rounds as fast as they can."""
    stop = threading.Event()
    users = [User(url, number, POLL_S if max_rounds is None else 0.0, stop, max_rounds) for number in range(USERS)]
    for user in users:
        user.start()
    if seconds is not None:
        time.sleep(seconds)
        stop.set()
    for user in users:
        user.join()
    return users


def print_answer_times(users: list[User]) -> None:
    for question in QUESTIONS:
        times = [ms for user in users for ms in user.ms[question]]
        cuts = statistics.quantiles(times, n=100)
        figures = f"median {cuts[49]:.1f}, p95 {cuts[94]:.1f}, p99 {cuts[98]:.1f}"
        print(f"  {'study' + question:14} {len(times):6} answers, ms: {figures}")
    all_times = [ms for user in users for times in user.ms.values() for ms in times]
    refused = sum(user.refused for user in users)
    print(f"  all: p95 {statistics.quantiles(all_times, n=20)[-1]:.1f} ms; refused {refused}")


def page_load_times(url: str) -> list[float]:
    """Open the page in a new browser profile each time; return the seconds until its figure and table are drawn."""
    times_s = []
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        for _ in range(3):
            page = browser.new_context().new_page()
            began = time.perf_counter()
            page.goto(f"{url}/studies/many")
            page.wait_for_selector("#front .scatterlayer .trace")
            page.wait_for_selector("#trials tbody tr >> nth=49")
            times_s.append(time.perf_counter() - began)
            page.close()
        browser.close()
    return times_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=5000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--hours", type=float, default=1.0, help="of polling by every user, sent as fast as possible")
    arguments = parser.parse_args()
    print_header(f"dashboard: {USERS} users, {STREAMS} streams of events, {arguments.trials} trials, PostgreSQL")
    with PostgresServer(free_port()) as server, tempfile.TemporaryDirectory() as folder:
        url = server.create("nas")
        write(url, arguments.trials, 0.0)
        with Served(Path(folder), "--storage", url) as served:
            measure_beside_search(served, url, arguments.trials, arguments.seconds)
            print(f"page in Chromium, nothing else running: {in_seconds(page_load_times(served.url))}; wanted: 2 s")
            measure_hours(served, arguments.hours)


def measure_beside_search(served: Served, url: str, trials: int, duration_s: float) -> None:
    httpx.get(f"{served.url}/api/v1/studies/many/trials", timeout=60)
    writer = multiprocessing.Process(target=write, args=(url, trials + 100_000, 0.2))
    writer.start()
    stop = threading.Event()
    events: list[float] = []
    for _ in range(STREAMS):
        threading.Thread(target=follow, args=(served.url, stop, events), daemon=True).start()
    print(f"every user asking every {POLL_S:g} s while a search writes, {duration_s:g} s:")
    print_answer_times(run_users(served.url, duration_s))
    print(f"  {len(events)} events on {STREAMS} streams; wanted: p95 at most 100 ms")
    print(f"page in Chromium, the search writing: {in_seconds(page_load_times(served.url))}")
    writer.terminate()
    writer.join()
    stop.set()


def measure_hours(served: Served, count: float) -> None:
    process = psutil.Process(served.process.pid)
    rounds = int(count * HOUR_S / HOUR_POLL_S)
    sizes = [process.memory_info().rss / 2**20]
    for _ in range(MEMORY_READINGS):
        users = run_users(served.url, None, rounds // MEMORY_READINGS)
        sizes.append(process.memory_info().rss / 2**20)
    print(
        f"{rounds * USERS * len(QUESTIONS)} questions as fast as can be, as {count:g} h have; the server's memory, MiB:"
    )
    print("  " + ", ".join(f"{size:.0f}" for size in sizes))
    print_answer_times(users)


def in_seconds(times: list[float]) -> str:
    return ", ".join(f"{time_s:.2f} s" for time_s in times)


if __name__ == "__main__":
    main()
