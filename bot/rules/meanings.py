"""What measures mean, in the publisher's words, and what changed between two versions of them.

The facts are those of the sources of definitions: a measure's id -> its row as JSON. They are remembered by
`bot.meanings`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal, NamedTuple

SOURCES = ("talking_therapies_metadata", "talking_therapies_annual_metadata")

_DIVIDED = re.compile(r"\s*\bdivided\s+by\b\s*", re.IGNORECASE)
_FRACTION = re.compile(r"100 \* \((?P<top>[^/]+) ?/ ?(?P<bottom>[^/]+)\)")
_REMARK = re.compile(r"\s*\bexpressed as a percentage\b.*", re.IGNORECASE | re.DOTALL)
_QUOTES = str.maketrans("‘’“”", "''\"\"")

Field = Literal["definition", "denominator", "construction"]


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a measure is called, what it counts, how it is made, and of what it is a share.

    The denominator is the part of the construction after "divided by"; a count has none.
    """

    measure: str
    name: str
    definition: str
    construction: str
    denominator: str = ""


@dataclass(frozen=True, slots=True)
class Redefined:
    """A measure whose wording or construction changed; its name alone is no meaning."""

    was: Meaning
    now: Meaning

    @property
    def fields(self) -> tuple[Field, ...]:
        """Return what changed: a change of construction that changes the denominator is called that."""
        changed: list[Field] = []
        if not _same(self.was.definition, self.now.definition):
            changed.append("definition")
        if not _same(self.was.denominator, self.now.denominator):
            changed.append("denominator")
        elif not _same(self.was.construction, self.now.construction):
            changed.append("construction")
        return tuple(changed)


@dataclass(frozen=True, slots=True)
class Renamed:
    """A measure that has another name under the same id: noted once, and a break of nothing."""

    kind: ClassVar[str] = "renamed"
    measure: str
    was: str
    now: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two versions of all meanings differ."""

    redefined: tuple[Redefined, ...] = ()
    renamed: tuple[Renamed, ...] = ()
    new: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def of(self, followed: Collection[str]) -> tuple[Redefined, ...]:
        """Return the changes of meaning of these measures, which a person must judge."""
        return tuple(change for change in self.redefined if change.now.measure in followed)


class Version(NamedTuple):
    """What a measure meant from a moment on; None while it was not on the list."""

    since: datetime
    meaning: Meaning | None


def meaning(measure: str, said: str) -> Meaning:
    """Return the meaning in a measure's row."""
    row = json.loads(said)
    construction = row["construction"]
    return Meaning(
        measure, row.get("name", measure), row["definition"], construction, _denominator(construction)
    )


def meanings(facts: Mapping[str, str | None]) -> dict[str, Meaning]:
    """Return the meanings of the measures that are on the list."""
    return {measure: meaning(measure, said) for measure, said in facts.items() if said is not None}


def compare(before: Mapping[str, Meaning], now: Mapping[str, Meaning]) -> Comparison:
    """Return how meanings differ. Letter case, white space, forms of quotes and a last stop are no change."""
    both = [(before[measure], now[measure]) for measure in sorted(before.keys() & now.keys())]
    redefined = (Redefined(was, is_now) for was, is_now in both)
    return Comparison(
        tuple(change for change in redefined if change.fields),
        tuple(
            Renamed(was.measure, was.name, is_now.name)
            for was, is_now in both
            if "".join(was.name.split()) != "".join(is_now.name.split())
        ),
        tuple(sorted(now.keys() - before.keys())),
        tuple(sorted(before.keys() - now.keys())),
    )


def history(measure: str, versions: Iterable[tuple[datetime, str | None]]) -> tuple[Version, ...]:
    """Return what a measure meant and from when on; versions that mean the same are one, as first seen."""
    told: list[Version] = []
    for since, said in versions:
        means = None if said is None else meaning(measure, said)
        if not told or _differ(told[-1].meaning, means):
            told.append(Version(since, means))
    return tuple(told)


def _differ(was: Meaning | None, now: Meaning | None) -> bool:
    if was is None or now is None:
        return was is not now
    return compare({was.measure: was}, {now.measure: now}) != Comparison()


def _denominator(construction: str) -> str:
    """Return what a share is divided by, on one line; nothing where the construction is no division."""
    parts = _DIVIDED.split(construction)
    if len(parts) == 2:
        return _one_line(_REMARK.sub("", parts[1]))
    fraction = _FRACTION.fullmatch(_one_line(construction))
    return fraction["bottom"].strip() if fraction else ""


def _same(one: str, other: str) -> bool:
    return _plain(one) == _plain(other)


def _plain(text: str) -> str:
    return _one_line(text).translate(_QUOTES).rstrip(".").casefold()


def _one_line(text: str) -> str:
    return " ".join(text.split())
