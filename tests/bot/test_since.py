"""Highest, lowest, longest: said only where it is true."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from bot.rules import periods
from bot.rules.since import Extreme, Streak, extreme, longest, turn, year_ago

FIRST = "2022-01"
SERIES = st.lists(st.none() | st.integers(0, 30).map(float), min_size=1, max_size=40)
RISING = st.lists(st.integers(-1, 4), min_size=1, max_size=40).map(
    lambda steps: [float(value) for value in accumulate(steps)]
)


def months(values: Sequence[float | None]) -> tuple[dict[str, float | None], str]:
    """Return values by month, and the newest month."""
    series = {periods.shifted(FIRST, n): value for n, value in enumerate(values)}
    return series, max(series)


def test_the_highest_since_names_the_last_month_that_was_as_high() -> None:
    series, newest = months([9.0, 8.0, *[5.0] * 13, 8.0])
    assert extreme(series, newest) == Extreme("highest", "2022-02", 14)
    assert extreme(series, newest, start="2022-03") == Extreme("highest", None, 14)


def test_the_lowest_of_all_has_no_month_before_it() -> None:
    assert extreme(*months([*[5.0] * 14, 4.0])) == Extreme("lowest", None, 15)


def test_what_outdoes_less_than_a_year_is_not_worth_a_word() -> None:
    assert extreme(*months([9.0, *[5.0] * 11, 8.0])) is None


def test_nothing_is_said_across_a_month_that_is_not_known() -> None:
    assert extreme(*months([*[5.0] * 8, None, *[5.0] * 8, 8.0])) is None


def test_the_first_fall_after_many_rises_is_a_turn() -> None:
    rises = [float(n) for n in range(10)]
    assert turn(*months([*rises, 8.0])) == Streak("rise", 9)
    assert turn(*months([*rises[:6], 4.0])) is None
    assert turn(*months([*rises, 8.0, 7.0])) is None
    assert turn(*months([*rises, 9.0])) is None


def test_the_longest_streak_is_longer_than_any_before() -> None:
    six, five = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    assert longest(*months([*five, *six])) == Streak("rise", 6)
    assert longest(*months([*six, *six])) is None
    assert longest(*months([*six, *six]), start="2022-03") == Streak("rise", 6)
    assert longest(*months(five)) is longest(*months([1.0] * 9)) is longest(*months([None])) is None


def test_the_same_month_last_year_is_not_looked_up_across_a_break() -> None:
    series, newest = months([float(n) for n in range(13)])
    assert year_ago(series, newest) == 0
    assert year_ago(series, newest, start="2022-02") is None


@given(SERIES)
def test_an_extreme_is_beyond_every_month_that_it_names(values: list[float | None]) -> None:
    found = extreme(*months(values))
    if found:
        newest, *earlier = values[: -found.of - 1 : -1]
        assert newest is not None
        sign = 1 if found.word == "highest" else -1
        assert all(past is not None and sign * past < sign * newest for past in earlier)
        if found.since:
            series, _ = months(values)
            past = series[found.since]
            assert past is not None
            assert sign * past >= sign * newest


@given(SERIES | RISING)
def test_a_streak_is_made_of_steps_one_way(values: list[float | None]) -> None:
    found = longest(*months(values))
    if found:
        steps = values[-found.steps - 1 :]
        known = [value for value in steps if value is not None]
        assert len(known) == found.steps + 1
        assert known == sorted(set(known), reverse=found.word == "fall")
