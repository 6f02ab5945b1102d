"""The headline figures of a release as they are stored: what its message says, and its chart shows."""

from __future__ import annotations

from bot.rules.breaks import shipped_breaks
from bot.rules.findings import Row
from bot.rules.headline import headline_rows, needed
from bot.rules.measures import History
from scrapers.toolkit.contract import Scraper
from state.store import Reader


def history_of(tx: Reader, source: Scraper) -> History:
    """Return all that is stored of the figures from which a source's headlines are taken."""
    area = source.headline_area
    return tx.series(source.key, (area.kind, area.code), needed(source.headlines))


def rows_of(source: Scraper, period: str, history: History) -> tuple[Row, ...]:
    """Return the headline rows of a period, each beside what can be compared with it."""
    return headline_rows(source.headlines, period, history, shipped_breaks(), source.span)
