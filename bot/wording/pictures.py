"""From what was judged to the chart that goes with its message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan, nan
from typing import TYPE_CHECKING

from bot.rules import periods
from bot.rules.account import Aim
from bot.rules.breaks import Breaks
from bot.rules.findings import Row
from bot.rules.pace import Projection, Reading
from bot.rules.xmr import SETTINGS, SIGN, Good, Kind
from bot.wording import numbers
from bot.wording.charts import OGL, PetitionChart, ReleaseChart, SeriesChart, Tone
from bot.wording.language import t
from bot.wording.markup import NAME_CAP, clean
from scrapers.toolkit.contract import Scraper

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SHOWN = 39  # periods: three years and a quarter
MOST_READINGS = 400  # of a petition
_COMMON: tuple[Tone, ...] = ("common",)
JUDGED = 24  # newest periods from which the limits are made


def control_chart(
    title: str,
    unit: str,
    values: Mapping[str, float | None],
    source: Scraper,
    aim: Aim,
    *,
    of: str = "",
    breaks: tuple[str, ...] = (),
) -> SeriesChart:
    """Return the chart of a series as the watch list judges it: limits of the two newest years.

    `values` are by period; `breaks` are the first periods of a new meaning. Limits begin at the last break.
    There are none where neighbouring figures overlap.
    """
    newest = max(values)
    shown = [periods.shifted(newest, -back) for back in range(SHOWN - 1, -1, -1)]
    shown = shown[next(n for n, period in enumerate(shown) if period in values) :]
    known = [values.get(period) for period in shown]
    breaks = tuple(period for period in breaks if period in shown)
    first = max(len(shown) - JUDGED, shown.index(breaks[-1]) if breaks else 0)
    first = first if source.span == 1 else len(shown)
    mean, lower, upper, kinds = _limits([nan if v is None else v for v in known[first:]], aim.settings)
    tones: list[Tone] = [*(first * _COMMON), *(tone(kind, aim.good) for kind in kinds)]
    return SeriesChart(
        title,
        unit,
        tuple(shown),
        tuple(known),
        tuple("missing" if v is None else usual for usual, v in zip(tones, known, strict=True)),
        (None,) * first + mean,
        (None,) * first + lower,
        (None,) * first + upper,
        aim.target,
        breaks,
        t("Of {denominator}.", denominator=t(of)) if of else "",
        f"{source.publisher}, {source.title}; {OGL}",
    )


def petition_chart(
    source: Scraper, readings: Sequence[Reading], goal: int | None, ahead: Projection | None
) -> PetitionChart:
    """Return the chart of a petition: its readings, thinned where they are many, and what is ahead."""
    shown = [*readings[: -1 : -(-len(readings) // MOST_READINGS)], readings[-1]]
    dates = (ahead.early, ahead.middle, ahead.late) if ahead else (None, None, None)
    early, middle, late = (at.isoformat() if at else None for at in dates)
    return PetitionChart(
        clean(source.title, NAME_CAP),
        tuple(one.at.isoformat() for one in shown),
        tuple(one.signatures for one in shown),
        goal,
        (early, middle, late),
        f"{source.publisher}; {t('readings by Figurewatch')}",
    )


def release_chart(source: Scraper, period: str, rows: Sequence[Row]) -> ReleaseChart:
    """Return a release at one glance: these shares, each beside that of the same period last year."""
    return ReleaseChart(
        f"{t(source.title)}, {t(source.headline_area.name)}: {numbers.period(period)}",
        tuple(f"{t(row.label)}, {t(row.of)}" for row in rows),
        tuple(row.value or 0.0 for row in rows),
        tuple(row.earlier["year_ago"] for row in rows),
        f"{source.publisher}; {OGL}",
    )


def breaks_of(measure: str, breaks: Breaks) -> tuple[str, ...]:
    """Return the first periods of a measure's new meanings."""
    return tuple(one.period for one in breaks.get(measure, ()))


def _limits(
    values: list[float], settings: str
) -> tuple[tuple[float | None, ...], tuple[float | None, ...], tuple[float | None, ...], list[Kind]]:
    import numpy as np

    from bot.rules.xmr import xmr

    chart = xmr(np.array([values]), SETTINGS[settings])
    kinds = [Kind(kind) for kind in chart.kind[0]]
    return _line(chart.mean), _line(chart.lower), _line(chart.upper), kinds


def _line(side: NDArray[np.float64]) -> tuple[float | None, ...]:
    return tuple(None if isnan(value) else value for value in side[0].tolist())


def tone(kind: Kind, good: Good) -> Tone:
    """Return how a point is coloured, by Making Data Count's rules."""
    if kind is Kind.COMMON:
        return "common"
    if good == "neither":
        return "neutral"
    return "improvement" if kind.direction == SIGN[good] else "concern"
