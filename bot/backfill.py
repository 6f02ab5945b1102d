"""Read past releases, politely and once each."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date

from bot.check import Checker, publication, read
from bot.rules import periods
from bot.rules.calendar import is_out, london_day
from scrapers.toolkit.contract import LIVE, Release, Scraper, SourceChanged, Unreachable
from state.store import StoreError

log = logging.getLogger("figurewatch.backfill")

OVERVIEW = "the overview"  # the part of a source's past that lists its releases


@dataclass(slots=True)
class Progress:
    """How far the backfill of one source is."""

    total: int = 0
    done: int = 0
    read: int = 0
    release: str = ""


@dataclass(frozen=True, slots=True)
class Backfilled:
    """What a backfill of one source read, and which parts of its past it could not, each with the reason.

    What is `refused` must be mended by somebody, what is `passing` may be had by waiting. A part is a
    release, by its key, or the overview.
    """

    source: str
    read: int
    refused: Mapping[str, str]
    passing: Mapping[str, str]

    def __str__(self) -> str:
        refused = f", {len(self.refused)} refused" if self.refused else ""
        passing = f", {len(self.passing)} not reached" if self.passing else ""
        return f"{self.read} past release{'' if self.read == 1 else 's'} read{refused}{passing}"


async def _go_on() -> None:
    """Wait for nothing."""


async def backfill(
    checker: Checker,
    source: Scraper,
    since: str | None = None,
    *,
    show: Callable[[Progress], None] = lambda progress: None,
    wait: Callable[[], Awaitable[None]] = _go_on,
    settled: dict[str, str] | None = None,
) -> Backfilled:
    """Read every release of `source` from the month `since` on that was never read, newest first.

    Without `since` it begins where the source does. A release that cannot be read is named and passed over;
    what was read stays, so that a stopped backfill goes on where it was. `wait` is awaited before each.
    `settled` are the releases that are not asked for, by key, each with why it is refused, or nothing; those
    that this pass is done with are added. Raises Unreachable when the list of releases cannot be had, and
    StoreError.
    """
    settled = {} if settled is None else settled
    since = since or source.since
    settled.pop(OVERVIEW, None)
    passing: dict[str, str] = {}
    listed: list[Release] = []
    async with _passing_over(source, OVERVIEW, settled, passing):
        async for release in source.past(checker.web.for_source(source.hosts)):
            listed.append(release)
    if passing and not listed:
        raise Unreachable(passing[OVERVIEW])
    todo = await asyncio.to_thread(_unread, checker, source, listed, since)
    progress = Progress(total=len(todo))
    for release in todo:
        progress.release = release.title
        show(progress)
        if release.key not in settled:
            await wait()
            async with _passing_over(source, release.key, settled, passing):
                progress.read += await _one(checker, source, release, since)
                settled[release.key] = ""
        progress.done += 1
        show(progress)
    refused = {part: why for part, why in settled.items() if why}
    return Backfilled(source.key, progress.read, refused, passing)


@asynccontextmanager
async def _passing_over(
    source: Scraper, part: str, refused: dict[str, str], passing: dict[str, str]
) -> AsyncIterator[None]:
    """Note why a part of the past cannot be read, so that the rest still is."""
    try:
        yield
    except Unreachable as error:
        passing[part] = str(error)
    except SourceChanged as error:
        refused[part] = str(error)
    except StoreError:
        raise  # no fault of the source
    except Exception as error:  # the edge around one release: the others are still read
        log.exception("%s %s: the reader failed", source.key, part)
        refused[part] = f"the reader failed: {type(error).__name__}: {error}"


def _unread(checker: Checker, source: Scraper, listed: list[Release], since: str) -> list[Release]:
    """Return the releases that were never read and can hold a month from `since` on, newest first.

    What is newer than all that was read, or was announced, is left to the next check, which tells of it.
    """
    first_day = date.fromisoformat(f"{since}-01")
    with checker.committer.store.reading() as tx:
        stored = tx.releases(source.key)
    done = {release.key: release.published for release in stored if release.read_at or release.held}
    announced = {release.key for release in stored if release.expected}
    newest = max(filter(None, done.values()), default=None)
    fresh = {
        release.key: release
        for release in listed
        if is_out(release)
        and release.key not in {LIVE, *done, *announced}
        and (newest is None or publication(release) < newest)
        and london_day(publication(release)) > first_day
    }
    return sorted(fresh.values(), key=publication, reverse=True)


async def _one(checker: Checker, source: Scraper, release: Release, since: str) -> bool:
    """Read one past release; return whether it held figures from `since` on."""
    web = checker.web.for_source(source.hosts)
    opened = (await source.visit([release], web))[0]
    if not opened.file or not is_out(opened) or (opened.period and periods.last_month(opened.period) < since):
        return False
    fetched = await source.fetch(opened, web)
    now = checker.clock()
    content = await read(source, fetched, now)
    await checker.commit(checker.committer.past, source, content, now)
    return True
