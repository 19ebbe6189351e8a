"""The Pareto front as a self-contained page, which needs neither a network nor a server."""

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.plotly_page import page_of
from nas.objective import ACCURACY, LATENCY
from nas.results.front import Result, dropped_from_front, front
from nas.store.store import StudyRecord
from nas.study.baseline import Baseline

DRAWN_OBJECTIVES = {ACCURACY.name, LATENCY.name}
DOMINATED = "#9aa5b1"
FRONT = "#0b6e99"
DROPPED = "#b3541e"
BASELINE = "#1a1a1a"


def render(record: StudyRecord, results: Sequence[Result], baselines: Sequence[Baseline] = ()) -> str:
    """Render an HTML page with plotly.js inside: all trials, the front and the baselines.

    Accuracies are those at the study's target, or means over seeds where a trial was confirmed.
    """
    title = f"{record.name}: {record.settings.metric_label} against latency"
    return page_of(figure(record, results, baselines), title)


def figure(record: StudyRecord, results: Sequence[Result], baselines: Sequence[Baseline] = ()) -> go.Figure:
    """Draw every result as a point whose hover text is its architecture, and every baseline with its name."""
    members = front(results)
    on_front = {member.trial.number for member in members}
    dropped_results = dropped_from_front(results)
    below = [result for result in results if result.is_below_min_accuracy and not result.is_confirmed]
    special = on_front | {result.trial.number for result in (*dropped_results, *below)}
    others = [result for result in results if result.trial.number not in special]
    # With objectives beyond the two that are drawn, the front is not a line.
    objectives = {objective.name for objective in record.settings.objectives}
    mode = "lines+markers" if objectives == DRAWN_OBJECTIVES else "markers"
    chart = go.Figure()
    measure, ladder = record.settings.metric_label, record.settings.ladder
    # Their accuracies are of short trainings: no comparison with the front's.
    is_apart = ladder is not None and any(result.final is not None for result in results)
    chart.add_trace(_points(others, "short trainings" if is_apart else "trials", "markers", DOMINATED, measure))
    chart.add_trace(_points(members, "Pareto front", mode, FRONT, measure))
    chart.data[1].update(line={"shape": "hv", "width": 2}, marker={"size": 10})
    if dropped_results:
        name = "dropped when confirmed" if ladder is None else "dominated at the target"
        chart.add_trace(_points(dropped_results, name, "markers", DROPPED, measure))
        chart.data[2].update(marker={"symbol": "x"})
    if below:
        chart.add_trace(_points(below, "below --min-accuracy", "markers", DOMINATED, measure))
        chart.data[-1].update(marker={"symbol": "circle-open"})
    evaluated = [row for row in baselines if row.accuracy is not None and row.latency is not None]
    if evaluated:
        chart.add_trace(_baselines(evaluated, measure))
    settings = record.settings
    chart.update_layout(
        title=f"{record.name}: {len(results)} trials on {settings.dataset}, {len(members)} on the front"
        + (f", after {ladder.target}" if ladder is not None and is_apart else ""),
        xaxis={"title": f"latency on {settings.target}, median (ms)", "type": "log"},
        yaxis={"title": f"validation {measure}", "tickformat": ".1%"},
        template="plotly_white",
        hovermode="closest",
        legend={"x": 0.99, "y": 0.01, "xanchor": "right", "yanchor": "bottom"},
    )
    return chart


def _points(results: Sequence[Result], name: str, mode: str, colour: str, measure: str) -> go.Scatter:
    return go.Scatter(
        x=[result.latency.median for result in results],
        y=[result.accuracy for result in results],
        name=name,
        mode=mode,
        marker={"color": colour, "size": 7},
        hovertext=[_hover(result, measure) for result in results],
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _baselines(baselines: Sequence[Baseline], measure: str) -> go.Scatter:
    """Draw baselines whose accuracy and latency are known."""
    return go.Scatter(
        x=[baseline.latency.median for baseline in baselines if baseline.latency is not None],
        y=[baseline.accuracy for baseline in baselines],
        name="baselines",
        mode="markers",
        marker={"color": BASELINE, "size": 10, "symbol": "diamond-open"},
        hovertext=[f"<b>{baseline.name}</b><br>{baseline.parameters:,} parameters" for baseline in baselines],
        hovertemplate=f"%{{hovertext}}<br>{measure} " + "%{y:.2%}<br>latency %{x:.3f} ms<extra></extra>",
    )


def _hover(result: Result, measure: str) -> str:
    stages = "<br>".join(
        f"stage {number}: {stage.mixer} x{stage.depth}, width {stage.width}"
        for number, stage in enumerate(result.trial.architecture.stages, start=1)
    )
    return (
        f"<b>trial {result.trial.number}</b><br>{stages}<br>"
        f"{measure} {result.accuracy:.2%}{_spread(result)}<br>"
        f"latency {result.latency.median:.3f} ms (IQR {result.latency.iqr:.3f})<br>"
        f"{result.parameters:,} parameters"
    )


def _spread(result: Result) -> str:
    if result.final is not None:
        interval = "" if result.interval is None else f" (90%: {result.interval[0]:.2%} to {result.interval[1]:.2%})"
        tested = result.final.test_accuracy
        return f"{interval} after {result.final.fidelity}" + ("" if tested is None else f"<br>test part {tested:.2%}")
    if not result.is_confirmed:
        return " (the search's own seed)"
    if result.accuracy_std is None:
        return ""
    return f" (std {result.accuracy_std:.2%} over {len(result.reported)} seeds)"
