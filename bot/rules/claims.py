"""Claims: whether what the campaign says in public still agrees with the newest figures.

Fair conditions for each claim are the campaign's to set; docs/measures.md says how each figure is made. The
ledger in the store is kept by `bot.claims`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal, NamedTuple

from bot.rules import periods
from bot.rules.measures import DERIVED, History, share_of
from scrapers.toolkit.contract import Unit

Verdict = Literal["holds", "thin", "broken", "unknown"]
Why = Literal["", "parts", "unagreed", "unread", "withheld", "missing"]


class Bounds(NamedTuple):
    """Between which values a claim stands, both ends included; None is no bound."""

    low: float | None = None
    high: float | None = None

    def __contains__(self, value: object) -> bool:
        if not isinstance(value, float | int):
            return False
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


@dataclass(frozen=True, slots=True)
class FigureOf:
    """The figure on which a claim stands.

    `period` pins it, else it is the newest; `months` pools a share over so many months, from its counts;
    `less` takes another measure off; `since` is a year: the growth in percent since that year's same period.
    """

    source: str
    measure: str
    area: str = "England"
    period: str | None = None
    months: int | None = None
    less: str | None = None
    since: int | None = None

    @property
    def needs(self) -> frozenset[str]:
        """Return the codes of all measures that it is taken from."""
        measures = [measure for measure in (self.measure, self.less) if measure]
        return frozenset(code for measure in measures for code in _codes(measure))

    def spans(self, newest: str) -> list[str]:
        """Return the periods whose figures it is taken from, where this is the newest."""
        span = [periods.shifted(newest, -step) for step in range(self.months)] if self.months else [newest]
        return [*span, *([_same_period(newest, self.since)] if self.since else [])]


def _codes(measure: str) -> tuple[str, ...]:
    share = share_of(measure)
    return share.needs if share else (measure,)


@dataclass(frozen=True, slots=True)
class Parts:
    """Numbers that a claim says make up another number that it says."""

    total: float
    of: tuple[float, ...]

    @property
    def sum(self) -> float:
        """Return what they really add up to."""
        return float(sum((Decimal(str(number)) for number in self.of), Decimal(0)))


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence that the campaign says in public, where, and the figure and bounds that support it.

    Without `holds` nobody has agreed on what would be fair: it stays unknown, with its figure. `note` is what
    is to be known before it is said again.
    """

    says: str
    where: str
    figure: FigureOf
    holds: Bounds | None = None
    thin: Bounds | None = None
    parts: Parts | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a claim stands: its figure's value, unit and period.

    `why` it has no verdict, or does not hold whatever its figure is: its own `parts` add up to something
    else, nobody has agreed on what would be fair (`unagreed`), or its figure was not read yet (`unread`), is
    `withheld`, or `missing` a part. `entered` says that somebody entered its figure, or one that it is taken
    from.
    """

    claim: Claim
    verdict: Verdict
    value: float | None = None
    period: str | None = None
    why: Why = ""
    unit: str = Unit.NUMBER
    entered: bool = False


def standing(
    claim: Claim,
    history: History,
    units: Mapping[str, str],
    entered: Collection[tuple[str, str]] = (),
) -> Standing:
    """Return where a claim stands.

    `history` holds the measures of its figure: code -> period -> value; `units` says what each counts;
    `entered` names the figures among them that somebody entered, by measure and period.
    """
    verdict, value, period, why = _judged(claim, history)
    of = claim.figure
    by_hand = value is not None and period is not None and _any_entered(of, period, entered)
    return Standing(claim, verdict, value, period, why, _unit(of, units), by_hand)


def _any_entered(figure: FigureOf, newest: str, entered: Collection[tuple[str, str]]) -> bool:
    return any((code, period) in entered for code in figure.needs for period in figure.spans(newest))


def _judged(claim: Claim, history: History) -> tuple[Verdict, float | None, str | None, Why]:
    value, period, why = _value(claim.figure, history)
    if claim.parts and claim.parts.sum != claim.parts.total:
        return "broken", value, period, "parts"
    if value is None:
        return "unknown", None, period, why
    if claim.holds is None:
        return "unknown", value, period, "unagreed"
    if value in claim.holds:
        return "holds", value, period, ""
    thin = claim.thin is not None and value in claim.thin
    return ("thin" if thin else "broken"), value, period, ""


def _unit(figure: FigureOf, units: Mapping[str, str]) -> str:
    shown = figure.measure in DERIVED or figure.since is not None
    return Unit.PERCENT if shown else units.get(figure.measure, Unit.NUMBER)


def _value(figure: FigureOf, history: History) -> tuple[float | None, str | None, Why]:
    """Return the figure's value and period, and why there is no value where there is none."""
    known = sorted({period for code in figure.needs for period in history.get(code, {})})
    if figure.period is not None:
        known = [period for period in known if period == figure.period]
    if not known:
        return None, figure.period, "unread"
    newest = next((p for p in reversed(known) if _at(figure.measure, p, history) is not None), None)
    if newest is None:
        return None, known[-1], "withheld"
    value = _pooled(figure, newest, history) if figure.months else _at(figure.measure, newest, history)
    if figure.less is not None:
        value = _minus(value, _at(figure.less, newest, history))
    if figure.since is not None:
        value = _growth(value, _at(figure.measure, _same_period(newest, figure.since), history))
    return value, newest, "" if value is not None else "missing"


def _at(measure: str, period: str, history: History) -> float | None:
    figures = {code: values[period] for code, values in history.items() if period in values}
    derived = DERIVED.get(measure)
    return derived.value(figures) if derived else figures.get(measure)


def _pooled(figure: FigureOf, newest: str, history: History) -> float | None:
    share = share_of(figure.measure)
    if share is None or figure.months is None:
        return None
    span = (periods.shifted(newest, -step) for step in range(figure.months))
    return share.pooled({code: values.get(p) for code, values in history.items()} for p in span)


def _same_period(period: str, year: int) -> str:
    """Return the period of that year that is like this one: `2025-Q3` and 2019 make `2019-Q3`."""
    if periods.kind(period) == "year":
        return f"{year}-{(year + 1) % 100:02}"
    return f"{year}{period[4:]}"


def _minus(value: float | None, other: float | None) -> float | None:
    return None if value is None or other is None else float(Decimal(str(value)) - Decimal(str(other)))


def _growth(value: float | None, before: float | None) -> float | None:
    if value is None or not before:
        return None
    growth = 100 * (Decimal(str(value)) / Decimal(str(before)) - 1)
    return float(growth.quantize(Decimal("0.1"), ROUND_HALF_UP))


def remembered(now: Standing) -> str:
    """Return what is remembered of a standing, to tell the next one from it."""
    return json.dumps([now.verdict, now.period, now.value])


class ClaimNews(NamedTuple):
    """A claim that stands otherwise than before: its verdict then, and its value if that was corrected."""

    now: Standing
    before: Verdict
    was: float | None = None


def news(now: Standing, said: str | None) -> ClaimNews | None:
    """Return what is to be told of a claim beside what was remembered of it, or None.

    Told is another verdict, and another value of the same period, which is a correction. A claim that is met
    for the first time is not news, nor is one whose figure becomes known and supports it.
    """
    if said is None:
        return None
    before, period, was = json.loads(said)
    corrected = period == now.period and None not in (was, now.value) and was != now.value
    if not corrected and (now.verdict == before or (before, now.verdict) == ("unknown", "holds")):
        return None
    return ClaimNews(now, before, was if corrected else None)
