"""Feeds in which a publisher lists what it put up: RSS 2.0 and Atom, read strictly."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from html import unescape
from typing import TYPE_CHECKING, NamedTuple

from scrapers.toolkit import reading
from scrapers.toolkit.contract import Page, SourceChanged

if TYPE_CHECKING:
    from lxml.etree import _Element

TYPES = frozenset({"application/rss+xml", "application/atom+xml", "application/xml", "text/xml"})
LIMIT = 2 * 1024 * 1024  # bytes
MOST_ITEMS = 2_000
_ATOM = "{http://www.w3.org/2005/Atom}"
_TAG = re.compile(r"<[^<>]*>")


class Item(NamedTuple):
    """One item of a feed, in plain text. `at` is when it was put up or last changed, where the feed says."""

    id: str
    title: str
    text: str
    url: str
    at: datetime | None


def items(page: Page) -> list[Item]:
    """Return the items of a feed, of which there must be one; raise SourceChanged for what is no feed."""
    with reading.reading(page):
        root = reading.xml(page)
        read = {"rss": _rss, f"{_ATOM}feed": _atom}.get(root.tag)
        if read is None:
            raise SourceChanged("an RSS or Atom feed", reading.short(str(root.tag)))
        found = list(read(root, page))
        if not 0 < len(found) <= MOST_ITEMS:
            raise SourceChanged(f"1 to {MOST_ITEMS:,} items", f"{len(found)}")
        if len({item.id for item in found}) < len(found):
            raise SourceChanged("items with ids of their own", "one twice")
    return found


def _rss(root: _Element, page: Page) -> Iterator[Item]:
    if root.get("version") != "2.0":
        raise SourceChanged("RSS 2.0", reading.short(root.get("version")))
    channels = root.findall("channel")
    if len(channels) != 1:
        raise SourceChanged("one channel", f"{len(channels)}")
    for node in channels[0].findall("item"):
        url = reading.absolute(_text(node, "link"), page, "an item")
        at = _text(node, "pubDate")
        yield Item(
            _text(node, "guid") or url,
            _title(node, "title"),
            _plain(_text(node, "description")),
            url,
            _time(at) if at else None,
        )


def _atom(root: _Element, page: Page) -> Iterator[Item]:
    for node in root.findall(f"{_ATOM}entry"):
        links = [link for link in node.findall(f"{_ATOM}link") if link.get("rel", "alternate") == "alternate"]
        url = reading.absolute(links[0].get("href", "") if links else "", page, "an item")
        at = _text(node, f"{_ATOM}updated")
        text = _text(node, f"{_ATOM}summary") or _text(node, f"{_ATOM}content")
        yield Item(
            _text(node, f"{_ATOM}id") or url,
            _title(node, f"{_ATOM}title"),
            _plain(text),
            url,
            _time(at) if at else None,
        )


def _text(node: _Element, tag: str) -> str:
    """Return the text of the only child of this name, as it is written; nothing where there is none."""
    found = node.findall(tag)
    if len(found) > 1:
        raise SourceChanged(f"one {tag.removeprefix(_ATOM)} in an item", f"{len(found)}")
    return "".join(found[0].itertext()).strip() if found else ""


def _title(node: _Element, tag: str) -> str:
    title = _plain(_text(node, tag))
    if not title:
        raise SourceChanged("an item with a title", "one without")
    return title


def _plain(written: str) -> str:
    """Return a text without the HTML that is in it."""
    return " ".join(unescape(_TAG.sub(" ", written)).split())


def _time(written: str) -> datetime:
    """Return the moment of `Thu, 12 Jun 2025 08:30:01 GMT` or `2025-06-12T08:30:01Z`."""
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            at = read(written)
        except (ValueError, TypeError):
            continue
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    raise SourceChanged("a time such as Thu, 12 Jun 2025 08:30:01 GMT", reading.short(written))
