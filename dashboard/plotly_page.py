"""A figure as a self-contained page, which needs neither a network nor a server."""

from html import escape

import plotly.graph_objects as go


def page_of(figure: go.Figure, title: str) -> str:
    """Return the figure as HTML with plotly.js inside."""
    page: str = figure.to_html(include_plotlyjs=True, full_html=True, config={"displaylogo": False})
    return page.replace("<head>", f"<head><title>{escape(title)}</title>", 1)
