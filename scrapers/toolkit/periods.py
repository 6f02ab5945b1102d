"""Periods as figures carry them, made of the forms in which publishers write them.

A quarter is one of the calendar: `2024-Q2` is April to June 2024, which a financial year calls its first.
"""

from __future__ import annotations

from scrapers.toolkit.contract import SourceChanged
from scrapers.toolkit.reading import MONTHS


def financial_year(first: str, second: str) -> str:
    """Return `2023-24` for a year written `2023/24` or `2023/2024`, given in its two parts."""
    after = str(int(first) + 1)
    if second not in (after, after[-2:]):
        raise SourceChanged("a financial year such as 2023/24", f"{first}/{second}")
    return f"{first}-{after[-2:]}"


def financial_quarter(year: str, quarter: int) -> str:
    """Return the calendar's name of a quarter, 1 to 4, of the financial year from April of `year`."""
    if not 1 <= quarter <= 4:
        raise SourceChanged("a quarter from 1 to 4", f"{quarter}")
    return f"{year}-Q{quarter + 1}" if quarter < 4 else f"{int(year) + 1}-Q1"


def quarter_between(first: str, last: str, year: str) -> str:
    """Return `2024-Q2` for the quarter from `April` to `June` of a year."""
    for number in range(4):
        if (first, last) == (MONTHS[3 * number], MONTHS[3 * number + 2]):
            return f"{year}-Q{number + 1}"
    raise SourceChanged("the first and last month of a quarter", f"{first} to {last}")


def months_of(quarter: str) -> str:
    """Return `April to June 2024` for `2024-Q2`."""
    first = 3 * int(quarter[-1]) - 3
    return f"{MONTHS[first]} to {MONTHS[first + 2]} {quarter[:4]}"
