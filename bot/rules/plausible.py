"""What is too far from all that was ever published to be believed without a person's look.

Tuned on five years of the monthly figures and on eleven petitions: of all that was really published, nothing
is held. What the publisher's own identities refuse does not get here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import combinations
from statistics import median

from bot.rules.findings import Doubt
from bot.rules.measures import History
from scrapers.toolkit.contract import ENGLAND, Area, Figure, Measure, Unit

Series = tuple[str, str, str]  # measure, kind of area, area code

PERIODS = 12  # so many earlier ones say what is usual
SPREAD = 0.2  # of the highest value: a series that never moved may move by so much
FEWER = 0.5  # of the figures of the release before
AREAS = 20  # so many areas say how a measure moves
LARGE = 30  # smaller values double from month to month
FACTOR = 3.0  # to which the middle area's value may grow or shrink; to 1.9 it did
SWAPPED = 1.5  # times nearer to each other's past than to their own; to 1.14 two measures were
GROWTH, START = 3, 5_000  # what a count of signatures may grow to in a day
FEW_SIGNATURES = 20  # fewer may halve
MOST_DAYS = 10
ALIKE = 2  # times as many signatures, or half as many, are no other reading


def release_doubts(
    figures: Sequence[Figure],
    before: Mapping[Series, float | None],
    history: History,
    home: Area = ENGLAND,
    *,
    count: int | None = None,
) -> list[Doubt]:
    """Return why a release is not believed; nothing where it is.

    `history` holds the headline measures of their area, `home`; only these are judged. `before` holds what
    the same release said earlier, else what the one before it says, of them at least; `count` is how many
    figures that had in all.
    """
    needed = [figure for figure in figures if figure.measure.id in history]
    doubts = [*_at_home(needed, before, history, home)]
    earlier = len(before) if count is None else count
    if len(figures) < FEWER * earlier:
        doubts.append(Doubt("figures in the release", now=len(figures), before=earlier, low=FEWER * earlier))
    below = _pairs(needed, before, home)
    doubts += _moved(below)
    doubts += _swapped(below, {figure.measure.id: figure.measure for figure in needed})
    return doubts


def bounds(values: Collection[float]) -> tuple[float, float]:
    """Return between which bounds the next value of a series is believed.

    As far beyond its lowest and highest as they lie apart, but above half of the one, below twice the other.
    """
    low, high = min(values), max(values)
    spread = max(high - low, SPREAD * high)
    return max(low - spread, low / 2), min(high + spread, high * 2)


def reading_doubts(
    figures: Sequence[Figure],
    before: Mapping[Series, float | None],
    days: float,
    rejected: Collection[float] = (),
) -> list[Doubt]:
    """Return why a count of signatures is not believed, `days` after the newest stored one was confirmed.

    What is alike to, or beyond, a count `rejected` since then is not believed however many days go by.
    """
    doubts = []
    for measure, area, _, value in figures:
        earlier = before.get((measure.id, area.kind, area.code))
        if measure.id != "signatures" or value is None or earlier is None:
            continue
        low, high = reading_bounds(earlier, days)
        low = max([low, *(ALIKE * count for count in rejected if count < earlier)])
        high = min([high, *(count / ALIKE for count in rejected if count > earlier)])
        if not low <= value <= high:
            doubts.append(Doubt("signatures", measure.unit, value, earlier, low, high))
    return doubts


def reading_bounds(before: float, days: float) -> tuple[float, float]:
    """Return between which counts of signatures a petition is believed so many days later."""
    low = before / 2 if before >= FEW_SIGNATURES else 0.0
    high = before
    for _ in range(min(int(days), MOST_DAYS) + 1):
        high = GROWTH * high + START
    return low, high


def is_alike(doubts: Sequence[Doubt], others: Sequence[Doubt]) -> bool:
    """Return whether two readings are doubted for one reason: off to one side, and alike in magnitude."""
    return len(doubts) == len(others) and all(map(_is_alike, doubts, others))


def _is_alike(one: Doubt, other: Doubt) -> bool:
    now, then, before = one.now or 0, other.now or 0, one.before or 0
    low, high = sorted((now, then))
    return before == other.before and (now > before) == (then > before) and high <= ALIKE * low


def _at_home(
    figures: Sequence[Figure], before: Mapping[Series, float | None], history: History, home: Area
) -> Iterator[Doubt]:
    for measure, area, period, value in figures:
        if area.kind != home.kind or value is None:
            continue
        others = [v for p, v in history[measure.id].items() if p != period and v is not None]
        if len(others) < PERIODS:
            continue
        low, high = bounds(others)
        if not low <= value <= high:
            earlier = before.get((measure.id, area.kind, area.code))
            yield Doubt(f"{measure.id} of {home.name}", measure.unit, value, earlier, low, high)


# measure -> kind and code of the area -> value now and before
_Pairs = Mapping[str, Mapping[tuple[str, str], tuple[float, float]]]


def _pairs(needed: Sequence[Figure], before: Mapping[Series, float | None], home: Area) -> _Pairs:
    """Return the headline values of other areas that can be compared, by measure and area."""
    measures = sorted({figure.measure.id for figure in needed})
    found: dict[str, dict[tuple[str, str], tuple[float, float]]] = {measure: {} for measure in measures}
    for measure, area, _, value in needed:
        earlier = before.get((measure.id, area.kind, area.code))
        if area.kind != home.kind and value and earlier and min(value, earlier) > 0:
            found[measure.id][area.kind, area.code] = value, earlier
    return found


def _moved(below: _Pairs) -> Iterator[Doubt]:
    """Yield the measures that moved in most areas at once by more than they ever do."""
    for measure, areas in below.items():
        ratios = [now / before for now, before in areas.values() if before >= LARGE]
        if len(ratios) < AREAS:
            continue
        middle = median(ratios)
        if not 1 / FACTOR <= middle <= FACTOR:
            what = f"{measure} in the middle of {len(ratios)} areas, times its value before"
            yield Doubt(what, Unit.MEAN, middle, 1.0, 1 / FACTOR, FACTOR)


def _swapped(below: _Pairs, measures: Mapping[str, Measure]) -> Iterator[Doubt]:
    """Yield the pairs of measures whose areas follow the other one's past instead of their own."""
    import numpy as np

    names = [measure for measure, areas in below.items() if len(areas) >= AREAS]
    if len(names) < 2:
        return
    places = {area: n for n, area in enumerate(sorted({area for name in names for area in below[name]}))}
    now, before = np.full((2, len(names), len(places)), np.nan)
    for row, name in enumerate(names):
        columns = [places[area] for area in below[name]]
        now[row, columns], before[row, columns] = np.log(list(below[name].values())).T
    moved = np.abs(now - before)  # by measure and area; NaN where either month lacks it
    for one, other in combinations(range(len(names)), 2):
        both = ~np.isnan(moved[one] + moved[other])
        if measures[names[one]].unit != measures[names[other]].unit or both.sum() < AREAS:
            continue
        own = (moved[one] + moved[other])[both].sum()
        crossed = (np.abs(now[one] - before[other]) + np.abs(now[other] - before[one]))[both].sum()
        if own > SWAPPED * crossed:
            yield Doubt(f"{names[one]} and {names[other]} look swapped in {both.sum()} areas")
