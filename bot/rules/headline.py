"""The headline figures of a Talking Therapies release, England, each with what came before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.rules.calendar import month_shift
from bot.rules.findings import Row
from bot.rules.measures import DERIVED

History = Mapping[str, Mapping[str, float | None]]  # measure code -> period -> value; None is withheld


@dataclass(frozen=True, slots=True)
class Headline:
    """One line of the message: a published measure, or the name of a derived one."""

    label: str
    measure: str
    unit: str
    of: str = ""


HEADLINES = (
    Headline("Referrals received", "M001", "count"),
    Headline("Accessed services", "M031", "count"),
    Headline("Ended", "M056", "count"),
    Headline("Finished a course", "M076", "count"),
    Headline("Treated once only", "treated_once", "percent", "of those treated and ended"),
    Headline("Ended before treatment", "before_treatment", "percent", "of those that ended"),
    Headline("Finished (2+ sessions)", "finished", "percent", "of those that ended"),
    Headline("Recovery", "M192", "percent", "of those finished, at caseness at the start"),
    Headline("Reliable improvement", "M186", "percent", "of those finished"),
    Headline("Within 6 weeks", "M053", "percent", "of those finished"),
    Headline("Over 90 days to 2nd session", "over_90_days", "percent", "of second treatments"),
    Headline("Waiting for treatment", "M038", "count"),
)
NEEDED = frozenset(
    code
    for headline in HEADLINES
    for code in (DERIVED[headline.measure].needs if headline.measure in DERIVED else (headline.measure,))
)


def headline_rows(period: str, history: History) -> tuple[Row, ...]:
    """Return the headline rows of a month; a figure that is not there has no row, a withheld one has.

    `history` holds England's figures up to and including `period`.
    """
    now = _said(period, history)
    earlier = {
        "before": _said(month_shift(period, -1), history),
        "year_ago": _said(month_shift(period, -12), history),
    }
    rows = []
    for line in HEADLINES:
        code = line.measure
        if _is_said(code, now):
            past = {name: _value(code, said) for name, said in earlier.items() if _is_said(code, said)}
            rows.append(Row(line.label, code, line.unit, line.of, _value(code, now), past))
    return tuple(rows)


def _said(period: str, history: History) -> Mapping[str, float | None]:
    """Return the figures of one month by code."""
    return {code: values[period] for code, values in history.items() if period in values}


def _is_said(measure: str, figures: Mapping[str, float | None]) -> bool:
    """Return whether there is a value, or it is withheld."""
    derived = DERIVED.get(measure)
    if derived is None:
        return measure in figures
    return derived.value(figures) is not None or derived.is_withheld(figures)


def _value(measure: str, figures: Mapping[str, float | None]) -> float | None:
    derived = DERIVED.get(measure)
    return figures[measure] if derived is None else derived.value(figures)
