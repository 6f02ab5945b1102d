"""Places by name and code: what a person means by "Kent", and what became of an organisation.

The names under which figures were published come first; the NHS Organisation Data Service adds dates, boards
(integrated care boards, ICBs) and regions, and which code took over from which. Figures are never moved from
one code to another: an organisation that was merged or got another code begins a new series.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from typing import Literal, NamedTuple, TypeVar

from state.records import AreaName

T = TypeVar("T")

ORGANISATIONS = {  # keys of sources -> the kind of what their facts are about
    "organisations:etr": "Provider",
    "organisations:ect": "Provider",
    "organisations:eother": "ICB",
}
SUCCESSIONS = "organisations:succ"

How = Literal["code", "name", "words", "spelling", "within"]
_HOW: tuple[How, ...] = ("code", "name", "words", "spelling", "within")
_KINDS = ("England", "CommissioningRegion", "ICB", "SubICB", "Provider")  # the larger first
_WORD = re.compile(r"[a-z0-9]+")
_APOSTROPHE = re.compile("['’]")
# Words that tell no organisation from another, or that are left out as often as not.
_FILLERS = frozenset(
    ("nhs", "the", "and", "of", "in", "for", "trust", "foundation", "integrated", "care", "board", "icb")
)
_SHORTEST = 3  # letters of a word that may be the beginning of another one
_ALIKE = 0.75  # how much of a misspelt word must be right


class Succession(NamedTuple):
    """A code that was taken over by another on a day."""

    code: str
    successor: str
    on: date


@dataclass(frozen=True, slots=True)
class Place:
    """An area or organisation: its kind and code, and its names, the newest first.

    `published` says that it has figures of its own; `icb` and `region` are the codes of what it belongs to.
    """

    kind: str
    code: str
    names: tuple[str, ...]
    published: bool = False
    opened: date | None = None
    closed: date | None = None
    icb: str | None = None
    region: str | None = None

    @property
    def name(self) -> str:
        """Return its newest name."""
        return self.names[0]


class Match(NamedTuple):
    """A place that may be meant, and how it was found; `within` is a place in a board or region so named."""

    place: Place
    how: How


class Restart(NamedTuple):
    """A series begins anew with this month: its organisation took over these codes, which had figures."""

    period: str
    joined: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Directory:
    """All places by code, of which one may stand for two kinds, and successions by either of their codes."""

    places: Mapping[str, tuple[Place, ...]]
    taken_over: Mapping[str, tuple[Succession, ...]]
    joined: Mapping[str, tuple[Succession, ...]]

    def name(self, code: str) -> str:
        """Return the newest name of a code; the code itself where none is known."""
        return self.places[code][0].name if code in self.places else code


def directory(published: Iterable[AreaName], facts: Mapping[str, Mapping[str, str | None]]) -> Directory:
    """Return the directory of what figures were published for, with the facts of the sources named above."""
    names: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for area in sorted(published, key=lambda area: area.since, reverse=True):
        names[area.kind, area.code].setdefault(area.name)
    records = {
        code: (kind, json.loads(said))
        for source, kind in ORGANISATIONS.items()
        for code, said in facts.get(source, {}).items()
        if said is not None
    }
    places = [
        _place(kind, code, tuple(called), records[code][1] if code in records else {}, published=True)
        for (kind, code), called in names.items()
    ]
    known = {place.code for place in places}
    places += [_place(kind, code, (), said) for code, (kind, said) in records.items() if code not in known]
    successions = list(_successions(facts.get(SUCCESSIONS, {})))
    return Directory(
        _grouped(places, lambda place: place.code),
        _grouped(successions, lambda succession: succession.code),
        _grouped(successions, lambda succession: succession.successor),
    )


def find(asked: str, where: Directory, *, spelling: bool = True) -> tuple[Match, ...]:
    """Return the places with figures that `asked` may mean, the likeliest first; none where nothing is near.

    A code is meant as such. Otherwise each word must be in one name that the place ever had, or begin a word
    of it, whatever its case; where no place has them all, words that are spelt nearly so are taken, unless
    `spelling` is off. What lies in a board or region that was found comes last.
    """
    places = [place for group in where.places.values() for place in group]
    found = _each(where.places.get(asked.strip().upper(), ()), "code") or _named(_words(asked), places)
    if spelling and not found:
        found = _each(_named(_corrected(_words(asked), places), places), "spelling")
    wider = {place.code for place in found if place.kind != "Provider"}
    within = _each((place for place in places if {place.icb, place.region} & wider), "within")
    return _ranked({**within, **found})


def chain(code: str, where: Directory) -> tuple[Succession, ...]:
    """Return all that became of a code, nearest first; codes that took over from each other are met once."""
    told: list[Succession] = []
    waiting, seen = [code], {code}
    while waiting:
        for step in where.taken_over.get(waiting.pop(0), ()):
            told.append(step)
            if step.successor not in seen:
                seen.add(step.successor)
                waiting.append(step.successor)
    return tuple(told)


def restarts(code: str, where: Directory) -> tuple[Restart, ...]:
    """Return the months with which the series of a code begin anew, because it took over others with figures.

    What is the same organisation in law is another one in the figures: half of a merged one is no trend.
    """
    by_month: dict[str, list[str]] = defaultdict(list)
    for taken in where.joined.get(code, ()):
        if any(place.published for place in where.places.get(taken.code, ())):
            by_month[f"{taken.on:%Y-%m}"].append(taken.code)
    return tuple(Restart(period, tuple(sorted(by_month[period]))) for period in sorted(by_month))


def lies(code: str, where: Directory) -> tuple[str, ...]:
    """Return a code and those of what its place lies in, the nearest first: sub-ICB, ICB, region.

    A sub-ICB's name is its ICB's with its own code: `NHS Kent and Medway ICB - 91Q`.
    """
    around: dict[str, None] = {code: None}
    for place in where.places.get(code, ()):
        icb = place.icb or (_icb_of(place, where) if place.kind == "SubICB" else None)
        region = place.region or next((found.region for found in where.places.get(icb or "", ())), None)
        around |= dict.fromkeys(filter(None, (icb, region)))
    return tuple(around)


def _icb_of(place: Place, where: Directory) -> str | None:
    called = _words(place.name) - {place.code.casefold()}
    boards = (near for group in where.places.values() for near in group if near.kind == "ICB")
    return next((near.code for near in boards if any(_words(name) == called for name in near.names)), None)


def _place(
    kind: str, code: str, names: tuple[str, ...], said: Mapping[str, str | None], *, published: bool = False
) -> Place:
    official = said.get("name")
    called = (*names, official) if official and official not in names else names
    opened, closed = (
        date.fromisoformat(day) if (day := said.get(key)) else None for key in ("opened", "closed")
    )
    return Place(kind, code, called, published, opened, closed, said.get("icb"), said.get("region"))


def _successions(facts: Mapping[str, str | None]) -> Iterator[Succession]:
    for code, said in facts.items():
        for successor, on in json.loads(said) if said else ():
            yield Succession(code, successor, date.fromisoformat(on))


def _grouped(items: Iterable[T], key: Callable[[T], str]) -> dict[str, tuple[T, ...]]:
    groups: dict[str, list[T]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return {name: tuple(group) for name, group in groups.items()}


def _each(places: Iterable[Place], how: How) -> dict[Place, How]:
    return dict.fromkeys(places, how)


def _named(words: Collection[str], places: Iterable[Place]) -> dict[Place, How]:
    """Return the places of which a name has all of these words; `name` where it has no others."""
    found: dict[Place, How] = {}
    for place in places if words else ():
        names = [_words(name) for name in place.names]
        if set(words) in names:
            found[place] = "name"
        elif any(all(_has(name, word) for word in words) for name in names):
            found[place] = "words"
    return found


def _corrected(words: Collection[str], places: Iterable[Place]) -> frozenset[str]:
    """Return the words of names that are spelt most like these; none where one of these is like no other."""
    known = frozenset[str]().union(*(_words(name) for place in places for name in place.names))
    nearest = [get_close_matches(word, known, 1, _ALIKE) for word in words]
    return frozenset(near[0] for near in nearest) if all(nearest) else frozenset()


def _has(name: Collection[str], word: str) -> bool:
    return word in name or (len(word) >= _SHORTEST and any(other.startswith(word) for other in name))


def _words(text: str) -> frozenset[str]:
    """Return the words of a name by which it is told from others; all of them where it has no such."""
    every = frozenset(_WORD.findall(_APOSTROPHE.sub("", text.casefold())))
    return every - _FILLERS or every


def _ranked(found: Mapping[Place, How]) -> tuple[Match, ...]:
    """Return those that have figures: by how they were found, the larger areas first, then by name."""

    def rank(match: Match) -> tuple[int, int, str, str]:
        place, how = match
        size = _KINDS.index(place.kind) if place.kind in _KINDS else len(_KINDS)
        return _HOW.index(how), size, place.name.casefold(), place.code

    return tuple(sorted((Match(place, how) for place, how in found.items() if place.published), key=rank))
