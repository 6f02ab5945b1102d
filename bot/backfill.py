"""Read past releases, politely and once each, without telling anybody."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date

from bot.check import Checker, publication, read
from bot.rules.calendar import is_out, london_day
from scrapers.toolkit.contract import LIVE, Release, Scraper, SourceChanged, Unreachable

log = logging.getLogger("figurewatch.backfill")

BACKFILL_SINCE = "2021-01"  # the first month in the present layout


@dataclass(slots=True)
class Progress:
    """How far the backfill of one source is."""

    total: int = 0
    done: int = 0
    read: int = 0
    release: str = ""


@dataclass(frozen=True, slots=True)
class Backfilled:
    """What a backfill of one source read, and which releases it could not."""

    source: str
    read: int
    failures: tuple[str, ...]


async def _go_on() -> None:
    """Wait for nothing."""


async def backfill(
    checker: Checker,
    source: Scraper,
    since: str,
    *,
    show: Callable[[Progress], None] = lambda progress: None,
    wait: Callable[[], Awaitable[None]] = _go_on,
) -> Backfilled:
    """Read every release of `source` from the month `since` on that was never read, newest first.

    A release that cannot be read is named and passed over; what was read stays, so that a stopped backfill
    goes on where it was. `wait` is awaited before each. Raises SourceChanged or Unreachable when the list of
    releases cannot be read.
    """
    web = checker.web.for_source(source.hosts)
    listed: list[Release] = []
    failures: list[str] = []
    try:
        async for release in source.past(web):
            listed.append(release)
    except (SourceChanged, Unreachable) as error:
        if not listed:
            raise
        failures.append(f"an overview: {error}")
    todo = await asyncio.to_thread(_unread, checker, source, listed, since)
    progress = Progress(total=len(todo))
    for release in todo:
        progress.release = release.title
        show(progress)
        await wait()
        try:
            progress.read += await _one(checker, source, release, since)
        except (SourceChanged, Unreachable) as error:
            log.warning("%s %s: %s", source.key, release.key, error)
            failures.append(f"{release.key}: {error}")
        progress.done += 1
        show(progress)
    return Backfilled(source.key, progress.read, tuple(failures))


def _unread(checker: Checker, source: Scraper, listed: list[Release], since: str) -> list[Release]:
    """Return the releases that were never read and can hold a month from `since` on, newest first.

    What is newer than all that was read is left to the next check, which tells of it.
    """
    first_day = date.fromisoformat(f"{since}-01")
    with checker.committer.store.reading() as tx:
        done = {
            stored.key: stored.published
            for stored in tx.releases(source.key)
            if stored.read_at or stored.held
        }
    newest = max(filter(None, done.values()), default=None)
    fresh = {
        release.key: release
        for release in listed
        if is_out(release)
        and release.key not in {LIVE, *done}
        and (newest is None or publication(release) < newest)
        and london_day(publication(release)) > first_day
    }
    return sorted(fresh.values(), key=publication, reverse=True)


async def _one(checker: Checker, source: Scraper, release: Release, since: str) -> bool:
    """Read one past release; return whether it held figures from `since` on."""
    web = checker.web.for_source(source.hosts)
    opened = (await source.visit([release], web))[0]
    if not opened.file or not is_out(opened) or (opened.period and opened.period[:7] < since):
        return False
    fetched = await source.fetch(opened, web)
    now = checker.clock()
    figures, _ = await read(source, fetched, now)
    await checker.commit(checker.committer.past, source, fetched.release, figures, now)
    return True
