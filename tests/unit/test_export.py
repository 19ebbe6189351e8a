"""Configs: written, read back, built, and refused if they are invalid."""

import json
import os
from pathlib import Path

import pytest
import torch
import yaml

import nas
from nas import plugins
from nas.errors import ParameterError
from nas.exports.config import config_of, load_config
from nas.exports.source import source_of
from nas.results.front import results
from nas.store.store import Store
from nas.trial import Confirmation
from tests.builders import complete
from tests.conftest import run_nas
from tests.studies import make_study, open_study, run, settings


@pytest.fixture
def config(tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'nas.db'}"
    make_study(url)
    with Store.open(url, create=False) as store:
        record = store.study()
        return config_of(results(store.trials(record.study_id), record.settings)[0], record)


@pytest.mark.parametrize("form", ["json", "torch", "yaml"])
def test_every_format_is_read_back_and_built(form: str, config, tmp_path: Path) -> None:
    path = tmp_path / f"best.{form}"
    said = plugins.load(plugins.EXPORTERS, form)(config, None, path)
    assert str(path) in said
    loaded = source_of(str(path)).config
    assert (loaded.architecture, loaded.model_input) == (config.architecture, config.model_input)
    model = nas.build(path)
    assert model(torch.zeros(2, 1, 16, 16)).shape == (2, 10)


def test_provenance_says_where_the_figures_come_from(config) -> None:
    provenance = config.to_dict()["provenance"]
    assert provenance.keys() >= {"accuracy", "latency_ms", "target", "dataset", "seed", "environment", "study", "trial"}
    assert provenance["environment"] == {"torch": "0"}
    assert provenance["key"] == config.architecture.key


def test_the_torch_format_shows_the_line_that_builds_it(config, tmp_path: Path) -> None:
    path = tmp_path / "best"
    said = plugins.load(plugins.EXPORTERS, "torch")(config, None, path)
    line = said.splitlines()[-1]
    # Folders are moved, so the line inside names the folder without its path.
    assert json.loads((path / "config.json").read_text())["python"] == "import nas; model = nas.load('best')"
    names: dict[str, object] = {}
    exec(line, names)
    assert isinstance(names["model"], torch.nn.Module)


# timm cannot express the study's networks, so nothing is written.
@pytest.mark.parametrize("form", sorted({*plugins.names(plugins.EXPORTERS)} - {"timm"}))
def test_an_export_says_which_trial_it_wrote(form: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'nas.db'}"
    with Store.open(url, create=True) as store:
        study = open_study(store, url, budget=8)
        run(study)
        study.confirm(3, Confirmation(1, complete(0.74, 0.193)))
        study.confirm(3, Confirmation(2, complete(0.75, 0.193)))

    def said(pick: str) -> str:
        done = run_nas(["export", "--pick", pick, "--format", form, "--output", f"{pick[-1]}.{form}"], tmp_path)
        assert done.code == 0, done.err
        return done.out.splitlines()[0]

    assert said("trial:3") == "trial 3 of study study: accuracy 0.7450 (2 seeds, sd 0.0071), 0.193 ms on cpu"
    assert "the search's own seed, not confirmed" in said("trial:2")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"schema_version": 99}, "schema_version 99, newer than 3"),
        ({"schema_version": "1"}, "no schema_version"),
        ({"architecture": {"stages": []}}, "at least one stage"),
        ({"input": {"channels": 1}}, "input lacks"),
    ],
)
def test_a_config_that_is_none_is_refused(change: dict, named: str, config, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(config.to_dict() | change))
    with pytest.raises(ParameterError, match=named):
        nas.build(path)


@pytest.mark.parametrize("text", ["", "[1, 2]", "a: [", "\x00", "!!python/object/apply:os.getcwd []"])
def test_a_file_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(ParameterError, match=r"config\.yaml"):
        nas.build(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"nowhere\.yaml"):
        nas.build(tmp_path / "nowhere.yaml")


def test_a_path_that_cannot_be_written_leaves_what_was_there(config, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "no" / "folder.yaml"):
        with pytest.raises(ParameterError, match="--output"):
            plugins.load(plugins.EXPORTERS, "yaml")(config, None, path)


def test_a_link_stays_a_link_and_a_pipe_a_pipe(config, tmp_path: Path) -> None:
    kept, link, pipe = tmp_path / "kept.yaml", tmp_path / "link.yaml", tmp_path / "pipe"
    kept.write_text("before")
    link.symlink_to(kept)
    plugins.load(plugins.EXPORTERS, "yaml")(config, None, link)
    assert link.is_symlink()
    assert load_config(kept).architecture == config.architecture
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    plugins.load(plugins.EXPORTERS, "yaml")(config, None, pipe)
    assert pipe.is_fifo()
    assert os.read(reader, 1 << 16).startswith(b"schema_version")
    os.close(reader)


def test_settings_of_the_tests_are_those_of_a_search() -> None:
    from nas.exports.training import RECIPE_SETTING
    from nas.study.preparation import prepared, settings_of
    from nas.study.search_options import SearchOptions

    options = SearchOptions()
    # Except for the recipe, which studies of version 0.1 lack.
    assert set(settings()) == set(settings_of(options, prepared(options))) - {RECIPE_SETTING}
