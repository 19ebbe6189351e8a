"""What a user can get wrong: one line on standard error, exit code 2, and nothing that was recorded is lost."""

from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
import torch
from sqlalchemy import text

from nas.store.engine import open_engine, parse_url
from tests.conftest import Finished, run_nas
from tests.studies import make_study
from tests.unit.test_datasets import pictures

Nas = Callable[..., Finished]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study on record, and data that is wrong in several ways."""
    folder = tmp_path_factory.mktemp("errors")
    make_study(f"sqlite:///{folder / 'nas.db'}", budget=4)
    optuna.create_study(study_name="foreign", storage=f"sqlite:///{folder / 'nas.db'}")
    pictures(folder / "one_class", classes=1)
    pictures(folder / "broken")
    (folder / "broken" / "class0" / "bad.png").write_text("no picture")
    (folder / "empty").mkdir()
    (folder / "text.db").write_text("this is no database, though it is a file of some length" * 20)
    return folder


def assert_one_line(done: Finished, *named: str) -> None:
    assert done.code == 2, (done.code, done.out, done.err)
    assert done.out == ""
    assert len(done.err.strip().splitlines()) == 1, done.err
    assert done.err.startswith("nas: error: ")
    for word in named:
        assert word in done.err


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ("search --space magic", ("space 'magic'", "hybrid, hybrid-128")),
        ("search --dataset magic", ("dataset 'magic'", "cifar10, cifar100, digits, fashion-mnist, imagefolder")),
        ("search --sampler magic", ("sampler 'magic'", "ehvi, gp, nsga2, nsga3, qmc, random, tpe")),
        ("search --target magic", ("target 'magic'", "cpu, cpu-compile, cuda")),
        ("search --target cpu:cores=2", ("option 'cores'", "threads, batch, size")),
        ("search --budget 0", ("--budget 0",)),
        ("search --budget x", ("--budget", "'x'")),
        ("search --workers 0", ("--workers 0",)),
        ("search --epochs 0", ("--epochs 0",)),
        ("search --seed -1", ("--seed -1",)),
        ("search --seed 99999999999999", ("--seed 99999999999999", "4294967295")),
        ("search --learning-rate nan", ("--learning-rate nan",)),
        ("search --target cpu:threads=9999999", ("threads '9999999'", "cores")),
        ("search --target cpu:", ("target 'cpu:'",)),
        ("search --target cpu --target cpu:threads=1", ("--target cpu, cpu:threads=1", "the same target")),
        ("latency measure caformer_s18 --ray-address 127.0.0.1:1", ("--ray-address '127.0.0.1:1'", "cpu@NODE")),
        ("search --ray-address ray://127.0.0.1:10001", ("--ray-address 'ray://127.0.0.1:10001'", "HOST:PORT")),
        ("latency measure caformer_s18 --time-limit 0", ("--time-limit 0",)),
        ("search --input-size 1000000", ("--input-size 1000000",)),
        ("search --study=", ("--study ''",)),
        ("search --study foreign", ("study 'foreign'", "another --study")),
        ("front --storage mysql://u@h/x", ("--storage", "sqlite:///FILE")),
        ("search --max-latency 0", ("--max-latency 0",)),
        ("search --max-latency nan", ("--max-latency nan",)),
        ("search --min-accuracy 1", ("--min-accuracy 1.0 is not a number above 0 and below 1",)),
        ("search --min-accuracy 90%", ("--min-accuracy", "'90%'")),
        ("search --evaluator supernet --min-accuracy 0.9", ("--min-accuracy 0.9", "--evaluator supernet", "scores")),
        ("front --min-accuracy 0", ("--min-accuracy 0",)),
        ("export --min-accuracy nan --output x", ("--min-accuracy nan",)),
        ("export caformer_s18 --min-accuracy 0.9 --output x", ("--min-accuracy", "'caformer_s18' is one network")),
        ("search --input-size 4", ("4x4 px", "5x5 px")),
        ("search --device tpu", ("--device 'tpu'", "cpu, cuda")),
        ("search --storage sqlite:////nonexistent/nas.db", ("/nonexistent/nas.db",)),
        ("search --storage nonsense", ("--storage 'nonsense'", "sqlite:///FILE")),
        ("search --storage postgresql+psycopg://u:secret@127.0.0.1:1/nas", ("127.0.0.1:1",)),
        ("search --storage sqlite:///text.db", ("text.db",)),
        ("search --dataset fashion-mnist", ("--data-dir",)),
        ("search --dataset fashion-mnist --data-dir nowhere", ("nowhere",)),
        ("search --dataset cifar10 --data-dir empty", ("cifar10", "empty", "--download")),
        ("search --dataset imagefolder:nowhere", ("nowhere",)),
        ("search --dataset imagefolder:one_class", ("at least 2 class folders", "class0")),
        ("search --dataset imagefolder:broken", ("bad.png",)),
        ("search --gpus-per-trial 64", ("--gpus-per-trial 64",)),
        ("search --workers 5000", ("--workers 5000", "memory has room for")),
        ("search --unknown", ("--unknown",)),
        ("magic", ("magic",)),
        ("front --study magic", ("study 'magic'", "valid: study")),
        ("front --storage sqlite:///nowhere.db", ("nowhere.db", "nas search")),
        ("front --html nowhere/front.html", ("--html", "nowhere/front.html")),
        ("front --html empty", ("--html", "'empty'")),
        ("export --format table --pick knee --output x", ("--pick applies to one architecture",)),
        ("export --format magic --output x", ("exporter 'magic'", "json, onnx, python, table, timm, torch, yaml")),
        ("export --pick magic --output x", ("pick 'magic'", "knee, latency, trial:N")),
        ("export --pick trial:99 --output x", ("trial:99", "trial:0")),
        ("export caformer_s18 --pick knee --output x", ("--pick", "'caformer_s18' is one network")),
        ("export --output nowhere/x.yaml", ("--output", "nowhere/x.yaml")),
        ("export --output empty", ("--output", "'empty'")),
        ("export --max-latency 0.0001 --output x", ("--max-latency 0.0001", "fastest trial takes")),
        ("export --min-accuracy 0.9999 --output x", ("--min-accuracy 0.9999", "most accurate trial has accuracy")),
        ("export", ("--output",)),
        ("studies --storage sqlite:///nowhere.db", ("nowhere.db",)),
    ],
)
def test_errors(arguments: str, named: tuple[str, ...], recorded: Path) -> None:
    done = run_nas(arguments.split(), recorded)
    assert_one_line(done, *named)
    assert "secret" not in done.err


def test_none_of_these_errors_touched_what_was_recorded(recorded: Path) -> None:
    """Runs after the errors, in the same folder."""
    listed = run_nas(["studies", "--json"], recorded).json()
    assert [(study["study"], study["trials"]["complete"]) for study in listed] == [("study", 4)]


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
@pytest.mark.parametrize("option", ["--target", "--device"])
def test_cuda_without_cuda(option: str, nas: Nas) -> None:
    assert_one_line(nas("search", option, "cuda"), "'cuda'", "torch finds no", "valid: cpu")


def test_a_database_of_a_newer_schema(tmp_path: Path, nas: Nas) -> None:
    url = f"sqlite:///{tmp_path / 'nas.db'}"
    make_study(url, budget=2)
    engine = open_engine(parse_url(url))
    with engine.begin() as connection:
        connection.execute(text("UPDATE nas_alembic_version SET version_num = '9999'"))
    engine.dispose()
    for command in ("front", "search", "studies"):
        assert_one_line(nas(command), "schema 9999", "newer")


def test_a_database_of_a_newer_optuna(tmp_path: Path, nas: Nas) -> None:
    url = f"sqlite:///{tmp_path / 'nas.db'}"
    make_study(url, budget=2)
    engine = open_engine(parse_url(url))
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'v99.0.0.a'"))
    engine.dispose()
    assert_one_line(nas("search"), "Optuna cannot use database")


def test_help_needs_no_arguments(nas: Nas) -> None:
    for arguments in ([], ["--help"], ["search", "--help"], ["front", "-h"]):
        done = nas(*arguments)
        assert done.code == 0
        assert "Usage: nas" in done.out
    assert nas("--version").out.startswith("nas, version ")
