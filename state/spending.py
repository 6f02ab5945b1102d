"""Remember how many requests a source has cost today, whichever process made them."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from sqlalchemy import Engine

from state.database import reading, writing
from state.sql import upsert
from state.tables import spending

_SPENT = sa.select(spending.c.requests).where(
    spending.c.source == sa.bindparam("source"), spending.c.day == sa.bindparam("day")
)
_SPEND = upsert(spending, ["source"], "day", "requests")


class Spending:
    """The requests of each source on its latest day. Each method is one short transaction of its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def on(self, source: str, day: date) -> int:
        """Return how many requests a source has cost on a day; 0 for a day that is over."""
        with reading(self._engine) as connection:
            return connection.scalar(_SPENT, {"source": source, "day": day.isoformat()}) or 0

    def note(self, source: str, day: date, requests: int) -> None:
        """Remember how many requests a source has cost on a day, in place of an earlier day's."""
        with writing(self._engine) as connection:
            connection.execute(_SPEND, {"source": source, "day": day.isoformat(), "requests": requests})
