"""What the measures of NHS Talking Therapies mean: the metadata workbook of the monthly statistics.

NHS England replaces the workbook now and then; the day of its publication is in its name, and the pages of
the monthly statistics link to it. Sheet `Measures`, under a title and a version history, has a row for each
measure (343 in July 2026) and one for each breakdown of the quarterly files (138). Breakdowns share their
numbers; they are checked and left out. One version had rows that were blank.

A fact is a measure's row, word for word: its id -> JSON with the keys of `KEYS`. White space at the ends of
lines is no word. Names differ at times from those in the data, so that both are known by id.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from scrapers.toolkit import nhs_digital, reading
from scrapers.toolkit.contract import (
    Fact,
    Fetched,
    Page,
    Release,
    ReleaseCalendar,
    Scraper,
    SourceChanged,
    Web,
)
from scrapers.toolkit.reading import short
from scrapers.toolkit.tables import read_sheet

if TYPE_CHECKING:
    from bs4 import Tag

SERIES = (
    "https://digital.nhs.uk/data-and-information/publications/statistical/"
    "nhs-talking-therapies-monthly-statistics-including-employment-advisors"
)
RELEASE = "measures"  # one release that is replaced: pages of earlier months link to older workbooks
SHEET = "Measures"
FILE_TYPES = (
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/octet-stream",
)

KEYS = ("type", "frequency", "id", "name", "definition", "derivations", "tables", "construction")
_HEADINGS = (
    "Meaure Type",
    "Frequency",
    "Measure reference number",
    "Measure name",
    "Description of measure (where possible measures are described in terms of the classes of information "
    "defined in NHS Data Dictionary)",
    "UIDs of derivations used (defined in Technical Output Specification)",
    "Tables used",
    "Construction",
)
_HEADERS = (_HEADINGS, ("Measure Type", *_HEADINGS[1:]))  # so that mending a slip of theirs is no trouble
_TYPES = ("Core", "EA", "LTC")
_BREAKDOWN = "Variable"
_FREQUENCIES = ("Monthly", "Quarterly", "Monthly/Quarterly")
_FILLED = ("name", "definition", "construction")
_ID = re.compile(r"(?:M|EA)\d{3,4}")
_FILE = re.compile(r"nhstalkingtherapies-monthly-metadata-20\d{6}(?:[-_]v?\d)?\.xlsx")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LONGEST = 20_000  # characters of a cell; the longest construction has 5,534


class TalkingTherapiesMetadata(Scraper):
    """The definitions behind the monthly figures of NHS Talking Therapies."""

    title = "NHS Talking Therapies, definitions of the measures"
    url = SERIES
    publisher = "NHS England"
    hosts = nhs_digital.HOSTS
    rhythm = ReleaseCalendar(followed=1)

    async def listed(self, web: Web) -> Sequence[Release]:
        """Return the workbook's release, with the page of the newest month and what the series links to."""
        page = await web.get(SERIES, accept=nhs_digital.HTML)
        out = (await asyncio.to_thread(nhs_digital.series_page, page)).out
        if not out:
            raise SourceChanged("a publication that is out", "none", url=SERIES)
        release = Release(RELEASE, self.title, out[0].url, published=out[0].published)
        return (_with_file(release, await asyncio.to_thread(_workbook, page)),)

    async def visit(self, releases: Sequence[Release], web: Web) -> Sequence[Release]:
        """Return the release with the workbook that its page links to."""
        return [await _visited(release, web) for release in releases]

    async def releases(self, web: Web) -> Sequence[Release]:
        """Return the workbook's release as the newest month's page shows it."""
        return await self.visit(await self.listed(web), web)

    async def past(self, web: Web) -> AsyncIterator[Release]:
        """Yield nothing: older workbooks are not kept where they could be found."""
        return
        yield

    async def fetch(self, release: Release, web: Web) -> Fetched:
        """Return the workbook."""
        if not release.file:
            release = await _visited(release, web)
        return Fetched(release, await web.get(release.file, accept=FILE_TYPES))

    def read(self, fetched: Fetched, now: datetime) -> Iterator[Fact]:
        """Yield a fact for each measure."""
        with reading.reading(fetched.page):
            rows = list(_measures(read_sheet(fetched.page, SHEET)))
            if not rows:
                raise SourceChanged("measures under the headings", "none")
            twice = [id for id, times in Counter(row["id"] for row in rows).items() if times > 1]
            if twice:
                raise SourceChanged("each measure once", f"{short(', '.join(twice))} twice")
        for row in rows:
            said = {key: row[key] for key in KEYS if key != "id"}
            yield Fact(row["id"], json.dumps(said, ensure_ascii=False))


async def _visited(release: Release, web: Web) -> Release:
    page = await web.get(release.url, accept=nhs_digital.HTML)
    shown = await asyncio.to_thread(nhs_digital.release_page, page)
    file = await asyncio.to_thread(_workbook, page) or release.file
    if not file:
        raise SourceChanged("a link to the metadata workbook", "none", url=page.url, body=page.body)
    return _with_file(replace(release, published=shown.published or release.published), file)


def _with_file(release: Release, file: str) -> Release:
    """Return the release with its workbook; a replaced one has another address."""
    return replace(release, file=file, fingerprint=file or None)


@lru_cache(maxsize=4)  # most looks find both pages as they were
def _workbook(page: Page) -> str:
    """Return the address of the one metadata workbook that a page links to; empty where it links to none."""
    with reading.reading(page):
        links = [node for node in reading.soup(page).select("a[href]") if "metadata" in _name(node)]
        found = {reading.link(node, page, "the metadata workbook") for node in links}
        if len(found) > 1:
            raise SourceChanged("one metadata workbook", short(", ".join(sorted(map(_file_name, found)))))
        file = next(iter(found), "")
        if file and not _FILE.fullmatch(_file_name(file)):
            raise SourceChanged("a workbook named with its day", short(_file_name(file)))
        return file


def _name(node: Tag) -> str:
    return _file_name(str(node.get("href"))).lower()


def _file_name(address: str) -> str:
    return unquote(urlsplit(address).path).rpartition("/")[2]


def _measures(rows: Sequence[Sequence[str]]) -> Iterator[Mapping[str, str]]:
    """Yield the measures under the headings, by the keys of `KEYS`, without breakdowns and blank rows."""
    start = _heading(rows)
    for row in rows[start + 1 :]:
        cells = dict(zip(KEYS, map(_text, row), strict=True))
        if not any(cells.values()):
            continue
        _check(cells)
        if cells["type"] != _BREAKDOWN:
            yield cells


def _heading(rows: Sequence[Sequence[str]]) -> int:
    """Return the place of the headings. What stands above them, titles and versions, may be of any length."""
    found = [place for place, row in enumerate(rows) if tuple(map(_one_line, row)) in _HEADERS]
    if len(found) == 1:
        return found[0]
    if found:
        raise SourceChanged("one row of headings", f"{len(found)}")
    lines = [[_one_line(cell) for cell in row if cell] for row in rows]
    nearest = max(lines, key=lambda line: len(set(line) & set(_HEADINGS)), default=[])
    missing = [name for name in _HEADINGS if name not in nearest]
    unknown = [name for name in nearest if name not in _HEADINGS]
    if not missing:
        raise SourceChanged("the known headings in their order", short(", ".join(unknown or nearest)))
    raise SourceChanged(f"the heading {short(', '.join(missing))}", f"none, but {short(', '.join(unknown))}")


def _check(cells: Mapping[str, str]) -> None:
    id = cells["id"]
    for key, known in (("type", (*_TYPES, _BREAKDOWN)), ("frequency", _FREQUENCIES)):
        if cells[key] not in known:
            raise SourceChanged(f"a {key} of {', '.join(known)}", short(f"{cells[key]} for {id}"))
    if cells["type"] != _BREAKDOWN and not _ID.fullmatch(id):
        raise SourceChanged("a measure's number such as M001", short(id))
    if blank := [key for key in _FILLED if not cells[key]]:
        raise SourceChanged(f"a {blank[0]} for each measure", f"none for {short(id)}")


def _text(cell: str) -> str:
    """Return a cell's lines without white space at their ends."""
    if len(cell) > _LONGEST:
        raise SourceChanged(f"cells of at most {_LONGEST:,} characters", f"one of {len(cell):,}")
    if _CONTROL.search(cell):
        raise SourceChanged("text without control characters", short(cell))
    return "\n".join(" ".join(line.split()) for line in cell.splitlines()).strip()


def _one_line(cell: str) -> str:
    return " ".join(cell.split())
