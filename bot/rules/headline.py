"""The headline figures of a release, each with what came before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.rules import periods
from bot.rules.breaks import Breaks, start
from bot.rules.findings import Row
from bot.rules.measures import DERIVED, History
from scrapers.toolkit.contract import Headline, Unit


def needed(headlines: Sequence[Headline]) -> frozenset[str]:
    """Return the codes of all measures from which the headlines are taken."""
    return frozenset(
        code
        for line in headlines
        for code in (DERIVED[line.measure].needs if line.measure in DERIVED else (line.measure,))
    )


def headline_rows(
    headlines: Sequence[Headline], period: str, history: History, breaks: Breaks, span: int = 1
) -> tuple[Row, ...]:
    """Return the headline rows of a period; a figure that is not there has no row, a withheld one has.

    `history` holds the figures of the headlines' area. What was said before a measure's last break is not
    compared, nor what shares a month with the period: each figure is of `span` of them.
    """
    now = _said(period, history)
    earlier = {"before": periods.shifted(period, -span), "year_ago": periods.year_before(period)}
    if periods.kind(period) == "year":
        del earlier["year_ago"]  # it is the one before
    rows = []
    for line in headlines:
        code = line.measure
        if _is_said(code, now):
            first = start(breaks, code, period)
            said = {name: _said(past, history) for name, past in earlier.items() if past >= first}
            past = {name: _value(code, figures) for name, figures in said.items() if _is_said(code, figures)}
            rows.append(Row(line.label, code, line.unit, line.of, _value(code, now), past, line.caution))
    return tuple(rows)


def compared(rows: Sequence[Row]) -> list[Row]:
    """Return the shares that stand beside the same period last year."""
    return [
        row
        for row in rows
        if row.unit == Unit.PERCENT and row.value is not None and row.earlier.get("year_ago") is not None
    ]


def _said(period: str, history: History) -> Mapping[str, float | None]:
    """Return the figures of one period by code."""
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
