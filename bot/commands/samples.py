"""A sample of each message that a team may get, in the real words; its figures are made up and say so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.campaign import Campaign
from bot.rules.claims import ClaimNews, Standing
from bot.rules.digest import News, Shift
from bot.rules.findings import (
    ClaimMoved,
    Closed,
    ClosingSoon,
    CountFell,
    DateMoved,
    Differs,
    Entered,
    FactChanged,
    Finding,
    Gathered,
    Introduced,
    MarkCrossed,
    Noticed,
    Overdue,
    PaceTurned,
    ReadingChanged,
    ReleaseOut,
    Revised,
    Row,
    Shifted,
    WatchMoved,
)
from bot.rules.keys import KEYS
from bot.rules.pace import Burst
from bot.rules.signals import Closing, Said, Signal
from bot.rules.witness import Difference
from bot.rules.xmr import Kind
from bot.wording import settled
from bot.wording.language import t
from bot.wording.markup import Message, bold, fits_text, line
from bot.wording.messages import compose
from scrapers.toolkit.contract import (
    SIGNATURES,
    Area,
    Figure,
    Measure,
    Notice,
    Release,
    Scraper,
    Unit,
    reading_period,
)
from state.records import Revision

Sample = tuple[Finding, Scraper | None]

PERIOD, BEFORE = "2026-03", "2026-04-12"
SHARES = ("treated_once", 40.8, 42.5, 38.0, 45.0)  # a measure, its value, average, and usual range


def samples(campaign: Campaign, now: datetime) -> Iterator[Message]:
    """Yield every kind of message that this campaign may post, several in one: no chat is to be flooded."""
    for group in sample_findings(campaign, now):
        parts: tuple[Message, ...] = ()
        for finding, source in group:
            part = compose(finding, source, 0, now)
            if parts and not fits_text(_together((*parts, part))):
                yield _together(parts)
                parts = ()
            parts = (*parts, part)
        yield _together(parts)


def _together(parts: Sequence[Message]) -> Message:
    """Return messages as one, under a line that says what they are."""
    lines = [line(bold(t(settled.SAMPLE)))]
    for part in parts:
        lines += [line(), *part.shown()]
    return Message(tuple(lines), silent=True)


def sample_findings(campaign: Campaign, now: datetime) -> Iterator[Sequence[Sample]]:
    """Yield in groups one finding of each kind that the team may be told, each with its source."""
    publishers = [source for source in campaign.sources if not source.is_live and source.headlines]
    petitions = [source for source in campaign.sources if source.is_petition]
    numbers = [source for source in campaign.sources if campaign.marks_of(source).step is not None]
    publishers.sort(key=lambda source: SHARES[0] not in {one.measure for one in source.headlines})
    for source in publishers[:1]:
        yield [(finding, source) for finding in _of_releases(source, now)]
        yield [(finding, source) for finding in _of_series(campaign, source, now)]
    for source in petitions[:1]:
        yield [(finding, source) for finding in _of_petition(now)]
    others: list[Sample] = [(_of_number(source, now), source) for source in numbers[:1]]
    yield [*others, (_introduced(publishers, petitions, now), None), (_gathered(), None)]


def _of_releases(source: Scraper, now: datetime) -> Iterator[Finding]:
    release, measure = _release(source, now), _measure(source)
    coming = replace(release, published=None, expected=f"{now + timedelta(days=30):%Y-%m-%d}")
    rows = tuple(
        Row(one.label, one.measure, one.unit, one.of, 50.0, {"before": 51.0, "year_ago": 49.0})
        for one in source.headlines
    )
    figure = Figure(measure, source.headline_area, PERIOD, 1_234.0)
    yield ReleaseOut("sample", release, rows)
    yield Differs("sample", release, (Difference(measure, 1_243.0, 1_234.0, 0),))
    yield Revised("sample", release, (Revision(figure, 1_243.0),), 2, 0, 0)
    yield DateMoved("sample", coming, BEFORE)
    yield Overdue("sample", replace(release, published=None, expected=BEFORE))
    yield Entered("sample", figure, release)
    yield Noticed("sample", Notice("sample", t("A note by the publisher"), source.url, now))


def _of_series(campaign: Campaign, source: Scraper, now: datetime) -> Iterator[Finding]:
    release, signal = _release(source, now), sample_signal()
    told = Said("2026-01", -1, 1.7, signal.value, "")
    yield WatchMoved("sample", release, (signal,))
    yield Closed.of(release, Closing(signal.measure, signal.area, "", PERIOD, signal.value, told))
    yield Shifted("sample", release, News("series", (_shift(),), 100))
    for claim in campaign.claims[:1]:
        standing = Standing(claim, "broken", 40.0, PERIOD, unit=Unit.PERCENT)
        yield ClaimMoved("sample", ClaimNews(standing, "holds"))


def _of_petition(now: datetime) -> Iterator[Finding]:
    day = timedelta(days=1)
    yield MarkCrossed("sample", 500, 503, 489, now - day, 1_000)
    yield PaceTurned("sample", 560, Burst("surge", now - day, 57, 12.0), None)
    yield CountFell("sample", 540, 560)
    yield ClosingSoon("sample", now + 3 * day, 560, 1_000, None)
    yield FactChanged("sample", "state", "closed", 560, "open")


def _of_number(source: Scraper, now: datetime) -> Finding:
    measure = Measure("sample", source.title, Unit.COUNT)
    before = _figure(source, measure, now - timedelta(days=1), 120.0)
    return ReadingChanged("sample", _figure(source, measure, now, 130.0), before)


def _figure(source: Scraper, measure: Measure, at: datetime, value: float) -> Figure:
    return Figure(measure, source.headline_area, reading_period(at), value)


def _introduced(publishers: Sequence[Scraper], petitions: Sequence[Scraper], now: datetime) -> Finding:
    releases = [(source.title, replace(_release(source, now), title="")) for source in publishers[:1]]
    counts = [(source.title, _figure(source, SIGNATURES, now, 503.0)) for source in petitions[:1]]
    return Introduced("sample", (*releases, *counts))


def _gathered() -> Finding:
    items = tuple((number, t("A note by the publisher"), "") for number in (1, 2))
    return Gathered("sample", items, len(items))


def _release(source: Scraper, now: datetime) -> Release:
    return Release("sample", source.title, source.url, PERIOD, now, file=source.url)


def _measure(source: Scraper) -> Measure:
    return Measure(source.headlines[0].measure, source.headlines[0].label, Unit.COUNT)


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
