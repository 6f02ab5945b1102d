"""Anything that can be told, made by the types of its fields, with any text of any script in every text."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from importlib import import_module
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from bot.campaign import parse_campaign
from bot.rules import digest, findings, signals
from bot.rules.keys import KEYS, Key
from bot.rules.places import Place
from bot.rules.wanted import Named, Wanted
from bot.wording import markup
from bot.wording.messages import COMPARISONS, FACTS
from scrapers.toolkit.contract import ENGLAND, Area, Scraper, Unit

Strategy = st.SearchStrategy[Any]

NOW = datetime(2026, 5, 14, 8, 30, 41, tzinfo=UTC)
PAGE = "https://digital.nhs.uk/performance-march-2026"
ANY = st.text(st.characters(), max_size=30)  # surrogates too
HOSTILE = (
    *(
        "</b>",
        "<script>alert(1)</script>",
        "&lt;b&gt;",
        "{value}",
        "{0}",
        "%s",
        "a\nb\r\n\tc",
        "/stop",
        "@all",
    ),
    *("😀" * 300, "\u202eevil", "مرحبا " * 60, "e\u0301" * 200, "", " ", "\x00\x1b[31m", "see /x, @y"),
)
TEXT = st.one_of(ANY, ANY.map(lambda text: text * 100), st.sampled_from(HOSTILE))
PAGES = st.one_of(TEXT, st.sampled_from([PAGE, "javascript:alert(1)", f"https://a.uk/?q={'x' * 5000}"]))
COUNTS = st.integers(0, 10**9)
NUMBERS = st.floats(-1e9, 1e9)
SEVERAL = 12

# What is not any text: what our own code has checked or made before it is told.
MONTHS = st.sampled_from(["2026-02", "2026-03"])
DAYS = st.sampled_from(["2026-06", "2026-06-11"])
SOURCES = st.sampled_from(["talking_therapies_monthly", "parliament_petition:5"])  # their keys
MEASURES = st.sampled_from(["M192", "treated_once"])
LAZY_SHIFTS = st.deferred(lambda: built(digest.Shift))
LAZY_SIGNALS = st.deferred(lambda: built(signals.Signal))
CHECKED: dict[str, Strategy] = {
    **dict.fromkeys(("url", "page", "file"), PAGES),
    **dict.fromkeys(("period", "judged", "since", "first", "last"), MONTHS),
    **dict.fromkeys(("Release.expected", "DateMoved.before", "Ill.due", "DailyLine.next_release"), DAYS),
    "unit": st.sampled_from(Unit),
    "Row.earlier": st.dictionaries(st.sampled_from(sorted(COMPARISONS)), st.none() | NUMBERS),
    "FactChanged.name": st.sampled_from(sorted(FACTS)),
    "Release.period": st.none() | TEXT | MONTHS,
    "FigureOf.since": st.integers(2000, 2025),
    **dict.fromkeys(("Row.label", "Row.of", "Row.caution"), st.sampled_from(["Recovery", "of those ended"])),
    **dict.fromkeys(("Signal.measure", "Question.measure", "Closing.measure"), MEASURES),
    **dict.fromkeys(("Signal.area", "Question.area", "Closing.area"), st.sampled_from(["England", "RXY"])),
    **dict.fromkeys(("Signal.family", "Closing.family"), st.sampled_from(["", "drop-out"])),
    **dict.fromkeys(("Ill.kept", "Unwitnessed.kept"), st.sampled_from(["", "broken/a.html"])),
    "Release.published_in": st.sampled_from(["", "May 2026"]),
    "News.shifts": st.lists(LAZY_SHIFTS, min_size=1, max_size=SEVERAL).map(tuple),
    "WatchMoved.signals": st.lists(LAZY_SIGNALS, min_size=1, max_size=3).map(tuple),
    "Question.signals": st.lists(LAZY_SIGNALS, max_size=3).map(tuple),
    "Told.missing": st.lists(st.tuples(st.just("-1001:7"), st.just("dead")), max_size=30).map(tuple),
    "Ill.source": SOURCES,
    "Recovered.sources": st.lists(st.tuples(SOURCES, st.just(NOW)), min_size=1, max_size=200).map(tuple),
    "DailyLine.paused": st.lists(SOURCES, max_size=30).map(tuple),
    "Gathered.items": st.lists(
        st.tuples(COUNTS, TEXT.map(lambda text: f"✍️ {text}"), PAGES), min_size=1, max_size=SEVERAL
    ).map(tuple),
    "ReleaseOut.rows": st.deferred(lambda: st.lists(built(findings.Row), max_size=13).map(tuple)),
    "Remarks.closings": st.deferred(lambda: st.lists(built(signals.Closing), max_size=SEVERAL).map(tuple)),
    "Place.names": st.lists(TEXT, min_size=1, max_size=3).map(tuple),
    "Account.values": st.dictionaries(MONTHS, st.none() | NUMBERS, min_size=1),
    "Origin.publisher": st.just("NHS England"),
    "Told.cautions": st.just(("These are referrals, not people.",)),
    "Meaning.id": MEASURES,
    "Named.of": st.sampled_from(["", "of those that ended"]),
    "ask_place.wanted": st.deferred(lambda: built(Wanted, measures=some(Named))),
    "ask_measure.wanted": st.deferred(lambda: built(Wanted, places=some(Place))),
    "which_area.found": st.lists(st.tuples(st.sampled_from(["QKS", "91Q"]), TEXT)),
    "page_of_areas.codes": st.lists(st.sampled_from(["QKS", "91Q"])),
    "outbox.waiting": st.lists(st.tuples(COUNTS, st.just("dead"), TEXT), max_size=15),
    "SignOff.text": TEXT.map(lambda text: f"A title\n{text}"),
}


def sources(title: str = "Review NHS Talking Therapies") -> dict[str, Scraper]:
    """Return a source of figures and a petition of this title, by name."""
    entry = {"source": "parliament_petition", "id": 5, "title": title}
    campaign = parse_campaign({"campaign": {"name": "Test"}, "petition": [entry]}, "campaign.toml")
    return {one.name: one for one in campaign.sources}


BUILT: dict[Any, Strategy] = {
    str: TEXT,
    int: COUNTS,
    float: NUMBERS,
    bool: st.booleans(),
    Any: st.none(),
    tuple[tuple[markup.Button, ...], ...]: TEXT.map(lambda text: ((markup.Button(text, PAGE),),)),
    type(None): st.none(),
    datetime: st.just(NOW),
    date: st.just(NOW.date()),
    time: st.sampled_from([time(8, 30), time(22)]),
    timedelta: st.integers(0, 10**7).map(lambda seconds: timedelta(seconds=seconds)),
    Key: st.sampled_from(KEYS),
    Scraper: TEXT.map(lambda title: sources(title)["parliament_petition"]),
    Area: st.just(ENGLAND) | st.builds(Area, TEXT, st.sampled_from(["Provider", "SubICB"]), TEXT),
    markup.Line: TEXT.map(markup.line),
}


LATER = {**vars(signals), **vars(digest)}  # types that are imported for the type checker alone


def anything(kind: Any, name: str = "", owner: str = "") -> Strategy:
    """Return anything of a type, which is the field `name` of a class, or a function's parameter."""
    of, parts = get_origin(kind), get_args(kind)
    if f"{owner}.{name}" in CHECKED:
        return CHECKED[f"{owner}.{name}"]
    if kind is str and name in CHECKED:
        return CHECKED[name]
    if kind in BUILT:
        return BUILT[kind]
    if of is Literal:
        return st.sampled_from(parts)
    if of in (Union, types.UnionType):
        return st.one_of(*(anything(part, name, owner) for part in parts))
    if of is tuple and Ellipsis not in parts:
        return st.tuples(*(anything(part) for part in parts))
    if of in (tuple, Sequence, Iterable):
        return several(anything(parts[0]))
    if of is Mapping:
        return st.dictionaries(anything(parts[0]), anything(parts[1]), max_size=SEVERAL)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(kind)
    return built(kind)


def some(kind: Any) -> Strategy:
    """Return one or more of a class."""
    return st.lists(built(kind), min_size=1, max_size=3).map(tuple)


def several(some: Strategy) -> Strategy:
    """Return a few of these, or far more than a message has room for."""
    lists = st.lists(some, max_size=SEVERAL)
    return lists.flatmap(lambda found: st.sampled_from([tuple(found), tuple(found * 25)]))


def built(kind: Any, **fixed: Strategy) -> Strategy:
    """Return anything of a class of ours, or of a function's result; `fixed` are its parts that are given."""
    hints = get_type_hints(kind, {**LATER, **vars(import_module(kind.__module__))})
    if dataclasses.is_dataclass(kind):
        hints = {field.name: hints[field.name] for field in dataclasses.fields(kind)}
    hints.pop("return", None)
    made = {name: anything(hint, name, kind.__name__) for name, hint in hints.items() if name not in fixed}
    return st.builds(kind, **made, **fixed)
