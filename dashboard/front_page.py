"""The Pareto front as one self-contained page: it needs neither a network nor a server."""

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.plotly_page import page_of
from nas.baselines.baseline import Baseline
from nas.objective import ACCURACY, LATENCY, recorded_objectives
from nas.results.front import Result, dropped_from_front, front
from nas.store.store import StudyRecord

DRAWN = {ACCURACY.name, LATENCY.name}
DOMINATED = "#9aa5b1"
FRONT = "#0b6e99"
FALLEN = "#b3541e"
BASELINE = "#1a1a1a"


def render(record: StudyRecord, results: Sequence[Result], baselines: Sequence[Baseline] = ()) -> str:
    """An HTML page with plotly.js inside: all trials, baselines, and the front by the accuracies that judge them."""
    return page_of(figure(record, results, baselines), f"{record.name}: accuracy against latency")


def figure(record: StudyRecord, results: Sequence[Result], baselines: Sequence[Baseline] = ()) -> go.Figure:
    """The figure itself: every result as a point whose hover text is its architecture, every baseline with its name."""
    members = front(results)
    on_front = {member.trial.number for member in members}
    dropped = dropped_from_front(results)
    drawn_elsewhere = on_front | {result.trial.number for result in dropped}
    others = [result for result in results if result.trial.number not in drawn_elsewhere]
    # Of more objectives than the two that are drawn a front is no line.
    mode = "lines+markers" if {each.name for each in recorded_objectives(record.settings)} == DRAWN else "markers"
    drawn = go.Figure()
    drawn.add_trace(_points(others, "trials", "markers", DOMINATED))
    drawn.add_trace(_points(members, "Pareto front", mode, FRONT))
    drawn.data[1].update(line={"shape": "hv", "width": 2}, marker={"size": 10})
    if dropped:
        drawn.add_trace(_points(dropped, "dropped when confirmed", "markers", FALLEN))
        drawn.data[2].update(marker={"symbol": "x"})
    if judged := [each for each in baselines if each.accuracy is not None and each.latency is not None]:
        drawn.add_trace(_baselines(judged))
    settings = record.settings
    drawn.update_layout(
        title=f"{record.name}: {len(results)} trials on {settings['dataset']}, {len(members)} on the front",
        xaxis={"title": f"latency on {settings['target']}, median (ms)", "type": "log"},
        yaxis={"title": "validation accuracy", "tickformat": ".1%"},
        template="plotly_white",
        hovermode="closest",
        legend={"x": 0.99, "y": 0.01, "xanchor": "right", "yanchor": "bottom"},
    )
    return drawn


def _points(results: Sequence[Result], name: str, mode: str, colour: str) -> go.Scatter:
    return go.Scatter(
        x=[result.latency.median for result in results],
        y=[result.accuracy for result in results],
        name=name,
        mode=mode,
        marker={"color": colour, "size": 7},
        hovertext=[_hover(result) for result in results],
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _baselines(baselines: Sequence[Baseline]) -> go.Scatter:
    """The baselines whose accuracy and latency are known."""
    return go.Scatter(
        x=[each.latency.median for each in baselines if each.latency is not None],
        y=[each.accuracy for each in baselines],
        name="baselines",
        mode="markers",
        marker={"color": BASELINE, "size": 10, "symbol": "diamond-open"},
        hovertext=[f"<b>{each.name}</b><br>{each.parameters:,} parameters" for each in baselines],
        hovertemplate="%{hovertext}<br>accuracy %{y:.2%}<br>latency %{x:.3f} ms<extra></extra>",
    )


def _hover(result: Result) -> str:
    stages = "<br>".join(
        f"stage {number}: {stage.mixer} x{stage.depth}, width {stage.width}"
        for number, stage in enumerate(result.trial.architecture.stages, start=1)
    )
    return (
        f"<b>trial {result.trial.number}</b><br>{stages}<br>"
        f"accuracy {result.accuracy:.2%}{_spread(result)}<br>"
        f"latency {result.latency.median:.3f} ms (IQR {result.latency.iqr:.3f})<br>"
        f"{result.parameters:,} parameters"
    )


def _spread(result: Result) -> str:
    if not result.is_confirmed:
        return " (the search's own seed)"
    if result.accuracy_std is None:
        return ""
    return f" (std {result.accuracy_std:.2%} over {len(result.reported)} seeds)"
