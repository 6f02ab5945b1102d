"""Who may do what: everybody in a chat may ask, its admins decide what it gets, operators run the worker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from telegram import Bot, CallbackQuery, Message

Right = Literal["member", "admin", "operator"]
_ADMINS = ("creator", "administrator")


@dataclass(frozen=True, slots=True)
class Person:
    """Who acts, and where: ids of the chat and of the user, and the chat in whose name somebody writes."""

    chat: int
    user: int
    as_chat: int | None = None
    private: bool = False
    channel: bool = False


def writer_of(message: Message) -> Person:
    """Return who wrote a message."""
    return Person(
        message.chat.id,
        message.from_user.id if message.from_user else 0,
        message.sender_chat.id if message.sender_chat else None,
        message.chat.type == "private",
        message.chat.type == "channel",
    )


def presser_of(query: CallbackQuery, message: Message) -> Person:
    """Return who pressed a button under a message. Buttons are pressed in nobody else's name."""
    chat = message.chat
    return Person(chat.id, query.from_user.id, None, chat.type == "private")


class Rights:
    """Asks Telegram what a person may do, each time anew. `operators` is the id of their chat, if any."""

    def __init__(self, operators: int | None) -> None:
        self._operators = operators

    async def has(self, right: Right, person: Person, bot: Bot) -> bool:
        """Return whether somebody has a right. What Telegram does not say nobody has."""
        match right:
            case "member":
                return True
            case "admin":
                return await self._is_admin(person, bot) or await self._is_operator(person, bot)
            case "operator":
                return await self._is_operator(person, bot)

    async def _is_admin(self, person: Person, bot: Bot) -> bool:
        if person.private or person.channel:  # in a channel only admins write
            return True
        if person.as_chat is not None:  # an admin who stays anonymous, or else somebody as a channel
            return person.as_chat == person.chat
        return await _administers(person.chat, person.user, bot)

    async def _is_operator(self, person: Person, bot: Bot) -> bool:
        if self._operators is None:
            return False
        if person.chat == self._operators:
            return await self._is_admin(person, bot)
        if person.as_chat is not None or person.channel:
            return False
        if self._operators > 0:
            return person.user == self._operators
        return await _administers(self._operators, person.user, bot)


async def _administers(chat: int, user: int, bot: Bot) -> bool:
    from telegram.error import TelegramError

    try:
        member = await bot.get_chat_member(chat, user)
    except TelegramError:
        return False
    return member.status in _ADMINS
