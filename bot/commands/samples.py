"""A sample of each message that a team may get, in the real words; its figures are made up and say so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from bot.campaign import Campaign
from bot.rules.claims import ClaimNews, Standing
from bot.rules.digest import News, Shift
from bot.rules.findings import (
    ClaimMoved,
    CountFell,
    DateMoved,
    Finding,
    MarkCrossed,
    Noticed,
    Overdue,
    PaceTurned,
    ReleaseOut,
    Revised,
    Row,
    Shifted,
    WatchMoved,
)
from bot.rules.keys import KEYS
from bot.rules.pace import Burst
from bot.rules.signals import Signal
from bot.rules.xmr import Kind
from bot.wording import settled
from bot.wording.language import t
from bot.wording.markup import Message, bold, line
from bot.wording.messages import compose
from scrapers.toolkit.contract import Area, Figure, Measure, Notice, Release, Scraper, Unit
from state.records import Revision

PERIOD, BEFORE = "2026-03", "2026-04-12"
SHARES = ("treated_once", 40.8, 42.5, 38.0, 45.0)  # a measure, its value, average, and usual range


def samples(campaign: Campaign, now: datetime) -> Iterator[Message]:
    """Yield a message of each kind that this campaign may post, each under a line that says what it is."""
    publishers = [source for source in campaign.sources if not source.is_live and source.headlines]
    petitions = [source for source in campaign.sources if source.is_petition]
    for source in publishers[:1]:
        yield from (_sample(finding, source, now) for finding in _of_releases(campaign, source, now))
    for source in petitions[:1]:
        yield from (_sample(finding, source, now) for finding in _of_petition(now))


def _sample(finding: Finding, source: Scraper, now: datetime) -> Message:
    said = compose(finding, source, 0, now)
    return replace(
        said, lines=(line(bold(t(settled.SAMPLE))), *said.lines), buttons=said.buttons[:1], silent=True
    )


def _of_releases(campaign: Campaign, source: Scraper, now: datetime) -> Iterator[Finding]:
    release = Release("sample", source.title, source.url, PERIOD, now, file=source.url)
    coming = replace(release, published=None, expected=f"{now + timedelta(days=30):%Y-%m-%d}")
    rows = tuple(
        Row(one.label, one.measure, one.unit, one.of, 50.0, {"before": 51.0, "year_ago": 49.0})
        for one in source.headlines
    )
    yield ReleaseOut("sample", release, rows)
    yield WatchMoved("sample", release, (sample_signal(),))
    yield Shifted("sample", release, News("series", (_shift(),), 100))
    measure = Measure(source.headlines[0].measure, source.headlines[0].label, Unit.COUNT)
    corrected = Revision(Figure(measure, source.headline_area, PERIOD, 1_234.0), 1_243.0)
    yield Revised("sample", release, (corrected,), 2, 0, 0)
    for claim in campaign.claims[:1]:
        standing = Standing(claim, "broken", 40.0, PERIOD, unit=Unit.PERCENT)
        yield ClaimMoved("sample", ClaimNews(standing, "holds"))
    yield DateMoved("sample", coming, BEFORE)
    yield Overdue("sample", replace(release, published=None, expected=BEFORE))
    yield Noticed("sample", Notice("sample", t("A note by the publisher"), source.url, now))


def _of_petition(now: datetime) -> Iterator[Finding]:
    day = timedelta(days=1)
    yield MarkCrossed("sample", 500, 503, 489, now - day, 1_000)
    yield PaceTurned("sample", 560, Burst("surge", now - day, 57, 12.0), None)
    yield CountFell("sample", 540, 560)


def sample_signal() -> Signal:
    """Return a signal as there may be one, with figures that are made up."""
    measure, value, mean, lower, upper = SHARES
    return Signal(
        measure=measure,
        area="England",
        family="",
        good="down",
        period=PERIOD,
        kind=Kind.RUN_BELOW,
        value=value,
        mean=mean,
        lower=lower,
        upper=upper,
        size=1.7,
        lasted=7,
        again=False,
        before=42.2,
        year_ago=41.2,
        year=41.9,
        target=None,
        settings="nhse",
        assurance=None,
        extreme=None,
        turn=None,
    )


def _shift() -> Shift:
    key = next(key for key in KEYS if key.measure == SHARES[0])
    return Shift(
        key=key,
        area=Area("SAMPLE", "Provider", t("A provider")),
        period=PERIOD,
        value=52.0,
        low=36.0,
        expected=41.0,
        high=46.0,
        up=True,
        since="2026-01",
        months=3,
        average=51.0,
        size=10.0,
        strength=40.0,
        affected=60.0,
        top=260.0,
        bottom=500.0,
        reason=Kind.ABOVE_LIMIT,
    )
