"""Live figures that are no petition's: what the team is told of each change, and what is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.campaign import CampaignError, parse_campaign
from bot.rules.reading import last_told, readings_changed
from scrapers.toolkit.contract import ENGLAND, Figure, Measure, Unit
from state.records import Changes
from tests.bot.house import House, open_house, sqlite

URL = "https://example.org/waits"
ENTRY = {
    "id": "waits",
    "title": "Waits over a year",
    "url": URL,
    "css": "#waits",
    "written": "1,234",
    "unit": "count",
    "range": {"min": 100, "max": 5000},
    "measure": "waits",
}
NOW = datetime(2026, 5, 14, 9, 0, tzinfo=UTC)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(sqlite(tmp_path)) as house:
        house.campaign = campaign()
        yield house


def campaign(**options: object) -> dict[str, object]:
    return {"campaign": {"name": "Test", "sources": []}, "source": [{**ENTRY, **options}]}


def show(house: House, waits: str, month: str = "") -> None:
    house.sites.put(URL, f"<html><body><h2>{month}</h2><p id=waits>{waits}</p></body></html>")


def look(house: House, waits: str, month: str = "", **later: float) -> list[str]:
    """Let the page show a number some time later, look, and return the first lines that the team is told."""
    before = len(house.team)
    show(house, waits, month)
    house.later(**(later or {"days": 1}))
    asyncio.run(house.check())
    return [text.partition("\n")[0] for text in house.team[before:]]


def stored(house: House) -> list[tuple[str, float | None, int]]:
    with house.store() as store, store.reading() as tx:
        return [(figure.period, figure.value, figure.revision) for figure in tx.figures()]


def test_each_change_is_told_with_what_it_was_and_when(house: House) -> None:
    assert look(house, "1,200") == ["👀 Now watching: Waits over a year (1,200 waits)"]
    assert look(house, "1,200") == []
    assert look(house, "1,234", days=3) == ["🔢 Waits over a year: 1,234 (was 1,200 on 15 May 2026)"]
    assert look(house, "1,200") == ["🔢 Waits over a year: 1,200 (was 1,234 on 19 May 2026)"]
    assert look(house, "1,234") == ["🔢 Waits over a year: 1,234 (was 1,200 on 20 May 2026)"]
    assert [value for _, value, _ in stored(house)] == [1200, 1234, 1200, 1234]
    assert house.operator == []


def test_what_the_title_says_is_not_said_again(house: House) -> None:
    house.campaign = campaign(measure="Waits over a year")
    assert look(house, "1,200") == ["👀 Now watching: Waits over a year (1,200)"]


def test_the_message_names_the_publisher_and_opens_the_page(house: House) -> None:
    look(house, "1,200")
    look(house, "1,234")
    assert "example.org · seen 16 May 2026, 10:00 · #A" in house.team[-1]


def test_small_steps_add_up_to_one_that_is_told(house: House) -> None:
    house.campaign = campaign(minimum=50)
    look(house, "1,200")
    assert look(house, "1,230") == []
    assert look(house, "1,249") == []
    assert look(house, "1,250") == ["🔢 Waits over a year: 1,250 (was 1,200 on 15 May 2026)"]
    assert look(house, "1,210") == []
    assert len(stored(house)) == 5


def test_a_figure_by_month_is_told_when_a_month_is_new_or_corrected(house: House) -> None:
    house.campaign = campaign(period={"css": "h2"})
    look(house, "1,200", "March 2026")
    assert look(house, "1,200", "April 2026") == [
        "🔢 Waits over a year, April 2026: 1,200 (was 1,200, March 2026)"
    ]
    assert look(house, "1,210", "April 2026") == [
        "✏️ Corrected: Waits over a year, April 2026: now 1,210, was 1,200"
    ]
    assert look(house, "1,210", "April 2026") == []
    assert stored(house) == [("2026-03", 1200, 0), ("2026-04", 1200, 0), ("2026-04", 1210, 1)]


def test_a_page_that_goes_back_to_an_earlier_month_is_no_news(house: House) -> None:
    house.campaign = campaign(period={"css": "h2"})
    look(house, "1,200", "March 2026")
    look(house, "1,300", "April 2026")
    assert look(house, "1,200", "March 2026") == []
    assert look(house, "1,201", "March 2026") == [
        "✏️ Corrected: Waits over a year, March 2026: now 1,201, was 1,200"
    ]
    assert look(house, "1,300", "April 2026") == []


def test_what_is_out_of_range_or_form_is_a_trouble_and_never_stored(house: House) -> None:
    look(house, "1,200")
    assert look(house, "12,000") == []
    assert "expected a figure from 100 to 5,000, which are its range, found 12,000" in house.operator[-1]
    assert look(house, "1234") == []
    assert look(house, "1,300") == ["🔢 Waits over a year: 1,300 (was 1,200 on 15 May 2026)"]
    assert "✅" in house.operator[-1]
    assert [value for _, value, _ in stored(house)] == [1200, 1300]


def test_a_claim_that_stands_on_a_live_figure_is_held_against_each_reading(house: House) -> None:
    claim = {
        "says": "Over a thousand wait more than a year",
        "where": "leaflet",
        "figure": {"source": "page_figure:waits", "measure": "waits"},
        "holds": {"min": 1000},
    }
    house.campaign = {**campaign(), "claim": [claim]}
    look(house, "1,200")
    assert look(house, "1,100") == ["🔢 Waits over a year: 1,100 (was 1,200 on 15 May 2026)"]
    assert look(house, "990") == [
        "🔢 Waits over a year: 990 (was 1,100 on 16 May 2026)",
        "📌 A claim no longer holds",
    ]
    assert "The figure: 990, 17 May 2026" in house.team[-1]
    assert look(house, "1,001")[1:] == ["📌 A claim holds again"]


def figures(values: list[float]) -> tuple[Figure, ...]:
    measure = Measure("waits", "Waits", Unit.COUNT)
    return tuple(Figure(measure, ENGLAND, f"2026-{n:05}T", value) for n, value in enumerate(values))


@given(st.lists(st.integers(0, 100), min_size=2), st.integers(0, 30))
def test_what_is_told_is_always_a_step_from_what_was_told_before_it(values: list[int], step: int) -> None:
    readings = figures([float(value) for value in values])
    series = (readings[0].measure.id, ENGLAND.kind, ENGLAND.code)
    told: list[float] = [readings[0].value or 0]
    for place, figure in enumerate(readings[1:], start=1):
        history = {series: {one.period: one.value for one in readings[:place]}}
        for finding in readings_changed(Changes(new=(figure,)), history, step, NOW):
            assert finding.before.value == told[-1]
            assert abs((figure.value or 0) - told[-1]) >= step
            told.append(figure.value or 0)
        assert abs((figure.value or 0) - told[-1]) < step or told[-1] == figure.value
    assert last_told({one.period: one.value for one in readings}, step) is not None


def test_a_first_reading_is_no_change() -> None:
    assert list(readings_changed(Changes(new=figures([5])), {}, 0, NOW)) == []


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"patern": "(1)"}, "[[source]] 1: unknown key 'patern'; did you mean 'pattern'?"),
        ({"minimum": -1}, "[[source]] 1: minimum: expected greater than or equal to 0, found -1"),
        ({"source": "page_figur"}, "[[source]] 1: unknown source 'page_figur'; did you mean 'page_figure'?"),
        ({"source": "konp_petition"}, "[[source]] 1: 'konp_petition' is a petition; write [[petition]]"),
        (
            {"source": "talking_therapies_monthly"},
            "[[source]] 1: 'talking_therapies_monthly' is watched without an entry",
        ),
        ({"unit": "beds"}, "[[source]] 1: unit must be one of count"),
        ({"id": None}, "[[source]] 1: id: expected a number, or letters"),
        ({"goal": 5}, "[[source]] 1: unknown key 'goal'"),
    ],
)
def test_an_entry_that_cannot_be_used_stops_the_start(entry: dict[str, object], said: str) -> None:
    with pytest.raises(CampaignError) as refusal:
        parse_campaign(campaign(**entry), "campaign.toml")
    assert f"campaign.toml: {said}" in str(refusal.value)


def test_a_page_is_no_petition() -> None:
    document = {"campaign": {"name": "Test"}, "petition": [{"source": "page_figure", **ENTRY}]}
    with pytest.raises(CampaignError, match=r"'page_figure' is no petition; write \[\[source\]\]"):
        parse_campaign(document, "campaign.toml")


def test_two_watches_need_ids_of_their_own() -> None:
    document = {**campaign(), "source": [ENTRY, ENTRY]}
    with pytest.raises(CampaignError, match="is a second 'page_figure:waits'"):
        parse_campaign(document, "campaign.toml")
