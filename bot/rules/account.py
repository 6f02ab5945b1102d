"""What can be said of one figure now: its value, what came before, and whether it is unusual."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from bot.rules import periods, since
from bot.rules.breaks import Break, Breaks, last_break
from bot.rules.measures import (
    DEATHS,
    DERIVED,
    FEWEST,
    Derived,
    History,
    judged_values,
    share_of,
    values_of,
    year_of,
)
from bot.rules.verdicts import Verdict, newest
from bot.rules.xmr import FEWEST as FEWEST_POINTS
from bot.rules.xmr import NHSE, SETTINGS, Good, assurance
from scrapers.toolkit.contract import ENGLAND

State = Literal["known", "withheld", "few", "missing"]
USUAL = next(name for name, settings in SETTINGS.items() if settings is NHSE)


@dataclass(frozen=True, slots=True)
class Aim:
    """What is wanted of a measure: its better direction, its target, and how the XmR rules are read."""

    good: Good = "neither"
    target: float | None = None
    settings: str = USUAL


@dataclass(frozen=True, slots=True)
class Account:
    """One figure at its newest period, and what it is to be compared with; None is not known or not said.

    `state` says why there is no value: withheld, a share of too `few`, or missing parts. `parts` are
    numerator and denominator. `year` is the share of twelve months together. `verdict` is None for fewer
    than thirteen periods. `broken` is the break from which on it can be compared. Each figure is of `span`
    periods: where they overlap, `before` is the nearest that does not, and there is no verdict.
    """

    measure: str
    area: str
    period: str
    state: State
    value: float | None
    values: Mapping[str, float | None]
    aim: Aim
    before: float | None = None
    year_ago: float | None = None
    year: float | None = None
    share: Derived | None = None
    parts: tuple[float, float] | None = None
    verdict: Verdict | None = None
    extreme: since.Extreme | None = None
    broken: Break | None = None
    span: int = 1

    @property
    def assurance(self) -> str | None:
        """Return whether its usual range meets the target always, never, or at times."""
        if self.verdict is None:
            return None
        return assurance(self.verdict.lower, self.verdict.upper, self.aim.target, self.aim.good)


def is_shown(measure: str, area: str) -> bool:
    """Return whether a figure may be shown at all: deaths never below England."""
    return measure not in DEATHS or area == ENGLAND.code


def needs_of(measure: str) -> tuple[str, ...]:
    """Return the codes from which a measure's values, and the parts of a share, are taken."""
    share = share_of(measure)
    needs = share.needs if share else ()
    return tuple(dict.fromkeys(needs if measure in DERIVED else (measure, *needs)))


def account(
    measure: str,
    area: str,
    history: History,
    aim: Aim,
    breaks: Breaks,
    until: str | None = None,
    span: int = 1,
) -> Account | None:
    """Return the account of a measure in an area; None where nothing is stored of it.

    `history` holds the figures of all that it needs; with `until` it is as of that period.
    """
    if not is_shown(measure, area):
        return None
    known = {code: _until(history.get(code, {}), until) for code in needs_of(measure)}
    values = values_of(measure, known)
    if not values:
        return None
    period = max(values)
    share = share_of(measure)
    state = _state(share if measure in DERIVED else None, values[period], known, period)
    if periods.is_reading(period):
        earlier = sorted(values)[:-1]
        past = values[earlier[-1]] if earlier else None
        return Account(measure, area, period, state, values[period], values, aim, past)
    broken = last_break(breaks, measure, period)
    start = broken.period if broken else ""
    judged = newest(judged_values(measure, area, known), start, aim.settings)
    fit = judged is not None and judged.points >= FEWEST_POINTS and periods.kind(period) != "year"
    before = periods.shifted(period, -span)
    return Account(
        measure,
        area,
        period,
        state,
        values[period],
        values,
        aim,
        before=values.get(before) if before >= start else None,
        year_ago=None if periods.kind(period) == "year" else since.year_ago(values, period, start),
        year=year_of(measure, known, period, start),
        share=share,
        parts=_parts(share, known, period),
        verdict=judged if fit and span == 1 else None,
        extreme=since.extreme(values, period, start) if values[period] is not None else None,
        broken=broken,
        span=span,
    )


def _until(values: Mapping[str, float | None], until: str | None) -> dict[str, float | None]:
    return {period: value for period, value in values.items() if until is None or period <= until}


def _state(share: Derived | None, value: float | None, history: History, period: str) -> State:
    """Return why there is no value where there is none; a share that is none of ours is as published."""
    if value is not None:
        return "known"
    if share is None:
        return "withheld"
    figures = {code: values[period] for code, values in history.items() if period in values}
    if share.is_withheld(figures):
        return "withheld"
    return "few" if (parts := share.parts(figures)) and parts[1] < FEWEST else "missing"


def _parts(share: Derived | None, history: History, period: str) -> tuple[float, float] | None:
    if share is None:
        return None
    parts = share.parts({code: values[period] for code, values in history.items() if period in values})
    return (float(parts[0]), float(parts[1])) if parts else None
