"""Searches from Python: options, a user's training function, resuming, the study that comes back, the notebook."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
import torch
from nbclient import NotebookClient
from sklearn.datasets import load_digits

import nas
from nas.trial import TrialState
from tests.conftest import ROOT, run_nas

EPOCHS = 4
DIGITS = load_digits()
IMAGES = (DIGITS.images / 16).astype(np.float32)
LABELS = DIGITS.target
FEW = {"confirm": 0, "latency_precision": 0.2, "workers": 1, "progress": False}


def train(network: torch.nn.Module, trial: nas.RunningTrial) -> float:
    """Fit the digits as scikit-learn's users do: a split of their own, a loop, a score."""
    x_train, y_train = torch.from_numpy(IMAGES[:600, None]), torch.from_numpy(LABELS[:600])
    x_valid, y_valid = torch.from_numpy(IMAGES[600:, None]), torch.from_numpy(LABELS[600:])
    optimiser = torch.optim.AdamW(network.parameters(), 3e-3)
    accuracy = 0.0
    for epoch in range(1, EPOCHS + 1):
        network.train()
        for batch in torch.randperm(len(x_train)).split(64):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(network(x_train[batch]), y_train[batch]).backward()
            optimiser.step()
        network.eval()
        with torch.inference_mode():
            accuracy = (network(x_valid).argmax(1) == y_valid).float().mean().item()
        trial.report(epoch, accuracy)
    return accuracy


def search_here(evaluate: Callable[..., Any], folder: Path, **options: Any) -> nas.StoredStudy:
    """Search in this process, without Ray."""
    return nas.search(
        evaluate=evaluate,
        dataset=(IMAGES, LABELS),
        confirm=0,
        latency_precision=0.2,
        runner="local",
        progress=False,
        storage=f"sqlite:///{folder / 'nas.db'}",
        **options,
    )


@pytest.mark.timeout(900)
def test_a_training_function_that_was_killed_reaches_its_budget(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'nas.db'}"
    kill_a_search(tmp_path)
    study = nas.search(
        evaluate=train, dataset=(IMAGES, LABELS), epochs=EPOCHS, budget=6, storage=storage, study="mine", **FEW
    )
    done = [trial for trial in study.trials if trial.state.is_done]
    assert len(done) == 6
    assert {trial.state for trial in done} <= {TrialState.COMPLETE, TrialState.STOPPED}
    complete = [trial for trial in study.trials if trial.state is TrialState.COMPLETE]
    assert all(trial.outcome is not None and len(trial.outcome.curve) == EPOCHS for trial in complete)
    assert study.best().accuracy > 0.5
    # Ray sets this for good, and Rays of processes with this environment would not start.
    assert "RAY_AUTH_MODE" not in os.environ
    assert run_nas(["front", "--storage", storage], tmp_path).code == 0
    again = search_here(train, tmp_path, epochs=EPOCHS, budget=7, study="mine")
    assert sum(trial.state.is_done for trial in again.trials) == 7


def test_a_training_function_is_stopped_early(tmp_path: Path) -> None:
    begun = []

    def flat(network: torch.nn.Module, trial: nas.RunningTrial) -> float:
        accuracy = 0.9 if trial.number % 2 else 0.3
        begun.append(trial.number)
        for epoch in range(1, 9):
            trial.report(epoch, accuracy)
        return accuracy

    study = search_here(flat, tmp_path, epochs=8, budget=24)
    stopped = [trial for trial in study.trials if trial.state is TrialState.STOPPED]
    assert stopped
    assert all(trial.outcome is not None and len(trial.outcome.curve) in (1, 2, 4) for trial in stopped)
    assert sorted(begun) == list(range(24))


def test_local_trials_run_in_this_process_and_figures_are_recorded(tmp_path: Path) -> None:
    factor = [0.25]
    processes = []

    def closure(network: torch.nn.Module, trial: nas.RunningTrial) -> dict[str, float]:
        processes.append(os.getpid())
        return {"accuracy": factor[0], "parameters_seen": float(sum(weight.numel() for weight in network.parameters()))}

    study = search_here(closure, tmp_path, budget=2)
    assert processes == [os.getpid()] * 2
    frame = study.trials_dataframe()
    assert list(frame.accuracy) == [0.25, 0.25]
    assert (frame.parameters_seen > 0).all()
    assert study.front
    network = study.best().build()
    assert network(torch.zeros(2, 1, 8, 8)).shape == (2, 10)
    assert study.plot_front().data
    assert "wrote" in nas.export(study.best(), tmp_path / "best.yaml")
    assert nas.load_study(study.storage).name == study.name


def test_ctrl_c_ends_a_local_training_and_returns_the_study(tmp_path: Path) -> None:
    ended_by = []

    def interrupted(network: torch.nn.Module, trial: nas.RunningTrial) -> float:
        if trial.number == 1:
            signal.raise_signal(signal.SIGINT)
            # The main thread is interrupted soon after, and the next report ends the training.
            try:
                for epoch in range(1, 1000):
                    trial.report(epoch, 0.5)
                    time.sleep(0.05)
            except nas.TrialStopped as stopped:
                ended_by.append(type(stopped))
                raise
        return 0.5

    study = search_here(interrupted, tmp_path, budget=3)
    assert ended_by == [nas.TrialStopped]
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE, TrialState.INTERRUPTED]


def test_a_function_that_raises_is_a_failed_trial(tmp_path: Path) -> None:
    def broken(network: torch.nn.Module, trial: nas.RunningTrial) -> float:
        if trial.number % 2:
            raise KeyError("no such column")
        return 0.5

    study = search_here(broken, tmp_path, budget=2)
    failed = [trial for trial in study.trials if trial.state is TrialState.FAILED]
    assert len(failed) == 1
    assert failed[0].outcome is not None
    assert "no such column" in str(failed[0].outcome.failure)


def test_errors_name_the_argument(tmp_path: Path) -> None:
    with pytest.raises(nas.UserError, match=r"no option 'budgte'; valid: .*budget"):
        nas.search(budgte=3)
    with pytest.raises(nas.UserError, match="budget 0"):
        nas.search(budget=0, storage=f"sqlite:///{tmp_path / 'nas.db'}")
    with pytest.raises(nas.UserError, match="images of int64"):
        nas.search(dataset=(DIGITS.images.astype(int) * 100, LABELS), storage=f"sqlite:///{tmp_path / 'nas.db'}")
    assert not (tmp_path / "nas.db").exists()


SCRIPT = """
    import nas
    from tests.integration.test_from_python import EPOCHS, FEW, IMAGES, LABELS, train

    nas.search(
        evaluate=train,
        dataset=(IMAGES, LABELS),
        epochs=EPOCHS,
        budget=6,
        storage="sqlite:///nas.db",
        study="mine",
        **FEW,
    )
"""


def kill_a_search(folder: Path) -> None:
    """Kill a search in the folder, a process of its own, after two of its six trials."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    search = subprocess.Popen([sys.executable, "-c", textwrap.dedent(SCRIPT)], cwd=folder, env=environment)
    deadline = time.monotonic() + 600
    while _done(folder) < 2 and time.monotonic() < deadline:
        time.sleep(0.3)
    search.send_signal(signal.SIGKILL)
    search.wait()
    assert 2 <= _done(folder) < 6


def _done(folder: Path) -> int:
    try:
        study = nas.load_study(f"sqlite:///{folder / 'nas.db'}", "mine")
    except nas.NasError:
        return 0
    return sum(trial.state.is_done for trial in study.trials)


@pytest.mark.timeout(900)
def test_the_notebook_runs(tmp_path: Path) -> None:
    notebook = nbformat.read(ROOT / "docs" / "examples" / "search.ipynb", as_version=4)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    searches = [cell for cell in notebook.cells if cell.cell_type == "code" and "nas.search(" in cell.source]
    for cell in searches:
        # One bar in the cell, which was drawn again after each of the trials.
        bars = [output for output in cell.outputs if "4/4" in output.get("data", {}).get("text/html", "")]
        assert len(bars) == 1
        assert "━" in bars[0]["data"]["text/html"]
    last = notebook.cells[-1].outputs[0]["data"]["text/plain"]
    assert "accuracy" in last
