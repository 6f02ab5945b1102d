"""Which figure a person means: a measure by code, title or everyday word, and a place by name or code."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cached_property
from itertools import product
from typing import NamedTuple
from unicodedata import combining, normalize

from bot.rules.places import Directory, Place, find

LONGEST, MOST_WORDS = 200, 10  # characters and words of a question that are looked at
MOST = 6  # measures or places that are offered
SHORTEST = 3  # letters of a word that may be the beginning of another
ALIKE, NEAR = 0.75, 0.5  # how much of a misspelt word must be right, and of a name that is offered

DROP_OUT = ("treated_once", "ended_early", "before_treatment")  # what people call so; none is official

_WORD = re.compile(r"[a-z]*[0-9][a-z0-9]*|[a-z]+")  # a code is one word
_HUMPS = re.compile(r"(?<=[a-z])(?=[A-Z])|_")


@dataclass(frozen=True, slots=True)
class Words:
    """The words of those who ask: what they call measures, the likeliest first, and words that name nothing.

    `asides` may stand anywhere, `between` between two things that are compared.
    """

    everyday: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    asides: frozenset[str] = frozenset()
    between: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Named:
    """A measure of a source, and all that it is called; `of` is its denominator."""

    source: str
    id: str
    title: str
    unit: str
    of: str = ""
    names: tuple[str, ...] = ()


class Series(NamedTuple):
    """A measure in a place."""

    measure: Named
    place: Place


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a question may mean: measures and places, the likeliest first.

    `drop_out` says that it asks for drop-out, `instead` is the question with its spelling mended; `unknown`
    are words that name nothing. Both measures and places are there, or it is not understood.
    """

    measures: tuple[Named, ...] = ()
    places: tuple[Place, ...] = ()
    drop_out: bool = False
    instead: str = ""
    unknown: str = ""

    @property
    def series(self) -> Series | None:
        """Return what is most likely meant; None where it is not understood."""
        return Series(self.measures[0], self.places[0]) if self.measures and self.places else None


@dataclass(frozen=True)
class Names:
    """All that can be asked for: measures, the `main` ones first; places and the usual one by source.

    `words` are those of the people who ask, `current` kind and code of the places that each source's newest
    figures have.
    """

    measures: tuple[Named, ...]
    places: Mapping[str, Directory]
    homes: Mapping[str, Place]
    words: Words
    main: int = 0
    current: Mapping[str, Collection[tuple[str, str]]] = field(default_factory=dict)

    def meant(self, words: Sequence[str]) -> tuple[int, tuple[Named, ...]] | None:
        """Return the measures that these words name, and how far from exactly; None where they name none."""
        if found := self._by_id.get("".join(words)):
            return 0, (found,)
        by_name = self._named(words)
        if everyday := self._everyday(words):
            more = [one for one in (by_name[1] if by_name else ()) if one not in everyday]
            return 0, (*everyday, *more)[:MOST]
        return by_name

    def is_drop_out(self, words: Sequence[str]) -> bool:
        """Return whether these words ask for drop-out, of which there is no official figure."""
        return self._called(words)[: len(DROP_OUT)] == DROP_OUT

    def located(self, source: str, words: Sequence[str]) -> tuple[int, tuple[Place, ...]] | None:
        """Return the places of a source that these words name, and how far from exactly."""
        if source not in self.places:
            return None
        found = find(" ".join(words), self.places[source], spelling=False)
        if not found:
            return None
        current = self.current.get(source, ())
        nearest, places = found[0].how, (match.place for match in found if match.how != "within")
        there = sorted(places, key=lambda place: (place.kind, place.code) not in current)
        around = [match.place for match in found if match.how == "within"]
        return ("code", "name", "words").index(nearest), (*there, *around)[:MOST]

    def listed(self, text: str) -> tuple[Named, ...]:
        """Return every measure that a text may mean, the likeliest first; without one the main measures."""
        words = words_of(text)
        if not words:
            return self.measures[: self.main]
        found = set.intersection(*(self._having(word) for word in words))
        first = self.meant(words)
        return tuple(
            dict.fromkeys((*(first[1] if first else ()), *(self.measures[n] for n in sorted(found))))
        )

    def kin(self, named: Named) -> tuple[Named, ...]:
        """Return the measures that people may mean when they are told this one."""
        ids = dict.fromkeys(id for group in self.words.everyday.values() if named.id in group for id in group)
        found = (self._by_id.get(_key(id)) for id in ids if id != named.id)
        return tuple(one for one in found if one and one.source == named.source)

    def nearest_places(self, source: str, words: Sequence[str]) -> tuple[Place, ...]:
        """Return the places whose names are most like these words; none where none is."""
        if source not in self.places:
            return ()
        names = {name.casefold(): place for place in _all(self.places[source]) for name in place.names}
        near = get_close_matches(" ".join(words), names, MOST, NEAR)
        return tuple(dict.fromkeys(names[name] for name in near))

    def corrected(self, words: Sequence[str]) -> tuple[str, ...]:
        """Return the words, each that is in no name exchanged for the one that is spelt most like it."""
        return tuple(word if self._is_known(word) else self._nearest(word) for word in words)

    def _named(self, words: Sequence[str]) -> tuple[int, tuple[Named, ...]] | None:
        telling = [word for word in words if word != "and"]
        if not telling or len(set(telling)) < len(telling):
            return None
        found = set.intersection(*(self._having(word) for word in telling))
        exact = {place for place in found if set(telling) in self._words[place]}
        ranked = sorted(found, key=lambda place: (place not in exact, place))[:MOST]
        return (0 if exact else 1, tuple(self.measures[place] for place in ranked)) if ranked else None

    def _everyday(self, words: Sequence[str]) -> tuple[Named, ...]:
        ids = (_key(id) for id in self._called(words))
        return tuple(self._by_id[id] for id in ids if id in self._by_id)

    def _called(self, words: Sequence[str]) -> tuple[str, ...]:
        """Return the ids of what is called so in everyday words."""
        said = (" ".join(words), " ".join(_singular(word) for word in words))
        return next((self.words.everyday[text] for text in said if text in self.words.everyday), ())

    def _having(self, word: str) -> set[int]:
        """Return the measures in whose names this word is, or a longer one that it begins."""
        stem = _singular(word)
        return set[int]().union(*(self._by_word[other] for other in self._by_word if _is_meant(stem, other)))

    def _is_known(self, word: str) -> bool:
        stem = _singular(word)
        return not stem.isalpha() or any(_is_meant(stem, other) for other in self._vocabulary)

    def _nearest(self, word: str) -> str:
        return next(iter(get_close_matches(word, self._vocabulary, 1, ALIKE)), word)

    @cached_property
    def _by_id(self) -> Mapping[str, Named]:
        return {_key(one.id): one for one in reversed(self.measures)}

    @cached_property
    def _words(self) -> Sequence[Sequence[set[str]]]:
        """The words of each of its names, for each measure."""
        return [[set(words_of(_HUMPS.sub(" ", name))) for name in one.names] for one in self.measures]

    @cached_property
    def _by_word(self) -> Mapping[str, set[int]]:
        found: dict[str, set[int]] = defaultdict(set)
        for place, names in enumerate(self._words):
            for word in set[str]().union(*names):
                found[word].add(place)
        return dict(found)

    @cached_property
    def _vocabulary(self) -> frozenset[str]:
        places = {place for where in self.places.values() for place in _all(where)}
        called = (name for place in places for name in (*place.names, place.code))
        return frozenset(self._by_word).union(
            *map(words_of, called),
            *(text.split() for text in self.words.everyday),
            *(words_of(id) for id in self._by_id),
        )


def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a text, in small letters without accents; what stands between them goes."""
    said = text[:LONGEST].casefold().replace("'", "").replace("’", "")
    if not said.isascii():
        said = "".join(letter for letter in normalize("NFKD", said) if not combining(letter))
    return tuple(_WORD.findall(said))


def understand(text: str, names: Names) -> Wanted:
    """Return what a question means. What is not spelt right is tried as the nearest words that are."""
    said = words_of(text)
    words = tuple(word for word in said if word not in names.words.asides)[:MOST_WORDS] or said[:MOST_WORDS]
    if found := _understood(words, names):
        return found
    mended = names.corrected(words)
    if mended != words and (found := _understood(mended, names)):
        return replace(found, instead=" ".join(mended))
    return _in_part(words, names)


def understand_two(text: str, names: Names) -> tuple[Series, Series] | None:
    """Return the two series that are to be compared; None where it is not understood.

    Two places of one measure, two measures of one place, or one place beside the usual one.
    """
    aside = names.words.asides | names.words.between
    words = tuple(word for word in words_of(text) if word not in aside)[:MOST_WORDS]
    found = _pair(words, names)
    if found is None and (mended := names.corrected(words)) != words:
        found = _pair(mended, names)
    return found


def _understood(words: tuple[str, ...], names: Names) -> Wanted | None:
    """Return the best of the readings in which some words name a measure, and the others a place."""
    best: tuple[int, int] | None = None
    wanted = None
    for asked, where in _cuts(words):
        measures = names.meant(asked)
        if measures is None:
            continue
        source = measures[1][0].source
        places = names.located(source, where) if where else (0, (names.homes[source],))
        if places is None:
            continue
        rank = measures[0] + places[0], len(where)
        if best is None or rank < best:
            best, wanted = rank, Wanted(measures[1], places[1], names.is_drop_out(asked))
    return wanted


def _cuts(words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Yield the words as a measure and a place, in either order; first as a measure alone."""
    if words:
        yield words, ()
    for cut in range(1, len(words)):
        yield words[:cut], words[cut:]
        yield words[cut:], words[:cut]


def _in_part(words: tuple[str, ...], names: Names) -> Wanted:
    """Return what could be understood: a measure, and what its place may be; or only a place."""
    for asked, where in sorted(_cuts(words), key=lambda cut: len(cut[1])):
        if measures := names.meant(asked):
            near = names.nearest_places(measures[1][0].source, where)
            return Wanted(measures[1], near, names.is_drop_out(asked), unknown=" ".join(where))
    for where, asked in _cuts(words):
        for source in names.places:
            if places := names.located(source, where):
                return Wanted((), places[1], unknown=" ".join(asked))
    return Wanted(unknown=" ".join(words))


def _pair(words: tuple[str, ...], names: Names) -> tuple[Series, Series] | None:
    """Return the best of the readings in which the words are two series."""
    best: int | None = None
    found = None
    for cuts in _thirds(len(words)):
        parts = [words[slice(*cut)] for cut in cuts]
        for kinds in product("mp", repeat=len(parts)):
            asked = [part for kind, part in zip(kinds, parts, strict=True) if kind == "m"]
            where = [part for kind, part in zip(kinds, parts, strict=True) if kind == "p"]
            rank, pair = _read_as(asked, where, names)
            if pair and pair[0] != pair[1] and (best is None or rank < best):
                best, found = rank, pair
    return found


def _read_as(
    asked: Sequence[tuple[str, ...]], where: Sequence[tuple[str, ...]], names: Names
) -> tuple[int, tuple[Series, Series] | None]:
    """Return the series that these measures and places make, and how far from exactly they are named."""
    measures = [names.meant(words) for words in asked]
    if (len(asked), len(where)) not in ((1, 1), (1, 2), (2, 0), (2, 1)) or not all(measures):
        return 0, None
    rank, series = 0, []
    for far, (measure, *_) in filter(None, measures):
        rank += far
        found = [names.located(measure.source, words) for words in where]
        if not all(found):
            return 0, None
        places = [places[0] for _, places in filter(None, found)]
        rank += sum(far for far, _ in filter(None, found))
        if len(places) < 3 - len(asked):
            places.append(names.homes[measure.source])
        series += [Series(measure, place) for place in places]
    return rank, (series[0], series[1])


def _thirds(size: int) -> Iterator[tuple[tuple[int, int], ...]]:
    """Yield every way to cut so many words into two or three stretches."""
    for first in range(1, size):
        yield (0, first), (first, size)
        for second in range(first + 1, size):
            yield (0, first), (first, second), (second, size)


def _is_meant(stem: str, word: str) -> bool:
    return word.startswith(stem) if len(stem) >= SHORTEST else word == stem


def _singular(word: str) -> str:
    return word.removesuffix("s") if len(word) > SHORTEST and not word.endswith("ss") else word


def _key(id: str) -> str:
    return "".join(words_of(id))


def _all(where: Directory) -> Iterator[Place]:
    return (place for places in where.places.values() for place in places)
