"""The pace of a petition: how fast it grows, when it may reach a number, and when that is news.

Growth comes in bursts that die away. A straight line overshoots by a factor of two to three; a rate that
decays with the time since the fastest half-day, with a wide spread, holds the truth as often as it says.
Formulae, and how they did on eleven real petitions: docs/measures.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import NormalDist
from typing import Literal, NamedTuple

DAY = timedelta(days=1)
HALF_DAY = 0.5
SHIFT, SPREAD = -0.4, 2.0  # of the logarithm of the real gain to the expected one
THINNED = timedelta(hours=1)
LONGEST = 3650.0  # days; what is further off has no date
FEWEST_READINGS = 4
LEAST_SPAN = 1.0  # days of readings, before anything is said of a pace
BURST, STRAIGHT = 2, 365.0  # times the usual half-day; days
MEMORY = 7.0  # days in which what is known of a rate counts half
TRUST = 4.0  # signatures' worth: a rate is never known better than to half of itself
SURPRISE, FEWEST = 0.001, 20  # how unlikely a gain must be, and how many signatures it must have
APART = timedelta(days=7)  # between two messages of one petition about its pace
FELL = 0.005  # of the count; a larger fall is told

_NORMAL = NormalDist()


class Reading(NamedTuple):
    """A count of signatures and when it was read."""

    at: datetime
    signatures: int


@dataclass(frozen=True, slots=True)
class Pace:
    """How a petition grows: `rate` a day now, and `since`, days from its fastest half-day."""

    rate: float
    since: float

    def gain(self, days: float) -> float:
        """Return how many signatures are expected within so many days."""
        return self.rate * self.since * math.log1p(days / self.since)

    def chance(self, missing: float, days: float) -> float:
        """Return how likely it is that so many come within so many days."""
        if missing <= 0:
            return 1.0
        if self.rate <= 0 or days <= 0:
            return 0.0
        return _NORMAL.cdf((math.log(self.gain(days)) + SHIFT - math.log(missing)) / SPREAD)

    def days_until(self, missing: float, quantile: float) -> float | None:
        """Return in how many days so many come, with this probability; None beyond ten years."""
        if missing <= 0:
            return 0.0
        if self.rate <= 0:
            return None
        z = _NORMAL.inv_cdf(quantile)
        power = missing * math.exp(SPREAD * z - SHIFT) / (self.rate * self.since)
        if power > 700:
            return None
        days = self.since * math.expm1(power)
        return days if days <= LONGEST else None


@dataclass(frozen=True, slots=True)
class Projection:
    """When a petition may reach a goal: with 10, 50 and 90 in a hundred; None is not in sight.

    `closes` is when it closes, where it does, and `chance` how likely it is to get there before.
    """

    goal: int
    missing: int
    rate: float
    early: datetime | None
    middle: datetime | None
    late: datetime | None
    closes: datetime | None = None
    chance: float | None = None

    @property
    def in_reach(self) -> bool:
        """Return whether a date can be given: more likely than not before it closes."""
        return self.middle is not None and (self.closes is None or self.middle <= self.closes)


def thinned(readings: Iterable[Reading]) -> list[Reading]:
    """Return the readings in order, at most one an hour but for the newest, their counts never falling.

    Signatures are removed at times; a rate is made of those that were added.
    """
    kept: list[Reading] = []
    highest = 0
    newest: Reading | None = None
    for at, count in sorted(readings):
        highest = max(highest, count)
        newest = Reading(at, highest)
        if not kept or at - kept[-1].at >= THINNED:
            kept.append(newest)
    return [*kept, newest] if newest and newest is not kept[-1] else kept


def pace(readings: Sequence[Reading], now: datetime) -> Pace | None:
    """Return a petition's pace at `now`, or None while too little is known.

    A look that found the same count is a reading too.
    """
    known = thinned(readings)
    span = (now - known[0].at) / DAY if known else 0.0
    if len(known) < FEWEST_READINGS or span < LEAST_SPAN:
        return None
    half_life = min(max(span / 4, HALF_DAY), 3.0)
    gained = passed = 0.0
    for before, after in pairwise(known):
        middle = before.at + (after.at - before.at) / 2
        weight = 0.5 ** ((now - middle) / DAY / half_life)
        gained += weight * (after.signatures - before.signatures)
        passed += weight * ((after.at - before.at) / DAY)
    return Pace(gained / passed if passed > 0 else 0.0, _since_fastest(known, now) + HALF_DAY)


def _since_fastest(known: Sequence[Reading], now: datetime) -> float:
    """Return how many days ago the fastest half-day ended; where counts lie far apart, it is interpolated.

    One that is less than twice the usual is no burst: nothing decays, and the pace is nearly straight.
    """
    best, ended, first = -1.0, now, 0
    for last in range(1, len(known)):
        end = known[last].at
        start = max(known[0].at, end - DAY * HALF_DAY)
        while first + 1 < last and known[first + 1].at <= start:
            first += 1
        gain = known[last].signatures - _at(known[first], known[first + 1], start)
        if gain > best:
            best, ended = gain, end
    span = (known[-1].at - known[0].at) / DAY
    usual = (known[-1].signatures - known[0].signatures) / span * HALF_DAY
    return max((now - ended) / DAY, 0.0) if best >= BURST * usual else STRAIGHT


def _at(before: Reading, after: Reading, moment: datetime) -> float:
    whole = (after.at - before.at) / DAY
    part = (moment - before.at) / DAY / whole if whole else 1.0
    return float(before.signatures + (after.signatures - before.signatures) * part)


def projection(
    readings: Sequence[Reading], count: int, goal: int, now: datetime, closes: datetime | None = None
) -> Projection | None:
    """Return when a petition may reach its goal; None where it has, or too little is known."""
    known = pace(readings, now)
    missing = goal - count
    if known is None or missing <= 0:
        return None
    early, middle, late = (_date(known.days_until(missing, q), now) for q in (0.1, 0.5, 0.9))
    chance = known.chance(missing, (closes - now) / DAY) if closes else None
    return Projection(goal, missing, known.rate, early, middle, late, closes, chance)


def _date(days: float | None, now: datetime) -> datetime | None:
    return None if days is None else now + DAY * days


Turn = Literal["surge", "stall"]


@dataclass(frozen=True, slots=True)
class Burst:
    """A gain since `start` that the usual pace, by which `usual` signatures were due, does not explain."""

    turn: Turn
    start: datetime
    gain: int
    usual: float


def burst(readings: Sequence[Reading], now: datetime) -> Burst | None:
    """Return the surge or stall that the newest readings show, or None.

    Looked at are the time since the reading before the newest and the last day, each beside what was usual
    until it began.
    """
    known = thinned(readings)
    if len(known) < 2:
        return None
    for start in (known[-2].at, now - DAY):
        before = [reading for reading in known if reading.at <= start]
        found = _beside_usual(before, known[-1], start, now) if len(before) >= 2 else None
        if found:
            return found
    return None


def _beside_usual(before: Sequence[Reading], newest: Reading, start: datetime, now: datetime) -> Burst | None:
    came, passed = _usual(before)
    if passed < LEAST_SPAN / 2 or (before[-1].at - before[0].at) / DAY < LEAST_SPAN:
        return None
    gain = newest.signatures - before[-1].signatures
    usual = came / passed * ((now - before[-1].at) / DAY)
    if gain >= FEWEST and gain > usual and 1 - _at_most(gain - 1, usual, came) < SURPRISE:
        return Burst("surge", before[-1].at, gain, usual)
    if usual >= FEWEST and now - start >= DAY and _at_most(gain, usual, came) < SURPRISE:
        return Burst("stall", before[-1].at, gain, usual)
    return None


def _usual(known: Sequence[Reading]) -> tuple[float, float]:
    """Return signatures and days, both discounted by their age: their ratio is the usual pace."""
    came = passed = 0.0
    for before, after in pairwise(known):
        days = (after.at - before.at) / DAY
        fade = 0.5 ** (days / MEMORY)
        came, passed = came * fade + after.signatures - before.signatures, passed * fade + days
    return came, passed


def _at_most(count: int, mean: float, came: float) -> float:
    """Return how likely at most `count` are where `mean` are due and the rate was known from `came`.

    A negative binomial distribution. Beyond a few thousand only ratios matter, so that both are scaled down.
    """
    size = max(min(came, TRUST), 0.5)
    scale = max(count, mean) / 2000
    if scale > 1:
        count, mean = round(count / scale), mean / scale
    share = mean / (size + mean)
    term = math.pow(1 - share, size)
    total = term
    for k in range(count):
        term *= (k + size) / (k + 1) * share
        total += term
    return min(total, 1.0)
