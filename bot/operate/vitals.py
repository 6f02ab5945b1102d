"""Signs of life: what a worker that is well does all the time, and what is wrong where it does not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from bot.schedule import next_slot
from scrapers.toolkit.contract import Every, Rhythm

POLL_PATIENCE = timedelta(minutes=3)
OUTBOX_PATIENCE = timedelta(minutes=15)
CONFLICTS, CONFLICT_WINDOW = 3, timedelta(minutes=5)  # so many in so short a time are no chance
CONFLICT_ENDS = timedelta(minutes=10)  # without one
CLOCK_TOLERANCE = timedelta(seconds=60)
CALENDAR_PATIENCE = timedelta(hours=36)  # the longest night between two looks, and a day to spare
SKIPPED_ROUNDS = 3


class Complaint(NamedTuple):
    """One thing that is wrong. `sign` names it, so that it is said once; a fatal one ends the process."""

    sign: str
    text: str
    fatal: bool = False


@dataclass(slots=True)
class Rival:
    """Another poller with our token, told by the conflicts that Telegram names.

    The two ask ever more rarely, so that each gets its way now and then: a good answer says nothing.
    """

    _met: list[datetime] = field(default_factory=list)
    _is_known: bool = False

    def meet(self, now: datetime) -> None:
        """Note a conflict."""
        self._is_known = self.is_there(now)
        self._met = [*(at for at in self._met if now - at < CONFLICT_WINDOW), now]
        self._is_known = self._is_known or len(self._met) >= CONFLICTS

    def is_there(self, now: datetime) -> bool:
        """Return whether there were too many conflicts for a chance, and the last was not long ago."""
        return self._is_known and now - self._met[-1] < CONFLICT_ENDS


@dataclass(slots=True)
class Vitals:
    """When each sign of life was last seen. Times are aware and in UTC; `uptime` is in seconds, monotonic.

    `leads_since` is when we began to watch and send; None while another process does, and then nothing is
    asked of us but a store and a clock. `polled` is the latest attempt to ask Telegram, good or not; None
    while none is to be expected.
    """

    leads_since: datetime | None
    rhythms: Mapping[str, Rhythm]
    looked: dict[str, datetime] = field(default_factory=dict)
    polled: datetime | None = None
    rival: Rival = field(default_factory=Rival)
    oldest_due: datetime | None = None  # when the oldest message that is still unsent was due
    store_fault: str | None = None
    store_gone: bool = False  # for good: a new start finds it, or makes a new one
    clock_jump: timedelta = timedelta()
    _clock_at: tuple[datetime, float] | None = None

    def tick(self, now: datetime, uptime: float) -> None:
        """Compare the clock with the time that has really passed since the last tick."""
        if self._clock_at:
            then, before = self._clock_at
            self.clock_jump = (now - then) - timedelta(seconds=uptime - before)
        self._clock_at = (now, uptime)

    def complaints(self, now: datetime) -> list[Complaint]:
        """Return what is wrong now."""
        found = [*self._of_the_lead(now, self.leads_since)] if self.leads_since else []
        if self.store_fault:
            why = f"the store cannot be written: {self.store_fault}"
            found.append(Complaint("store", why, fatal=self.store_gone))
        if abs(self.clock_jump) > CLOCK_TOLERANCE:
            found.append(Complaint("clock", f"the clock jumped by {self.clock_jump.total_seconds():.0f} s"))
        return found

    def _of_the_lead(self, now: datetime, since: datetime) -> Iterator[Complaint]:
        """Yield what is wrong with the watching and the sending, for which we answer since a moment."""
        for source, rhythm in self.rhythms.items():
            last = self.looked.get(source, since)
            if now > overlooked_from(source, rhythm, max(last, since)):
                hours = (now - last).total_seconds() / 3600
                yield Complaint(f"source:{source}", f"{source} was not looked at for {hours:.1f} hours")
        if self.polled and now - self.polled > POLL_PATIENCE:
            silent = _minutes(now - self.polled)
            yield Complaint("polling", f"Telegram was not asked for commands for {silent}", fatal=True)
        if self.rival.is_there(now):
            yield Complaint("conflict", "another process polls Telegram with this bot's token")
        if self.oldest_due and now - max(self.oldest_due, since) > OUTBOX_PATIENCE:
            yield Complaint("outbox", f"a message has been waiting for {_minutes(now - self.oldest_due)}")


def overlooked_from(source: str, rhythm: Rhythm, last: datetime) -> datetime:
    """Return when a source that was last looked at then has been left out for too long."""
    if not isinstance(rhythm, Every):
        return last + CALENDAR_PATIENCE
    for _ in range(SKIPPED_ROUNDS):
        last = next_slot(source, rhythm, (), last, last).at
    return last


def _minutes(time: timedelta) -> str:
    return f"{time.total_seconds() // 60:.0f} minutes"
