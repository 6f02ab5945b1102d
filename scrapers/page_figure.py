"""A figure on any public page, for which there is no source: a watch without code.

A `[[source]]` entry of the campaign file says where the figure stands, how it is written, and between which
bounds it is believed. What is found otherwise is told to the operator and never stored. `figurewatch try`
writes such entries.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from scrapers.toolkit import entries, reading, written
from scrapers.toolkit.contract import (
    ENGLAND,
    Area,
    Every,
    Fetched,
    Figure,
    LiveScraper,
    Measure,
    Release,
    SourceChanged,
    Unit,
    Web,
    reading_period,
)
from scrapers.toolkit.places import HTML, KEYS, Document, Place
from scrapers.toolkit.written import Written

HTML_LIMIT = 2 * 1024 * 1024  # bytes of a page that is taken apart
FILE_LIMIT = 8 * 1024 * 1024

_RHYTHM = re.compile(r"every ([1-9]\d{0,3}) (minutes|hours)")
_NAMED_RHYTHMS = {"hourly": timedelta(hours=1), "daily": timedelta(days=1), "weekly": timedelta(days=7)}
_MOST_OFTEN = timedelta(minutes=5)
_UNITS = tuple(unit for unit in Unit if unit != Unit.SIGNATURES)
_WHOLE = (Unit.COUNT,)
_SCALE = {Unit.MILLION_POUNDS: 10**6, Unit.THOUSANDS: 10**3}


class PageFigure(LiveScraper):
    """A figure on a page, by where it stands."""

    options: ClassVar[Mapping[str, str]] = {
        "id": "what tells it from other watches, for good: its history belongs to it",
        "title": "what alerts call it",
        "url": "the address of the page or file",
        "hosts": "further hosts it may ask, as one that the address redirects to",
        "css": "what selects the one element that holds the figure",
        "attribute": "which attribute of the element holds it, in place of its text",
        "table": "a cell of an HTML table: column, row, and css where the page has several tables",
        "csv": "a cell of a CSV file: column, row",
        "xlsx": "a cell of a workbook: sheet, column, row",
        "json": "where it stands in a JSON document: a pointer such as /data/0/value",
        "pattern": "a regular expression whose one group is the figure",
        "written": "a number written as the page writes its own",
        "unit": "what the value counts",
        "times": "what the published number is multiplied by",
        "range": "the lowest and highest value that are believed",
        "rhythm": "how often to look",
        "measure": "what is counted, in a word or two",
        "area": "where: England unless given",
        "period": "where the page says for which month, quarter or year the figure is",
        "publisher": "whom alerts name as the source",
    }
    needs_entry = True
    publisher = "its own page"
    hosts = frozenset[str]()
    rhythm = Every()

    def __init__(self, entry: Mapping[str, Any]) -> None:
        """Take all options; `id`, `title`, `url`, `unit`, `range` and where to look are required."""
        super().__init__(entry)
        name = entry.get("id")
        if isinstance(name, bool) or not re.fullmatch(r"[\w.-]{1,64}", str(name or "")):
            raise ValueError(f"id must be a name of letters, digits, dots and dashes, not {name!r}")
        self.title = _text(entry, "title")
        self.url = entries.address(entry, "the page that shows the figure")
        host = entries.host_of(self.url)
        self.hosts = frozenset({host, *entries.hosts(entry)})
        self.publisher = _text(entry, "publisher", host)
        self.rhythm = _rhythm(entry.get("rhythm", "hourly"))
        self.place = Place.of({key: entry[key] for key in KEYS if key in entry})
        self.period = _period_place(entry.get("period"), self.place)
        self.written = Written.like(_text(entry, "written", written.PLAIN))
        counted = _text(entry, "measure", str(name))
        if counted == Unit.SIGNATURES:
            raise ValueError("measure: signatures are a petition's; write [[petition]]")
        self.measure = Measure(counted, _text(entry, "measure", self.title), _unit(entry))
        self.measures = (self.measure.id,)
        self.times = _times(entry.get("times"), self.written, self.measure.unit)
        self.low, self.high = _range(entry.get("range"))
        self.area = _area(_text(entry, "area", ENGLAND.code))

    @property
    def accept(self) -> Sequence[str]:
        """Return the content types of the page."""
        return [kind for kind in self.place.accept if not self.period or kind in self.period.accept]

    @property
    def limit(self) -> int:
        """Return how large the page may be, in bytes."""
        return HTML_LIMIT if set(HTML) & set(self.accept) else FILE_LIMIT

    async def fetch(self, release: Release, web: Web) -> Fetched:
        """Return the page."""
        return Fetched(release, await web.get(self.url, accept=self.accept, limit=self.limit))

    def read(self, fetched: Fetched, now: datetime) -> Iterator[Figure]:
        """Yield the figure, of the period that its page names, else as a reading."""
        with reading.reading(fetched.page):
            document = Document(fetched.page)
            value = self.value(document)
            period = reading_period(now)
            if self.period:
                period = written.period(str(self.period.find(document)))
        yield Figure(self.measure, self.area, period, value)

    def value(self, document: Document) -> float:
        """Return the figure in a page: found once, written as declared, and within the range."""
        found = self.place.find(document)
        number = (found if isinstance(found, Decimal) else self.written.number(found)) * self.times
        if self.measure.unit in _WHOLE and number != number.to_integral_value():
            raise SourceChanged(f"a whole number, for it is a {self.measure.unit}", f"{number}")
        value = float(number)
        if not self.low <= value <= self.high:
            believed = f"a figure from {self.low:,.15g} to {self.high:,.15g}, which are its range"
            raise SourceChanged(believed, f"{value:,.15g}")
        return value


def _text(entry: Mapping[str, Any], key: str, default: str | None = None) -> str:
    value = entry.get(key, default)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{key} must be a text, not {value!r}")
    return " ".join(value.split())


def _unit(entry: Mapping[str, Any]) -> Unit:
    given = entry.get("unit")
    if given not in _UNITS:
        raise ValueError(f"unit must be one of {', '.join(_UNITS)}, not {given!r}")
    return Unit(given)


def _times(given: object, form: Written, unit: Unit) -> int:
    """Return what the published number is multiplied by: the entry says it, or the words after the number."""
    if form.percent and unit != Unit.PERCENT:
        raise ValueError(f'written: {form.example!r} is a percentage, which needs unit = "percent"')
    if form.pound and unit not in (Unit.POUNDS, Unit.MILLION_POUNDS):
        raise ValueError(f'written: {form.example!r} needs unit = "pounds" or "million pounds", not "{unit}"')
    if given is not None and (type(given) is not int or not 1 <= given <= 10**12):
        raise ValueError(f"times must be a whole number such as 1000000, not {given!r}")
    if form.magnitude == 1:
        return given if isinstance(given, int) else 1
    scale = _SCALE.get(unit, 1)
    if form.magnitude % scale:
        raise ValueError(f"written: {form.example!r} is smaller than unit = {unit.value!r} can say")
    if given not in (None, form.magnitude // scale):
        raise ValueError(f"times is said by {form.example!r} already: leave it out")
    return form.magnitude // scale


def _range(given: object) -> tuple[float, float]:
    match given:
        case {"min": int() | float() as low, "max": int() | float() as high, **rest} if not rest:
            if low < high and bool not in (type(low), type(high)):
                return float(low), float(high)
    raise ValueError(f"range must be {{ min = …, max = … }}, between which it is believed, not {given!r}")


def _rhythm(given: object) -> Every:
    match = _RHYTHM.fullmatch(given) if isinstance(given, str) else None
    if match:
        interval = timedelta(**{match[2]: int(match[1])})
    elif isinstance(given, str) and given in _NAMED_RHYTHMS:
        interval = _NAMED_RHYTHMS[given]
    else:
        known = f"'every 15 minutes', 'every 6 hours', {', '.join(map(repr, _NAMED_RHYTHMS))}"
        raise ValueError(f"rhythm must be one of {known}, not {given!r}")
    if interval < _MOST_OFTEN:
        raise ValueError(f"rhythm: at most every 5 minutes, not {given!r}")
    return Every(interval, max(interval, timedelta(hours=1)))


def _area(name: str) -> Area:
    return ENGLAND if name == ENGLAND.code else Area(name, "place", name)


def _period_place(given: object, beside: Place) -> Place | None:
    if given is None:
        return None
    if not isinstance(given, Mapping):
        raise ValueError(f"period must say where it stands, as {{ css = '#month' }}, not {given!r}")
    try:
        place = Place.of(given, beside=beside)
    except ValueError as error:
        raise ValueError(f"period: {error}") from None
    if not set(place.accept) & set(beside.accept):
        raise ValueError("period: it must stand in the same kind of page as the figure")
    return place
