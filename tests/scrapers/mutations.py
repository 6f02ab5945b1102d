"""Damage captured pages at random, and judge what a source makes of them by a reading of our own."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any
from xml.etree import ElementTree

import httpx

import scrapers
from scrapers.toolkit.capture import Look, look
from scrapers.toolkit.contract import Fact, Figure, Item, Notice, Page, Scraper, SourceChanged
from scrapers.toolkit.web import PAGE_LIMIT, Answer, page_of
from tests.fakes.sites import Content, read_file

# The sources of which the judge knows what a page says; of others it sees only that nothing else goes wrong.
JUDGED = frozenset({"konp_petition", "parliament_petition", "talking_therapies_monthly"})
PATIENCE = 20.0  # seconds; a reading takes some milliseconds
WORKBOOK = "xl/workbook.xml"
KINDS = {"CCG": "SubICB", "CCG/Provider": "SubICB/Provider"}
NASTY = (
    *(
        b"NaN",
        b"nan",
        b"Infinity",
        b"-inf",
        b"1e999",
        b"-1",
        b"-0",
        b"0x10",
        b"1_000",
        b"1,000",
        b"1.50",
        b"1e3",
    ),
    *(
        b"9" * 25,
        b"0.0000001",
        b" ",
        b"\t",
        b"\r",
        b"\n",
        b"\r\n",
        b"\x00",
        b"\x1b",
        b"\xff",
        b"\xc3",
        b"\xe2\x80\xae",
    ),
    *(
        "\u00a0\u2028\u0663".encode(),
        b"\xef\xbb\xbf",
        b'"',
        b"'",
        b'""',
        b",",
        b";",
        b"{",
        b"}",
        b"[",
        b"]",
        b":",
    ),
    *(
        b"<",
        b">",
        b"</",
        b"<!--",
        b"-->",
        b"<![CDATA[",
        b"&",
        b"&#0;",
        b"&#xD800;",
        b"&amp;",
        b"*",
        b"-",
        b"null",
    ),
    *(
        b"true",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"<div>" * 2_000,
        b"<ul><li>",
        b"2026-13-45",
        b"31 February 2025",
    ),
    *(
        b"\xd9\xa1\xd9\xa2",
        b"%",
        b"%2e%2e",
        b"..",
        b"://",
        b"http://[",
        b"javascript:alert(1)",
        b"all",
        b"England",
    ),
)
TYPES = (
    "text/html",
    "text/csv",
    "application/json",
    "text/html; charset=utf-16",
    "text/csv; charset=latin-1",
    "",
)
CHARSETS = (
    "ascii",
    "utf-7",
    "utf-16",
    "cp037",
    "idna",
    "punycode",
    "base64",
    "undefined",
    "unicode_escape",
    "no-such",
)


@dataclass(frozen=True, slots=True)
class Capture:
    """A captured look at a source: how to make the source, when it looked, and each page by its address."""

    name: str
    entry: Mapping[str, Any]
    taken: datetime
    pages: Mapping[str, Content]

    def source(self) -> Scraper:
        """Return the source that looked."""
        return scrapers.load(self.name)(self.entry)


def captures(folder: Path) -> list[Capture]:
    """Return all captures under a folder."""
    return [_capture(path.parent) for path in sorted(folder.glob("*/*/capture.json"))]


def _capture(folder: Path) -> Capture:
    about = json.loads((folder / "capture.json").read_text())
    pages = {}
    for path in sorted(folder.glob("*/**/*")):
        if path.is_file() and not path.name.endswith(".meta.json"):
            place = path.relative_to(folder).as_posix().removesuffix("/index.html")
            pages[f"https://{place}"] = read_file(path)
    return Capture(folder.parent.name, about["entry"], datetime.fromisoformat(about["taken"]), pages)


class StillWeb:
    """A web of these pages, with all the checks of the real one but no network; remembers what was served."""

    def __init__(self, pages: Mapping[str, Content]) -> None:
        self._pages = pages
        self.served: dict[str, Page] = {}

    async def get(self, url: str, *, accept: Collection[str], limit: int = PAGE_LIMIT) -> Page:
        """Return the page at `url` as the real web would."""
        content = self._pages.get(url.rstrip("/"))
        if content is None:
            raise SourceChanged("a page", "404 Not Found", url=url)
        headers = httpx.Headers({"content-type": content.content_type})
        page = page_of(url, Answer(200, headers, content.body), None, accept, limit)
        self.served[url] = page
        return page


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a damaged capture: the look, the pages that it saw, and how long it took in seconds."""

    look: Look
    served: Mapping[str, Page]
    took: float


def read(capture: Capture, pages: Mapping[str, Content]) -> Outcome:
    """Look at a capture with these pages in place of its own."""
    web, began = StillWeb(pages), monotonic()
    found = asyncio.run(look(capture.source(), web, capture.taken))
    return Outcome(found, web.served, monotonic() - began)


def damaged(capture: Capture, random: Random) -> dict[str, Content]:
    """Return a capture's pages with one of them damaged in one to three ways."""
    url = random.choice(list(capture.pages))
    content = capture.pages[url]
    if random.random() < 0.04:
        kind = random.choice(
            (*TYPES, f"{content.content_type.partition(';')[0]}; charset={random.choice(CHARSETS)}")
        )
        return {**capture.pages, url: replace(content, content_type=kind)}
    body = content.body
    for _ in range(random.randint(1, 3)):
        body = _damaged_zip(body, random) if body.startswith(b"PK") else _damaged(body, random)
    return {**capture.pages, url: replace(content, body=body)}


def _damaged_zip(body: bytes, random: Random) -> bytes:
    """Damage the archive, or a file in it with the archive whole."""
    if random.random() < 0.3:
        return _damaged(body, random)
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
    except Exception:  # damaged already
        return _damaged(body, random)
    name = random.choice(list(files))
    files[name] = _damaged(files[name], random)
    if random.random() < 0.05:
        files[random.choice(["more.csv", "../x", "a/b", name.upper()])] = b"x"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def _damaged(body: bytes, random: Random) -> bytes:
    return random.choice(_WAYS)(body, random)


def _span(body: bytes, random: Random, longest: int = 200) -> tuple[int, int]:
    start = random.randrange(len(body) + 1)
    return start, min(len(body), start + random.randint(1, longest))


def _flip(body: bytes, random: Random) -> bytes:
    if not body:
        return b"\xff"
    place = random.randrange(len(body))
    return body[:place] + bytes([body[place] ^ 1 << random.randrange(8)]) + body[place + 1 :]


def _insert(body: bytes, random: Random) -> bytes:
    place = random.randrange(len(body) + 1)
    return body[:place] + random.choice(NASTY) + body[place:]


def _overwrite(body: bytes, random: Random) -> bytes:
    start, end = _span(body, random, 12)
    return body[:start] + random.choice(NASTY) + body[end:]


def _delete(body: bytes, random: Random) -> bytes:
    start, end = _span(body, random)
    return body[:start] + body[end:]


def _repeat(body: bytes, random: Random) -> bytes:
    start, end = _span(body, random, 2_000)
    return body[:end] + body[start:end] * random.randint(1, 3) + body[end:]


def _cut(body: bytes, random: Random) -> bytes:
    return body[: random.randrange(len(body) + 1)]


def _number(body: bytes, random: Random) -> bytes:
    """Put another number, or something like one, where a number stands."""
    found = list(re.finditer(rb"\d+(?:\.\d+)?", body))
    if not found:
        return _insert(body, random)
    match = random.choice(found)
    new = random.choice(
        (*NASTY[:14], str(random.randrange(200_000)).encode(), match[0] + b"0", b"0." + match[0])
    )
    return body[: match.start()] + new + body[match.end() :]


def _lines(body: bytes, random: Random) -> bytes:
    """Swap, drop or repeat lines."""
    lines = body.split(b"\n")
    one, other = random.randrange(len(lines)), random.randrange(len(lines))
    match random.randrange(3):
        case 0:
            lines[one], lines[other] = lines[other], lines[one]
        case 1:
            del lines[one]
        case _:
            lines.insert(one, lines[other])
    return b"\n".join(lines)


def _columns(body: bytes, random: Random) -> bytes:
    """Swap two columns, of all lines or of the header alone."""
    lines = [line.split(b",") for line in body.split(b"\n")]
    width = len(lines[0])
    one, other = random.randrange(width), random.randrange(width)
    for line in lines[: random.choice([1, None])]:
        if len(line) >= width:
            line[one], line[other] = line[other], line[one]
    return b"\n".join(b",".join(line) for line in lines)


def _swap(body: bytes, random: Random) -> bytes:
    """Swap two words."""
    words = list(re.finditer(rb"\w+", body))
    if len(words) < 2:
        return _insert(body, random)
    first, second = sorted(random.sample(words, 2), key=lambda word: word.start())
    return b"".join(
        (
            body[: first.start()],
            second[0],
            body[first.end() : second.start()],
            first[0],
            body[second.end() :],
        )
    )


def _recode(body: bytes, random: Random) -> bytes:
    charset = random.choice(["utf-16", "utf-8-sig", "latin-1", "utf-32"])
    return body.decode("utf-8", "replace").encode(charset, "replace")


_WAYS: tuple[Callable[[bytes, Random], bytes], ...] = (
    *(_flip, _insert, _overwrite, _delete, _repeat, _cut, _number, _number, _lines, _columns, _swap, _recode),
)


def invented(outcome: Outcome) -> list[Item]:
    """Return what was read although it does not stand at its place in the pages that were served."""
    said = set().union(*(set(_said(page)) for page in outcome.served.values()))
    return [
        item
        for item in outcome.look.figures
        if not (isinstance(item, Figure) and item.measure.id == "displayed_target")
        and _place(item) not in said
        and not _is_quoted(item, outcome.served.values())
    ]


def _is_quoted(item: Item, served: Collection[Page]) -> bool:
    """Return whether a fact is a row in the publisher's words, all of which stand in one page."""
    if not (isinstance(item, Fact) and item.value and item.value[0] in "{["):
        return False
    words = [item.name, *_leaves(json.loads(item.value))]
    return any(all(word in text for word in words) for text in map(_all_text, served))


def _leaves(value: object) -> Iterator[str]:
    """Yield the texts in a JSON value; a day as reports write it."""
    if isinstance(value, str):
        yield value.replace("-", "") if re.fullmatch(r"\d{4}-\d\d-\d\d", value) else " ".join(value.split())
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _leaves(inner)


def _all_text(page: Page) -> str:
    """Return all that a page says, with white space collapsed."""
    if not page.body.startswith(b"PK"):
        return " ".join(_text(page).replace('""', '"').split())
    with zipfile.ZipFile(io.BytesIO(page.body)) as archive:
        parts = [archive.read(name) for name in archive.namelist() if name.endswith(".xml")]
    return " ".join(
        " ".join(text.split()) for part in parts for text in ElementTree.fromstring(part).itertext()
    )


def _place(item: Item) -> tuple[object, ...]:
    if isinstance(item, Fact):
        return item.name, item.value
    if isinstance(item, Notice):
        return item.key, item.title
    if item.measure.id == "signatures":
        return "signatures", item.value
    return item.period, item.area.kind, item.area.code, item.measure.id, item.value


def _said(page: Page) -> Iterator[tuple[object, ...]]:
    """Yield all that a page says, by a reader that knows nothing of the strict ones."""
    if page.body.startswith(b"PK"):
        yield from _said_by_zip(page.body)
    elif page.content_type.endswith("json"):
        attributes = json.loads(_text(page))["data"]["attributes"]
        yield "signatures", attributes["signature_count"]
        yield from ((name, value) for name, value in attributes.items() if isinstance(value, str | None))
        yield from ((name, None) for name in _NOT_YET if name not in attributes)
    elif "javascript" in page.content_type:
        for count in re.findall(r'"count"\s*:\s*(\d+)', _text(page)):
            yield "signatures", int(count)
    else:
        yield from _said_by_rows(
            csv.reader(io.StringIO(page.body.decode("utf-8-sig", "replace"), newline=""))
        )


def _text(page: Page) -> str:
    marked = page.body.startswith(b"\xef\xbb\xbf")
    return page.body.decode("utf-8-sig" if marked else page.charset or "utf-8", "replace")


_NOT_YET = (
    *("government_response_at", "debate_threshold_reached_at", "response_threshold_reached_at"),
    *("scheduled_debate_date", "debate_outcome_at", "closed_at", "rejected_at", "opened_at"),
)


def _said_by_zip(body: bytes) -> Iterator[tuple[object, ...]]:
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        if WORKBOOK not in archive.namelist():
            for name in archive.namelist():
                if name.lower().endswith(".csv"):
                    text = archive.read(name).decode("utf-8-sig", "replace")
                    yield from _said_by_rows(csv.reader(io.StringIO(text, newline="")))
            return
        for name in archive.namelist():
            if name.startswith("xl/worksheets/"):
                yield from _said_by_rows(_cells(archive.read(name)))


def _cells(sheet: bytes) -> Iterator[list[str]]:
    """Yield the texts of each row of a sheet, a day as in ISO 8601."""
    for row in ElementTree.fromstring(sheet).iterfind(".//{*}row"):
        cells: dict[int, str] = {}
        for cell in row.iterfind("{*}c"):
            text = "".join(cell.itertext())
            if cell.get("s") == "1" and text.isdecimal():
                text = (date(1899, 12, 30) + timedelta(days=int(text[:6]))).isoformat()
            column = re.match("[A-Z]+", cell.get("r", ""))
            cells[ord(column[0][-1]) - ord("A") if column else len(cells)] = text
        yield [cells.get(place, "") for place in range(26)]


csv.field_size_limit(2**30)


def _said_by_rows(rows: Iterator[list[str]]) -> Iterator[tuple[object, ...]]:
    header = next(rows, [])
    for row in rows:
        cells = dict(zip(header, row, strict=False))
        kind = KINDS.get(cells.get("GROUP_TYPE", ""), cells.get("GROUP_TYPE", ""))
        side = "2" if kind == "Provider" else "1"
        code = "England" if kind == "England" else cells.get(f"ORG_CODE{side}")
        value = cells.get("MEASURE_VALUE_SUPPRESSED", cells.get("MEASURE_VALUE", ""))
        yield (
            _month(cells.get("REPORTING_PERIOD_START", "")),
            kind,
            code,
            cells.get("MEASURE_ID"),
            _value(value),
        )


def _month(day: str) -> str:
    swapped = re.fullmatch(r"\d\d/(\d\d)/(\d{4})", day)
    return f"{swapped[2]}-{swapped[1]}" if swapped else day[:7]


def _value(text: str) -> object:
    if text in ("*", "-"):
        return None
    try:
        return float(text)
    except ValueError:
        return text


@dataclass(slots=True)
class Tally:
    """How many damaged captures were read to figures, and how many were refused."""

    read: int = 0
    refused: Counter[str] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        self.refused = Counter()


def fuzz(known: list[Capture], seeds: range) -> Tally:
    """Damage a capture for each seed and check what is made of it. An AssertionError names the seed."""
    tally = Tally()
    for seed in seeds:
        random = Random(seed)
        capture = random.choice(known)
        pages = damaged(capture, random)
        try:
            outcome = read(capture, pages)
        except BaseException as error:  # a panic of a library in Rust is no Exception
            raise AssertionError(f"seed {seed}, {capture.name}: {type(error).__name__}: {error}") from error
        assert outcome.took < PATIENCE, f"seed {seed}, {capture.name}: took {outcome.took:.1f} s"
        if outcome.look.refusal is not None:
            said = str(outcome.look.refusal)
            assert "\n" not in said, f"seed {seed}: {said!r}"
            assert len(said) < 700, f"seed {seed}: {said!r}"
            tally.refused[outcome.look.refusal.expected[:40]] += 1
            continue
        wrong = invented(outcome) if capture.name in JUDGED else []
        assert not wrong, f"seed {seed}, {capture.name}: {wrong[:3]}"
        tally.read += 1
    return tally
