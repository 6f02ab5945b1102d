"""Economic inactivity: series of the ONS that are stated anew with each release."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.alerts import Destinations
from bot.campaign import parse_campaign
from bot.commands.answering import Answers, Asked
from bot.rules.account import Aim
from bot.wording.charts import alt_text
from bot.wording.markup import to_plain
from bot.wording.pictures import control_chart
from scrapers.inactivity_long_term_sick import MEASURES, TOPIC, InactivityLongTermSick, three_months
from scrapers.toolkit.capture import Look
from scrapers.toolkit.contract import Figure, Release, Unit, Web
from state.records import Destination
from tests.bot.house import House, open_house, sqlite
from tests.fakes.sites import Sites
from tests.scrapers.asking import CAPTURES, asking, looked

SOURCE = InactivityLongTermSick({})
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
AUGUST = {
    "LF69": {"2025 JUL": "2819", "2025 AUG": "2826"},
    "LF2M": {"2025 JUL": "9086", "2025 AUG": "9080"},
    "LF2S": {"2025 JUL": "21.0", "2025 AUG": "21.0"},
}
SEPTEMBER = {
    "LF69": {"2025 JUN": "2800", "2025 JUL": "2818", "2025 AUG": "2825", "2025 SEP": "2814"},
    "LF2M": {"2025 JUN": "9090", "2025 JUL": "9085", "2025 AUG": "9080", "2025 SEP": "9075"},
    "LF2S": {"2025 JUN": "21.2", "2025 JUL": "21.0", "2025 AUG": "21.0", "2025 SEP": "20.9"},
}
NEWEST = {cdid: months["2025 SEP"] for cdid, months in SEPTEMBER.items()}
JSON = "application/json; charset=utf-8"


def address(cdid: str) -> str:
    return f"{TOPIC}{cdid.lower()}/lms/data"


def label(month: str) -> str:
    """Return the three months of which `2025 JUL` is the middle one, with the year of the first."""
    year, name = month.split()
    place = MONTHS.index(name)
    return f"{int(year) - (place == 0)} {MONTHS[place - 1]}-{MONTHS[(place + 1) % 12]}"


def document(cdid: str, months: Mapping[str, str], /, **about: object) -> dict[str, Any]:
    """Return a series as the site serves it, in short."""
    rows = [
        {"date": date, "value": value, "label": label(date), "sourceDataset": "LMS"}
        for date, value in months.items()
    ]
    newest = {"date": rows[-1]["label"], "number": rows[-1]["value"]} if rows else {}
    described = {
        "cdid": cdid,
        "releaseDate": "2025-11-11T00:00:00.000Z",
        "nextRelease": "16 December 2025",
        **newest,
        **about,
    }
    return {"years": [], "quarters": [], "months": rows, "description": described}


def publish(sites: Sites, series: Mapping[str, Mapping[str, str]], **about: object) -> None:
    """Let the site serve these series."""
    for cdid, months in series.items():
        sites.put(address(cdid), json.dumps(document(cdid, months, **about)), JSON)


def publish_september(sites: Sites) -> None:
    """Let the release of 16 December come out, which states two figures anew."""
    publish(sites, SEPTEMBER, releaseDate="2025-12-16T00:00:00.000Z", nextRelease="20 January 2026")


@pytest.fixture
def sites() -> Iterator[Sites]:
    """Give the site as it was on 11 November 2025."""
    with Sites() as sites:
        publish(sites, AUGUST)
        yield sites


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Give a house that watches this source alone, on the day of the release."""
    with open_house(sqlite(tmp_path)) as house:
        house.campaign = {"campaign": {"name": "Test", "sources": [SOURCE.name]}}
        house.now = datetime(2025, 11, 11, 7, 0, 41, tzinfo=UTC)
        publish(house.sites, AUGUST)
        yield house


def releases(found: Look) -> dict[str, Release]:
    return {release.key: release for release in found.releases}


def test_the_newest_month_is_the_release_and_the_next_one_is_announced(sites: Sites) -> None:
    found = releases(looked(SOURCE, sites))
    assert found["2025-08"].title == "Out of work because of long-term sickness, July to September 2025"
    assert found["2025-08"].published == datetime(2025, 11, 11, 7, tzinfo=UTC)
    assert found["2025-09"].expected == "2025-12-16"
    assert found["2025-09"].published is None


def test_all_months_of_all_series_are_read(sites: Sites) -> None:
    figures = looked(SOURCE, sites).figures
    assert [(f.measure.id, f.period, f.value) for f in figures if isinstance(f, Figure)] == [
        *[("LF69", "2025-07", 2819), ("LF69", "2025-08", 2826)],
        *[("LF2M", "2025-07", 9086), ("LF2M", "2025-08", 9080)],
        *[("LF2S", "2025-07", 21.0), ("LF2S", "2025-08", 21.0)],
    ]


def test_both_forms_of_a_series_say_the_same() -> None:
    one, other = (
        (CAPTURES / SOURCE.name / day / "figures.txt").read_text() for day in ("2025-11-11", "2025-11-11-csv")
    )
    assert one == other


def test_a_day_of_summer_begins_an_hour_earlier_in_utc(sites: Sites) -> None:
    publish(sites, AUGUST, releaseDate="2025-10-13T23:00:00.000Z")
    assert releases(looked(SOURCE, sites))["2025-08"].published == datetime(2025, 10, 14, 6, tzinfo=UTC)


def test_a_next_release_without_a_date_is_not_announced(sites: Sites) -> None:
    publish(sites, AUGUST, nextRelease="To be announced")
    assert list(releases(looked(SOURCE, sites))) == ["2025-08"]


def test_the_three_months_of_winter_name_both_years() -> None:
    assert three_months("2025-08") == "July to September 2025"
    assert three_months("2024-12") == "November 2024 to January 2025"
    assert three_months("2025-01") == "December 2024 to February 2025"


@given(st.integers(1971, 2100), st.integers(1, 12))
def test_any_three_months_end_in_the_year_of_the_last(year: int, month: int) -> None:
    last = year + (month == 12)
    assert three_months(f"{year}-{month:02}").endswith(f" {last}")


def test_a_look_that_finds_nothing_new_costs_one_request(sites: Sites) -> None:
    async def twice(web: Web) -> None:
        await SOURCE.listed(web)
        await SOURCE.listed(web)

    asking(SOURCE, sites, twice)
    assert [(request.url, request.status) for request in sites.requests] == [
        (address("LF69"), status) for status in (200, 304)
    ]


def test_an_announced_release_is_asked_for_and_a_past_one_is_not(sites: Sites) -> None:
    announced, out = releases(looked(SOURCE, sites)).values()
    asked = len(sites.requests)
    assert asking(SOURCE, sites, lambda web: SOURCE.visit([out], web)) == [out]
    assert len(sites.requests) == asked
    publish_september(sites)
    (came,) = asking(SOURCE, sites, lambda web: SOURCE.visit([announced], web))
    assert came.published == datetime(2025, 12, 16, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("months", "about", "said"),
    [
        ({"2025 AUG": "2826000"}, {}, "expected a level in thousands in LF69, found '2826000'"),
        ({"2025 AUG": "2826.4"}, {}, "expected a level in thousands in LF69, found '2826.4'"),
        ({"2025 AUG": ""}, {}, "expected a level in thousands in LF69, found ''"),
        ({"2025 AUG": "2826", "2025 JUL": "2819"}, {}, "expected each month once, in their order"),
        ({}, {}, "expected months, found none"),
        (AUGUST["LF69"], {"cdid": "LF6B"}, "expected the series LF69, found 'LF6B'"),
        (AUGUST["LF69"], {"number": "2900"}, "expected 2826 as the newest number, found '2900'"),
        (AUGUST["LF69"], {"date": "2025 Q3"}, "expected 2025 JUL-SEP as the newest date, found '2025 Q3'"),
        (AUGUST["LF69"], {"releaseDate": "11 November 2025"}, "expected a time such as 2025-11-11T00"),
        (AUGUST["LF69"], {"nextRelease": "soon"}, "expected a day such as 12 June 2025, found 'soon'"),
        (AUGUST["LF69"], {"nextRelease": "4 November 2025"}, "expected a next release after 2025-11-11"),
    ],
)
def test_a_series_that_is_not_as_it_was_is_refused(
    sites: Sites, months: Mapping[str, str], about: Mapping[str, object], said: str
) -> None:
    sites.put(address("LF69"), json.dumps(document("LF69", months, **about)), JSON)
    assert said in str(looked(SOURCE, sites).refusal)


def test_a_month_that_is_not_the_middle_of_its_three_is_refused(sites: Sites) -> None:
    shifted = document("LF69", AUGUST["LF69"])
    shifted["months"][-1]["label"] = "2025 JUN-AUG"
    sites.put(address("LF69"), json.dumps(shifted), JSON)
    assert "expected 2025 JUL-SEP for 2025 AUG, found '2025 JUN-AUG'" in str(looked(SOURCE, sites).refusal)


def test_series_of_two_releases_are_not_mixed(sites: Sites) -> None:
    one = {"LF2M": SEPTEMBER["LF2M"]}
    publish(sites, one, releaseDate="2025-12-16T00:00:00.000Z", nextRelease="20 January 2026")
    said = "expected LF2M up to 2025-08, released on 2025-11-11, found up to 2025-09, on 2025-12-16"
    assert said in str(looked(SOURCE, sites).refusal)


def test_a_new_month_is_one_message_however_many_figures_it_states_anew(house: House) -> None:
    async def story() -> None:
        await house.check()
        await house.check()
        publish_september(house.sites)
        house.now = datetime(2025, 12, 16, 7, 0, 41, tzinfo=UTC)
        await house.check()

    asyncio.run(story())
    assert len(house.team) == 2
    text = house.team[1]
    assert "United Kingdom: September 2025" in text
    assert "In brackets: 3 months before\n" in text
    assert "Long-term sick 2,814 thousand (2,800 thousand)" in text
    assert "Inactivity rate 20.9% (21.2%" in text
    assert "sickness of any kind" in text
    assert "3 figures of earlier periods changed with it" in text
    assert house.operator == []


def test_a_source_of_no_organisations_says_nothing_of_them(house: House) -> None:
    months = ["2024 " + month for month in MONTHS] + ["2025 JAN", "2025 FEB", "2025 MAR"]
    years = {cdid: dict.fromkeys(months, newest) for cdid, newest in NEWEST.items()}

    async def story() -> None:
        publish(house.sites, {cdid: dict(list(year.items())[:-1]) for cdid, year in years.items()})
        await house.check()
        publish(house.sites, years, releaseDate="2025-12-16T00:00:00.000Z", nextRelease="20 January 2026")
        house.now = datetime(2025, 12, 16, 7, 0, 41, tzinfo=UTC)
        await house.check()

    asyncio.run(story())
    assert "Long-term sick" in house.team[1]
    assert "series checked" not in house.team[1]
    campaign, where = parse_campaign(house.campaign, "campaign.toml"), Destinations((), Destination("log"))
    with house.store() as store:
        answer = Answers(store, campaign, where).figure(Asked("long-term sick", "log", house.now))
    said = to_plain(answer.message)
    assert "\n3 months before: 2,814 thousand. Same month last year: 2,814 thousand.\n" in said
    assert "\nNeighbouring months overlap, so that it is not said what is usual.\n" in said


def test_a_chart_has_no_limits_where_neighbouring_months_overlap() -> None:
    values = {f"{year}-{month:02}": 2_800.0 + month for year in (2023, 2024) for month in range(1, 13)}
    said = alt_text(control_chart("Long-term sick", Unit.THOUSANDS, values, SOURCE, Aim("down")))
    assert said == ("Chart of Long-term sick, January 2023 to December 2024. Last value 2,812 thousand.")


def test_a_round_without_news_costs_one_request(house: House) -> None:
    async def story() -> int:
        async with house.desk() as desk:
            await desk.checker.round(desk.campaign.sources)
            before = len(house.sites.requests)
            await desk.checker.round(desk.campaign.sources)
            return len(house.sites.requests) - before

    assert asyncio.run(story()) == 1


def test_every_measure_says_what_it_is() -> None:
    assert all(measure.definition or measure.denominator for measure in MEASURES.values())
