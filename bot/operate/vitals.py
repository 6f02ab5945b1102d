"""Signs of life: what a worker that is well does all the time, and what is wrong where it does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from scrapers.toolkit.contract import Every, Rhythm

POLL_PATIENCE = timedelta(minutes=3)
OUTBOX_PATIENCE = timedelta(minutes=15)
CONFLICT_PATIENCE = timedelta(seconds=60)
CLOCK_TOLERANCE = timedelta(seconds=60)
CALENDAR_PATIENCE = timedelta(hours=36)  # the longest night between two looks, and a day to spare
SKIPPED_ROUNDS = 3


class Complaint(NamedTuple):
    """One thing that is wrong. `sign` names it, so that it is said once; a fatal one ends the process."""

    sign: str
    text: str
    fatal: bool = False


@dataclass(slots=True)
class Vitals:
    """When each sign of life was last seen. Times are aware and in UTC; `uptime` is in seconds, monotonic.

    `polled` is the latest attempt to ask Telegram, good or not; None while nobody polls. `conflict_since` is
    when another poller with our token was first met.
    """

    started: datetime
    rhythms: Mapping[str, Rhythm]
    looked: dict[str, datetime] = field(default_factory=dict)
    polled: datetime | None = None
    conflict_since: datetime | None = None
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
        found = [*self._overlooked(now)]
        if self.polled and now - self.polled > POLL_PATIENCE:
            minutes = (now - self.polled).total_seconds() // 60
            found.append(
                Complaint(
                    "polling", f"Telegram was not asked for commands for {minutes:.0f} minutes", fatal=True
                )
            )
        if self.conflict_since and now - self.conflict_since > CONFLICT_PATIENCE:
            found.append(Complaint("conflict", "another process polls Telegram with this bot's token"))
        if self.oldest_due and now - self.oldest_due > OUTBOX_PATIENCE:
            minutes = (now - self.oldest_due).total_seconds() // 60
            found.append(Complaint("outbox", f"a message has been waiting for {minutes:.0f} minutes"))
        if self.store_fault:
            why = f"the store cannot be written: {self.store_fault}"
            found.append(Complaint("store", why, fatal=self.store_gone))
        if abs(self.clock_jump) > CLOCK_TOLERANCE:
            found.append(Complaint("clock", f"the clock jumped by {self.clock_jump.total_seconds():.0f} s"))
        return found

    def _overlooked(self, now: datetime) -> list[Complaint]:
        found = []
        for source, rhythm in self.rhythms.items():
            last = self.looked.get(source, self.started)
            if now - last > patience(rhythm):
                hours = (now - last).total_seconds() / 3600
                found.append(
                    Complaint(f"source:{source}", f"{source} was not looked at for {hours:.1f} hours")
                )
        return found


def patience(rhythm: Rhythm) -> timedelta:
    """Return how long a source may go without a look before something is wrong."""
    return SKIPPED_ROUNDS * rhythm.night if isinstance(rhythm, Every) else CALENDAR_PATIENCE
