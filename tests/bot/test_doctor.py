"""doctor: what works and what to do about the rest, in a line each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from bot.operate import place
from tests.bot.cli import figurewatch, settings_in
from tests.bot.test_whole_way import petition
from tests.fakes.bot_api import BOT, TOKEN, BotApi, Fault
from tests.fakes.nhs import NEW_SERIES, Issue, Nhs, england, month_file
from tests.fakes.sites import Sites

COUNT = "https://petition.parliament.uk/petitions/5.json"
MONTHLY = "talking_therapies_monthly"


@pytest.fixture(autouse=True)
def _on_a_machine_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be in no container, wherever the tests run."""
    monkeypatch.setattr(place, "CONTAINER_MARKS", ())
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)


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
    assert [line[:4] for line in said.out.splitlines()] == ["ok  "] * 7
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
    assert (status, checks["chats"][0], checks["telegram"]) == (1, False, (True, "the token works"))
    assert "no ALERT_CHATS: give chat ids" in checks["chats"][1]
    telegram.add_chat(-1001)
    chats = {**settings, "ALERT_CHATS": "-1001"}
    assert examined(chats)[0] == 0
    status, checks = examined({**chats, "TELEGRAM_BOT_TOKEN": TOKEN.replace("A", "B")})
    assert (status, checks["telegram"][0]) == (1, False)
    assert "compare TELEGRAM_BOT_TOKEN with what BotFather printed" in checks["telegram"][1]
    _, checks = examined({**chats, "TELEGRAM_API_URL": "http://127.0.0.1:9"})
    assert checks["telegram"][1].endswith("; see whether this machine reaches Telegram, and try again")


def member(status: str, **rights: object) -> Fault:
    """Return what Telegram says of the bot in a chat."""
    return Fault(200, json.dumps({"ok": True, "result": {"status": status, "user": BOT, **rights}}).encode())


RESTRICTED: dict[str, object] = {
    "until_date": 0,
    **dict.fromkeys(
        (
            *("is_member", "can_change_info", "can_invite_users", "can_pin_messages", "can_send_messages"),
            *("can_send_polls", "can_send_other_messages", "can_add_web_page_previews", "can_manage_topics"),
            *("can_send_audios", "can_send_documents", "can_send_photos", "can_send_videos"),
            *("can_send_video_notes", "can_send_voice_notes", "can_edit_tag", "can_react_to_messages"),
        ),
        False,
    ),
}


def test_each_chat_says_what_the_bot_may_do_there_and_nothing_is_posted(
    tmp_path: Path, sites: Sites, telegram: BotApi
) -> None:
    telegram.add_chat(-1, topics=(7,))
    telegram.add_chat(-2).may_pin = False
    telegram.add_chat(-3, kind="group")
    telegram.migrate(-3, -33)
    telegram.add_chat(-4)
    telegram.kick(-4)
    telegram.add_chat(5, kind="private")
    settings = settings_in(
        tmp_path,
        WEB_MIRROR=sites.url,
        TELEGRAM_API_URL=telegram.url,
        TELEGRAM_BOT_TOKEN=TOKEN,
        ALERT_CHATS="-1:7,-1:1,-2,-2:7,-3,-4,5",
        OPS_CHAT="-6",
    )
    status, checks = examined(settings)
    assert status == 1
    assert {name.removeprefix("chat "): check for name, check in checks.items() if "chat " in name} == {
        "-1:7": (True, "may post and pin; it has topics, 7 shows at the first message"),
        "-1:1": (False, "topic 1 is written to without its number; leave it out"),
        "-2": (True, "may post, and may not pin"),
        "-2:7": (False, "the chat has no topics; leave :7 out"),
        "-3": (False, "became a supergroup; put -33 in its place"),
        "-4": (
            False,
            "Forbidden: bot was kicked from the supergroup chat; add the bot to the chat, and compare its id",
        ),
        "5": (True, "may post"),
        "-6": (False, "Chat not found; add the bot to the chat, and compare its id"),
    }
    assert not any(room.messages for room in telegram.chats.values())


@pytest.mark.parametrize(
    ("said", "says"),
    [
        (member("left"), "the bot is not in the chat; add it"),
        (
            member("restricted", **RESTRICTED),
            "the bot may not write there; give it that right, or make it an administrator",
        ),
    ],
)
def test_a_bot_without_the_right_to_write_is_told_what_it_needs(
    tmp_path: Path, sites: Sites, telegram: BotApi, said: Fault, says: str
) -> None:
    telegram.add_chat(-1)
    telegram.fail(said, method="getChatMember")
    settings = settings_in(
        tmp_path,
        WEB_MIRROR=sites.url,
        TELEGRAM_API_URL=telegram.url,
        TELEGRAM_BOT_TOKEN=TOKEN,
        ALERT_CHATS="-1",
    )
    assert examined(settings)[1]["chat -1"] == (False, says)


def test_a_file_that_does_not_outlast_a_restart_is_to_be_mended(
    tmp_path: Path, sites: Sites, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_in(tmp_path, WEB_MIRROR=sites.url)
    status, checks = examined({**settings, "DYNO": "worker.1"})
    assert (status, checks["database"][0]) == (1, False)
    assert "this host wipes its disk at each restart; set DATABASE_URL to PostgreSQL" in checks["database"][1]
    monkeypatch.setattr(place, "CONTAINER_MARKS", (tmp_path,))
    on_a_volume = tmp_path.stat().st_dev != Path("/").stat().st_dev
    assert examined(settings)[1]["database"][0] == on_a_volume


def test_what_is_held_is_said(tmp_path: Path, sites: Sites) -> None:
    settings = settings_in(tmp_path, WEB_MIRROR=sites.url)
    figurewatch(settings, "check")
    sites.put(COUNT, petition(999_999_999), "application/json")
    figurewatch(settings, "check")
    assert examined(settings)[1]["held"] == (True, "H1 waits for your decision: `figurewatch held`")
