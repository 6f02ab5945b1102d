"""Making Data Count's XmR charts: limits, the four rules, and the icons, for many series at once.

Formulae and worked examples: docs/measures.md. The constants are those of NHSRplotthedots 0.2.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import IntEnum
from itertools import pairwise, takewhile
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Values = NDArray[np.float64]
    Flags = NDArray[np.bool_]

Good = Literal["up", "down", "neither"]
SIGN: dict[Good, int] = {"up": 1, "down": -1, "neither": 0}

LIMIT = 2.66  # mean moving ranges from the mean to a limit: 3 ÷ 1.128
NEAR = 2 / 3  # of the way to the limit: two sigma
SCREEN = 3.267  # mean moving ranges: a wider one is left out where ranges are screened
RUN = 7  # points of a trend, or on one side of the mean
FEWEST = 13  # points for a verdict; limits of fewer are shown and never acted on
NOISE = 1e-12  # of the largest value: what lies so near to a line lies on it


class Kind(IntEnum):
    """Why a point is special cause, in the order in which one reason hides another."""

    COMMON = 0
    ABOVE_LIMIT = 1
    BELOW_LIMIT = 2
    RISING = 3
    FALLING = 4
    TWO_ABOVE = 5
    TWO_BELOW = 6
    RUN_ABOVE = 7
    RUN_BELOW = 8

    @property
    def direction(self) -> int:
        """Return 1 where the point is high or rising, -1 where it is low or falling, 0 for common cause."""
        return 0 if self is Kind.COMMON else 1 if self % 2 else -1

    @property
    def label(self) -> str:
        """Return what NHSRplotthedots calls it."""
        return _LABELS[self]


_LABELS = (
    "Common Cause",
    "Above UCL",
    "Below LCL",
    "7 Point Trend (Increasing)",
    "7 Point Trend (Decreasing)",
    "2 in 3 Above CL",
    "2 in 3 Below CL",
    "7 Points Above CL",
    "7 Points Below CL",
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the tools in use do differently.

    `screen`: leave out moving ranges that are too wide to be usual. `beyond_counts`: a point beyond a limit
    counts towards two of three, as NHS England announced in November 2023.
    """

    screen: bool
    beyond_counts: bool


NHSE = Settings(screen=False, beyond_counts=True)
R = Settings(screen=True, beyond_counts=False)
SETTINGS = {"nhse": NHSE, "r": R}


@dataclass(frozen=True, slots=True)
class Xmr:
    """The charts of many series: every array is series × periods.

    `side` is 1 above the mean, -1 below, 0 on it or without a value. `close` is between two sigma and the
    limit. `kind` holds Kinds. `points` is how many values the point's group has.
    """

    mean: Values
    lower: Values
    upper: Values
    side: NDArray[np.int8]
    outside: Flags
    close: Flags
    kind: NDArray[np.int8]
    points: NDArray[np.int64]


def xmr(
    values: Values,
    settings: Settings = NHSE,
    *,
    groups: NDArray[np.int64] | None = None,
    baseline: int | None = None,
) -> Xmr:
    """Return the charts of `values` (series × periods; NaN where no value was published).

    `groups` numbers each point's stretch between re-basings, from 0, like `values` or one row for all:
    limits, runs and trends do not cross from one into the next. With a `baseline`, the limits of a group come
    from its first so many values. A null makes no moving range, and no window of a rule may contain it.
    """
    import numpy as np

    if groups is None:
        return _charts(values, settings, baseline)
    groups = np.broadcast_to(groups, values.shape)
    stretches = int(np.max(groups, initial=0)) + 1
    apart = np.where(groups == np.arange(stretches)[:, None, None], values, np.nan)
    charts = _charts(apart.reshape(-1, values.shape[1]), settings, baseline)

    def together(part: NDArray[Any]) -> NDArray[Any]:
        by_group = part.reshape(stretches, *values.shape)
        return np.asarray(np.take_along_axis(by_group, groups[None], axis=0)[0])

    return Xmr(*(together(getattr(charts, field.name)) for field in fields(Xmr)))


def point_type(kind: Kind, good: Good) -> str:
    """Return what a point says, in NHSRplotthedots' words."""
    if kind is Kind.COMMON:
        return "common_cause"
    if good == "neither":
        return f"special_cause_neutral_{_level(kind)}"
    return f"special_cause_{'improvement' if kind.direction == SIGN[good] else 'concern'}"


def variation(kind: Kind, good: Good) -> str:
    """Return the variation icon of a series whose newest point is of this kind."""
    said = point_type(kind, good).removeprefix("special_cause_")
    return said if kind is Kind.COMMON or good == "neither" else f"{said}_{_level(kind)}"


def assurance(lower: float, upper: float, target: float | None, good: Good) -> str | None:
    """Return the assurance icon: whether these limits meet the target always, never, or at times.

    None without a target, without limits (NaN), or where no direction is good.
    """
    if target is None or good == "neither" or lower != lower:
        return None
    if lower <= target <= upper:
        return "inconsistent"
    return "consistent_pass" if (lower > target) == (good == "up") else "consistent_fail"


def lasted(kind: Kind, newest_first: Sequence[float], mean: float, lower: float, upper: float) -> int:
    """Return for how many points the newest one's special cause has lasted.

    Steps of a trend, points beyond a limit, else points on that side of the mean; a null ends it.
    """
    sign = kind.direction
    if kind in (Kind.RISING, Kind.FALLING):
        flags = (sign * (after - before) > 0 for after, before in pairwise(newest_first))
    else:
        beyond = kind in (Kind.ABOVE_LIMIT, Kind.BELOW_LIMIT)
        line = mean if not beyond else upper if sign > 0 else lower
        flags = (sign * (value - line) > 0 for value in newest_first)
    return sum(1 for _ in takewhile(bool, flags))


def _level(kind: Kind) -> str:
    return "high" if kind.direction > 0 else "low"


def _charts(values: Values, settings: Settings, baseline: int | None) -> Xmr:
    """Return the charts of series without re-basing."""
    import numpy as np

    known = ~np.isnan(values)
    base = values if baseline is None else np.where(known.cumsum(axis=1) <= baseline, values, np.nan)
    mean = _mean(base)
    reach = LIMIT * _mean_range(base, settings)
    noise = NOISE * np.where(known, np.abs(values), 0).max(axis=1, initial=0, keepdims=True)
    off = values - mean
    distance = np.abs(off)
    above, below = off > noise, off < -noise
    outside = distance > reach + noise
    beyond = distance > NEAR * reach + noise
    close = beyond & ~outside
    shape = values.shape
    return Xmr(
        np.broadcast_to(mean, shape),
        np.broadcast_to(mean - reach, shape),
        np.broadcast_to(mean + reach, shape),
        above.view(np.int8) - below.view(np.int8),
        outside,
        close,
        _kinds(values, above, below, outside, beyond if settings.beyond_counts else close),
        np.broadcast_to(known.sum(axis=1, keepdims=True), shape),
    )


def _mean(values: Values) -> Values:
    """Return the mean of each row (rows × 1) without its nulls, NaN where it has nothing else.

    The second pass takes off what the first one's rounding leaves: a decimal that never moves lies on its
    own mean.
    """
    import numpy as np

    known = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        count = known.sum(axis=1, keepdims=True)
        mean: Values = np.where(known, values, 0).sum(axis=1, keepdims=True) / count
        mean += np.where(known, values - mean, 0).sum(axis=1, keepdims=True) / count
    return mean


def _mean_range(values: Values, settings: Settings) -> Values:
    """Return the mean moving range of each row.

    Where screening would leave no range but 0 the limits would fall on the mean and every point outside: then
    nothing is screened.
    """
    import numpy as np

    ranges = np.abs(np.diff(values, axis=1))
    every = _mean(ranges)
    if not settings.screen:
        return every
    screened = _mean(np.where(ranges < SCREEN * every, ranges, np.nan))
    return np.where(screened > 0, screened, every)


def _kinds(values: Values, above: Flags, below: Flags, outside: Flags, near: Flags) -> NDArray[np.int8]:
    """Return the Kind of each point; `near` says which count towards two of three."""
    import numpy as np

    steps = np.diff(values, axis=1)
    rising, falling = (_spread(_all_of(way, RUN - 1), RUN, values.shape) for way in (steps > 0, steps < 0))
    # The last point of one trend may be the first of the next, and then takes its direction.
    rising[:, :-1] &= ~(falling[:, :-1] & (steps < 0))
    falling &= ~rising
    kinds = np.zeros(values.shape, np.int8)
    for kind, where in (
        (Kind.RUN_ABOVE, _spread(_all_of(above, RUN), RUN, values.shape)),
        (Kind.RUN_BELOW, _spread(_all_of(below, RUN), RUN, values.shape)),
        (Kind.TWO_ABOVE, _two_of_three(near, above)),
        (Kind.TWO_BELOW, _two_of_three(near, below)),
        (Kind.RISING, rising),
        (Kind.FALLING, falling),
        (Kind.ABOVE_LIMIT, outside & above),
        (Kind.BELOW_LIMIT, outside & below),
    ):
        np.copyto(kinds, kind, where=where)
    return kinds


def _two_of_three(near: Flags, side: Flags) -> Flags:
    """Return which near points share a window of three on this side of the mean with another near one."""
    pairs = (near[:, :-2] & near[:, 1:-1]) | (near[:, 1:-1] & near[:, 2:]) | (near[:, :-2] & near[:, 2:])
    return near & _spread(pairs & _all_of(side, 3), 3, near.shape)


def _all_of(flags: Flags, width: int) -> Flags:
    """Return for each window of so many columns whether all of it is flagged."""
    count = max(flags.shape[1] - width + 1, 0)
    found = flags[:, :count].copy()
    for shift in range(1, width):
        found &= flags[:, shift : shift + count]
    return found


def _spread(windows: Flags, width: int, shape: tuple[int, ...]) -> Flags:
    """Return which points lie in a flagged window; windows are told by their first point."""
    import numpy as np

    count = windows.shape[1]
    points = np.zeros(shape, np.bool_)
    for shift in range(width if count else 0):
        points[:, shift : shift + count] |= windows
    return points
