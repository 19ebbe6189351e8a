"""The benchmark of samplers: its references, its verdicts, and that it goes on where it stopped."""

import json
import math
from pathlib import Path

import pytest

from benchmarks.kept import Kept
from benchmarks.samplers import opponents
from benchmarks.samplers.ranking import deficits, lines, trials_for, verdict
from benchmarks.samplers.references import hard_point, references
from benchmarks.samplers.searches import Searches
from nas import plugins
from nas.simulation.replay import ReplayResult, replay
from nas.simulation.replay_options import ReplayOptions
from nas.simulation.table import Row, Table, read_table
from tests.tables import write_table


def table_of(figures: list[tuple[float, float]]) -> Table:
    rows = [
        Row({"a": number}, {"accuracy": accuracy, "latency_ms": latency_ms})
        for number, (accuracy, latency_ms) in enumerate(figures)
    ]
    return Table("made up", tuple(rows), ("accuracy", "latency_ms"))


def search(*shares: float) -> ReplayResult:
    return ReplayResult(shares, (shares[0], shares[1], shares[-1]), (None,) * len(shares), 0, 0, 1.0, 1.0, 1.0)


def test_optunas_default_is_the_first_opponent_and_every_registered_sampler_takes_part() -> None:
    names = opponents.names()
    assert names[:3] == ["ehvi", "optuna", "tpe"]
    assert sorted(names) == sorted([*plugins.names(plugins.SAMPLERS), "optuna"])


def test_the_hard_reference_leaves_two_fifths_of_the_accuracies() -> None:
    table = table_of([(number / 10, 11.0 - number) for number in range(11)])
    error, latency_ms = hard_point(table)
    assert (error, latency_ms) == (pytest.approx(0.4), 11.0)
    assert [(reference.point, reference.log_latency) for reference in references(table)] == [
        (None, False),
        (None, True),
        ((error, latency_ms), True),
    ]
    options = references(table)[-1].of(ReplayOptions(7, early_stopping=False))
    assert options == ReplayOptions(7, early_stopping=False, reference=(error, latency_ms), log_latency=True)


def test_ours_is_ahead_only_where_mean_and_worst_seed_are() -> None:
    ours = [search(0.5, 0.7, 0.9), search(0.6, 0.8, 0.9)]
    behind = [search(0.5, 0.6, 0.8), search(0.5, 0.8, 0.8)]
    assert verdict({"ehvi": ours, "tpe": behind}) == "ehvi is ahead of all in all"
    uneven = [search(0.1, 0.1, 0.85), search(0.1, 0.1, 0.99)]
    assert deficits({"ehvi": ours, "tpe": behind, "random": uneven}) == ["mean at N 0.900 (random 0.920)"]
    steady = [search(0.1, 0.71, 0.8), search(0.1, 0.72, 0.8)]
    assert deficits({"ehvi": ours, "tpe": steady}) == ["worst seed at N/2 0.700 (tpe 0.710)"]


def test_lines_have_all_samplers_and_the_trials_for_the_defaults_end() -> None:
    head, *rows = lines({"ehvi": [search(0.5, 0.8, 0.9)], "optuna": [search(0.1, 0.2, 0.8)]})
    assert "trials for optuna's end" in head
    assert [row.split()[0] for row in rows] == ["ehvi", "optuna"]
    assert "0.900" in rows[0]
    assert trials_for((0.5, 0.8, 0.9), 0.8) == 2
    assert trials_for((0.5,), 0.8) == math.inf


def test_a_search_is_run_once_for_all_references_and_kept(tmp_path: Path) -> None:
    table = read_table(write_table(tmp_path / "small.csv", stages=2))
    options = ReplayOptions(10, early_stopping=False)
    measured = [reference.of(options) for reference in references(table)]
    file = tmp_path / "kept" / "searches.jsonl"
    first = [Searches(table, 2, Kept(file)).run("random", reference) for reference in measured]
    text = file.read_text()
    assert len(text.splitlines()) == 2
    for reference, results in zip(measured, first, strict=True):
        whole = [replay(table, "random", seed, reference) for seed in range(2)]
        assert [result.course for result in results] == [result.course for result in whole]
        assert [result.shares for result in results] == [result.shares for result in whole]
    # What is kept is not run again: a mark in it comes back.
    lines_kept = [json.loads(line) for line in text.splitlines()]
    lines_kept[0]["result"]["repeats"] = 77
    file.write_text("".join(json.dumps(line) + "\n" for line in lines_kept))
    again = Searches(table, 3, Kept(file)).run("random", measured[0])
    assert again[0].repeats == 77
    assert len(file.read_text().splitlines()) == 3
    assert again[1].course == first[0][1].course
    Searches(table, 1, Kept(file)).run("random", ReplayOptions(10, same_knowledge=True))
    assert len(file.read_text().splitlines()) == 4


def test_optunas_default_is_replayed(tmp_path: Path) -> None:
    table = read_table(write_table(tmp_path / "small.csv", stages=2))
    (result,) = Searches(table, 1, None).run("optuna", ReplayOptions(12))
    assert len(result.rows) == 12
