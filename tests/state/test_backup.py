"""A copy of the store that is made while others write, and what it is worth."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from state.store import Store, StoreError
from tests.conftest import PostgresServer

NOW = datetime(2026, 5, 14, 8, 30, tzinfo=UTC)


def episodes(url: str) -> int:
    """Return how many of a hundred episodes a store remembers, which were written in their order."""
    store = Store.open(url)
    try:
        with store.writing() as tx:  # an episode that is known is not remembered again
            return next(number for number in range(101) if tx.remember("s", f"{number}", NOW))
    finally:
        store.close()


def test_a_copy_is_whole_and_one_moment_while_others_write(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/figurewatch.db")
    begun = threading.Event()

    def write() -> None:
        for number in range(100):
            with store.writing() as tx:
                tx.remember("s", f"{number}", NOW)
            if number == 10:
                begun.set()

    writing = threading.Thread(target=write)
    writing.start()
    assert begun.wait(10)
    store.backup(tmp_path / "copy.db")
    writing.join()
    store.close()
    assert sorted(path.name for path in tmp_path.glob("copy*")) == ["copy.db"]
    assert 11 <= episodes(f"sqlite:///{tmp_path}/copy.db") <= 100


def test_a_copy_never_takes_the_place_of_a_file(tmp_path: Path) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/figurewatch.db")
    there = tmp_path / "there.db"
    there.write_text("precious")
    with pytest.raises(StoreError, match=r"expected a new file for the copy, found .*there\.db"):
        store.backup(there)
    with pytest.raises(StoreError, match="cannot be written: unable to open database file"):
        store.backup(tmp_path / "nowhere" / "copy.db")
    store.close()
    assert there.read_text() == "precious"


def test_another_database_says_what_copies_it(postgres_server: PostgresServer) -> None:
    store = Store.open(postgres_server.fresh())
    with pytest.raises(StoreError, match="is not a file: back it up with pg_dump"):
        store.backup(Path("copy.db"))
    store.close()
