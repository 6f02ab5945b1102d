"""Hear what happens in Telegram by long polling, and notice when nobody listens any more."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bot.commands.asking import Asking
from bot.commands.following import Following
from bot.commands.gate import Gate
from bot.delivery.outcome import sort_outcome
from bot.operate.vitals import Vitals

if TYPE_CHECKING:
    from telegram import Bot, Update
    from telegram.error import TelegramError
    from telegram.ext import Application, ContextTypes, Updater

    App = Application[Any, Any, Any, Any, Any, Any]

log = logging.getLogger("figurewatch.telegram")

OFFICIAL = "https://api.telegram.org"
HEARD = ("my_chat_member", "message", "channel_post", "callback_query", "inline_query")
POLL_TIME = 10  # seconds that the server holds an answer back
RETRY = 30.0  # seconds between two tries to begin while Telegram is down


class Polling:
    """Listens to Telegram for as long as the worker runs. Watching and sending never depend on it.

    `allowed` returns the chats that are served, by their ids of old and of now, and may take a moment;
    `resume` is called with the id of one that lets us write again, `moved` with the old and the new id of a
    group that became a supergroup. `asking` answers what people ask, and `following` hears what a chat wants;
    without them nothing is answered.
    """

    def __init__(
        self,
        token: str,
        api_url: str | None,
        vitals: Vitals,
        clock: Callable[[], datetime],
        *,
        allowed: Callable[[], Collection[str]],
        resume: Callable[[str], Awaitable[None]],
        moved: Callable[[str, str], Awaitable[None]],
        asking: Asking | None = None,
        following: Following | None = None,
    ) -> None:
        self._token, self._base = token, f"{(api_url or OFFICIAL).rstrip('/')}/bot"
        self._vitals, self._clock = vitals, clock
        self._gate, self._resume, self._moved, self._asking = Gate(allowed), resume, moved, asking
        self._following = following

    async def run(self, stop: asyncio.Event) -> None:
        """Listen until `stop` is set. A token that is refused is said in the log; nobody listens then."""
        from telegram.error import TelegramError

        application = self._application()
        updater = application.updater
        assert updater is not None  # the builder makes one
        try:
            if await self._begin(application, updater, stop):
                await application.start()
                if self._asking:
                    await self._asking.begin(application.bot)
                if self._following:
                    await self._following.begin(application.bot)
                    await self._following.run(application.bot, stop)
                await stop.wait()
        finally:
            if self._asking:
                self._asking.end()
            if self._following:
                self._following.end()
            if updater.running:
                with suppress(TelegramError):  # what ended the polling before: the watchdog has seen it
                    await updater.stop()
            if application.running:
                await application.stop()
            await application.shutdown()

    async def _begin(self, application: App, updater: Updater, stop: asyncio.Event) -> bool:
        """Begin to poll, however long that takes; return False when stopped before."""
        from telegram.error import InvalidToken

        while not stop.is_set():
            try:
                await application.initialize()
                await updater.start_polling(
                    timeout=POLL_TIME, allowed_updates=list(HEARD), error_callback=self._failed
                )
                return True
            except InvalidToken:
                log.error("Telegram refuses the bot's token: nothing is heard. Set a new one.")
                await stop.wait()
            except Exception as error:  # beside errors of Telegram, what the library makes of junk
                outcome = sort_outcome(error)
                pause = max(RETRY, outcome.retry_after.total_seconds())
                log.warning("Telegram cannot be asked, trying again in %g s: %s", pause, outcome.why)
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), pause)
        return False

    def _application(self) -> App:
        # RetryAfter warns of a coming change unless it is opted into.
        os.environ.setdefault("PTB_TIMEDELTA", "true")
        from telegram.ext import ApplicationBuilder
        from telegram.request import HTTPXRequest

        polling = self

        class Heartbeat(HTTPXRequest):
            """Notes each attempt to poll: a polling task that died makes none."""

            async def do_request(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
                polling._vitals.polled = polling._clock()
                code, body = await super().do_request(*args, **kwargs)
                if code == 429:  # told to wait, it makes no attempt for a while
                    polling._vitals.polled = None
                return code, body

        application = (
            ApplicationBuilder()
            .token(self._token)
            .base_url(self._base)
            .job_queue(None)
            .get_updates_request(Heartbeat(read_timeout=POLL_TIME + 15, connect_timeout=10.0))
            .build()
        )
        self.add(application)
        return application

    def add(self, application: App) -> None:
        """Add the handlers of all that is heard."""
        from telegram import Update
        from telegram.ext import ChatMemberHandler, MessageHandler, TypeHandler, filters

        application.add_handler(TypeHandler(Update, self._let_in), group=-1)
        application.add_handler(ChatMemberHandler(self._membership, ChatMemberHandler.MY_CHAT_MEMBER))
        application.add_handler(MessageHandler(filters.StatusUpdate.MIGRATE, self._migration))
        if self._following:
            self._following.add(application)
        if self._asking:
            self._asking.add(application)
            self._asking.add_last(application)

    def _failed(self, error: TelegramError) -> None:
        from telegram.error import Conflict

        if isinstance(error, Conflict):
            self._vitals.rival.meet(self._clock())

    async def _let_in(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Let nothing through but what comes from those who are served."""
        from telegram.ext import ApplicationHandlerStop

        if not await self._gate.permitted(update, context.bot):
            context.application.create_task(self._refuse(update, context.bot), update)
            raise ApplicationHandlerStop

    async def _refuse(self, update: Update, bot: Bot) -> None:
        """Meet a chat that nobody has allowed, or answer that this is so."""
        met = self._following is not None and await self._following.stranger(update, bot)
        if self._asking and not met:
            await self._asking.refuse(update)

    async def _membership(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Go on in a chat that lets us write again."""
        change = update.my_chat_member
        if change and change.new_chat_member.status in ("member", "administrator"):
            await self._resume(str(change.chat.id))
            if self._following:
                await self._following.joined(change)

    async def _migration(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Follow a group that became a supergroup."""
        message = update.effective_message
        if message and message.migrate_to_chat_id:
            await self._moved(str(message.chat_id), str(message.migrate_to_chat_id))
