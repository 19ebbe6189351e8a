"""Named figures formatted on one line."""

from collections.abc import Mapping
from typing import Any


def format_figures(figures: Mapping[str, Any]) -> str:
    """Format figures as `name figure, name figure`."""
    return ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in figures.items()
    )
