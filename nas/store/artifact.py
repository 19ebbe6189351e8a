"""Artifacts in the database: results that took long to make and belong to no trial, such as a supernet's weights."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Artifact:
    """A stored result. Artifacts made with the same settings have the same `name`. `details` are JSON values.

    `content` is never a pickle: its maker knows how to read it.
    """

    name: str
    kind: str
    details: Mapping[str, Any]
    content: bytes = field(default=b"", repr=False)
    updated_at: float = 0.0
    """Seconds since 1970."""
