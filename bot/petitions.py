"""How a petition stands, from what is stored of it; what of that is news, `bot.rules.petition` says."""

from __future__ import annotations

from datetime import datetime

from bot.rules.pace import Reading
from bot.rules.petition import Growth, Marks, closes
from scrapers.toolkit.contract import EVERYWHERE, Scraper
from state.store import Reader


def counted(tx: Reader, source: Scraper) -> list[Reading]:
    """Return every count that was read."""
    (counts,) = tx.series(source.key, (EVERYWHERE.kind, EVERYWHERE.code), ["signatures"]).values()
    return [
        Reading(datetime.fromisoformat(period), int(value))
        for period, value in counts.items()
        if value is not None
    ]


def readings(tx: Reader, source: Scraper, checked_at: datetime | None, now: datetime) -> list[Reading]:
    """Return every count that was read; the last look before `now` that found no other counts too."""
    found = counted(tx, source)
    if found and checked_at and found[-1].at < checked_at < now:
        found.append(found[-1]._replace(at=checked_at))
    return found


def growth(tx: Reader, source: Scraper, marks: Marks, now: datetime) -> Growth | None:
    """Return how a petition stands; None while it has no count."""
    found = readings(tx, source, tx.source(source.key).checked_at, now)
    return Growth(found, marks.goal, closes(tx.facts([source.key])[source.key])) if found else None
