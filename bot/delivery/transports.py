"""Where a message can go: Telegram, the console, or the log."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, TextIO, runtime_checkable

if TYPE_CHECKING:
    from telegram import InlineKeyboardMarkup
    from telegram.request import BaseRequest

CONSOLE = "console"
LOG = "log"
OPERATOR = "operator"  # on the console too, under its own name
LOCAL = frozenset({CONSOLE, LOG, OPERATOR})
OFFICIAL = "https://api.telegram.org"
NO_TEXT = "no text in the message to edit"  # it is a photo


def on_telegram(chat: str) -> bool:
    """Return whether a chat is Telegram's, which has an id; the console and the log have names."""
    return chat.lstrip("-").isdecimal()


@dataclass(frozen=True, slots=True)
class Letter:
    """A message as it goes out. Without `html`, the plain text is what is sent, and there are no buttons.

    `buttons` are rows of {label, url} or {label, callback}. The text is the caption of a `photo`, a PNG, or
    of a `document`, a file with its name. What it `edits` or is a `reply_to` are ids of messages in the same
    chat; a reply to one that is gone is no fault.
    """

    plain: str
    html: str | None = None
    buttons: tuple[tuple[Mapping[str, str], ...], ...] = ()
    silent: bool = False
    photo: bytes | None = None
    document: tuple[str, bytes] | None = None
    edits: int | None = None
    reply_to: int | None = None

    @property
    def text(self) -> str:
        """Return what is sent."""
        return self.plain if self.html is None else self.html

    @classmethod
    def full(cls, payload: Mapping[str, Any]) -> Letter:
        """Return the letter that an outbox payload describes."""
        buttons = tuple(tuple(row) for row in payload.get("buttons", ()))
        silent = bool(payload.get("silent"))
        return cls(payload["plain"], payload.get("html"), buttons, silent)

    @classmethod
    def unadorned(cls, payload: Mapping[str, Any]) -> Letter:
        """Return the same as plain text."""
        return cls(payload["plain"], silent=bool(payload.get("silent")))

    @classmethod
    def short(cls, payload: Mapping[str, Any]) -> Letter:
        """Return only its title and address."""
        return cls(payload.get("short", payload["plain"]), silent=bool(payload.get("silent")))

    def headed(self, mark: str) -> Letter:
        """Return the letter with a first line that says what is special about it, without markup."""
        html = None if self.html is None else f"{mark}\n{self.html}"
        return replace(self, plain=f"{mark}\n{self.plain}", html=html)


class Transport(Protocol):
    """One way to reach a chat: whether it wants time between messages, and whether it shows pictures."""

    paced: bool
    pictures: bool

    async def send(self, chat: str, thread: int | None, letter: Letter) -> int | None:
        """Send once, without retries; return the message's id where there is one, or raise."""
        ...


@runtime_checkable
class Pins(Protocol):
    """A way to a chat in which a message can be pinned."""

    async def pin(self, chat: str, message_id: int) -> None:
        """Pin a message, without a sound; raises whatever python-telegram-bot raises."""
        ...


class TelegramTransport:
    """Telegram's Bot API, through python-telegram-bot. An async context manager; one for a process.

    It asks over HTTP, unless it is given another `request`.
    """

    paced = True
    pictures = True

    def __init__(
        self,
        token: str,
        *,
        api_url: str | None = None,
        read_timeout: float = 20.0,
        request: BaseRequest | None = None,
    ) -> None:
        # RetryAfter warns of a coming change unless it is opted into.
        os.environ.setdefault("PTB_TIMEDELTA", "true")
        from telegram import Bot
        from telegram.request import HTTPXRequest

        # A read that ends too early makes a send that nobody can be sure of: 20 seconds cost nothing.
        self._request = request or HTTPXRequest(
            read_timeout=read_timeout, connect_timeout=10.0, pool_timeout=10.0
        )
        base_url = f"{(api_url or OFFICIAL).rstrip('/')}/bot"
        self._bot = Bot(token, base_url, request=self._request, get_updates_request=self._request)

    async def __aenter__(self) -> TelegramTransport:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._request.shutdown()

    async def send(self, chat: str, thread: int | None, letter: Letter) -> int | None:
        """Send the letter; raises whatever python-telegram-bot raises."""
        from telegram import LinkPreviewOptions, ReplyParameters

        if letter.edits is not None:
            await self._edit(int(chat), letter.edits, letter)
            return letter.edits
        place: dict[str, Any] = {
            "chat_id": int(chat),
            "message_thread_id": thread,
            "disable_notification": letter.silent,
            "parse_mode": _parse_mode(letter),
            "reply_markup": _keyboard(letter),
        }
        if letter.reply_to is not None:
            place["reply_parameters"] = ReplyParameters(letter.reply_to, allow_sending_without_reply=True)
        if letter.photo is not None:
            message = await self._bot.send_photo(photo=letter.photo, caption=letter.text, **place)
        elif letter.document is not None:
            name, body = letter.document
            message = await self._bot.send_document(
                document=body, filename=name, caption=letter.text, **place
            )
        else:
            preview = LinkPreviewOptions(is_disabled=True)
            message = await self._bot.send_message(text=letter.text, link_preview_options=preview, **place)
        return message.message_id

    async def pin(self, chat: str, message_id: int) -> None:
        """Pin a message, without a sound; raises whatever python-telegram-bot raises."""
        await self._bot.pin_chat_message(int(chat), message_id, disable_notification=True)

    async def _edit(self, chat: int, message_id: int, letter: Letter) -> None:
        """Put the letter's words and buttons in place of a message's, or of a photo's caption."""
        from telegram import LinkPreviewOptions
        from telegram.error import BadRequest

        what: dict[str, Any] = {
            "chat_id": chat,
            "message_id": message_id,
            "parse_mode": _parse_mode(letter),
            "reply_markup": _keyboard(letter),
        }
        preview = LinkPreviewOptions(is_disabled=True)
        try:
            await self._bot.edit_message_text(letter.text, link_preview_options=preview, **what)
        except BadRequest as error:
            if NO_TEXT not in error.message.lower():
                raise
            await self._bot.edit_message_caption(caption=letter.text, **what)


class ConsoleTransport:
    """A stream that a person reads."""

    paced = False
    pictures = False

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    async def send(self, chat: str, thread: int | None, letter: Letter) -> int | None:
        """Print the letter as a block of plain text under the name of its chat."""
        self._stream.write(f"→ {_place(chat, thread)}\n{letter.plain}\n\n")
        self._stream.flush()
        return None


class LogTransport:
    """The log, for messages to an operator who has no chat."""

    paced = False
    pictures = False

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger

    async def send(self, chat: str, thread: int | None, letter: Letter) -> int | None:
        """Write the letter to the log as a warning."""
        self._logger.warning("%s", letter.plain)
        return None


def _place(chat: str, thread: int | None) -> str:
    return chat if thread is None else f"{chat}:{thread}"


def _parse_mode(letter: Letter) -> str | None:
    from telegram.constants import ParseMode

    return None if letter.html is None else ParseMode.HTML


def _keyboard(letter: Letter) -> InlineKeyboardMarkup | None:
    from telegram import InlineKeyboardButton, InlineKeyboardMarkup

    if letter.html is None or not letter.buttons:
        return None
    rows = [
        [
            InlineKeyboardButton(button["label"], url=button.get("url"), callback_data=button.get("callback"))
            for button in row
        ]
        for row in letter.buttons
    ]
    return InlineKeyboardMarkup(rows)
