"""What may be judged at all: the series of a panel, and for each month whether anything may be said of it.

Never: shares of fewer than 50, numerators under 20, what is withheld or could be worked out from it, anything
across a break or across a change of an organisation's code.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import TYPE_CHECKING

from bot.rules.breaks import Breaks, Restarts
from bot.rules.keys import KEYS, UNRECORDED, Key
from bot.rules.measures import FEWEST
from bot.rules.panel import Panel
from scrapers.toolkit.contract import ENGLAND

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

FEWEST_COUNTED = 20  # in the numerator: of fewer, chance makes too much
ROUNDING = 5 / 12**0.5  # standard deviation of a count below England, for it is rounded to 5
BLANK = 5.0  # points more, or fewer, with no reason: the reasons of the others say something else then
ABSENT = 3  # published months without a word; a code that comes back then begins a new series
SIZE = "M001"  # by which organisations are weighed where codes come and go
LIKE = 2.0  # times as much, or as little: what moved with a code that came or went
SWALLOWED, SWINGS = 0.2, 3.0  # so much of itself more or less, and so many of its swings: it is another one
KNOWN, YEAR = 6, 12  # at least so many months, at most a year, say how large an organisation is


@dataclass(frozen=True, slots=True)
class Judged:
    """The series that are judged: every array is keys × areas × months.

    `values` is on the scale of the scan: a volume's logarithm, a share in percent, a middle as published.
    `chance` is the standard deviation that counting alone gives it. `top` and `bottom` are the counts behind
    it, `shown` the value that may be told: as published where it is. `starts` is the first month of the
    stretch that can be compared with each month, `may` whether it may be told.
    """

    keys: tuple[Key, ...]
    values: Values
    chance: Values
    top: Values
    bottom: Values
    shown: Values
    starts: NDArray[np.int64]
    may: NDArray[np.bool_]


def judged(
    panel: Panel,
    breaks: Breaks | None = None,
    keys: Sequence[Key] = KEYS,
    restarts: Restarts | None = None,
) -> Judged:
    """Return the series of `keys` in a panel."""
    import numpy as np

    parts = [_series(panel, key) for key in keys]
    values, top, bottom, shown = (np.stack(column) for column in zip(*parts, strict=True))
    may = ~np.isnan(values) & (top >= FEWEST_COUNTED) & (bottom >= FEWEST)
    may[:, [area.kind == ENGLAND.kind for area in panel.areas]] = False
    chance = np.stack([_chance(*found) for found in zip(keys, values, bottom, strict=True)])
    starts = _starts(panel, keys, breaks or {}, restarts or {})
    return Judged(tuple(keys), values, chance, top, bottom, shown, starts, may)


def recoded(panel: Panel) -> Iterator[tuple[int, int]]:
    """Yield the area and month (as places in the panel) where an organisation is no longer the same.

    It came back after months of absence; or another code came or went in the month in which it lost or gained
    about as much, and far more than it ever does. A code that comes back later did not go, and nobody took it
    over: the one thing that a replay may know before its day.
    """
    import numpy as np

    size = panel.measure(SIZE)
    for members in panel.levels().values():
        here: NDArray[np.bool_] = np.any(~np.isnan(panel.values[:, members]), axis=0)
        months = np.flatnonzero(here.any(axis=0))
        yield from _returned(here, members, months)
        for before, now in zip(months[KNOWN - 1 :], months[KNOWN:], strict=False):
            usual, grown = _grown(
                size[members][:, max(0, before - YEAR + 1) : before + 1], size[members, now]
            )
            gone = np.flatnonzero(here[:, before] & ~here[:, now])
            come = np.flatnonzero(here[:, now] & ~here[:, :now].any(axis=1))
            for change in (*usual[gone], *-size[members[come], now]):
                if not abs(change) >= FEWEST:
                    continue
                share = grown / change
                for place in np.flatnonzero((share > 1 / LIKE) & (share < LIKE)):
                    yield int(members[place]), int(now)


def _grown(past: Values, now: Values) -> tuple[Values, Values]:
    """Return how large each organisation was, and by how much it changed against all others.

    NaN where that is no more than it does at times.
    """
    import numpy as np

    usual = _mean(past)
    with np.errstate(invalid="ignore", divide="ignore"):
        swings = np.sqrt(_mean(np.log(past / usual[:, None]) ** 2))
        ratio = np.log(now / usual)
        shared = np.median([0, *ratio[~np.isnan(ratio)]])
        leapt = np.abs(ratio - shared) > np.maximum(SWINGS * swings, SWALLOWED)
        return usual, np.where(leapt, now - usual * np.exp(shared), np.nan)


def _series(panel: Panel, key: Key) -> tuple[Values, Values, Values, Values]:
    """Return a key's values as they are judged, its numerator, its denominator, and its values as told."""
    import numpy as np

    if key.share is None:
        raw = panel.measure(key.measure)
        if key.weighs:
            weight = panel.measure(key.weighs)
            return raw, weight, weight, raw
        return np.log(np.where(raw > 0, raw, np.nan)), raw, np.where(raw > 0, np.inf, np.nan), raw
    parts = np.stack([panel.measure(code) for code in key.share.top])
    top = np.where(np.isnan(parts).all(axis=0), np.nan, np.nansum(parts, axis=0))
    bottom = panel.measure(key.share.bottom)
    for code in key.share.less:
        bottom = bottom - np.nan_to_num(panel.measure(code))  # one that is withheld is too small to matter
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(bottom > 0, 100 * top / bottom, np.nan)
    if not key.share.published:
        return share, top, bottom, share
    published = panel.measure(key.share.published)
    for members in panel.levels().values():  # withheld where others' is published: not to be worked out
        told = ~np.isnan(published[members]).all(axis=0)
        share[members] = np.where(told & np.isnan(published[members]), np.nan, share[members])
    return share, top, bottom, np.where(np.isnan(published), share, published)


def _chance(key: Key, values: Values, bottom: Values) -> Values:
    """Return the standard deviation of one key's values by counting and rounding alone; 0 where unknown."""
    import numpy as np

    with np.errstate(invalid="ignore", divide="ignore"):
        if key.is_volume:
            variance = np.exp(-values) + (ROUNDING * np.exp(-values)) ** 2
        elif key.weighs:
            variance = values**2 / bottom  # waits and sessions spread about as far as they are long
        else:
            variance = np.clip(values * (100 - values), 1, None) / bottom + (100 * ROUNDING / bottom) ** 2
    return np.sqrt(np.nan_to_num(variance, posinf=0))


def _reasons_went(panel: Panel) -> NDArray[np.int64]:
    """Return the first month of the stretch in which about as many end with no reason (areas × months)."""
    import numpy as np

    unrecorded = sum(np.nan_to_num(panel.measure(code)) for code in UNRECORDED)
    with np.errstate(invalid="ignore", divide="ignore"):
        blank = np.nan_to_num(100 * unrecorded / panel.measure("M056"))
    starts = np.zeros(blank.shape, np.int64)
    total, months = np.zeros(len(blank)), np.zeros(len(blank))
    for now in range(blank.shape[1]):
        with np.errstate(invalid="ignore"):
            went = np.abs(blank[:, now] - total / months) > BLANK
        total, months = (np.where(went, 0, so_far) for so_far in (total, months))
        total, months = total + blank[:, now], months + 1
        starts[:, now] = np.where(went, now, starts[:, max(now - 1, 0)])
    return starts


def _starts(panel: Panel, keys: Sequence[Key], breaks: Breaks, restarts: Restarts) -> NDArray[np.int64]:
    import numpy as np

    starts = np.zeros((len(keys), len(panel.areas), len(panel.periods)), np.int64)
    for number, key in enumerate(keys):
        for one in {one for code in (key.measure, *key.codes) for one in breaks.get(code, ())}:
            if one.period in panel.periods:
                month = panel.periods.index(one.period)
                starts[number, :, month:] = np.maximum(starts[number, :, month:], month)
    by_reason = [key.share is not None and key.share.less == UNRECORDED for key in keys]
    starts[by_reason] = np.maximum(starts[by_reason], _reasons_went(panel))
    for area, month in chain(recoded(panel), _restarted(panel, restarts)):
        starts[:, area, month:] = np.maximum(starts[:, area, month:], month)
    return starts


def _restarted(panel: Panel, restarts: Restarts) -> Iterator[tuple[int, int]]:
    for place, area in enumerate(panel.areas):
        for month in restarts.get(area.code, ()):
            if month in panel.periods:
                yield place, panel.periods.index(month)


def _returned(
    here: NDArray[np.bool_], members: NDArray[np.intp], months: NDArray[np.intp]
) -> Iterator[tuple[int, int]]:
    for place, area in enumerate(members.tolist()):
        seen = [number for number, month in enumerate(months) if here[place, month]]
        for before, after in pairwise(seen):
            if after - before > ABSENT:
                yield area, int(months[after])


def _mean(values: Values) -> Values:
    import numpy as np

    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.where(known, values, 0).sum(axis=1) / known.sum(axis=1)  # type: ignore[no-any-return]
