"""Cost of suggesting and recording as a study grows. `python -m benchmarks.scale [--storage URL]`

A study of 10,000 trials over 256 slots, with the real store, sampler and scheduler; nothing is trained: the outcomes of
trials are a formula, and their durations are simulated. Prints what a suggestion and a record cost after each tenth,
the throughput of the driver alone, and its memory.
"""

import argparse
import heapq
import itertools
import random
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from benchmarks.report import print_header
from nas.architecture import Architecture
from nas.evaluation import Job
from nas.objective import LATENCY, Measurement
from nas.samplers.distinct import DistinctSampler
from nas.samplers.ehvi.sampler import ehvi
from nas.samplers.setting import SamplerSetting
from nas.space.loading import load_space
from nas.store.store import Store
from nas.study import opening
from nas.study.confirmation import Confirmations
from nas.study.optuna_mirror import OptunaMirror
from nas.study.pruning import Pruning
from nas.study.study import Study
from nas.study.two_parts import TwoPartSearch
from nas.trial import CurvePoint, Outcome
from tests.studies import settings

T = TypeVar("T")

WORTH = {"pool": 0.0, "conv": 0.6, "attention": 1.0}
COST = {"pool": 0.1, "conv": 0.3, "attention": 0.5}


def simulated_outcome(architecture: Architecture, generator: random.Random) -> Outcome:
    """Simulate an outcome: mixers and widths cost time and gain accuracy; seeds differ."""
    gain = sum(
        (1 + WORTH[stage.mixer] * position) * stage.depth * stage.width**0.5
        for position, stage in enumerate(architecture.stages)
    )
    ms = sum((0.1 + COST[stage.mixer]) * stage.depth * stage.width / 32 for stage in architecture.stages)
    accuracy = min(1.0, max(0.0, 1 - 5 / (5 + gain**0.5) + generator.gauss(0, 0.01)))
    return Outcome(
        accuracy=accuracy,
        latency=Measurement(LATENCY.name, LATENCY.unit, (ms,) * 20, {"target": "cpu"}, taken_at=generator.random()),
        parameters=1000,
        curve=tuple(CurvePoint(epoch, accuracy * epoch / 3, 3.0 - accuracy - epoch / 3, 1.0) for epoch in (1, 2, 3)),
        train_s=generator.uniform(10, 100),
    )


class SilentWatcher:
    """A nas.evaluation.Watcher that shows nothing."""

    def began(self, *_: object) -> None: ...
    def ended(self, *_: object) -> None: ...
    def confirmed(self, *_: object) -> None: ...
    def ranks_checked(self, *_: object) -> None: ...

    def noted(self, *_: object) -> None: ...


def timed(call: Callable[[], T], times_ms: list[float]) -> T:
    began = time.perf_counter()
    result = call()
    times_ms.append((time.perf_counter() - began) * 1000)
    return result


def p95(milliseconds: list[float]) -> float:
    return statistics.quantiles(milliseconds, n=20)[-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--storage", help="an empty database; a SQLite file of its own by default")
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--slots", type=int, default=256)
    arguments = parser.parse_args()
    print_header(
        f"scale: {arguments.trials} replayed trials over {arguments.slots} slots, {arguments.storage or 'SQLite'}"
    )
    with tempfile.TemporaryDirectory() as folder:
        url = arguments.storage or f"sqlite:///{folder}/nas.db"
        with Store.open(url, create=True) as store:
            run(store, url, arguments.trials, arguments.slots)


def run(store: Store, url: str, trials: int, slots: int) -> None:
    space = load_space("hybrid-v1")
    study_settings = settings(space="hybrid-v1", space_key=space.key, epochs=3)
    optuna_study, _ = opening.open_study(store, url, "scale", study_settings)
    sampler = ehvi(SamplerSetting(space, 0, study_settings.objectives, costs={}))
    mirror = OptunaMirror(optuna_study, space, study_settings)
    pruning = Pruning(optuna_study, study_settings, (1,), sampler)
    study = Study(store, mirror, space, study_settings, trials, SilentWatcher(), pruning=pruning)
    optuna_study.sampler = DistinctSampler(sampler, space, lambda: study.excluded, seed=0)
    search = TwoPartSearch(study, Confirmations(study, 0))
    generator = random.Random(0)
    order = itertools.count()
    running: list[tuple[float, int, Job, Outcome]] = []
    now = 0.0
    asks: list[float] = []
    tells: list[float] = []
    began = time.perf_counter()
    elapsed_s = {0: 0.0}
    print("trials   suggestion ms: median, p95   record ms: median, p95   trials/s   peak memory GiB")
    while not search.is_over:
        while len(running) < slots:
            job = timed(search.ask, asks)
            if job is None:
                break
            outcome = simulated_outcome(job.architecture, generator)
            heapq.heappush(running, (now + outcome.train_s, next(order), job, outcome))
        now, _, job, outcome = heapq.heappop(running)
        timed(partial(search.tell, job, outcome), tells)
        done = study.done
        if done % (trials // 10) == 0:
            elapsed_s[done] = time.perf_counter() - began
            pace = (trials // 10) / (elapsed_s[done] - elapsed_s[done - trials // 10])
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
            print(
                f"{done:6}   {statistics.median(asks):19.1f}  {p95(asks):6.1f}   {statistics.median(tells):15.1f}  "
                f"{p95(tells):6.1f}   {pace:8.1f}   {memory:15.2f}",
                flush=True,
            )
            asks, tells = [], []


if __name__ == "__main__":
    main()
