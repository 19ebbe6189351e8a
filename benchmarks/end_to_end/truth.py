"""Verification of a study's front. `python -m benchmarks.end_to_end.truth --storage URL` takes the newest one.

Its members are trained again by the proxy's schedule with three new seeds each, on the images that they were claimed
on, and measured again in quiet: how many are still on the front, how much of the hypervolume was over-claimed, and is
that by accuracy or by latency? Hypervolume is of accuracy and log latency, from accuracy 0 and the slowest complete
trial. What a search claims are the accuracies that it shows, the means of further seeds: its front and its hypervolume
go by these. The claims of the expected accuracies beside them are printed as well; so is the machine's own
noise, beside which latencies are to be read.
"""

import argparse
import math
import statistics
from collections.abc import Sequence
from pathlib import Path

from benchmarks.end_to_end import judge
from benchmarks.latency.networks import MAX_NOISE, noise
from benchmarks.report import print_header
from nas.exports.training import TrainingRecipe
from nas.results.front import Result, front, results
from nas.results.pareto import hypervolume, non_dominated
from nas.store.store import Store, StudyRecord

NEW_SEEDS = (101, 102, 103)


def print_truth(record: StudyRecord, complete: Sequence[Result], data_dir: Path) -> None:
    """Print how far the front of a study on Fashion-MNIST holds, from its complete results."""
    settings = record.settings
    members = front(complete)
    architectures = [member.trial.architecture for member in members]
    data = judge.data_of(data_dir, settings["train_size"], settings.seed)
    recipe = TrainingRecipe.from_settings(settings)
    again = judge.accuracies(judge.last_epochs(architectures, data, recipe, NEW_SEEDS, shared=False))
    ms = judge.latencies(architectures, settings.input)
    machine_noise = noise()
    accuracies = [statistics.fmean(again[architecture.key]) for architecture in architectures]
    latencies = [ms[architecture.key] for architecture in architectures]
    slowest = math.log(max(max(result.latency.median for result in complete), *latencies))

    def points(scores: Sequence[float], times_ms: Sequence[float]) -> list[tuple[float, float]]:
        return list(zip(map(math.log, times_ms), (1 - score for score in scores), strict=True))

    def volume(scores: Sequence[float], times_ms: Sequence[float]) -> float:
        return hypervolume(points(scores, times_ms), (slowest, 1.0))

    claimed_ms = [member.latency.median for member in members]
    expected_accuracies = [member.expected_accuracy for member in members]
    means = [member.accuracy for member in members]
    true = volume(accuracies, latencies)
    excess = statistics.fmean(claim - accuracy for claim, accuracy in zip(means, accuracies, strict=True))
    slower = statistics.median(now / claimed for claimed, now in zip(claimed_ms, latencies, strict=True)) - 1
    print(
        f"study {record.name}, seed {settings.seed}: {len(non_dominated(points(accuracies, latencies)))} of "
        f"{len(members)} members still on the front (wanted: 90%)\n"
        f"  hypervolume over-claimed by {volume(means, claimed_ms) / true - 1:+.1%} (wanted: at most 2%); by "
        f"accuracies alone {volume(means, latencies) / true - 1:+.1%}, by latencies alone "
        f"{volume(accuracies, claimed_ms) / true - 1:+.1%}; by expected accuracies it would be "
        f"{volume(expected_accuracies, claimed_ms) / true - 1:+.1%}\n"
        f"  accuracies are {excess:+.2%} too high in the mean, latencies {slower:+.1%} longer in the median; the "
        f"machine's noise: {machine_noise:.1%} (to judge latencies: at most {MAX_NOISE:.0%})",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--storage", nargs="+", default=["sqlite:///nas.db"])
    parser.add_argument("--data-dir", type=Path, default=Path("../shared/data"))
    arguments = parser.parse_args()
    print_header(f"truth of fronts on Fashion-MNIST, {len(NEW_SEEDS)} new seeds")
    for storage in arguments.storage:
        with Store.open(storage, create=False) as store:
            record = store.study()
            print_truth(record, results(store.trials(record.study_id), record.settings), arguments.data_dir)


if __name__ == "__main__":
    main()
