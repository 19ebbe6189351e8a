"""Figures with their names, on one line."""

from collections.abc import Mapping
from typing import Any


def told(fields: Mapping[str, Any]) -> str:
    """As `name figure, name figure`."""
    return ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in fields.items()
    )
