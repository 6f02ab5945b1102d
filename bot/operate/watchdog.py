"""The watchdog: it says once what is wrong with the worker, and ends it where only a new start helps."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Collection, Iterable
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from time import monotonic

from bot.alerts import post
from bot.check import Result
from bot.desk import Desk
from bot.operate.metrics import Metrics
from bot.operate.ping import Pinger
from bot.operate.vitals import Complaint, Vitals
from bot.paused import paused
from bot.rules.calendar import day_of, london_day
from bot.rules.findings import DailyLine, Finding, Unwell
from scrapers.toolkit.contract import LONDON
from state.store import StoreGone

log = logging.getLogger("figurewatch.watchdog")

EVERY, UNWELL_EVERY = 30.0, 5.0  # seconds between two rounds, and while something is wrong
PATIENCE = 4 * EVERY  # without a round: a store that is kept by another takes one by itself


class WorkerUnwell(Exception):
    """Say why the worker must be started anew."""


class Watchdog:
    """Looks after one worker.

    `looked` is called after each look at a source, `leads` when the right to watch and to send comes or goes.
    """

    def __init__(self, desk: Desk, vitals: Vitals, metrics: Metrics, pinger: Pinger | None = None) -> None:
        self._desk, self._vitals, self._metrics, self._pinger = desk, vitals, metrics, pinger
        self._current: dict[str, Complaint] = {}
        self._alive_on: date | None = None  # the day whose line this process has posted
        self._rounded: float | None = None  # when the last round ended, on the clock that nobody sets
        self._round: dict[str, bool] = {}  # sources looked at since the last ping, and whether they were well
        self._paused: Collection[str] = ()  # which nobody waits for

    def reasons(self) -> list[str]:
        """Return why the worker is not well, for `/health`, which asks from a thread of its own."""
        if self._rounded is None:  # while it waits for the lease
            self._feel(self._desk.clock())
            return [f"the store cannot be written: {fault}"] if (fault := self._vitals.store_fault) else []
        silent = monotonic() - self._rounded
        hung = [f"the worker has not moved for {silent:.0f} s"] if silent > PATIENCE else []
        return [*hung, *(complaint.text for complaint in list(self._current.values()))]

    def leads(self, leads: bool) -> None:
        """Note that this process watches and sends from now on, or that another does."""
        self._vitals.leads_since = self._desk.clock() if leads else None

    def looked(self, result: Result) -> None:
        """Note a look at a source."""
        key = result.source.key
        self._vitals.looked[key] = self._desk.clock()
        self._metrics.looked(result)
        self._round[key] = self._round.get(key, True) and result.error is None
        self._ping()

    def _ping(self) -> None:
        """Tell the outside after a full round that we live; nobody waits for what is paused."""
        if self._round.keys() | set(self._paused) >= {source.key for source in self._desk.campaign.sources}:
            well, self._round = all(self._round.values()), {}
            if self._pinger:
                self._pinger.ping(well)

    async def run(self, stop: asyncio.Event) -> None:
        """Go round until `stop` is set; raise WorkerUnwell where only a new start helps."""
        while not stop.is_set():
            await self.round()
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), UNWELL_EVERY if self._current else EVERY)

    async def round(self) -> None:
        """Look at every sign of life once, and say what is new."""
        now = self._desk.clock()
        self._vitals.tick(now, monotonic())
        await asyncio.to_thread(self._feel, now)
        self._vitals.looked |= dict.fromkeys(self._paused, now)
        self._ping()
        complaints = self._vitals.complaints(now)
        new = [complaint for complaint in complaints if complaint.sign not in self._current]
        for sign in self._current.keys() - {complaint.sign for complaint in complaints}:
            log.info("mended: %s", self._current[sign].text)
        self._current = {complaint.sign: complaint for complaint in complaints}
        findings: list[Finding] = [
            Unwell(f"unwell:{complaint.sign}:{now.isoformat()}", complaint.text) for complaint in new
        ]
        for complaint in new:
            log.error("%s", complaint.text)
        await asyncio.to_thread(self._tell, findings, now)
        self._desk.sender.poke()
        self._rounded = monotonic()
        if fatal := [complaint.text for complaint in complaints if complaint.fatal]:
            raise WorkerUnwell(fatal[0])

    def _feel(self, now: datetime) -> None:
        """Find out whether the store can be written, whether messages move, and what is paused."""
        try:
            self._desk.store.probe(now)
            due = self._desk.store.outbox.next_due()
            self._vitals.oldest_due = due if due and due < now else None
            with self._desk.store.reading() as tx:
                self._paused = paused(tx)
        except Exception as error:  # whatever a database can raise: full disk, locked, gone, read-only
            self._vitals.store_fault = str(error).splitlines()[0]
            self._vitals.store_gone = isinstance(error, StoreGone)
        else:
            self._vitals.store_fault = None

    def _tell(self, findings: Iterable[Finding], now: datetime) -> None:
        """Tell the operator, once a day that all is well too; a store that fails leaves the log to say it."""
        if self._vitals.store_fault:
            return
        try:
            is_due = self._daily_due(now)
            findings = [*findings, *([self._daily(now)] if is_due else [])]
            if not findings:
                return
            with self._desk.store.writing() as tx:
                post(tx, self._desk.checker.committer.destinations, None, findings, now)
        except Exception:
            log.exception("the operator could not be told")
            return
        if is_due:
            self._alive_on = london_day(now)

    def _daily_due(self, now: datetime) -> bool:
        at = self._desk.settings.daily_at
        return at is not None and now.astimezone(LONDON).time() >= at and self._alive_on != london_day(now)

    def _daily(self, now: datetime) -> DailyLine:
        """Return the line that says that all is well; told once a day."""
        today = london_day(now)
        with self._desk.store.reading() as tx:
            states = tx.sources()
            held = tuple(held.id for held in tx.held() if held.verdict is None)
            expected = [
                (release.expected, release.title)
                for release in tx.releases()
                if release.published is None and (day := day_of(release.expected)) and day >= today
            ]
        keys = [source.key for source in self._desk.campaign.sources]
        read = [key for key in keys if key in states and states[key].checked_at and not states[key].trouble]
        waiting = sum(self._desk.store.outbox.counts().get(state, 0) for state in ("pending", "ambiguous"))
        return DailyLine(
            f"daily:{today}",
            len(read),
            len(keys),
            min((day for day, _ in expected if day), default=None),
            waiting,
            _free_disk(self._desk.store.shown),
            held,
            tuple(key for key in keys if key in self._paused),
        )


def _free_disk(shown: str) -> int | None:
    """Return the free bytes beside an SQLite file, or None where the store is elsewhere."""
    if not shown.startswith("sqlite:///"):
        return None
    folder = Path(shown.removeprefix("sqlite:///")).absolute().parent
    return shutil.disk_usage(folder).free if folder.exists() else None
