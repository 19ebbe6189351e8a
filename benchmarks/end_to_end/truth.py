"""How true is a study's front? `python -m benchmarks.end_to_end.truth --storage URL` looks at the newest one.

Its members are trained again by the proxy's schedule with three new seeds, on the images that they were claimed on, and
measured again in quiet: how many are still on the front, how much of the hypervolume was over-claimed, and is that by
accuracy or by latency? Hypervolume is of accuracy and log latency, from accuracy 0 and the slowest complete trial. What
a search claims are expected accuracies: its front and its hypervolume go by these. What the means of its seeds, which
stand beside them, would claim is told as well.
"""

import argparse
import math
import statistics
from collections.abc import Sequence
from pathlib import Path

from benchmarks.end_to_end import judge
from benchmarks.report import print_header
from nas.architecture import ModelInput
from nas.front import Result, contenders, front, results
from nas.pareto import hypervolume, non_dominated
from nas.store.store import Store, StudyRecord
from workers.train import Recipe

NEW_SEEDS = (101, 102, 103)


def print_truth(record: StudyRecord, found: Sequence[Result], data_dir: Path) -> None:
    """Of a study on Fashion-MNIST with these results."""
    settings = record.settings
    members = front(found)
    architectures = [each.trial.architecture for each in members]
    data = judge.data_of(data_dir, settings["train_size"], settings["seed"])
    recipe = Recipe(settings["epochs"], settings["batch_size"], settings["learning_rate"])
    again = judge.accuracies(architectures, data, recipe, NEW_SEEDS)
    ms = judge.latencies(architectures, ModelInput.from_dict(settings["input"]))
    accuracies = [statistics.fmean(again[each.key]) for each in architectures]
    latencies = [ms[each.key] for each in architectures]
    points = list(zip(map(math.log, latencies), (1 - accuracy for accuracy in accuracies), strict=True))
    slowest = math.log(max(max(each.latency.median for each in found), *latencies))

    def over_claimed(claims: Sequence[float]) -> str:
        """By how much, and how far accuracies are off in the mean."""
        said = [(math.log(each.latency.median), 1 - claim) for each, claim in zip(members, claims, strict=True)]
        over = hypervolume(said, (slowest, 1.0)) / hypervolume(points, (slowest, 1.0)) - 1
        off = statistics.fmean(claim - again for claim, again in zip(claims, accuracies, strict=True))
        return f"{over:+.1%}, accuracy by {off:+.2%} in the mean"

    slower = statistics.median(now / each.latency.median for each, now in zip(members, latencies, strict=True)) - 1
    print(
        f"study {record.name}, seed {settings['seed']}: {len(non_dominated(points))} of {len(members)} members still "
        f"on the front (wanted: 90%), of {len(contenders(found))} contenders; hypervolume over-claimed by (wanted: at "
        f"most 2%) {over_claimed([each.expected_accuracy for each in members])}; by the seeds' means it would be "
        f"{over_claimed([each.accuracy for each in members])}; latencies are {slower:+.1%} off in the median",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--storage", nargs="+", default=["sqlite:///nas.db"])
    parser.add_argument("--data-dir", type=Path, default=Path("../shared/data"))
    asked = parser.parse_args()
    print_header(f"truth of fronts on Fashion-MNIST, {len(NEW_SEEDS)} new seeds")
    for storage in asked.storage:
        with Store.open(storage, create=False) as store:
            record = store.study()
            print_truth(record, results(store.trials(record.study_id), record.settings), asked.data_dir)


if __name__ == "__main__":
    main()
