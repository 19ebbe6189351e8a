"""Fixtures of several integration tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from nas.store.store import Store
from tests.studies import make_study


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[tuple[Store, str]]:
    """A database with a study of five trials, and its URL."""
    url = f"sqlite:///{tmp_path / 'nas.db'}"
    make_study(url, budget=5)
    with Store.open(url, create=False) as store:
        yield store, url
