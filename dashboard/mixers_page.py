"""The latency of token mixers over tokens as a self-contained page, which needs neither a network nor a server."""

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.plotly_page import page_of
from nas.latency.mixer_benchmark import MixerReport


def render(reports: Sequence[MixerReport], width: int, target: str) -> str:
    """Render an HTML page with plotly.js inside. Both axes are logarithmic: slope 1 is linear, slope 2 quadratic."""
    figure = go.Figure()
    for report in reports:
        figure.add_trace(
            go.Scatter(
                x=[side * side for side in report.sides],
                y=[latency.median for latency in report.latencies],
                error_y={"type": "data", "array": [latency.iqr / 2 for latency in report.latencies]},
                name=f"{report.mixer}, {report.stated_cost}",
                mode="lines+markers",
                hovertext=[f"{cost.parameters:,} parameters, {cost.macs:,} MACs" for cost in report.costs],
            )
        )
    title = f"token mixers at width {width} on {target}"
    figure.update_layout(
        title=title,
        xaxis={"title": "tokens", "type": "log"},
        yaxis={"title": "latency, median (ms)", "type": "log"},
        template="plotly_white",
    )
    return page_of(figure, title)
