"""What people ask in Telegram: commands, buttons, and figures in any chat. Handlers only pass on."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from bot.commands.answering import Answer, Answers, Asked, Card
from bot.commands.menus import show_menus
from bot.commands.replies import Quota, Replies, Where
from bot.desk import Desk
from bot.wording import overviews
from bot.wording.callbacks import Call, parsed, parsed_link
from bot.wording.language import t
from bot.wording.markup import to_html

if TYPE_CHECKING:
    from telegram import Bot, CallbackQuery, InlineQuery, InlineQueryResultArticle, Message, Update
    from telegram.ext import Application, ContextTypes

    App = Application[Any, Any, Any, Any, Any, Any]

log = logging.getLogger("figurewatch.commands")

COMMANDS = (
    *("start", "help", "figure", "compare", "petition", "latest", "next", "status", "claims", "history"),
    *("why", "measures", "export"),
)
VERBS = ("chart", "figure", "go", "made", "petition", "quote", "release", "status", "why")  # of our buttons
IN_PLACE = ("figure", "status")  # what takes the place of the message whose button was pressed
STALE = timedelta(minutes=10)  # a question that waited longer is not answered any more
CACHED = 300  # seconds for which Telegram keeps the cards of an inline question
REFUSED_AGAIN = timedelta(hours=1)
MOST_REFUSED = 500  # strangers who are remembered
_COMMAND = re.compile(r"/\w+(?:@\w+)?\s*")


class Asking:
    """Answers what is asked in Telegram, from what is stored: nothing is fetched, nothing is waited for."""

    def __init__(self, desk: Desk, quota: Quota) -> None:
        where = desk.checker.committer.destinations
        self._answers = Answers(desk.store, desk.campaign, where)
        self._replies = Replies(desk.transport, desk.sender.pacer, desk.sender.moved)
        self._quota = quota
        self._clock = desk.clock
        self._refused: dict[int, Any] = {}

    def add(self, application: App) -> None:
        """Add the handlers of our commands and buttons."""
        from telegram.ext import CallbackQueryHandler, CommandHandler, InlineQueryHandler

        for name in COMMANDS:
            handler = CommandHandler(name, partial(self._command, name), block=False)
            application.add_handler(handler)
        application.add_handler(CallbackQueryHandler(self._pressed, pattern=_is_ours, block=False))
        application.add_handler(InlineQueryHandler(self._inline, block=False))

    def add_last(self, application: App) -> None:
        """Add the handlers of what nobody else knows: old menus, unknown commands, and errors."""
        from telegram.ext import CallbackQueryHandler, MessageHandler, filters

        application.add_handler(CallbackQueryHandler(self._out_of_date, block=False))
        application.add_handler(MessageHandler(filters.COMMAND, self._unknown, block=False))
        question = filters.TEXT & filters.ChatType.PRIVATE
        application.add_handler(MessageHandler(question, partial(self._command, "figure"), block=False))
        application.add_error_handler(self._failed)

    def end(self) -> None:
        """Let no more answers go out."""
        self._replies.end()

    async def begin(self, bot: Bot) -> None:
        """Show the menus of commands, and be ready for the first question; best effort."""
        await show_menus(bot, overviews.menu())
        try:
            await asyncio.to_thread(self._answers.warm)
        except Exception as error:  # the first question meets it again, and is answered as far as it can be
            note_error(error)

    async def refuse(self, update: Update) -> None:
        """Answer a stranger in a private chat with one line, once an hour."""
        message = update.message
        if message is None or message.chat.type != "private":
            return
        now, person = self._clock(), message.chat.id
        if person in self._refused and now - self._refused[person] < REFUSED_AGAIN:
            return
        if len(self._refused) >= MOST_REFUSED:
            self._refused.clear()
        self._refused[person] = now
        if self._quota.take("strangers"):
            await self._replies.say(_where(message), Answer(overviews.unknown_person()))

    async def _command(self, name: str, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        message = update.message
        if message is None or self._is_stale(message):
            return
        asked = self._asked(message, _COMMAND.sub("", message.text or "", count=1), context)
        call = parsed_link(asked.text) if name == "start" else None
        work: Callable[[], Answer | None] = partial(getattr(self._answers, name), asked)
        if call and call.verb in VERBS:
            work = partial(self._answers.called, call, asked)
        answer = await self._turn(_where(message), work)
        if answer:
            await self._replies.say(_where(message), answer)

    async def _pressed(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        query = update.callback_query
        call = parsed(query.data or "") if query else None
        if query is None or call is None:
            return
        message = pressed_under(query)
        if message is None:
            await _answer(query, overviews.out_of_date())
            return
        if not self._quota.take(str(message.chat.id)):
            await _answer(query, overviews.too_many())
            return
        asked = self._asked(message, "", context)
        try:
            answer = await asyncio.to_thread(self._answers.called, call, asked)
        except Exception as error:
            note_error(error)
            await _answer(query, overviews.failed())
            return
        await _answer(query, "" if answer else overviews.out_of_date())
        if answer:
            await self._show(message, call, answer)

    async def _show(self, message: Message, call: Call, answer: Answer) -> None:
        where, edits = _where(message), message.message_id if call.verb in IN_PLACE and message.text else None
        await self._replies.say(where, answer, edits)

    async def _inline(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        query = update.inline_query
        if query is None:
            return
        cards = await asyncio.to_thread(self._answers.cards, query.query)
        await _offer(query, cards)

    async def _turn(self, where: Where, work: Callable[[], Answer | None]) -> Answer | None:
        """Return the answer that the work makes, or the line that there were too many; None after that."""
        if not self._quota.take(where.chat):
            return Answer(overviews.one_line(overviews.too_many())) if self._quota.tells(where.chat) else None
        try:
            return await asyncio.to_thread(work) or Answer(overviews.one_line(overviews.out_of_date()))
        except Exception as error:
            note_error(error)
            return Answer(overviews.one_line(overviews.failed()))

    async def _out_of_date(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        if update.callback_query:
            await _answer(update.callback_query, overviews.out_of_date())

    async def _unknown(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Answer a command that nobody knows, where it is meant for us."""
        message = update.message
        if message is None or self._is_stale(message):
            return
        ours = f"@{context.bot.username}".casefold() in (message.text or "").split(maxsplit=1)[0].casefold()
        if ours or message.chat.type == "private":
            answer = await self._turn(_where(message), _no_such_command)
            if answer:
                await self._replies.say(_where(message), answer)

    async def _failed(self, update: object, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Note an error without the words of those who met it."""
        if context.error:
            note_error(context.error)

    def _asked(self, message: Message, text: str, context: ContextTypes.DEFAULT_TYPE) -> Asked:
        replied = message.reply_to_message
        earlier = (replied.text or replied.caption or "") if replied else ""
        return Asked(text.strip(), str(message.chat.id), self._clock(), earlier, context.bot.username)

    def _is_stale(self, message: Message) -> bool:
        return self._clock() - message.date > STALE


def _is_ours(data: object) -> bool:
    call = parsed(data) if isinstance(data, str) else None
    return call is not None and call.verb in VERBS


def _no_such_command() -> Answer:
    return Answer(overviews.one_line(t("I do not know that one. /help says what I can do.")))


def _where(message: Message) -> Where:
    """Return where a message is answered: in its own topic, as a reply to it."""
    thread = message.message_thread_id if message.is_topic_message else None
    return Where(str(message.chat.id), thread, message.message_id)


def pressed_under(query: CallbackQuery) -> Message | None:
    """Return the message whose button was pressed; None for one that is too old to be shown to us."""
    from telegram import Message

    message = query.message
    return message if isinstance(message, Message) and message.is_accessible else None


def note_error(error: BaseException) -> None:
    """Log where an error came from; its words may be somebody's."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "nowhere"
    log.error("something asked could not be answered: %s at %s", type(error).__name__, place)


async def _answer(query: CallbackQuery, text: str) -> None:
    """Answer a press, so that its button stops waiting; one that is too old for that is no fault."""
    from telegram.error import TelegramError

    try:
        await query.answer(text or None)
    except TelegramError as error:
        log.info("a press could not be answered: %s", type(error).__name__)


async def _offer(query: InlineQuery, cards: list[Card]) -> None:
    from telegram.error import TelegramError

    try:
        await query.answer([_article(card) for card in cards], cache_time=CACHED, is_personal=True)
    except TelegramError as error:
        log.info("an inline question could not be answered: %s", type(error).__name__)


def _article(card: Card) -> InlineQueryResultArticle:
    from telegram import (
        InlineKeyboardButton,
        InlineKeyboardMarkup,
        InlineQueryResultArticle,
        InputTextMessageContent,
        LinkPreviewOptions,
    )
    from telegram.constants import ParseMode

    what = InputTextMessageContent(
        to_html(card.message), ParseMode.HTML, link_preview_options=LinkPreviewOptions(is_disabled=True)
    )
    rows = [[InlineKeyboardButton(b.label, url=b.url) for b in row if b.url] for row in card.message.buttons]
    return InlineQueryResultArticle(
        card.id, card.title, what, reply_markup=InlineKeyboardMarkup(rows), description=card.source
    )
