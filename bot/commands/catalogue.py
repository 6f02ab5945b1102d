"""What can be asked for, as the store has it now, and the marks by which buttons name it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from threading import Lock

from bot.campaign import Campaign
from bot.rules.measures import DERIVED, PUBLISHED
from bot.rules.places import ORGANISATIONS, SUCCESSIONS, Directory, Place, directory
from bot.rules.wanted import Named, Names, Series, Words
from bot.wording import asked
from bot.wording.callbacks import mark
from bot.wording.language import t
from bot.wording.signals import TITLES
from scrapers.toolkit.contract import ENGLAND, Headline, Measure, Scraper, Unit
from state.store import Reader

_HUMPS = re.compile(r"(?<=[a-z])(?=[A-Z])|_")
_UNIT = re.compile(r"(?:Count|Coun|Percentage|Mean|Median|Max|Min)_(?=\S)")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What can be asked for, also by the marks of measures and of places."""

    names: Names
    measures: Mapping[str, Named]
    places: Mapping[tuple[str, str], Place]  # by source and mark

    def series(self, measure: str, place: str) -> Series | None:
        """Return the series of these marks; None where it is not there any more."""
        named = self.measures.get(measure)
        found = self.places.get((named.source, place)) if named else None
        return Series(named, found) if named and found else None


class Library:
    """Keeps the catalogue until something new is stored. It may be asked from any thread."""

    def __init__(self, campaign: Campaign) -> None:
        self._sources = [source for source in campaign.sources if not source.is_petition]
        self._known = [watch.measure for watch in campaign.watches]
        self._lock = Lock()
        self._state: object = None
        self._catalogue = Catalogue(Names((), {}, {}, Words()), {}, {})

    def catalogue(self, tx: Reader) -> Catalogue:
        """Return what can be asked for at the moment of this reader."""
        state = tx.state()
        with self._lock:
            if state != self._state:
                self._catalogue, self._state = self._made(tx), state
            return self._catalogue

    def _made(self, tx: Reader) -> Catalogue:
        facts = tx.facts([*ORGANISATIONS, SUCCESSIONS])
        found: list[Named] = []
        places: dict[str, Directory] = {}
        homes: dict[str, Place] = {}
        current: dict[str, set[tuple[str, str]]] = {}
        for source in self._sources:
            stored = tx.measures(source.key)
            if not stored:
                continue
            found += _measures(source, stored)
            areas = tx.area_names(source.key)
            several = len({(area.kind, area.code) for area in areas}) > 1
            where = _published(directory(areas, facts if several else {}))
            places[source.key], homes[source.key] = where, _home(source, where)
            if several:
                said = tx.said(source.key, tx.periods(source.key)[-1], stored)
                current[source.key] = {(kind, code) for _, kind, code in said}
        main = [*self._known, *(line.measure for source in self._sources for line in source.headlines)]
        rank = {id: place for place, id in reversed(list(enumerate(main)))}
        found.sort(key=lambda named: rank.get(named.id, len(rank) + (named.id not in DERIVED)))
        return Catalogue(
            Names(
                tuple(found), places, homes, asked.words(), sum(named.id in rank for named in found), current
            ),
            {mark(named.source, named.id): named for named in found},
            {
                (source, place_mark(place)): place
                for source, where in places.items()
                for place in (*_each(where), homes[source])
            },
        )


def measure_mark(named: Named) -> str:
    """Return the mark of a measure."""
    return mark(named.source, named.id)


def place_mark(place: Place) -> str:
    """Return the mark of a place."""
    return mark(place.kind, place.code)


def _measures(source: Scraper, stored: Mapping[str, Measure]) -> Iterator[Named]:
    """Yield what can be asked of a source: derived measures, then published ones that are not the same."""
    lines = {line.measure: line for line in source.headlines}
    ours = [
        share
        for share in DERIVED.values()
        if share.source == source.name and stored.keys() & set(share.needs)
    ]
    for share in ours:
        names = _said(share.title, share.name, share.published or "", _label(lines, share.name))
        yield Named(source.key, share.name, share.title, Unit.PERCENT, share.of, names)
    same = {share.published for share in ours}
    for id, measure in stored.items():
        if id in same:
            continue
        known = PUBLISHED.get(id)
        label = _label(lines, id)
        title = known.title if known else label or TITLES.get(id) or readable(measure.name)
        of = known.of if known else measure.denominator or _of(lines.get(id))
        names = _said(title, label, readable(measure.name), measure.name, id)
        yield Named(source.key, id, title, measure.unit, of, names)


def readable(name: str) -> str:
    """Return a publisher's name in words: `Accessed services` for `Count_AccessedServices`."""
    words = _HUMPS.sub(" ", _UNIT.sub("", name, count=1)).split()
    if len(words) < 2 or " " in name.strip():
        return name
    return " ".join([words[0], *(word if word.isupper() else word.lower() for word in words[1:])])


def _label(lines: Mapping[str, Headline], id: str) -> str:
    return lines[id].label if id in lines else ""


def _of(headline: Headline | None) -> str:
    return headline.of.removeprefix("of ") if headline else ""


def _said(*names: str) -> tuple[str, ...]:
    """Return what a figure is called, in English and in the language that is spoken."""
    return tuple(dict.fromkeys(said for name in names if name for said in (name, t(name))))


def _published(where: Directory) -> Directory:
    """Return the places that have figures."""
    places = {
        code: tuple(_spoken(place) for place in group if place.published)
        for code, group in where.places.items()
    }
    return Directory({code: group for code, group in places.items() if group}, where.taken_over, where.joined)


def _spoken(place: Place) -> Place:
    """Return a place as it is called in the language that is spoken, which has a word for England alone."""
    if place.code != ENGLAND.code:
        return place
    return replace(place, names=tuple(dict.fromkeys((t("England"), *place.names))))


def _home(source: Scraper, where: Directory) -> Place:
    """Return the place that is meant where none is named: of the headlines, or the only one."""
    area = source.headline_area
    every = list(_each(where))
    named = [place for place in every if (place.kind, place.code) == (area.kind, area.code)]
    other = _spoken(Place(area.kind, area.code, (area.name,)))
    return (named or (every if len(every) == 1 else []) or [other])[0]


def _each(where: Directory) -> Iterator[Place]:
    return (place for group in where.places.values() for place in group)
