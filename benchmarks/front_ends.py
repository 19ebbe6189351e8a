"""Check of a front's ends: is the accurate end more accurate, and is the fast end faster?

Takes the newest study of a database, trains both ends of its front again with new seeds under the study's own proxy
recipe and data, and measures both latencies again, turn by turn, in this process alone. Prints mean and spread.
"""

import argparse
import statistics
from pathlib import Path

import torch

from benchmarks.report import print_header
from nas import plugins
from nas.evaluation import EvaluationOptions, Job
from nas.exports.training import TrainingRecipe
from nas.results.front import front, results
from nas.space.loading import load_space
from nas.store.store import Store


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--storage", default="sqlite:///nas.db")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--epochs", type=int, help="longer than the search's proxies")
    arguments = parser.parse_args()
    with Store.open(arguments.storage, create=False) as store:
        record = store.study()
        members = front(results(store.trials(record.study_id), record.settings))
    settings = record.settings
    ends = {"fast end": members[0], "accurate end": members[-1]}
    evaluator = plugins.load(plugins.EVALUATORS, settings.evaluator)(
        EvaluationOptions(
            dataset=settings.dataset,
            data_dir=arguments.data_dir,
            epochs=arguments.epochs or settings.epochs,
            train_size=settings.train_size,
            input_size_px=settings.input.height_px,
            training_recipe=TrainingRecipe.from_settings(settings).to_dict(),
            targets=(settings.target,),
            seed=settings.seed,
        ),
        load_space(settings.space),
    ).evaluator
    torch.set_num_threads(1)
    accuracies: dict[str, list[float]] = {name: [] for name in ends}
    latencies: dict[str, list[float]] = {name: [] for name in ends}
    for seed in range(1_000_000, 1_000_000 + arguments.seeds):
        for name, member in ends.items():
            *_, outcome = evaluator.evaluate(Job(member.trial.architecture, seed))
            accuracies[name].append(outcome.accuracy)
            latencies[name].append(outcome.latency.median)
    print_header(f"ends of the front of study {record.name}, retrained with {arguments.seeds} new seeds")
    for name, member in ends.items():
        print(
            f"{name}: trial {member.trial.number} {member.trial.architecture.layout}; "
            f"accuracy claimed {member.accuracy:.4f}, "
            f"retrained {statistics.mean(accuracies[name]):.4f} +- {statistics.stdev(accuracies[name]):.4f}; "
            f"latency claimed {member.latency.median:.3f} ms, "
            f"again {statistics.median(latencies[name]):.3f} ms "
            f"({min(latencies[name]):.3f} to {max(latencies[name]):.3f})"
        )
    more_accurate = statistics.mean(accuracies["accurate end"]) > statistics.mean(accuracies["fast end"])
    faster = statistics.median(latencies["fast end"]) < statistics.median(latencies["accurate end"])
    print(f"accurate end more accurate: {more_accurate}; fast end faster: {faster}")


if __name__ == "__main__":
    main()
