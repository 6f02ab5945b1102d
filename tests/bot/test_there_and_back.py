"""What comes back is news again, and what stays as it is was news once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from tests.bot.house import House, open_house, sqlite
from tests.bot.test_whole_way import PARLIAMENT, PROVIDERS, count_now, issue, published_april
from tests.fakes.nhs import Issue, Nhs, england, month_file


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Give a house that knows nothing yet."""
    with open_house(sqlite(tmp_path)) as house:
        yield house


@pytest.fixture
def nhs(house: House) -> Nhs:
    """Give the publisher with March 2026 out and April announced, both of which the house has met."""
    nhs = Nhs(house.sites)
    nhs.issues["2026-03"] = issue("2026-03", date(2026, 5, 14), england(163_100))
    nhs.publish(Issue("2026-04", expected="11 Jun 2026"))
    asyncio.run(house.check())
    return nhs


@pytest.fixture
def petition_house(house: House) -> House:
    """Give a house that watches one petition."""
    house.campaign = {"campaign": {"name": "x", "sources": []}, "petition": [PARLIAMENT]}
    count_now(house, 628)
    asyncio.run(house.check())
    return house


def dated(house: House, nhs: Nhs, *dates: str) -> list[str]:
    """Let April be announced for each of these dates, a day apart; return the first lines that were told."""
    told = len(house.team)
    for expected in dates:
        house.later(days=1)
        nhs.change("2026-04", expected=expected)
        asyncio.run(house.check())
        asyncio.run(house.check())
    return [text.splitlines()[0] for text in house.team[told:]]


def edited(house: House, nhs: Nhs, day: int, **fields: object) -> list[str]:
    """Let the page of March be edited on a day of May; return what was told."""
    told = len(house.team)
    house.later(days=1)
    nhs.change("2026-03", edited=f"{day} May 2026 9:30 am", **fields)
    asyncio.run(house.check())
    return house.team[told:]


def without(*measures: str, **changed: float) -> bytes:
    """Return the file of March without some measures, and with others changed."""
    figures = {**england(163_100), **changed}
    kept = {code: value for code, value in figures.items() if code not in measures}
    return month_file("2026-03", kept, PROVIDERS).encode()


def stating(house: House, **facts: object) -> list[str]:
    """Let the petition say this an hour later; return the first lines that were told."""
    told = len(house.team)
    house.later(hours=1)
    count_now(house, 628, **facts)
    asyncio.run(house.check())
    asyncio.run(house.check())
    return [text.splitlines()[0] for text in house.team[told:]]


def test_a_date_that_moves_back_and_forth_is_told_each_time(house: House, nhs: Nhs) -> None:
    assert dated(house, nhs, "18 Jun 2026", "11 Jun 2026", "18 Jun 2026") == [
        "📅 New release date: 18 June 2026",
        "📅 New release date: 11 June 2026",
        "📅 New release date: 18 June 2026",
    ]


def test_a_day_that_is_withdrawn_to_its_month_and_named_anew_has_moved(house: House, nhs: Nhs) -> None:
    assert dated(house, nhs, "Jun 2026", "11 Jun 2026", "Jun 2026") == []
    assert dated(house, nhs, "25 Jun 2026") == ["📅 New release date: 25 June 2026"]
    assert "It was announced for 11 June 2026." in house.team[-1]


def test_a_petition_that_closes_and_opens_is_told_each_time(petition_house: House) -> None:
    assert stating(petition_house, state="closed") == ["🏛 The petition is now closed"]
    assert stating(petition_house, state="open") == ["🏛 The petition is open again"]
    assert stating(petition_house, state="closed") == ["🏛 The petition is now closed"]


def test_a_debate_that_is_moved_moved_back_and_cancelled_is_told_each_time(petition_house: House) -> None:
    for day, said in (("01", "1 July 2026"), ("08", "8 July 2026"), ("01", "1 July 2026")):
        told = stating(petition_house, scheduled_debate_date=f"2026-07-{day}")
        assert told == [f"🏛 A debate is scheduled for {said}"]
    assert stating(petition_house, scheduled_debate_date=None) == ["🏛 The debate is no longer scheduled"]


def test_figures_that_are_gone_are_told_once_however_often_the_page_is_edited(house: House, nhs: Nhs) -> None:
    (text,) = edited(house, nhs, 15, body=without("M038"))
    assert "1 figure no longer in the file." in text
    assert edited(house, nhs, 16) == []
    (text,) = edited(house, nhs, 17, body=without("M038", M001=163_109))
    assert "now 163,109, was 163,100" in text
    assert "no longer" not in text
    (text,) = edited(house, nhs, 18, body=without("M038", "M077", M001=163_109))
    assert "2 figures no longer in the file." in text
    assert edited(house, nhs, 19) == []


def test_figures_that_go_in_a_correction_are_not_told_again_by_the_next_edit(house: House, nhs: Nhs) -> None:
    (text,) = edited(house, nhs, 15, body=without("M038", M001=163_109))
    assert "1 figure no longer in the file." in text
    assert edited(house, nhs, 16) == []


def test_a_note_of_the_publisher_is_quoted_for_the_correction_that_it_came_with_and_no_later_one(
    house: House, nhs: Nhs
) -> None:
    note = {"notice": "One provider was late.", "noticed": "15 May 2026 09:30 AM"}
    (text,) = edited(house, nhs, 15, body=without(M001=163_109), **note)
    assert "The publisher said on 15 May 2026: Correction: One provider was late." in text
    (text,) = edited(house, nhs, 16, body=without(M001=163_200))
    assert "now 163,200, was 163,109" in text
    assert "publisher said" not in text


def test_a_headline_figure_that_is_withheld_is_told_as_withheld_and_beside_the_next_month_too(
    house: House, nhs: Nhs
) -> None:
    asyncio.run(published_april(house, nhs, {**england(140_001), "M038": "*"}))  # type: ignore[dict-item]
    assert "Waiting for treatment withheld (151,439)" in house.team[-1]
    house.later(days=28)
    nhs.publish(issue("2026-05", date(2026, 7, 9), england(150_000)))
    asyncio.run(house.check())
    assert "Waiting for treatment 151,439 (withheld)" in house.team[-1]
