"""Medicines used in mental health, England, quarterly, by the NHS Business Services Authority (NHSBSA).

What was prescribed in England and dispensed in the community, by section of the BNF: items, identified
patients, net ingredient cost. A publication has a page and, since December 2023 at the latest, a workbook for
each of five sections, whose sheet National_Total states all quarters since April 2015 anew. It comes out on
Thursdays, ten to eleven weeks after the quarter, in September, December and March; January to March comes
with the annual publication in July, which is laid out otherwise and not read, and again in September.

A financial quarter is stored under the calendar's name: `2024/2025 Q1` is April to June 2024, `2024-Q2`.
A patient counts once in each section and quarter, so that patients must not be added up. Items and cost are
those of identified patients and of others together, patients the identified ones. A blank cell is withheld
(fewer than five). Codes of sections are texts with a leading 0.

The addresses of pages and workbooks are taken from the pages, for their names follow no rule. The collection
names no day: the newest publication's own page is asked once for the day on which it came out.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

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

COLLECTION = "https://www.nhsbsa.nhs.uk/statistical-collections/medicines-used-mental-health-england"
HTML = frozenset({"text/html"})
WORKBOOKS = frozenset(
    {
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/octet-stream",
        "binary/octet-stream",  # what S3 says of a file that was put there without a type
    }
)
WORKBOOK_LIMIT = 64 * 1024 * 1024
SHEET = "National_Total"
SECTIONS: Mapping[str, str] = {
    "0403": "antidepressants",
    "0401": "hypnotics and anxiolytics",
    "0402": "drugs used in psychoses and related disorders",
    "0404": "stimulants and drugs for ADHD",
    "0411": "drugs for dementia",
}
_FIRST = "0403"
_NOT_READ_BEFORE = date(2023, 12, 1)  # nothing is known of how workbooks were divided before

_PATIENTS = "Total Identified Patients"
_ITEMS = "Total Items"
_COST = "Total Net Ingredient Cost (GBP)"
_HEADINGS = (
    *("Financial Year", "Financial Quarter", "BNF Section Name", "BNF Section Code"),
    *("Identified Patient Flag", _PATIENTS, _ITEMS, _COST),
)
_QUARTERLY = re.compile(r"Quarterly Summary Statistics[ :–-]+([A-Z][a-z]+) to ([A-Z][a-z]+) (\d{4})")
_PUBLISHED = re.compile(r"Published (\d{1,2} [A-Z][a-z]+ \d{4})")
_CORRECTION = re.compile(r"Correction notice: .{1,300}?\.(?=\D)")
_CORRECTED = re.compile(r"corrected on (\d{1,2} [A-Z][a-z]+ \d{4})")
_WORKBOOK = re.compile(r"mumh_bnf(\d{4})_[\w-]+\.xlsx", re.IGNORECASE)  # mumh_bnf0403_Dec_23.xlsx
_FINANCIAL_QUARTER = re.compile(r"(\d{4})/(\d{4}) Q([1-4])")
_COUNT = re.compile(r"0|[1-9][0-9]{0,9}")
_POUNDS = re.compile(r"(?:0|[1-9][0-9]{0,9})(?:\.[0-9]{1,12})?")  # a sum may drag a float's noise behind it


class _Publication(NamedTuple):
    """What a publication's own page says; `files` are its workbooks by section."""

    title: str
    published: datetime
    files: Mapping[str, str]
    fingerprint: str
    notice: str
    noticed: datetime | None


class MedicinesMentalHealth(Scraper):
    """Antidepressants and four other groups of medicines: items, patients and cost in each quarter."""

    title = "Medicines used in mental health, quarterly"
    url = COLLECTION
    publisher = "NHS Business Services Authority"
    measures = tuple(f"{section}_{what}" for section in SECTIONS for what in ("items", "patients", "cost"))
    hosts = frozenset({"www.nhsbsa.nhs.uk", "nhsbsa.nhs.uk", "nhsbsa-opendata.s3.eu-west-2.amazonaws.com"})
    rhythm = ReleaseCalendar(followed=0)
    headlines = (
        Headline("Antidepressants: patients", "0403_patients", Unit.COUNT),
        Headline("Antidepressants: items", "0403_items", Unit.COUNT),
        Headline("Antidepressants: cost", "0403_cost", Unit.POUNDS),
        Headline("Hypnotics and anxiolytics: patients", "0401_patients", Unit.COUNT),
        Headline("Hypnotics and anxiolytics: items", "0401_items", Unit.COUNT),
        Headline("Hypnotics and anxiolytics: cost", "0401_cost", Unit.POUNDS),
    )
    caution = (
        "Items are not people, and patients of two groups or quarters must not be added up; "
        "antidepressants are prescribed for other ills too."
    )

    def __init__(self, entry: Mapping[str, Any]) -> None:
        """Take nothing."""
        super().__init__(entry)
        self._met: dict[str, Release] = {}  # by address: the day on which one came out does not change

    async def listed(self, web: Web) -> Sequence[Release]:
        """Return the newest publication. Its own page is asked too when it is met for the first time."""
        newest = (await _collection(web))[0]
        if newest.url not in self._met:
            return await self.visit([newest], web)
        return [replace(self._met[newest.url], fingerprint=None)]

    async def visit(self, releases: Sequence[Release], web: Web) -> Sequence[Release]:
        """Return these publications as their own pages show them now."""
        visited = [await _visited(release, web) for release in releases]
        self._met |= {release.url: release for release in visited}
        return visited

    async def releases(self, web: Web) -> Sequence[Release]:
        """Return the newest publication as its own page shows it."""
        return await self.visit((await _collection(web))[:1], web)

    async def past(self, web: Web) -> AsyncIterator[Release]:
        """Yield every quarterly publication of the collection, as its own page shows it."""
        for release in await _collection(web):
            yield (await self.visit([release], web))[0]

    async def fetch(self, release: Release, web: Web) -> Fetched:
        """Return the workbooks of a publication, whose addresses are on its page."""
        page = await web.get(release.url, accept=HTML)
        files = (await asyncio.to_thread(_publication, page, release.key)).files
        if not files:
            with reading.reading(page):
                raise SourceChanged("the workbooks of five sections", "none")
        first, *others = [
            await web.get(files[section], accept=WORKBOOKS, limit=WORKBOOK_LIMIT) for section in SECTIONS
        ]
        return Fetched(release, first, tuple(others))

    def read(self, fetched: Fetched, now: datetime) -> Iterator[Figure]:
        """Yield the figures of all quarters for each section."""
        for section, page in zip(SECTIONS, fetched.pages, strict=True):
            yield from _figures(page, section, fetched.release.period)


async def _collection(web: Web) -> Sequence[Release]:
    return await asyncio.to_thread(_listed, await web.get(COLLECTION, accept=HTML))


@reading.remembered(2)
def _listed(page: Page) -> tuple[Release, ...]:
    """Return the quarterly publications that the collection's page links to, newest first."""
    with reading.reading(page):
        found = {release.key: release for release in _quarterly(reading.soup(page), page)}
        if not found:
            raise SourceChanged("a link to Quarterly Summary Statistics", "none")
        return tuple(found[key] for key in sorted(found, reverse=True))


def _quarterly(root: Tag, page: Page) -> Iterator[Release]:
    """Yield the quarterly publications. One may be linked to twice, under one address."""
    met: dict[str, str] = {}
    for anchor in root.select("a[href]"):
        title = reading.text(anchor)
        if "Quarterly Summary Statistics" not in title:
            continue
        period, url = _period(anchor), reading.link(anchor, page, "a publication")
        if met.setdefault(period, url) != url:
            raise SourceChanged("one address for a publication", f"two for {period}")
        yield Release(period, title, url, period)


def _period(node: Tag) -> str:
    return periods.quarter_between(
        *reading.said(node, _QUARTERLY, "a quarter such as April to June 2024").groups()
    )


async def _visited(release: Release, web: Web) -> Release:
    page = await web.get(release.url, accept=HTML)
    shown = await asyncio.to_thread(_publication, page, release.key)
    return replace(
        release,
        title=shown.title,
        published=shown.published,
        file=shown.files.get(_FIRST, ""),
        fingerprint=shown.fingerprint,
        notice=shown.notice,
        noticed=shown.noticed,
    )


@reading.remembered(2)
def _publication(page: Page, quarter: str) -> _Publication:
    with reading.reading(page):
        root = reading.soup(page)
        heading = reading.one(root, "h1", "the publication's title")
        if _period(heading) != quarter:
            raise SourceChanged(periods.months_of(quarter), reading.short(reading.text(heading)))
        published = published_at(reading.day(reading.said(root, _PUBLISHED, "the day of publication")[1]))
        files = _workbooks(root, page, may_lack=published.date() < _NOT_READ_BEFORE)
        said = reading.text(root)
        corrections, days = _CORRECTION.findall(said), _CORRECTED.findall(said)
        return _Publication(
            title=reading.text(heading),
            published=published,
            files=files,
            fingerprint=sha256("\n".join([*files.values(), *corrections, *days]).encode()).hexdigest(),
            notice=corrections[0] if corrections else "",
            noticed=max((published_at(reading.day(day)) for day in days), default=None),
        )


def _workbooks(root: Tag, page: Page, *, may_lack: bool) -> dict[str, str]:
    """Return the address of each section's workbook; nothing where there is none at all."""
    found: dict[str, str] = {}
    for anchor in root.select("a[href]"):
        url = reading.link(anchor, page, "a link") if "mumh_bnf" in str(anchor["href"]).lower() else ""
        match = _WORKBOOK.fullmatch(urlsplit(url).path.rpartition("/")[2])
        if match and found.setdefault(match[1], url) != url:
            raise SourceChanged("one workbook for a section", f"two for {match[1]}")
    if set(found) != set(SECTIONS) and not (may_lack and not found):
        raise SourceChanged(
            f"a workbook for {', '.join(sorted(SECTIONS))}", ", ".join(sorted(found)) or "none"
        )
    return found


def _figures(page: Page, section: str, newest: str | None) -> Iterator[Figure]:
    rows = read_records(page, SHEET, _HEADINGS)
    with reading.reading(page):
        name = _name(rows, section)
        quarters: dict[str, dict[str, Mapping[str, str]]] = {}
        for row in rows:
            flags = quarters.setdefault(_quarter(row), {})
            flag = row["Identified Patient Flag"]
            if flag not in ("Y", "N") or flag in flags:
                raise SourceChanged(
                    "a row for Y and one for N in each quarter", f"{flag!r} in {_quarter(row)}"
                )
            flags[flag] = row
        if newest is not None and max(quarters) != newest:
            raise SourceChanged(
                f"quarters up to {periods.months_of(newest)}", periods.months_of(max(quarters))
            )
        for quarter, flags in quarters.items():
            yield from _quarter_figures(section, name, quarter, flags)


def _name(rows: Sequence[Mapping[str, str]], section: str) -> str:
    codes = {row["BNF Section Code"] for row in rows}
    names = {row["BNF Section Name"] for row in rows}
    if codes != {section} or len(names) != 1:
        raise SourceChanged(f"section {section} under one name", reading.short(sorted(codes | names)))
    return names.pop()


def _quarter(row: Mapping[str, str]) -> str:
    match = _FINANCIAL_QUARTER.fullmatch(row["Financial Quarter"])
    if match is None or row["Financial Year"] != f"{match[1]}/{match[2]}":
        written = f"{row['Financial Year']}, {row['Financial Quarter']}"
        raise SourceChanged("a quarter such as 2024/2025, 2024/2025 Q1", reading.short(written))
    periods.financial_year(match[1], match[2])
    return periods.financial_quarter(match[1], int(match[3]))


def _quarter_figures(
    section: str, name: str, quarter: str, flags: Mapping[str, Mapping[str, str]]
) -> Iterator[Figure]:
    if "Y" not in flags:
        raise SourceChanged(f"a row for identified patients in {quarter}", "none")
    if flags.get("N", {}).get(_PATIENTS, "") not in ("", "0"):
        raise SourceChanged(f"no identified patients where none is in {quarter}", flags["N"][_PATIENTS])
    patients = _number(flags["Y"][_PATIENTS], _COUNT, "patients")
    identified = _number(flags["Y"][_ITEMS], _COUNT, "items")
    if patients is not None and identified is not None and patients > identified:
        raise SourceChanged(
            f"an item or more for each patient in {quarter}", f"{identified:.0f} for {patients:.0f}"
        )
    items = _sum(flags.values(), _ITEMS, _COUNT)
    cost = _sum(flags.values(), _COST, _POUNDS)
    of = f"of {SECTIONS[section]} (BNF {section})"
    for what, unit, value, definition in (
        ("items", Unit.COUNT, items, f"prescription items {of} dispensed in the community"),
        ("patients", Unit.COUNT, patients, f"people identified by their NHS number with an item {of}"),
        ("cost", Unit.POUNDS, cost, f"net ingredient cost {of}, in pounds of the day"),
    ):
        measure = Measure(f"{section}_{what}", f"{name}: {what}", unit, definition=definition)
        yield Figure(measure, ENGLAND, quarter, value)


def _sum(rows: Collection[Mapping[str, str]], heading: str, form: re.Pattern[str]) -> float | None:
    values = [_number(row[heading], form, heading) for row in rows]
    return None if None in values else round(sum(value for value in values if value is not None), 2)


def _number(written: str, form: re.Pattern[str], what: str) -> float | None:
    if written == "":
        return None
    if not form.fullmatch(written):
        raise SourceChanged(f"a number of {what}, or a blank", reading.short(written))
    return float(written)
