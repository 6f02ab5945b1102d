"""What a chat gets, as people set it in Telegram: menus, silences, digests, followers, and who may do it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from bot.board import Board
from bot.campaign import parse_campaign
from bot.commands import following as following_module
from bot.commands.samples import sample_findings, sample_signal, samples
from bot.held import NotHeld, release
from bot.rules.findings import (
    Asked,
    Closed,
    Finding,
    MarkCrossed,
    ReleaseOut,
    Revised,
    Row,
    WatchMoved,
)
from bot.rules.signals import Closing, Question, Said
from bot.wording.callbacks import mark as marked
from bot.wording.language import languages, speaking
from bot.wording.markup import fits_text, to_plain
from bot.wording.messages import compose
from scrapers.toolkit.contract import EVERYWHERE, LIVE, Figure, Measure, Release, Unit, reading_period
from state.records import StoredAlert
from tests.bot.asked import CAMPAIGN, MONTHLY, MONTHS, fill
from tests.bot.desk import ADMIN, MEMBER, OPERATOR_PERSON, Team, until, working
from tests.bot.house import OPERATOR, TEAM, House, open_house, sqlite
from tests.fakes.bot_api import Chat, Shown

NIGHT = datetime(2026, 5, 14, 21, 30, tzinfo=UTC)  # 22:30 in London
STRANGER, PERSON = -1009, 770_077_770


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Give a house whose team has an admin and members, and an operator with a chat."""
    with open_house(sqlite(tmp_path)) as house:
        house.campaign = dict(CAMPAIGN)
        house.telegram.chat(TEAM).admins = {ADMIN}
        house.telegram.chat(OPERATOR).admins = {OPERATOR_PERSON}
        house.telegram._clock = lambda: house.now
        yield house


@asynccontextmanager
async def at_work(house: House) -> AsyncIterator[tuple[Team, Chat]]:
    """Give the team at work, with figures of some places stored, and its chat, empty."""
    async with working(house) as team:
        fill(team.desk.store, team.desk.campaign, team.desk.checker.committer.destinations)
        await team.deliver()
        chat = house.telegram.chat(TEAM)
        chat.messages.clear()
        yield team, chat


def mark(count: int) -> MarkCrossed:
    """Return that a petition crossed a mark: news of the normal kind."""
    return MarkCrossed(f"mark:{count}", count, count, count - 9, datetime(2026, 5, 14, tzinfo=UTC), None)


OUT = datetime(2026, 5, 14, 8, 30, tzinfo=UTC)
MARCH = Release("march", "March", "https://digital.nhs.uk/march", "2026-03", OUT)
APRIL = Release("april", "April 2026", "https://digital.nhs.uk/april", "2026-04", None)


def revised(episode: str = "1") -> Revised:
    """Return that a release was corrected: critical news."""
    return Revised(f"revision:{episode}", APRIL, (), 3, 0, 0)


def shows(message: Shown, label: str) -> bool:
    """Return whether a message has a button with this label."""
    return any(button["text"] == label for row in message.buttons for button in row)


def test_an_admin_chooses_in_one_menu_that_is_edited_in_place(house: House) -> None:
    async def scene() -> None:
        async with at_work(house) as (team, chat):
            await team.say(chat, "/settings")
            menu = chat.messages[-1]
            assert menu.text.startswith("What is posted here\n")
            assert menu.text.endswith("\n🔔 Everything, as it is found.")
            assert "digest" not in menu.text
            assert await team.press(chat, menu, "Sources") == ""
            for sign in "🔔🔕🗞":
                await until(partial(shows, menu, f"{sign} UK Parliament petition 5"))
                await team.press(chat, menu, "petition 5")
            await until(partial(shows, menu, "🚫 UK Parliament petition 5"))
            await team.press(chat, menu, "Back")
            await until(lambda: "🚫" in menu.text)
            assert len(chat.messages) == 1
            await team.tell(mark(700))
            assert len(chat.messages) == 1

    asyncio.run(scene())


def test_settings_are_for_admins_and_a_member_of_old_loses_them_with_the_next_press(house: House) -> None:
    async def scene() -> None:
        async with at_work(house) as (team, chat):
            for command in ("/settings", "/mute 2h", "/unsubscribe", "/test"):
                assert await team.say(chat, command, user=MEMBER) == "Only admins of this chat can do that."
            await team.say(chat, "/settings")
            menu = chat.messages[-1]
            chat.admins.clear()
            assert await team.press(chat, menu, "Quiet") == "Only admins of this chat can do that."
            assert "🌙" not in menu.text

    asyncio.run(scene())


def test_an_admin_who_stays_anonymous_is_one_and_who_writes_as_a_channel_is_not(house: House) -> None:
    async def scene() -> None:
        async with at_work(house) as (team, chat):
            assert (await team.say(chat, "/mute 2h", as_chat=TEAM)).startswith("🤫 Silent until")
            refused = await team.say(chat, "/unmute", as_chat=-100500)
            assert refused == "Only admins of this chat can do that."

    asyncio.run(scene())


@pytest.mark.parametrize(
    "data", ["set:area:XXXX:on", "set:source:nothing:off", "set:mute:99999999", "sign:yes:9"]
)
def test_what_no_button_of_ours_sends_changes_nothing(house: House, data: str) -> None:
    async def scene() -> None:
        async with at_work(house) as (team, chat):
            await team.say(chat, "/settings")
            await team.send(chat, chat.messages[-1], data)
            with house.store() as store:
                assert store.subscriptions() == {}

    asyncio.run(scene())


def test_in_quiet_hours_only_what_is_critical_comes_and_the_rest_in_one_message_in_the_morning(
    house: House,
) -> None:
    async def scene() -> None:
        async with at_work(house) as (team, chat):
            assert (await team.say(chat, "/quiet 22:00-07:00")).startswith("🌙 Quiet from 22:00 to 07:00")
            house.now = NIGHT
            chat.messages.clear()
            await team.tell(mark(700), mark(800))
            await team.tell(revised(), source=MONTHLY)
            assert [(m.silent, m.text[:11]) for m in chat.messages] == [(True, "✏️ Correcte")]
            house.now = datetime(2026, 5, 15, 5, 59, tzinfo=UTC)
            await team.deliver()
            assert len(chat.messages) == 1
            house.later(minutes=1)
            await team.deliver()
            digest = chat.messages[-1]
            assert len(chat.messages) == 2
            assert digest.text.startswith("🗞 2 messages that waited\n• ✍️ 700 signatures")
            assert "\n• ✍️ 800 signatures" in digest.text
            await team.deliver()
            assert len(chat.messages) == 2

    asyncio.run(scene())


def test_what_could_not_be_sent_before_the_night_waits_for_its_end(house: House) -> None:
    async def scene() -> None:
        async with at_work(house) as (team, chat):
            await team.say(chat, "/quiet 22:00-07:00")
            chat.messages.clear()
            house.now = NIGHT - timedelta(hours=1)
            chat.refuses = "Forbidden: bot was kicked from the supergroup chat"
            await team.tell(mark(700))
            house.now, chat.refuses = NIGHT, ""
            await team.desk.sender.resume(str(TEAM))
            await team.deliver()
            assert chat.messages == []
            house.now = datetime(2026, 5, 15, 6, 0, tzinfo=UTC)
            await team.deliver()
            assert [text.partition("\n")[0] for text in chat.texts] == ["🗞 1 message that waited"]

    asyncio.run(scene())


def test_in_a_channel_its_admins_choose_and_nobody_else_can_write(house: House) -> None:
    channel = house.telegram.add_chat(-1007, kind="channel")
    house.more["alert_chats"] = "-1007"

    async def scene() -> None:
        async with at_work(house) as (team, _):
            assert (await team.say(channel, "/mute 2h")).startswith("🤫 Silent until")
            count = len(channel.messages)
            await team.tell(mark(700))
            assert len(channel.messages) == count

    asyncio.run(scene())


def test_a_mute_holds_what_comes_and_its_end_brings_it_together(house: House) -> None:
    async def scene() -> None:
        async with at_work(house) as (team, chat):
            await team.say(chat, "/mute 2h")
            chat.messages.clear()
            await team.tell(mark(700))
            assert chat.messages == []
            await team.say(chat, "/unmute")
            await team.deliver()
            assert chat.texts[-1].startswith("🗞 1 message that waited\n• ✍️ 700 signatures")

    asyncio.run(scene())


def test_the_button_under_an_alert_brings_an_hour_of_silence(house: House) -> None:
    async def scene() -> None:
        async with at_work(house) as (team, chat):
            await team.tell(mark(700))
            alert = chat.messages[-1]
            assert [[b["text"] for b in row] for row in alert.buttons] == [
                ["Open petition.parliament.uk"],
                ["Why", "Quote", "Chart", "Mute 1 h"],
            ]
            said = await team.press(chat, alert, "Mute 1 h")
            assert said.startswith("🤫 Silent until 14 May 2026, 11:00")
            assert await team.press(chat, alert, "Why", user=MEMBER) == ""
            await until(lambda: len(chat.messages) == 2)
            assert (
                await team.press(chat, alert, "Mute 1 h", user=MEMBER)
                == "Only admins of this chat can do that."
            )

    asyncio.run(scene())


def test_a_release_is_drawn_at_a_press_from_what_is_stored(house: House) -> None:
    async def scene() -> None:
        async with at_work(house) as (team, chat):
            row = Row("Recovery", "M192", Unit.PERCENT, "", 51.2, {"year_ago": 50.0})
            await team.tell(ReleaseOut("release:m", MARCH, (row,)), source=MONTHLY)
            out = chat.messages[-1]
            assert await team.press(chat, out, "Chart") == ""
            await until(lambda: chat.messages[-1].photo is not None)
            assert chat.messages[-1].reply_to == out.id
            assert chat.texts[-1] == (
                "NHS Talking Therapies, monthly, England: March 2026\n"
                "NHS England · published 14 May 2026 · Open Government Licence v3.0"
            )
            for period in ("2031-01", MONTHS[0], "junk", "2026-13"):  # not there, or beside nothing
                data = f"release:{marked(MONTHLY)}:{period}"
                assert await team.send(chat, out, data) == "This menu is out of date. Please ask again."
            await team.tell(ReleaseOut("release:n", MARCH, ()), source=MONTHLY)
            assert "Chart" not in [b["text"] for line in chat.messages[-1].buttons for b in line]

    asyncio.run(scene())


def test_a_digest_comes_daily_and_what_is_critical_comes_at_once(house: House) -> None:
    async def scene() -> None:
        async with at_work(house) as (team, chat):
            assert "daily at 08:30" in await team.say(chat, "/digest daily 08:30")
            chat.messages.clear()
            await team.tell(mark(700))
            await team.tell(revised(), source=MONTHLY)
            assert [text[:3] for text in chat.texts] == ["✏️ "]
            house.now = datetime(2026, 5, 15, 7, 30, tzinfo=UTC)
            await team.deliver()
            assert chat.texts[-1].startswith("🗞 1 message that waited")
            assert "\n🗞 The digest comes at 08:30.\n" in await team.say(chat, "/settings")
            await team.say(chat, "/digest off")
            await team.tell(mark(800))
            assert chat.texts[-1].startswith("✍️ 800 signatures")

    asyncio.run(scene())


@pytest.mark.parametrize("command", ["/mute soon", "/quiet 22-7", "/digest 25:00", "/ack it"])
def test_what_is_written_otherwise_is_answered_with_how(house: House, command: str) -> None:
    async def scene() -> None:
        async with at_work(house) as (team, chat):
            assert (await team.say(chat, command)).startswith("Write it like: ")

    asyncio.run(scene())


def test_a_place_is_followed_by_its_name_and_offered_where_several_are_meant(house: House) -> None:
    async def scene() -> None:
        async with at_work(house) as (team, chat):
            assert await team.say(chat, "/subscribe Atlantis") == "I know no place like “Atlantis”."
            await team.say(chat, "/subscribe Kent")
            offer = chat.messages[-1]
            assert offer.text == "Which one is it?"
            assert await team.say(chat, "/unsubscribe Kent") == "“Kent” is not followed here."
            await team.press(chat, offer, "91Q")
            await until(lambda: "You now follow NHS KENT AND MEDWAY ICB - 91Q" in offer.text)
            assert "You now follow NHS DEVON ICB - 15N" in await team.say(chat, "/subscribe Devon")
            said = await team.say(chat, "/settings")
            assert "🚫 All other places: off" in said
            assert "🔔 NHS DEVON ICB - 15N: on" in said
            assert (
                await team.say(chat, "/unsubscribe 15N")
                == "🚫 NHS DEVON ICB - 15N is not followed here any more."
            )

    asyncio.run(scene())


def test_a_topic_has_settings_of_its_own(house: House) -> None:
    house.telegram.chat(TEAM).topics = {7, 8}
    house.more["alert_chats"] = f"{TEAM}:7,{TEAM}:8"

    async def scene() -> None:
        async with at_work(house) as (team, chat):
            await team.say(chat, "/mute 2h", thread=7)
            assert chat.messages[-1].thread == 7
            chat.messages.clear()
            await team.tell(mark(700))
            assert [message.thread for message in chat.messages] == [8]

    asyncio.run(scene())


def test_a_group_that_became_a_supergroup_keeps_its_settings_and_is_not_left(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following_module, "LOOK", 0.02)
    monkeypatch.setattr(following_module, "PATIENCE", timedelta(minutes=30))

    async def scene() -> None:
        async with at_work(house) as (team, chat):
            await team.say(chat, "/mute 2h")
            early = house.telegram.add_chat(-100777)
            house.telegram.invite(-100777)  # may be heard before the move is
            await until(lambda: early.messages)
            new = house.telegram.migrate(TEAM, -100777)
            new.admins = {ADMIN}
            await until(lambda: TEAM in {int(chat) for chat in team.desk.store.chats()})
            house.later(hours=1)
            await asyncio.sleep(0.1)
            assert "leaveChat" not in [call.method for call in house.telegram.calls]
            assert "Silent until" in await team.say(new, "/settings")
            await team.say(new, "/unmute")
            await team.tell(mark(700))
            assert new.texts[-1].startswith("✍️ 700 signatures")

    asyncio.run(scene())


def rows_about(path: Path, words: set[str]) -> set[str]:
    """Return the tables in which one of these words stands, in whatever column."""
    found = set()
    with closing(sqlite3.connect(path)) as database:
        for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in database.execute(f'SELECT * FROM "{table}"'):
                if any(word in str(value) for value in row for word in words):
                    found.add(table)
    return found


def test_a_person_follows_by_a_link_and_is_forgotten_altogether_when_done(
    house: House, tmp_path: Path
) -> None:
    private = house.telegram.add_chat(PERSON, kind="private")

    async def scene() -> None:
        async with at_work(house) as (team, _):
            board = Board(team.desk)
            said = await team.say(private, "/start sub_91Q", user=PERSON)
            assert said.startswith("🔔 You now follow NHS KENT AND MEDWAY ICB - 91Q.")
            await board.refresh(asyncio.Event())
            stands = private.messages[-1]
            assert (stands.text.partition("\n")[0], stands.silent) == ("📍 A review", True)
            assert private.pinned == [stands.id]
            await team.tell(mark(700))
            assert private.texts[-1].startswith("✍️ 700 signatures")
            assert "NHS KENT" in await team.say(private, "/settings", user=PERSON)
            assert "Nothing is posted here any more" in await team.say(private, "/unsubscribe", user=PERSON)
            assert private.pinned == []
            count(team, 702)
            await board.refresh(asyncio.Event())
            await team.tell(mark(800))
            assert not any("800" in text or "702" in text for text in private.texts)
            assert rows_about(tmp_path / "figurewatch.db", {str(PERSON)}) == set()

    asyncio.run(scene())


@pytest.mark.parametrize("payload", ["", " sub_", " sub_NOWHERE", " sub_91Q_x", " drop", " sub'--", " SUB"])
def test_a_stranger_gets_one_fixed_answer_an_hour_whatever_the_link_says(house: House, payload: str) -> None:
    private = house.telegram.add_chat(PERSON, kind="private")

    async def scene() -> None:
        async with at_work(house) as (team, _):
            said = await team.say(private, f"/start{payload}", user=PERSON)
            assert said == "This bot works for a campaign team and answers only in its chats."
            house.telegram.say(PERSON, "/status", user=PERSON)
            await team.say(house.telegram.chat(TEAM), "/privacy")
            assert len(private.messages) == 1
            assert team.desk.store.subscriptions() == {}

    asyncio.run(scene())


def test_a_group_that_adds_the_bot_is_told_its_id_waited_for_and_then_introduced_to(house: House) -> None:
    group = house.telegram.add_chat(STRANGER)
    group.admins = {ADMIN}

    async def before() -> None:
        async with working(house) as team:
            house.telegram.invite(STRANGER)
            await until(lambda: group.messages)
            assert f"ALERT_CHATS={TEAM},{STRANGER}" in group.texts[0]
            house.telegram.say(STRANGER, "/status")
            await team.say(house.telegram.chat(TEAM), "/privacy")
            assert len(group.messages) == 1
            assert group.refuses == ""

    async def allowed() -> None:
        async with working(house) as team:
            await until(lambda: len(group.messages) == 2)
            assert group.texts[1].startswith("I am Figurewatch, for: A review\n")
            assert len(group.texts[1].splitlines()) == 3
            await team.press(group, group.messages[1], "Show samples")
            await until(lambda: "🗞 2 messages that waited" in group.texts[-1])
            shown = group.messages[2:]
            assert len(shown) == 4
            assert all(one.silent for one in shown)
            assert all(one.text.startswith("🧪 Samples: these figures are not real\n") for one in shown)

    asyncio.run(before())
    house.more["alert_chats"] = f"{TEAM},{STRANGER}"
    asyncio.run(allowed())

    async def again() -> None:
        count = len(group.messages)
        async with working(house):
            assert len(group.messages) == count

    asyncio.run(again())


def every(kind: type[Finding]) -> Iterator[type[Finding]]:
    """Yield the kinds of a finding, and theirs."""
    for one in kind.__subclasses__():
        yield one
        yield from every(one)


@pytest.mark.parametrize("language", languages())
def test_each_kind_of_message_for_the_team_has_a_sample_and_all_of_them_are_few_messages(
    language: str,
) -> None:
    where = {"url": "https://example.org/", "css": "b", "range": {"min": 0, "max": 9}}
    beds = {"id": "beds", "title": "Beds", "unit": "count", **where}
    campaign = parse_campaign(CAMPAIGN | {"source": [beds]}, "campaign.toml")
    with speaking(language):
        found = [sample for group in sample_findings(campaign, NIGHT) for sample in group]
        said = list(samples(campaign, NIGHT))
        titles = [to_plain(compose(*sample, 0, NIGHT)).partition("\n")[0] for sample in found]
    assert {finding.kind for finding, _ in found} == {
        kind.kind for kind in every(Finding) if kind.audience == "team"
    }
    assert len(said) == 4
    assert all(fits_text(message) for message in said)
    together = "\n".join(map(to_plain, said)).splitlines()
    assert [title for title in titles if title not in together] == []


def test_an_unknown_group_is_left_and_one_that_was_never_allowed_after_a_day_without_a_word(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following_module, "LOOK", 0.02)
    group, waiting = house.telegram.add_chat(STRANGER), house.telegram.add_chat(-1010)

    async def scene() -> None:
        async with working(house):
            house.telegram.say(STRANGER, "/status")
            await until(lambda: group.refuses)
            house.telegram.invite(-1010)
            await until(lambda: waiting.messages)
            house.later(hours=23)
            await asyncio.sleep(0.1)
            assert waiting.refuses == ""
            house.later(hours=2)
            await until(lambda: waiting.refuses)
            assert house.telegram.chat(TEAM).refuses == ""

    asyncio.run(scene())


def test_a_group_that_is_allowed_no_longer_gets_nothing_whatever_it_had_chosen(house: House) -> None:
    group = house.telegram.add_chat(STRANGER)
    group.admins = {ADMIN}
    house.more["alert_chats"] = f"{TEAM},{STRANGER}"

    async def chosen() -> None:
        async with at_work(house) as (team, _):
            await team.say(group, "/quiet 22:00-07:00")
            await team.tell(mark(700))
            assert group.texts[-1].startswith("✍️ 700 signatures")
            team.desk.drop_lease()

    async def withdrawn() -> None:
        async with working(house) as team:
            await team.tell(mark(800))
            assert not any("800" in text for text in group.texts)
            house.telegram.say(STRANGER, "/status")
            await until(lambda: group.refuses)

    asyncio.run(chosen())
    house.more["alert_chats"] = str(TEAM)
    asyncio.run(withdrawn())


def test_an_alert_is_marked_as_handled_by_role_and_not_by_name(house: House) -> None:
    async def scene() -> None:
        async with at_work(house) as (team, chat):
            await team.tell(mark(700), mark(800))
            one, other = chat.messages[-2:]
            number = one.text.rpartition("#A")[2]
            assert "is marked as handled" in await team.say(chat, f"/ack A{number}", user=MEMBER)
            await team.say(chat, f"/ack {other.text.rpartition('#A')[2]}")
            await team.deliver()
            assert one.text.startswith("✔️ Handled by a member of the team\n✍️ 700")
            assert other.text.startswith("✔️ Handled by an admin\n✍️ 800")
            assert "was handled already" in await team.say(chat, f"/ack A{number}")
            assert await team.say(chat, "/ack A9999") == "A9999 was not posted in this chat."

    asyncio.run(scene())


def test_a_correction_marks_the_first_message_and_replies_to_it(house: House) -> None:
    async def scene() -> None:
        async with at_work(house) as (team, chat):
            await team.tell(ReleaseOut("release:april", APRIL, ()), source=MONTHLY)
            first = chat.messages[0]
            await team.say(chat, f"/ack {first.text.rpartition('#')[2]}")
            await team.tell(revised(), source=MONTHLY)
            second = chat.messages[-1]
            number = second.text.rpartition("#A")[2]
            assert first.text.startswith(f"✏️ Corrected since: see #A{number}\n✔️ Handled by an admin\n📊 ")
            assert second.reply_to == first.id

    asyncio.run(scene())


def test_operators_alone_see_the_outbox_and_send_drop_pause_and_release(house: House) -> None:
    async def scene() -> None:
        async with at_work(house) as (team, chat):
            ops = house.telegram.chat(OPERATOR)
            for command in ("outbox", "resend A1", "drop A1", "pause x", "release H1", "version"):
                said = await team.say(chat, f"/{command}", user=ADMIN)
                assert said == "Only the operators of this bot can do that."
            assert (await team.say(chat, "/version", user=OPERATOR_PERSON)).startswith("Figurewatch ")
            chat.refuses = "Forbidden: bot was kicked from the supergroup chat"
            await team.tell(mark(700))
            assert "1 pending" in await team.say(ops, "/outbox", user=OPERATOR_PERSON)
            number = max(alert.id for alert in _alerts(team) if alert.kind == "mark")
            assert (
                await team.say(ops, f"/drop A{number}", user=OPERATOR_PERSON)
                == f"A{number}: 1 message is dropped."
            )
            chat.refuses = ""
            assert (
                await team.say(ops, f"/resend A{number}", user=OPERATOR_PERSON)
                == f"A{number}: sent once more: 1."
            )
            await team.deliver()
            await until(lambda: any("700 signatures" in text for text in chat.texts))
            assert "Which source?" in await team.say(ops, "/pause nothing", user=OPERATOR_PERSON)
            said = await team.say(ops, "/pause parliament_petition:5", user=OPERATOR_PERSON)
            assert "not looked at until /resume" in said

    asyncio.run(scene())


def _alerts(team: Team) -> list[StoredAlert]:
    with team.desk.store.reading() as tx:
        return tx.alerts()


SIGNED = {"name": "A review", "sources": [MONTHLY], "sign_off": True}


@pytest.mark.parametrize("by", ["button", "command"])
def test_with_sign_off_nothing_is_told_until_an_admin_says_yes(
    house: House, by: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "figurewatch.commands")
    house.campaign["campaign"] = SIGNED

    async def scene() -> None:
        async with working(house) as team:
            chat, ops = house.telegram.chat(TEAM), house.telegram.chat(OPERATOR)
            await team.tell(mark(700))
            assert chat.messages == []
            question = ops.messages[-1]
            assert question.text.startswith("✋ May the team be told A1?\n✍️ 700 signatures")
            assert await team.say(chat, "/history", user=MEMBER) == "Nothing has been told yet."
            assert (
                await team.say(chat, "/why A1", user=MEMBER) == "There is no alert #A1. /history lists them."
            )
            assert (await team.say(ops, "/why A1", user=OPERATOR_PERSON)).startswith("#A1 ✍️ 700 signatures")
            chat.messages.clear()
            assert (
                await team.press(ops, question, "Yes", user=MEMBER) == "Only admins of this chat can do that."
            )
            await team.deliver()
            assert chat.messages == []
            if by == "button":
                await team.press(ops, question, "Yes", user=OPERATOR_PERSON)
                await until(lambda: question.text.startswith("✔️ A1 is told: an admin said yes, 14 May 2026"))
            else:
                said = await team.say(ops, "/release A1", user=OPERATOR_PERSON)
                assert said.startswith("✔️ A1 is told: an admin said yes")
            decided = "sign yes 1" if by == "button" else "release A1"
            assert f"{decided} in chat {OPERATOR} by {OPERATOR_PERSON}" in caplog.messages
            await team.deliver()
            assert [text[:17] for text in chat.texts] == ["✍️ 700 signatures"]
            await team.tell(ReleaseOut(ReleaseOut.episode_of(APRIL), APRIL, ()), source=MONTHLY)
            await team.press(ops, ops.messages[-1], "No", user=OPERATOR_PERSON)
            rejected = max(alert.id for alert in _alerts(team) if alert.kind == ReleaseOut.kind)
            await team.say(ops, f"/resend A{rejected}", user=OPERATOR_PERSON)
            await team.tell(revised(), source=MONTHLY)  # a correction marks only what was told
            await team.press(ops, ops.messages[-1], "Yes", user=OPERATOR_PERSON)
            await team.deliver()
            assert [text[:17] for text in chat.texts] == ["✍️ 700 signatures", "✏️ Corrected: NHS"]

    asyncio.run(scene())


@pytest.mark.parametrize("sign_off", [False, True], ids=["at once", "signed"])
def test_what_a_question_holds_back_is_told_at_the_operators_word_and_with_sign_off_at_an_admins(
    house: House, sign_off: bool
) -> None:
    if sign_off:
        house.campaign["campaign"] = SIGNED
    question = Question("jump", "M192", "England", "2026-04", 60.0, 50.0)

    async def scene() -> None:
        async with working(house) as team:
            chat, ops = house.telegram.chat(TEAM), house.telegram.chat(OPERATOR)
            for name in ("right", "wrong"):
                moved = WatchMoved(f"watch:{name}", APRIL, (sample_signal(),), held=name)
                await team.tell(Asked(name, APRIL, question, None), moved, source=MONTHLY)
            right, wrong = (message.text.rpartition("#")[2] for message in ops.messages)
            assert "1 message dropped" in await team.say(ops, f"/reject {wrong}", user=OPERATOR_PERSON)
            said = await team.say(ops, f"/release {right}", user=OPERATOR_PERSON)
            assert said.endswith("1 message to be told" + " once an admin says yes" * sign_off)
            await team.deliver()
            if sign_off:
                assert chat.messages == []
                asked = ops.messages[-1]
                assert asked.text.startswith("✋ May the team be told A2?\n📉 Treated once only")
                with team.desk.store.reading() as tx:
                    number = max(alert.id for alert in tx.alerts())
                with pytest.raises(NotHeld, match="waits for the yes of an admin"):
                    release(team.desk.checker.committer, team.desk.campaign, f"A{number}", team.desk.clock)
                await team.press(ops, asked, "Yes", user=OPERATOR_PERSON)
                await team.deliver()
            assert [text[:20] for text in chat.texts] == ["📉 Treated once only "]
            said = await team.say(ops, f"/release {wrong}", user=OPERATOR_PERSON)
            assert said == f"nothing waits for an answer to {wrong}"

    asyncio.run(scene())


def test_after_a_busy_hour_no_table_holds_a_name_or_a_word_of_anybody(house: House, tmp_path: Path) -> None:
    async def scene() -> None:
        async with at_work(house) as (team, chat):
            for user in range(100, 110):
                await team.say(chat, "/figure zebra stripes", user=user)
                house.later(minutes=6)
            await team.say(chat, "/subscribe crocodile")
            await team.say(chat, "/mute 2h")
            said = await team.say(chat, "/privacy", user=MEMBER)
            assert "No names, no messages of anybody" in said

    asyncio.run(scene())
    path = tmp_path / "figurewatch.db"
    assert rows_about(path, {"Somebody", "zebra", "crocodile", "Campaign team"}) == set()


def test_with_sign_off_the_pinned_message_says_nothing_of_claims(house: House) -> None:
    house.campaign["campaign"] = SIGNED

    async def scene() -> None:
        async with at_work(house) as (team, chat):
            await Board(team.desk).refresh(asyncio.Event())
            assert chat.texts[0].startswith("📍 A review\n✍️ 634 signatures")
            assert "📌" not in chat.texts[0]

    asyncio.run(scene())


def test_one_pinned_message_says_how_things_stand_and_is_edited_only_when_that_changes(house: House) -> None:
    async def scene() -> None:
        async with at_work(house) as (team, chat):
            board, stop = Board(team.desk), asyncio.Event()
            await board.refresh(stop)
            (shown,) = chat.messages
            assert shown.text == (
                "📍 A review\n"
                "✍️ 634 signatures of 1,000: UK Parliament petition 5\n"
                "📅 Next: NHS Talking Therapies, monthly, 11 June 2026\n"
                "📌 No claim is in trouble."
            )
            assert shown.silent
            assert chat.pinned == [shown.id]
            calls = len(house.telegram.calls)
            await board.refresh(stop)
            edits = [call for call in house.telegram.calls[calls:] if "Message" in call.method]
            assert edits == []
            count(team, 702)
            await board.refresh(stop)
            assert "✍️ 702 signatures" in shown.text
            assert len(chat.messages) == 1
            chat.delete(shown.id)
            count(team, 703)
            await board.refresh(stop)
            assert [text.splitlines()[1][:9] for text in chat.texts] == ["✍️ 703 si"]
            assert chat.pinned[-1] == chat.messages[-1].id

    asyncio.run(scene())


def count(team: Team, signatures: int) -> None:
    """Let the petition have so many signatures now."""
    team.house.later(minutes=10)
    now, measure = team.house.now, Measure("signatures", "Signatures", Unit.SIGNATURES)
    figure = Figure(measure, EVERYWHERE, reading_period(now), float(signatures))
    with team.desk.store.writing() as tx:
        tx.save_figures("parliament_petition:5", LIVE, [figure], now, now)


def test_what_has_ended_is_said_by_a_reply_and_nothing_is_taken_away(house: House) -> None:
    told = Said("2026-02", -1, 2.0, 47.1, "")
    closing = Closing("M192", "England", "", "2026-04", 50.2, told)

    async def scene() -> None:
        async with at_work(house) as (team, chat):
            ended = Closed.of(APRIL, closing)
            await team.tell(ended, source=MONTHLY)
            assert chat.messages == []
            episode = WatchMoved.episode_of("2026-02", "M192", "England")
            await team.tell(WatchMoved(episode, APRIL, (sample_signal(),)), source=MONTHLY)
            first = chat.messages[0]
            await team.tell(ended, source=MONTHLY)
            reply = chat.messages[-1]
            assert reply.text.startswith("Back to usual: Recovery, England, 50.2% (told in February 2026).")
            assert (reply.reply_to, reply.silent) == (first.id, True)
            assert chat.messages[0] is first

    asyncio.run(scene())
