"""The commands and buttons of a private chat, as somebody else's fake of Telegram shows them: tg-auto-test.

It is no server: updates go into our handlers, and what they send comes out of the library that sends it. It
knows one private chat, without replies, silence or members, so that who may do what in a group is asked of
our own server in test_every_room.py. It dates each update to 1970 and says of a pressed button's message
neither date nor text: both are put in here.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from bot.commands.following import OPERATORS
from bot.delivery.transports import TelegramTransport
from bot.operate.vitals import Vitals
from bot.service import polling_of
from tests.bot.asked import CAMPAIGN, fill
from tests.bot.house import House, open_house, sqlite
from tests.bot.rooms import ASKED, OPERATORS_ONLY, PRESSES, Press
from tests.fakes.bot_api import TOKEN

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(sys.version_info < (3, 12), reason="tg-auto-test wants Python 3.12"),
]
PERSON = 501


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Give a house whose store is new."""
    with open_house(sqlite(tmp_path)) as house:
        house.campaign, house.more = dict(CAMPAIGN), {"alert_chats": str(PERSON)}
        yield house


@dataclass(slots=True)
class Talk:
    """A person's conversation with the bot: the library's, and the message that each command brought."""

    chat: Any
    brought: dict[str, Any] = field(default_factory=dict)

    async def ask(self, text: str) -> Any:
        """Write something; return the first message that comes."""
        await self.chat.send_message(text, parse_mode=None)
        return await self.chat.get_response()

    async def press(self, press: Press) -> None:
        """Press a button under what a command brought, and see that it brings what it should."""
        if press.under not in self.brought:
            self.brought[press.under] = await self.ask(press.under)
        said = await self.brought[press.under].click(text=press.label)
        assert said.message == "", press
        if press.how == "in place":
            now = self.brought[press.under] = await self.chat.get_edit()
            labels = [button.text for row in now.buttons or () for button in row]
            assert any(text.startswith(press.brings) for text in (now.text, *labels)), press
            return
        answer = await self.chat.get_response()
        if press.how == "picture" and not answer.photo:  # its words come first
            answer = await self.chat.get_response()
        assert answer.text.startswith(press.brings), press
        assert (answer.photo is not None) == (press.how == "picture"), press


@asynccontextmanager
async def talking(house: House) -> AsyncIterator[Talk]:
    """Let a person talk with the bot, with everything stored that can be asked."""
    from tg_auto_test.test_utils.serverless_telegram_client import ServerlessTelegramClient

    async with house.desk() as desk:
        fill(desk.store, desk.campaign, desk.checker.committer.destinations)

        def build(builder: Any) -> Any:
            application = builder.updater(None).job_queue(None).build()
            telegram = TelegramTransport(TOKEN, request=application.bot.request)
            polling = polling_of(replace(desk, transport=lambda chat: telegram), Vitals(None, {}))
            assert polling is not None
            polling.add(application)
            return application

        client = ServerlessTelegramClient(build, user_id=PERSON, bot_username="figurewatch_bot")
        complete(client._update_processor, house)
        await client.connect()
        await client._application.start()
        try:
            async with client.conversation("figurewatch_bot", timeout=10) as chat:
                yield Talk(chat)
        finally:
            await client._application.stop()
            await client.disconnect()


def complete(processor: Any, house: House) -> None:
    """Let updates come a minute after each other, and with what the library leaves out of them."""
    process = processor.process_update

    async def process_update(client: Any, update: dict[str, Any]) -> Any:
        house.later(minutes=1)
        message = update.get("message") or update["callback_query"]["message"]
        message["date"] = int(house.now.timestamp())
        message["text"] = message["text"] or "what stands there"
        return await process(client, update)

    processor.process_update = process_update


async def test_commands_are_answered_in_the_eyes_of_another_hand_too(house: House) -> None:
    async with talking(house) as talk:
        for command, (words, begins) in ASKED.items():
            answer = await talk.ask(f"/{command} {words}")
            assert answer.text.startswith(OPERATORS_ONLY if command in OPERATORS else begins), command
            if command in ("compare", "petition"):
                assert (await talk.chat.get_response()).photo
            elif command == "export":
                assert (answer.file.name, answer.file.mime_type) == ("M192-England.csv", "text/csv")
        assert (await talk.ask("recovery in Kent")).text.startswith("Recovery, NHS KENT AND MEDWAY")


async def test_buttons_bring_what_they_say_in_the_eyes_of_another_hand_too(house: House) -> None:
    async with talking(house) as talk:
        for press in PRESSES:
            if press.under.startswith("/"):
                await talk.press(press)
