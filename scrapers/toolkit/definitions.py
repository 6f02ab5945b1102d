"""Read what a publisher's measures mean: a workbook of definitions that the pages of a series link to.

The workbook is replaced now and then, under a new name. It is one release: pages of older publications link
to older ones, and only the newest counts.
"""

from __future__ import annotations

import asyncio
import json
import re
from abc import abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar, NoReturn

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

RELEASE = "measures"
FILE_TYPES = (
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/octet-stream",
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LONGEST = 20_000  # characters of a cell; the longest construction has 5,534
_META = "meta"  # what the names of such workbooks have in common


class DefinitionsScraper(Scraper):
    """The definitions behind a series of NHS Digital.

    A fact is a measure's row, word for word: its id -> JSON with the other `keys`. White space at the ends of
    lines is no word.
    """

    file: ClassVar[re.Pattern[str]]  # the workbook's name
    sheet: ClassVar[str]
    headers: ClassVar[Sequence[tuple[str, ...]]]  # known headings, white space collapsed
    keys: ClassVar[tuple[str, ...]]  # of their columns; one is `id`

    publisher = "NHS England"
    hosts = nhs_digital.HOSTS
    rhythm = ReleaseCalendar(followed=1)

    def __init__(self, entry: Mapping[str, Any]) -> None:
        """Take nothing."""
        super().__init__(entry)
        self._series: Page | None = None  # as last seen: each look at the overview renews it

    @abstractmethod
    def is_measure(self, row: Mapping[str, str]) -> bool:
        """Return whether a row, by `keys`, is a measure; raise SourceChanged where it is not as known."""

    async def listed(self, web: Web) -> Sequence[Release]:
        """Return the workbook's release, with the page of the newest publication."""
        page = self._series = await web.get(self.url, accept=nhs_digital.HTML)
        out = (await asyncio.to_thread(nhs_digital.series_page, page)).out
        if not out:
            raise SourceChanged("a publication that is out", "none", url=self.url)
        return (Release(RELEASE, self.title, out[0].url, published=out[0].published),)

    async def visit(self, releases: Sequence[Release], web: Web) -> Sequence[Release]:
        """Return the release with the workbook that its page links to."""
        return [await self._visited(release, web) for release in releases]

    async def releases(self, web: Web) -> Sequence[Release]:
        """Return the workbook's release as the newest publication's page shows it."""
        return await self.visit(await self.listed(web), web)

    async def past(self, web: Web) -> AsyncIterator[Release]:
        """Yield nothing: read after the newest workbook, an older one would take its place."""
        return
        yield

    async def fetch(self, release: Release, web: Web) -> Fetched:
        """Return the workbook."""
        if not release.file:
            release = await self._visited(release, web)
        return Fetched(release, await web.get(release.file, accept=FILE_TYPES))

    def read(self, fetched: Fetched, now: datetime) -> Iterator[Fact]:
        """Yield a fact for each measure."""
        with reading.reading(fetched.page):
            rows = _under(self.headers, read_sheet(fetched.page, self.sheet))
            named = [dict(zip(self.keys, row, strict=True)) for row in rows if any(row)]
            measures = [row for row in named if self.is_measure(row)]
            if not measures:
                raise SourceChanged("measures under the headings", "none")
            twice = [id for id, times in Counter(row["id"] for row in measures).items() if times > 1]
            if twice:
                raise SourceChanged("each measure once", f"{short(', '.join(twice))} twice")
        for row in measures:
            said = {key: text for key, text in row.items() if key != "id"}
            yield Fact(row["id"], json.dumps(said, ensure_ascii=False))

    async def _visited(self, release: Release, web: Web) -> Release:
        """Return the release with the workbook that its page links to, or else its series' page as last seen.

        A replaced workbook has another address.
        """
        page = await web.get(release.url, accept=nhs_digital.HTML)
        shown = await asyncio.to_thread(nhs_digital.release_page, page)
        file = await asyncio.to_thread(_workbook, page, self.file)
        if not file:
            self._series = self._series or await web.get(self.url, accept=nhs_digital.HTML)
            file = await asyncio.to_thread(_workbook, self._series, self.file)
        if not file:
            raise SourceChanged("a link to the metadata workbook", "none", url=page.url, body=page.body)
        published = shown.published or release.published
        return replace(release, published=published, file=file, fingerprint=file)


def one_of(row: Mapping[str, str], key: str, known: Sequence[str]) -> None:
    """Check that a cell holds one of the known words."""
    if row[key] not in known:
        raise SourceChanged(f"a {key} of {', '.join(known)}", short(f"{row[key]} for {row['id']}"))


def filled(row: Mapping[str, str], *keys: str) -> None:
    """Check that none of these cells is empty."""
    if blank := [key for key in keys if not row[key]]:
        raise SourceChanged(f"a {blank[0]} for each measure", f"none for {short(row['id'])}")


@reading.remembered(8)
def _workbook(page: Page, named: re.Pattern[str]) -> str:
    """Return the address of the one metadata workbook that a page links to; empty where it links to none."""
    with reading.reading(page):
        nodes = reading.soup(page).select("a[href]")
        links = [node for node in nodes if _META in nhs_digital.file_name(str(node.get("href"))).lower()]
        found = {reading.link(node, page, "the metadata workbook") for node in links}
        names = sorted(map(nhs_digital.file_name, found))
        if len(found) > 1:
            raise SourceChanged("one metadata workbook", short(", ".join(names)))
        if names and not named.fullmatch(names[0]):
            raise SourceChanged("a metadata workbook of the known name", short(names[0]))
        return next(iter(found), "")


def _under(headers: Sequence[tuple[str, ...]], rows: Sequence[Sequence[str]]) -> Iterator[list[str]]:
    """Yield the rows under the headings, above which titles and versions may stand."""
    found = [place for place, row in enumerate(rows) if tuple(map(_one_line, row)) in headers]
    if len(found) > 1:
        raise SourceChanged("one row of headings", f"{len(found)}")
    if not found:
        _refuse(headers[0], rows)
    for row in rows[found[0] + 1 :]:
        yield [_text(cell) for cell in row]


def _refuse(header: tuple[str, ...], rows: Sequence[Sequence[str]]) -> NoReturn:
    """Say in what the row that is most like the headings differs from them."""
    lines = [[_one_line(cell) for cell in row if cell] for row in rows]
    nearest = max(lines, key=lambda line: len(set(line) & set(header)), default=[])
    missing = [name for name in header if name not in nearest]
    unknown = short(", ".join([name for name in nearest if name not in header] or nearest))
    if missing:
        raise SourceChanged(f"the heading {short(', '.join(missing))}", f"none, but {unknown}")
    raise SourceChanged("the known headings in their order", unknown)


def _text(cell: str) -> str:
    """Return a cell's lines without white space at their ends."""
    if len(cell) > _LONGEST:
        raise SourceChanged(f"cells of at most {_LONGEST:,} characters", f"one of {len(cell):,}")
    if _CONTROL.search(cell):
        raise SourceChanged("text without control characters", short(cell))
    return "\n".join(_one_line(line) for line in cell.splitlines()).strip()


def _one_line(cell: str) -> str:
    return " ".join(cell.split())
