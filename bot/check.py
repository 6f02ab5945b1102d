"""One look at a source: ask, read, and hand over what was found to be compared and committed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import ParamSpec, TypeVar

from bot.campaign import Campaign
from bot.commit import Committed, Committer, Seen
from bot.look import FULL, Look
from bot.rules.calendar import as_release, is_out
from bot.rules.petition import Marks
from scrapers.toolkit.contract import (
    BudgetSpent,
    Fact,
    Fetched,
    Figure,
    Release,
    Scraper,
    SourceChanged,
    Unreachable,
    Web,
)
from scrapers.toolkit.web import WebClient
from state.records import StoredRelease
from state.store import StoreError

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger("figurewatch.check")

READ_INLINE = 64 * 1024  # bytes; a small body is parsed faster than a thread is handed the work


@dataclass(slots=True)
class Result:
    """What one look at a source found."""

    source: Scraper
    error: str | None = None
    passing: bool = False
    spent: bool = False  # today's requests were used up before it was done
    newest: Release | Figure | None = None
    releases: int = 0
    figures: int = 0
    changes: int = 0
    alerts: int = 0

    def add(self, committed: Committed) -> None:
        """Count what a transaction added."""
        self.changes += committed.changes
        self.alerts += committed.alerts


@dataclass(frozen=True, slots=True)
class _Memory:
    """What the store remembers of the live sources of a round: newest values by series, and facts."""

    latest: Mapping[str, Mapping[tuple[str, str, str], float | None]]
    facts: Mapping[str, Mapping[str, str | None]]


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why a release could not be read. With a fingerprint its file was refused, else page or file not had."""

    error: SourceChanged
    fingerprint: str | None = None


@dataclass(slots=True)
class Checker:
    """Looks at sources. One per process: it shares the web client, and remembers what was refused."""

    committer: Committer
    web: WebClient
    campaign: Campaign
    clock: Callable[[], datetime]
    spend: Callable[[str], None] = lambda source: None
    _refused: dict[tuple[str, str], _Refusal] = field(default_factory=dict)
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def commit(self, transaction: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Make a transaction off the event loop, in the order of asking.

        Threads that wait for each other inside SQLite sleep in steps of up to a tenth of a second.
        """
        async with self._writing:
            return await asyncio.to_thread(transaction, *args, **kwargs)

    async def round(self, sources: Sequence[Scraper], look: Look = FULL) -> list[Result]:
        """Look at these sources at once, commit what they say, and note how it went."""
        memory = await asyncio.to_thread(self._recall, [s.key for s in sources if s.is_live])
        results = await asyncio.gather(*(self._guarded(source, memory, look) for source in sources))
        seen = [Seen(r.source, r.newest, r.error, r.passing) for r in results if not r.spent]
        await self.commit(self.committer.settle, seen, self.clock())
        return results

    def _recall(self, live: Sequence[str]) -> _Memory:
        with self.committer.store.reading() as tx:
            latest = {
                key: {series: known.value for series, (_, known) in readings.items()}
                for key, readings in tx.latest(live).items()
            }
            return _Memory(latest, tx.facts(live))

    async def _guarded(self, source: Scraper, memory: _Memory, look: Look) -> Result:
        """Look at one source; whatever goes wrong with it stays with it."""
        result = Result(source)
        web = self.web.for_source(source.hosts, spend=lambda: self.spend(source.key))
        try:
            if source.is_live:
                await self._reading(source, web, memory, result)
            else:
                await self._publications(source, web, look, result)
        except BudgetSpent as error:
            log.info("%s: %s", source.key, error)
            result.spent = True
        except (Unreachable, SourceChanged) as error:
            result.error, result.passing = str(error), isinstance(error, Unreachable)
        except StoreError:
            raise  # no fault of the source
        except Exception as error:  # the edge around one source: the others are still checked
            log.exception("%s: the reader failed", source.key)
            result.error = f"the reader failed: {type(error).__name__}: {error}"
        return result

    async def _reading(self, source: Scraper, web: Web, memory: _Memory, result: Result) -> None:
        """Read a live page; only what differs from the newest reading costs a transaction."""
        release = (await source.releases(web))[0]
        fetched = await source.fetch(release, web)
        now = self.clock()
        figures, facts = await read(source, fetched, now)
        result.releases, result.figures = 1, len(figures)
        result.newest = next(iter(figures), None)
        values = {(f.measure.id, f.area.kind, f.area.code): f.value for f in figures}
        if values != memory.latest.get(source.key) or dict(facts) != memory.facts.get(source.key, {}):
            marks = self.campaign.marks.get(source.key, Marks())
            result.add(await self.commit(self.committer.reading, source, release, figures, facts, marks, now))

    async def _publications(self, source: Scraper, web: Web, look: Look, result: Result) -> None:
        """Read the releases that are new or were replaced, then store what is announced.

        However the look ends, what it saw is stored, and a release that is overdue is told.
        """
        stored = await asyncio.to_thread(self._stored, source.key)
        seen: Sequence[Release] = ()
        try:
            seen = await self._ask(source, web, look, stored)
            result.releases = len(seen)
            result.newest = max(filter(is_out, seen), key=publication, default=None)
            for release in sorted(choose(seen, stored), key=publication):
                await self._publication(source, web, release, result)
        finally:
            result.add(await self.commit(self.committer.announced, source, seen, self.clock()))
        if refusal := next((r for (key, _), r in self._refused.items() if key == source.key), None):
            raise refusal.error

    def _stored(self, source: str) -> dict[str, StoredRelease]:
        with self.committer.store.reading() as tx:
            return {release.key: release for release in tx.releases(source)}

    async def _ask(
        self, source: Scraper, web: Web, look: Look, stored: Mapping[str, StoredRelease]
    ) -> Sequence[Release]:
        if look.kind == "full":
            return await source.releases(web)
        if look.kind == "listed":
            return await source.listed(web)
        seen: list[Release] = []
        for key in look.keys:
            try:
                seen += await source.visit([as_release(stored[key])], web)
            except SourceChanged as error:
                self._refused[source.key, key] = _Refusal(error)
        for release in seen:
            refusal = self._refused.get((source.key, release.key))
            if refusal and refusal.fingerprint != release.fingerprint:
                del self._refused[source.key, release.key]
        return seen

    async def _publication(self, source: Scraper, web: Web, release: Release, result: Result) -> None:
        """Read one release, or remember why not. A refused file is not asked for until its page changes."""
        place = source.key, release.key
        refusal = self._refused.get(place)
        if refusal and refusal.fingerprint and release.fingerprint in (None, refusal.fingerprint):
            return
        self._refused.pop(place, None)
        fingerprint = None
        try:
            opened = release if release.fingerprint else (await source.visit([release], web))[0]
            if not (opened.file and is_out(opened)):
                return
            fetched = await source.fetch(opened, web)
            now, fingerprint = self.clock(), opened.fingerprint
            figures, _ = await read(source, fetched, now)
        except SourceChanged as error:
            self._refused[place] = _Refusal(error, fingerprint)
            return
        result.figures += len(figures)
        result.add(await self.commit(self.committer.publication, source, fetched.release, figures, now))


async def read(source: Scraper, fetched: Fetched, now: datetime) -> tuple[list[Figure], list[Fact]]:
    """Return the figures and facts in what was fetched; large bodies are read off the event loop."""

    def work() -> tuple[list[Figure], list[Fact]]:
        figures: list[Figure] = []
        facts: list[Fact] = []
        for item in source.read(fetched, now):
            facts.append(item) if isinstance(item, Fact) else figures.append(item)
        return figures, facts

    return work() if len(fetched.page.body) <= READ_INLINE else await asyncio.to_thread(work)


def choose(seen: Sequence[Release], stored: Mapping[str, StoredRelease]) -> list[Release]:
    """Return the releases to read: on a first look the newest, later all newer ones and all replaced ones.

    Older ones that were never read are left to the backfill.
    """
    out = [release for release in seen if is_out(release)]
    read_at = [s.published for s in stored.values() if s.read_at and s.published]
    if not read_at:
        return [max(out, key=publication)] if out else []
    newest = max(read_at)
    chosen = []
    for release in out:
        before = stored.get(release.key)
        if before is None or before.read_at is None:
            if publication(release) >= newest:
                chosen.append(release)
        elif release.fingerprint not in (None, before.fingerprint):
            chosen.append(release)
    return chosen


def publication(release: Release) -> datetime:
    """Return when a release was published, for ordering; an unpublished one comes last."""
    return release.published or datetime.max.replace(tzinfo=UTC)
