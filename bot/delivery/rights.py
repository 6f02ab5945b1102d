"""What the bot may do in a chat, as Telegram tells it. Nothing is posted."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.delivery.outcome import Verdict, sort_outcome
from bot.delivery.transports import OFFICIAL

if TYPE_CHECKING:
    from telegram import Bot, ChatFullInfo, ChatMember

GENERAL = 1  # the topic that every forum begins with is written to without a number


@dataclass(frozen=True, slots=True)
class Rights:
    """Whether a chat can be written to, and what is to be done or known about it."""

    works: bool
    says: str


class Telegram:
    """Telegram as the doctor asks it. An async context manager."""

    def __init__(self, token: str, *, api_url: str | None = None) -> None:
        # RetryAfter warns of a coming change unless it is opted into.
        os.environ.setdefault("PTB_TIMEDELTA", "true")
        from telegram import Bot
        from telegram.request import HTTPXRequest

        self._request = HTTPXRequest(read_timeout=20.0, connect_timeout=10.0)
        base_url = f"{(api_url or OFFICIAL).rstrip('/')}/bot"
        self._bot: Bot = Bot(token, base_url, request=self._request, get_updates_request=self._request)

    async def __aenter__(self) -> Telegram:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._request.shutdown()

    async def fault(self) -> str | None:
        """Return why Telegram does not take the token, and what to do; None when it does."""
        try:
            await self._bot.get_me()
        except Exception as error:
            outcome = sort_outcome(error)
            if outcome.verdict is Verdict.BAD_TOKEN:
                return f"{outcome.why}; compare TELEGRAM_BOT_TOKEN with what BotFather printed"
            return f"{outcome.why}; see whether this machine reaches Telegram, and try again"
        return None

    async def rights(self, chat: int, topic: int | None) -> Rights:
        """Return what the bot may do in a chat; `fault` was asked before."""
        from telegram.error import ChatMigrated, TelegramError

        try:
            room = await self._bot.get_chat(chat)
            if room.type == "private":
                return Rights(True, "may post")
            us = await self._bot.get_chat_member(chat, (await self._bot.get_me()).id)
        except ChatMigrated as error:
            return Rights(False, f"became a supergroup; put {error.new_chat_id} in its place")
        except TelegramError as error:
            if sort_outcome(error).verdict is Verdict.REFUSED:
                return Rights(False, f"{error}; add the bot to the chat, and compare its id")
            return Rights(False, f"{error}; try again")
        return _judged(room, us, topic)


def _judged(room: ChatFullInfo, us: ChatMember, topic: int | None) -> Rights:
    """Return what follows from what Telegram says of a group or channel, and of us in it."""
    if us.status in ("left", "kicked"):
        return Rights(False, "the bot is not in the chat; add it")
    if not _may(room, us, "can_post_messages" if room.type == "channel" else "can_send_messages"):
        return Rights(False, "the bot may not write there; give it that right, or make it an administrator")
    if topic == GENERAL:
        return Rights(False, f"topic {GENERAL} is written to without its number; leave it out")
    if topic is not None and not room.is_forum:
        return Rights(False, f"the chat has no topics; leave :{topic} out")
    says = "may post and pin" if _may(room, us, "can_pin_messages") else "may post, and may not pin"
    return Rights(
        True, says if topic is None else f"{says}; it has topics, {topic} shows at the first message"
    )


def _may(room: ChatFullInfo, us: ChatMember, right: str) -> bool:
    """Return whether we have a right: an administrator's own, a restricted member's own, or everybody's."""
    if us.status == "administrator" and right == "can_send_messages":
        return True
    given = getattr(us, right, None)
    if given is None and us.status == "member":
        given = getattr(room.permissions, right, None)
        return right == "can_send_messages" if given is None else bool(given)
    return bool(given)
