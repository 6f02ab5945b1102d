"""Who is served: the chats of the settings, and in inline questions the people who are in them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from bot.delivery.transports import on_telegram

if TYPE_CHECKING:
    from telegram import Bot, Update

log = logging.getLogger("figurewatch.telegram")

REMEMBERED = 10 * 60.0  # seconds for which it is known whether somebody is a member
MOST_PEOPLE = 1000
MINUTE, MOST_LOOKED_UP = 60.0, 10  # people a minute of whom Telegram is asked: others' updates wait meanwhile
_INSIDE = ("creator", "administrator", "member", "restricted")


class Gate:
    """Lets updates through. `allowed` returns the chats that are served, by their ids of old and of now."""

    def __init__(
        self, allowed: Callable[[], Collection[str]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._allowed, self._clock = allowed, clock
        self._served: Collection[str] = ()  # the chats that are known to be allowed
        self._looked_up: deque[float] = deque(maxlen=MOST_LOOKED_UP)
        self._people: OrderedDict[int, tuple[float, bool]] = OrderedDict()  # until when, and whether inside

    async def permitted(self, update: Update, bot: Bot) -> bool:
        """Return whether an update is from a chat that is served, or an inline question of one's member."""
        chat, person = update.effective_chat, update.effective_user
        if chat is not None:
            served = await self._is_served(str(chat.id))
            if served and person:
                self._remember(person.id, inside=True)
            return served
        return (
            update.inline_query is not None and person is not None and await self._is_inside(person.id, bot)
        )

    async def _is_served(self, chat: str) -> bool:
        """Return whether a chat is served. For one that is not known it is asked again: a chat may move."""
        if chat not in self._served:
            await self._look_again()
        return chat in self._served

    async def _is_inside(self, person: int, bot: Bot) -> bool:
        """Return whether somebody is in a chat that is served, as seen there or as Telegram says."""
        now = self._clock()
        until, inside = self._people.get(person, (now, False))
        if now < until:
            return inside
        if len(self._looked_up) == MOST_LOOKED_UP and now - self._looked_up[0] < MINUTE:
            return False
        self._looked_up.append(now)
        inside = await self._ask(person, bot)
        self._remember(person, inside=inside)
        return inside

    async def _ask(self, person: int, bot: Bot) -> bool:
        from telegram.error import TelegramError

        await self._look_again()
        for chat in self._served:
            if not on_telegram(chat):
                continue
            try:
                member = await bot.get_chat_member(int(chat), person)
            except TelegramError:  # not a member of it, or it does not say
                continue
            if member.status in _INSIDE:
                return True
        return False

    async def _look_again(self) -> None:
        try:
            self._served = await asyncio.to_thread(self._allowed)
        except Exception:  # the library would let the update through
            log.exception("which chats are served could not be found out")

    def _remember(self, person: int, *, inside: bool) -> None:
        self._people[person] = self._clock() + REMEMBERED, inside
        self._people.move_to_end(person)
        while len(self._people) > MOST_PEOPLE:
            self._people.popitem(last=False)
