"""The page of samplers' shares over trials, and the comparison that it shows."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dashboard.shares_page import figure, render
from nas import plugins
from nas.simulation.comparison import Comparison
from nas.simulation.replay import ReplayResult
from nas.simulation.replay_options import ReplayOptions
from tests.conftest import Finished
from tests.tables import write_table


def search(*course: float) -> ReplayResult:
    return ReplayResult(course, (course[0], course[-1], course[-1]), (None,) * len(course), 0, 0, 1.0, 1.0, 1.0)


COMPARISON = Comparison(
    "table <1>",
    1200,
    ("accuracy", "latency_ms"),
    2,
    ReplayOptions(3, log_latency=True),
    (0.25, 7.5),
    {"ehvi": [search(0.2, 0.6, 1.0), search(0.4, 0.8)], "tpe": [search(0.1, 0.2, 0.3), search(0.3, 0.4, 0.5)]},
)


def test_a_curve_has_mean_worst_and_best_seed_after_each_trial() -> None:
    curve = COMPARISON.curve("ehvi")
    # The second search ended after two trials, and keeps its last share.
    assert curve.mean == pytest.approx((0.3, 0.7, 0.9))
    assert curve.worst == (0.2, 0.6, 0.8)
    assert curve.best == (0.4, 0.8, 1.0)


def test_each_sampler_has_a_line_and_a_band() -> None:
    traces = {trace.name: trace for trace in figure(COMPARISON).data}
    assert list(traces) == ["ehvi, worst to best seed", "tpe, worst to best seed", "ehvi", "tpe"]
    assert traces["tpe"].x == (1, 2, 3)
    assert traces["tpe"].y == pytest.approx((0.2, 0.3, 0.4))
    band = traces["ehvi, worst to best seed"]
    assert band.x == (1, 2, 3, 3, 2, 1)
    assert band.y == (0.4, 0.8, 1.0, 0.8, 0.6, 0.2)
    assert traces["ehvi"].line.color != traces["tpe"].line.color
    assert {trace.legendgroup for trace in figure(COMPARISON).data} == {"ehvi", "tpe"}


def test_of_a_single_seed_there_is_no_band() -> None:
    alone = replace(COMPARISON, seeds=1, searches={"ehvi": [search(0.5, 0.6)]})
    assert [trace.name for trace in figure(alone).data] == ["ehvi"]
    assert "bands" not in figure(alone).layout.title.text


def test_it_names_table_seeds_axes_and_reference() -> None:
    layout = figure(COMPARISON).layout
    for text in ("table <1>", "1,200 rows", "budget 3", "seeds 0 to 1", "1 worker,", "error 0.25, 7.5 ms", "logarithm"):
        assert text in layout.title.text
    assert layout.xaxis.title.text == "trials that have ended"
    assert layout.yaxis.title.text == "share of the best possible hypervolume"
    options = replace(COMPARISON.options, same_knowledge=True, max_latency_ms=4.5, early_stopping=False, workers=3)
    other = replace(COMPARISON, options=options, objectives=("accuracy", "latency_ms", "energy"))
    title = figure(other).layout.title.text
    for text in ("the same knowledge", "limit 4.5 ms", "no early stopping", "3 workers", "and the worst energy"):
        assert text in title


def test_the_page_needs_no_network() -> None:
    page = render(COMPARISON)
    assert "<title>Samplers on table &lt;1&gt;</title>" in page
    assert "plotly.js v" in page
    assert "<script src=" not in page


def test_the_command_compares_every_sampler_and_writes_the_page(tmp_path: Path, nas: Callable[..., Finished]) -> None:
    table = write_table(tmp_path / "small.csv", stages=2)
    page = tmp_path / "shares.html"
    arguments = ("simulate", "--table", str(table), "--sampler", "all", "--budget", "4", "--seeds", "1")
    shown = nas(*arguments, "--html", str(page))
    assert shown.code == 0, shown.err
    assert f"wrote {page}" in shown.out.replace("\n", "")
    text = page.read_text(encoding="utf-8")
    positions = [text.index(f'"name":"{name}"') for name in ("ehvi", "tpe", "gp", "nsga2", "nsga3", "qmc", "random")]
    assert positions == sorted(positions)
    assert len(positions) == len(plugins.names(plugins.SAMPLERS))
    printed = nas(*arguments, "--html", str(page), "--json").json()
    assert list(printed["samplers"]) == ["ehvi", "tpe", "gp", "nsga2", "nsga3", "qmc", "random"]
    assert printed["samplers"]["random"]["searches"][0]["rows"] != []
