"""Time after which `nas search` has the front that a plain script ends with.

For each seed `nas search` runs as a user runs it, confirmations and all; then the plain script (plain.py) for the same
wall time, with the same proxies. The members of both final fronts, and of the fronts that the search had on the way,
are trained to the full schedule and tested, and measured in quiet, by one judge; a front is worth the hypervolume of
its judged members, over the logarithm of latency, from the worst of all that were judged. Then the front that the
search claims is verified (truth.py). With `--supernet-budget`, `nas search --evaluator supernet` with that budget runs
as well; training, rank-correlation check and confirmations are in its wall time, which should be the proxy search's.
"""

import argparse
import json
import math
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from benchmarks.end_to_end import judge, plain
from benchmarks.end_to_end.truth import print_truth
from benchmarks.report import print_header
from nas.architecture import Architecture
from nas.exports.training import TrainingRecipe
from nas.results.front import front, results
from nas.results.pareto import hypervolume, non_dominated
from nas.store.store import Store, StudyRecord
from nas.trial import Trial

# The fronts that the search had after these shares of its wall time.
SHARES = (0.05, 0.1, 0.15, 0.2, 0.25, 0.33, 0.5, 0.75)
FULL_EPOCHS, FULL_IMAGES = 3, 4000
# The script's front among the searches'.
PLAIN = "plain"
# By one seed alone the final front of one search was worth .82 of the script's, by another 1.02.
JUDGE_SEEDS = (0, 1, 2)


class Searched(NamedTuple):
    """A finished `nas search`: its start, wall time, study and trials."""

    began: float
    wall_s: float
    record: StudyRecord
    trials: list[Trial]

    def fronts(self) -> dict[float, list[Architecture]]:
        """Return the fronts by share of the wall time; those before the end are of unconfirmed trials."""
        settings = self.record.settings
        fronts = {}
        for share in SHARES:
            by_then = [
                _unconfirmed(trial)
                for trial in self.trials
                if (trial.finished_at or math.inf) <= self.began + share * self.wall_s
            ]
            fronts[share] = [member.trial.architecture for member in front(results(by_then, settings))]
        return {**fronts, 1.0: [member.trial.architecture for member in front(results(self.trials, settings))]}


def searched(folder: Path, data_dir: Path, evaluator: str, budget: int, seed: int) -> Searched:
    storage = f"sqlite:///{folder / f'{evaluator}-{seed}.db'}"
    began = time.time()
    options = {
        "dataset": "fashion-mnist",
        "data-dir": data_dir,
        "evaluator": evaluator,
        "budget": budget,
        "seed": seed,
        "storage": storage,
    }
    arguments = [argument for name, value in options.items() for argument in (f"--{name}", str(value))]
    subprocess.run(
        [str(Path(sys.executable).with_name("nas")), "search", *arguments], check=True, stdout=subprocess.DEVNULL
    )
    wall_s = time.time() - began
    with Store.open(storage, create=False) as store:
        record = store.study()
        return Searched(began, wall_s, record, store.trials(record.study_id))


def front_of(points: Sequence[tuple[Architecture, float, float]]) -> list[Architecture]:
    """Return the front of points, each an architecture, its accuracy and its milliseconds."""
    return [points[index][0] for index in non_dominated([(ms, -accuracy) for _, accuracy, ms in points])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, default=Path("../shared/data"))
    parser.add_argument("--budget", type=int, default=100)
    parser.add_argument("--supernet-budget", type=int, help="run a supernet's search of this number of trials as well")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0, help="40 minutes each: some one day, others another")
    parser.add_argument("--keep", type=Path, help="file for what was judged, as JSON")
    arguments = parser.parse_args()
    print_header(f"end to end on Fashion-MNIST, space hybrid, budget {arguments.budget}, {arguments.seeds} seeds")
    budgets = {"proxy": arguments.budget} | (
        {"supernet": arguments.supernet_budget} if arguments.supernet_budget else {}
    )
    fronts: dict[tuple[int, str, float], list[Architecture]] = {}
    walls: dict[tuple[int, str], float] = {}
    verdicts: dict[str, judge.Verdict] = {}
    full_data = judge.with_test_images(judge.data_of(arguments.data_dir, FULL_IMAGES, 0), arguments.data_dir)
    with tempfile.TemporaryDirectory() as scratch:
        for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds):
            searches = {
                evaluator: searched(Path(scratch), arguments.data_dir.resolve(), evaluator, budget, seed)
                for evaluator, budget in budgets.items()
            }
            for evaluator, search in searches.items():
                walls[seed, evaluator] = search.wall_s
                fronts |= {(seed, evaluator, share): members for share, members in search.fronts().items()}
            record, wall_s = searches["proxy"].record, searches["proxy"].wall_s
            settings = record.settings
            schedule = plain.Schedule(settings.epochs, settings["batch_size"], settings["learning_rate"])
            data = judge.data_of(arguments.data_dir, settings["train_size"], seed)
            model_input = settings.input
            # A process of its own, as a script has: Ray starts once in each.
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
                plain_trials = process.submit(
                    plain.search,
                    data,
                    model_input,
                    schedule,
                    seconds=wall_s,
                    seed=seed,
                    workers=os.cpu_count() or 1,
                    folder=scratch,
                ).result()
            fronts[seed, PLAIN, 1.0] = front_of([trial[1:] for trial in plain_trials])
            counts = ", ".join(
                f"{len(search.trials)} by {name} in {search.wall_s:.0f} s" for name, search in searches.items()
            )
            print(f"seed {seed}: trials of nas search: {counts}; of the script {len(plain_trials)}", flush=True)
            new = {
                member.key: member for members in fronts.values() for member in members if member.key not in verdicts
            }
            print(
                f"judging {len(new)} architectures: {FULL_EPOCHS} epochs of {FULL_IMAGES} images, "
                f"{len(JUDGE_SEEDS)} seeds",
                flush=True,
            )
            full = replace(TrainingRecipe.from_settings(settings), epochs=FULL_EPOCHS)
            accuracy = judge.accuracies(judge.last_epochs(new.values(), full_data, full, JUDGE_SEEDS))
            ms = judge.latencies(new.values(), model_input)
            verdicts |= {key: judge.Verdict(accuracy[key], ms[key]) for key in new}
            _print_volumes(fronts, verdicts, walls)
            for search in searches.values():
                print_truth(search.record, results(search.trials, search.record.settings), arguments.data_dir)
            if arguments.keep:
                arguments.keep.write_text(_to_json(fronts, verdicts, walls))


def _to_json(
    fronts: Mapping[tuple[int, str, float], Sequence[Architecture]],
    verdicts: Mapping[str, judge.Verdict],
    walls: Mapping[tuple[int, str], float],
) -> str:
    members = {_label(name): [member.key for member in front_members] for name, front_members in fronts.items()}
    stages = {member.key: member.to_dict() for front_members in fronts.values() for member in front_members}
    walls_s = {_label(name): wall_s for name, wall_s in walls.items()}
    return json.dumps({"fronts": members, "architectures": stages, "verdicts": verdicts, "walls_s": walls_s})


def _label(name: Sequence[object]) -> str:
    return " ".join(map(str, name))


def _unconfirmed(trial: Trial) -> Trial:
    return Trial(trial.number, trial.architecture, trial.state, trial.seed, trial.attempt, trial.outcome)


def _print_volumes(
    fronts: Mapping[tuple[int, str, float], Sequence[Architecture]],
    verdicts: Mapping[str, judge.Verdict],
    walls: Mapping[tuple[int, str], float],
) -> None:
    points = {key: (math.log(verdict.latency_ms), 1 - verdict.accuracy) for key, verdict in verdicts.items()}
    reference = tuple(max(column) + 1e-9 for column in zip(*points.values(), strict=True))
    volumes = {
        name: hypervolume([points[member.key] for member in members], reference) for name, members in fronts.items()
    }
    print("verified hypervolume, and when each search first had the script's final one")
    ratios: dict[str, list[float]] = {}
    for (seed, evaluator), wall_s in walls.items():
        script_volume = volumes[seed, PLAIN, 1.0]
        volume_by_share = {share: volumes[seed, evaluator, share] for share in (*SHARES, 1.0)}
        reached = [share for share, volume in volume_by_share.items() if volume >= script_volume]
        # The script had the proxy search's time.
        ratio = walls[seed, "proxy"] / (reached[0] * wall_s) if reached else math.nan
        ratios.setdefault(evaluator, []).append(ratio)
        listed = " ".join(f"{share:g}: {volume:.4f}" for share, volume in volume_by_share.items())
        print(f"seed {seed}, {evaluator} ({wall_s:.0f} s): {listed}; the script {script_volume:.4f}; ratio {ratio:.1f}")
    for evaluator, values in ratios.items():
        print(
            f"ratios of wall times, {evaluator}: {', '.join(f'{ratio:.1f}' for ratio in values)} (wanted: at least 4)"
        )


if __name__ == "__main__":
    main()
