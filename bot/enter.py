"""Figures that somebody enters by hand, where their publisher has no file that can be read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from urllib.parse import urlsplit

from bot.alerts import post
from bot.claims import moved
from bot.commit import Committer
from bot.nearest import nearest
from bot.rules import periods
from bot.rules.calendar import london_day
from bot.rules.findings import Entered
from bot.rules.measures import DEATHS, DERIVED
from bot.wording import numbers
from scrapers.toolkit.contract import ENGLAND, Area, Figure, Measure, Release, Scraper, Unit, published_at
from state.records import ENTERED, ENTERED_KEY, FigureKey, Known, Revision
from state.store import Reader

_WHOLE = (Unit.COUNT, Unit.SIGNATURES)
_LONGEST = 200  # characters of a name or a title
_LARGEST = 10**15


class CannotEnter(Exception):
    """Say in one line why a figure cannot be entered, and what would be right."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A figure as it is entered.

    `value` None is withheld; an empty `area` is that of the source's headlines, an empty `unit` or `name` the
    one that is stored.
    """

    measure: str
    area: str
    period: str
    value: str | None
    unit: str
    name: str
    url: str
    title: str
    published: date


@dataclass(frozen=True, slots=True)
class Entry:
    """What entering a figure does: `before` is the entered one that it corrects, `same` that there is one."""

    figure: Figure
    release: Release
    before: Revision | None = None
    same: bool = False

    def __str__(self) -> str:
        """Return in one line what was entered."""
        measure, area, period, value = self.figure
        shown = numbers.exact(value, measure.unit)
        was = f", was {numbers.exact(self.before.old, measure.unit)}" if self.before else ""
        return f"{measure.id}, {area.name}, {period}: {shown}{was} ({self.release.title})"


def enter(committer: Committer, source: Scraper, asked: Asked, now: datetime, *, dry_run: bool) -> Entry:
    """Store a figure, with the claims that stand on it, and tell the team; the same again adds nothing.

    Raises CannotEnter where it is not right, or where the publisher's own figure is stored.
    """
    _check_source(source)
    if dry_run:
        with committer.store.reading() as reader:
            return _entry(reader, source, asked, now)
    with committer.store.writing() as tx:
        entry = _entry(tx, source, asked, now)
        if entry.same:
            return entry
        figure, release = entry.figure, entry.release
        tx.meet(source.key)
        tx.save_releases(source.key, [release], now)
        tx.save_figures(source.key, release.key, [figure], ENTERED, now)
        place = f"{figure.measure.id}:{figure.area.code}:{figure.period}"
        findings = [
            Entered(f"entered:{place}:{now.isoformat()}", figure, release, entry.before),
            *moved(tx, committer.claims, source, now),
        ]
        post(tx, committer.destinations, source, findings, now)
        return entry


def _check_source(source: Scraper) -> None:
    if source.is_live and not source.by_hand:
        raise CannotEnter(f"{source.key} is read from a live page, whose readings cannot be entered")


def _entry(tx: Reader, source: Scraper, asked: Asked, now: datetime) -> Entry:
    measure = _measure(tx, source, asked)
    area = _area(tx, source, asked.area)
    if measure.id in DEATHS and area.kind != ENGLAND.kind:
        raise CannotEnter(f"{measure.id} counts deaths, which are never kept below England")
    period = _period(tx, source, measure, area, asked.period, now)
    figure = Figure(measure, area, period, _value(asked, measure))
    release = _release(asked, now)
    key = FigureKey(measure.id, area.kind, area.code, figure.period)
    known = tx.known(source.key, [figure.period]).get(key)
    if known is None:
        return Entry(figure, release)
    _check_entered(source, figure, known)
    if known.value == figure.value:
        return Entry(figure, release, same=True)
    return Entry(figure, release, Revision(figure, known.value, entered=True))


def _check_entered(source: Scraper, figure: Figure, known: Known) -> None:
    if not known.entered:
        said = numbers.exact(known.value, figure.measure.unit)
        raise CannotEnter(
            f"{source.publisher}'s own figure for {figure.measure.id}, {figure.period} is stored: {said}; "
            "one that is entered would not stand above it"
        )


def _measure(tx: Reader, source: Scraper, asked: Asked) -> Measure:
    """Return the measure: as it is stored, else with the unit and the name that were given."""
    stored = tx.measures(source.key)
    known = {*source.measures, *stored}
    if asked.measure in DERIVED:
        raise CannotEnter(f"{asked.measure} is computed from other figures; enter those")
    if asked.measure not in known and not source.has_measure(asked.measure):
        listed = f"; it has {', '.join(sorted(known))}" if 0 < len(known) <= 12 else ""
        raise CannotEnter(
            f"{source.key} has no measure {asked.measure!r}{nearest(asked.measure, known) or listed}"
        )
    if asked.unit and asked.unit not in tuple(Unit):
        raise CannotEnter(f"--unit must be one of {', '.join(Unit)}, not {asked.unit!r}")
    if before := stored.get(asked.measure):
        for what, given, said in (("unit", asked.unit, before.unit), ("name", asked.name, before.name)):
            if given and given != said:
                raise CannotEnter(f"--{what}: {asked.measure} is stored with {str(said)!r}, not {given!r}")
        return before
    if not (asked.unit and asked.name):
        raise CannotEnter(f"nothing is stored of {asked.measure} yet: give --unit and --name too")
    return Measure(asked.measure, _text("name", asked.name), Unit(asked.unit))


def _area(tx: Reader, source: Scraper, asked: str) -> Area:
    """Return the area of this name or code, which must be that of the headlines or one that is stored."""
    home = source.headline_area
    asked = asked or home.code
    names = {(one.kind, one.code): one.name for one in tx.area_names(source.key)}  # the newest come last
    for kind, code in [(home.kind, home.code), *names]:
        name = names.get((kind, code), home.name)
        if asked.casefold() in (code.casefold(), name.casefold()):
            return Area(code, kind, name)
    known = [home.name, *(code for _, code in names), *names.values()]
    raise CannotEnter(f"{source.key} has no area {asked!r}{nearest(asked, known)}")


def _period(tx: Reader, source: Scraper, measure: Measure, area: Area, asked: str, now: datetime) -> str:
    """Return the period, which must have begun and be of the kind of those that are stored."""
    kind = periods.kind(asked)
    if kind == "reading":
        raise CannotEnter(f"--period must be like 2026-03, 2025-Q3 or 2025-26, not {asked!r}")
    values, _ = tx.supported(source.key, (area.kind, area.code), [measure.id])
    stored = next(reversed(values[measure.id]), None)
    if periods.first_month(asked) > f"{london_day(now):%Y-%m}":
        raise CannotEnter(f"--period {asked} has not begun")
    if stored and periods.kind(stored) != kind:
        raise CannotEnter(f"--period: {measure.id} is stored for periods like {stored}, not {asked}")
    return asked


def _value(asked: Asked, measure: Measure) -> float | None:
    if asked.value is None:
        return None
    if not re.fullmatch(r"-?(\d+|\d{1,3}(,\d{3})+)(\.\d+)?", asked.value, re.ASCII):
        raise CannotEnter(f"--value must be a number like 13799, 13,799 or 50.1, not {asked.value!r}")
    value = float(asked.value.replace(",", ""))
    if measure.unit in _WHOLE and (value < 0 or not value.is_integer()):
        raise CannotEnter(f"--value: a {measure.unit} is whole and not below 0, not {asked.value}")
    if measure.unit == Unit.PERCENT and not 0 <= value <= 100:
        raise CannotEnter(f"--value: a percentage is from 0 to 100, not {asked.value}")
    if abs(value) > _LARGEST:
        raise CannotEnter(f"--value must be at most {_LARGEST:,}, not {asked.value}")
    return value


def _release(asked: Asked, now: datetime) -> Release:
    """Return what stands for the publication that the figure was taken from."""
    today = london_day(now)
    if asked.published > today:
        raise CannotEnter(f"--published must not be after today, {today}, as {asked.published} is")
    try:
        parts = urlsplit(asked.url)
        host = parts.hostname if parts.scheme in ("http", "https") else None
    except ValueError:
        host = None
    if not host:
        raise CannotEnter(f"--from must be the address of what was published, not {asked.url!r}")
    title = _text("title", asked.title) if asked.title else host
    said = sha256(f"{asked.url} {asked.published} {title}".encode()).hexdigest()[:8]
    return Release(
        f"{ENTERED_KEY}{today}:{said}",
        f"entered by hand from {title} on {numbers.day(today)}",
        asked.url,
        published=published_at(asked.published),
    )


def _text(option: str, given: str) -> str:
    text = " ".join(given.split())
    if not 0 < len(text) <= _LONGEST or not text.isprintable():
        raise CannotEnter(f"--{option} must be a text of up to {_LONGEST} characters, not {given!r:.60}")
    return text
