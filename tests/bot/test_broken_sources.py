"""Sources that break: what the operator sees, once, in each of many processes, and what is kept for a mender.

Each `check` of a house is a process of its own: what it knows of earlier ones stands in the store.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from hashlib import sha1
from pathlib import Path

import pytest

from bot.campaign import parse_campaign
from bot.desk import open_desk
from bot.look import LISTED, Look
from bot.operate.evidence import MOST_KEPT, kept
from state.store import Store
from tests.bot.house import MONTHLY_ALONE, QUICK, House, open_house, sqlite
from tests.bot.test_whole_way import PARLIAMENT, PROVIDERS, count_now
from tests.fakes.nhs import NEW_SERIES, Issue, Nhs, england, month_file

MONTHLY = "talking_therapies_monthly"
PETITION = "https://petition.parliament.uk/petitions/5.json"
GOOD = '{"data":{"type":"petition","id":5,"attributes":{"action":"x","state":"open","signature_count":628}}}'
CAPTCHA = "<html><head><title>Just a moment...</title></head><body>Verify you are human</body></html>"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Give a house that watches one petition, first seen with 628 signatures."""
    with open_house(sqlite(tmp_path)) as house:
        house.campaign = {"campaign": {"name": "x", "sources": []}, "petition": [PARLIAMENT]}
        petition(house, GOOD)
        asyncio.run(house.check())
        yield house


def petition(house: House, body: str | bytes) -> None:
    house.sites.put(PETITION, body, content_type="application/json")


def look(house: House, times: int = 1, **later: float) -> list[str | None]:
    """Look so many times, a quarter of an hour apart unless said, each time in a process of its own."""
    errors = []
    for _ in range(times):
        house.later(**(later or {"minutes": 15}))
        errors += [result.error for result in asyncio.run(house.check())]
    return errors


def kinds(house: House) -> list[str]:
    """Return the signs that the operator's messages begin with."""
    return [text[:1] for text in house.operator]


def test_a_figure_that_vanished_is_trouble_at_once_and_in_every_later_process(house: House) -> None:
    petition(house, GOOD.replace('"signature_count":628', '"title":"x"'))
    errors = look(house, 4)
    assert all(error and "signature_count" in error for error in errors)
    assert [request.status for request in house.sites.asked(PETITION)[1:]] == [200] * 4
    assert len(house.operator) == 1
    petition(house, GOOD)
    assert look(house, 2) == [None, None]
    assert kinds(house) == ["⚠", "✅"]


def test_a_page_that_its_server_calls_unchanged_is_judged_all_the_same(house: House) -> None:
    broken = GOOD.replace('"signature_count":628', '"title":"x"').encode()
    petition(house, broken)
    with house.store() as store:  # as an older version, which could still read it, left it
        (page,) = store.pages([PETITION])
        tag = f'"{sha1(broken).hexdigest()[:16]}"'
        store.save_pages([replace(page, body=broken, etag=tag)], house.now)
    errors = look(house)
    assert [request.status for request in house.sites.asked(PETITION)[1:]] == [304]
    assert errors[0]
    assert "signature_count" in errors[0]
    assert look(house)[0] == errors[0]
    assert len(house.operator) == 1


def test_an_unchanged_page_is_asked_for_with_304_and_read_in_every_process(house: House) -> None:
    assert look(house, 2) == [None, None]
    assert [request.status for request in house.sites.asked(PETITION)] == [200, 304, 304]


@pytest.mark.parametrize(("body", "says"), [(b"", "an empty page"), (b" \n", "an empty page")])
def test_an_empty_page_with_status_200_is_a_changed_page(house: House, body: bytes, says: str) -> None:
    petition(house, body)
    (error,) = look(house)
    assert error
    assert says in error
    assert len(house.operator) == 1


def test_a_challenge_page_with_status_200_is_a_passing_failure(house: House) -> None:
    house.sites.put(PETITION, CAPTCHA)
    errors = look(house, 2)
    assert all(error and "challenge page" in error for error in errors)
    assert house.operator == []
    look(house)
    assert kinds(house) == ["⚠"]


def test_a_passing_failure_is_told_at_its_third_round_whatever_process_sees_it(house: House) -> None:
    house.sites.fail(PETITION, 503)
    look(house, 2)
    assert house.operator == []
    look(house, 3)
    assert len(house.operator) == 1
    house.sites.mend(PETITION)
    look(house, 2)
    assert kinds(house) == ["⚠", "✅"]


def test_a_passing_failure_is_told_after_two_hours_though_few_rounds_saw_it(house: House) -> None:
    house.sites.fail(PETITION, 503)
    look(house)
    look(house, hours=2)
    assert len(house.operator) == 1
    assert "since 14 May 2026, 10:15" in house.operator[0]


def test_a_passing_failure_that_passed_is_never_told_nor_is_its_end(house: House) -> None:
    for _ in range(3):
        house.sites.fail(PETITION, 503)
        look(house, 2)
        house.sites.mend(PETITION)
        look(house)
    assert house.operator == []


def test_a_passing_failure_within_a_changed_page_is_not_news_nor_is_the_page_after_it(house: House) -> None:
    petition(house, "{}")
    look(house)
    house.sites.fail(PETITION, 503)
    look(house, 4)
    house.sites.mend(PETITION)
    look(house, 2)
    assert len(house.operator) == 1
    petition(house, GOOD)
    look(house)
    assert kinds(house) == ["⚠", "✅"]


def test_a_changed_page_after_a_lasting_failure_is_told_at_once(house: House) -> None:
    house.sites.fail(PETITION, 503)
    look(house, 3)
    house.sites.mend(PETITION)
    petition(house, "{}")
    look(house)
    assert kinds(house) == ["⚠", "⚠"]


def test_sources_that_break_together_are_one_message_and_so_is_their_end(house: House) -> None:
    second = {**PARLIAMENT, "id": 6}
    other = PETITION.replace("5.json", "6.json")
    house.campaign = {"campaign": {"name": "x", "sources": []}, "petition": [PARLIAMENT, second]}
    house.sites.put(other, GOOD.replace('"id":5', '"id":6'), content_type="application/json")
    look(house)
    for url in (PETITION, other):
        house.sites.fail(url, 503)
    look(house, 4)
    for url in (PETITION, other):
        house.sites.mend(url)
    look(house, 2)
    assert [text.splitlines()[0] for text in house.operator] == [
        "⚠️ 2 sources cannot be read",
        "✅ 2 sources can be read again",
    ]


def cases(house: House) -> list[Path]:
    return kept(house.evidence)


def test_the_page_that_broke_is_kept_beside_the_last_good_one_and_the_operator_is_told_where(
    house: House,
) -> None:
    petition(house, '{"data": null}')
    look(house, 3)
    (case,) = cases(house)
    assert case.name == "2026-05-14T091500Z-parliament_petition-5"
    assert (case / "found.json").read_text() == '{"data": null}'
    assert (case / "last-good.json").read_text() == GOOD
    about = (case / "about.txt").read_text()
    assert f"address: {PETITION}\n" in about
    assert "expected: type\nfound: nothing of that name\n" in about
    assert f"The page is kept in {case}" in house.operator[0]


def test_pages_that_change_all_the_time_are_kept_once_for_each_trouble(house: House) -> None:
    for round_ in range(3):
        for number in range(3):
            petition(house, f'{{"broken": {round_}{number}}}')
            look(house)
        petition(house, GOOD)
        look(house)
    assert [(case / "found.json").read_text() for case in cases(house)] == [
        f'{{"broken": {round_}0}}' for round_ in (2, 1, 0)
    ]
    assert {(case / "last-good.json").read_text() for case in cases(house)} == {GOOD}


def test_at_most_twenty_pages_are_kept_and_the_oldest_go(house: House) -> None:
    for number in range(MOST_KEPT + 2):
        (house.evidence / f"2025-01-01T0000{number:02}Z-x").mkdir(parents=True)
        (house.evidence / f"2025-01-01T0000{number:02}Z-x" / "about.txt").touch()
    petition(house, "{}")
    look(house)
    names = [case.name for case in cases(house)]
    assert len(names) == MOST_KEPT
    assert names[0].startswith("2026-05-14")
    assert names[-1] == "2025-01-01T000003Z-x"


def test_evidence_holds_no_address_of_the_mirror_and_no_token(house: House) -> None:
    token = house.settings().secrets[0]
    place = house.sites.url.removeprefix("http://")
    petition(house, f'{{"a": "{house.sites.url}/x", "b": "//{place}/y", "c": "{token}"}}')
    look(house)
    said = b"".join(path.read_bytes() for path in house.evidence.rglob("*.*") if path.is_file())
    assert b"[secret]/x" in said
    for secret in (house.sites.url, place, token):
        assert secret.encode() not in said


def test_of_a_large_file_only_the_beginning_is_kept(house: House) -> None:
    nhs = monthly(house)
    look(house)
    nhs.publish(Issue("2026-04", date(2026, 6, 11), body=b"REPORTING_PERIOD_START\n" + b"x" * 2_000_000))
    look(house, days=28)
    (case,) = cases(house)
    assert (case / "found.csv").stat().st_size == 64 * 1024


def test_a_folder_that_cannot_be_written_stops_no_check(house: House) -> None:
    house.evidence.write_text("a file in its place")
    petition(house, "{}")
    look(house)
    assert len(house.operator) == 1
    assert "kept" not in house.operator[0]


def monthly(house: House) -> Nhs:
    """Let the house watch the monthly figures too: March is out, and April announced."""
    house.campaign = {"campaign": MONTHLY_ALONE, "petition": [PARLIAMENT]}
    nhs = Nhs(house.sites)
    march = month_file("2026-03", england(), PROVIDERS).encode()
    nhs.issues["2026-03"] = Issue("2026-03", date(2026, 5, 14), body=march)
    nhs.publish(Issue("2026-04", expected="11 Jun 2026"))
    return nhs


def test_the_operator_is_told_when_the_next_release_is_due(house: House) -> None:
    monthly(house)
    look(house)
    house.sites.put(NEW_SERIES, "<html><body><h1>We have moved</h1></body></html>")
    look(house)
    assert "Its next release is due on 11 June 2026." in house.operator[0]


def test_a_replaced_file_that_cannot_be_read_stays_trouble_in_every_process(house: House) -> None:
    nhs = monthly(house)
    look(house)
    nhs.change("2026-03", body=b"REPORTING_PERIOD_START\n", edited="20 May 2026 2:51 pm")
    errors = [error for error in look(house, 3) if error]
    assert len(errors) == 3
    assert kinds(house) == ["⚠"]
    nhs.change("2026-03", body=month_file("2026-03", england(), PROVIDERS).encode())
    look(house, 2)
    assert kinds(house) == ["⚠", "✅"]


def test_a_broken_page_of_an_announced_release_is_trouble_before_its_day(house: House) -> None:
    monthly(house)
    look(house)
    house.sites.put(Issue("2026-04").url, "<html><body><h1>Welcome to our new site</h1></body></html>")
    errors = look_with(house, Look("visit", ("performance-april-2026",)))
    assert errors
    assert "Its next release is due on 11 June 2026." in house.operator[0]
    count_now(house, 628)
    assert look_with(house, LISTED)[0] == errors[0]
    assert kinds(house) == ["⚠"]


def look_with(house: House, *looks: Look) -> list[str]:
    """Look at the monthly figures as the worker's plan does, in one process."""

    async def main() -> list[str]:
        campaign = parse_campaign(house.campaign, "campaign.toml")
        store = Store.open(house.database_url)
        try:
            async with open_desk(
                house.settings(), campaign, store, clock=lambda: house.now, pace=QUICK
            ) as desk:
                found = []
                for one in looks:
                    house.later(minutes=15)
                    found += await desk.checker.round(campaign.chosen([MONTHLY]), one)
                assert desk.take_lease()
                await desk.sender.drain()
                desk.drop_lease()
                return [result.error for result in found if result.error]
        finally:
            store.close()

    return asyncio.run(main())
