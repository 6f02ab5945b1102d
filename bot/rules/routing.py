"""Who is told what, and when: what news is about, against what a chat asked for. Pure.

A chat has three kinds of choices: by source, by area, by severity. The quietest of the three counts: who
wants a source silently and an area in the digest gets it in the digest. Times of day are London's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal, NamedTuple

from bot.rules.findings import Closed, Finding, Severity, Shifted, WatchMoved
from scrapers.toolkit.contract import ENGLAND, LONDON, Scraper
from state.records import Mode, Subscription

MODES: tuple[Mode, ...] = ("on", "silent", "digest", "off")  # the quieter the later
ELSEWHERE = "*"  # the area that stands for every one without a choice of its own, but for England
DIGEST_AT = time(8, 30)  # where nobody chose a time
WAITS: tuple[Literal["digest", "quiet"], ...] = ("digest", "quiet")

Lies = tuple[str, ...]  # an area's code, and those of what it lies in, the nearest first


class News(NamedTuple):
    """What a finding is about: its source's key, its areas (none: it is about no place), how grave it is."""

    source: str
    areas: tuple[Lies, ...]
    severity: Severity


class Way(NamedTuple):
    """How a chat is told: at once, with or without a sound; or with others, when it is `due`."""

    how: Literal["send", "silent", "digest", "quiet"]
    due: datetime


def codes_of(finding: Finding, source: Scraper | None) -> tuple[str, ...]:
    """Return the codes of the areas that a finding is about; none where it is about no place."""
    match finding:
        case Shifted():
            return tuple(dict.fromkeys(shift.area.code for shift in finding.news.shifts))
        case WatchMoved():
            return tuple(dict.fromkeys(signal.area for signal in finding.signals))
        case Closed():
            return (finding.closing.area,)
    if source is None or source.is_live:
        return ()
    return (source.headline_area.code,)


def mode_of(news: News, wanted: Subscription) -> Mode:
    """Return how a chat wants such news, whatever the time is."""
    modes = [
        wanted.choices.get(f"source {news.source}", "on"),
        wanted.choices.get(f"severity {news.severity}", "on"),
    ]
    if news.areas:
        modes.append(min((_of_area(lies, wanted.choices) for lies in news.areas), key=MODES.index))
    return max(modes, key=MODES.index)


def route(news: News, wanted: Subscription, now: datetime) -> Way | None:
    """Return how a chat is told of something now; None where it is not.

    In quiet hours and while it is muted a chat gets nothing but what is critical, without a sound.
    """
    mode = mode_of(news, wanted)
    if mode == "off" or not wanted.active:
        return None
    if mode == "digest":
        return Way("digest", loud_from(wanted, next_at(wanted.digest or DIGEST_AT, now)))
    due = loud_from(wanted, now)
    if due > now:
        return Way("silent", now) if news.severity == "critical" else Way("quiet", due)
    return Way("silent" if mode == "silent" else "send", now)


def loud_from(wanted: Subscription, moment: datetime) -> datetime:
    """Return the first moment, from this one on, at which a chat is neither muted nor in its quiet hours."""
    while True:
        later = moment
        if wanted.muted_until and wanted.muted_until > later:
            later = wanted.muted_until
        if wanted.quiet:
            ends = (end for begin, end in _quiet(wanted.quiet, later) if begin <= later < end)
            later = max(ends, default=later)
        if later == moment:
            return moment
        moment = later


def next_at(clock: time, now: datetime) -> datetime:
    """Return the next moment after now at which London's clocks show this time; once a day, each day."""
    today = now.astimezone(LONDON).date()
    days = (today + timedelta(days=more) for more in (-1, 0, 1, 2))
    return next(moment for day in days if (moment := _moment(day, clock)) > now)


def following(wanted: Subscription, code: str) -> Subscription:
    """Return the same with an area followed. From the first on, areas that are not followed are off."""
    choices = {f"area {ELSEWHERE}": "off", **wanted.choices, f"area {code}": "on"}
    return replace(wanted, active=True, choices=choices)


def followed(wanted: Subscription) -> tuple[str, ...]:
    """Return the codes of the areas of which a chat gets anything by a choice of its own."""
    chosen = (
        name.removeprefix("area ")
        for name, mode in wanted.choices.items()
        if name.startswith("area ") and mode != "off"
    )
    return tuple(sorted(code for code in chosen if code not in (ELSEWHERE, ENGLAND.code)))


def chosen(wanted: Subscription, name: str, mode: Mode) -> Subscription:
    """Return the same with one choice made; what is on anyhow needs none."""
    choices = {**wanted.choices, name: mode}
    if mode == "on" and not name.startswith("area "):
        del choices[name]
    return replace(wanted, choices=choices)


def _of_area(lies: Lies, choices: Mapping[str, Mode]) -> Mode:
    """Return how an area is wanted: by its own choice, that of what it lies in, or that of all others."""
    others = () if lies == (ENGLAND.code,) else (ELSEWHERE,)
    return next((choices[name] for code in (*lies, *others) if (name := f"area {code}") in choices), "on")


def _quiet(hours: tuple[time, time], near: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield the quiet times, from an evening to a morning, in which a moment may lie."""
    begins, ends = hours
    day = near.astimezone(LONDON).date()
    for evening in (day - timedelta(days=1), day):
        morning = evening if ends > begins else evening + timedelta(days=1)
        yield _moment(evening, begins), _moment(morning, ends)


def _moment(day: date, clock: time) -> datetime:
    """Return when London's clocks show this time first; one that they leave out, an hour later."""
    return datetime.combine(day, clock, LONDON).astimezone(UTC)
