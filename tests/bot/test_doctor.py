"""doctor: what works and what to do about the rest, in a line each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from tests.bot.cli import figurewatch, settings_in
from tests.bot.test_whole_way import petition
from tests.fakes.bot_api import TOKEN, BotApi
from tests.fakes.nhs import NEW_SERIES, Issue, Nhs, england, month_file
from tests.fakes.sites import Sites

COUNT = "https://petition.parliament.uk/petitions/5.json"
MONTHLY = "talking_therapies_monthly"


@pytest.fixture
def sites() -> Iterator[Sites]:
    """Give the sites of the campaign, all well."""
    with Sites() as sites:
        body = month_file("2026-03", england()).encode()
        Nhs(sites).publish(Issue("2026-03", date(2026, 5, 14), body=body))
        sites.put(COUNT, petition(628), "application/json")
        yield sites


@pytest.fixture
def telegram() -> Iterator[BotApi]:
    """Give a Bot API server."""
    with BotApi() as telegram:
        yield telegram


def examined(settings: dict[str, str]) -> tuple[int, dict[str, tuple[bool, str]]]:
    """Return doctor's status, and what it says of each thing that it looked at."""
    said = figurewatch(settings, "doctor", "--json")
    checks = said.json["checks"]
    assert said.json["ok"] == all(check["ok"] for check in checks)
    return said.status, {check["name"]: (check["ok"], check["says"]) for check in checks}


def test_what_works_is_said_and_ends_well(tmp_path: Path, sites: Sites) -> None:
    said = figurewatch(settings_in(tmp_path, WEB_MIRROR=sites.url), "doctor")
    assert said.status == 0
    assert [line[:4] for line in said.out.splitlines()] == ["ok  "] * 6
    assert "parliament_petition:5: 628 signatures" in said.out
    assert "talking_therapies_monthly: 1 release listed" in said.out
    assert "telegram: no TELEGRAM_BOT_TOKEN: messages are printed to the console" in said.out


def test_doctor_stores_nothing_of_what_it_sees(tmp_path: Path, sites: Sites) -> None:
    settings = settings_in(tmp_path, WEB_MIRROR=sites.url)
    figurewatch(settings, "doctor")
    assert figurewatch(settings, "figures", "--json").json == []


def test_a_source_in_trouble_is_named_with_what_to_do(tmp_path: Path, sites: Sites) -> None:
    sites.remove(COUNT)
    sites.fail(NEW_SERIES, 503)
    settings = settings_in(tmp_path, WEB_MIRROR=sites.url)
    status, checks = examined(settings)
    assert status == 1
    ok, says = checks["parliament_petition:5"]
    assert not ok
    assert "404" in says
    assert says.endswith("open the page, and see what has changed")
    ok, says = checks[MONTHLY]
    assert not ok
    assert "503" in says
    assert says.endswith("try again, and see whether this machine is online")


def test_a_live_page_is_read_and_not_only_asked_for(tmp_path: Path, sites: Sites) -> None:
    sites.put(COUNT, petition(628, state="asleep"), "application/json")
    status, checks = examined(settings_in(tmp_path, WEB_MIRROR=sites.url))
    assert status == 1
    assert "found 'asleep'" in checks["parliament_petition:5"][1]


def test_one_fault_hides_no_other(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, CAMPAIGN_FILE="/nowhere.toml", DATABASE_URL="sqlite:////nowhere/x.db")
    status, checks = examined(settings)
    assert status == 1
    assert {name: ok for name, (ok, _) in checks.items()} == {
        "settings": True,
        "campaign": False,
        "database": False,
        "telegram": True,
    }


def test_each_wrong_setting_is_a_line(tmp_path: Path) -> None:
    said = figurewatch(settings_in(tmp_path, PORT="x", WEB_PAUSE="x"), "doctor")
    assert said.status == 1
    assert [line.split(": ")[:2] for line in said.out.splitlines()] == [
        *(["MEND  settings", "WEB_PAUSE"], ["MEND  settings", "PORT"]),
    ]


def test_a_token_without_chats_and_one_that_is_refused_are_to_be_mended(
    tmp_path: Path, sites: Sites, telegram: BotApi
) -> None:
    settings = settings_in(
        tmp_path, WEB_MIRROR=sites.url, TELEGRAM_API_URL=telegram.url, TELEGRAM_BOT_TOKEN=TOKEN
    )
    status, checks = examined(settings)
    assert (status, checks["telegram"][0]) == (1, False)
    assert "no ALERT_CHATS: give chat ids" in checks["telegram"][1]
    chats = {**settings, "ALERT_CHATS": "-1001,-1002:7"}
    status, checks = examined(chats)
    assert (status, checks["telegram"]) == (0, (True, "the token works; 2 chats to tell"))
    status, checks = examined({**chats, "TELEGRAM_BOT_TOKEN": TOKEN.replace("A", "B")})
    assert (status, checks["telegram"][0]) == (1, False)
    assert "compare TELEGRAM_BOT_TOKEN with what BotFather printed" in checks["telegram"][1]
