"""What the watch list says: its entries, what is remembered of them, and what deserves a message."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from bot.rules import since
from bot.rules.providers import Without
from bot.rules.xmr import SIGN, Good, Kind

# What may be no more than the month of the year: it is set beside the same month last year.
SEASONAL = frozenset({Kind.ABOVE_LIMIT, Kind.BELOW_LIMIT, Kind.TWO_ABOVE, Kind.TWO_BELOW})


class Watch(Protocol):
    """One entry of the watch list: which series, what is good, and which move is worth a message."""

    @property
    def measure(self) -> str: ...
    @property
    def area(self) -> str: ...
    @property
    def good(self) -> Good: ...
    @property
    def minimum(self) -> float: ...
    @property
    def target(self) -> float | None: ...
    @property
    def family(self) -> str: ...
    @property
    def settings(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Said:
    """What was told of a series: when, which way (1 up, -1 down), how far from its average, at what value.

    `at` is the moment, as ISO time; empty where it was only learnt from the past.
    """

    period: str
    direction: int
    size: float
    value: float
    at: str


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered of a watched series: the newest period judged, and what still stands as told.

    `normal` counts the periods without special cause since.
    """

    judged: str
    said: Said | None = None
    normal: int = 0


Key = tuple[str, str]  # measure, area code
State = Mapping[Key, Memory]


@dataclass(frozen=True, slots=True)
class Signal:
    """A special cause that deserves a message, with all that the message can say.

    Values are in the measure's unit; None is not known or not comparable. `lower` to `upper` is the usual
    range of the up to 24 newest periods, `settings` whose reading of the XmR rules made it; `size` is how far
    the value is from their average, or how far a trend has gone. `lasted` is for how many periods it has been
    so, `again` that it was told before. `year` is the share of twelve months together, from their counts.
    `turn` is the long streak that ended with this value, `longest` one that leads to it and is longer than
    any before.
    """

    measure: str
    area: str
    family: str
    good: Good
    period: str
    kind: Kind
    value: float
    mean: float
    lower: float
    upper: float
    size: float
    lasted: int
    again: bool
    before: float | None
    year_ago: float | None
    year: float | None
    target: float | None
    settings: str
    assurance: str | None
    extreme: since.Extreme | None
    turn: since.Streak | None
    without: Without | None = None
    longest: since.Streak | None = None

    @property
    def direction(self) -> int:
        """Return 1 where the figure is high or rising, -1 where it is low or falling."""
        return self.kind.direction

    @property
    def is_good(self) -> bool | None:
        """Return whether the direction is the good one; None where neither is."""
        return None if self.good == "neither" else self.direction == SIGN[self.good]


@dataclass(frozen=True, slots=True)
class Closing:
    """What was told and has ended: three periods in a row without special cause. It is news for a digest."""

    measure: str
    area: str
    family: str
    period: str
    value: float
    said: Said


@dataclass(frozen=True, slots=True)
class Question:
    """A change that nobody has explained yet: for the operator, before anything is told of these measures.

    `why`: `jump` (from `before` to `value`, far beyond the last year, and no few providers make it), `blanks`
    (reasons for ending went missing), or `renamed` (a new name and a step beyond season at once).
    """

    why: Literal["jump", "blanks", "renamed"]
    measure: str
    area: str
    period: str
    value: float
    before: float | None
    signals: tuple[Signal, ...] = ()


class Judged(NamedTuple):
    """What a release says of the watch list, and the state to remember with it."""

    signals: tuple[Signal, ...]
    closings: tuple[Closing, ...]
    questions: tuple[Question, ...]
    state: State
