"""NHS mental health dashboard, quarterly, by NHS England: Talking Therapies spend and access.

A page names the newest quarter and links to its workbook. Spend is renewed in quarters 1 and 4 only: first as
planned for the year, at last as spent; it is in cash, not in real terms. Since November 2025 the dashboard is
retired (its last quarter is April to June 2025), and the page announces a successor.

What is verified is the page's wording, in all the forms that it had from 2019 to 2026. NOT verified is the
workbook: no real one was at hand. It is read in one plain shape only, by headings and labels: a sheet
`National` with the headings Metric, Unit and Basis, after those a column for each financial year (`2023/24`)
or quarter (`2023/24 Q3`), and the rows below. Any other shape is refused, for a maintainer to look at; until
then a figure can be entered by hand. An empty cell is one that was not published for that period.

The page names no day of publication. What stands for it is the first day of the month in which the workbook
was put up, which is in its address.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from scrapers.toolkit import periods, reading
from scrapers.toolkit.contract import (
    ENGLAND,
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
from scrapers.toolkit.tables import read_records

if TYPE_CHECKING:
    from bs4 import Tag

PAGE = "https://www.england.nhs.uk/mental-health/taskforce/imp/mh-dashboard/"
WORKBOOKS = frozenset(
    {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "application/octet-stream"}
)
WORKBOOK_LIMIT = 64 * 1024 * 1024
SHEET = "National"

_CASH = "in cash, not in real terms"
# Metric, unit and basis as they stand in a row -> what it is.
_ROWS: Mapping[tuple[str, str, str], Measure] = {
    ("Talking Therapies spend", "£m", "Plan"): Measure(
        "talking_therapies_spend_plan",
        "Talking Therapies spend, planned",
        Unit.MILLION_POUNDS,
        definition=f"what integrated care boards planned to spend on NHS Talking Therapies, {_CASH}",
    ),
    ("Talking Therapies spend", "£m", "Actual"): Measure(
        "talking_therapies_spend_actual",
        "Talking Therapies spend",
        Unit.MILLION_POUNDS,
        definition=f"what integrated care boards spent on NHS Talking Therapies, {_CASH}",
    ),
    ("Talking Therapies access", "Number", "Actual"): Measure(
        "talking_therapies_access",
        "Talking Therapies access",
        Unit.COUNT,
        definition="referrals with their first treatment session in the period",
    ),
}
_LABELS = ("Metric", "Unit", "Basis")
_VALUES: Mapping[Unit, re.Pattern[str]] = {
    Unit.MILLION_POUNDS: re.compile(
        r"[1-9][0-9]{1,3}(?:\.[0-9]{1,6})?"
    ),  # in pounds it would have nine digits
    Unit.COUNT: re.compile(r"[1-9][0-9]{2,7}"),
}
_NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4}
_QUARTER = r"[Qq]uarter (?P<quarter>[1-4]|one|two|three|four)"
_NEWEST = re.compile(
    rf"up to and including {_QUARTER} of the (?P<year>\d{{4}})/(?P<next>\d\d) financial year"
)
_RETIRED = re.compile(
    rf"has now been retired and the final version, for {_QUARTER} \d{{4}}/\d\d, was published"
)
_SUCCESSOR = re.compile(r"From (?P<month>[A-Z][a-z]+ \d{4}) \(quarter [1-4] \d{4}/\d\d reporting\)")
_NAMED = re.compile(r"Q(?P<quarter>[1-4])[ _-]*(?:FY)?[ _-]*(?P<year>(?:20)?\d\d)[/_ -]*(?P<next>\d\d)", re.I)
_PUT_UP = re.compile(r"/uploads/(?:sites/\d+/)?(\d{4})/(\d\d)/")
_COLUMN = re.compile(r"(\d{4})/(\d\d)(?: Q([1-4]))?")


class MentalHealthDashboard(Scraper):
    """What is spent on NHS Talking Therapies, and how many start treatment, by NHS England's dashboard."""

    title = "NHS mental health dashboard"
    url = PAGE
    publisher = "NHS England"
    measures = tuple(measure.id for measure in _ROWS.values())
    hosts = frozenset({"www.england.nhs.uk"})
    rhythm = ReleaseCalendar(followed=0)
    headlines = (
        Headline("Talking Therapies access", "talking_therapies_access", Unit.COUNT),
        Headline(
            "Talking Therapies spend",
            "talking_therapies_spend_actual",
            Unit.MILLION_POUNDS,
            caution="Spend is in cash, not in real terms.",
        ),
        Headline(
            "Talking Therapies spend, planned",
            "talking_therapies_spend_plan",
            Unit.MILLION_POUNDS,
            caution="What was planned is not what was spent.",
        ),
    )

    async def listed(self, web: Web) -> Sequence[Release]:
        """Return the newest dashboard; once it is retired, its announced successor."""
        return [await asyncio.to_thread(_shown, await web.get(PAGE, accept={"text/html"}))]

    async def releases(self, web: Web) -> Sequence[Release]:
        """Return the newest dashboard; once it is retired, its announced successor."""
        return await self.listed(web)

    async def visit(self, releases: Sequence[Release], web: Web) -> Sequence[Release]:
        """Return these releases as the page shows them now; one that came out is not asked for again."""
        if all(release.published for release in releases):
            return releases
        shown = {release.key: release for release in await self.listed(web)}
        return [shown.get(release.key, release) for release in releases]

    async def fetch(self, release: Release, web: Web) -> Fetched:
        """Return the dashboard's workbook."""
        return Fetched(release, await web.get(release.file, accept=WORKBOOKS, limit=WORKBOOK_LIMIT))

    def read(self, fetched: Fetched, now: datetime) -> Iterator[Figure]:
        """Yield spend by financial year and access by quarter, as far as they are there."""
        rows = read_records(fetched.page, SHEET, _LABELS, others=True)
        with reading.reading(fetched.page):
            columns = {heading: _column(heading) for heading in rows[0] if heading not in _LABELS}
            if fetched.release.period not in columns.values():
                raise SourceChanged(f"a column for {fetched.release.period}", ", ".join(columns) or "none")
            found = {
                measure: row
                for row in rows
                if (measure := _ROWS.get((row["Metric"], row["Unit"], row["Basis"])))
            }
            talking = [row["Metric"] for row in rows if "Talking Therapies" in row["Metric"]]
            if len(found) != len(_ROWS) or len(talking) != len(_ROWS):
                raise SourceChanged(
                    f"{len(_ROWS)} rows on Talking Therapies", reading.short(", ".join(talking))
                )
            for measure, row in found.items():
                yield from _figures(measure, {columns[heading]: row[heading] for heading in columns})


@reading.remembered(2)
def _shown(page: Page) -> Release:
    with reading.reading(page):
        root = reading.soup(page)
        return _successor(root) if "retired" in reading.text(root) else _newest(root, page)


def _newest(root: Tag, page: Page) -> Release:
    quarter = _quarter(reading.said(root, _NEWEST, "the newest quarter"))
    file = _workbook(root, page, quarter)
    put_up = _PUT_UP.search(urlsplit(file).path)
    if put_up is None or not 1 <= int(put_up[2]) <= 12:
        raise SourceChanged("the month of a workbook in its address", reading.short(file))
    month = date(int(put_up[1]), int(put_up[2]), 1)
    return Release(
        key=quarter,
        title=f"NHS mental health dashboard, {periods.months_of(quarter)}",
        url=PAGE,
        period=quarter,
        published=published_at(month),
        published_in=f"{month:%B %Y}",
        fingerprint=sha256(file.encode()).hexdigest(),
        file=file,
    )


def _successor(root: Tag) -> Release:
    """Return the dashboard that is to come in place of the retired one."""
    reading.said(root, _RETIRED, "that the dashboard is retired")
    month = reading.said(root, _SUCCESSOR, "the month of a new dashboard")["month"]
    return Release("successor", "New dashboard of NHS England", PAGE, expected=reading.day_or_month(month))


def _quarter(match: re.Match[str]) -> str:
    year = match["year"] if len(match["year"]) == 4 else f"20{match['year']}"
    periods.financial_year(year, match["next"])
    number = match["quarter"]
    return periods.financial_quarter(year, _NUMBERS.get(number) or int(number))


def _workbook(root: Tag, page: Page, quarter: str) -> str:
    """Return the address of the one workbook of which text or name says the quarter."""
    found = set()
    offered = []
    for anchor in root.select('a[href*=".xlsx"]'):
        url = reading.link(anchor, page, "a workbook")
        name = unquote(urlsplit(url).path).rpartition("/")[2]
        offered.append(name)
        if quarter in {
            _quarter(match) for said in (name, reading.text(anchor)) for match in _NAMED.finditer(said)
        }:
            found.add(url)
    if len(found) != 1:
        what = reading.short(", ".join(offered)) if offered else "no workbook"
        raise SourceChanged(f"one workbook for {periods.months_of(quarter)}", f"{len(found)} in {what}")
    return found.pop()


def _column(heading: str) -> str:
    match = _COLUMN.fullmatch(heading)
    if match is None:
        raise SourceChanged("a year or quarter such as 2023/24 or 2023/24 Q3", reading.short(heading))
    year = periods.financial_year(match[1], match[2])
    return periods.financial_quarter(match[1], int(match[3])) if match[3] else year


def _figures(measure: Measure, values: Mapping[str, str]) -> Iterator[Figure]:
    for period, written in values.items():
        if written == "":
            continue
        if not _VALUES[measure.unit].fullmatch(written):
            raise SourceChanged(f"a number in {measure.unit} for {measure.id}", reading.short(written))
        yield Figure(measure, ENGLAND, period, float(written))
