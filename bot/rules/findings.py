"""Findings: what somebody should know, with its reason, before it is put into words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

from bot.rules.claims import ClaimNews
from bot.rules.meanings import Redefined
from bot.rules.pace import Burst, Projection
from bot.rules.witness import Difference
from scrapers.toolkit.contract import Audience, Figure, Measure, Notice, Release, Statement
from state.records import Revision

if TYPE_CHECKING:  # rules that are looked at once a month, beside what every look loads
    from bot.rules.digest import Digest, News
    from bot.rules.signals import Closing, Question, Signal


@dataclass(frozen=True, slots=True)
class Row:
    """One headline figure: its value, and the `earlier` ones that are stored, by `before` and `year_ago`.

    None is a value that was withheld. `caution` says what it must not be taken for.
    """

    label: str
    measure: str
    unit: str
    of: str
    value: float | None
    earlier: Mapping[str, float | None]
    caution: str = ""


Severity = Literal["critical", "normal", "minor"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A change that somebody should know. `episode` names it: the same one is told once.

    It is `critical` where something that the campaign says in public may be wrong.
    """

    audience: ClassVar[Audience] = "team"
    severity: ClassVar[Severity] = "normal"
    kind: ClassVar[str]
    episode: str


@dataclass(frozen=True, slots=True)
class Remarks:
    """What of a release is worth one line: series checked and changed, what ended, what was renamed.

    Without a `digest` its source has none of the measures that are checked for all organisations.
    """

    digest: Digest | None
    closings: tuple[Closing, ...]
    renamed: tuple[tuple[str, tuple[str, str]], ...]


@dataclass(frozen=True, slots=True)
class ReleaseOut(Finding):
    """A release came out, with its headline figures.

    It has so many `figures`; `restated` are figures of earlier periods that it corrects. What it `stands` on
    is its file, or what a page says (`said`) while the file is being read, or could not be believed or read.
    """

    kind: ClassVar[str] = "release"
    release: Release
    rows: tuple[Row, ...]
    figures: int = 0
    restated: int = 0
    stands: Literal["file", "page", "unconfirmed"] = "file"
    said: tuple[Statement, ...] = ()
    remarks: Remarks | None = None

    @staticmethod
    def episode_of(release: Release) -> str:
        """Return the episode of a release, which comes out once."""
        return f"release:{release.key}"


@dataclass(frozen=True, slots=True)
class Differs(Finding):
    """The page of a release does not say what its file says."""

    kind: ClassVar[str] = "witness"
    severity: ClassVar[Severity] = "critical"
    release: Release
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class Unwitnessed(Finding):
    """The page that says a release's figures in words cannot be read, and why; the file is read all the same.

    `kept` is where the page was put aside, or empty.
    """

    audience: ClassVar[Audience] = "operator"
    kind: ClassVar[str] = "unwitnessed"
    release: Release
    why: str
    kept: str = ""


@dataclass(frozen=True, slots=True)
class Revised(Finding):
    """A release that was read before says something else now. `named` are told one by one."""

    kind: ClassVar[str] = "revision"
    severity: ClassVar[Severity] = "critical"
    release: Release
    named: tuple[Revision, ...]
    others: int  # further figures that changed
    added: int  # figures that were not there before
    gone: int  # figures that are not there any more


@dataclass(frozen=True, slots=True)
class DateMoved(Finding):
    """An announced release was given another date."""

    kind: ClassVar[str] = "date_moved"
    release: Release
    before: str


@dataclass(frozen=True, slots=True)
class Overdue(Finding):
    """A release did not come at its announced time."""

    kind: ClassVar[str] = "overdue"
    release: Release


@dataclass(frozen=True, slots=True)
class MarkCrossed(Finding):
    """A petition's count crossed one or more marks; `mark` is the highest."""

    kind: ClassVar[str] = "mark"
    mark: int
    count: int
    before: int
    before_at: datetime
    goal: int | None
    projection: Projection | None = None
    surge: Burst | None = None


@dataclass(frozen=True, slots=True)
class PaceTurned(Finding):
    """A petition gains far more, or far fewer, signatures than its pace until then explains."""

    kind: ClassVar[str] = "pace"
    count: int
    burst: Burst
    projection: Projection | None


@dataclass(frozen=True, slots=True)
class CountFell(Finding):
    """Signatures were removed from a petition, more than a few."""

    kind: ClassVar[str] = "fall"
    count: int
    before: int


@dataclass(frozen=True, slots=True)
class ClosingSoon(Finding):
    """A petition closes within days."""

    kind: ClassVar[str] = "closing"
    closes: datetime
    count: int
    goal: int | None
    projection: Projection | None


@dataclass(frozen=True, slots=True)
class ReadingChanged(Finding):
    """A live figure that is no petition's says something else, or something of another period.

    `before` is what was told last; of the same period it is what is corrected.
    """

    kind: ClassVar[str] = "reading"
    figure: Figure
    before: Figure


@dataclass(frozen=True, slots=True)
class FactChanged(Finding):
    """Something about a petition changed that is not a number: its state, a response, a debate.

    `value` and `before` are what is published of it; None is nothing.
    """

    kind: ClassVar[str] = "fact"
    name: str
    value: str | None
    count: int | None
    before: str | None = None


@dataclass(frozen=True, slots=True)
class ClaimMoved(Finding):
    """What the campaign says in public stands otherwise than before, or its figure was corrected."""

    kind: ClassVar[str] = "claim"
    severity: ClassVar[Severity] = "critical"
    news: ClaimNews


@dataclass(frozen=True, slots=True)
class WatchMoved(Finding):
    """Series of the watch list, of one family, did what deserves a message.

    `held` names the question to the operator for whose answer it waits.
    """

    kind: ClassVar[str] = "watch"
    release: Release
    signals: tuple[Signal, ...]
    held: str | None = None

    @staticmethod
    def episode_of(period: str, name: str, area: str) -> str:
        """Return the episode of what a family, or a measure, did in a period."""
        return f"watch:{period}:{name}:{area}"


@dataclass(frozen=True, slots=True)
class Closed(Finding):
    """What was told of a watched series has ended: it is as usual again. It answers what was told."""

    kind: ClassVar[str] = "closed"
    severity: ClassVar[Severity] = "minor"
    release: Release
    closing: Closing

    @classmethod
    def of(cls, release: Release, closing: Closing) -> Closed:
        """Return that this ended with a release."""
        return cls(f"closed:{closing.period}:{closing.measure}:{closing.area}", release, closing)

    @property
    def told_in(self) -> tuple[str, ...]:
        """Return the episodes of which one told it: of its family, or its own."""
        name, said = self.closing, self.closing.said.period
        return tuple(
            WatchMoved.episode_of(said, who, name.area) for who in (name.family, name.measure) if who
        )


@dataclass(frozen=True, slots=True)
class Shifted(Finding):
    """Organisations changed against all others."""

    kind: ClassVar[str] = "shift"
    severity: ClassVar[Severity] = "minor"
    release: Release
    news: News


@dataclass(frozen=True, slots=True)
class Asked(Finding):
    """A change that nobody has explained is put to the operator before the team hears of it."""

    audience: ClassVar[Audience] = "operator"
    kind: ClassVar[str] = "question"
    release: Release
    question: Question
    measure: Measure | None


@dataclass(frozen=True, slots=True)
class Entered(Finding):
    """Somebody entered a figure; `before` is the one that it corrects."""

    kind: ClassVar[str] = "entered"
    severity: ClassVar[Severity] = "minor"
    figure: Figure
    release: Release
    before: Revision | None = None


@dataclass(frozen=True, slots=True)
class Noticed(Finding):
    """A publisher said something about what is followed."""

    kind: ClassVar[str] = "notice"
    severity: ClassVar[Severity] = "minor"
    notice: Notice


@dataclass(frozen=True, slots=True)
class NoticedForOperator(Noticed):
    """A page that a person reads by hand is not what it was."""

    audience: ClassVar[Audience] = "operator"


@dataclass(frozen=True, slots=True)
class NewMeasures(Finding):
    """The publisher's file holds measures that it never held before."""

    audience: ClassVar[Audience] = "operator"
    kind: ClassVar[str] = "new_measures"
    release: Release
    measures: tuple[Measure, ...]


@dataclass(frozen=True, slots=True)
class DefinitionsChanged(Finding):
    """The publisher says otherwise what followed measures mean.

    Of all on its list, so many were renamed, are new, or are there no more.
    """

    audience: ClassVar[Audience] = "operator"
    kind: ClassVar[str] = "definition"
    release: Release
    changes: tuple[Redefined, ...]
    renamed: int = 0
    new: int = 0
    removed: int = 0


@dataclass(frozen=True, slots=True)
class Doubt:
    """What is not believed: its value now and before, and between which bounds it would have been."""

    what: str
    unit: str = "count"
    now: float | None = None
    before: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class HeldBack(Finding):
    """What was read is not believed, and waits under this number for the operator's decision."""

    audience: ClassVar[Audience] = "operator"
    kind: ClassVar[str] = "held"
    number: int
    release: Release
    doubts: tuple[Doubt, ...]


@dataclass(frozen=True, slots=True)
class Introduced(Finding):
    """Sources are watched from now on; each by its title, with its newest release or reading."""

    kind: ClassVar[str] = "introduced"
    severity: ClassVar[Severity] = "minor"
    sources: tuple[tuple[str, Release | Figure | None], ...]


class Ill(NamedTuple):
    """A source that cannot be read, by its key: why, and since when.

    `kept` is where the page was put aside, `due` the announced day of its next release; empty where neither.
    """

    source: str
    why: str
    since: datetime
    kept: str = ""
    due: str = ""


@dataclass(frozen=True, slots=True)
class Troubled(Finding):
    """Sources cannot be read."""

    audience: ClassVar[Audience] = "operator"
    kind: ClassVar[str] = "trouble"
    troubles: tuple[Ill, ...]


@dataclass(frozen=True, slots=True)
class Recovered(Finding):
    """Sources that were in trouble can be read again: each with the time since when they could not."""

    audience: ClassVar[Audience] = "operator"
    kind: ClassVar[str] = "recovered"
    sources: tuple[tuple[str, datetime], ...]


@dataclass(frozen=True, slots=True)
class DeliveryProblem(Finding):
    """A message could not be delivered, or perhaps was not."""

    audience: ClassVar[Audience] = "operator"
    kind: ClassVar[str] = "delivery"
    text: str


@dataclass(frozen=True, slots=True)
class Gathered(Finding):
    """What a chat was not told at once is told together: each alert's number, first line and address.

    `count` is how many they are in all parts of it.
    """

    kind: ClassVar[str] = "digest"
    items: tuple[tuple[int, str, str], ...]
    count: int


@dataclass(frozen=True, slots=True)
class SignOff(Finding):
    """A message for the team waits for a person's yes; `text` is what it says."""

    audience: ClassVar[Audience] = "operator"
    kind: ClassVar[str] = "sign_off"
    alert: int
    text: str


@dataclass(frozen=True, slots=True)
class Told(Finding):
    """A release was told, or was not everywhere when its time was up.

    `after` runs from publication (from when it was found, for a correction) to the last chat that was
    reached, and is None where none was. `missing` are the other chats, each with how its message stands.
    """

    audience: ClassVar[Audience] = "operator"
    kind: ClassVar[str] = "told"
    alert: int
    chats: int
    after: timedelta | None
    since: Literal["publication", "it was found"]
    missing: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Unwell(Finding):
    """Something is wrong with the worker itself."""

    audience: ClassVar[Audience] = "operator"
    kind: ClassVar[str] = "unwell"
    text: str


@dataclass(frozen=True, slots=True)
class DailyLine(Finding):
    """How things stand today.

    `next_release` is a day, `free` the bytes left on the disk, where known; `held` are the numbers of what
    waits for the operator's decision, `paused` the sources that are left alone.
    """

    audience: ClassVar[Audience] = "operator"
    kind: ClassVar[str] = "daily"
    read: int
    sources: int
    next_release: str | None
    waiting: int
    free: int | None
    held: tuple[int, ...] = ()
    paused: tuple[str, ...] = ()
