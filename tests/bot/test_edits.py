"""What a chat shows when a message is edited, answered or has a picture, whatever goes wrong on the way."""

from __future__ import annotations

import asyncio
import io
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.delivery.packing import Picture, pack
from bot.delivery.sender import Drained
from bot.delivery.transports import ConsoleTransport
from bot.operate import crash
from bot.wording import charts
from bot.wording.charts import PetitionChart
from bot.wording.markup import CAPTION_LIMIT, REPLACES, RESENT, Button, Message, bold, line, payload
from state.records import Action, Amendment, Destination, NewAlert, Parcel
from state.store import Store
from tests.bot.test_delivery import (
    FORUM,
    GROUP,
    OTHER,
    Office,
    die_at,
    die_while_sending,
    first_lines,
    release,
    second_copy,
    start_again,
)
from tests.fakes import bot_api
from tests.fakes.bot_api import BotApi, Chat, Fault, Shown, rate_limited, refusal
from tests.soak.pens import drawing, make_pens

PNG = b"\x89PNG, more or less"
GONE = "Bad Request: message to edit not found"


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = Store.open(database_url)
    yield opened
    opened.close()


@pytest.fixture
def office(store: Store) -> Iterator[Office]:
    with BotApi() as server:
        server.add_chat(GROUP)
        server.add_chat(OTHER)
        server.add_chat(FORUM, topics=(7,))
        yield Office(store, server)


def said(text: str, **more: Any) -> dict[str, Any]:
    return payload(Message((line(bold(text)),), **more))


def amend(office: Office, alert: int, text: str, episode: str = "", **more: Any) -> None:
    """Say an alert in other words."""
    with office.store.writing() as tx:
        payloads = dict.fromkeys(tx.payloads(alert), said(text, **more))
        tx.amend_alert(Amendment(alert, episode or text, text, {}, payloads), office.clock())


def answer(office: Office, text: str, target: int, action: Action = "reply", chat: int = GROUP) -> None:
    """Post an alert that answers an earlier one."""
    with office.store.writing() as tx:
        number = tx.next_alert_id()
        parcel = Parcel(str(chat), said(text), action=action, target=target)
        assert tx.add_alert(NewAlert(number, "", "test", text, text, parcels=(parcel,)), office.clock())


def illustrate(office: Office, message: Message, chat: int = GROUP) -> None:
    """Post a message with a picture."""
    with office.store.writing() as tx:
        number = tx.next_alert_id()
        parcels = pack(message, [Destination(str(chat))], Picture(PNG, "Chart: it falls"))
        assert tx.add_alert(NewAlert(number, "", "test", f"{number}", "", parcels=parcels), office.clock())


def shown(office: Office, chat: int = GROUP) -> list[Shown]:
    return office.server.chat(chat).messages


def methods(office: Office) -> list[str]:
    return [call.method for call in office.server.calls]


def test_an_edit_takes_the_place_of_a_message_and_its_buttons_in_every_chat(office: Office) -> None:
    content = said("from the page", buttons=((Button("Open", "https://a.uk/p"),),))
    parcels = (Parcel(str(GROUP), content), Parcel(str(FORUM), content, 7))
    with office.store.writing() as tx:
        tx.add_alert(NewAlert(1, "", "test", "fact", "from the page", parcels=parcels), office.clock())
    office.drain()
    amend(office, 1, "complete", buttons=((Button("Why", callback="why 1"),),))
    assert office.drain() == Drained(sent=2)
    for chat in (GROUP, FORUM):
        [message] = shown(office, chat)
        assert (message.text, [entity.type for entity in message.entities]) == ("complete", ["bold"])
        assert message.buttons == [[{"text": "Why", "callback_data": "why 1"}]]
        assert message.edited
    with office.store.reading() as tx:
        log = [(alert.text, alert.state, alert.action) for alert in tx.alerts()]
    assert log == [("complete", "sent", "send")] * 2 + [("complete", "sent", "edit")] * 2


@pytest.mark.parametrize("doubt", [False, True], ids=["never tried", "in doubt"])
def test_what_was_not_sent_yet_is_sent_in_its_new_words(office: Office, doubt: bool) -> None:
    office.post("first")
    if doubt:
        office.server.fail(bot_api.CUT)
        office.drain()
    amend(office, 1, "better")
    amend(office, 1, "best")
    office.drain_all()
    assert [message.text for message in shown(office)] == [second_copy("best") if doubt else "best"]
    assert "editMessageText" not in methods(office)


def test_words_that_change_while_their_turn_is_waited_for_are_the_new_ones(office: Office) -> None:
    office.post("first")
    office.post("second")
    crash.arm(lambda point: amend(office, 2, "better") if point == "sender:due" and shown(office) else None)
    try:
        office.drain()
    finally:
        crash.arm(None)
    assert office.server.chat(GROUP).texts == ["first", "better"]


def test_edits_that_wait_are_made_as_one(office: Office) -> None:
    office.post("1")
    office.drain()
    for text in ("2", "3", "4"):
        amend(office, 1, text)
    office.drain()
    assert office.server.chat(GROUP).texts == ["4"]
    assert methods(office) == ["sendMessage", "editMessageText"]


IN_DOUBT = {
    "cut": bot_api.CUT,
    "cut after it was made": bot_api.CUT_AFTER_DELIVERY,
    "bad gateway after it was made": bot_api.BAD_GATEWAY_AFTER_DELIVERY,
    "junk": bot_api.JUNK,
    "too many": rate_limited(3),
}


@pytest.mark.parametrize("fault", IN_DOUBT.values(), ids=IN_DOUBT)
def test_an_edit_in_doubt_is_made_again_and_marks_nothing(office: Office, fault: Fault) -> None:
    office.post("first")
    office.drain()
    office.server.fail(fault, fault, fault, method="editMessageText")
    amend(office, 1, "second")
    office.post("after it")
    office.drain_all()
    assert office.server.chat(GROUP).texts == ["second", "after it"]
    assert office.told == []
    assert set(office.states().values()) == {"sent"}


def test_an_edit_that_is_in_doubt_for_ever_holds_up_its_chat_for_some_minutes(office: Office) -> None:
    office.post("first")
    office.drain()
    begun = office.clock()
    office.server.fault = lambda call: bot_api.CUT if call.method == "editMessageText" else None
    amend(office, 1, "second")
    office.post("after it")
    office.drain_all()
    assert office.server.chat(GROUP).texts == ["first", "after it"]
    assert (office.clock() - begun).total_seconds() < 600
    assert "#A1 was edited in -1001, and nobody can know whether it shows" in office.reports


@pytest.mark.parametrize("lost", ["deleted", "too old to be edited", "never confirmed", "given up"])
def test_where_there_is_nothing_to_edit_a_new_message_says_so(office: Office, lost: str) -> None:
    if lost == "never confirmed":
        office.server.fail(bot_api.CUT, bot_api.CUT)
    if lost == "given up":
        office.server.fail(refusal(400, "Bad Request: nothing mends this"))
    office.post("first")
    office.drain_all()
    if lost == "deleted":
        office.server.chat(GROUP).delete(1)
    if lost == "too old to be edited":
        shown(office)[0].fixed = True
    before = len(shown(office))
    amend(office, 1, "second")
    office.drain()
    assert [message.text for message in shown(office)][before:] == [f"{REPLACES}\nsecond"]
    assert shown(office)[-1].reply_to == (1 if lost == "too old to be edited" else None)
    amend(office, 1, "third")
    office.drain()
    assert [message.text for message in shown(office)][before:] == [f"{REPLACES}\nthird"]


def test_a_message_in_place_of_another_is_sent_at_most_twice_and_the_second_copy_is_marked(
    office: Office,
) -> None:
    office.post("first")
    office.drain()
    office.server.chat(GROUP).delete(1)
    amend(office, 1, "second")
    office.server.fail(bot_api.CUT_AFTER_DELIVERY)
    office.drain_all()
    assert office.server.chat(GROUP).texts == [f"{REPLACES}\nsecond", f"{RESENT}\n{REPLACES}\nsecond"]


def test_an_edit_that_says_what_is_there_already_is_done(office: Office) -> None:
    office.post("first")
    office.drain()
    amend(office, 1, "first")
    assert office.drain() == Drained(sent=1)
    assert office.told == []


def test_an_edit_whose_markup_is_refused_is_made_plain(office: Office) -> None:
    office.post("first")
    office.drain()
    with office.store.writing() as tx:
        payloads = {to: {**said("630"), "html": "<p>630</p>"} for to in tx.payloads(1)}
        tx.amend_alert(Amendment(1, "x", "630", {}, payloads), office.clock())
    office.drain()
    assert office.server.chat(GROUP).texts == ["630"]


def test_in_a_group_that_moved_no_stranger_is_edited(office: Office) -> None:
    office.post("first")
    office.drain()
    moved = office.server.migrate(GROUP, -1009)
    moved.last_id = 0
    office.post("second")
    office.drain()
    assert [(message.id, message.text) for message in moved.messages] == [(1, "second")]
    amend(office, 1, "first, better")
    office.drain()
    assert moved.texts == ["second", f"{REPLACES}\nfirst, better"]


def test_an_edit_that_hears_of_the_move_itself_becomes_a_message(office: Office) -> None:
    office.post("first")
    office.drain()
    moved = office.server.migrate(GROUP, -1009)
    amend(office, 1, "better")
    office.drain()
    assert moved.texts == [f"{REPLACES}\nbetter"]
    assert len(office.told) == 1


def test_an_edit_waits_for_a_chat_that_takes_nothing(office: Office) -> None:
    office.post("first")
    office.drain()
    office.server.kick(GROUP)
    amend(office, 1, "second")
    assert office.drain().later == 1
    office.server.take_in(GROUP)
    office.wait(3600)
    office.drain()
    assert office.server.chat(GROUP).texts == ["second"]


@pytest.mark.parametrize("point", ["sender:begun", "sender:called", "sender:posted", "sender:done"])
def test_wherever_the_process_dies_an_edit_is_made_and_no_message_doubled(office: Office, point: str) -> None:
    office.post("first")
    office.drain()
    amend(office, 1, "second")
    die_at(office, f"{point}:1")
    office.drain_all()
    assert office.server.chat(GROUP).texts == ["second"]


def test_after_a_death_in_the_middle_of_a_send_the_marked_copy_has_the_new_words(office: Office) -> None:
    office.post("first")
    die_while_sending(office)
    amend(office, 1, "second")
    start_again(office)
    office.drain_all()
    assert office.server.chat(GROUP).texts == ["first", second_copy("second")]
    amend(office, 1, "third")
    office.drain()
    assert office.server.chat(GROUP).texts == ["first", second_copy("third")]


def test_a_release_is_told_when_it_is_sent_and_its_edits_are_no_second_report(office: Office) -> None:
    release(office, GROUP, OTHER)
    office.drain()
    office.wait(300)
    amend(office, 1, "complete")
    office.drain()
    office.drain()
    assert first_lines(office) == ["📬 #A1 told: 2 of 2 chats, 41 s after publication"]


# Replies.


def test_a_reply_answers_the_alert_and_is_edited_by_its_own_number(office: Office) -> None:
    office.post("first")
    office.post("something else")
    answer(office, "corrected", 1)
    answer(office, "first, corrected", 1, "edit")
    office.drain()
    amend(office, 3, "corrected again")
    office.drain()
    assert [(message.text, message.reply_to) for message in shown(office)] == [
        ("first, corrected", None),
        ("something else", None),
        ("corrected again", 1),
    ]


def test_a_reply_to_what_is_gone_or_never_arrived_is_a_message(office: Office) -> None:
    office.post("first")
    office.drain()
    office.server.chat(GROUP).delete(1)
    answer(office, "to a deleted one", 1)
    answer(office, "to one of another chat", 1, chat=OTHER)
    office.drain()
    assert [(message.text, message.reply_to) for message in shown(office)] == [("to a deleted one", None)]
    assert [(message.text, message.reply_to) for message in shown(office, OTHER)] == [
        ("to one of another chat", None)
    ]


def test_a_second_copy_of_a_reply_is_marked_and_still_answers(office: Office) -> None:
    office.post("first")
    office.drain()
    answer(office, "corrected", 1)
    office.server.fail(bot_api.CUT_AFTER_DELIVERY)
    office.drain_all()
    assert [(m.text, m.reply_to) for m in shown(office)][1:] == [
        ("corrected", 1),
        (second_copy("corrected"), 1),
    ]


# Pictures.


def test_a_picture_has_the_message_for_its_caption_and_says_what_it_shows(office: Office) -> None:
    illustrate(office, Message((line(bold("40.8%")),), buttons=((Button("Open", "https://a.uk/p"),),)))
    office.drain()
    [message] = shown(office)
    assert (message.text, message.photo) == ("40.8%\nChart: it falls", PNG)
    assert [entity.type for entity in message.entities] == ["bold", "italic"]
    assert message.buttons


def test_a_text_that_is_too_long_for_a_caption_goes_first_and_the_picture_follows_in_silence(
    office: Office,
) -> None:
    illustrate(office, Message((line("x" * CAPTION_LIMIT),)))
    office.drain()
    assert [(m.text, m.photo, m.silent) for m in shown(office)] == [
        ("x" * CAPTION_LIMIT, None, False),
        ("Chart: it falls", PNG, True),
    ]


@pytest.mark.parametrize("why", ["no right to send photos", "a broken picture"])
def test_a_refused_picture_does_not_cost_the_message(office: Office, why: str) -> None:
    if why == "a broken picture":
        office.server.fail(refusal(400, "Bad Request: IMAGE_PROCESS_FAILED"), method="sendPhoto")
    else:
        office.server.chat(GROUP).may_send_photos = False
    illustrate(office, Message((line("40.8%"),)))
    office.drain()
    assert [(m.text, m.photo) for m in shown(office)] == [("40.8%\nChart: it falls", None)]
    assert office.store.chats() == {}


def test_refused_markup_or_length_of_a_caption_keeps_the_picture(office: Office) -> None:
    office.server.fail(
        refusal(400, "Bad Request: can't parse entities"),
        refusal(400, "Bad Request: message caption is too long"),
        method="sendPhoto",
    )
    illustrate(office, Message((line("40.8%"), line("more"))))
    office.drain()
    assert [(m.text, m.photo) for m in shown(office)] == [("40.8%", PNG)]


def test_a_second_copy_of_a_picture_is_marked_and_there_is_no_third(office: Office) -> None:
    illustrate(office, Message((line("40.8%"),)))
    office.server.fail(bot_api.CUT_AFTER_DELIVERY, bot_api.CUT_AFTER_DELIVERY, method="sendPhoto")
    office.drain_all()
    caption = "40.8%\nChart: it falls"
    assert office.server.chat(GROUP).texts == [caption, second_copy(caption)]
    assert "#A1 was sent twice" in office.reports


def test_the_caption_of_a_picture_is_edited_and_the_picture_stays(office: Office) -> None:
    illustrate(office, Message((line("40.8%"),)))
    office.drain()
    amend(office, 1, "40.9%")
    office.drain()
    amend(office, 1, "40.9%", episode="again")
    office.drain()
    assert [(m.text, m.photo) for m in shown(office)] == [("40.9%", PNG)]


def test_a_picture_is_stored_once_for_all_chats(office: Office) -> None:
    for chat in (GROUP, OTHER):
        illustrate(office, Message((line("40.8%"),)), chat)
    assert office.drain().sent == 2
    assert [shown(office, chat)[0].photo for chat in (GROUP, OTHER)] == [PNG, PNG]


CHART = PetitionChart("Petition", ("2026-05-14T09:00:00+00:00",), (100,), 1000, (None, None, None), "Us")


def test_a_chart_is_drawn_once_for_all_chats(office: Office, tmp_path: Path) -> None:
    make_pens(tmp_path)
    picture = Picture(charts.packed(CHART).encode(), "Chart: it rises")
    with office.store.writing() as tx:
        for number, chat in enumerate((GROUP, OTHER), start=1):
            parcels = pack(Message((line("40.8%"),)), [Destination(str(chat))], picture)
            tx.add_alert(NewAlert(number, "", "test", f"{chat}", "", parcels=parcels), office.clock())
    with drawing(str(tmp_path), "quick"):
        office.drain()
    (one,), (other,) = shown(office, GROUP), shown(office, OTHER)
    assert one.photo
    assert one.photo == other.photo


def test_a_death_while_a_chart_is_drawn_leaves_nothing_in_doubt(office: Office, tmp_path: Path) -> None:
    make_pens(tmp_path)
    parcels = pack(
        Message((line("40.8%"),)),
        [Destination(str(GROUP))],
        Picture(charts.packed(CHART).encode(), "It rises"),
    )
    with office.store.writing() as tx:
        tx.add_alert(NewAlert(1, "", "test", "fact", "", parcels=parcels), office.clock())
    die_at(office, "sender:drawing")
    with drawing(str(tmp_path), "broken"):
        office.drain()
    assert [(message.text, message.photo) for message in shown(office)] == [("40.8%\nIt rises", None)]


# Elsewhere than in Telegram, and all at once.


def test_the_console_shows_an_edit_as_a_new_text_and_a_picture_in_words(office: Office) -> None:
    office.allowed = {"console"}
    screen = io.StringIO()

    def show() -> str:
        asyncio.run(office.sender_to(lambda chat: ConsoleTransport(screen)).drain())
        return screen.getvalue()

    with office.store.writing() as tx:
        message = Message((line("first"),))
        parcels = pack(message, [Destination("console")], Picture(PNG, "Chart: it falls"))
        tx.add_alert(NewAlert(1, "", "test", "fact", "first", parcels=parcels), office.clock())
    assert show() == "→ console\nfirst\nChart: it falls\n\n"
    amend(office, 1, "second")
    assert show().endswith(f"\n\n→ console\n{REPLACES}\nsecond\n\n")


FAULTS = (
    bot_api.CUT,
    bot_api.BAD_GATEWAY,
    bot_api.JUNK,
    bot_api.CUT_AFTER_DELIVERY,
    bot_api.BAD_GATEWAY_AFTER_DELIVERY,
    bot_api.JUNK_AFTER_DELIVERY,
    rate_limited(3),
    refusal(400, GONE),
)


@pytest.mark.parametrize("seed", range(6))
def test_with_every_third_call_faulty_each_chat_ends_with_the_last_words(office: Office, seed: int) -> None:
    chance = random.Random(seed)
    office.pace = replace(office.pace, unit=0.001)
    office.server.fault = lambda call: chance.choice(FAULTS[:-1]) if chance.random() < 0.35 else None
    for number in range(1, 6):
        office.post(f"{number} early")
        office.drain()
        early = [message.id for message in shown(office) if message.text.endswith(f"{number} early")]
        if early and chance.random() < 0.3:
            office.server.chat(GROUP).delete(early[-1])
        amend(office, number, f"{number} complete")
    office.drain_all()
    states = office.states()
    for number in range(1, 6):
        texts = [text for text in office.server.chat(GROUP).texts if f"{number} " in text]
        assert len(texts) <= 3
        assert sum(text.startswith(str(number)) for text in texts) <= 1
        if states[f"{number} complete"] == "sent":
            assert any(text.endswith(f"{number} complete") for text in texts)
        else:
            assert f"#A{number} was " in office.reports


def test_limits_count_edits_too(store: Store) -> None:
    limits = bot_api.Limits(unit=0.02, burst=30, overall=1000)
    with BotApi(open_house=True, limits=limits) as server:
        office = Office(store, server)
        office.pace = replace(office.pace, window=61 * limits.unit)
        office.post("0")

        async def play() -> None:
            async with office.sender() as sender:
                for number in range(1, 25):
                    await sender.drain()
                    amend(office, 1, str(number))
                await sender.drain()

        asyncio.run(play())
        assert server.refusals == 0
        room: Chat = server.chat(GROUP)
        assert room.texts == ["24"]
