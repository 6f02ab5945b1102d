"""Which of thousands of series really changed: a scan for steps, against the noise of all of them together.

Formulae: docs/measures.md; why so: docs/decisions/0021-scan.md. Arrays are measures × areas × months, NaN
where nothing was published. Nothing that is said of a month depends on a later one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scrapers.toolkit.contract import ENGLAND

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values = NDArray[np.float64]

LATEST = (1, 2, 3, 6)  # so many newest months are set against those before
BEFORE, FEWEST_BEFORE = 24, 12  # so many earlier months say what is usual
PEERS_WEIGH = 16  # months: so much the peers' noise weighs beside a series' own, where its own is less
FALSE_SHARE = 0.2  # of all that is found, as Benjamini and Hochberg count
RELEASES = 18  # so many newest releases say how far unchanged series stray
FEWEST_STRAYS = 200  # a null of fewer is borrowed from all measures of the level
FREEDOM = 18  # of the t distribution whose tails noise has here; normal ones are too thin
PEERS = 20  # a level of fewer is set against England, a larger one against its own middle
RANGE = 1.128  # mean moving range of normal noise with a standard deviation of 1
MOST_MEMORY = 0.8  # of a month's deviation that may be taken to last into the next
MAD = 1.4826  # standard deviations of normal noise in its median absolute deviation


@dataclass(frozen=True, slots=True)
class Scores:
    """What the scan makes of each series in each month.

    `level` is the series on its own scale without what its peers did in the same month, `shared`. `mean`,
    `noise` (a standard deviation) and `months` are of the up to 24 months of `level` that end with this one.
    `z` is (window of LATEST) × measures × areas × months.
    """

    level: Values
    shared: Values
    mean: Values
    noise: Values
    months: NDArray[np.int64]
    z: Values


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What the scan says of one month: arrays are measures × areas.

    `strength` is |z| ÷ s0 of the window that says most, with `up` its sign and `window` its months; 0 where
    nothing could be judged. `changed` is what Benjamini and Hochberg leave.
    """

    strength: Values
    up: NDArray[np.bool_]
    window: NDArray[np.int64]
    checked: NDArray[np.bool_]
    changed: NDArray[np.bool_]


def scores(
    values: Values,
    chance: Values,
    judged: NDArray[np.bool_],
    levels: Mapping[str, NDArray[np.intp]],
    starts: NDArray[np.int64] | None = None,
    first: int = 0,
) -> Scores:
    """Return the scores of every month, each from the months up to it.

    `chance` is the standard deviation that counting alone gives a value: noise is never taken for less.
    `judged` says which values may be told. `levels` are the areas of each kind; England's is needed where
    another is small. `starts` is the first month of the stretch that each value belongs to: what was before
    a break says nothing of what came after. Months before `first` get no z.
    """
    import numpy as np

    if starts is None:
        starts = np.zeros(values.shape, np.int64)
    level, shared, mean, noise, memory = (np.full(values.shape, np.nan) for _ in range(5))
    months = np.zeros(values.shape, np.int64)
    z = np.full((len(LATEST), *values.shape), np.nan)
    for now in range(values.shape[2]):
        usual = _still(mean, starts, now)
        shared[..., now] = _shared(values[..., now], usual, levels)
        level[..., now] = values[..., now] - shared[..., now]
        earliest = max(0, now - BEFORE + 1)
        window = _since(level[..., earliest : now + 1], starts[..., now] - earliest)
        mean[..., now], months[..., now] = _mean(window), np.count_nonzero(~np.isnan(window), axis=2)
        if now < first - max(LATEST):
            continue
        noise[..., now] = _noise(_spread(window), chance[..., now], months[..., now], levels)
        memory[..., now] = _memory(window - mean[..., now, None], levels)
        for place, latest in enumerate(LATEST):
            then = now - latest
            if then < 0 or now < first:
                continue
            recent = level[..., then + 1 : now + 1]
            count, before = np.count_nonzero(~np.isnan(recent), axis=2), months[..., then]
            enough = judged[..., now] & (count > latest // 2) & (before >= FEWEST_BEFORE)
            enough &= starts[..., now] <= then
            with np.errstate(invalid="ignore", divide="ignore"):
                step = _mean(recent) - mean[..., then]
                deviation = np.maximum(noise[..., then], chance[..., now])
                lasting = memory[..., then]
                error = lengthened(lasting, latest) / count + lengthened(lasting, BEFORE) / before
                score = step / (deviation * np.sqrt(error))
            z[place, ..., now] = np.where(enough & np.isfinite(score), score, np.nan)
    return Scores(level, shared, mean, noise, months, z)


def verdicts(
    found: Scores, now: int, levels: Mapping[str, NDArray[np.intp]], false_share: float = FALSE_SHARE
) -> Verdicts:
    """Return what changed by the month numbered `now`, so that about `false_share` of it is chance."""
    import numpy as np

    z = found.z[..., now]
    strengths = np.nan_to_num(np.abs(z) / strays(found, now, levels))
    window = strengths.argmax(axis=0)
    strength = strengths.max(axis=0)
    up = np.take_along_axis(z, window[None], axis=0)[0] > 0
    checked = strength > 0
    p = np.minimum(1, len(LATEST) * two_sided(strength))
    changed = checked & (p <= cut(p[checked], false_share))
    return Verdicts(strength, up, np.array(LATEST)[window], checked, changed)


def strays(found: Scores, now: int, levels: Mapping[str, NDArray[np.intp]]) -> Values:
    """Return s0: how far z strays where nothing changed (windows × measures × areas), and never less than 1.

    From the median of |z| over a level's areas in the newest releases, for each measure, which changes of a
    few do not move (an empirical null, Efron 2004). A measure with few of them takes what the whole level
    shows.
    """
    import numpy as np

    latest = np.abs(found.z[..., max(0, now - RELEASES + 1) : now + 1])
    s0 = np.ones(latest.shape[:3])  # as in theory
    for members in levels.values():
        each = latest[:, :, members].reshape(*latest.shape[:2], -1)
        width = _median(each)
        few = np.count_nonzero(~np.isnan(each), axis=2) < FEWEST_STRAYS
        if few.any():
            width = np.where(few, _median(each.reshape(len(each), 1, -1)), width)
        s0[:, :, members] = np.fmax(1, MAD * width)[..., None]
    return s0


def two_sided(t: Values) -> Values:
    """Return the chance of a t (18 degrees of freedom) at least so far from 0: exact, without a library."""
    import numpy as np

    angle = np.arctan(t / np.sqrt(FREEDOM))
    cosine, term = np.cos(angle) ** 2, np.ones_like(t)
    total = term.copy()
    for even in range(2, FREEDOM, 2):
        term = term * cosine * (even - 1) / even
        total += term
    chance: Values = np.clip(1 - np.sin(angle) * total, 0, 1)
    return chance


def cut(p: Values, false_share: float) -> float:
    """Return the largest p that Benjamini and Hochberg's procedure lets through, or -1."""
    import numpy as np

    ordered = np.sort(p)
    passes = ordered <= false_share * np.arange(1, len(p) + 1) / max(len(p), 1)
    return float(ordered[np.flatnonzero(passes)[-1]]) if passes.any() else -1.0


def lengthened(memory: Values, months: int) -> Values:
    """Return by how much memory widens the variance of a mean of so many months."""
    import numpy as np

    total = np.zeros_like(memory)
    for lag in range(months - 1, 0, -1):
        total = memory * (total + 2 * (1 - lag / months))
    return 1 + total


def _shared(values: Values, usual: Values, levels: Mapping[str, NDArray[np.intp]]) -> Values:
    """Return what the peers of each area did in one month (measures × areas).

    A large level's own middle, off what is usual for each: one area that moves England does not move it.
    """
    import numpy as np

    shared = np.full(values.shape, np.nan)
    for members in levels.values():
        if len(members) >= PEERS:
            off = values[:, members] - usual[:, members]
            known = np.count_nonzero(~np.isnan(off), axis=1)
            begun = np.count_nonzero(~np.isnan(usual[:, members]), axis=1) > 0
            middle = np.where(known >= PEERS // 2, _median(off), np.where(begun, np.nan, 0))
        else:
            national = levels.get(ENGLAND.kind)
            middle = np.full(len(values), np.nan) if national is None else values[:, national[0]]
        shared[:, members] = middle[:, None]
    return shared


def _still(mean: Values, starts: NDArray[np.int64], now: int) -> Values:
    """Return what was usual up to the month before, NaN where a new stretch begins."""
    import numpy as np

    if not now:
        return np.full(mean.shape[:2], np.nan)
    return np.where(starts[..., now] < now, mean[..., now - 1], np.nan)


def _since(window: Values, first: NDArray[np.int64]) -> Values:
    """Return the months of a window from `first` on; earlier ones are NaN."""
    import numpy as np

    if (first <= 0).all():
        return window
    return np.where(np.arange(window.shape[2]) >= first[..., None], window, np.nan)


def _spread(window: Values) -> Values:
    """Return the standard deviation of each series' months.

    The wider of what the moving ranges and the median absolute deviation say: the one does not see a slow
    drift, the other not a single leap.
    """
    import numpy as np

    moving = _mean(np.abs(np.diff(window, axis=2))) / RANGE
    deviation = MAD * _median(np.abs(window - _median(window)[..., None]))
    return np.fmax(moving, deviation)


def _noise(
    spread: Values, chance: Values, months: NDArray[np.int64], levels: Mapping[str, NDArray[np.intp]]
) -> Values:
    """Return the standard deviation of each series' noise, never less than it shows itself.

    Two dozen months say little of it: of thousands of series some look quiet by luck, and would be told. So
    what their peers show beyond chance is mixed in (as in a moderated t test, Smyth 2004), where it is more.
    """
    import numpy as np

    peers = np.full(spread.shape, np.nan)
    for members in levels.values():
        beyond = _median(spread[:, members] ** 2 - chance[:, members] ** 2)
        peers[:, members] = np.maximum(beyond, 0)[:, None] + chance[:, members] ** 2
    mixed = np.sqrt((PEERS_WEIGH * peers + months * spread**2) / (PEERS_WEIGH + months))
    return np.fmax(spread, mixed)


def _memory(off: Values, levels: Mapping[str, NDArray[np.intp]]) -> Values:
    """Return how much of a month's deviation lasts into the next: half a series' own, half its peers'."""
    import numpy as np

    with np.errstate(invalid="ignore", divide="ignore"):
        own = _mean(off[..., 1:] * off[..., :-1]) / _mean(off**2)
    months = np.count_nonzero(~np.isnan(off), axis=2)
    memory = np.zeros(own.shape)
    for members in levels.values():
        peers, known = _median(own[:, members])[:, None], months[:, members]
        memory[:, members] = (BEFORE * peers + known * own[:, members]) / (BEFORE + known)
    return np.clip(np.nan_to_num(memory), 0, MOST_MEMORY)


def _mean(values: Values) -> Values:
    """Return the mean along the last axis without its NaN; NaN where there is nothing else."""
    import numpy as np

    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        mean: Values = np.where(known, values, 0).sum(axis=-1) / known.sum(axis=-1)
    return mean


def _median(values: Values) -> Values:
    """Return the median along the last axis without its NaN, many times faster than numpy's own."""
    import numpy as np

    ordered = np.sort(values, axis=-1)  # NaN come last
    count = np.count_nonzero(~np.isnan(values), axis=-1)[..., None]
    low, high = (
        np.take_along_axis(ordered, place, axis=-1)
        for place in (np.maximum(count - 1, 0) // 2, np.minimum(count // 2, values.shape[-1] - 1))
    )
    return ((low + high) / 2)[..., 0]
