"""What the store hands out and takes in: plain values, no SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import Any, Literal, NamedTuple

from scrapers.toolkit.contract import Fact, Figure, Notice, Release

SendState = Literal["pending", "sending", "ambiguous", "sent", "unconfirmed", "dead"]
ReleaseState = Literal["announced", "out", "revised"]
TroubleKind = Literal["passing", "changed"]
Verdict = Literal["released", "rejected", "over"]
Mode = Literal["on", "silent", "digest", "off"]  # how a chat wants to be told
Action = Literal["send", "reply", "edit"]  # what a message does: beside being sent, to an alert's message


# A figure that somebody entered counts as published then: what is read in its publisher's own files is newer.
ENTERED = datetime(1970, 1, 1, tzinfo=UTC)
ENTERED_KEY = "entered:"  # begins the key of a release that somebody entered


class Content(NamedTuple):
    """All that was read of one release."""

    release: Release
    figures: tuple[Figure, ...] = ()
    facts: tuple[Fact, ...] = ()
    notices: tuple[Notice, ...] = ()


class FigureKey(NamedTuple):
    """Which figure of a source: `kind` and `area` are the area's kind and code."""

    measure: str
    kind: str
    area: str
    period: str


class Edition(NamedTuple):
    """What one publication said of a period: the ids of series, each with its value."""

    release: str
    period: str
    published: datetime
    said: Sequence[tuple[int, float | None]]


class AreaName(NamedTuple):
    """What an area was called from the period `since` on, until its next name."""

    kind: str
    code: str
    name: str
    since: str


class Known(NamedTuple):
    """The newest stored version of a figure: by publication, not by when it was read."""

    value: float | None
    published: datetime
    revision: int

    @property
    def entered(self) -> bool:
        """Return whether somebody entered it, and it was never read."""
        return self.published == ENTERED


class Revision(NamedTuple):
    """A figure that no longer says what its newest stored version says (`old`; None was withheld).

    `entered` says that somebody had entered the old one.
    """

    figure: Figure
    old: float | None
    entered: bool = False


@dataclass(frozen=True, slots=True)
class Changes:
    """How the figures of one release differ from the stored ones."""

    new: tuple[Figure, ...] = ()
    revised: tuple[Revision, ...] = ()  # number -> other number
    withheld: tuple[Revision, ...] = ()  # number -> withheld
    appeared: tuple[Revision, ...] = ()  # withheld -> number
    gone: tuple[FigureKey, ...] = ()  # stored for these periods, not in the file any more
    confirmed: tuple[Figure, ...] = ()  # as somebody entered them: no change, but read now

    @property
    def altered(self) -> tuple[Revision, ...]:
        """Return what says something else than before."""
        return (*self.revised, *self.withheld, *self.appeared)

    @property
    def to_store(self) -> tuple[Figure, ...]:
        """Return the figures that make a new version."""
        return (*self.new, *(revision.figure for revision in self.altered), *self.confirmed)

    def __len__(self) -> int:
        groups = (self.new, self.revised, self.withheld, self.appeared, self.gone)
        return sum(len(group) for group in groups)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with a source: since when, seen in how many rounds, and whether it was told."""

    kind: TroubleKind
    text: str
    since: datetime
    rounds: int = 1
    told: bool = False


class Fault(NamedTuple):
    """Why a part of a source could not be read when it was last asked for, and whether that was told.

    A `withdrawn` part is one that its source does not list any more: no trouble, but a thing to remember.
    """

    kind: Literal["passing", "changed", "withdrawn"]
    text: str
    told: bool = False


@dataclass(frozen=True, slots=True)
class SourceState:
    """What is remembered of a source as a whole.

    `checked_at`: when it was last read and believed; `taught`: its first look succeeded; `introduced`: the
    team was told that it is watched.
    """

    key: str
    checked_at: datetime | None = None
    taught_at: datetime | None = None
    introduced: bool = False
    trouble: Trouble | None = None


@dataclass(frozen=True, slots=True)
class StoredRelease:
    """A release as remembered. `read_at` is None until its figures were stored.

    `held` is the fingerprint under which it is not stored: it waits for the operator, or was rejected.
    """

    source: str
    key: str
    title: str
    url: str
    state: ReleaseState
    period: str | None
    published: datetime | None
    expected: str | None
    fingerprint: str | None
    file: str
    first_seen: datetime
    read_at: datetime | None
    held: str | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """What was read and not believed: nothing of it is stored as figures until the operator says so.

    `doubts` say why, as JSON. `verdict` is None while it waits; `over` if the source went on without it.
    """

    id: int
    source: str
    fingerprint: str
    content: Content
    doubts: tuple[Mapping[str, Any], ...]
    found: datetime
    decided: datetime | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class StoredFigure:
    """One version of a figure, as the command line lists it."""

    source: str
    measure: str
    area: str
    area_name: str
    period: str
    value: float | None
    revision: int
    release: str
    url: str
    first_seen: datetime

    @property
    def entered(self) -> bool:
        """Return whether somebody entered it."""
        return self.release.startswith(ENTERED_KEY)


class Destination(NamedTuple):
    """A chat, and the topic in it: `console`, `log`, or a Telegram id."""

    chat: str
    thread: int | None = None


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message for one destination.

    `payload` is what the sender needs, as JSON: html, plain, and whatever else wording adds. An `edit` takes
    the place of the message that the alert `target` has in the same chat, as the same part; a `reply` is a
    message of its own under it. `photo` is a PNG, or a chart (JSON) that is drawn when it is sent; its
    caption is the text, and an edit has none. `held` says for what it waits; it does not hold back others.
    It is not sent before `due`, where that is given.
    """

    chat: str
    payload: Mapping[str, Any]
    thread: int | None = None
    part: int = 1
    action: Action = "send"
    target: int | None = None
    photo: bytes | None = None
    held: str | None = None
    due: datetime | None = None

    @property
    def to(self) -> Destination:
        """Return where it goes."""
        return Destination(self.chat, self.thread)


@dataclass(frozen=True, slots=True)
class NewAlert:
    """A finding in words, ready to be committed. `dedupe` names the fact, which is told only once."""

    id: int
    source: str
    kind: str
    dedupe: str
    text: str
    finding: Mapping[str, Any] = field(default_factory=dict)
    parcels: tuple[Parcel, ...] = ()


class Telling(NamedTuple):
    """An alert that was told: its id, what is remembered of its finding, and when it was found."""

    id: int
    finding: Mapping[str, Any]
    created: datetime


@dataclass(frozen=True, slots=True)
class Amendment:
    """Other words for an alert that was told already, and what it says in each chat from now on.

    `episode` tells it from other amendments.
    """

    alert: int
    episode: str
    text: str
    finding: Mapping[str, Any]
    payloads: Mapping[Destination, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class StoredAlert:
    """One alert in one chat, as the log lists it: its message, or an edit of one.

    It `needs_word` while it waits for a person's word, and ever after where that was no.
    """

    id: int
    kind: str
    source: str
    text: str
    finding: Mapping[str, Any]
    chat: str
    state: SendState
    created: datetime
    sent: datetime | None
    message_id: int | None
    error: str
    action: str
    needs_word: bool


class InHand(NamedTuple):
    """A row that is being sent, and since when: what became of an earlier attempt is not said of this one."""

    id: int
    began: datetime


class Contents(NamedTuple):
    """What a row in hand says, as of the moment when it was begun.

    `earlier` is the id of the message that it edits, replaces or replies to, as far as that is known: one
    that was perhaps a second copy (`second`), or took the place of another (`stands_in`).
    """

    payload: Mapping[str, Any]
    earlier: int | None
    second: bool
    stands_in: bool


class ParcelState(NamedTuple):
    """How one message of an alert stands. `done` is when it was sent or given up."""

    chat: str
    thread: int | None
    state: SendState
    done: datetime | None
    error: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How an alert stands in each of its chats."""

    id: int
    kind: str
    finding: Mapping[str, Any]
    created: datetime
    parcels: tuple[ParcelState, ...]


@dataclass(frozen=True, slots=True)
class ChatState:
    """What Telegram told us about a chat. `paused` is since when it takes no messages, and `reason` why."""

    chat: str
    moved_to: str | None
    paused: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a chat, or a topic in it, asked for. Without one the team's chats get everything.

    `choices` are modes by `source KEY`, `area CODE` and `severity NAME`; times of day are London's. While it
    is not `active` nothing is sent.
    """

    chat: str
    thread: int | None = None
    active: bool = True
    choices: Mapping[str, Mode] = field(default_factory=dict)
    muted_until: datetime | None = None
    quiet: tuple[time, time] | None = None
    digest: time | None = None


class Guest(NamedTuple):
    """A chat that the bot was added to, since when, and when it said who it is."""

    chat: str
    since: datetime
    introduced: datetime | None


class Waiting(NamedTuple):
    """A message that waits, or is held: of which alert, for which chat, and what it says."""

    id: int
    alert: int
    source: str
    kind: str
    finding: Mapping[str, Any]
    chat: str
    thread: int | None
    part: int
    payload: Mapping[str, Any]
    action: str
    held: str | None

    @property
    def to(self) -> Destination:
        """Return where it goes."""
        return Destination(self.chat, self.thread)


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One message on its way to one chat.

    Its action is `anew` where it was an edit of a message that is not there to be edited. `picture` is the
    digest of its photo; the `photo` itself, drawn, and what is in `Contents` are known of a row in hand.
    """

    id: int
    alert: int
    source: str
    kind: str
    finding: Mapping[str, Any]
    chat: str
    thread: int | None
    part: int
    payload: Mapping[str, Any]
    state: SendState
    attempts: int
    resends: int
    not_before: datetime
    created: datetime
    action: Action | Literal["anew"] = "send"
    picture: str | None = None
    earlier: int | None = None
    second: bool = False
    stands_in: bool = False
    photo: bytes | None = None
