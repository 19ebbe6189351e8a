"""An installed package beside a user's own files that have the names of its packages."""

import json
import os
import sqlite3
import subprocess
import time
from pathlib import Path

import httpx
import pytest
from PIL import Image

from tests.conftest import free_port
from tests.wheel import installed_wheel

NAMES = ("nas", "workers", "search_spaces", "dashboard", "tests", "conftest")
QUICK = ("--epochs", "1", "--train-size", "64", "--budget", "1", "--confirm", "0", "--workers", "1")
QUICK += ("--latency-precision", "20%", "--baselines")
NETWORKS = """\
from torch import nn

import helper


def plain(channels, height_px, width_px, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(channels * height_px * width_px, helper.WIDTH), nn.LazyLinear(classes))


def needs_workers(**model_input):
    from workers import VERSION

    return plain(**model_input)
"""
PROGRAM = """\
import sys

import nas

RUNNER, KIND = sys.argv[1:]
if KIND == "imported":
    import workers
if KIND in ("ray", "hook"):
    import ray

    hook = {"worker_process_setup_hook": "hybrid_nas.import_rooms"}
    ray.init("local", num_cpus=1, include_dashboard=False, runtime_env=hook if KIND == "hook" else None)


def evaluate(network, trial):
    import helper

    if KIND == "late":
        import workers

        return workers.VERSION / 10
    return helper.WIDTH / 10


options = {"budget": 1, "confirm": 0, "workers": 1, "baselines": "none", "latency_precision": 0.2}
try:
    study = nas.search(evaluate=evaluate, runner=RUNNER, progress=False, **options)
except nas.UserError as error:
    sys.exit(str(error))
print(study.front[0].accuracy)
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A user's folder in which each of our packages has a namesake."""
    for name in NAMES:
        (tmp_path / f"{name}.py").write_text("VERSION = 1\n")
    (tmp_path / "helper.py").write_text("WIDTH = 5\n")
    (tmp_path / "networks.py").write_text(NETWORKS)
    return tmp_path


def run(folder: Path, *command: "str | Path", path: str = ".") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600)


def states(folder: Path) -> list[str]:
    """The states of the trials on record."""
    if not (folder / "nas.db").exists():
        return []
    with sqlite3.connect(folder / "nas.db") as connection:
        return [state for (state,) in connection.execute("SELECT state FROM nas_trials ORDER BY number")]


def test_a_search_beside_files_of_the_same_names(python: Path, folder: Path) -> None:
    nas = python.with_name("nas")
    done = run(folder, nas, "search", *QUICK, "networks:plain", "--target", "onnxruntime")
    assert done.returncode == 0, done.stderr
    assert states(folder) == ["complete"]
    assert run(folder, nas, "export", "--output", "config.json").returncode == 0
    retrain = ("retrain", "config.json", "--epochs", "1", "--output", "trained")
    retrained = run(folder, nas, *retrain)
    assert retrained.returncode == 0, retrained.stderr
    # `python -m nas` is his own file.
    assert "networks:plain" in run(folder, python, "-m", "hybrid_nas", "front", path="").stdout


@pytest.mark.parametrize("path", ["", pytest.param(".", marks=pytest.mark.slow)])
def test_a_search_beside_folders_of_the_same_names(path: str, python: Path, tmp_path: Path) -> None:
    for name in NAMES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "own.py").write_text("VERSION = 1\n")
    (tmp_path / "workers" / "__init__.py").write_text("VERSION = 1\n")
    done = run(tmp_path, python.with_name("nas"), "search", *QUICK, "none", path=path)
    assert done.returncode == 0, done.stderr
    assert states(tmp_path) == ["complete"]


def test_simulations_and_pictures_beside_files_of_the_same_names(python: Path, folder: Path) -> None:
    nas = python.with_name("nas")
    rows = [f"conv,{index},{index / 100 + 0.1},{index + 1}" for index in range(8)]
    (folder / "table.csv").write_text("\n".join(["param:mixer,param:width,accuracy,latency_ms", *rows]))
    simulated = run(
        folder, nas, "simulate", "--table", "table.csv", "--seeds", "2", "--budget", "4", "--sampler", "random"
    )
    assert simulated.returncode == 0, simulated.stderr
    for number in range(2100):
        (folder / "pictures" / str(number % 2)).mkdir(parents=True, exist_ok=True)
        Image.new("L", (2, 2), number % 256).save(folder / "pictures" / str(number % 2) / f"{number}.png")
    inspected = run(folder, nas, "datasets", "inspect", "imagefolder:pictures")
    assert inspected.returncode == 0, inspected.stderr
    assert "2,100" in inspected.stdout


def test_a_network_that_needs_its_namesake_of_ours_is_refused(python: Path, folder: Path) -> None:
    done = run(folder, python.with_name("nas"), "search", *QUICK, "networks:needs_workers")
    assert (done.returncode, states(folder)) == (2, [])
    assert done.stderr.count("\n") == 1, done.stderr
    assert str(folder / "workers.py") in done.stderr
    assert str(Path("site-packages", "workers")) in done.stderr


def test_a_service_beside_files_of_the_same_names(python: Path, folder: Path) -> None:
    port = free_port()
    command = [python.with_name("nas"), "dashboard", "--port", str(port)]
    environment = {**os.environ, "PYTHONPATH": "."}
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log) as service,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client,
    ):
        try:
            options = {"budget": 1, "epochs": 1, "train_size": 64, "confirm": 0, "workers": 1, "baselines": ["none"]}
            for _ in range(120):
                try:
                    started = client.post("/api/v1/searches", json=options)
                    break
                except httpx.ConnectError:
                    time.sleep(0.5)
            assert started.status_code == 201, started.text
            search = started.json()
            while search["state"] in ("starting", "running"):
                time.sleep(1)
                search = client.get(f"/api/v1/searches/{search['id']}").json()
            assert search["state"] == "ended", json.dumps(search)
        finally:
            service.terminate()
    assert states(folder) == ["complete"]


@pytest.mark.parametrize("kind", ["fine", "hook"])
def test_a_program_beside_files_of_the_same_names(kind: str, python: Path, folder: Path) -> None:
    (folder / "nas.py").unlink()
    (folder / "program.py").write_text(PROGRAM)
    done = run(folder, python, "program.py", "ray", kind)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "0.5"


@pytest.mark.parametrize(
    ("runner", "kind", "namesake"),
    [
        ("local", "imported", "workers"),
        ("local", "late", "workers"),
        ("ray", "late", "workers"),
        ("ray", "ray", "search_spaces"),
    ],
)
def test_a_program_that_cannot_have_both_is_told_the_two_files(
    runner: str, kind: str, namesake: str, python: Path, folder: Path
) -> None:
    (folder / "nas.py").unlink()
    (folder / "program.py").write_text(PROGRAM)
    done = run(folder, python, "program.py", runner, kind)
    assert done.returncode == 1
    message = done.stderr.splitlines()[-1]
    assert str(folder / f"{namesake}.py") in message
    assert str(Path("site-packages", namesake)) in message
    assert "failed" not in states(folder)
