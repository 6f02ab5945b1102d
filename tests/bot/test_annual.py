"""The annual reports, all the way: a first look, thirteen years of past, a new report, and a correction."""

from __future__ import annotations

import asyncio
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.__main__ import main
from bot.look import LISTED, Look
from scrapers.talking_therapies_annual import OLD_SERIES, SERIES
from tests.bot.house import House, open_house, sqlite
from tests.fakes import annual, nhs
from tests.fakes.sites import read_file

ANNUAL = "talking_therapies_annual"
CAPTURES = Path(__file__).parents[1] / "captures" / ANNUAL
NEWEST = "2025-10-30"
FINISHED_SHARE = {
    "2012-13": 16.3,
    "2013-14": 32.6,
    "2014-15": 37.0,
    "2015-16": 38.4,
    "2016-17": 40.9,
    "2017-18": 38.5,
    "2019-20": 35.8,
    "2020-21": 43.6,
    "2021-22": 36.6,
    "2022-23": 38.2,
    "2023-24": 36.7,
    "2024-25": 37.0,
}


@dataclass(frozen=True, slots=True)
class Report(nhs.Issue):
    """An annual report as the site lists it."""

    key: str = ""

    @property
    def slug(self) -> str:
        """Return the last part of its address."""
        return self.key

    @property
    def title(self) -> str:
        """Return its title."""
        return f"NHS Talking Therapies, Annual reports, {self.period}"


@dataclass(slots=True)
class Publisher:
    """The site with every annual report of the captures, each listed by the series that it belongs to."""

    house: House

    def serve(self, *but: str) -> None:
        """Serve all reports but those of these years."""
        reports = [report for report in map(self._report, self._captures()) if report.period not in but]
        for series in (SERIES, OLD_SERIES):
            listed = [report for report in reports if report.series == series]
            self.house.sites.put(series, nhs.series_page(listed))

    def _captures(self) -> list[Path]:
        return sorted(folder for folder in CAPTURES.iterdir() if not folder.name.endswith("-renamed"))

    def _report(self, capture: Path) -> Report:
        for path in capture.rglob("*"):
            place = path.relative_to(capture)
            if path.is_file() and len(place.parts) > 1 and not str(place).endswith("reports/index.html"):
                content = read_file(path)
                url = f"https://{str(place).removesuffix('/index.html')}"
                self.house.sites.put(url, content.body, content_type=content.content_type)
        line = next(
            line for line in (capture / "figures.txt").read_text().splitlines() if "\tout " in line
        ).split("\t")
        out = date.fromisoformat(capture.name)
        return Report(line[2], out, key=line[1], series=SERIES if line[1][:2] == "20" else OLD_SERIES)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Give a house that watches the annual reports alone."""
    with open_house(sqlite(tmp_path)) as house:
        house.campaign = {"campaign": {"name": "Test", "sources": [ANNUAL]}}
        house.now = datetime(2025, 10, 30, 9, 31, tzinfo=UTC)
        yield house


async def look(house: House, what: Look) -> None:
    async with house.desk() as desk:
        (result,) = await desk.checker.round(desk.campaign.sources, what)
        assert result.error is None
        assert desk.take_lease()
        await desk.sender.drain()
        desk.drop_lease()


def figures(house: House, measure: str) -> dict[str, float]:
    """Return what the command line lists of England's figures of a measure, by period."""
    environment = {"DATABASE_URL": house.database_url, "CAMPAIGN_FILE": "campaign.toml"}
    arguments = ["figures", "--measure", measure, "--area", "England", "--json"]
    ran = CliRunner().invoke(main, arguments, env=environment)
    assert ran.exit_code == 0, ran.output
    return {row["period"]: row["value"] for row in json.loads(ran.stdout)}


def test_thirteen_years_are_read_without_a_word_but_for_the_one_that_is_a_rar(house: House) -> None:
    Publisher(house).serve()
    assert [result.error for result in asyncio.run(house.check())] == [None]
    past = asyncio.run(house.backfill(ANNUAL))
    assert past.read == 11
    assert dict(past.refused).keys() == {"annual-report-2018-19"}
    assert "a RAR archive, which is not read here" in past.refused["annual-report-2018-19"]
    assert figures(house, "finished_share") == FINISHED_SHARE
    assert figures(house, "recovery_of_referrals")["2023-24"] == 17.4
    assert figures(house, "Count_ReferralsReceived")["2012-13"] == 883_968
    assert len(house.team) == 1
    assert not [text for text in house.operator if "cannot be" in text]


def test_a_new_report_is_told_with_the_shares_that_the_campaign_quotes(house: House) -> None:
    publisher = Publisher(house)
    publisher.serve("2024-25")
    asyncio.run(house.check())
    publisher.serve()
    asyncio.run(house.check())
    (_, said) = house.team
    for line in (
        "1,813,432",
        "670,419",
        "37.0%",
        "50.5%",
        "17.7%",
        "67.5%",
        "a year's figures are not the sum of its months",
    ):
        assert line in said
    assert "36.7%" in said  # of the year before


def test_a_report_that_was_replaced_is_told_once_the_schedule_visits_its_page(house: House) -> None:
    publisher = Publisher(house)
    publisher.serve()
    asyncio.run(house.check())
    folder = CAPTURES / NEWEST
    (page,) = (path for path in folder.rglob("2024-25/index.html"))
    (file,) = (path for path in folder.rglob("psych*.zip"))
    text = page.read_text().replace("30 October 2025 9:30 am", "6 November 2025 9:30 am")
    house.sites.put(f"{SERIES}/2024-25", text)
    body = one_more_referral(file)
    house.sites.put(f"https://{file.relative_to(folder)}", body, content_type="application/zip")
    house.later(days=7)
    asyncio.run(look(house, LISTED))
    assert len(house.team) == 1
    asyncio.run(look(house, Look("visit", ("2024-25",))))
    assert len(house.team) == 2
    assert "now 1,813,433, was 1,813,432" in house.team[1]


def test_an_unchanged_round_costs_one_request_and_no_file(house: House) -> None:
    Publisher(house).serve()
    asyncio.run(house.check())
    before = len(house.sites.requests)
    house.later(hours=4)
    asyncio.run(house.check())
    assert [request.url for request in house.sites.requests[before:]] == [house.sites.asked(SERIES)[-1].url]


def one_more_referral(file: Path) -> bytes:
    """Return the captured zip of 2024-25 with another count of England's referrals."""
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name).decode() for name in archive.namelist()}
    table = annual.MAIN["2024-25"]
    assert members[table].count("1813432") == 1
    return annual.zipped({**members, table: members[table].replace("1813432", "1813433")})
