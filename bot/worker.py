"""The worker: one scheduler, one sender, and the lease that lets one process watch and send."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger

from bot.backfill import backfill
from bot.desk import Desk
from bot.rules.calendar import london_day
from bot.schedule import Slot, budget, next_slot, retry_slot
from bot.wording.messages import newest
from bot.wording.numbers import day_and_time
from scrapers.toolkit.contract import BudgetSpent, Scraper, SourceChanged, Unreachable
from state.records import SourceState, StoredRelease

log = logging.getLogger("figurewatch.worker")

BACKFILL_SINCE = "2021-01"
RENEW_EVERY = 10.0  # seconds
DRAIN_TIME = 8.0  # seconds that a stop waits for checks and messages on their way
LATE_IS_FINE = 3600  # seconds; a look that was held up is still made, once


@dataclass(slots=True)
class Budget:
    """Counts a source's requests by London's day, and refuses those beyond its manners."""

    clock: Callable[[], datetime]
    limits: dict[str, int | None] = field(default_factory=dict)
    spent: Counter[tuple[str, date]] = field(default_factory=Counter)

    def spend(self, source: str) -> None:
        """Count one request, or raise BudgetSpent."""
        today = (source, london_day(self.clock()))
        limit = self.limits.get(source)
        if limit is not None and self.spent[today] >= limit:
            raise BudgetSpent(f"the {limit} requests of today are used up")
        self.spent[today] += 1


@dataclass(slots=True)
class Watch:
    """One source and its place in the schedule: `turn` makes the planned look and plans the next."""

    desk: Desk
    source: Scraper
    budget: Budget
    slot: Slot
    failures: int = 0

    @classmethod
    def begin(cls, desk: Desk, source: Scraper, budget_: Budget) -> Watch:
        """Return the watch of a source with its first look planned from what the store remembers."""
        state, releases = _remembered(desk, source)
        last = state.checked_at if state.taught_at else None
        slot = next_slot(source.key, source.rhythm, releases, desk.clock(), last)
        return cls(desk, source, budget_, slot)

    async def turn(self) -> Slot:
        """Make the planned look; return when and what the next one is."""
        state, releases = await asyncio.to_thread(_remembered, self.desk, self.source)
        today = london_day(self.desk.clock())
        # A first look reads a dozen pages once; manners are for every day.
        limit = budget(self.source.rhythm, releases, today) if state.taught_at else None
        self.budget.limits[self.source.key] = limit
        result = (await self.desk.checker.round([self.source], self.slot.look))[0]
        await asyncio.to_thread(self.desk.save_pages)
        self.desk.sender.poke()
        state, releases = await asyncio.to_thread(_remembered, self.desk, self.source)
        now = self.desk.clock()
        self.failures = self.failures + 1 if result.error else 0
        if state.taught_at:
            self.slot = next_slot(self.source.key, self.source.rhythm, releases, now, now)
        else:
            self.slot = retry_slot(now, max(self.failures, 1))
        said = f"{self.source.key}: {result.error or newest(result.newest)}"
        log.log(
            logging.WARNING if result.error else logging.INFO,
            "%s; next look %s",
            said,
            day_and_time(self.slot.at),
        )
        return self.slot


def _remembered(desk: Desk, source: Scraper) -> tuple[SourceState, list[StoredRelease]]:
    with desk.store.reading() as tx:
        state = tx.sources().get(source.key, SourceState(source.key))
        return state, [] if source.is_live else tx.releases(source.key)


class Worker:
    """Watches every source of the campaign and sends what is due, while it holds the lease."""

    def __init__(self, desk: Desk, budget_: Budget) -> None:
        self._desk = desk
        self._budget = budget_
        self._scheduler = AsyncIOScheduler(
            timezone=UTC,
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": LATE_IS_FINE},
        )
        self._running: set[asyncio.Task[None]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Wait for the lease, then watch and send until `stop` is set; checks on their way are waited for."""
        if not await self._lease(stop):
            return
        await self._desk.sender.recover()
        sending = asyncio.create_task(self._desk.sender.run(stop))
        renewing = asyncio.create_task(self._renew(stop))
        for source in self._desk.campaign.sources:
            watch = await asyncio.to_thread(Watch.begin, self._desk, source, self._budget)
            self._plan(watch)
        self._scheduler.start()
        past = self._start(self._backfill(stop))
        await stop.wait()
        self._scheduler.pause()
        past.cancel()
        await self._finish({*self._running, sending})
        renewing.cancel()
        self._scheduler.shutdown(wait=False)
        await asyncio.to_thread(self._desk.drop_lease)

    async def _lease(self, stop: asyncio.Event) -> bool:
        """Wait until this process holds the lease; return False when it was stopped before."""
        said = False
        while not stop.is_set():
            if await asyncio.to_thread(self._desk.take_lease):
                return True
            if not said:
                log.warning("another worker holds the lease; waiting to take over when it ends")
                said = True
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), RENEW_EVERY / 2)
        return False

    async def _renew(self, stop: asyncio.Event) -> None:
        """Renew the lease; without it, no new check is started until it is ours again."""
        while True:
            await asyncio.sleep(RENEW_EVERY)
            try:
                held = await asyncio.to_thread(self._desk.take_lease)
            except Exception:
                log.exception("the lease could not be renewed")
                held = False
            if stop.is_set():
                return
            self._scheduler.resume() if held else self._scheduler.pause()

    def _plan(self, watch: Watch) -> None:
        self._scheduler.add_job(
            self._turn, DateTrigger(watch.slot.at), args=[watch], id=watch.source.key, replace_existing=True
        )

    async def _turn(self, watch: Watch) -> None:
        task = self._start(self._watched(watch))
        await asyncio.shield(task)

    async def _watched(self, watch: Watch) -> None:
        try:
            await watch.turn()
        except Exception:  # the edge around one job: a store that cannot be written must not end the watch
            log.exception("%s: the look failed", watch.source.key)
            watch.slot = retry_slot(self._desk.clock(), 1)
        self._plan(watch)

    def _start(self, work: Awaitable[None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def _finish(self, tasks: set[asyncio.Task[None]]) -> None:
        done, late = await asyncio.wait(tasks, timeout=DRAIN_TIME)
        for task in late:
            task.cancel()
        await asyncio.gather(*done, *late, return_exceptions=True)

    async def _backfill(self, stop: asyncio.Event) -> None:
        """Read the past of every source that has one, in the background."""
        for source in self._desk.campaign.sources:
            if source.is_live:
                continue
            try:
                past = await backfill(self._desk.checker, source, BACKFILL_SINCE)
            except (SourceChanged, Unreachable) as error:
                log.warning("%s: the past could not be listed: %s", source.key, error)
                continue
            if past.read or past.failures:
                log.info("%s: %d past releases read, %d refused", source.key, past.read, len(past.failures))
