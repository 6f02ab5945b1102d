"""The fake Bot API server must be as strict as the official one, or it proves nothing."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from telegram import Bot, BotCommand, BotCommandScopeAllGroupChats, ReplyParameters
from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, InvalidToken, NetworkError, TimedOut
from telegram.request import HTTPXRequest

from tests.fakes import bot_api
from tests.fakes.bot_api import (
    BAD_GATEWAY,
    CUT,
    CUT_AFTER_DELIVERY,
    JUNK,
    TOKEN,
    BotApi,
    Limits,
    refusal,
    stalled,
)
from tests.fakes.telegram_html import Entity, MarkupError, parse_html

GROUP = -1001
FORUM = -1002


@pytest.fixture
def server() -> Iterator[BotApi]:
    with BotApi() as api:
        api.add_chat(GROUP)
        api.add_chat(FORUM, topics=(7,))
        yield api


@asynccontextmanager
async def connected(api: BotApi, token: str = TOKEN) -> AsyncIterator[Bot]:
    request = HTTPXRequest(read_timeout=0.3)
    try:
        yield Bot(token, f"{api.url}/bot", request=request, get_updates_request=request)
    finally:
        await request.shutdown()


def ask(api: BotApi, method: str, **params: Any) -> Any:
    """Call the server without python-telegram-bot; return what it answered."""
    return httpx.post(f"{api.url}/bot{TOKEN}/{method}", json=params, timeout=10).json()


@pytest.mark.parametrize(
    ("source", "text", "entities"),
    [
        ("<b>a</b> &lt;b&gt; &amp; &quot;c&quot;", 'a <b> & "c"', [Entity("bold", 0, 1)]),
        ("&nbsp; &#39; &#x2026; R&D", "&nbsp; ' … R&D", []),
        ("<B><i>x</i></b>", "x", [Entity("bold", 0, 1), Entity("italic", 0, 1)]),
        ("😀<code>y</code>", "😀y", [Entity("code", 2, 1)]),
        (
            '<a href="https://a.uk/?a=1&amp;b=&quot;2&quot;">z</a>',
            "z",
            [Entity("text_link", 0, 1, 'https://a.uk/?a=1&b="2"')],
        ),
        ("<a href='javascript:alert(1)'>only words</a>", "only words", []),
        ("<b></b>nothing is bold", "nothing is bold", []),
        ('<span class="tg-spoiler">s</span>', "s", [Entity("spoiler", 0, 1)]),
        ("<b>any end tag will do</>", "any end tag will do", [Entity("bold", 0, 19)]),
    ],
)
def test_markup_shows_what_telegram_shows(source: str, text: str, entities: list[Entity]) -> None:
    assert parse_html(source) == (text, tuple(entities))


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("é 5 < 6", 'Unsupported start tag "" at byte offset 5'),
        ("a<br/>b", 'Unsupported start tag "br/" at byte offset 1'),
        ("<p>x</p>", 'Unsupported start tag "p" at byte offset 0'),
        ("<b>x", "Can't find end tag corresponding to start tag b"),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("<b>x</i>", 'Unmatched end tag at byte offset 4, expected "</b>", found "</i>"'),
        ("<b>x</b", "Unclosed end tag at byte offset 4"),
        ("x <b", "Unclosed start tag at byte offset 2"),
        ('<a href="https://a.uk>x</a>', "Unclosed start tag at byte offset 0"),
        (
            "<a href>x</a>",
            'Expected equal sign in declaration of an attribute of the tag "a" at byte offset 0',
        ),
        ("<a href=https://a.uk>x</a>", "Unexpected end of name token at byte offset 8"),
        ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
        ("&#xd800;", "Text contains invalid Unicode characters after decoding HTML entities"),
    ],
)
def test_bad_markup_is_refused_in_the_servers_words(source: str, complaint: str) -> None:
    with pytest.raises(MarkupError) as caught:
        parse_html(source)
    assert str(caught.value) == complaint


async def sends(server: BotApi, chat: int, text: str, **more: Any) -> None:
    async with connected(server) as bot:
        await bot.send_message(chat, text, **more)


def test_a_chat_shows_what_was_sent(server: BotApi) -> None:
    asyncio.run(
        sends(server, GROUP, " <b>629</b> signatures\n", parse_mode="HTML", disable_notification=True)
    )
    [message] = server.chat(GROUP).messages
    assert (message.id, message.text, message.silent) == (1, "629 signatures", True)
    assert message.entities == (Entity("bold", 0, 3),)


def test_limits_count_utf16_units_after_parsing(server: BotApi) -> None:
    asyncio.run(sends(server, GROUP, f"<b>{'&lt;' * 4096}</b>", parse_mode="HTML"))
    for text, complaint in (("😀" * 2049, "message is too long"), ("  \n ", "text must be non-empty")):
        answer = ask(server, "sendMessage", chat_id=GROUP, text=text)
        assert answer == {"ok": False, "error_code": 400, "description": f"Bad Request: {complaint}"}


def test_only_a_hundred_entities_are_kept(server: BotApi) -> None:
    asyncio.run(sends(server, GROUP, "<b>x</b> " * 120, parse_mode="HTML"))
    assert len(server.chat(GROUP).messages[0].entities) == 100


@pytest.mark.parametrize("thread", [1, 8])
def test_a_topic_that_is_not_there_is_refused(server: BotApi, thread: int) -> None:
    with pytest.raises(BadRequest, match="Message thread not found"):
        asyncio.run(sends(server, FORUM, "x", message_thread_id=thread))
    asyncio.run(sends(server, FORUM, "x", message_thread_id=7))
    assert server.chat(FORUM).messages[0].thread == 7


def test_a_group_that_became_a_supergroup_says_where_it_went(server: BotApi) -> None:
    new = server.migrate(GROUP, -1009)
    with pytest.raises(ChatMigrated) as caught:
        asyncio.run(sends(server, GROUP, "x"))
    assert caught.value.new_chat_id == new.id


@pytest.mark.parametrize(
    ("url", "accepted"), [("https://a.uk/x", True), ("http://localhost/", False), ("nonsense", False)]
)
def test_a_button_must_have_a_web_address(server: BotApi, url: str, accepted: bool) -> None:
    keyboard = {"inline_keyboard": [[{"text": "Open", "url": url}]]}
    assert ask(server, "sendMessage", chat_id=GROUP, text="x", reply_markup=keyboard)["ok"] is accepted


def test_a_photo_comes_with_its_caption(server: BotApi) -> None:
    async def play() -> None:
        async with connected(server) as bot:
            await bot.send_photo(GROUP, b"\x89PNG", caption="<i>chart</i>", parse_mode="HTML")
            with pytest.raises(BadRequest, match="Message caption is too long"):
                await bot.send_photo(GROUP, b"\x89PNG", caption="x" * 1025)

    asyncio.run(play())
    [message] = server.chat(GROUP).messages
    assert (message.photo, message.text) == (b"\x89PNG", "chart")


def test_a_photo_has_a_caption_to_edit_and_no_text(server: BotApi) -> None:
    async def play() -> None:
        async with connected(server) as bot:
            photo = await bot.send_photo(GROUP, b"\x89PNG", caption="chart")
            with pytest.raises(BadRequest, match="There is no text in the message to edit"):
                await bot.edit_message_text("x", GROUP, photo.message_id)
            await bot.edit_message_caption(GROUP, photo.message_id, caption="charts")
            with pytest.raises(BadRequest, match=r"(?i)image_process_failed"):
                await bot.send_photo(GROUP, b"GIF", caption="chart")

    asyncio.run(play())
    assert server.chat(GROUP).texts == ["charts"]


def test_a_reply_names_what_it_answers_and_may_do_without(server: BotApi) -> None:
    async def play() -> None:
        async with connected(server) as bot:
            first = await bot.send_message(GROUP, "1")
            await bot.send_message(GROUP, "2", reply_parameters=ReplyParameters(first.message_id))
            gone = ReplyParameters(99, allow_sending_without_reply=True)
            await bot.send_message(GROUP, "3", reply_parameters=gone)
            with pytest.raises(BadRequest, match="Message to be replied not found"):
                await bot.send_message(GROUP, "4", reply_parameters=ReplyParameters(99))

    asyncio.run(play())
    assert [message.reply_to for message in server.chat(GROUP).messages] == [None, 1, None]


def test_a_message_can_be_edited_and_pinned(server: BotApi) -> None:
    async def play() -> None:
        async with connected(server) as bot:
            sent = await bot.send_message(GROUP, "628")
            await bot.edit_message_text("629", GROUP, sent.message_id)
            with pytest.raises(BadRequest, match="Message is not modified"):
                await bot.edit_message_text("629", GROUP, sent.message_id)
            with pytest.raises(BadRequest, match="Message to edit not found"):
                await bot.edit_message_text("630", GROUP, 99)
            await bot.pin_chat_message(GROUP, sent.message_id)

    asyncio.run(play())
    assert server.chat(GROUP).texts == ["629"]
    assert server.chat(GROUP).pinned == [1]


def test_commands_are_kept_for_each_scope(server: BotApi) -> None:
    async def play() -> None:
        async with connected(server) as bot:
            await bot.set_my_commands([BotCommand("status", "How it is")], BotCommandScopeAllGroupChats())

    asyncio.run(play())
    [(scope, commands)] = server.commands.items()
    assert (json.loads(scope), commands[0]["command"]) == ({"type": "all_group_chats"}, "status")


def test_updates_wait_until_they_are_confirmed(server: BotApi) -> None:
    async def play() -> None:
        async with connected(server) as bot:
            poll = asyncio.create_task(bot.get_updates(timeout=5))
            await asyncio.sleep(0.05)
            server.say(GROUP, "/status", user=42)
            [update] = await poll
            assert update.message is not None
            assert update.message.text == "/status"
            assert await bot.get_updates() == (update,)
            assert await bot.get_updates(offset=update.update_id + 1) == ()

    asyncio.run(play())


def test_a_pressed_button_is_answered(server: BotApi) -> None:
    async def play() -> None:
        async with connected(server) as bot:
            sent = await bot.send_message(GROUP, "629")
            server.press(GROUP, sent.message_id, "mute", user=42)
            [update] = await bot.get_updates()
            assert update.callback_query is not None
            assert update.callback_query.data == "mute"
            await update.callback_query.answer("Muted")

    asyncio.run(play())
    assert list(server.callback_answers.values()) == ["Muted"]


def test_a_newer_poll_ends_an_older_one(server: BotApi) -> None:
    async def play() -> None:
        async with connected(server) as bot:
            older = asyncio.create_task(bot.get_updates(timeout=5))
            await asyncio.sleep(0.05)
            newer = asyncio.create_task(bot.get_updates(timeout=5))
            with pytest.raises(Conflict, match="terminated by other getUpdates request"):
                await older
            server.say(GROUP, "hello")
            assert len(await newer) == 1

    asyncio.run(play())


def test_chats_and_their_administrators_are_known(server: BotApi) -> None:
    server.chat(GROUP).admins.add(42)

    async def play() -> None:
        async with connected(server) as bot:
            assert (await bot.get_me()).username == "figurewatch_bot"
            assert (await bot.get_chat(GROUP)).title == "Campaign team"
            assert [a.user.id for a in await bot.get_chat_administrators(GROUP)] == [42]
            assert (await bot.get_webhook_info()).pending_update_count == 0
            with pytest.raises(BadRequest, match="Chat not found"):
                await bot.get_chat(5)

    asyncio.run(play())


@pytest.mark.parametrize(("token", "why"), [(TOKEN[:-1] + "B", "Unauthorized"), ("nonsense", "Not Found")])
def test_a_wrong_token_is_refused(server: BotApi, token: str, why: str) -> None:
    async def play() -> None:
        async with connected(server, token) as bot:
            with pytest.raises(InvalidToken, match=why):
                await bot.send_message(GROUP, "x")

    asyncio.run(play())


def test_who_is_put_out_of_a_chat_and_let_in_again_hears_of_it(server: BotApi) -> None:
    async def play() -> None:
        async with connected(server) as bot:
            server.kick(GROUP)
            with pytest.raises(Forbidden, match="kicked"):
                await bot.send_message(GROUP, "x")
            server.take_in(GROUP)
            await bot.send_message(GROUP, "y")
            changes = [update.my_chat_member for update in await bot.get_updates()]
            assert [change and change.new_chat_member.status for change in changes] == ["kicked", "member"]

    asyncio.run(play())


def test_a_migration_is_said_in_both_chats(server: BotApi) -> None:
    server.migrate(GROUP, -1009)

    async def play() -> None:
        async with connected(server) as bot:
            old, new = [update.message for update in await bot.get_updates()]
            assert old is not None
            assert new is not None
            assert (old.chat.id, old.migrate_to_chat_id) == (GROUP, -1009)
            assert (new.chat.id, new.migrate_from_chat_id) == (-1009, GROUP)

    asyncio.run(play())


@pytest.mark.parametrize("may_pin", [True, False])
def test_the_bots_own_rights_can_be_asked_for(server: BotApi, may_pin: bool) -> None:
    server.chat(GROUP).may_pin = may_pin

    async def play() -> None:
        async with connected(server) as bot:
            member = await bot.get_chat_member(GROUP, bot_api.BOT["id"])
            assert getattr(member, "can_pin_messages", False) is may_pin

    asyncio.run(play())


def send_all(api: BotApi, chats: list[int]) -> list[int]:
    """Write to each chat at once; return the seconds that each is told to wait, 0 where it arrived."""
    answers = [ask(api, "sendMessage", chat_id=chat, text="x") for chat in chats]
    return [answer.get("parameters", {}).get("retry_after", 0) for answer in answers]


def test_too_many_messages_are_refused_with_the_time_to_wait() -> None:
    private = list(range(1, 32))
    with BotApi(open_house=True, limits=Limits(unit=60)) as api:
        assert send_all(api, [GROUP, GROUP]) == [0, 1]
        assert send_all(api, private) == [*([0] * 29), 1, 1]
        assert api.refusals == 3
    with BotApi(open_house=True, limits=Limits(unit=60, burst=30)) as api:
        assert send_all(api, [GROUP] * 21) == [*([0] * 20), 60]


def test_a_message_is_let_through_when_its_time_has_come() -> None:
    with BotApi(open_house=True, limits=Limits(unit=0.3)) as api:
        assert send_all(api, [GROUP, GROUP]) == [0, 1]
        time.sleep(0.3)
        assert send_all(api, [GROUP]) == [0]


def test_callers_can_be_told_apart(server: BotApi) -> None:
    httpx.post(f"{server.url}/worker-a/bot{TOKEN}/getMe")
    ask(server, "getMe")
    assert [span.who for span in server.spans] == ["worker-a", ""]
    assert all(span.begun <= span.ended for span in server.spans)


def test_faults_come_one_for_each_call_and_then_it_works_again(server: BotApi) -> None:
    server.fail(CUT, CUT_AFTER_DELIVERY, BAD_GATEWAY, refusal(403, "Forbidden: bot was kicked"))
    server.fail(stalled(0.5, delivered=True))

    async def play() -> None:
        async with connected(server) as bot:
            for text, error in (
                ("cut", NetworkError),
                ("cut after delivery", NetworkError),
                ("bad gateway", NetworkError),
                ("kicked", Forbidden),
                ("stalled", TimedOut),
            ):
                with pytest.raises(error):
                    await bot.send_message(GROUP, text)
            await bot.send_message(GROUP, "works again")

    asyncio.run(play())
    assert server.chat(GROUP).texts == ["cut after delivery", "stalled", "works again"]


def test_a_function_may_decide_about_each_call(server: BotApi) -> None:
    server.fault = lambda call: JUNK if call.text("text") == "bad" else None
    asyncio.run(sends(server, GROUP, "good"))
    with pytest.raises(Exception, match="Invalid server response"):
        asyncio.run(sends(server, GROUP, "bad"))
    assert server.chat(GROUP).texts == ["good"]


def test_a_document_arrives_with_its_name_and_caption(server: BotApi) -> None:
    async def story() -> None:
        async with connected(server) as bot:
            await bot.send_document(FORUM, b"a,b\n", filename="x.csv", caption="two", message_thread_id=7)

    asyncio.run(story())
    (shown,) = server.chat(FORUM).messages
    assert (shown.document, shown.text, shown.thread) == (("x.csv", b"a,b\n"), "two", 7)
    assert ask(server, "sendDocument", chat_id=GROUP)["description"].endswith("no document in the request")


def test_an_inline_question_is_answered_with_cards_or_refused(server: BotApi) -> None:
    id = server.ask("drop-out")
    card = {
        "type": "article",
        "id": "1",
        "title": "One",
        "input_message_content": {"message_text": "<b>One</b>", "parse_mode": "HTML"},
        "reply_markup": {"inline_keyboard": []},
    }
    assert ask(server, "answerInlineQuery", inline_query_id=id, results=[card])["ok"]
    assert [(one.title, one.text) for one in server.inline_answers[id]] == [("One", "One")]
    assert not ask(server, "answerInlineQuery", inline_query_id=id, results=[card, card])["ok"]
    broken = {**card, "input_message_content": {"message_text": "<b>One", "parse_mode": "HTML"}}
    assert not ask(server, "answerInlineQuery", inline_query_id=id, results=[broken])["ok"]


def test_who_is_in_a_chat_is_told(server: BotApi) -> None:
    server.chat(GROUP).outsiders.add(5)
    status = [
        ask(server, "getChatMember", chat_id=GROUP, user_id=user)["result"]["status"] for user in (4, 5)
    ]
    assert status == ["member", "left"]
