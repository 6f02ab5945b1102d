"""Look at a source once and keep what it saw: the pages as served, and the figures for a person to check."""

from __future__ import annotations

import asyncio
import json
import mimetypes
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from scrapers.toolkit.contract import (
    LIVE,
    Fact,
    Figure,
    Item,
    Notice,
    Page,
    Release,
    Scraper,
    SourceChanged,
    Statement,
    Web,
)

PAGE_LIMIT = 8 * 1024 * 1024
FIGURES, ABOUT = "figures.txt", "capture.json"


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at a source found: its releases, and the figures of the newest that has any.

    `said` are the figures that its witness says in words.
    """

    releases: Sequence[Release]
    figures: Sequence[Item] = ()
    refusal: SourceChanged | None = None
    said: Sequence[Statement] = ()

    def __str__(self) -> str:
        """Return releases and figures, one a line, in columns divided by a tab."""
        lines = [_release_line(release) for release in self.releases]
        lines += [_said_line(statement) for statement in self.said]
        lines += [_item_line(item) for item in self.figures]
        if self.refusal is not None:
            lines.append(f"refused\t{self.refusal}")
        return "\n".join(lines) + "\n"


async def look(source: Scraper, web: Web, now: datetime) -> Look:
    """Ask a source for its releases and read the newest that is out and has figures."""
    releases: Sequence[Release] = ()
    try:
        releases = await source.releases(web)
        for release in releases:
            if release.key == LIVE or (release.published is not None and release.file):
                witness = await source.witness(release, web)
                said = list(source.testify(witness, now)) if witness else []
                figures = list(source.read(await source.fetch(release, web), now))
                return Look(releases, figures, said=said)
    except SourceChanged as refusal:
        return Look(releases, refusal=refusal)
    return Look(releases)


class Recorder:
    """A web that keeps each page as it was served."""

    def __init__(self, web: Web) -> None:
        self._web = web
        self._pages: dict[str, Page] = {}

    @property
    def asked(self) -> Collection[str]:
        """Return the addresses of the pages that were asked for."""
        return self._pages.keys()

    async def get(self, url: str, *, accept: Collection[str], limit: int = PAGE_LIMIT) -> Page:
        """Return the page at `url` and keep it."""
        page = await self._web.get(url, accept=accept, limit=limit)
        self._pages[url] = page
        return page

    def save(self, folder: Path, found: Look, entry: Mapping[str, Any], now: datetime) -> None:
        """Write the pages under `folder/host/path`, with figures.txt and what it takes to read them again."""
        for url, page in self._pages.items():
            _save_page(folder, url, page)
        (folder / FIGURES).write_text(str(found), encoding="utf-8")
        about = {"taken": now.isoformat(timespec="seconds"), "entry": dict(entry)}
        (folder / ABOUT).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


class SavedWeb:
    """A web of the pages that were saved in a folder: no request is made."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def get(self, url: str, *, accept: Collection[str], limit: int = PAGE_LIMIT) -> Page:
        """Return the page that was saved from `url`."""
        place = _place(self._folder, url)
        if not place.is_file():
            raise SourceChanged("a saved page", f"none at {place}", url=url)
        kind, _, charset = _served_as(place).partition("; charset=")
        if kind not in accept:
            raise SourceChanged(" or ".join(sorted(accept)), kind or "no content type", url=url)
        return Page(url, place.read_bytes(), kind, charset or None)


def look_again(source_of: Callable[[Mapping[str, Any]], Scraper], folder: Path) -> Look:
    """Look at a capture; `source_of` makes the source from the entry with which it was taken."""
    about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    source, taken = source_of(about["entry"]), datetime.fromisoformat(about["taken"])
    return asyncio.run(look(source, SavedWeb(folder), taken))


def _place(folder: Path, url: str) -> Path:
    """Return where a page is saved. One that has others below it, as a series has, is its folder's index."""
    parts = urlsplit(url)
    place = folder / parts.netloc / parts.path.lstrip("/")
    if parts.query:
        place = place.with_name(f"{place.name}?{parts.query}")
    return place / "index.html" if parts.path.endswith("/") or not place.suffix else place


def _save_page(folder: Path, url: str, page: Page) -> None:
    place = _place(folder, url)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(page.body)
    if page.content_type != _guessed(place) or page.charset not in (None, "utf-8"):
        served = page.content_type + (f"; charset={page.charset}" if page.charset else "")
        _beside(place).write_text(json.dumps({"content_type": served}) + "\n", encoding="utf-8")


def _served_as(place: Path) -> str:
    """Return the content type with which a saved page came."""
    meta = _beside(place)
    if meta.is_file():
        return str(json.loads(meta.read_text(encoding="utf-8"))["content_type"])
    return _guessed(place)


def _beside(place: Path) -> Path:
    return place.with_name(f"{place.name}.meta.json")


def _guessed(place: Path) -> str:
    return mimetypes.guess_type(place.name.partition("?")[0])[0] or ""


def _release_line(release: Release) -> str:
    if release.key == LIVE:
        return f"release\t{LIVE}"
    out = release.published
    when = f"out {out:%Y-%m-%d %H:%M}" if out else f"expected {release.expected or '-'}"
    columns = [release.key, release.period, when, release.file, release.notice]
    return "\t".join(["release", *(column or "-" for column in columns)])


def _said_line(statement: Statement) -> str:
    (measure, area, period, value), decimals = statement
    return "\t".join(["said", period, area.kind, area.code, measure.id, f"{value:.{decimals}f}"])


def _item_line(item: Item) -> str:
    match item:
        case Fact(name, said):
            return f"fact\t{name}\t{'-' if said is None else said}"
        case Notice():
            return f"notice\t{item.key}\t{item.title}"
        case Figure(measure, area, period, value):
            shown = "withheld" if value is None else f"{value:.15g}"
            return "\t".join([period, area.kind, area.code, measure.id, shown])
