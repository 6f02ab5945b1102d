"""The worker: one scheduler, one sender, and the lease that lets one process watch and send."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger

from bot.alerts import post
from bot.backfill import backfill
from bot.check import Result
from bot.desk import Desk
from bot.look import LISTED, Look
from bot.paused import paused
from bot.rules.calendar import london_day
from bot.rules.findings import Unwell
from bot.schedule import Slot, budget, is_release_near, next_slot, retry_slot
from bot.wording.messages import newest
from bot.wording.numbers import day_and_time
from scrapers.toolkit.contract import BudgetSpent, Scraper, Unreachable
from state.records import SourceState, StoredRelease
from state.store import StoreError

log = logging.getLogger("figurewatch.worker")

Duty = Callable[[asyncio.Event], Coroutine[Any, Any, None]]  # runs until it is told to stop

DRAIN_TIME, LAST_WORDS = 5.0, 1.0  # seconds that a stop waits for what is on its way, and for its end
LONGEST_LOOK = 1800.0  # seconds; a look that takes longer hangs
LATE = timedelta(minutes=5)  # so late, one page is not all that may have changed
AGAIN_AFTER = timedelta(minutes=1)  # a look that could not be committed, or at what is paused
GIVE_WAY = 5.0  # seconds between two glances of a backfill at whether it may go on
PAST_AGAIN = 1800.0  # seconds until a backfill asks again for what it could not have


@dataclass(slots=True)
class _Purse:
    """What one source may still cost on one day in London; a limit of None is no limit."""

    day: date
    limit: int | None = None
    spent: int = 0


@dataclass(slots=True)
class Budget:
    """Counts each source's requests by London's day, and refuses those beyond its manners."""

    clock: Callable[[], datetime]
    _purses: dict[str, _Purse] = field(default_factory=dict)

    def allow(self, source: str, limit: int | None, spent: int) -> None:
        """Allow a source so many requests today, of which `spent` are spent. A day's limit only grows."""
        purse = self._purse(source)
        if limit is None or purse.limit is None or limit > purse.limit:
            purse.limit = limit
        purse.spent = max(purse.spent, spent)

    def left(self, source: str) -> int | None:
        """Return how many requests a source may still cost today, None for as many as it takes."""
        purse = self._purse(source)
        return None if purse.limit is None else purse.limit - purse.spent

    def spent(self, source: str) -> tuple[date, int]:
        """Return what a source has cost today, and which day that is."""
        purse = self._purse(source)
        return purse.day, purse.spent

    def spend(self, source: str) -> None:
        """Count one request, or raise BudgetSpent."""
        purse = self._purse(source)
        if purse.limit is not None and purse.spent >= purse.limit:
            raise BudgetSpent(f"the {purse.limit} requests of today are used up")
        purse.spent += 1

    def _purse(self, source: str) -> _Purse:
        today = london_day(self.clock())
        purse = self._purses.get(source)
        if purse is None or purse.day != today:
            purse = self._purses[source] = _Purse(today)
        return purse


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
        """Return the watch of a source with its next look planned from what the store remembers."""
        watch = cls(desk, source, budget_, retry_slot(desk.clock(), 1))
        state, releases = watch._remembered()
        last = state.checked_at if state.taught_at else None
        if last is None:
            desk.checker.awaited.add(source.key)
        watch.slot = watch._next(releases, last)
        return watch

    async def turn(self) -> Result:
        """Make the planned look and plan the next (`slot`); return what was found."""
        await asyncio.to_thread(self._remembered)
        result = (await self.desk.checker.round([self.source], self._look()))[0]
        await asyncio.to_thread(self._save)
        self.desk.sender.poke()
        state, releases = await asyncio.to_thread(self._remembered)
        if state.taught_at:
            self.failures = 0
            self.slot = self._next(releases, self.desk.clock())
        else:
            self.failures += 1
            retry = retry_slot(self.desk.clock(), self.failures)
            # A live page costs no more the first time: it never waits longer than its rhythm.
            self.slot = min(retry, self._next(releases, self.desk.clock())) if self.source.is_live else retry
        level = logging.WARNING if result.error else logging.INFO
        log.log(level, "%s: %s; next look %s", self.source.key, _said(result), day_and_time(self.slot.at))
        return result

    def _look(self) -> Look:
        """Return the planned look; a visit that was held up for long becomes a look at the overview."""
        late = self.desk.clock() - self.slot.at > LATE
        return LISTED if late and self.slot.look.kind == "visit" else self.slot.look

    def _next(self, releases: list[StoredRelease], last: datetime | None) -> Slot:
        left = self.budget.left(self.source.key)
        return next_slot(self.source.key, self.source.rhythm, releases, self.desk.clock(), last, left)

    def _remembered(self) -> tuple[SourceState, list[StoredRelease]]:
        """Return what the store remembers of the source, and let the budget follow from it."""
        key, rhythm, today = self.source.key, self.source.rhythm, london_day(self.desk.clock())
        state, releases = remembered(self.desk, self.source)
        taught = state.taught_at is not None and london_day(state.taught_at) < today
        limit = budget(rhythm, releases, today, taught=taught)
        self.budget.allow(key, limit, 0 if limit is None else self.desk.store.spending.on(key, today))
        return state, releases

    def _save(self) -> None:
        """Keep what the next process should know: the pages as seen, and what they cost."""
        self.desk.save_pages()
        if self.budget.left(self.source.key) is not None:
            self.desk.store.spending.note(self.source.key, *self.budget.spent(self.source.key))


def remembered(desk: Desk, source: Scraper) -> tuple[SourceState, list[StoredRelease]]:
    """Return what the store remembers of a source and of its releases; a live one has none to plan by."""
    with desk.store.reading() as tx:
        state = tx.sources().get(source.key, SourceState(source.key))
        return state, [] if source.is_live else tx.releases(source.key)


def _said(result: Result) -> str:
    """Say what a look found, for the log."""
    if result.error:
        return f"cannot be reached: {result.error}" if result.passing else result.error
    return newest(result.newest)


class Worker:
    """Watches every source of the campaign and sends what is due, while it holds the lease."""

    def __init__(
        self,
        desk: Desk,
        budget_: Budget,
        *,
        duties: Sequence[Duty] = (),
        looked: Callable[[Result], None] = lambda result: None,
        leads: Callable[[bool], None] = lambda leads: None,
    ) -> None:
        """Take what else is to be done while it watches (`duties`), and who is told of each look.

        `leads` is told when the right to watch and to send is ours, and when it is lost.
        """
        self._desk = desk
        self._budget = budget_
        self._others, self._looked, self._tell_leads = duties, looked, leads
        # A look that was held up, be it for days, is still made, once: each plans the one after it.
        self._scheduler = AsyncIOScheduler(
            timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )
        self._running: set[asyncio.Task[None]] = set()
        self._leads = False
        self._lease_fault = ""

    async def run(self, stop: asyncio.Event) -> None:
        """Wait for the lease, then watch and send until `stop` is set; checks on their way are waited for."""
        if not await self._wait_for_lease(stop):
            return
        try:
            await self._lead(stop)
        finally:
            try:
                await asyncio.to_thread(self._desk.drop_lease)
            except StoreError as error:  # it runs out by itself
                log.warning("the lease could not be given back: %s", error)

    async def _lead(self, stop: asyncio.Event) -> None:
        """Watch and send. No duty may end before `stop`: then all ends, and its error is raised."""
        self._scheduler.start()
        self._tell_leads(True)
        duties = {
            asyncio.create_task(work)
            for work in (
                stop.wait(),
                self._desk.sender.run(stop),
                self._keep_lease(stop),
                *(duty(stop) for duty in self._others),
            )
        }
        try:
            begin = partial(Watch.begin, self._desk, budget_=self._budget)
            for watch in [await asyncio.to_thread(begin, source) for source in self._desk.campaign.sources]:
                self._plan(watch, watch.slot.at)
            past = self._start(self._backfill())
            await asyncio.wait(duties, return_when=asyncio.FIRST_COMPLETED)
            past.cancel()
        finally:
            stop.set()
            self._scheduler.pause()
            await _finish({*self._running, *duties})
            self._scheduler.shutdown(wait=False)
        for duty in duties:
            if duty.done() and not duty.cancelled():
                duty.result()

    async def _wait_for_lease(self, stop: asyncio.Event) -> bool:
        """Wait until this process holds the lease; return False when it was stopped before."""
        said = False
        while not stop.is_set():
            if await self._take_lease():
                if said:
                    log.warning("the lease is ours: this worker watches and sends now")
                return True
            if not (said or self._lease_fault):
                log.warning("another worker holds the lease; waiting to take over when it ends")
                said = True
            await _rest(stop, self._desk.settings.lease_time / 6)
        return False

    async def _keep_lease(self, stop: asyncio.Event) -> None:
        """Renew the lease; without it no look is begun, until it is ours again."""
        while not stop.is_set():
            await _rest(stop, self._desk.settings.lease_time / 3)
            led, leads = self._leads, await self._take_lease()
            if leads == led or stop.is_set():
                continue
            self._tell_leads(leads)
            if leads:
                log.warning("the lease is ours again")
                self._scheduler.resume()
            else:
                log.warning("the lease is lost; waiting until it is ours again")
                self._scheduler.pause()

    async def _take_lease(self) -> bool:
        """Take or renew the lease, and return whether it is ours; a store that does not answer gives none."""
        try:
            self._leads = await asyncio.to_thread(self._desk.take_lease)
            self._lease_fault = ""
        except Exception as error:
            if str(error) != self._lease_fault:  # it is tried every few seconds, and said once
                log.exception("the lease could not be taken, trying again")
            self._leads, self._lease_fault = False, str(error)
        return self._leads

    def _plan(self, watch: Watch, at: datetime) -> None:
        self._scheduler.add_job(
            self._begin, DateTrigger(at), args=[watch], id=watch.source.key, replace_existing=True
        )

    async def _begin(self, watch: Watch) -> None:
        """Begin a look. The job ends at once: what is planned at a look's end must not meet it running."""
        self._start(self._look(watch))

    async def _look(self, watch: Watch) -> None:
        """Make a planned look; one that must not be made, or fails, stays planned and grows late."""
        try:
            if not await asyncio.to_thread(self._is_paused, watch.source):
                async with asyncio.timeout(LONGEST_LOOK):
                    self._looked(await watch.turn())
                self._plan(watch, watch.slot.at)
                return
        except Exception:  # the edge around one job: a store that cannot be written must not end the watch
            log.exception("%s: the look failed", watch.source.key)
        self._plan(watch, self._desk.clock() + AGAIN_AFTER)

    def _is_paused(self, source: Scraper) -> bool:
        with self._desk.store.reading() as tx:
            return source.key in paused(tx)

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("a task ended in an error", exc_info=error)

    async def _backfill(self) -> None:
        """Read the past of every source that has one, in the background; one that has to wait comes later."""
        left = [source for source in self._desk.campaign.sources if not source.is_live]
        while left:
            for source in list(left):
                if await self._may_go_back(source):
                    await self._backfill_one(source)
                    left.remove(source)
            await asyncio.sleep(GIVE_WAY)

    async def _backfill_one(self, source: Scraper) -> None:
        """Read the past of a source, again until nothing is left that waiting may mend."""
        settled: dict[str, str] = {}
        wait = partial(self._give_way, source)
        while True:
            await wait()
            try:
                past = await backfill(self._desk.checker, source, wait=wait, settled=settled)
                if past.read or past.refused or past.passing:
                    log.info("%s: %s", source.key, past)
                for part, why in {**past.refused, **past.passing}.items():
                    log.warning("%s: %s: %s", source.key, part, why)
                if not past.passing:
                    await self._desk.checker.commit(self._tell_refused, source, past.refused)
                    self._desk.sender.poke()
                    return
            except (Unreachable, StoreError) as error:
                log.warning("%s: the past could not be read, trying again later: %s", source.key, error)
            await asyncio.sleep(PAST_AGAIN)

    def _tell_refused(self, source: Scraper, refused: Mapping[str, str]) -> None:
        """Tell the operator what is missing of a source's past, if anything; the same is told once."""
        if not refused:
            return
        (first, why), *others = refused.items()
        text = f"Of the past of {source.title}, {first} cannot be read: {why}"
        if others:
            text += f". Nor can {', '.join(part for part, _ in others)}"
        which = hashlib.sha256("\n".join(sorted(refused)).encode()).hexdigest()[:16]
        with self._desk.store.writing() as tx:
            findings = [Unwell(f"backfill:{which}", text)]
            post(tx, self._desk.checker.committer.destinations, source, findings, self._desk.clock())

    async def _give_way(self, source: Scraper) -> None:
        """Wait until the past of a source may be read."""
        while True:
            if await self._may_go_back(source):
                return
            await asyncio.sleep(GIVE_WAY)

    async def _may_go_back(self, source: Scraper) -> bool:
        """Return whether a source was looked at, is not paused, and publishes nothing at any moment."""
        state, releases = await asyncio.to_thread(remembered, self._desk, source)
        near = is_release_near(source.rhythm, releases, self._desk.clock())
        rests = await asyncio.to_thread(self._is_paused, source)
        return self._leads and state.taught_at is not None and not (near or rests)


async def _rest(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


async def _finish(tasks: set[asyncio.Task[Any]]) -> None:
    """Wait for what is on its way, then end it. What does not even end is left to the next start."""
    _, late = await asyncio.wait(tasks, timeout=DRAIN_TIME)
    for task in late:
        task.cancel()
    if late:
        log.info("%d tasks were ended after %g s; the next start takes them up", len(late), DRAIN_TIME)
        await asyncio.wait(late, timeout=LAST_WORDS)
