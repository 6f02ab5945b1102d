"""Numbers, months and times as NHS England writes them."""

from __future__ import annotations

from datetime import date, datetime

from scrapers.toolkit.contract import ENGLAND, LONDON, Figure, Unit

WITHHELD = "withheld"


def count(value: float) -> str:
    """Return a whole number with commas: `163,100`."""
    return f"{value:,.0f}"


def value(number: float | None, unit: str, *, whole: bool = False) -> str:
    """Return a value with its unit; percentages to one decimal, or as whole ones where published so."""
    if number is None:
        return WITHHELD
    if unit == Unit.PERCENT:
        return f"{number:.0f}%" if whole else f"{number:.1f}%"
    if unit in (Unit.MEAN, Unit.MEDIAN):
        return f"{number:,.1f}"
    return count(number)


def figure_value(figure: Figure, number: float | None) -> str:
    """Return a value of this figure's kind. Below England percentages are published as whole ones."""
    return value(number, figure.measure.unit, whole=figure.area.kind != ENGLAND.kind)


def month(period: str) -> str:
    """Return `March 2026` for `2026-03`; any other period as it is."""
    try:
        return f"{date.fromisoformat(period + '-01'):%B %Y}"
    except ValueError:
        return period


def day(moment: date) -> str:
    """Return `14 May 2026`."""
    return f"{moment.day} {moment:%B %Y}"


def expected(text: str) -> str:
    """Return an announced day or month in words."""
    return month(text) if len(text) == 7 else day(date.fromisoformat(text))


def clock(moment: datetime) -> str:
    """Return the time of day in London, to the second: `09:30:41`."""
    return f"{moment.astimezone(LONDON):%H:%M:%S}"


def day_and_time(moment: datetime) -> str:
    """Return the day and the time in London: `14 May 2026, 09:30`."""
    local = moment.astimezone(LONDON)
    return f"{day(local.date())}, {local:%H:%M}"
