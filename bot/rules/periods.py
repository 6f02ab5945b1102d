"""Periods: months `2026-03`, quarters `2025-Q3`, financial years `2025-26`, and readings (ISO times)."""

from __future__ import annotations

import re
from typing import Literal

Kind = Literal["month", "quarter", "year", "reading"]

_FORMS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    ("month", re.compile(r"\d{4}-(0[1-9]|1[0-2])")),
    ("quarter", re.compile(r"\d{4}-Q[1-4]")),
)
_YEAR = re.compile(r"(\d{4})-(\d\d)")
_IN_A_YEAR = {"month": 12, "quarter": 4, "year": 1}


def kind(period: str) -> Kind:
    """Return what kind of period this is; what could be a month is one, so that years begin with 2012-13."""
    for name, form in _FORMS:
        if form.fullmatch(period):
            return name
    year = _YEAR.fullmatch(period)
    return "year" if year and int(year[2]) == (int(year[1]) + 1) % 100 else "reading"


def is_reading(period: str) -> bool:
    """Return whether this is the time of a reading, and no month, quarter or year."""
    return kind(period) == "reading"


def shifted(period: str, steps: int) -> str:
    """Return the period of the same kind `steps` later. Raises ValueError for a reading."""
    match kind(period):
        case "month":
            month = int(period[:4]) * 12 + int(period[5:]) - 1 + steps
            return f"{month // 12:04}-{month % 12 + 1:02}"
        case "quarter":
            quarter = int(period[:4]) * 4 + int(period[6:]) - 1 + steps
            return f"{quarter // 4:04}-Q{quarter % 4 + 1}"
        case "year":
            year = int(period[:4]) + steps
            return f"{year:04}-{(year + 1) % 100:02}"
    raise ValueError(f"expected a month, a quarter or a financial year, found {period!r}")


def year_before(period: str) -> str:
    """Return the same period a year earlier. Raises ValueError for a reading."""
    return shifted(period, -_IN_A_YEAR.get(kind(period), 0))


def first_month(period: str) -> str:
    """Return the first month of a period, or the month of a reading."""
    match kind(period):
        case "year":
            return f"{period[:4]}-04"
        case "quarter":
            return f"{period[:4]}-{3 * int(period[-1]) - 2:02}"
    return period[:7]


def last_month(period: str) -> str:
    """Return the last month of a period, or the month of a reading."""
    match kind(period):
        case "year":
            return f"{int(period[:4]) + 1}-03"
        case "quarter":
            return f"{period[:4]}-{3 * int(period[-1]):02}"
    return period[:7]
