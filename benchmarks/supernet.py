"""Rank correlation of a supernet's scores with accuracies. `python -m benchmarks.supernet [--table]`

60 members of `hybrid` that no part of it has seen, each trained by itself to the full schedule with three seeds (3
epochs of 4,000 Fashion-MNIST images, judged by 5,000 test images; `--table` trains what the table lacks of them, on a
GPU where there is one), against the supernet's corrected scores, on one thread of one core; beside it short proxies
that cost as much together.
"""

import argparse
import csv
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.end_to_end import judge
from benchmarks.report import print_header
from nas.architecture import Architecture
from nas.evaluation import EvaluationOptions, Job
from nas.exports.training import TrainingRecipe
from nas.results.rank_correlation import rank_correlation
from nas.results.shrinkage import SeedResult
from nas.space import SearchSpace
from nas.space.loading import load_space
from workers.supernet.correction import correction
from workers.supernet.evaluator import CHECKED_MEMBERS, EPOCHS_PER_PROXY_EPOCH, drawn
from workers.supernet.scores import Scores
from workers.supernet.trainer import SupernetTrainer, load, shared_weights
from workers.training.proxy import ProxyEvaluator, proxy_of

TABLE = Path(__file__).parent / "tables" / "fashion_hybrid_alone.csv"
HELD_OUT, SEED = 60, 2024
# Seeds with which each member is trained by itself.
SEEDS = (0, 1, 2)
FULL = TrainingRecipe(epochs=3, batch_size=32, learning_rate=3e-3)
IMAGES = 4000
# Bound of a supernet's cost, in trainings of one member to the full schedule.
MAX_TRAININGS = 20
# Members whose training by itself is timed.
TIMED_MEMBERS = 5


def make_table(space: SearchSpace, data_dir: Path) -> None:
    """Train what the table lacks, a seed at a time."""
    members = drawn(space, HELD_OUT, SEED)
    data = judge.with_test_images(judge.data_of(data_dir, IMAGES, 0), data_dir)
    known = read_table(space) if TABLE.exists() else {member: {} for member in members}
    device = "cuda" if torch.cuda.is_available() else "cpu"
    for seed in SEEDS:
        if any(seed not in known[member] for member in members):
            accuracies = judge.accuracies(judge.last_epochs(members, data, FULL, (seed,), device=device))
            for member in members:
                known[member][seed] = accuracies[member.key][0]
            write_table(space, known)


def write_table(space: SearchSpace, known: Mapping[Architecture, Mapping[int, float]]) -> None:
    names, seeds = list(space.choices), list(next(iter(known.values())))
    with TABLE.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*(f"param:{name}" for name in names), *(f"seed:{seed}" for seed in seeds)])
        for member, accuracies in known.items():
            chosen = space.encode(member)
            writer.writerow([*(chosen[name] for name in names), *(f"{accuracies[seed]:.4f}" for seed in seeds)])


def read_table(space: SearchSpace) -> dict[Architecture, dict[int, float]]:
    """Read the accuracies of each member by seed."""
    with TABLE.open(newline="") as file:
        rows = list(csv.DictReader(file))
    table = {}
    for row in rows:
        chosen = {
            name: next(option for option in options if str(option) == row[f"param:{name}"])
            for name, options in space.choices.items()
        }
        seeds = [int(name.removeprefix("seed:")) for name in row if name.startswith("seed:")]
        table[space.decode(chosen)] = {seed: float(row[f"seed:{seed}"]) for seed in seeds}
    return table


def taus(figures: Sequence[float], accuracies: Sequence[float]) -> str:
    """Format the rank correlation overall and within the quarter that is best in truth."""
    order = sorted(range(len(accuracies)), key=lambda index: -accuracies[index])
    best = order[: len(order) // 4]
    within = rank_correlation([figures[index] for index in best], [accuracies[index] for index in best])
    return f"tau {rank_correlation(figures, accuracies):.3f}, {within:.3f} within the best quarter"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, default=Path("../shared/data"))
    parser.add_argument("--table", action="store_true", help="train the held-out members anew")
    parser.add_argument("--seeds", type=int, default=1)
    arguments = parser.parse_args()
    space = load_space("hybrid-v1")
    print_header(f"a supernet of hybrid on Fashion-MNIST against {HELD_OUT} members trained by themselves")
    if arguments.table:
        make_table(space, arguments.data_dir)
    known = read_table(space)
    held_out, accuracies = list(known), [statistics.fmean(by_seed.values()) for by_seed in known.values()]
    for seed in SEEDS:
        others = [statistics.fmean(by_seed[other] for other in SEEDS if other != seed) for by_seed in known.values()]
        alone = [by_seed[seed] for by_seed in known.values()]
        print(f"training every member with seed {seed}, by the mean of the other seeds: {taus(alone, others)}")
    print(f"mean accuracies from {min(accuracies):.4f} to {max(accuracies):.4f}, "
          f"standard deviation {statistics.stdev(accuracies):.4f}")  # fmt: skip
    torch.set_num_threads(1)
    for seed in range(arguments.seeds):
        _judge_seed(space, held_out, accuracies, arguments.data_dir, seed)


def _judge_seed(
    space: SearchSpace, held_out: list[Architecture], accuracies: list[float], data_dir: Path, seed: int
) -> None:
    options = EvaluationOptions(
        "fashion-mnist", data_dir, epochs=FULL.epochs, train_size=IMAGES, device="cpu", train_precision="fp32"
    )
    proxy: ProxyEvaluator = proxy_of(options, space)[0]
    recipe = replace(FULL, epochs=EPOCHS_PER_PROXY_EPOCH * FULL.epochs)
    members = drawn(space, CHECKED_MEMBERS + HELD_OUT, seed)
    checked = [member for member in members if member not in set(held_out)][:CHECKED_MEMBERS]
    trainer = SupernetTrainer(proxy, space, recipe, tuple(checked))
    *rungs, final = trainer.evaluate(Job(held_out[0], seed))
    # It includes the largest network's validation after each epoch, and not the scoring of members for the check.
    supernet_s = final.train_s
    supernet = shared_weights(proxy, space)
    load(supernet, final.checkpoint or b"")
    started = time.process_time()
    score = Scores(supernet, proxy)
    scores = [score(member) for member in held_out]
    score_s = time.process_time() - started
    began = time.perf_counter()
    for member in held_out[:TIMED_MEMBERS]:
        judge.trained(proxy.resident, FULL, member, 0)
    alone_s = (time.perf_counter() - began) / TIMED_MEMBERS
    epochs_of_checked = judge.last_epochs(checked, proxy.data, FULL, (seed,))
    alone = [SeedResult(last.accuracy, last.loss) for (last,) in (epochs_of_checked[member.key] for member in checked)]
    truth = [result.accuracy for result in alone]
    raw = [final.costs[member.key] for member in checked]
    correct = correction(space, checked, raw, alone)
    corrected = [correct(member, raw_score) for member, raw_score in zip(held_out, scores, strict=True)]
    one_epoch = TrainingRecipe(1, FULL.batch_size, FULL.learning_rate)
    short = judge.accuracies(judge.last_epochs(held_out, proxy.data, one_epoch, (seed,)))
    print(
        f"seed {seed}: {recipe.epochs} epochs in {supernet_s:.0f} s of one core, which are {supernet_s / alone_s:.1f} "
        f"trainings of one member ({alone_s:.1f} s; wanted: at most {MAX_TRAININGS}); {60 * len(scores) / score_s:.0f} "
        f"members judged a minute"
    )
    quarters = [[outcome.costs[member.key] for member in checked] for outcome in (*rungs, final) if outcome.costs]
    by_stage = [f"{rank_correlation(scored, truth):.2f}" for scored in quarters]
    print(f"  tau of the checked members' scores after each quarter of the training: {', '.join(by_stage)}")
    print(f"  the largest network at the end {final.accuracy:.4f}, scores {statistics.fmean(scores):.3f}")
    print(f"  scores as they are: {taus(scores, accuracies)}")
    print(f"  corrected by {len(checked)} members: {taus(corrected, accuracies)} (wanted: .7, .4)")
    without = correction(space, checked, [0.0] * len(checked), alone)
    print(f"  the correction without scores: {taus([without(member, 0.0) for member in held_out], accuracies)}")
    print(f"  {len(held_out)} proxies of one epoch, which cost as much together: "
          f"{taus([short[member.key][0] for member in held_out], accuracies)}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
