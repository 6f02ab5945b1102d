"""A simulated year of the publisher, and the worker's watch living through it by a clock of its own."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from bot.backfill import backfill
from bot.campaign import parse_campaign
from bot.desk import open_desk
from bot.pace import Pace
from bot.rules.calendar import london_day
from bot.settings import Settings
from bot.worker import Budget, Watch
from scrapers.toolkit.contract import LONDON
from state.store import Store
from tests.fakes.nhs import NEW_SERIES, Issue, Nhs, england, introduction, month_file

MONTHLY = "talking_therapies_monthly"
DAY_NAMED = timedelta(weeks=8)  # so long before, the publisher names the day; before that only the month
REQUEST = timedelta(seconds=2)  # that a request takes, with the pause after it
SHORT_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sept", "Oct", "Nov", "Dec")


def london(day: str, at: str = "09:30:07") -> datetime:
    """Return a moment by London's clock, in UTC."""
    moment = datetime.combine(date.fromisoformat(day), time.fromisoformat(at), tzinfo=LONDON)
    return moment.astimezone(UTC)


def announced(day: date, today: date, *, named: bool = True) -> str:
    """Return how the site writes an announced day, seen from `today`."""
    month = f"{SHORT_MONTHS[day.month - 1]} {day.year}"
    return f"{day.day} {month}" if named and day - today <= DAY_NAMED else month


@dataclass(slots=True)
class Year:
    """The publisher's year: what is announced to when, and what happens at which moment.

    `requests` counts what the server was asked for, by London's day.
    """

    nhs: Nhs
    store: Store
    now: datetime
    plans: dict[str, date] = field(default_factory=dict)  # period -> the day it is announced to
    unnamed: set[str] = field(default_factory=set)  # periods of which only the month is ever announced
    requests: Counter[date] = field(default_factory=Counter)
    _happenings: list[tuple[datetime, Callable[[], None]]] = field(default_factory=list)
    _asked: int = 0

    def clock(self) -> datetime:
        """Return the moment; each request of the present look has taken its time."""
        return self.now + REQUEST * (len(self.nhs.sites.requests) - self._asked)

    def at(self, moment: datetime, happening: Callable[[], None]) -> None:
        """Let something happen at a moment."""
        self._happenings.append((moment, happening))
        self._happenings.sort(key=lambda pair: pair[0])

    def out(self, period: str, moment: datetime, body: bytes | None = None) -> None:
        """Let a release come out at a moment."""
        published, edited = london_day(moment), f"{moment.astimezone(LONDON):%d %B %Y %I:%M %p}"
        content, said = body or file_of(period), introduction(period, england(150_000))
        issue = Issue(period, published, body=content, edited=edited.lstrip("0"), introduction=said)
        self.at(moment, lambda: self.nhs.publish(issue))

    def announces(self, period: str, day: date) -> Callable[[], None]:
        """Return how the publisher announces a release, or gives it another day."""
        return lambda: self.plans.update({period: day})

    def everything(self, do: Callable[[str], None]) -> None:
        """Do something to every page of the site."""
        for url in (NEW_SERIES, *(issue.url for issue in self.nhs.issues.values())):
            do(url)

    def told_at(self) -> dict[str, datetime]:
        """Return when the team was told of each month's release."""
        with self.store.reading() as tx:
            periods = {f"release:{release.key}": release.period for release in tx.releases(MONTHLY)}
            told = {alert.finding["episode"]: alert.created for alert in tx.alerts()}
        return {period: told[episode] for episode, period in periods.items() if period and episode in told}

    def sleep(self, until: datetime) -> None:
        """Let time pass without a worker."""
        self._pass(until)

    async def life(self, until: datetime, *, first: bool = False) -> None:
        """Let one process watch from now until its end; a first one also reads the past."""
        budget = Budget(self.clock)
        settings = Settings.model_validate(
            {"telegram_bot_token": None, "web_mirror": self.nhs.sites.url, "web_pause": 0}
        )
        campaign = parse_campaign(
            {"campaign": {"name": "A year", "sources": ["talking_therapies_monthly"]}}, "campaign.toml"
        )
        source = campaign.chosen([MONTHLY])[0]
        self._pass(self.now)
        async with open_desk(
            settings, campaign, self.store, clock=self.clock, spend=budget.spend, pace=Pace(backoff=0.001)
        ) as desk:
            watch = await asyncio.to_thread(Watch.begin, desk, source, budget)
            while watch.slot.at < until:
                self._pass(max(watch.slot.at, self.now))
                await watch.turn()
                self._count()
                if first:
                    await backfill(desk.checker, source)
                    self._count()
                    first = False
        self._pass(until)

    def _pass(self, moment: datetime) -> None:
        """Let time pass until a moment, with all that happens meanwhile."""
        for due in self._until(moment):
            due()
        self.now = max(self.now, moment)

    def _until(self, moment: datetime) -> Iterator[Callable[[], None]]:
        if london_day(moment) > london_day(self.now):
            yield self._announce
        while self._happenings and self._happenings[0][0] <= moment:
            self.now, happening = self._happenings.pop(0)
            yield happening
            yield self._announce

    def _announce(self) -> None:
        """Announce what is not out yet, as the site writes it today."""
        today, changed = london_day(self.now), False
        for period, day in self.plans.items():
            if (known := self.nhs.issues.get(period)) and known.published:
                continue
            issue = Issue(period, expected=announced(day, today, named=period not in self.unnamed))
            changed |= issue != known
            self.nhs.issues[period] = issue
        if changed:
            self.nhs.serve()

    def _count(self) -> None:
        day, self.now = london_day(self.now), self.clock()
        self.requests[day] += len(self.nhs.sites.requests) - self._asked
        self._asked = len(self.nhs.sites.requests)


def file_of(period: str, referrals: int = 150_000) -> bytes:
    """Return a small file of a month, with England only."""
    return month_file(period, england(referrals)).encode()
