"""Share of a search's wall time that is neither training nor measuring.

Runs `nas search` as a user does, in a new folder, and compares the slots' wall time (workers x seconds, from the
command's start to its end, Ray's start and stop included) with the seconds that the recorded trials spent training and
measuring. With `--function` it is `nas.search(evaluate=...)` with the training function below, a user's own of some
twenty lines. Prints the split; `--keep FOLDER` keeps the database, for benchmarks.front_ends.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from torch import nn

import nas
from benchmarks.report import print_header
from nas.results.front import front
from nas.results.front import results as complete_results
from nas.store.store import Store

EPOCHS, BATCH, LEARNING_RATE = 10, 64, 3e-3


def train(network: nn.Module, trial: nas.RunningTrial) -> float:
    """Train on two thirds of scikit-learn's digits and return the accuracy on the others."""
    digits = load_digits()
    x_N1HW = torch.from_numpy((digits.images[:, None] / 16).astype("float32"))
    labels_N = torch.from_numpy(digits.target)
    order = torch.randperm(len(labels_N), generator=torch.Generator().manual_seed(0))
    training, validation = order[600:], order[:600]
    optimiser = torch.optim.AdamW(network.parameters(), LEARNING_RATE)
    accuracy = 0.0
    for epoch in range(1, EPOCHS + 1):
        network.train()
        for batch in torch.split(training[torch.randperm(len(training))], BATCH):
            optimiser.zero_grad()
            loss = torch.nn.functional.cross_entropy(network(x_N1HW[batch]), labels_N[batch])
            torch.autograd.backward(loss)
            optimiser.step()
        network.eval()
        with torch.inference_mode():
            accuracy = float((network(x_N1HW[validation]).argmax(1) == labels_N[validation]).float().mean())
        trial.report(epoch, accuracy)
    return accuracy


def search_by_function(storage: str, budget: int, workers: int) -> None:
    """Search with `train`, on networks for scikit-learn's pictures."""
    digits = load_digits()
    nas.search(
        evaluate=train,
        dataset=((digits.images / 16).astype("float32"), digits.target),
        epochs=EPOCHS,
        budget=budget,
        workers=workers,
        storage=storage,
        progress=False,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budget", type=int, default=200)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--keep", type=Path, help="folder for the database, which must not be there yet")
    parser.add_argument("--function", action="store_true", help="search from Python, with a training function")
    arguments, search_options = parser.parse_known_args()
    print_header(
        f"overhead of nas search --budget {arguments.budget} --workers {arguments.workers} {' '.join(search_options)}"
    )
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.keep or Path(scratch)
        folder.mkdir(exist_ok=arguments.keep is None)
        command = [str(Path(sys.executable).with_name("nas")), "search", "--budget", str(arguments.budget)]
        storage = f"sqlite:///{(folder / 'nas.db').resolve()}"
        started = time.perf_counter()
        if arguments.function:
            search_by_function(storage, arguments.budget, arguments.workers)
        else:
            subprocess.run(
                [*command, "--workers", str(arguments.workers), "--storage", storage, *search_options],
                check=True,
                stdout=subprocess.DEVNULL,
            )
        wall_s = time.perf_counter() - started
        with Store.open(storage, create=False) as store:
            record = store.study()
            trials = store.trials(record.study_id)
    keys = {trial.architecture.key for trial in trials}
    outcomes = [trial.outcome for trial in trials if trial.outcome is not None]
    confirmations = [confirmation.outcome for trial in trials for confirmation in trial.confirmations]
    trained_s = sum(outcome.train_s for outcome in outcomes + confirmations)
    measured_s = sum(outcome.measure_s for outcome in outcomes + confirmations)
    slots_s = wall_s * arguments.workers
    per_trial = statistics.quantiles([outcome.train_s for outcome in outcomes], n=4)
    print(f"wall time {wall_s:.0f} s; {len(trials)} trials on record, {len(trials) - len(keys)} duplicates")
    print(f"training {trained_s / slots_s:.1%}, measuring {measured_s / slots_s:.1%}")
    print(f"neither: {1 - (trained_s + measured_s) / slots_s:.1%} of the slots' time")
    print("training per trial, quartiles: " + ", ".join(f"{seconds:.2f} s" for seconds in per_trial))
    print(f"front of {len(front(complete_results(trials, record.settings)))}, after {len(confirmations)} confirmations")


if __name__ == "__main__":
    main()
