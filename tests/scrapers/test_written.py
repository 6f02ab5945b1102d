"""Numbers and periods in the forms that pages give them: the declared one, or none."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrapers.toolkit.contract import SourceChanged
from scrapers.toolkit.written import PLAIN, Written, period


@pytest.mark.parametrize(
    ("like", "found", "number"),
    [
        (PLAIN, "1234", "1234"),
        (PLAIN, "-0.5", "-0.5"),
        ("1,234", "56,536,000", "56536000"),
        ("1,234", "7", "7"),
        ("1 234", "56\u00a0536\u202f000", "56536000"),
        ("51.2%", "48%", "48"),
        ("51.2 per cent", "48.9 per cent", "48.9"),
        ("£1,234.50", "−£12.05", "-12.05"),
        ("1.2 million", " 14 million ", "14"),
        ("£0.9bn", "£1.1bn", "1.1"),
    ],
)
def test_a_number_is_read_in_the_form_of_the_example(like: str, found: str, number: str) -> None:
    assert Written.like(like).number(found) == Decimal(number)


@pytest.mark.parametrize(
    ("like", "found"),
    [
        ("1,234", "1234"),
        ("1,234", "12,34"),
        ("1,234", "1,2345"),
        ("1,234", "1.234"),
        ("1,234", "1,234.5"),
        ("1,234", "0,234"),
        ("1,234", "1,234,"),
        ("1,234", ""),
        (PLAIN, "1,234"),
        (PLAIN, "1e6"),
        (PLAIN, "+5"),
        (PLAIN, "٣"),
        (PLAIN, "1234567890123456"),
        ("51.2%", "51.2"),
        ("51", "51%"),
        ("£0.9bn", "£0.9m"),
        ("£0.9bn", "0.9bn"),
        ("1.2 million", "1,200,000"),
    ],
)
def test_any_other_form_is_refused(like: str, found: str) -> None:
    with pytest.raises(SourceChanged, match=f"expected a number written like {like}"):
        Written.like(like).number(found)


@pytest.mark.parametrize("example", ["", "twelve", "12.345,6", "1,23", "$5", "5 apples", "1.2 gazillion"])
def test_an_example_in_no_known_form_is_refused(example: str) -> None:
    with pytest.raises(ValueError, match="written: expected a number like '1234'"):
        Written.like(example)


@given(st.integers(0, 10**15 - 1), st.sampled_from([",", " "]))
def test_every_grouped_whole_number_reads_as_itself(number: int, thousands: str) -> None:
    assert Written.like(f"1{thousands}234").number(f"{number:,}".replace(",", thousands)) == number


@given(st.integers(1000, 10**15 - 1), st.data())
def test_a_digit_more_in_a_group_is_never_read_as_another_number(number: int, data: st.DataObject) -> None:
    said = f"{number:,}"
    place = data.draw(st.integers(said.index(",") + 1, len(said)))
    with pytest.raises(SourceChanged):
        Written.like("1,234").number(f"{said[:place]}2{said[place:]}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("March 2026", "2026-03"),
        ("2026 MAR", "2026-03"),
        ("sep 2025", "2025-09"),
        ("2026-03", "2026-03"),
        ("2025/26", "2025-26"),
        ("2025–2026", "2025-26"),
        ("2025-26", "2025-26"),
        ("1999-2000", "1999-00"),
        ("Q3 2025", "2025-Q3"),
        ("2025 Q3", "2025-Q3"),
        (" March\n2026 ", "2026-03"),
    ],
)
def test_a_period_is_read_in_the_forms_of_the_publishers(text: str, said: str) -> None:
    assert period(text) == said


@pytest.mark.parametrize(
    "text", ["", "2026", "31 March 2026", "Marz 2026", "2025-27", "Q5 2025", "Q1 2025-26", "March"]
)
def test_what_names_no_month_quarter_or_year_is_refused(text: str) -> None:
    with pytest.raises(SourceChanged, match="expected a period such as March 2026"):
        period(text)
