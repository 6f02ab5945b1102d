"""Strict readers for pages, JSON, numbers and dates: exactly what is known, or SourceChanged."""

from __future__ import annotations

import codecs
import csv
import gc
import io
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from functools import lru_cache, wraps
from threading import RLock
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec, TypeVar
from urllib.parse import urljoin, urlsplit

from scrapers.toolkit.contract import LONDON, Page, SourceChanged

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag
    from lxml.etree import _Element

P = ParamSpec("P")
T = TypeVar("T")

MONTHS = (
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)
# Java's short names for the UK are of three letters, but for September it has said both.
MONTH_NUMBERS: Mapping[str, int] = {
    name: number
    for number, month in enumerate(MONTHS, start=1)
    for name in (month, month[:3], *(["Sept"] if month == "September" else []))
}
_DAY = re.compile(r"(\d{1,2}) ([A-Z][a-z]+) (\d{4})")
_MONTH = re.compile(r"([A-Z][a-z]+) (\d{4})")
_STAMP = re.compile(r"(\d{1,2} [A-Z][a-z]+ \d{4}) (\d{1,2}):(\d{2}) ([AaPp][Mm])")
_ADDRESS = re.compile(r"""[^\x00-\x1f\x7f<>"{}|\\^`]{1,500}""")  # the longest in use have 230 characters
# Python knows codecs that make other text of plain bytes, as idna and unicode_escape.
_CHARSETS = frozenset(
    {"utf-8", "utf-8-sig", "ascii", "iso8859-1", "iso8859-15", "cp1252", "utf-16", "utf-16-le", "utf-16-be"}
)
_DECLARED = re.compile(rb'\s*<\?xml[^>]*\bencoding=["\'](?P<charset>[\w-]+)["\']')
_LONGEST_INTEGER = 15  # digits; more would not survive as a float
_taking_apart = RLock()


@contextmanager
def reading(page: Page) -> Iterator[None]:
    """Add the page's address and body to each SourceChanged raised inside."""
    try:
        yield
    except SourceChanged as changed:
        changed.url = changed.url or page.url
        changed.body = changed.body or page.body
        raise


def remembered(most: int) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Let a function remember what it read of its last so many pages, and read one page at a time.

    Most looks find a page as it was. A page that is taken apart holds some MiB, and all sources may get
    theirs at once; so no two threads do it at a time, nor twice for the same page.
    """

    def decorate(read: Callable[P, T]) -> Callable[P, T]:
        @lru_cache(maxsize=most)
        def tidily(*args: P.args, **kwargs: P.kwargs) -> T:
            found = read(*args, **kwargs)
            gc.collect(0)  # its parts refer to each other, and nobody else would look for them soon
            return found

        @wraps(read)
        def one_at_a_time(*args: P.args, **kwargs: P.kwargs) -> T:
            with _taking_apart:
                return tidily(*args, **kwargs)  # type: ignore[arg-type]  # pages can be hashed

        return one_at_a_time

    return decorate


def short(found: object) -> str:
    """Return what was found, quoted and cut to fit into one line."""
    quoted = repr(found)
    return quoted if len(quoted) <= 80 else quoted[:77] + "…" + quoted[-1]


def decode(page: Page) -> str:
    """Return a page's text: by its byte order mark or declared charset, UTF-8 otherwise; never by guess."""
    charset = "utf-8-sig" if page.body.startswith(b"\xef\xbb\xbf") else (page.charset or "utf-8")
    try:
        known = codecs.lookup(charset).name in _CHARSETS
    except (LookupError, ValueError):
        known = False
    if not known:
        raise SourceChanged("a charset of the web", short(charset), url=page.url, body=page.body)
    try:
        return page.body.decode(charset)
    except UnicodeError:
        raise SourceChanged(
            f"text in {charset}", "bytes that are not", url=page.url, body=page.body
        ) from None


def csv_rows(text: str) -> Iterator[list[str]]:
    """Yield the rows of a small CSV file, strictly quoted; blank lines are rows without cells."""
    try:
        yield from csv.reader(io.StringIO(text, newline=""), strict=True)
    except csv.Error as error:
        raise SourceChanged("a CSV file", short(str(error))) from None


def soup(page: Page) -> BeautifulSoup:
    """Return a parsed HTML page."""
    from bs4 import BeautifulSoup
    from bs4.exceptions import ParserRejectedMarkup

    markup = decode(page).strip()
    if not markup.startswith("<") or markup.startswith("<?"):
        found = f"text that starts {short(markup[:40])}" if markup else "an empty page"
        raise SourceChanged("an HTML page", found, url=page.url, body=page.body)
    try:
        return BeautifulSoup(markup, "lxml")
    except (ParserRejectedMarkup, RecursionError):
        raise SourceChanged("an HTML page", "broken markup", url=page.url, body=page.body) from None


def xml(page: Page) -> _Element:
    """Return the root of an XML document, which has no DTD: nothing is expanded or read from elsewhere."""
    from lxml import etree

    declared = _DECLARED.match(page.body)
    charset = page.charset or (declared["charset"].decode() if declared else None)
    markup = decode(replace(page, charset=charset)).strip()
    markup = markup[markup.index("?>") + 2 :] if markup.startswith("<?xml") and "?>" in markup else markup
    if "<!DOCTYPE" in markup:
        raise SourceChanged("XML without a document type", "one", url=page.url, body=page.body)
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False, remove_comments=True
    )
    try:
        return etree.fromstring(markup.strip(), parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        found = short(str(error)) if markup else "an empty page"
        raise SourceChanged("XML", found, url=page.url, body=page.body) from None


def one(node: Tag, css: str, what: str) -> Tag:
    """Return the only element that matches `css`; `what` says in words what it is."""
    found = node.select(css)
    if len(found) != 1:
        raise SourceChanged(f"one element for {what} ({css})", f"{len(found)}")
    return found[0]


def at_most_one(node: Tag, css: str, what: str) -> Tag | None:
    """Return the only element that matches `css`, or None where there is none."""
    found = node.select(css)
    if len(found) > 1:
        raise SourceChanged(f"at most one element for {what} ({css})", f"{len(found)}")
    return found[0] if found else None


def text(node: Tag) -> str:
    """Return an element's text with white space collapsed."""
    return " ".join(node.get_text().split())


def said(node: Tag, pattern: re.Pattern[str], what: str) -> re.Match[str]:
    """Return the only match of `pattern` in an element's text; `what` says in words what it is."""
    found = list(pattern.finditer(text(node)))
    if len(found) != 1:
        which = f": {short(', '.join(match[0] for match in found))}" if found else ""
        raise SourceChanged(f"{what} once", f"{len(found)}{which}")
    return found[0]


def attribute(node: Tag, name: str, what: str) -> str:
    """Return a filled attribute of an element."""
    value = node.get(name)
    if not isinstance(value, str) or not value.strip():
        raise SourceChanged(f"{name} of {what}", "none")
    return value.strip()


def link(node: Tag, page: Page, what: str, name: str = "href") -> str:
    """Return an element's address, made absolute against its page's."""
    return absolute(attribute(node, name, what), page, what)


def absolute(value: str, page: Page, what: str) -> str:
    """Return an address of the web as it is written in a page, made absolute against the page's."""
    try:
        address = urljoin(page.url, value)
        parts = urlsplit(address)
    except ValueError:
        raise SourceChanged(f"an address for {what}", short(value)) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or not _ADDRESS.fullmatch(address):
        raise SourceChanged(f"an address for {what}", short(value))
    return address


def strict_json(document: str, number: Callable[[str], Any] | None = None) -> Any:
    """Return a JSON document; refuse NaN, infinity, integers of over 15 digits and doubled keys.

    `number` makes something else of each number as it is written, whatever its size.
    """
    value, end = _decode_json(document, 0, number)
    if document[end:].strip():
        raise SourceChanged("one JSON document", f"more after it: {short(document[end : end + 40])}")
    return value


def json_after(document: str, marker: re.Pattern[str]) -> Any:
    """Return the JSON value that follows the only match of `marker`, as in a script's assignment."""
    matches = list(marker.finditer(document))
    if len(matches) != 1:
        raise SourceChanged(f"one {marker.pattern} in the script", f"{len(matches)}")
    value, _ = _decode_json(document, matches[0].end())
    return value


def _decode_json(document: str, start: int, number: Callable[[str], Any] | None = None) -> tuple[Any, int]:
    decoder = json.JSONDecoder(
        object_pairs_hook=_unique,
        parse_constant=_refuse,
        parse_int=number or _integer,
        parse_float=number or _finite,
    )
    blank = re.compile(r"\s*").match(document, start)
    try:
        return decoder.raw_decode(document, blank.end() if blank else start)
    except json.JSONDecodeError as error:
        near = document[error.pos : error.pos + 40]
        found = f"{short(near)}: {error.msg}" if near else "its end too early"
        raise SourceChanged("JSON", found) from None
    except RecursionError:
        raise SourceChanged("JSON", "too many levels") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        names = [name for name, _ in pairs]
        raise SourceChanged(
            "each JSON key once", short(next(n for n in names if names.count(n) > 1)) + " twice"
        )
    return values


def _refuse(constant: str) -> NoReturn:
    raise SourceChanged("a JSON number", constant)


def _integer(digits: str) -> int:
    if digits == "-0":
        raise SourceChanged("a JSON number", digits)
    if len(digits.lstrip("-")) > _LONGEST_INTEGER:
        raise SourceChanged("a JSON number", f"an integer of {len(digits)} digits")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise SourceChanged("a JSON number", short(digits))
    return number


def field(values: object, *path: str) -> Any:
    """Return what lies under `path` in a JSON document, which must be there."""
    for depth, name in enumerate(path, start=1):
        if not isinstance(values, dict) or name not in values:
            raise SourceChanged(".".join(path[:depth]), "nothing of that name")
        values = values[name]
    return values


def count(value: object, what: str) -> int:
    """Return a JSON number that must be whole and not negative."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise SourceChanged(f"a whole number for {what}", short(value))
    return value


def day(written: str) -> date:
    """Return a day written `12 June 2025` or `12 Jun 2025`."""
    match = _DAY.fullmatch(written)
    if match:
        try:
            return date(int(match[3]), MONTH_NUMBERS[match[2]], int(match[1]))
        except (KeyError, ValueError):
            pass
    raise SourceChanged("a day such as 12 June 2025", short(written))


def day_or_month(written: str) -> str:
    """Return `2025-06-12` for a day, or `2025-09` where only a month such as `Sept 2025` is announced."""
    match = _MONTH.fullmatch(written)
    if match and match[1] in MONTH_NUMBERS:
        return f"{match[2]}-{MONTH_NUMBERS[match[1]]:02}"
    return day(written).isoformat()


def stamp(written: str) -> datetime:
    """Return the moment, by London's clock, of `3 July 2018 2:51 pm`.

    The site also prints the 24-hour clock with a half of the day, as `3 February 2022 13:06 PM`.
    """
    match = _STAMP.fullmatch(written)
    if match:
        hour, minute, half = int(match[2]), int(match[3]), match[4].lower()
        if hour <= 12:
            hour = hour % 12 + (12 if half == "pm" else 0)
        on = day(match[1])
        try:
            return datetime(on.year, on.month, on.day, hour, minute, tzinfo=LONDON)
        except ValueError:
            pass
    raise SourceChanged("a time such as 3 July 2018 2:51 pm", short(written))
