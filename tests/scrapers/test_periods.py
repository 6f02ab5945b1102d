"""Quarters and years: one form, whatever a publisher calls them."""

from __future__ import annotations

import pytest

from scrapers.toolkit.contract import SourceChanged
from scrapers.toolkit.periods import financial_quarter, financial_year, months_of, quarter_between


def test_a_financial_year_begins_in_april() -> None:
    quarters = [financial_quarter("2024", quarter) for quarter in (1, 2, 3, 4)]
    assert quarters == ["2024-Q2", "2024-Q3", "2024-Q4", "2025-Q1"]
    assert [months_of(quarter) for quarter in quarters] == [
        *("April to June 2024", "July to September 2024", "October to December 2024"),
        "January to March 2025",
    ]


@pytest.mark.parametrize("quarter", ["2024-Q1", "2024-Q2", "2024-Q3", "2024-Q4"])
def test_a_quarter_is_known_by_its_months(quarter: str) -> None:
    first, _, last, year = months_of(quarter).split()
    assert quarter_between(first, last, year) == quarter


@pytest.mark.parametrize(("first", "last"), [("May", "July"), ("April", "September"), ("April", "Jun")])
def test_other_months_are_no_quarter(first: str, last: str) -> None:
    with pytest.raises(
        SourceChanged, match=f"the first and last month of a quarter, found {first} to {last}"
    ):
        quarter_between(first, last, "2024")


def test_a_fifth_quarter_is_refused() -> None:
    with pytest.raises(SourceChanged, match="a quarter from 1 to 4, found 5"):
        financial_quarter("2024", 5)


def test_a_financial_year_is_written_with_its_second_half_short_or_long() -> None:
    assert financial_year("2023", "24") == financial_year("2023", "2024") == "2023-24"
    assert financial_year("1999", "00") == "1999-00"


@pytest.mark.parametrize("second", ["25", "2025", "4", "1924"])
def test_two_years_that_do_not_follow_each_other_are_refused(second: str) -> None:
    with pytest.raises(SourceChanged, match="a financial year such as 2023/24"):
        financial_year("2023", second)
