"""One look at a source: ask, read, and hand over what was found to be compared and committed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import ParamSpec, TypeVar

from bot.campaign import Campaign
from bot.commit import Committed, Committer, LivePage, Seen
from bot.look import FULL, Look
from bot.notices import noticed
from bot.operate import crash
from bot.rules.calendar import as_release, is_out
from bot.rules.periods import is_reading
from scrapers.toolkit.contract import (
    BudgetSpent,
    Fact,
    Fetched,
    Figure,
    Notice,
    Release,
    ReleaseCalendar,
    Scraper,
    SourceChanged,
    Unreachable,
    Web,
)
from scrapers.toolkit.web import WebClient
from state.records import Content, Fault, StoredRelease
from state.store import StoreError

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger("figurewatch.check")

OVERVIEW = ""  # the part of a source that lists its releases
WITNESS_PATIENCE = 10.0  # seconds that the file waits for a page that says the headlines sooner
READ_INLINE = 64 * 1024  # bytes; a small body is parsed faster than a thread is handed the work


@dataclass(slots=True)
class Result:
    """What one look at a source found."""

    source: Scraper
    error: str | None = None
    passing: bool = False
    partial: bool = False  # what had failed before was not asked for
    spent: bool = False  # today's requests were used up before it was done
    kept: str = ""  # where a page that could not be read was put aside
    newest: Release | Figure | None = None
    releases: int = 0
    figures: int = 0
    changes: int = 0
    alerts: int = 0
    held: int = 0
    page: LivePage | None = None  # where it says something new

    def add(self, committed: Committed) -> None:
        """Count what a transaction added."""
        self.changes += committed.changes
        self.alerts += committed.alerts
        self.held += committed.held


@dataclass(frozen=True, slots=True)
class _Memory:
    """What the store remembers of the live sources of a round: newest values by series, and facts.

    `waiting` are those of which a reading is held, `broken` those whose page was changed already, `taught`
    those of which the first look succeeded.
    """

    latest: Mapping[str, Mapping[tuple[str, str, str], tuple[str, float | None]]]
    facts: Mapping[str, Mapping[str, str | None]]
    waiting: Collection[str]
    broken: Collection[str]
    taught: Collection[str]


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why a release's file could not be read, while its page had this fingerprint."""

    error: SourceChanged
    fingerprint: str


@dataclass(slots=True)
class _Parts:
    """What cannot be read of one source: known from earlier looks, and found in this one.

    A part is a release, by its key, or the overview. None is found where it could be read. What fails in
    passing is noted for the `daily` ones; the others are asked for too rarely to say when it is over.
    """

    source: Scraper
    result: Result
    known: Mapping[str, Fault]
    daily: Collection[str]
    found: dict[str, Fault | None] = field(default_factory=dict)

    @property
    def faults(self) -> dict[str, Fault]:
        """Return what cannot be read as things stand now."""
        return {part: fault for part, fault in {**self.known, **self.found}.items() if fault}

    @property
    def troubles(self) -> list[Fault]:
        """Return what is wrong: all faults but those of parts that were withdrawn."""
        return [fault for fault in self.faults.values() if fault.kind != "withdrawn"]

    def changed(self, part: str, text: str) -> Fault:
        """Return the fault of a part that waiting cannot mend; told once, if not withdrawn."""
        before = self.found.get(part) or self.known.get(part)
        if before and before.kind == "withdrawn":
            return before
        return Fault("changed", text, bool(before and before.kind == "changed" and before.told))

    def withdraw_unlisted(self, listed: Collection[str]) -> None:
        """Let faults of releases that the source does not list any more be no trouble."""
        for part, fault in self.known.items():
            if part != OVERVIEW and part not in listed and fault.kind == "changed":
                self.found[part] = Fault("withdrawn", fault.text, fault.told)


@dataclass(slots=True)
class Checker:
    """Looks at sources. One per process: it shares the web client, and remembers what was refused.

    `keep` puts a page aside that could not be read, and says where; `hurry` is called where something was
    committed that should not wait for the end of a look. While first looks are `awaited`, by the
    keys of their sources, no source is introduced, so that one line can name them all.
    """

    committer: Committer
    web: WebClient
    campaign: Campaign
    clock: Callable[[], datetime]
    spend: Callable[[str], None] = lambda source: None
    keep: Callable[[Scraper, SourceChanged], str] = lambda source, changed: ""
    hurry: Callable[[], object] = lambda: None
    awaited: set[str] = field(default_factory=set)
    _met: dict[str, Seen] = field(default_factory=dict)
    _refused: dict[tuple[str, str], _Refusal] = field(default_factory=dict)
    _looked: set[str] = field(default_factory=set)
    _writing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def commit(self, transaction: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Make a transaction off the event loop, in the order of asking.

        Threads that wait for each other inside SQLite sleep in steps of up to a tenth of a second.
        """
        async with self._writing:
            crash.point("commit:due")
            done = await asyncio.to_thread(transaction, *args, **kwargs)
            crash.point("commit:done")
            return done

    async def round(self, sources: Sequence[Scraper], look: Look = FULL) -> list[Result]:
        """Look at these sources at once, commit what they say, and note how it went."""
        memory = await asyncio.to_thread(self._recall, [s.key for s in sources if s.is_live])
        results = await asyncio.gather(*(self._guarded(source, memory, look) for source in sources))
        await self._store([result for result in results if result.page])
        seen = [
            Seen(r.source, r.newest, r.error, r.passing, r.partial, r.kept) for r in results if not r.spent
        ]
        await self.commit(self.committer.settle, seen, self._to_introduce(seen, sources), self.clock())
        return results

    def _to_introduce(self, seen: Sequence[Seen], sources: Sequence[Scraper]) -> list[Seen]:
        """Return the sources to introduce after a round, where nobody knows of them.

        None are while others are awaited, unless one that could be read is looked at again: then it has
        waited long enough. Where no source at all could be read, all are awaited anew.
        """
        again = any(one.source.key in self._met and not self._met[one.source.key].error for one in seen)
        self.awaited -= {source.key for source in sources}
        self._met |= {one.source.key: one for one in seen}
        if self.awaited and not again:
            return []
        met, self._met = self._met, {}
        if all(one.error for one in met.values()):
            self.awaited |= met.keys()
        return list(met.values())

    async def _store(self, results: Sequence[Result]) -> None:
        """Store in one transaction what live pages say anew."""
        if not results:
            return
        pages = [result.page for result in results if result.page]
        stored = await self.commit(self.committer.readings, pages)
        for result, committed in zip(results, stored, strict=True):
            if isinstance(committed, Exception):
                log.error("%s: the reader failed", result.source.key, exc_info=committed)
                result.error = _failure(committed)
            else:
                result.add(committed)

    def _recall(self, live: Sequence[str]) -> _Memory:
        with self.committer.store.reading() as tx:
            latest = {
                key: {series: _said(period, known.value) for series, (period, known) in readings.items()}
                for key, readings in tx.latest(live).items()
            }
            states = tx.sources()
            broken = {key for key, s in states.items() if s.trouble and s.trouble.kind == "changed"}
            taught = {key for key, s in states.items() if s.taught_at}
            return _Memory(latest, tx.facts(live), tx.waiting(), broken, taught)

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
        except Unreachable as error:
            result.error, result.passing = str(error), True
        except SourceChanged as error:
            result.error = str(error)
            if source.key not in memory.broken:
                await self._put_aside(source, error, result)
            self.web.forget(error.url)
        except StoreError:
            raise  # no fault of the source
        except Exception as error:  # the edge around one source: the others are still checked
            log.exception("%s: the reader failed", source.key)
            result.error = _failure(error)
        return result

    async def _put_aside(self, source: Scraper, error: SourceChanged, result: Result) -> None:
        result.kept = await asyncio.to_thread(self.keep, source, error) or result.kept

    async def _reading(self, source: Scraper, web: Web, memory: _Memory, result: Result) -> None:
        """Read a live page; only what differs from the newest reading is stored."""
        release = (await source.releases(web))[0]
        fetched = await source.fetch(release, web)
        now = self.clock()
        content = await read(source, fetched, now)
        result.releases, result.figures = 1, len(content.figures)
        result.newest = next(iter(content.figures), release)
        values = {(f.measure.id, f.area.kind, f.area.code): _said(f.period, f.value) for f in content.figures}
        facts = memory.facts.get(source.key, {})
        known = memory.latest.get(source.key, {})
        same = values.items() <= known.items() and dict(content.facts) == facts  # a goal may be gone
        awaited = source.key in memory.waiting or source.key not in memory.taught
        if not same or awaited or await self._is_news(source, content):
            result.page = LivePage(source, content, self.campaign.marks_of(source), now)

    async def _is_news(self, source: Scraper, content: Content) -> bool:
        """Return whether a page holds a notice that was not there before."""
        if not content.notices:
            return False
        known = await asyncio.to_thread(self._episodes, source.key)
        return any(noticed(notice).episode not in known for notice in content.notices)

    def _episodes(self, source: str) -> set[str]:
        with self.committer.store.reading() as tx:
            return tx.episodes(source)

    async def _publications(self, source: Scraper, web: Web, look: Look, result: Result) -> None:
        """Read the releases that are new or were replaced, then store what is announced.

        However the look ends, what it saw is stored, and a release that is overdue is told.
        """
        stored, known = await asyncio.to_thread(self._stored, source.key)
        newest = max(
            (release for release in stored.values() if is_out(release)), key=publication, default=None
        )
        parts = _Parts(source, result, known, {OVERVIEW, newest.key if newest else OVERVIEW})
        seen: list[Release] = []
        passing: Unreachable | None = None
        try:
            await self._ask(web, look, stored, parts, seen)
            result.releases = len(seen)
            result.newest = max(filter(is_out, seen), key=publication, default=None)
            for release in sorted(choose(seen, stored, known), key=publication):
                async with self._judging(release.key, parts):
                    await self._publication(source, web, release, result)
        except Unreachable as error:
            passing = error
        finally:
            result.add(await self.commit(self.committer.announced, source, seen, parts.faults, self.clock()))
        result.partial = bool(parts.troubles)
        if changed := next((fault for fault in parts.troubles if fault.kind == "changed"), None):
            result.error = changed.text
        elif passing:
            raise passing

    def _stored(self, source: str) -> tuple[dict[str, StoredRelease], dict[str, Fault]]:
        with self.committer.store.reading() as tx:
            return {release.key: release for release in tx.releases(source)}, tx.faults(source)

    @asynccontextmanager
    async def _judging(self, part: str, parts: _Parts) -> AsyncIterator[None]:
        """Note whether a part of a source can be read. A passing failure is raised on: it ends the look."""
        before = parts.known.get(part)
        broken = before is not None and before.kind != "passing"
        try:
            yield
        except SourceChanged as error:
            parts.found[part] = parts.changed(part, str(error))
            if not broken:
                await self._put_aside(parts.source, error, parts.result)
            self.web.forget(error.url)
        except Unreachable as error:
            if not broken and part in parts.daily:
                parts.found[part] = Fault("passing", str(error))
            raise
        except (BudgetSpent, StoreError):
            raise
        except Exception as error:  # the edge around one release: the others are still read
            log.exception("%s: the reader failed", parts.source.key)
            parts.found[part] = parts.changed(part, _failure(error))
        else:
            parts.found[part] = None

    async def _ask(
        self,
        web: Web,
        look: Look,
        stored: Mapping[str, StoredRelease],
        parts: _Parts,
        seen: list[Release],
    ) -> None:
        """Add to `seen` what the look asks for. What failed is asked for again by a process's first look."""
        source = parts.source
        again: set[str] = set() if source.key in self._looked else set(parts.known)
        lost = look.kind == "visit" and all(_is_lost(stored.get(key), parts.known) for key in look.keys)
        if look.kind != "visit" or lost or OVERVIEW in again:
            async with self._judging(OVERVIEW, parts):
                seen += await source.listed(web)
                parts.withdraw_unlisted({release.key for release in seen})
        remembered = {key: as_release(release) for key, release in stored.items()}
        releases = {**remembered, **{release.key: release for release in seen}}
        keys = [] if lost else list(look.keys)
        if look.kind == "full":
            out = sorted((r for r in seen if is_out(r)), key=publication, reverse=True)
            keys += [release.key for release in out[: _followed(source)]]
        for key in dict.fromkeys((*keys, *sorted(again & releases.keys()))):
            async with self._judging(key, parts):
                visited = await source.visit([releases[key]], web)
                seen[:] = [*(release for release in seen if release.key != key), *visited]
        self._looked.add(source.key)

    async def _publication(self, source: Scraper, web: Web, release: Release, result: Result) -> None:
        """Read one release. A refused file is refused again, unasked, until its page changes."""
        place = source.key, release.key
        refused = self._refused.get(place)
        if refused and release.fingerprint in (None, refused.fingerprint):
            raise refused.error
        opened = release if release.fingerprint else (await source.visit([release], web))[0]
        if not (opened.file and is_out(opened)):
            return
        await self._witness(source, web, opened, result)
        try:
            await self._read_file(source, web, opened, result)
        except StoreError:
            raise
        except Exception:
            await self.commit(self.committer.witnesses.doubt, source, opened, self.clock())
            raise

    async def _witness(self, source: Scraper, web: Web, release: Release, result: Result) -> None:
        """Tell what a page says of a new release before its file is read. Without one the file is enough."""
        witnesses = self.committer.witnesses
        if not await asyncio.to_thread(witnesses.awaits, source, release):
            return
        try:
            async with asyncio.timeout(WITNESS_PATIENCE):
                fetched = await source.witness(release, web)
            if fetched is not None:
                said = await asyncio.to_thread(lambda: list(source.testify(fetched, self.clock())))
                result.alerts += await self.commit(witnesses.tell, source, release, said, self.clock())
                self.hurry()
        except StoreError:
            raise
        except (Unreachable, TimeoutError, BudgetSpent) as error:
            log.info("%s: no page beside the file of %s: %s", source.key, release.key, error)
        except Exception as error:  # the edge around a page that is not needed
            if isinstance(error, SourceChanged):
                why, kept = str(error), await asyncio.to_thread(self.keep, source, error)
                self.web.forget(error.url)
            else:
                log.exception("%s: the reader of a page failed", source.key)
                why, kept = _failure(error), ""
            told = await self.commit(witnesses.cannot_read, source, release, why, kept, self.clock())
            result.alerts += told

    async def _read_file(self, source: Scraper, web: Web, opened: Release, result: Result) -> None:
        place = source.key, opened.key
        fetched = await source.fetch(opened, web)
        now = self.clock()
        try:
            content = _dated(await read(source, fetched, now))
            result.figures += len(content.figures)
            result.add(await self.commit(self.committer.publication, source, content, now))
        except StoreError:
            raise
        except SourceChanged as error:
            self._refuse(place, opened, error)
            raise
        except Exception as error:
            self._refuse(place, opened, SourceChanged("a release that can be read", _failure(error)))
            raise
        self._refused.pop(place, None)

    def _refuse(self, place: tuple[str, str], release: Release, error: SourceChanged) -> None:
        if release.fingerprint:
            self._refused[place] = _Refusal(error, release.fingerprint)


def _said(period: str, value: float | None) -> tuple[str, float | None]:
    """Return what a live figure says: its value, and its period where that is not the time of reading."""
    return ("" if is_reading(period) else period), value


def _is_lost(release: StoredRelease | None, faults: Mapping[str, Fault]) -> bool:
    """Return whether a release is announced on a page that cannot be read: the overview must tell of it."""
    return release is not None and not is_out(release) and release.key in faults


def _followed(source: Scraper) -> int:
    """Return how many of a publisher's releases a full look opens."""
    return source.rhythm.followed if isinstance(source.rhythm, ReleaseCalendar) else 0


def _dated(content: Content) -> Content:
    """Return the content, its release of the newest period of its figures where its page names none."""
    if content.release.period or not content.figures:
        return content
    period = max(figure.period for figure in content.figures)
    return content._replace(release=replace(content.release, period=period))


def _failure(error: Exception) -> str:
    return f"the reader failed: {type(error).__name__}: {error}"


async def read(source: Scraper, fetched: Fetched, now: datetime) -> Content:
    """Return what is in what was fetched; large bodies are read off the event loop."""

    def work() -> Content:
        figures: list[Figure] = []
        facts: list[Fact] = []
        notices: list[Notice] = []
        for item in source.read(fetched, now):
            match item:
                case Figure():
                    figures.append(item)
                case Fact():
                    facts.append(item)
                case Notice():
                    notices.append(item)
        return Content(fetched.release, tuple(figures), tuple(facts), tuple(notices))

    crash.point("check:asked")
    size = sum(len(page.body) for page in fetched.pages)
    found = work() if size <= READ_INLINE else await asyncio.to_thread(work)
    crash.point("check:read")
    return found


def choose(
    seen: Sequence[Release], stored: Mapping[str, StoredRelease], faults: Collection[str] = ()
) -> list[Release]:
    """Return the releases to read: on a first look the newest, later all newer ones and all replaced ones.

    One that was announced, or could not be read before, is waited for however late it comes. Older ones that
    were never read are left to the backfill, held ones to the operator.
    """
    out = [release for release in seen if is_out(release) and not _is_held(release, stored)]
    read_at = [s.published for s in stored.values() if s.read_at and s.published]
    if not read_at:
        return [max(out, key=publication)] if out else []
    newest = max(read_at)
    chosen = []
    for release in out:
        before = stored.get(release.key)
        if before is None or before.read_at is None:
            awaited = release.key in faults or (before is not None and before.expected is not None)
            if awaited or publication(release) >= newest:
                chosen.append(release)
        elif release.fingerprint not in (None, before.fingerprint):
            chosen.append(release)
    return chosen


def _is_held(release: Release, stored: Mapping[str, StoredRelease]) -> bool:
    """Return whether a release is as it was when it was held, as far as was looked."""
    before = stored.get(release.key)
    return before is not None and before.held is not None and release.fingerprint in (None, before.held)


def publication(release: Release | StoredRelease) -> datetime:
    """Return when a release was published, for ordering; an unpublished one comes last."""
    return release.published or datetime.max.replace(tzinfo=UTC)
