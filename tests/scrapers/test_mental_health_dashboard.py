"""The mental health dashboard: a page that names its newest quarter, and a workbook in one shape."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from scrapers.mental_health_dashboard import PAGE, SHEET, MentalHealthDashboard
from scrapers.toolkit.contract import Figure, Release
from tests.bot.house import House, open_house, sqlite
from tests.fakes.sites import Sites
from tests.scrapers.asking import asking, looked
from tests.scrapers.workbooks import XLSX, Row, sheets_of

SOURCE = MentalHealthDashboard({})
UPLOADS = "https://www.england.nhs.uk/wp-content/uploads/"
FILE = f"{UPLOADS}2023/10/NHS-mental-health-dashboard-Q1-2023-24.xlsx"
HEAD: Row = ("Metric", "Unit", "Basis", "2021/22", "2023/24", "2023/24 Q1")
PLAN: Row = ("Talking Therapies spend", "£m", "Plan", None, 900, None)
SPENT: Row = ("Talking Therapies spend", "£m", "Actual", 776, None, None)
ACCESS: Row = ("Talking Therapies access", "Number", "Actual", None, None, 307_252)
OTHER: Row = ("Perinatal access", "Number", "Actual", None, None, 51_000)
NEWEST = "the latest data available up to and including {} financial year."


def page(said: str, files: Mapping[str, str]) -> str:
    links = "".join(f'<a href="{url}">{text}</a>' for url, text in files.items())
    return f"<html><body><h1>NHS mental health dashboard</h1><p>{said}</p>{links}</body></html>"


def book(*rows: Row, head: Row = HEAD) -> bytes:
    return sheets_of({"Cover": [("Dashboard",)], SHEET: [("England",), (), head, *rows]})


def publish(sites: Sites, said: str, file: str = FILE, body: bytes | None = None) -> None:
    sites.put(PAGE, page(said, {file: "Dashboard"}))
    sites.put(file, body or book(PLAN, SPENT, ACCESS, OTHER), XLSX)


@pytest.fixture
def sites() -> Iterator[Sites]:
    """Give the site with the dashboard of quarter 1 of 2023/24."""
    with Sites() as sites:
        publish(sites, NEWEST.format("Quarter 1 of the 2023/24"))
        yield sites


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Give a house that watches this source alone."""
    with open_house(sqlite(tmp_path)) as house:
        house.campaign = {"campaign": {"name": "Test", "sources": [SOURCE.name]}}
        yield house


def listed(sites: Sites) -> Sequence[Release]:
    return asking(SOURCE, sites, SOURCE.listed)


def refusal(sites: Sites) -> str:
    return str(looked(SOURCE, sites).refusal)


def test_spend_is_by_year_and_access_by_quarter_of_the_calendar(sites: Sites) -> None:
    found = looked(SOURCE, sites)
    assert [(f.measure.id, f.period, f.value) for f in found.figures if isinstance(f, Figure)] == [
        ("talking_therapies_spend_plan", "2023-24", 900),
        ("talking_therapies_spend_actual", "2021-22", 776),
        ("talking_therapies_access", "2023-Q2", 307_252),
    ]


@pytest.mark.parametrize(
    ("said", "name", "period"),
    [
        ("Quarter 1 of the 2023/24", "2023/10/NHS-mental-health-dashboard-Q1-2023-24.xlsx", "2023-Q2"),
        ("quarter four of the 2019/20", "2020/07/MH-dashboard-Q4-1920-FINAL.xlsx", "2020-Q1"),
        ("quarter 2 of the 2024/25", "2025/02/dashboard_Q2_2425.xlsx", "2024-Q3"),
        ("quarter 3 of the 2023/24", "2024/04/MHD%20Q3%202023-24.xlsx", "2023-Q4"),
    ],
)
def test_each_wording_of_the_page_names_its_quarter(sites: Sites, said: str, name: str, period: str) -> None:
    publish(sites, NEWEST.format(said), UPLOADS + name)
    (release,) = listed(sites)
    assert (release.key, release.period, release.file) == (period, period, UPLOADS + name)
    assert release.published is not None
    assert f"{release.published:%Y/%m/%d}" == f"{name[:7]}/01"


def test_the_workbook_of_the_newest_quarter_is_taken(sites: Sites) -> None:
    older = f"{UPLOADS}2023/07/NHS-mental-health-dashboard-Q4-2022-23.xlsx"
    said = NEWEST.format("Quarter 1 of the 2023/24")
    sites.put(PAGE, page(said, {older: "Q4 2022/23", FILE: "Q1 2023/24", f"{UPLOADS}x.pdf": "Guide"}))
    assert [release.file for release in listed(sites)] == [FILE]


def test_a_retired_dashboard_leaves_its_announced_successor(sites: Sites) -> None:
    said = (
        "The dashboard has now been retired and the final version, for quarter 1 2025/26, was published in "
        "November 2025. From September 2026 (quarter 1 2026/27 reporting), we will publish a new one."
    )
    sites.put(PAGE, page(said, {}))
    (release,) = listed(sites)
    assert (release.expected, release.published) == ("2026-09", None)
    assert looked(SOURCE, sites).refusal is None


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("See the new overview dashboard.", "expected the newest quarter once, found 0"),
        ("The dashboard has been retired.", "expected that the dashboard is retired once, found 0"),
        (
            NEWEST.format("Quarter 2 of the 2023/24"),
            "expected one workbook for July to September 2023, found 0",
        ),
        (
            NEWEST.format("Quarter 1 of the 2023/25"),
            "expected a financial year such as 2023/24, found 2023/25",
        ),
    ],
)
def test_a_page_that_is_not_as_it_was_is_refused(sites: Sites, said: str, expected: str) -> None:
    publish(sites, said)
    assert expected in refusal(sites)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (book(PLAN, SPENT), "expected 3 rows on Talking Therapies, found"),
        (book(PLAN, SPENT, ACCESS, SPENT), "expected 3 rows on Talking Therapies, found"),
        (book(PLAN, SPENT, ("IAPT access", *ACCESS[1:])), "expected 3 rows on Talking Therapies"),
        (book(PLAN, (SPENT[0], "£000s", *SPENT[2:]), ACCESS), "expected 3 rows on Talking Therapies"),
        (book(PLAN, (*SPENT[:3], 776_000_000, None, None), ACCESS), "expected a number in million pounds"),
        (book(PLAN, SPENT, (*ACCESS[:5], "n/a")), "expected a number in count for talking_therapies_access"),
        (book(PLAN, SPENT, ACCESS, head=(*HEAD[:5], "Q1")), "a year or quarter such as 2023/24"),
        (book(PLAN, SPENT, ACCESS, head=(*HEAD[:5], "2022/23 Q1")), "expected a column for 2023-Q2"),
        (
            book(PLAN, SPENT, ACCESS, head=("Measure", *HEAD[1:])),
            "one row of National that begins with 'Metric'",
        ),
        (sheets_of({"Data": [HEAD, PLAN]}), "expected one sheet 'National', found 0 among 'Data'"),
    ],
)
def test_another_shape_of_the_workbook_is_refused(sites: Sites, body: bytes, expected: str) -> None:
    sites.put(FILE, body, XLSX)
    assert expected in refusal(sites)


def test_a_round_without_news_costs_one_request(house: House) -> None:
    publish(house.sites, NEWEST.format("Quarter 1 of the 2023/24"))

    async def story() -> int:
        async with house.desk() as desk:
            await desk.checker.round(desk.campaign.sources)
            before = len(house.sites.requests)
            await desk.checker.round(desk.campaign.sources)
            return len(house.sites.requests) - before

    assert asyncio.run(story()) == 1


def test_an_unknown_shape_is_told_the_operator_once_and_the_team_never(house: House) -> None:
    publish(house.sites, NEWEST.format("Quarter 1 of the 2023/24"), body=sheets_of({"Data": [HEAD, PLAN]}))

    async def story() -> None:
        await house.check()
        await house.check()

    asyncio.run(story())
    assert house.team == []
    assert len(house.operator) == 1
    assert "expected one sheet 'National'" in house.operator[0]
