"""Read the pages of digital.nhs.uk: a series with its releases, and one release; and follow a series.

The pages are rendered on the server; what is addressed here are the names that its templates give to
their parts (`data-uipath`). Releases come out at 09:30 by London's clock.
"""

from __future__ import annotations

import asyncio
import re
from abc import abstractmethod
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import unquote, urlsplit

from scrapers.toolkit import reading
from scrapers.toolkit.contract import (
    Fetched,
    Page,
    Release,
    ReleaseCalendar,
    Scraper,
    SourceChanged,
    Web,
    published_at,
)

if TYPE_CHECKING:
    from bs4 import Tag

HOSTS = frozenset({"digital.nhs.uk", "files.digital.nhs.uk"})
HTML = frozenset({"text/html"})
PAGES_KEPT = 64  # as read
UPCOMING = "(Upcoming, not yet published)"
SITE = "https://digital.nhs.uk/data-and-information/publications/statistical/"
FILE_TYPES = (
    "text/csv",
    "application/csv",
    "application/vnd.ms-excel",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/zip",
    "application/x-zip-compressed",
    "application/octet-stream",
)
FILE_LIMIT = 128 * 1024 * 1024

_LIST = 'ul[data-uipath="ps.series.publications-list.{}"]'
_TITLE = 'h1[data-uipath="document.title"]'
_DATE = 'dd[data-uipath="ps.publication.publication-date"]'
_RANGE = 'dd[data-uipath="ps.publication.date-range"]'
_FILES = '[data-uipath="ps.publication.resources-attachment"]'
_PARTS = (
    '[data-uipath="ps.publication.pages"] a[itemprop="url"], [data-uipath="ps.publication.datasets"] a[href]'
)
_FILE_LINKS = 'a[href^="https://files.digital.nhs.uk/"]'
_COVERAGE = re.compile(r"(\d{4}-\d{2}-\d{2})/(\d{4}-\d{2}-\d{2})")


@dataclass(frozen=True, slots=True)
class Series:
    """What a series page lists: releases that are out, newest first, and announced ones, nearest first."""

    title: str
    out: tuple[Release, ...]
    upcoming: tuple[Release, ...]


@dataclass(frozen=True, slots=True)
class Notice:
    """A note that the publisher put on a release after it came out."""

    at: datetime
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class ReleasePage:
    """What a release's own page says. `coverage` is the first and last day of its figures."""

    title: str
    published: datetime | None
    expected: str | None
    coverage: tuple[date, date] | None
    files: tuple[str, ...]
    notices: tuple[Notice, ...]
    last_edited: datetime | None
    parts: tuple[str, ...] = ()  # the addresses of its chapters and data sets

    @property
    def month(self) -> str | None:
        """Return the month covered, or None where it is not one whole month."""
        return month_of(*self.coverage) if self.coverage else None

    @property
    def year(self) -> str | None:
        """Return the financial year covered, as `2023-24`, or None where it is not one whole year."""
        return year_of(*self.coverage) if self.coverage else None

    @property
    def fingerprint(self) -> str:
        """Return a digest that changes with a file's address, a change notice, or the last edit."""
        parts = [*self.files, *map(repr, self.notices), repr(self.last_edited)]
        return sha256("\n".join(parts).encode()).hexdigest()

    def update(self, release: Release, file: str) -> Release:
        """Return a listed release with what its page adds, and `file` as the address of its figures."""
        newest = max(self.notices, key=lambda notice: notice.at, default=None)
        return replace(
            release,
            title=self.title,
            period=self.month or self.year,
            published=self.published,
            expected=self.expected,
            fingerprint=self.fingerprint if self.published else None,
            file=file,
            notice=f"{newest.title}: {newest.text}" if newest else "",
            noticed=newest.at if newest else None,
            witness=self.part("introduction"),
        )

    def part(self, name: str) -> str:
        """Return the address of the chapter or data set whose address ends so; empty where there is none."""
        return next((url for url in self.parts if urlsplit(url).path.rstrip("/").endswith(f"/{name}")), "")


def month_of(first: date, last: date) -> str | None:
    """Return `2025-04` where the two days are the first and last of one month, else None."""
    whole = first.day == 1 and (last.year, last.month) == (first.year, first.month)
    return f"{first:%Y-%m}" if whole and (last + (date(2, 1, 2) - date(2, 1, 1))).day == 1 else None


def year_of(first: date, last: date) -> str | None:
    """Return `2023-24` where the two days are the first and last of one financial year, else None."""
    whole = (first.month, first.day, last.month, last.day) == (4, 1, 3, 31) and last.year == first.year + 1
    return f"{first.year}-{last.year % 100:02}" if whole else None


def file_name(url: str) -> str:
    """Return the name of the file at an address, without what codes a space."""
    return unquote(urlsplit(url).path).rpartition("/")[2]


def share_in_tenths(part: int, whole: int) -> int:
    """Return tenths of a percent, rounded half up as the publisher does, without a float between."""
    return (2000 * part + whole) // (2 * whole)


def check_share(what: str, part: int, whole: int, published: float) -> None:
    """Raise SourceChanged where a published percentage, of one decimal, does not follow from its counts."""
    if whole <= 0:
        raise SourceChanged(f"a denominator above 0 for {what}", f"{whole}")
    tenths = share_in_tenths(part, whole)
    if tenths != round(published * 10):
        raise SourceChanged(f"{tenths / 10} for {what} ({part} of {whole})", f"{published}")


class SeriesScraper(Scraper):
    """A series of publications, with the one before it under another name, which only a backfill asks for."""

    publisher = "NHS England"
    hosts = HOSTS
    rhythm: ReleaseCalendar = ReleaseCalendar()
    old_series: ClassVar[str]
    what: ClassVar[str]  # the file of its figures, in words

    @abstractmethod
    def file(self, shown: ReleasePage) -> str:
        """Return the address of a release's figures; empty where it should have none."""

    async def listed(self, web: Web) -> Sequence[Release]:
        """Return what the series page lists, newest first after the announced."""
        series = await _series(self.url, web)
        if not series.out:
            raise SourceChanged("a publication that is out", "none", url=self.url)
        return (*series.upcoming, *series.out)

    async def visit(self, releases: Sequence[Release], web: Web) -> Sequence[Release]:
        """Return these releases as their own pages show them now."""
        return [await self._visited(release, web) for release in releases]

    async def releases(self, web: Web) -> Sequence[Release]:
        """Return the announced releases, and the newest ones as their own pages show them."""
        listed = await self.listed(web)
        announced = [release for release in listed if release.published is None]
        out = [release for release in listed if release.published is not None]
        return (*announced, *await self.visit(out[: max(self.rhythm.followed, 1)], web))

    async def past(self, web: Web) -> AsyncIterator[Release]:
        """Yield what both series list, the present one first and then the one before it."""
        listed = {release.key: release for release in await self.listed(web)}
        for release in listed.values():
            yield release
        for release in (await _series(self.old_series, web)).out:
            twin = listed.get(release.key)
            if twin is None:
                yield release
            elif twin.url != release.url:
                found = f"two for {twin.key}"
                raise SourceChanged("one address for a publication", found, url=self.old_series)

    async def fetch(self, release: Release, web: Web) -> Fetched:
        """Return a release's file, after a look at the release's page where its address is not known."""
        if not release.file:
            release = await self._visited(release, web)
        if not release.file:
            raise SourceChanged(self.what, "none", url=release.url)
        return Fetched(release, await web.get(release.file, accept=FILE_TYPES, limit=FILE_LIMIT))

    async def _visited(self, release: Release, web: Web) -> Release:
        page, shown = await open_release(release.url, web)
        with reading.reading(page):
            return shown.update(release, self.file(shown))


async def open_release(url: str, web: Web) -> tuple[Page, ReleasePage]:
    """Return a release's page, and what it says."""
    page = await web.get(url, accept=HTML)
    return page, await asyncio.to_thread(release_page, page)


async def _series(url: str, web: Web) -> Series:
    page = await web.get(url, accept=HTML)
    return await asyncio.to_thread(series_page, page)  # a page of theirs takes a third of a second


@reading.remembered(PAGES_KEPT)
def series_page(page: Page) -> Series:
    """Read a series page. A section is missing where it would be empty, but one must be there."""
    with reading.reading(page):
        root = reading.soup(page)
        title = reading.text(reading.one(root, _TITLE, "the series' title"))
        latest = [_out(item, page, "Published: ") for item in _items(root, "latest")]
        past = [_out(item, page, "") for item in _items(root, "previous")]
        upcoming = [_announced(item, page) for item in _items(root, "upcoming")]
        if not (latest or past or upcoming):
            raise SourceChanged("a list of publications", "none")
        _each_once([*latest, *past])
        _each_once(upcoming)
        # The site moves a release by its clock and by a flag, so that at 09:30 it may stand in both lists.
        out = {release.key for release in (*latest, *past)}
        ahead = tuple(release for release in upcoming if release.key not in out)
        return Series(title, (*latest, *past), ahead)


@reading.remembered(PAGES_KEPT)
def release_page(page: Page) -> ReleasePage:
    """Read a release page, out or announced.

    The site answers 200 for an announced release too, so the page must say which of the two it is.
    """
    with reading.reading(page):
        root = reading.soup(page)
        title = reading.text(reading.one(root, _TITLE, "the release's title"))
        when = reading.text(reading.one(root, _DATE, "the publication date"))
        announced = UPCOMING in [reading.text(node) for node in root.select("p.nhsd-t-heading-xs")]
        body = reading.at_most_one(root, ".js-publication-body", "the publication")
        if announced == (body is not None):
            both = "both" if announced else "neither"
            raise SourceChanged(f"either a publication or {UPCOMING!r}", both)
        if announced:
            return ReleasePage(title, None, reading.day_or_month(when), None, (), (), None)
        return ReleasePage(
            title=title,
            published=published_at(reading.day(when)),
            expected=None,
            coverage=_coverage(root),
            files=tuple(_files(root, page)),
            notices=tuple(_notices(root)),
            last_edited=_last_edited(root),
            parts=tuple(reading.link(node, page, "a part of the release") for node in root.select(_PARTS)),
        )


def chapter_month(page: Page) -> str | None:
    """Return the month that a chapter of a release is about; None where it does not say."""
    with reading.reading(page):
        root = reading.soup(page)
        reading.one(root, _TITLE, "the release's title")
        coverage = _coverage(root)
        return month_of(*coverage) if coverage else None


def part_files(page: Page) -> tuple[str, ...]:
    """Return the addresses of the files that a chapter or data set of a release links to, each once."""
    with reading.reading(page):
        root = reading.soup(page)
        reading.one(root, _TITLE, "the release's title")
        links = (reading.link(node, page, "a link") for node in root.select(_FILE_LINKS))
        return tuple(dict.fromkeys(links))


def _items(root: Tag, section: str) -> list[Tag]:
    """Return a section's entries. A note that the series was replaced lies beside them, not among them."""
    section_list = reading.at_most_one(root, _LIST.format(section), f"the {section} publications")
    if section_list is None:
        return []
    others = section_list.select(":scope > :not(li, div.callout-box)")
    items = section_list.select(":scope > li")
    if others or not section_list.select(":scope > *"):
        found = f"<{others[0].name}>" if others else "nothing"
        raise SourceChanged(f"entries in the {section} publications", found)
    return items


def _out(item: Tag, page: Page, prefix: str) -> Release:
    when = reading.text(reading.one(item, "p.callout-box__content-description-date", "a publication's date"))
    if not when.startswith(prefix):
        raise SourceChanged(f"a date after {prefix!r}", reading.short(when))
    published = published_at(reading.day(when.removeprefix(prefix)))
    return replace(_entry(item, page), published=published)


def _announced(item: Tag, page: Page) -> Release:
    when = reading.text(reading.one(item, "p.cta__text", "an announced date"))
    return replace(_entry(item, page), expected=reading.day_or_month(when))


def _entry(item: Tag, page: Page) -> Release:
    button = reading.one(item, "a.cta__button", "a publication's link")
    url = reading.link(button, page, "a publication")
    key = urlsplit(url).path.rstrip("/").rpartition("/")[2]
    if not key:
        raise SourceChanged("a publication's address", reading.short(url))
    return Release(key=key, title=reading.text(button), url=url)


def _each_once(releases: list[Release]) -> None:
    keys = [release.key for release in releases]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise SourceChanged("each publication once", f"{twice} twice")


def _coverage(root: Tag) -> tuple[date, date] | None:
    """Return the days covered. Both forms of them must agree; old pages lack the one for machines."""
    meta = reading.at_most_one(root, 'meta[itemprop="temporalCoverage"]', "the days covered")
    shown = reading.at_most_one(root, _RANGE, "the date range")
    if meta is None:
        return None
    content = reading.attribute(meta, "content", "the days covered")
    match = _COVERAGE.fullmatch(content)
    try:
        first, last = (date.fromisoformat(part) for part in match.groups()) if match else (None, None)
    except ValueError:
        first = last = None
    if first is None or last is None or first > last:
        raise SourceChanged("days covered such as 2025-04-01/2025-04-30", reading.short(content))
    if shown is not None and " to " in reading.text(shown):
        start, _, end = reading.text(shown).partition(" to ")
        if (reading.day(start), reading.day(end)) != (first, last):
            raise SourceChanged(f"the date range {content}", reading.short(reading.text(shown)))
    return first, last


def _files(root: Tag, page: Page) -> Iterator[str]:
    for attachment in root.select(_FILES):
        yield reading.link(reading.one(attachment, "a[href]", "a file's link"), page, "a file")


def _notices(root: Tag) -> Iterator[Notice]:
    for box in root.select("div.nhsd-m-emphasis-box"):
        when = reading.at_most_one(box, "p.nhsd-t-body-s", "a notice's date")
        if when is None:  # emphasis boxes also frame ordinary text; only a notice is dated
            continue
        at = reading.stamp(reading.text(when))
        title = reading.text(reading.one(box, "p.nhsd-t-heading-s", "a notice's title"))
        yield Notice(at, title, reading.text(reading.one(box, "div.nhsd-t-body-s", "a notice's text")))


def _last_edited(root: Tag) -> datetime | None:
    node = reading.at_most_one(root, "p#last-edited", "the last edit")
    if node is None:
        return None
    written = reading.text(node)
    if not written.startswith("Last edited: "):
        raise SourceChanged("'Last edited: …'", reading.short(written))
    return reading.stamp(written.removeprefix("Last edited: "))
