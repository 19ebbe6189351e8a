"""A figure as one self-contained page: it needs neither a network nor a server."""

from html import escape

import plotly.graph_objects as go


def page_of(figure: go.Figure, title: str) -> str:
    """HTML with plotly.js inside."""
    page: str = figure.to_html(include_plotlyjs=True, full_html=True, config={"displaylogo": False})
    return page.replace("<head>", f"<head><title>{escape(title)}</title>", 1)
