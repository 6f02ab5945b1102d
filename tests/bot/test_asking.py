"""What people ask in Telegram, from their words to what their chat shows, over HTTP."""

from __future__ import annotations

import csv
import logging
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from io import StringIO
from pathlib import Path

import pytest

from bot.commands import replies
from bot.commands.asking import COMMANDS
from scrapers.toolkit.contract import ENGLAND, Figure
from state.records import Trouble
from tests.bot.asked import MONTHLY, MONTHS, NOW, RECOVERY, TRUST, Conversation, listening, until
from tests.bot.house import OPERATOR, House, open_house, sqlite
from tests.bot.rooms import ROOMS
from tests.fakes.bot_api import BLOCKED, rate_limited, refusal
from tests.fakes.nhs import Issue

pytestmark = pytest.mark.anyio

GROUP, STRANGER = -2001, 999


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Give a house whose store is new."""
    with open_house(sqlite(tmp_path)) as house:
        yield house


@asynccontextmanager
async def talking(house: House, room: str = "a group") -> AsyncIterator[Conversation]:
    """Give somebody in a chat in which a bot listens that can be asked."""
    id, kind, thread = ROOMS[room]
    chat = house.telegram.add_chat(id, kind=kind, topics=(thread,) if thread else ())
    async with listening(house, str(id)):
        yield Conversation(house.telegram, chat, thread)


async def test_a_figure_is_told_with_all_that_it_is_to_be_compared_with(house: House) -> None:
    async with talking(house) as person:
        answer = await person.ask("/figure drop-out England")
    assert answer.text.splitlines() == [
        'Treated once only ("access attrition"), England: 40.2% in March 2026',
        "There is no official drop-out figure; this is the one nearest to what people mean.",
        "Month before: 40.2%. Same month last year: 40.2%.",
        "Usual range 40.2% to 40.2%: nothing unusual.",
        "Of referrals that were treated and ended: 38,482 of 95,712.",
        "Twelve months together: 40.2%.",
        "These are referrals, not people.",
        "Treated once includes single sessions that were agreed.",
        "NHS England · published 14 May 2026",
    ]


async def test_another_meaning_takes_the_answers_place_at_a_press(house: House) -> None:
    async with talking(house) as person:
        answer = await person.ask("/figure drop-out")
        await person.press(answer, "Ended before treatment")
        await until(lambda: answer.text.startswith("Ended before treatment, England"))
        assert len(person.chat.messages) == 1


async def test_how_a_figure_is_made_is_told_with_its_numbers_and_rows(house: House) -> None:
    async with talking(house) as person:
        answer = await person.ask("/figure treated once")
        await person.press(answer, "How it is made")
        await until(lambda: len(person.chat.messages) == 2)
        made = person.chat.messages[-1].text
    assert "100 × M075 38,482 ÷ (M056 150,969 − M153 55,257) = 40.2%" in made
    assert "Rows M075, M056, M153 of England, March 2026: 2026-03.csv" in made
    assert "No correction so far." in made


async def test_what_is_withheld_or_of_too_few_is_said_so_and_never_a_number(house: House) -> None:
    async with talking(house) as person:
        assert (await person.ask("/figure recovery Devon")).text.startswith(
            "Recovery, NHS DEVON ICB - 15N: withheld by the publisher in March 2026"
        )
        few = (await person.ask(f"/figure drop-out {TRUST.code}")).text
    assert "not computed in March 2026, for it is of fewer than 50" in few
    assert "Providers see different people: this is no ranking." in few


async def test_deaths_are_told_of_england_only(house: House) -> None:
    async with talking(house) as person:
        assert (await person.ask("/figure M062")).text.startswith("Ended died, England: 197")
        assert (await person.ask("/figure M062 Kent")).text.startswith("There is no figure for")


async def test_spelling_is_forgiven_and_said(house: House) -> None:
    async with talking(house) as person:
        answer = (await person.ask("/figure recovry Kentt")).text
    assert answer.startswith("Recovery, NHS KENT AND MEDWAY ICB - 91Q")
    assert "Read as “recovery kent”." in answer


async def test_what_is_not_found_is_answered_with_the_nearest_as_buttons(house: House) -> None:
    async with talking(house) as person:
        answer = await person.ask("/figure Kent")
        assert answer.text == "Which figure of NHS KENT AND MEDWAY ICB - 91Q?"
        await person.press(answer, "Recovery")
        await until(lambda: answer.text.startswith("Recovery, NHS KENT"))
        nothing = (await person.ask("/figure flying saucers")).text
    assert nothing == "Nothing here is called “flying saucers”. What can be asked for: /measures"


async def test_two_places_are_compared_with_one_chart(house: House) -> None:
    async with talking(house) as person:
        answer, chart = await person.asks("/compare drop-out Kent Devon", count=2)
    assert answer.text.startswith(
        'Treated once only ("access attrition"): NHS KENT AND MEDWAY ICB - 91Q and NHS DEVON ICB - 15N'
    )
    assert "Of referrals that were treated and ended." in answer.text
    assert chart.photo is not None
    assert chart.reply_to == answer.id


async def test_the_petition_is_told_with_its_pace_and_date(house: House) -> None:
    async with talking(house) as person:
        answer, chart = await person.asks("/petition", count=2)
    assert re.search(r"634 signatures\n.*\n\d+ a day now\.\n366 to go to our goal of 1,000\.", answer.text)
    assert "four times in five between" in answer.text
    assert chart.photo is not None


async def test_the_status_is_refreshed_in_place(house: House) -> None:
    async with talking(house) as person:
        answer = await person.ask("/status")
        assert "✅ NHS Talking Therapies, monthly: checked 4 min ago" in answer.text
        assert "next 11 June 2026" in answer.text
        with house.store() as store, store.writing() as tx:
            tx.set_trouble(MONTHLY, Trouble("passing", "503", NOW))
        await person.press(answer, "Refresh")
        await until(lambda: "⚠️ NHS Talking Therapies, monthly: cannot be reached" in answer.text)
        assert len(person.chat.messages) == 1


async def test_coming_releases_are_told_with_londons_time(house: House) -> None:
    async with talking(house) as person:
        answer = await person.ask("/next")
    assert "11 June 2026, 09:30 London time: NHS Talking Therapies, monthly (April 2026)" in answer.text


async def test_why_says_the_rule_the_numbers_and_what_was_corrected_since(house: House) -> None:
    async with talking(house) as person:
        before = (await person.ask("/why #A1")).text
        with house.store() as store, store.writing() as tx:
            figure = Figure(RECOVERY, ENGLAND, MONTHS[-1], 49.0)
            tx.save_figures(MONTHLY, Issue(MONTHS[-1]).slug, [figure], NOW, NOW.replace(hour=12))
        after = (await person.ask("/why 1")).text
    assert "Told because a release came out" in before
    assert "Recovery, England, March 2026: 51.2%, before that 50.0%" in before
    assert "No correction since then." in before
    assert "Corrected: M192 was 50.0%, is 49.0%, seen on 14 May 2026." in after


async def test_why_in_a_reply_is_about_the_message_that_is_replied_to(house: House) -> None:
    async with talking(house) as person:
        listed = await person.ask("/history 1")
        assert "#A2" in listed.text
        assert "#A1" not in listed.text
        answer = await person.ask("/why", replying_to=listed.id)
    assert answer.text.startswith("#A2 ✍️ 634 signatures")


async def test_the_operators_messages_are_not_for_the_team(house: House) -> None:
    async with talking(house) as person:
        assert (await person.ask("/why 99")).text == "There is no alert #A99. /history lists them."


async def test_a_series_comes_as_a_file(house: House) -> None:
    async with talking(house) as person:
        answer = await person.ask("/export recovery Devon")
    assert answer.document is not None
    name, body = answer.document
    rows = list(csv.DictReader(StringIO(body.decode())))
    assert name == "M192-15N.csv"
    assert [row["period"] for row in rows] == MONTHS
    assert (rows[-1]["value"], rows[-1]["withheld"]) == ("", "True")


async def test_a_link_to_the_bot_opens_a_figure(house: House) -> None:
    async with talking(house, "a private chat") as person:
        answer = await person.ask("/figure recovery Kent")
        data = answer.buttons[0][0]["callback_data"].split(":")
        assert (await person.ask(f"/start figure_{data[1]}_{data[2]}")).text == answer.text
        assert (await person.ask("/start figure_0_0")).text.startswith("This menu is out of date")
        assert (await person.ask("/start '; DROP TABLE")).text.startswith("This is Figurewatch")


async def test_in_a_private_chat_plain_words_are_a_question(house: House) -> None:
    async with talking(house, "a private chat") as person:
        assert (await person.ask("recovery in Kent")).text.startswith("Recovery, NHS KENT AND MEDWAY")


async def test_an_old_menu_gets_one_clear_line(house: House) -> None:
    async with talking(house) as person:
        answer = await person.ask("/figure recovery")
        stale = "This menu is out of date. Please ask again."
        for data in ("figure:00000000:00000000", "mute:1h", "figure", "x" * 64, "go:start", "figure:a:b:c"):
            assert await person.send(answer, data) == stale, data
        assert await person.send(answer, answer.buttons[0][0]["callback_data"], old=True) == stale
        assert len(person.chat.messages) == 1


async def test_a_figure_can_be_posted_in_any_chat_by_those_who_are_in_ours(house: House) -> None:
    async with talking(house) as person:
        await person.ask("/help")
        id = house.telegram.ask("drop-out Kent")
        await until(lambda: id in house.telegram.inline_answers)
        cards = house.telegram.inline_answers[id]
        assert cards[0].title.startswith('Treated once only ("access attrition"), NHS KENT')
        assert "NHS England · published 14 May 2026 · Open Government Licence v3.0" in cards[0].text
        assert len(cards) > 1
        nothing = house.telegram.ask("flying saucers")
        await until(lambda: nothing in house.telegram.inline_answers)
        assert house.telegram.inline_answers[nothing] == []


async def test_a_stranger_gets_one_line_and_no_figure(house: House) -> None:
    async with talking(house) as person:
        alone = house.telegram.add_chat(STRANGER, kind="private")
        foreign = house.telegram.add_chat(-3001, kind="group")
        for text in ("/figure drop-out", "/start", "hello"):
            house.telegram.say(STRANGER, text, user=STRANGER)
            house.telegram.say(-3001, text, user=STRANGER)
        await person.ask("/help")
        await until(lambda: len(alone.messages) >= 1)
    assert alone.texts == ["This bot works for a campaign team and answers only in its chats."]
    assert foreign.texts == []


async def test_more_questions_than_are_answered_in_a_minute_are_told_once_a_minute(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replies, "MOST_IN_GROUP", 2)
    async with talking(house) as person:
        answer = await person.ask("/help")
        await person.ask("/next")
        assert (await person.ask("/claims")).text.startswith("That is a lot of questions for one minute")
        house.telegram.say(person.chat.id, "/latest")
        assert (await person.press(answer, "Newest")).startswith("That is a lot of questions")
        assert len(person.chat.messages) == 3
        house.later(minutes=1)
        assert (await person.ask("/next")).text.startswith("Coming releases")
        house.later(seconds=30)
        assert (await person.ask("/help")).buttons
        house.later(seconds=30)
        assert (await person.ask("/next")).text.startswith("Coming releases")


async def test_questions_that_waited_too_long_are_passed_over(house: House) -> None:
    async with talking(house) as person:
        house.telegram.say(GROUP, "/claims", ago=10 * 365 * 24 * 3600)
        await person.ask("/help")
    assert len(person.chat.messages) == 1


async def test_an_answer_finds_its_way_around_what_telegram_refuses(house: House) -> None:
    async with talking(house, "a topic") as person:
        house.telegram.fail(rate_limited(1))
        assert (await person.ask("/next")).text.startswith("Coming releases")
        person.chat.closed_topics.add(7)
        assert (await person.ask("/claims")).thread is None
        house.telegram.fail(BLOCKED)
        sent = len(house.telegram.calls)
        house.telegram.say(person.chat.id, "/history", thread=7)
        await until(lambda: "sendMessage" in [call.method for call in house.telegram.calls[sent:]])
        assert (await person.ask("/latest")).text.startswith("Newest")


async def test_unknown_commands_are_answered_only_where_they_are_meant_for_us(house: House) -> None:
    async with talking(house) as person:
        house.telegram.say(GROUP, "/dance")
        house.telegram.say(GROUP, "/dance@another_bot")
        answer = await person.ask("/dance@figurewatch_bot")
        assert answer.text == "I do not know that one. /help says what I can do."
        assert len(person.chat.messages) == 1


async def test_an_error_is_told_in_one_line_and_logged_without_anybodys_words(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "figurewatch")
    async with talking(house) as person:
        with house.store() as store, store.writing() as tx:
            tx._connection.exec_driver_sql("DROP TABLE measure_names")
            tx._connection.exec_driver_sql(
                "INSERT INTO facts VALUES (NULL, 'x', 'x', 'x', '2026-05-14T09:00:00.000000Z')"
            )
        answer = await person.ask("/figure my secret illness")
        assert answer.text == "That went wrong on our side and is noted. Please try something else."
        assert (await person.ask("/next")).text.startswith("Coming releases")
    logged = " ".join(
        record.getMessage() for record in caplog.records if record.name.startswith("figurewatch")
    )
    assert "could not be answered: StoreError" in logged
    assert "secret" not in logged


async def test_the_menus_name_what_everybody_may_ask(house: House) -> None:
    async with talking(house):
        menus = house.telegram.commands
    kinds = {re.sub(r".*\"type\": ?\"(\w+)\".*", r"\1", scope) for scope in menus}
    assert kinds >= {"default", "all_private_chats", "all_group_chats"}
    for menu in menus.values():
        assert {command["command"] for command in menu} >= set(COMMANDS) - {"start"}


async def test_a_press_that_goes_wrong_is_answered_too(house: House) -> None:
    async with talking(house) as person:
        answer = await person.ask("/figure recovery")
        with house.store() as store, store.writing() as tx:
            tx._connection.exec_driver_sql("DROP TABLE facts")
        assert (await person.press(answer, "Chart")).startswith("That went wrong on our side")


async def test_people_of_other_chats_get_no_cards(house: House) -> None:
    async with talking(house):
        for chat in (GROUP, OPERATOR):
            house.telegram.chat(chat).outsiders.add(STRANGER)
        house.telegram.ask("drop-out", user=STRANGER)
        id = house.telegram.ask("drop-out", user=1)
        await until(lambda: id in house.telegram.inline_answers)
        assert list(house.telegram.inline_answers) == [id]


def test_no_level_of_the_log_shows_what_people_write() -> None:
    program = (
        "import logging; from bot.operate.logs import start_logging; start_logging([], logging.DEBUG); "
        "logging.getLogger('telegram.ext.Application').debug('Processing update: my secret illness')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == ""


async def test_an_answer_follows_a_group_that_became_a_supergroup(house: House) -> None:
    async with talking(house) as person:
        moved = house.telegram.add_chat(-1009)
        why = "Bad Request: group chat was upgraded to a supergroup chat"
        house.telegram.fail(refusal(400, why, migrate_to_chat_id=-1009))
        house.telegram.say(person.chat.id, "/next")
        await until(lambda: bool(moved.messages))
    assert moved.texts[0].startswith("Coming releases")
