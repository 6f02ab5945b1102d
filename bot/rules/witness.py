"""A page that says in words what a file says in numbers, and where the two differ. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple

from bot.rules.measures import History
from scrapers.toolkit.contract import Area, Figure, Measure, Statement, Unit


class Difference(NamedTuple):
    """What a page says of a measure, to so many decimals, and what the file of the same period says."""

    measure: Measure
    page: float
    file: float | None
    decimals: int


def differences(said: Iterable[Statement], figures: Iterable[Figure]) -> tuple[Difference, ...]:
    """Return where a page does not say what the file says, at the precision of the page.

    What the file does not hold cannot differ; what it withholds does.
    """
    file = {(f.measure.id, f.area.kind, f.area.code, f.period): f.value for f in figures}
    found = []
    for (measure, area, period, value), decimals in said:
        place = (measure.id, area.kind, area.code, period)
        if (
            value is not None
            and place in file
            and _rounded(file[place], decimals) != _rounded(value, decimals)
        ):
            found.append(Difference(measure, value, file[place], decimals))
    return tuple(found)


def with_said(history: History, said: Iterable[Statement]) -> dict[str, Mapping[str, float | None]]:
    """Return the history with what a page says, but for percentages that it rounds to whole ones."""
    told = dict(history)
    for (measure, _, period, value), decimals in said:
        if decimals or measure.unit != Unit.PERCENT:
            told[measure.id] = {**told.get(measure.id, {}), period: value}
    return told


def packed(said: Iterable[Statement]) -> list[list[Any]]:
    """Return statements of one area and period as JSON."""
    return [
        [figure.measure.id, figure.measure.name, figure.measure.unit, figure.value, decimals]
        for figure, decimals in said
    ]


def unpacked(kept: Sequence[Sequence[Any]], area: Area, period: str) -> tuple[Statement, ...]:
    """Return statements as they were."""
    return tuple(
        Statement(Figure(Measure(id, name, Unit(unit)), area, period, value), decimals)
        for id, name, unit, value, decimals in kept
    )


def _rounded(value: float | None, decimals: int) -> Decimal | None:
    """Return a value as the publisher would print it."""
    if value is None:
        return None
    return Decimal(str(value)).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
