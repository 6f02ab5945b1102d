"""The contract between a source and the worker: what a source is, and what it hands over."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, ClassVar, Literal, NamedTuple, Protocol
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")


class SourceChanged(Exception):
    """Say that a source is not what it was, so that a person must look.

    `expected` and `found` are short phrases for one line; `body` is what was read, kept for a maintainer.
    """

    def __init__(self, expected: str, found: str, *, url: str = "", body: bytes = b"") -> None:
        super().__init__(expected, found, url)
        self.expected, self.found, self.url, self.body = expected, found, url, body

    def __str__(self) -> str:
        where = f" ({self.url})" if self.url else ""
        return f"expected {self.expected}, found {self.found}{where}"


class Unreachable(Exception):
    """Say that a source could not be asked just now; waiting may mend it."""


class BudgetSpent(Exception):
    """Say that a source has been asked as often today as its manners allow."""


Audience = Literal["team", "operator"]


class Unit(StrEnum):
    """What a value counts. Percentages are 0 to 100."""

    COUNT = "count"
    PERCENT = "percent"
    MEAN = "mean"
    MEDIAN = "median"
    MAXIMUM = "maximum"
    MINIMUM = "minimum"
    SIGNATURES = "signatures"
    POUNDS = "pounds"
    MILLION_POUNDS = "million pounds"
    THOUSANDS = "thousands"  # of people, as ONS prints a level
    NUMBER = "number"  # any other, with the decimals that it was published with


class Measure(NamedTuple):
    """What was measured. `id` is the publisher's code and never changes; `name` may."""

    id: str
    name: str
    unit: Unit
    denominator: str = ""
    definition: str = ""


class Area(NamedTuple):
    """Where it was measured: the publisher's code, the kind of area, and its name."""

    code: str
    kind: str
    name: str


ENGLAND = Area("England", "England", "England")
EVERYWHERE = Area("all", "petition", "all signatures")
SIGNATURES = Measure("signatures", "Signatures", Unit.SIGNATURES)


class Figure(NamedTuple):
    """One number. `value` None means withheld by the publisher, and nothing else does.

    `period` is `2026-03`, `2025-26`, `2025-Q3`, or an ISO time in UTC for a reading.
    """

    measure: Measure
    area: Area
    period: str
    value: float | None


class Statement(NamedTuple):
    """A figure as a page says it in words: to so many decimals. It is compared, and never stored as one."""

    figure: Figure
    decimals: int = 0


class Fact(NamedTuple):
    """Something published that is not a number, as a petition's state; None while there is none."""

    name: str
    value: str | None


class Notice(NamedTuple):
    """Something that a publisher said, to be told once; `key` names it and never changes.

    One for the operator says that a page which a person reads by hand is not what it was.
    """

    key: str
    title: str
    url: str
    published: datetime | None = None
    audience: Audience = "team"


class Headline(NamedTuple):
    """One line of a release's message: a published measure, or the name of a derived one.

    `of` names the denominator, `caution` says what the line must not be taken for.
    """

    label: str
    measure: str
    unit: Unit
    of: str = ""
    caution: str = ""


Item = Figure | Fact | Notice


@dataclass(frozen=True, slots=True)
class Release:
    """One publication of a source: announced, out, or revised. A petition has one, `live`.

    `published` is None until it is out. `expected` is a day (`2025-07-10`) or only a month (`2025-09`).
    `fingerprint` changes when anything inside was replaced; None means not looked at closely, or so cheap
    that it is fetched each time. `file` is the address of its figures, `notice` the publisher's newest note
    and `noticed` when it was put up; `published_in` the month in words, where the publisher names no day.
    `witness` is the address of a page that says some of its figures in words.
    """

    key: str
    title: str
    url: str
    period: str | None = None
    published: datetime | None = None
    expected: str | None = None
    fingerprint: str | None = None
    file: str = ""
    notice: str = ""
    noticed: datetime | None = None
    published_in: str = ""
    witness: str = ""


LIVE = "live"


@dataclass(frozen=True, slots=True)
class Page:
    """What an address answered. `unchanged` says that the server confirmed an earlier copy (304)."""

    url: str
    body: bytes
    content_type: str
    charset: str | None = None
    unchanged: bool = False


@dataclass(frozen=True, slots=True)
class CachedPage:
    """A page as last seen, with what its server needs in order to say that nothing changed."""

    url: str
    body: bytes
    content_type: str
    charset: str | None = None
    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """The bytes of one release and where they came from; `others` where it is several files."""

    release: Release
    page: Page
    others: tuple[Page, ...] = ()

    @property
    def pages(self) -> tuple[Page, ...]:
        """Return all its files."""
        return (self.page, *self.others)


class Web(Protocol):
    """The web as one source may use it: only its hosts, politely, within limits."""

    async def get(self, url: str, *, accept: Collection[str], limit: int = ...) -> Page:
        """Return the page at `url`.

        `accept` holds content types (`text/html`); `limit` is in bytes, after decompression.
        Raises SourceChanged for what waiting cannot mend (another type, too large, 404, a host not
        listed), Unreachable for what it may (time-out, 5xx), BudgetSpent when today's requests are used up.
        """
        ...


@dataclass(frozen=True, slots=True)
class Every:
    """A rhythm of plain intervals: one by day (07:00 to 23:00 in London), one by night."""

    day: timedelta = timedelta(minutes=15)
    night: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class ReleaseCalendar:
    """A rhythm that follows announced dates: sharp around the minute of release, rare otherwise."""

    at: time = time(9, 30)
    followed: int = 12  # releases whose own pages a full look opens, newest first
    daily_requests: int = 8
    release_day_requests: int = 60


Rhythm = Every | ReleaseCalendar


class Scraper(ABC):
    """One configured source: what it is, when to look, how to read it.

    The class says the facts; an instance is made from the source's entry in the campaign file.
    """

    name: ClassVar[str] = ""  # its module's name
    options: ClassVar[Mapping[str, str]] = {}  # keys its campaign entry takes, each with what it means
    since: ClassVar[str] = "2000-01"  # the month from which a backfill reads that is told no other
    needs_entry: ClassVar[bool] = False  # True where it is watched only if the campaign names what of it
    by_hand: ClassVar[bool] = False  # True where no figure is read: somebody enters them
    is_petition: ClassVar[bool] = False  # True where that is a petition, which may have a goal and marks
    headlines: ClassVar[Sequence[Headline]] = ()  # what the message of a release shows, in this order
    headline_area: ClassVar[Area] = ENGLAND  # the area of the headlines
    span: ClassVar[int] = 1  # months of which each figure is: where they are more, neighbours overlap
    caution: ClassVar[str] = ""  # what all its figures must not be taken for, in one sentence

    measures: Collection[str] = ()  # the ids of its measures, as far as they are known beforehand
    key: str  # `name`, or `name:id`; its key in the store, never changes
    title: str  # what an alert calls it
    url: str  # where a reader can check it
    publisher: str  # whom an alert names as the source of a number
    hosts: frozenset[str]  # all it may ask
    rhythm: Rhythm

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" not in cls.__dict__:
            cls.name = cls.__module__.rpartition(".")[2]

    def __init__(self, entry: Mapping[str, Any]) -> None:
        """Take the source's campaign entry. Raises ValueError, in one line, where it cannot be used."""
        self.key = f"{self.name}:{entry['id']}" if entry.get("id") is not None else self.name

    @property
    def is_live(self) -> bool:
        """Return whether it has a single release, `live`, that is read again and again."""
        return isinstance(self.rhythm, Every)

    def has_measure(self, id: str) -> bool:
        """Return whether it has a measure of this id, so that a campaign may name it."""
        return id in self.measures

    @abstractmethod
    async def releases(self, web: Web) -> Sequence[Release]:
        """Return what is published or announced now, or raise SourceChanged. Never guess."""

    async def listed(self, web: Web) -> Sequence[Release]:
        """Return what the overview alone says, at the cost of one request; fingerprints may be None."""
        return await self.releases(web)

    async def visit(self, releases: Sequence[Release], web: Web) -> Sequence[Release]:
        """Return these releases as their own pages show them now, at one request each."""
        return releases

    async def past(self, web: Web) -> AsyncIterator[Release]:
        """Yield every release ever listed, for a backfill; fingerprints may be None.

        What was yielded before an error counts: an old overview that is gone does not hide the others.
        """
        for release in await self.listed(web):
            yield release

    @abstractmethod
    async def fetch(self, release: Release, web: Web) -> Fetched:
        """Return the bytes of one release and where they came from."""

    @abstractmethod
    def read(self, fetched: Fetched, now: datetime) -> Iterable[Item]:
        """Yield every figure in them, or raise SourceChanged. Pure; runs off the event loop. Never guess."""

    async def witness(self, release: Release, web: Web) -> Fetched | None:
        """Return a page that says some of a release's figures in words; None where there is none."""
        return None

    def testify(self, fetched: Fetched, now: datetime) -> Iterable[Statement]:
        """Return the figures that the page says, or raise SourceChanged. Pure; what is not said is absent."""
        return ()


class LiveScraper(Scraper):
    """A source with a single release, `live`, which is read again and again."""

    async def releases(self, web: Web) -> Sequence[Release]:
        """Return the one release, without a request."""
        return (Release(LIVE, self.title, self.url),)


def published_at(day: date, at: time = time(9, 30)) -> datetime:
    """Return the moment in UTC at which a release dated `day` comes out, by London's clock."""
    return datetime.combine(day, at, tzinfo=LONDON).astimezone(UTC)


def reading_period(now: datetime) -> str:
    """Return the period of a reading taken at `now`: an ISO time in UTC, to the second."""
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
