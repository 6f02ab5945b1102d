"""XmR with all rules for ten thousand series: against bare limits, and against a pandas loop over them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from bench.measure import Line
from bot.rules.xmr import LIMIT, NEAR, NHSE, Kind, R, xmr

if TYPE_CHECKING:
    import pandas as pd

    from bot.rules.xmr import Values

SERIES, MONTHS = 10_000, 44
LOOPED = 500  # series that the loop is timed on: all of them would take a minute
TRIES = 7
SLOWER, FASTER = 15.0, 100.0  # than bare limits; than the loop


def lines() -> Iterator[Line]:
    """Yield what the charts of a release cost."""
    values = series()
    ours, screened = best(lambda: xmr(values, NHSE)), best(lambda: xmr(values, R))
    bare = best(lambda: limits(values))
    loop = best(lambda: [kinds(row) for row in values[:LOOPED]], tries=2) * SERIES / LOOPED
    assert [kinds(row) for row in values[:LOOPED]] == xmr(values[:LOOPED]).kind.tolist()
    yield Line(f"XmR of {SERIES:,} series x {MONTHS} months, to bare limits", ours, "s", bare, SLOWER)
    yield Line("  with screening", screened, "s", bare, SLOWER)
    yield Line("  to a pandas loop over the series", ours, "s", loop, 1 / FASTER)


def series() -> Values:
    """Return made-up series with steps, some of them with months that were not published."""
    random = np.random.default_rng(1)
    values = random.normal(50, 3, (SERIES, MONTHS)).round(1)
    values[: SERIES // 4, 30:] += 5
    values[: SERIES // 10][random.random((SERIES // 10, MONTHS)) < 0.05] = np.nan
    return values


def best(work: Callable[[], object], tries: int = TRIES) -> float:
    """Return the least seconds that some work took."""

    def timed() -> float:
        started = perf_counter()
        work()
        return perf_counter() - started

    return min(timed() for _ in range(tries))


def limits(values: Values) -> tuple[Values, Values]:
    """Return bare limits, the least that any XmR must compute."""
    mean = np.nanmean(values, axis=1, keepdims=True)
    reach = LIMIT * np.nanmean(np.abs(np.diff(values, axis=1)), axis=1, keepdims=True)
    return mean - reach, mean + reach


def kinds(row: Values) -> list[int]:
    """Return the kind of each point of one series, as a script with pandas finds it."""
    import pandas as pd

    values = pd.Series(row)
    mean, reach = values.mean(), LIMIT * values.diff().abs().mean()
    off = (values - mean).round(9)
    near = off.abs() > NEAR * reach
    found = pd.Series(int(Kind.COMMON), index=values.index)
    sides = ((off > 0, Kind.RUN_ABOVE, Kind.TWO_ABOVE), (off < 0, Kind.RUN_BELOW, Kind.TWO_BELOW))
    for side, run, _ in sides:
        found[within(side.rolling(7).sum() == 7, 7)] = run
    for side, _, two in sides:
        found[near & within((side.rolling(3).sum() == 3) & (near.rolling(3).sum() >= 2), 3)] = two
    for steps, kind in ((values.diff() > 0, Kind.RISING), (values.diff() < 0, Kind.FALLING)):
        found[within(steps.rolling(6).sum() == 6, 7)] = kind
    found[off > reach] = Kind.ABOVE_LIMIT
    found[off < -reach] = Kind.BELOW_LIMIT
    return [int(kind) for kind in found]


def within(ends: pd.Series[bool], width: int) -> pd.Series[bool]:
    """Return which points lie in a window that ends where it is flagged."""
    return ends[::-1].rolling(width, min_periods=1).max()[::-1] > 0
