"""One series by the XmR rules: each period judged from the newest up to then, and since its last break."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from math import nan
from typing import TYPE_CHECKING, NamedTuple

from bot.rules import periods
from bot.rules.xmr import SETTINGS, Kind, Xmr, lasted, xmr

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WINDOW = 24  # newest periods that are judged
Values = Mapping[str, float | None]


class Verdict(NamedTuple):
    """The newest point of the chart that ends with a period; `window` holds its values, the newest first."""

    period: str
    kind: Kind
    mean: float
    lower: float
    upper: float
    points: int
    window: tuple[float, ...]

    @property
    def lasted(self) -> int:
        """Return for how many periods it has been so."""
        return lasted(self.kind, self.window, self.mean, self.lower, self.upper)

    @property
    def size(self) -> float:
        """Return how far the newest value is from the average, or a trend from where it began.

        A run is no larger than its points are together, whatever the newest does by itself.
        """
        if self.kind in (Kind.RISING, Kind.FALLING):
            return abs(self.window[0] - self.window[self.lasted])
        newest = abs(self.window[0] - self.mean)
        if self.kind not in (Kind.RUN_ABOVE, Kind.RUN_BELOW):
            return newest
        return min(newest, abs(sum(self.window[: self.lasted]) / self.lasted - self.mean))


def verdicts(
    values: Values, start_of: Callable[[str], str], settings: str, judged: str = ""
) -> Iterator[Verdict]:
    """Yield the verdict of each period after `judged`; `start_of` gives the first one comparable with it."""
    every = calendar(values)
    new = [place for place, period in enumerate(every) if period > judged]
    if not new:
        return
    windows = _windows(every, values, start_of, new)
    charts = xmr(windows, SETTINGS[settings])
    for row, place in enumerate(new):
        yield _verdict(charts, row, every[place], windows)


def newest(values: Values, start: str, settings: str) -> Verdict | None:
    """Return the verdict of the newest period, from `start` on; None without a period."""
    if not values:
        return None
    before = periods.shifted(max(values), -1)
    return next(verdicts(values, lambda period: start, settings, before), None)


def calendar(values: Values) -> list[str]:
    """Return every period from the first to the newest, those without a value too."""
    every = sorted(values)[:1]
    while every and every[-1] < max(values):
        every.append(periods.shifted(every[-1], 1))
    return every


def _windows(
    every: list[str], values: Values, start_of: Callable[[str], str], places: list[int]
) -> NDArray[np.float64]:
    import numpy as np

    row = np.array([nan] * WINDOW + [_or_nan(values.get(period)) for period in every])
    windows = np.lib.stride_tricks.sliding_window_view(row, WINDOW)[1:][places].copy()
    for window, place in zip(windows, places, strict=True):
        comparable = place + 1 - bisect_left(every, start_of(every[place]))
        window[: max(WINDOW - comparable, 0)] = nan
    return windows


def _verdict(charts: Xmr, row: int, period: str, windows: NDArray[np.float64]) -> Verdict:
    return Verdict(
        period,
        Kind(charts.kind[row, -1]),
        float(charts.mean[row, -1]),
        float(charts.lower[row, -1]),
        float(charts.upper[row, -1]),
        int(charts.points[row, -1]),
        tuple(windows[row, ::-1].tolist()),
    )


def _or_nan(value: float | None) -> float:
    return nan if value is None else value
