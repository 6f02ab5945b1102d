"""A store in each kind of database, and the things that tests put into it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from state.store import Store


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """Give an empty store."""
    opened = Store.open(database_url)
    yield opened
    opened.close()
