"""Highest, lowest, longest: what may be said of a series' newest value, and only where it is true.

A series maps periods to values. Nothing is said across a break (before `start`), nor across a period without
a value, which might have been higher or lower.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby, pairwise, takewhile
from typing import Literal

from bot.rules import periods

Series = Mapping[str, float | None]

LONG = 12  # periods that an extreme must outdo to be worth a word
STEADY = 6  # steps one way that are worth a word, or a step back after them


@dataclass(frozen=True, slots=True)
class Extreme:
    """The newest value is the highest or lowest of the last `of` periods, itself among them.

    `since` is the last period that was as high or as low; None where the values do not go so far back.
    """

    word: Literal["highest", "lowest"]
    since: str | None
    of: int


@dataclass(frozen=True, slots=True)
class Streak:
    """So many steps one way, one period after another."""

    word: Literal["rise", "fall"]
    steps: int


def extreme(series: Series, period: str, start: str = "") -> Extreme | None:
    """Return whether a period's value stands out among at least the twelve before; None where it does not."""
    back = list(_back(series, period, start))
    if not back:
        return None
    (_, value), *earlier = back
    lower = len(list(takewhile(lambda past: past[1] < value, earlier)))
    higher = len(list(takewhile(lambda past: past[1] > value, earlier)))
    outdone = max(lower, higher)
    if outdone < LONG:
        return None
    since = earlier[outdone][0] if outdone < len(earlier) else None
    return Extreme("highest" if lower else "lowest", since, outdone + 1)


def longest(series: Series, period: str, start: str = "") -> Streak | None:
    """Return the long streak that leads to a period's value where none before was as long; else None."""
    stretches = list(_stretches(_steps(series, period, start)))
    if not stretches:
        return None
    (sign, length), *earlier = stretches
    if not sign or length < STEADY or any(other >= length for way, other in earlier if way == sign):
        return None
    return Streak("rise" if sign > 0 else "fall", length)


def turn(series: Series, period: str, start: str = "") -> Streak | None:
    """Return the long streak that a period's value ended by a step back: "first fall after 9 months".

    None where there is none; the streak that is returned is the one that ended.
    """
    steps = _steps(series, period, start)
    if len(steps) < STEADY + 1 or not steps[0]:
        return None
    sign, length = next(_stretches(steps[1:]))
    if sign != -steps[0] or length < STEADY:
        return None
    return Streak("rise" if sign > 0 else "fall", length)


def year_ago(series: Series, period: str, start: str = "") -> float | None:
    """Return the value of the same period a year earlier; None across a break."""
    before = periods.year_before(period)
    return series.get(before) if before >= start else None


def _back(series: Series, period: str, start: str) -> Iterator[tuple[str, float]]:
    """Yield periods and values from a period backwards, to the first that is missing or before `start`."""
    while period >= start and (value := series.get(period)) is not None:
        yield period, value
        period = periods.shifted(period, -1)


def _steps(series: Series, period: str, start: str) -> list[int]:
    """Return the sign of each step, the newest first."""
    values = [value for _, value in _back(series, period, start)]
    return [(after > before) - (after < before) for after, before in pairwise(values)]


def _stretches(steps: list[int]) -> Iterator[tuple[int, int]]:
    """Yield each stretch of steps of one sign as its sign and length."""
    for sign, stretch in groupby(steps):
        yield sign, sum(1 for _ in stretch)
