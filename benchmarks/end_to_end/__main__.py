"""How much sooner does `nas search` have the front that a plain script ends with?

For each seed `nas search` runs as a user runs it, confirmations and all; then the plain script (plain.py) for the same
wall time, with the same proxies. The members of both final fronts, and of the fronts that the search had on the way,
are trained to the full schedule and tested, and measured in quiet, by one judge; a front is worth the hypervolume of
its judged members, over the logarithm of latency, from the worst of all that were judged. Then it is looked at how true
the search's own front is (truth.py).
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
from pathlib import Path

from benchmarks.end_to_end import judge, plain
from benchmarks.end_to_end.truth import print_truth
from benchmarks.report import print_header
from nas.architecture import Architecture, ModelInput
from nas.front import front, results
from nas.pareto import hypervolume, non_dominated
from nas.store.store import Store, StudyRecord
from nas.trial import Trial
from workers.train import Recipe

# The fronts that the search had after these shares of its wall time.
SHARES = (0.05, 0.1, 0.15, 0.2, 0.25, 0.33, 0.5, 0.75)
FULL_EPOCHS, FULL_IMAGES = 3, 4000
# By one seed alone the final front of one search was worth .82 of the script's, by another 1.02.
JUDGE_SEEDS = (0, 1, 2)


def searched(folder: Path, data_dir: Path, budget: int, seed: int) -> tuple[float, float, StudyRecord, list[Trial]]:
    """When `nas search` began, how long it took, its study and the study's trials."""
    storage = f"sqlite:///{folder / f'nas-{seed}.db'}"
    began = time.time()
    options = {"dataset": "fashion-mnist", "data-dir": data_dir, "budget": budget, "seed": seed, "storage": storage}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    subprocess.run(
        [str(Path(sys.executable).with_name("nas")), "search", *words], check=True, stdout=subprocess.DEVNULL
    )
    wall_s = time.time() - began
    with Store.open(storage, create=False) as store:
        record = store.study()
        return began, wall_s, record, store.trials(record.study_id)


def front_of(points: Sequence[tuple[Architecture, float, float]]) -> list[Architecture]:
    """Of (architecture, accuracy, milliseconds)."""
    return [points[index][0] for index in non_dominated([(ms, -accuracy) for _, accuracy, ms in points])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, default=Path("../shared/data"))
    parser.add_argument("--budget", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0, help="40 minutes each: some one day, others another")
    parser.add_argument("--keep", type=Path, help="file for what was judged, as JSON")
    asked = parser.parse_args()
    print_header(f"end to end on Fashion-MNIST, space hybrid, budget {asked.budget}, {asked.seeds} seeds")
    fronts: dict[tuple[int, str], list[Architecture]] = {}
    walls: dict[int, float] = {}
    verdicts: dict[str, judge.Verdict] = {}
    full_data = judge.with_test_images(judge.data_of(asked.data_dir, FULL_IMAGES, 0), asked.data_dir)
    with tempfile.TemporaryDirectory() as scratch:
        for seed in range(asked.first_seed, asked.first_seed + asked.seeds):
            began, wall_s, record, trials = searched(Path(scratch), asked.data_dir.resolve(), asked.budget, seed)
            settings = record.settings
            found = results(trials, settings)
            walls[seed] = wall_s
            fronts[seed, "1"] = [member.trial.architecture for member in front(found)]
            for share in SHARES:
                by_then = [trial for trial in trials if (trial.finished_at or math.inf) <= began + share * wall_s]
                fronts[seed, f"{share:g}"] = [
                    each.trial.architecture
                    for each in front(results([_unconfirmed(trial) for trial in by_then], settings))
                ]
            schedule = plain.Schedule(settings["epochs"], settings["batch_size"], settings["learning_rate"])
            data = judge.data_of(asked.data_dir, settings["train_size"], seed)
            model_input = ModelInput.from_dict(settings["input"])
            # A process of its own, as a script has: Ray starts once in each.
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
                tried = process.submit(
                    plain.search,
                    data,
                    model_input,
                    schedule,
                    seconds=wall_s,
                    seed=seed,
                    workers=os.cpu_count() or 1,
                    folder=scratch,
                ).result()
            fronts[seed, "plain"] = front_of([each[1:] for each in tried])
            print(
                f"seed {seed}: {wall_s:.0f} s; {len(trials)} trials of nas search, {len(tried)} of the script",
                flush=True,
            )
            new = {
                member.key: member for members in fronts.values() for member in members if member.key not in verdicts
            }
            print(
                f"judging {len(new)} architectures: {FULL_EPOCHS} epochs of {FULL_IMAGES} images, "
                f"{len(JUDGE_SEEDS)} seeds",
                flush=True,
            )
            full = Recipe(FULL_EPOCHS, schedule.batch_size, schedule.learning_rate)
            accuracy = judge.accuracies(new.values(), full_data, full, JUDGE_SEEDS)
            ms = judge.latencies(new.values(), model_input)
            verdicts |= {key: judge.Verdict(accuracy[key], ms[key]) for key in new}
            _print_volumes(fronts, verdicts, walls)
            print_truth(record, found, asked.data_dir)
            if asked.keep:
                asked.keep.write_text(_kept(fronts, verdicts, walls))


def _kept(
    fronts: Mapping[tuple[int, str], Sequence[Architecture]],
    verdicts: Mapping[str, judge.Verdict],
    walls: Mapping[int, float],
) -> str:
    members = {f"{seed} {when}": [each.key for each in found] for (seed, when), found in fronts.items()}
    stages = {each.key: each.to_dict() for found in fronts.values() for each in found}
    return json.dumps({"fronts": members, "architectures": stages, "verdicts": verdicts, "walls_s": walls})


def _unconfirmed(trial: Trial) -> Trial:
    return Trial(trial.number, trial.architecture, trial.state, trial.seed, trial.attempt, trial.outcome)


def _print_volumes(
    fronts: Mapping[tuple[int, str], Sequence[Architecture]],
    verdicts: Mapping[str, judge.Verdict],
    walls: Mapping[int, float],
) -> None:
    points = {key: (math.log(each.latency_ms), 1 - each.accuracy) for key, each in verdicts.items()}
    reference = tuple(max(column) + 1e-9 for column in zip(*points.values(), strict=True))
    print("verified hypervolume, and when the search first had the script's final one")
    ratios = []
    for seed, wall_s in walls.items():
        volume = {
            when: hypervolume([points[member.key] for member in members], reference)
            for (of, when), members in fronts.items()
            if of == seed
        }
        reached = [share for share in (*SHARES, 1.0) if volume[f"{share:g}"] >= volume["plain"]]
        ratios.append(1 / reached[0] if reached else math.nan)
        told = " ".join(f"{when}: {value:.4f}" for when, value in volume.items())
        print(f"seed {seed} ({wall_s:.0f} s): {told}; ratio of wall times {ratios[-1]:.1f}")
    print(f"ratios: {', '.join(f'{ratio:.1f}' for ratio in ratios)} (wanted: at least 4)")


if __name__ == "__main__":
    main()
