"""A team's desk: its chats, a bot that listens in them as the worker does, and people who write and press."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.alerts import post
from bot.desk import Desk
from bot.operate.vitals import Vitals
from bot.rules.findings import Finding
from bot.service import polling_of
from tests.bot.house import House
from tests.fakes.bot_api import BotApi, Chat, Shown

ADMIN, MEMBER, OPERATOR_PERSON = 11, 12, 13


@dataclass(slots=True)
class Team:
    """An opened desk, and what people do in its chats."""

    house: House
    desk: Desk

    @property
    def telegram(self) -> BotApi:
        """Return the server."""
        return self.house.telegram

    async def say(self, chat: Chat, text: str, *, user: int = ADMIN, count: int = 1, **how: int) -> str:
        """Write something, and return what the bot then says, of so many messages the last."""
        before = len(chat.messages)
        self.telegram.say(chat.id, text, user=user, **how)
        await until(lambda: len(chat.messages) >= before + count)
        return chat.messages[-1].text

    async def press(self, chat: Chat, message: Shown, label: str, *, user: int = ADMIN) -> str:
        """Press the button whose label has this in it, and return what is said to whom pressed it."""
        buttons = [button for row in message.buttons for button in row]
        data = next(b["callback_data"] for b in buttons if label in b["text"])
        return await self.send(chat, message, data, user=user)

    async def send(
        self, chat: Chat, message: Shown, data: str, *, user: int = ADMIN, old: bool = False
    ) -> str:
        """Send what a button would send, and return what is said to whom pressed it."""
        id = str(self.telegram.press(chat.id, message.id, data, user=user, old=old))
        await until(lambda: id in self.telegram.callback_answers)
        return self.telegram.callback_answers[id]

    async def tell(self, *findings: Finding, source: str = "parliament_petition:5") -> None:
        """Let something be found and, where it is due, sent."""
        chosen = self.desk.campaign.chosen([source])[0]
        with self.desk.store.writing() as tx:
            post(tx, self.desk.checker.committer.destinations, chosen, findings, self.house.now)
        await self.deliver()

    async def deliver(self) -> None:
        """Send what is due, digests among it."""
        self.desk.gather()
        assert self.desk.take_lease()
        await self.desk.sender.drain()


async def until(holds: Callable[[], object]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 (what a chat shows is looked at, nothing tells of it)
            await asyncio.sleep(0.01)


@asynccontextmanager
async def working(house: House) -> AsyncIterator[Team]:
    """Let the bot listen, as the worker lets it."""
    async with house.desk() as desk:
        polling = polling_of(desk, Vitals(None, {}))
        assert polling is not None
        stop, before = asyncio.Event(), len(house.telegram.calls)
        task = asyncio.create_task(polling.run(stop))
        try:
            await until(
                lambda: any("chat_id" in call.text("scope") for call in house.telegram.calls[before:])
            )
            yield Team(house, desk)
        finally:
            stop.set()
            await task
