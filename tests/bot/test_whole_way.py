"""From a web page to a message: what the chats show after each change of the sites."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from bot.check import Result
from bot.worker import Budget, Watch
from scrapers.parliament_petition import ParliamentPetition
from scrapers.toolkit.contract import Fact, Fetched, Figure
from tests.bot.house import House, open_house, sqlite
from tests.fakes.bot_api import rate_limited
from tests.fakes.nhs import Issue, Nhs, england, month_file, release_page

MONTHLY = "talking_therapies_monthly"
PROVIDERS = {"RAB": {"M001": 1230, "M076": 415, "M192": 48, "M344": "*"}, "RXX": {"M001": 95, "M076": "*"}}


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    """Give a house on each kind of database."""
    with open_house(database_url) as house:
        yield house


@pytest.fixture
def nhs(house: House) -> Nhs:
    """Give the publisher with February and March 2026 out and April announced."""
    nhs = Nhs(house.sites)
    nhs.issues["2026-02"] = issue("2026-02", date(2026, 4, 9), england(151_810))
    nhs.issues["2026-03"] = issue("2026-03", date(2026, 5, 14), england(163_100))
    nhs.publish(Issue("2026-04", expected="11 Jun 2026"))
    return nhs


def issue(period: str, published: date, figures: dict[str, float]) -> Issue:
    """Return a release that is out, with England and two providers."""
    return Issue(
        period, published, body=month_file(period, figures, PROVIDERS).encode(), edited="14 May 2026 9:30 am"
    )


async def published_april(house: House, nhs: Nhs, figures: dict[str, float]) -> None:
    """Let April come out on its day, some seconds ago."""
    house.now = datetime(2026, 6, 11, 8, 30, 41, tzinfo=UTC)
    nhs.publish(issue("2026-04", date(2026, 6, 11), figures))
    await house.check()


def test_a_first_look_posts_one_line_for_the_round(house: House, nhs: Nhs) -> None:
    results = asyncio.run(house.check())
    assert [r.error for r in results] == [None]
    assert len(house.team) == 1
    assert house.team[0].startswith("👀 Now watching: NHS Talking Therapies, monthly (newest: March 2026)")


def test_sources_met_one_after_another_at_a_first_start_are_introduced_in_one_line(
    house: House, nhs: Nhs
) -> None:
    house.campaign = {**house.campaign, "petition": [PARLIAMENT]}
    count_now(house, 628)

    async def story() -> None:
        async with house.desk() as desk:
            budget = Budget(desk.clock)
            watches = [Watch.begin(desk, source, budget) for source in desk.campaign.sources]
            for watch in watches:
                await watch.turn()
            assert desk.take_lease()
            await desk.sender.drain()

    asyncio.run(story())
    assert len(house.team) == 1
    assert "628 signatures" in house.team[0]
    assert "newest: March 2026" in house.team[0]


def test_the_same_pages_again_give_no_message(house: House, nhs: Nhs) -> None:
    asyncio.run(house.check())
    asyncio.run(house.check())
    assert len(house.team) == 1
    assert house.operator == []


def test_a_new_month_gives_one_message_with_the_month_before_and_the_same_month_last_year(
    house: House, nhs: Nhs
) -> None:
    nhs.publish(issue("2025-04", date(2025, 6, 12), england(133_908, once=39_000)))

    async def story() -> None:
        await house.check()
        await house.backfill(MONTHLY)
        await published_april(house, nhs, england(140_001))
        await house.check()

    asyncio.run(story())
    assert len(house.team) == 2
    text = house.team[1]
    assert "April 2026" in text.splitlines()[0]
    assert "Referrals received 140,001 (163,100 · 133,908)" in text
    assert "Treated once only 40.8% (40.8% · 40.4%) of those treated and ended" in text
    assert "NHS England · published 11 June 2026 · seen 09:30:41 · #A" in text


def test_a_backfill_posts_nothing_and_teaches_what_is_normal(house: House, nhs: Nhs) -> None:
    async def story() -> None:
        past = await house.backfill(MONTHLY)
        assert past.read == 2
        assert house.team == []
        await published_april(house, nhs, england(140_001))

    asyncio.run(story())
    assert len(house.team) == 1
    assert house.team[0].startswith("📊")


def test_a_stopped_backfill_goes_on_where_it_was(house: House, nhs: Nhs) -> None:
    asyncio.run(house.backfill(MONTHLY, "2026-03"))
    asked = len(house.sites.requests)
    assert asyncio.run(house.backfill(MONTHLY)).read == 1
    assert not any("mar_2026" in request.url for request in house.sites.requests[asked:])


def test_a_replaced_file_with_one_changed_figure_gives_one_message_with_old_and_new(
    house: House, nhs: Nhs
) -> None:
    async def story() -> None:
        await house.check()
        figures = england(163_100)
        nhs.change(
            "2026-03",
            body=month_file("2026-03", {**figures, "M001": 163_109}, PROVIDERS).encode(),
            file="https://files.digital.nhs.uk/AB/99EE00/nhstalkingtherapies_month_mar_2026_activity_performance.csv",
            notice="Referrals of one provider were added.",
            noticed="16 May 2026 09:30 AM",
        )
        house.later(days=3)
        await house.check()
        await house.check()

    asyncio.run(story())
    assert len(house.team) == 2
    assert "Referrals received (M001), England: now 163,109, was 163,100" in house.team[1]
    assert "Referrals of one provider were added." in house.team[1]


def test_a_page_edited_without_a_changed_figure_gives_no_message(house: House, nhs: Nhs) -> None:
    async def story() -> None:
        await house.check()
        nhs.change("2026-03", edited="20 May 2026 2:51 pm")
        await house.check()

    asyncio.run(story())
    assert len(house.team) == 1


def test_a_figure_that_was_withheld_and_appears_is_told_as_such(house: House, nhs: Nhs) -> None:
    async def story() -> None:
        await house.check()
        shown = {"RAB": {**PROVIDERS["RAB"], "M344": 45}, "RXX": {**PROVIDERS["RXX"], "M001": "*"}}
        nhs.change(
            "2026-03",
            body=month_file("2026-03", england(163_100), shown).encode(),
            edited="21 May 2026 9:30 am",
        )
        await house.check()

    asyncio.run(story())
    assert "RAB NHS TRUST, THE: now 45, was withheld" in house.team[1]
    assert "RXX NHS TRUST, THE: now withheld, was 95" in house.team[1]


def test_an_upcoming_page_gives_no_message(house: House, nhs: Nhs) -> None:
    async def story() -> None:
        await house.check()
        nhs.publish(Issue("2026-05", expected="Jul 2026"))
        await house.check()

    asyncio.run(story())
    assert len(house.team) == 1


def test_a_date_that_moves_is_told_once_and_a_day_named_within_its_month_is_no_move(
    house: House, nhs: Nhs
) -> None:
    async def story() -> None:
        nhs.publish(Issue("2026-05", expected="Jul 2026"))
        await house.check()
        nhs.change("2026-05", expected="9 Jul 2026")
        await house.check()
        assert len(house.team) == 1
        nhs.change("2026-05", expected="16 Jul 2026")
        await house.check()
        await house.check()

    asyncio.run(story())
    assert len(house.team) == 2
    assert house.team[1].startswith("📅 New release date: 16 July 2026")
    assert "announced for 9 July 2026" in house.team[1]


def test_an_announced_date_that_passes_is_told_once_an_hour_after_its_time(house: House, nhs: Nhs) -> None:
    async def story() -> None:
        await house.check()
        house.now = datetime(2026, 6, 11, 9, 29, tzinfo=UTC)
        await house.check()
        assert len(house.team) == 1
        house.now = datetime(2026, 6, 11, 9, 30, tzinfo=UTC)
        await house.check()
        await house.check()

    asyncio.run(story())
    assert len(house.team) == 2
    assert "due on 11 June 2026 at 09:30" in house.team[1]


def test_a_release_that_came_under_another_address_is_not_missed(house: House, nhs: Nhs) -> None:
    async def story() -> None:
        await house.check()
        house.now = datetime(2026, 6, 11, 9, 31, tzinfo=UTC)
        nhs.publish(replace(issue("2026-04", date(2026, 6, 11), england(140_001)), suffix="-1"))
        await house.check()

    asyncio.run(story())
    assert [text[:1] for text in house.team] == ["👀", "📊"]


def test_a_measure_never_seen_before_is_kept_and_told_to_the_operator(house: House, nhs: Nhs) -> None:
    async def story() -> None:
        await house.check()
        await published_april(house, nhs, {**england(), "M368": 12})

    asyncio.run(story())
    assert len(house.operator) == 1
    assert "M368" in house.operator[0]
    with house.store() as store, store.reading() as tx:
        assert [f.value for f in tx.figures(MONTHLY, "M368")] == [12]


def test_a_refused_file_leaves_what_was_known_and_is_told_once_and_its_mending_once(
    house: House, nhs: Nhs
) -> None:
    async def story() -> None:
        await house.check()
        broken = {**england(), "M192": 0.5}
        await published_april(house, nhs, broken)
        await house.check()
        assert len(house.operator) == 1
        assert "M192" in house.operator[0]
        with house.store() as store, store.reading() as tx:
            assert {f.period for f in tx.figures(MONTHLY)} == {"2026-03"}
        house.later(minutes=30)
        nhs.change("2026-04", body=month_file("2026-04", england(140_001)).encode())
        await house.check()
        await house.check()

    asyncio.run(story())
    assert len(house.operator) == 2
    assert house.operator[1].startswith("✅")
    assert len(house.team) == 2
    assert "April 2026" in house.team[1]


def gone(house: House, url: str) -> None:
    """Let a page be gone."""
    house.sites.fail(url, 404)


def test_one_lost_page_does_not_hide_the_newest_release(house: House, nhs: Nhs) -> None:
    async def story() -> None:
        gone(house, nhs.issues["2026-02"].url)
        await house.check()
        await published_april(house, nhs, england(140_001))
        await house.check()

    asyncio.run(story())
    assert [text[:1] for text in house.team] == ["👀", "📊"]
    assert len(house.operator) == 1
    assert "404" in house.operator[0]


def test_a_second_broken_release_is_told_beside_the_first(house: House, nhs: Nhs) -> None:
    async def story() -> None:
        await house.check()
        gone(house, nhs.issues["2026-02"].url)
        await house.check()
        await published_april(house, nhs, {**england(), "M192": 0.5})
        await house.check()

    asyncio.run(story())
    assert len(house.operator) == 2
    assert "404" in house.operator[0]
    assert "404" not in house.operator[1]
    assert "M192" in house.operator[1]


def test_a_page_that_its_list_does_not_name_any_more_is_no_lasting_trouble(house: House, nhs: Nhs) -> None:
    async def story() -> None:
        await house.check()
        lost = nhs.issues.pop("2026-02")
        gone(house, lost.url)
        await house.check()
        nhs.serve()
        gone(house, lost.url)
        results = await house.check()
        assert results[0].error is None

    asyncio.run(story())
    assert [text[:1] for text in house.operator] in (["⚠", "✅"], [])


def test_a_release_that_is_mended_after_a_newer_one_was_read_is_still_told(house: House, nhs: Nhs) -> None:
    async def story() -> None:
        await house.check()
        await published_april(house, nhs, {**england(), "M192": 0.5})
        house.later(days=28)
        nhs.publish(issue("2026-05", date(2026, 7, 9), england(150_500)))
        await house.check()
        assert [text[:1] for text in house.operator] == ["⚠"]
        house.later(days=1)
        body = month_file("2026-04", england(140_001), PROVIDERS).encode()
        nhs.change("2026-04", body=body, edited="10 July 2026 2:00 pm")
        await house.check()

    asyncio.run(story())
    assert [text.splitlines()[0].rpartition(": ")[2] for text in house.team[1:]] == ["May 2026", "April 2026"]
    assert [text[:1] for text in house.operator] == ["⚠", "✅"]


def test_the_same_month_under_another_address_is_no_new_release(house: House, nhs: Nhs) -> None:
    async def story() -> None:
        await house.check()
        again = replace(nhs.issues["2026-03"], suffix="-1")
        nhs.publish(again)
        await house.check()
        assert len(house.team) == 1
        body = month_file("2026-03", {**england(), "M001": 163_111}, PROVIDERS).encode()
        nhs.change("2026-03", body=body, edited="18 May 2026 2:00 pm")
        await house.check()

    asyncio.run(story())
    assert len(house.team) == 2
    assert "now 163,111, was 163,100" in house.team[1]


def test_a_release_page_that_names_no_period_is_told_by_the_month_of_its_figures(
    house: House, nhs: Nhs
) -> None:
    async def story() -> None:
        await house.check()
        house.now = datetime(2026, 6, 11, 8, 30, 41, tzinfo=UTC)
        nhs.publish(issue("2026-04", date(2026, 6, 11), england(140_001)))
        page = release_page(nhs.issues["2026-04"])
        silent = "\n".join(
            row for row in page.splitlines() if "2026-04-01/" not in row and "date-range" not in row
        )
        house.sites.put(nhs.issues["2026-04"].url, silent.replace("</dd>\n{", "</dd></dl>\n{"))
        await house.check()

    asyncio.run(story())
    assert house.operator == []
    assert "April 2026" in house.team[1].splitlines()[0]


def test_revisions_are_kept_as_versions(house: House, nhs: Nhs) -> None:
    async def story() -> None:
        await house.check()
        for number in (163_109, 163_200):
            house.later(hours=1)
            body = month_file("2026-03", {**england(), "M001": number}, PROVIDERS).encode()
            nhs.change("2026-03", body=body, edited=f"15 May 2026 {number % 9 + 1}:00 pm")
            await house.check()

    asyncio.run(story())
    with house.store() as store, store.reading() as tx:
        versions = [(f.revision, f.value) for f in tx.figures(MONTHLY, "M001", "England")]
    assert versions == [(0, 163_100), (1, 163_109), (2, 163_200)]


PARLIAMENT = {"source": "parliament_petition", "id": 5, "goal": 1000, "tell_at": [629, 630, "every 100"]}


def petition(count: int, **attributes: object) -> str:
    """Return the JSON of a petition."""
    facts = {"action": "Review it", "state": "open", "signature_count": count, **attributes}
    return json.dumps({"data": {"type": "petition", "id": 5, "attributes": facts}})


@pytest.fixture
def petition_house(tmp_path: Path) -> Iterator[House]:
    """Give a house that watches one petition, first seen with 628 signatures."""
    with open_house(sqlite(tmp_path)) as house:
        house.campaign = {"campaign": {"name": "x", "sources": []}, "petition": [PARLIAMENT]}
        count_now(house, 628)
        asyncio.run(house.check())
        yield house


def count_now(house: House, count: int, **attributes: object) -> None:
    """Let the petition show another count."""
    url = "https://petition.parliament.uk/petitions/5.json"
    house.sites.put(url, petition(count, **attributes), content_type="application/json")


def look_at(house: House, *counts: int) -> list[str]:
    """Look once at each of these counts, a quarter of an hour apart; return what the team was told."""
    told = len(house.team)
    for count in counts:
        house.later(minutes=15)
        count_now(house, count)
        asyncio.run(house.check())
    return house.team[told:]


def test_a_petition_is_told_at_its_marks_only(petition_house: House) -> None:
    assert look_at(petition_house, 628) == []
    told = look_at(petition_house, 629, 629)
    assert len(told) == 1
    assert told[0].startswith("✍️ 629 signatures")
    assert "62.9% of our goal of 1,000; 371 to go" in told[0]


def test_one_message_names_the_highest_of_several_marks(petition_house: House) -> None:
    told = look_at(petition_house, 705)
    assert len(told) == 1
    assert "705 signatures – past 700" in told[0]


def test_a_mark_is_told_once_though_the_count_falls_and_rises_again(petition_house: House) -> None:
    assert len(look_at(petition_house, 630, 627, 629, 630, 631)) == 1


def test_a_response_of_the_government_is_told_once(petition_house: House) -> None:
    count_now(petition_house, 628, government_response_at="2026-05-14T10:00:00.000Z")
    asyncio.run(petition_house.check())
    asyncio.run(petition_house.check())
    assert len(petition_house.team) == 2
    assert "The government responded" in petition_house.team[1]


class Unbounded(ParliamentPetition):
    """A source with a count that no store takes."""

    def read(self, fetched: Fetched, now: datetime) -> Iterator[Figure | Fact]:
        for item in super().read(fetched, now):
            yield item._replace(value=1e308) if isinstance(item, Figure) else item


def test_a_count_that_cannot_be_stored_spoils_no_other_of_its_round(petition_house: House) -> None:
    house = petition_house
    count_now(house, 629)

    async def look() -> list[Result]:
        async with house.desk() as desk:
            unbounded = Unbounded({"id": 5})
            unbounded.key = "unbounded"
            return await desk.checker.round([unbounded, *desk.campaign.sources])

    broken, good = asyncio.run(look())
    assert broken.error is not None
    assert broken.error.startswith("the reader failed: IntegrityError")
    assert (good.error, good.changes, good.alerts) == (None, 1, 1)
    with house.store() as store, store.reading() as tx:
        assert tx.latest([broken.source.key]) == {broken.source.key: {}}
        assert tx.source(broken.source.key).taught_at is None


def test_a_site_that_is_down_is_told_when_it_lasts_and_once(petition_house: House) -> None:
    house = petition_house
    house.sites.fail("https://petition.parliament.uk/petitions/5.json", 404)
    house.sites.mend("https://petition.parliament.uk/petitions/5.json")
    house.sites.fail("https://petition.parliament.uk/petitions/5.json", 503)
    for number in range(4):
        house.later(minutes=15)
        results = asyncio.run(house.check())
        assert "503" in (results[0].error or "")
        assert len(house.operator) == (number >= 2)
    house.sites.mend("https://petition.parliament.uk/petitions/5.json")
    for _ in range(2):
        asyncio.run(house.check())
    assert len(house.operator) == 2
    assert house.operator[1].startswith("✅")


def test_one_source_in_trouble_does_not_stop_the_others(house: House, nhs: Nhs) -> None:
    house.campaign = {**house.campaign, "petition": [PARLIAMENT]}
    results = asyncio.run(house.check())
    assert {r.source.key: r.error is None for r in results} == {"parliament_petition:5": False, MONTHLY: True}


def test_an_alert_that_could_not_be_sent_is_sent_by_the_next_process(petition_house: House) -> None:
    petition_house.telegram.fail(rate_limited(3))
    assert look_at(petition_house, 630) == []
    told = look_at(petition_house, 630)
    assert len(told) == 1
    assert "630 signatures" in told[0]
