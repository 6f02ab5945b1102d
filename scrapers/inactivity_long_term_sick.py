"""People out of work because of long-term sickness, and economic inactivity, by the ONS (UK, aged 16 to 64).

Three series of the labour market statistics (LMS), seasonally adjusted, from the Labour Force Survey. Each
figure is of three months: ONS dates it by the middle one, so that `2025 AUG` is July to September 2025, and
so is the period `2025-08` here. A release adds a month to each series and states all earlier ones anew; all
series come out together, monthly, at 07:00 in London.

A series is served as JSON at its address with `/data`; the form of the site's CSV download is read too. The
series of the long-term sick stands for the release: it alone is asked whether there is a new one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from hashlib import sha256
from itertools import pairwise
from typing import NamedTuple

from scrapers.toolkit import reading
from scrapers.toolkit.contract import (
    LONDON,
    Area,
    Fetched,
    Figure,
    Headline,
    Measure,
    Page,
    Release,
    ReleaseCalendar,
    Scraper,
    SourceChanged,
    Unit,
    Web,
    published_at,
)

UK = Area("UK", "UK", "United Kingdom")
TOPIC = "https://www.ons.gov.uk/employmentandlabourmarket/peoplenotinwork/economicinactivity/timeseries/"
FORMS = frozenset({"application/json", "text/csv"})
RELEASED = time(7)

_AGED = "people aged 16 to 64"
MEASURES: Mapping[str, Measure] = {
    measure.id: measure
    for measure in (
        Measure(
            "LF69",
            "Economically inactive, long-term sick",
            Unit.THOUSANDS,
            definition=f"{_AGED} out of work who do not look for any, because of a long-term sickness",
        ),
        Measure(
            "LF2M",
            "Economically inactive",
            Unit.THOUSANDS,
            definition=f"{_AGED} out of work who do not look for any or could not start, for whatever reason",
        ),
        Measure("LF2S", "Economic inactivity rate", Unit.PERCENT, _AGED),
    )
}
_FIRST, *_OTHERS = MEASURES
_VALUES: Mapping[Unit, re.Pattern[str]] = {
    Unit.THOUSANDS: re.compile(r"[1-9][0-9]{2,4}"),  # a level in persons would have seven digits
    Unit.PERCENT: re.compile(r"[1-9]?[0-9]\.[0-9]"),
}
_MONTHS = tuple(month[:3].upper() for month in reading.MONTHS)
_MONTH = re.compile(r"(\d{4}) ([A-Z]{3})")
_YEAR_OR_QUARTER = re.compile(r"\d{4}(?: Q[1-4])?")
_CSV_DAY = re.compile(r"(\d\d)-(\d\d)-(\d{4})")
_CSV_HEAD = (
    *("Title", "CDID", "Source dataset ID", "PreUnit", "Unit"),
    *("Release date", "Next release", "Important notes"),
)
_NO_DATE = ("", "To be announced", "TBC")


class Series(NamedTuple):
    """One series as published: on which day, when next (empty if it does not say), and its months."""

    released: date
    following: str
    months: Mapping[str, float]

    @property
    def newest(self) -> str:
        """Return the newest month."""
        return max(self.months)


class InactivityLongTermSick(Scraper):
    """Economic inactivity in the UK, and how much of it is because of long-term sickness."""

    title = "Out of work because of long-term sickness"
    url = f"{TOPIC}{_FIRST.lower()}/lms"
    publisher = "Office for National Statistics"
    measures = tuple(MEASURES)
    hosts = frozenset({"www.ons.gov.uk"})
    rhythm = ReleaseCalendar(at=RELEASED, followed=0)
    headlines = (
        Headline("Long-term sick", "LF69", Unit.THOUSANDS),
        Headline("All economically inactive", "LF2M", Unit.THOUSANDS),
        Headline("Inactivity rate", "LF2S", Unit.PERCENT, f"of {_AGED}"),
    )
    headline_area = UK
    span = 3
    caution = (
        "Long-term sick is sickness of any kind, not of mental health alone. Each figure is an estimate for "
        "three months and named by the middle one, so that neighbours overlap."
    )

    async def listed(self, web: Web) -> Sequence[Release]:
        """Return the announced release and the one that is out."""
        page = await _get(_FIRST, web)
        series = _series(page, _FIRST)
        out = Release(
            key=series.newest,
            title=f"{self.title}, {three_months(series.newest)}",
            url=self.url,
            period=series.newest,
            published=published_at(series.released, RELEASED),
            fingerprint=sha256(repr(series).encode()).hexdigest(),
            file=page.url,
        )
        if not series.following:
            return (out,)
        coming = _shifted(series.newest, 1)
        title = f"{self.title}, {three_months(coming)}"
        return (Release(coming, title, self.url, expected=series.following), out)

    async def releases(self, web: Web) -> Sequence[Release]:
        """Return the announced release and the one that is out."""
        return await self.listed(web)

    async def visit(self, releases: Sequence[Release], web: Web) -> Sequence[Release]:
        """Return these releases as they stand now; one that came out is not asked for again."""
        if all(release.published for release in releases):
            return releases
        shown = {release.key: release for release in await self.listed(web)}
        return [shown.get(release.key, release) for release in releases]

    async def fetch(self, release: Release, web: Web) -> Fetched:
        """Return the three series."""
        page, *others = [await _get(series, web) for series in (_FIRST, *_OTHERS)]
        return Fetched(release, page, tuple(others))

    def read(self, fetched: Fetched, now: datetime) -> Iterator[Figure]:
        """Yield every month of the three series, which must be of one release."""
        first = _series(fetched.page, _FIRST)
        for page, (cdid, measure) in zip(fetched.pages, MEASURES.items(), strict=True):
            series = _series(page, cdid)
            with reading.reading(page):
                if series.newest != fetched.release.period or series.released != first.released:
                    raise SourceChanged(
                        f"{cdid} up to {fetched.release.period}, released on {first.released}",
                        f"up to {series.newest}, on {series.released}",
                    )
            yield from (Figure(measure, UK, month, value) for month, value in series.months.items())


def three_months(middle: str) -> str:
    """Return `July to September 2025` for `2025-08`, and name both years where there are two."""
    first, last = _shifted(middle, -1), _shifted(middle, 1)
    year = "" if first[:4] == last[:4] else f" {first[:4]}"
    return f"{reading.MONTHS[int(first[5:]) - 1]}{year} to {reading.MONTHS[int(last[5:]) - 1]} {last[:4]}"


async def _get(cdid: str, web: Web) -> Page:
    return await web.get(f"{TOPIC}{cdid.lower()}/lms/data", accept=FORMS)


@reading.remembered(2 * len(MEASURES))
def _series(page: Page, cdid: str) -> Series:
    """Read a series in either form; its months must follow each other in time."""
    with reading.reading(page):
        as_csv = page.content_type == "text/csv"
        found, released, following, rows = (_from_csv if as_csv else _from_json)(reading.decode(page))
        if found != cdid:
            raise SourceChanged(f"the series {cdid}", reading.short(found))
        if following and following <= released.isoformat():
            raise SourceChanged(f"a next release after {released}", following)
        if not rows:
            raise SourceChanged("months", "none")
        months = {_month(written): _value(value, cdid) for written, value in rows}
        if len(months) < len(rows) or any(later < earlier for earlier, later in pairwise(months)):
            raise SourceChanged("each month once, in their order", reading.short(rows[-1][0]))
        return Series(released, following, months)


_Found = tuple[str, date, str, list[tuple[str, str]]]  # id, day of release, next one, months as written


def _from_json(document: str) -> _Found:
    content = reading.strict_json(document)
    months = reading.field(content, "months")
    if not isinstance(months, list):
        raise SourceChanged("a list of months", reading.short(months))
    rows = [(_text(row, "date"), _text(row, "value")) for row in months]
    labels = [_around(_month(written)) for written, _ in rows]
    for row, label in zip(months, labels, strict=True):
        if row.get("label", label) != label:
            raise SourceChanged(f"{label} for {row['date']}", reading.short(row["label"]))
    cdid, released, following = (
        _text(content, "description", name) for name in ("cdid", "releaseDate", "nextRelease")
    )
    about = content["description"]
    for name, newest in (("date", labels[-1:]), ("number", [value for _, value in rows[-1:]])):
        shown = about.get(name)
        if newest and isinstance(shown, str) and shown.replace(",", "") != newest[0]:
            raise SourceChanged(f"{newest[0]} as the newest {name}", reading.short(shown))
    return cdid, _json_day(released), _next(following), rows


def _from_csv(document: str) -> _Found:
    rows = [row for row in reading.csv_rows(document) if row]
    if any(len(row) != 2 for row in rows):
        raise SourceChanged("two columns", reading.short(next(row for row in rows if len(row) != 2)))
    head = dict(rows[: len(_CSV_HEAD)])
    if tuple(head) != _CSV_HEAD:
        raise SourceChanged(f"the lines {', '.join(_CSV_HEAD)}", reading.short(", ".join(head)))
    below = rows[len(_CSV_HEAD) :]
    months = [(written, value) for written, value in below if not _YEAR_OR_QUARTER.fullmatch(written)]
    day = _CSV_DAY.fullmatch(head["Release date"])
    if day is None:
        raise SourceChanged("a day such as 11-11-2025", reading.short(head["Release date"]))
    released = _day(f"{day[3]}-{day[2]}-{day[1]}")
    return head["CDID"], released, _next(head["Next release"]), months


def _text(values: object, *path: str) -> str:
    value = reading.field(values, *path)
    if not isinstance(value, str):
        raise SourceChanged(f"a text for {path[-1]}", reading.short(value))
    return value


def _json_day(written: str) -> date:
    """Return the day in London of a moment in UTC: midnight there is 23:00 of the day before in summer."""
    try:
        moment = datetime.fromisoformat(written)
        if moment.tzinfo is not None:
            return moment.astimezone(LONDON).date()
    except (ValueError, OverflowError):
        pass
    raise SourceChanged("a time such as 2025-11-11T00:00:00.000Z", reading.short(written))


def _day(written: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise SourceChanged("a day of the calendar", reading.short(written)) from None


def _next(written: str) -> str:
    return "" if written in _NO_DATE else reading.day_or_month(written)


def _month(written: str) -> str:
    """Return `2025-08` for `2025 AUG`."""
    match = _MONTH.fullmatch(written)
    if match is None or match[2] not in _MONTHS:
        raise SourceChanged("a month such as 2025 AUG", reading.short(written))
    return f"{match[1]}-{_MONTHS.index(match[2]) + 1:02}"


def _around(middle: str) -> str:
    """Return `2025 JUL-SEP`, the months of which `2025-08` is the middle one, with the year of the first."""
    first, last = _shifted(middle, -1), _shifted(middle, 1)
    return f"{first[:4]} {_MONTHS[int(first[5:]) - 1]}-{_MONTHS[int(last[5:]) - 1]}"


def _shifted(month: str, months: int) -> str:
    number = int(month[:4]) * 12 + int(month[5:]) - 1 + months
    return f"{number // 12:04}-{number % 12 + 1:02}"


def _value(written: str, cdid: str) -> float:
    unit = MEASURES[cdid].unit
    if not _VALUES[unit].fullmatch(written):
        what = "a percentage with one decimal" if unit is Unit.PERCENT else "a level in thousands"
        raise SourceChanged(f"{what} in {cdid}", reading.short(written))
    return float(written)
