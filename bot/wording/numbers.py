"""Numbers, months and times as NHS England writes them."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime, timedelta

from bot.rules import periods
from bot.wording.language import later, n, t
from scrapers.toolkit.contract import ENGLAND, LONDON, Figure, Unit

MONTHS = (
    *(later("January"), later("February"), later("March"), later("April"), later("May"), later("June")),
    *(later("July"), later("August"), later("September"), later("October"), later("November")),
    later("December"),
)
FAR = timedelta(days=365)  # beyond which a day that is expected is no day any more


def count(value: float) -> str:
    """Return a whole number with commas: `163,100`."""
    return _rounded(value, 0)


def value(number: float | None, unit: str, *, whole: bool = False) -> str:
    """Return a value with its unit; percentages to one decimal, or as whole ones where published so."""
    if number is None:
        return t("withheld")
    match unit:
        case Unit.PERCENT:
            return f"{_rounded(number, 0 if whole else 1)}%"
        case Unit.MEDIAN:
            return _rounded(number, 1).removesuffix(".0")
        case Unit.MEAN:
            return _rounded(number, 1)
        case Unit.POUNDS:
            return _pounds(count(number))
        case Unit.MILLION_POUNDS:
            return t("{amount} million", amount=_pounds(_rounded(number, 1).removesuffix(".0")))
        case Unit.THOUSANDS:
            return t("{amount} thousand", amount=_plain(number))
        case Unit.NUMBER:
            return _plain(number)
    return count(number)


def tick(number: float, unit: str) -> str:
    """Return a value on an axis, as short as it can be."""
    sign = "£" if unit in (Unit.POUNDS, Unit.MILLION_POUNDS) else ""
    return f"{sign}{_plain(number)}{'%' if unit == Unit.PERCENT else ''}"


def exact(number: float | None, unit: str) -> str:
    """Return a value with the decimals that it was published with."""
    if number is None:
        return t("withheld")
    match unit:
        case Unit.PERCENT:
            return f"{_plain(number)}%"
        case Unit.POUNDS:
            return _pounds(_plain(number))
        case Unit.MILLION_POUNDS:
            return t("{amount} million", amount=_pounds(_plain(number)))
        case Unit.THOUSANDS:
            return t("{amount} thousand", amount=_plain(number))
    return _plain(number)


def signatures(number: float) -> str:
    """Return `1 signature` or `1,000 signatures`."""
    return n("{count} signature", "{count} signatures", round(number))


def in_words(figure: Figure) -> str:
    """Return a figure with what it counts: `630 signatures`, `51.2% Percentage_Recovery`."""
    if figure.measure.unit == Unit.SIGNATURES and figure.value is not None:
        return signatures(figure.value)
    return f"{figure_value(figure, figure.value)} {figure.measure.name}"


def figure_value(figure: Figure, number: float | None) -> str:
    """Return a value of this figure's kind. Below England percentages are published as whole ones."""
    return value(number, figure.measure.unit, whole=figure.area.kind != ENGLAND.kind)


def period(written: str) -> str:
    """Return `March 2026` for `2026-03`, `July to September 2025` for `2025-Q3`, its day for a reading.

    Any other one is returned as it is.
    """
    match periods.kind(written):
        case "month":
            return _month(date.fromisoformat(f"{written}-01"))
        case "quarter":
            last = date(int(written[:4]), 3 * int(written[-1]), 1)
            return t("{month} to {last}", month=t(MONTHS[last.month - 3]), last=_month(last))
        case "reading":
            with suppress(ValueError):
                return day(datetime.fromisoformat(written))
    return written


def day(moment: date) -> str:
    """Return `14 May 2026`: a day as it is, of a moment its day in London."""
    if isinstance(moment, datetime) and moment.tzinfo:
        moment = moment.astimezone(LONDON)
    return f"{moment.day} {_month(moment)}"


def far_day(moment: datetime | None, after: datetime) -> str:
    """Return a day; of one that is more than a year after another only its year, of none `years later`."""
    if moment is None:
        return t("years later")
    return str(moment.year) if moment - after > FAR else day(moment)


def a_day(rate: float) -> str:
    """Return how many come in a day, with a decimal where they are few: `12`, `9.5`."""
    return count(rate) if rate >= 10 else f"{rate:.1f}".removesuffix(".0")


def _month(moment: date) -> str:
    return f"{t(MONTHS[moment.month - 1])} {moment.year}"


def short_month(moment: date) -> str:
    """Return the first letters of a month: `Mar`."""
    return t(MONTHS[moment.month - 1])[:3]


def expected(text: str) -> str:
    """Return an announced day or month in words."""
    return period(text) if len(text) == 7 else day(date.fromisoformat(text))


def bounds(low: float | None, high: float | None) -> str:
    """Return `from 31.5 to 35.5`, `up to 10` or `from 900`."""
    if low is None or high is None:
        return (
            t("up to {high}", high=_plain(high))
            if high is not None
            else t("from {low}", low=_plain(low or 0))
        )
    return t("from {low} to {high}", low=_plain(low), high=_plain(high))


def chance(share: float) -> str:
    """Return how likely something is: `3 in 100`; never certain."""
    if share < 0.01:
        return t("less than 1 in 100")
    return t("{count} in 100", count=min(round(100 * share), 99))


def clock(moment: datetime) -> str:
    """Return the time of day in London, to the second: `09:30:41`."""
    return f"{moment.astimezone(LONDON):%H:%M:%S}"


def day_and_time(moment: datetime) -> str:
    """Return the day and the time in London: `14 May 2026, 09:30`."""
    return f"{day(moment)}, {moment.astimezone(LONDON):%H:%M}"


def duration(time: timedelta) -> str:
    """Return a time in its two largest units: `41 s`, `3 min 20 s`, `2 h 5 min`, `1 day 4 h`."""
    minutes, seconds = divmod(max(0, round(time.total_seconds())), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    units = (
        (days, n("{count} day", "{count} days", days)),
        (hours, t("{hours} h", hours=hours)),
        (minutes, t("{minutes} min", minutes=minutes)),
        (seconds, t("{seconds} s", seconds=seconds)),
    )
    largest = next((place for place, (amount, _) in enumerate(units) if amount), 3)
    return " ".join(said for amount, said in units[largest : largest + 2] if amount) or units[-1][1]


def _plain(number: float) -> str:
    """Return a number with the decimals that it has, up to six."""
    return _rounded(number, 6).rstrip("0").rstrip(".")


def _pounds(written: str) -> str:
    """Return a written number in pounds, the sign before the currency: `-£5`."""
    return f"-£{written[1:]}" if written.startswith("-") else f"£{written}"


def _rounded(number: float, decimals: int) -> str:
    """Return a number with so many decimals; what rounds to nought has no sign."""
    return f"{round(number, decimals) + 0.0:,.{decimals}f}"
