"""The memory of the worker: figures as versions, releases, alerts, the outbox and the lease.

Everything that knows SQL is in this package; what comes out are the plain values of `state.records`.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Engine

from scrapers.toolkit.contract import CachedPage
from state import database
from state.chats import Chats
from state.database import StoreError, StoreGone
from state.lease import Lease
from state.outbox import Outbox
from state.reader import Reader, SeriesKey
from state.records import ChatState, Destination, Subscription
from state.spending import Spending
from state.sql import upsert
from state.subscriptions import Subscriptions
from state.tables import leases, pages
from state.writer import Writer

__all__ = ["Reader", "Store", "StoreError", "StoreGone", "Writer"]

_PAGES = sa.select(*pages.c["url", "body", "content_type", "charset", "etag", "last_modified"])
_SOME_PAGES = _PAGES.where(pages.c.url.in_(sa.bindparam("urls", expanding=True)))
_PROBE = upsert(leases, ["name"], "owner", "until")
_SAVE_PAGE = upsert(pages, ["url"], "body", "content_type", "charset", "etag", "last_modified", "seen")


class Store:
    """One database, shared by every process that works for a campaign."""

    def __init__(self, engine: Engine, shown: str) -> None:
        """Take an engine whose schema is current; `open` makes one from an address."""
        self._engine = engine
        self._series_ids: dict[str, dict[SeriesKey, int]] = {}  # committed, and never taken back
        self._file = database.file_of(engine)
        self.shown = shown
        self.outbox = Outbox(engine)
        self.lease = Lease(engine)
        self.spending = Spending(engine)

    @classmethod
    def open(cls, url: str) -> Store:
        """Open the store at `url`, bringing its tables up to date first.

        Raises StoreError, in one line and without the password, for an address that is not ours, a database
        that does not answer, and one that a newer Figurewatch has changed.
        """
        parsed = database.parse(url)
        return cls(database.connect(parsed), database.shown(parsed))

    def close(self) -> None:
        """Let go of all connections."""
        self._engine.dispose()

    def schema(self) -> str | None:
        """Return which schema the tables have."""
        with database.reading(self._engine) as connection:
            return database.version(connection)

    def backup(self, path: Path) -> None:
        """Copy all of it into a new file, while others read and write. Raises StoreError but for SQLite."""
        database.copy(self._engine, path)

    @contextmanager
    def reading(self) -> Iterator[Reader]:
        """Give a reader that sees the store as it is at its first look."""
        with database.reading(self._engine) as connection:
            reader = Reader(connection, self._series_ids)
            yield reader
        self._learn(reader.met)

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """Give a writer beside whom nobody writes; commit at the end, leave no trace on an exception."""
        with database.writing(self._engine) as connection:
            writer = Writer(connection, self._series_ids)
            yield writer
        self._learn(writer.met)

    def chats(self) -> dict[str, ChatState]:
        """Return every chat that moved or does not take messages, by the id that the settings have."""
        with database.reading(self._engine) as connection:
            return Chats(connection).known()

    def subscriptions(self) -> dict[Destination, Subscription]:
        """Return what was ever asked for, by chat and topic."""
        with database.reading(self._engine) as connection:
            return Subscriptions(connection).all()

    def pages(self, urls: Collection[str] | None = None) -> list[CachedPage]:
        """Return pages as last seen, all of them or those at `urls`."""
        with database.reading(self._engine) as connection:
            if urls is None:
                rows = connection.execute(_PAGES).all()
            else:
                rows = connection.execute(_SOME_PAGES, {"urls": list(urls)}).all()
        return [CachedPage(row.url, zlib.decompress(row.body), *row[2:]) for row in rows]

    def save_pages(self, pages: Sequence[CachedPage], now: datetime) -> None:
        """Keep pages as seen now, in place of what their addresses answered before."""
        if not pages:
            return
        rows = [
            {
                "url": page.url,
                "body": zlib.compress(page.body),
                "content_type": page.content_type,
                "charset": page.charset,
                "etag": page.etag,
                "last_modified": page.last_modified,
                "seen": now,
            }
            for page in pages
        ]
        with database.writing(self._engine) as connection:
            connection.execute(_SAVE_PAGE, rows)

    def probe(self, now: datetime) -> None:
        """Write something of no meaning; raise whatever keeps the store from being written.

        Raises StoreGone where a SQLite file is not the one that was opened: what is written to one that was
        removed is lost, and nothing else would say so.
        """
        if database.file_of(self._engine) != self._file:
            raise StoreGone(f"the file of {self.shown} was removed or replaced while it was in use")
        with database.writing(self._engine) as connection:
            connection.execute(_PROBE, {"name": "probe", "owner": "", "until": now})

    def _learn(self, met: Mapping[str, Mapping[SeriesKey, int]]) -> None:
        for source, ids in met.items():
            self._series_ids.setdefault(source, {}).update(ids)
