"""What is kept in the database beside trials, because it took long to make: a supernet's weights."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Artifact:
    """`name` says what it is of: what is made of the same settings has the same name. `details` are JSON values.

    `content` is never a pickle: whoever made it knows how it is read.
    """

    name: str
    kind: str
    details: Mapping[str, Any]
    content: bytes = field(default=b"", repr=False)
    updated_at: float = 0.0
    """Seconds since 1970."""
