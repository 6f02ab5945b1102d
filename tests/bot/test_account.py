"""What is said of one figure: its value, what came before, and whether it is unusual."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.rules.account import Account, Aim, account, is_shown, needs_of
from bot.rules.breaks import shipped_breaks
from bot.rules.xmr import Kind
from tests.bot.watching import england

MONTHS = [f"2025-{month:02}" for month in range(1, 13)]
BREAKS = shipped_breaks()


def of(measure: str, area: str, history: dict[str, dict[str, float | None]], **how: object) -> Account:
    found = account(measure, area, history, Aim(), BREAKS, str(how["until"]) if how else None)
    assert found is not None
    return found


def test_the_headline_figure_is_told_as_published(shared_samples: Path) -> None:
    said = of("treated_once", "England", england(shared_samples))
    assert (said.period, said.value, said.before, said.year_ago) == ("2026-03", 40.8, 42.2, 41.2)
    assert said.parts == (39_740, 97_330)
    assert said.verdict is not None
    assert (round(said.verdict.lower, 1), round(said.verdict.upper, 1)) == (40.5, 44.4)
    assert (said.verdict.kind, said.verdict.lasted) == (Kind.RUN_BELOW, 7)
    assert said.year == pytest.approx(42, abs=1)


def test_a_figure_is_told_as_of_an_earlier_month(shared_samples: Path) -> None:
    said = of("treated_once", "England", england(shared_samples), until="2025-03")
    assert (said.period, said.value) == ("2025-03", 41.2)


def test_nothing_is_compared_across_a_break(shared_samples: Path) -> None:
    said = of("ended_early", "England", england(shared_samples), until="2023-09")
    assert said.broken is not None
    assert (said.before, said.year_ago, said.verdict) == (None, None, None)


def test_why_there_is_no_value_is_known() -> None:
    counts = {"M075": 20.0, "M056": 60.0, "M153": 15.0}
    few = of("treated_once", "RXY", {code: {"2025-01": value} for code, value in counts.items()})
    assert (few.state, few.value) == ("few", None)
    withheld = of("treated_once", "RXY", {code: {"2025-01": None} for code in counts})
    assert (withheld.state, withheld.value) == ("withheld", None)
    partly = of("treated_once", "RXY", {"M075": {"2025-01": 20.0}})
    assert (partly.state, partly.value) == ("missing", None)
    published = of("M192", "RXY", {"M192": {"2025-01": None}})
    assert (published.state, published.value) == ("withheld", None)


def test_fewer_than_thirteen_months_say_nothing_of_what_is_usual() -> None:
    said = of("M001", "England", {"M001": dict.fromkeys(MONTHS, 100.0)})
    assert said.verdict is None
    assert said.before == 100.0


def test_years_and_readings_are_told_beside_the_one_before_them() -> None:
    year = of("Count_X", "England", {"Count_X": {"2023-24": 5.0, "2024-25": 6.0}})
    assert (year.value, year.before, year.year_ago, year.verdict) == (6.0, 5.0, None, None)
    reading = of("x", "all", {"x": {"2026-05-13T09:00:00Z": 5.0, "2026-05-14T09:00:00Z": 6.0}})
    assert (reading.value, reading.before, reading.verdict) == (6.0, 5.0, None)


def test_deaths_are_shown_of_england_alone() -> None:
    history: dict[str, dict[str, float | None]] = {"M062": {"2025-01": 1.0}}
    assert is_shown("M062", "England")
    assert account("M062", "RXY", history, Aim(), BREAKS) is None
    assert account("M999", "England", history, Aim(), BREAKS) is None


def test_a_share_needs_all_its_counts() -> None:
    assert needs_of("treated_once") == ("M075", "M056", "M153", "M288")
    assert needs_of("M053") == ("M053", "M052", "M076")
    assert needs_of("M001") == ("M001",)
