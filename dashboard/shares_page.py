"""The shares of samplers in simulated searches as a self-contained page, which needs neither a network nor a server."""

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboard.plotly_page import page_of
from nas.simulation.comparison import Comparison, ShareCurve

# The palette of Okabe and Ito (2008), which colour-blind readers can tell apart; further samplers begin again.
PALETTE = ((0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (230, 159, 0), (86, 180, 233), (90, 90, 90))
BAND_OPACITY = 0.1


def render(comparison: Comparison) -> str:
    """Render an HTML page with plotly.js inside: a line and a band for each sampler."""
    return page_of(figure(comparison), f"Samplers on {comparison.table}")


def figure(comparison: Comparison) -> go.Figure:
    """Draw each sampler's mean share over trials, and from the worst to the best seed a band."""
    curves = [
        (sampler, comparison.curve(sampler), PALETTE[number % len(PALETTE)])
        for number, sampler in enumerate(comparison.searches)
    ]
    # Lines lie above all bands.
    bands = [_band(*curve) for curve in curves] if comparison.seeds > 1 else []
    chart = go.Figure([*bands, *(_line(*curve) for curve in curves)])
    chart.update_layout(
        title=f"Samplers on {comparison.table}<br><sub>{'<br>'.join(_conditions(comparison))}</sub>",
        xaxis={"title": "trials that have ended"},
        yaxis={"title": "share of the best possible hypervolume", "tickformat": ".0%"},
        template="plotly_white",
        hovermode="x unified",
        margin={"t": 120},
    )
    return chart


def _conditions(comparison: Comparison) -> list[str]:
    """Describe the searches, and then the lines and the reference point, a line of text each."""
    options = comparison.options
    error, latency_ms = comparison.reference
    seeds = f"seeds 0 to {comparison.seeds - 1}" if comparison.seeds > 1 else "seed 0"
    workers = "1 worker" if options.workers == 1 else f"{options.workers} workers"
    limit = "" if options.max_latency_ms is None else f", latency limit {options.max_latency_ms:g} ms"
    knowledge = ", the same knowledge for all" if options.same_knowledge else ""
    stopping = "early stopping" if options.early_stopping else "no early stopping"
    meaning = "lines: means over seeds, bands: worst to best seed; " if comparison.seeds > 1 else ""
    scale = "logarithm of latency" if options.log_latency else "linear latency"
    return [
        f"{comparison.row_count:,} rows, budget {options.budget}, {seeds}, {workers}, {stopping}{limit}{knowledge}",
        f"{meaning}reference point: error {error:.4g}, {latency_ms:.4g} ms{_further(comparison.objectives)}; {scale}",
    ]


def _further(objectives: Sequence[str]) -> str:
    """Name the objectives beyond accuracy and latency, whose reference is the table's worst."""
    further = objectives[2:]
    return f", and the worst {', '.join(further)}" if further else ""


def _line(sampler: str, curve: ShareCurve, colour: tuple[int, int, int]) -> go.Scatter:
    return go.Scatter(
        x=list(range(1, len(curve.mean) + 1)),
        y=list(curve.mean),
        name=sampler,
        legendgroup=sampler,
        mode="lines",
        line={"color": _rgba(colour, 1.0), "width": 2},
        customdata=list(zip(curve.worst, curve.best, strict=True)),
        hovertemplate="%{y:.1%} (%{customdata[0]:.1%} to %{customdata[1]:.1%})",
    )


def _band(sampler: str, curve: ShareCurve, colour: tuple[int, int, int]) -> go.Scatter:
    """Draw the area between the worst and the best seed as one closed outline."""
    trials = list(range(1, len(curve.mean) + 1))
    return go.Scatter(
        x=trials + trials[::-1],
        y=[*curve.best, *curve.worst[::-1]],
        name=f"{sampler}, worst to best seed",
        legendgroup=sampler,
        showlegend=False,
        mode="lines",
        line={"width": 0},
        fill="toself",
        fillcolor=_rgba(colour, BAND_OPACITY),
        hoverinfo="skip",
    )


def _rgba(colour: tuple[int, int, int], opacity: float) -> str:
    red, green, blue = colour
    return f"rgba({red},{green},{blue},{opacity:g})"
