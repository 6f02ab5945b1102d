"""What decides who gets what, heard in Telegram: settings, silences, operators' commands, and new chats."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from bot.commands.answering import Answer
from bot.commands.asking import STALE, note_error, pressed_under
from bot.commands.menus import show_menus
from bot.commands.operating import Operating
from bot.commands.replies import Quota, Replies, Where
from bot.commands.rights import Person, Right, Rights, presser_of, writer_of
from bot.commands.samples import samples
from bot.commands.settling import Here, Settling
from bot.desk import Desk
from bot.wording import overviews, settled
from bot.wording.callbacks import Call, parsed, parsed_link
from bot.wording.markup import Message, to_plain
from state.records import Guest

if TYPE_CHECKING:
    from telegram import Bot, CallbackQuery, ChatMemberUpdated, Update
    from telegram import Message as Heard
    from telegram.ext import Application, ContextTypes

    App = Application[Any, Any, Any, Any, Any, Any]

log = logging.getLogger("figurewatch.commands")

MEMBERS = ("ack", "privacy")
ADMINS = ("subscribe", "unsubscribe", "settings", "mute", "unmute", "quiet", "digest", "test")
OPERATORS = ("outbox", "resend", "drop", "pause", "resume", "release", "reject", "version")
SIGNING = ("release", "reject")  # done by an admin too, where a message waits for a yes
ALWAYS = ("mute", "unmute", "quiet", "unsubscribe")  # done however late they are heard
VERBS = ("set", "mute", "sign", "test")  # of our buttons
PATIENCE = timedelta(days=1)  # with a group that nobody has allowed
LOOK = 600.0  # seconds between two looks at whose time is over


class Following:
    """Hears what decides who gets what. Rights are asked of Telegram each time, also for a button."""

    def __init__(self, desk: Desk, quota: Quota) -> None:
        where = desk.checker.committer.destinations
        ops = desk.settings.ops_chat
        self._desk, self._where = desk, where
        self._settling = Settling(desk.store, desk.campaign, where)
        self._operating = Operating(desk.store, desk.campaign, desk.checker.committer)
        self._rights = Rights(ops.id if ops else None)
        self._replies = Replies(desk.transport, desk.sender.pacer, desk.sender.moved)
        self._quota = quota

    def add(self, application: App) -> None:
        """Add the handlers of our commands and buttons."""
        from telegram.ext import CallbackQueryHandler, CommandHandler, MessageHandler, filters

        heard = filters.UpdateType.MESSAGE | filters.UpdateType.CHANNEL_POST
        for name in (*MEMBERS, *ADMINS, *OPERATORS):
            command = partial(self._command, name)
            application.add_handler(CommandHandler(name, command, filters=heard, block=False))
        link = filters.ChatType.PRIVATE & filters.Regex(r"^/start sub")
        application.add_handler(MessageHandler(link, self._linked, block=False))
        application.add_handler(CallbackQueryHandler(self._pressed, pattern=_is_ours, block=False))

    def end(self) -> None:
        """Let no more answers go out."""
        self._replies.end()

    async def begin(self, bot: Bot) -> None:
        """Show each chat its menu of commands, and introduce ourselves where we were allowed meanwhile."""
        every = overviews.menu() | settled.menu_of_members()
        await show_menus(bot, every, settled.menu_of_admins(), self._menu_of_operators())
        for chat, guest in (await asyncio.to_thread(self._guests)).items():
            if chat in self._where.chats and guest.introduced is None:
                await self._introduce(chat)

    async def run(self, bot: Bot, stop: asyncio.Event) -> None:
        """Leave groups that nobody has allowed in their time, be they silent, until `stop` is set."""
        while not stop.is_set():
            try:
                for chat in await asyncio.to_thread(self._overdue):
                    await self._leave(bot, chat)
            except Exception as error:  # the edge around one look
                note_error(error)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK)

    def _overdue(self) -> list[str]:
        """Return the groups for which nobody waits any more."""
        return [chat for chat, guest in self._guests().items() if self._is_over(chat, guest)]

    def _is_over(self, chat: str, guest: Guest | None) -> bool:
        """Return whether a group has no place here: nobody has allowed it, and none or no longer waits.

        One that became a supergroup may be met there before it is known to be the same.
        """
        waits = guest is not None and self._desk.clock() - guest.since <= PATIENCE
        return not waits and self._first_id(chat) not in self._where.chats

    async def joined(self, change: ChatMemberUpdated) -> None:
        """Introduce ourselves in a chat that took us in, unless that was done before."""
        if change.old_chat_member.status in ("left", "kicked"):
            chat = await self._name(change.chat.id)
            guest = (await asyncio.to_thread(self._guests)).get(chat)
            if guest is None or guest.introduced is None:
                await self._introduce(chat)

    async def stranger(self, update: Update, bot: Bot) -> bool:
        """Meet a chat that nobody has allowed; return whether that was all there is to do.

        A person may follow by a link. A group is told its id, waited for, and then left.
        """
        if change := update.my_chat_member:
            await self._met(change)
            return True
        message = update.effective_message
        if message is None or message.migrate_from_chat_id or message.migrate_to_chat_id:
            return True
        if message.chat.type == "private":
            return await self._followed(message)
        chat = str(message.chat.id)
        guest = (await asyncio.to_thread(self._guests)).get(chat)
        if await asyncio.to_thread(self._is_over, chat, guest):
            await self._leave(bot, chat)
        return True

    async def _command(self, name: str, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        """Do what is wanted and say what came of it; beyond the quota only that there is too much."""
        message = update.effective_message
        if message is None or (name not in ALWAYS and self._desk.clock() - message.date > STALE):
            return
        chat = str(message.chat.id)
        has_room = self._quota.take(chat)
        if has_room or name in ALWAYS:
            answer = await self._done(name, message, context)
        else:
            answer = settled.one_line(overviews.too_many())
        if answer and (has_room or self._quota.tells(chat)):
            await self._say(message, answer)

    async def _done(self, name: str, message: Heard, context: ContextTypes.DEFAULT_TYPE) -> Message | None:
        """Do what a command wants where its writer may; return what is to be said of it, if anything."""
        try:
            person = writer_of(message)
            here = await self._here(message, person, " ".join(context.args or ()))
            return await self._wanted(name, message, person, here, context.bot)
        except Exception as error:
            note_error(error)
            return settled.one_line(overviews.failed())
        finally:
            self._desk.sender.poke()

    async def _wanted(
        self, name: str, message: Heard, person: Person, here: Here, bot: Bot
    ) -> Message | None:
        if name in SIGNING and (signed := await self._signs(name, person, here, bot)):
            return signed
        right: Right = "member" if name in MEMBERS else "admin" if name in ADMINS else "operator"
        if not await self._rights.has(right, person, bot):
            said = settled.admins_only() if right == "admin" else settled.operators_only()
            return settled.one_line(said)
        if name == "ack" and not await self._rights.has("admin", person, bot):
            here = here._replace(role="member")
        if right != "member":
            _note(name, person)
        if name == "test":
            await self._show_samples(message)
            return None
        if name == "unsubscribe":
            return await self._unsubscribed(here, person.chat, bot)
        work = getattr(self._operating if name in OPERATORS else self._settling, name)
        answer: Message = await asyncio.to_thread(work, here)
        return answer

    async def _unsubscribed(self, here: Here, chat: int, bot: Bot) -> Message:
        """End what a place gets, all of it or of an area; what is not kept current stays pinned nowhere."""
        before = await asyncio.to_thread(self._settling.boards, here.chat)
        answer = await asyncio.to_thread(self._settling.unsubscribe, here)
        for left in before - await asyncio.to_thread(self._settling.boards, here.chat):
            await _unpin(bot, chat, left)
        return answer

    async def _pressed(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        query = update.callback_query
        call = parsed(query.data or "") if query else None
        if query is None or call is None:
            return
        message = pressed_under(query)
        if message is None:
            await _answer(query, overviews.out_of_date())
            return
        person = presser_of(query, message)
        if not self._quota.take(str(message.chat.id)):
            await _answer(query, overviews.too_many())
        elif not await self._rights.has("admin", person, context.bot):
            await _answer(query, settled.admins_only())
        else:
            _note(" ".join((call.verb, *call.args)), person)
            try:
                await self._chosen(query, message, person, call)
            except Exception as error:
                note_error(error)
                await _answer(query, overviews.failed())

    async def _chosen(self, query: CallbackQuery, message: Heard, person: Person, call: Call) -> None:
        """Do what an admin's press wants, and show what came of it."""
        here = await self._here(message, person, "")
        if call == Call("test"):
            await _answer(query, "")
            await self._show_samples(message)
        elif call == Call("mute", ("60",)):
            said = await asyncio.to_thread(self._settling.mute, here._replace(text="1h"))
            await _answer(query, to_plain(said).partition("\n")[0])
        else:
            work = self._signed if call.verb == "sign" else self._settling.called
            answer = await asyncio.to_thread(work, call, here)
            await _answer(query, "" if answer else overviews.out_of_date())
            if answer:
                await self._replies.say(_where(message), Answer(answer), message.message_id)
        self._desk.sender.poke()

    def _signed(self, call: Call, here: Here) -> Message | None:
        match call.args:
            case ("yes" | "no" as said, number) if number.isdecimal():
                return self._operating.sign(int(number), here, yes=said == "yes")
        return None

    async def _signs(self, name: str, person: Person, here: Here, bot: Bot) -> Message | None:
        """Let an admin of the chat in which it is asked say yes or no; None where that was not asked for."""
        number = await asyncio.to_thread(self._operating.waits_for_yes, here.text)
        asked_here = here.chat == self._where.decider.chat
        if number is None or not asked_here or not await self._rights.has("admin", person, bot):
            return None
        _note(f"{name} A{number}", person)
        return await asyncio.to_thread(self._operating.sign, number, here, yes=name == "release")

    async def _linked(self, update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
        if update.message and not await self._followed(update.message):
            await self._say(update.message, settled.one_line(overviews.out_of_date()))

    async def _followed(self, message: Heard) -> bool:
        """Let a person follow by a link to the bot; return whether it was one."""
        payload = (message.text or "").removeprefix("/start ")
        call = parsed_link(payload) if payload != message.text else None
        if call is None or not self._quota.take(str(message.chat.id)):
            return False
        here = await self._here(message, writer_of(message), "")
        answer = await asyncio.to_thread(self._settling.linked, call, here)
        if answer:
            await self._say(message, answer)
        return answer is not None

    async def _met(self, change: ChatMemberUpdated) -> None:
        """Say in a group that took us in how it is allowed; forget one that put us out."""
        chat = str(change.chat.id)
        inside = change.new_chat_member.status in ("member", "administrator")
        if change.chat.type == "private":
            if not inside:  # a follower who blocked us has gone
                await asyncio.to_thread(self._write, lambda tx: tx.forget_chat(chat))
        elif not inside:
            await asyncio.to_thread(self._write, lambda tx: tx.subscriptions.forget(chat))
        elif await asyncio.to_thread(self._write, lambda tx: tx.subscriptions.meet(chat, self._desk.clock())):
            team = ",".join(map(str, self._desk.settings.alert_chats))
            answer = Answer(settled.hello(",".join(filter(None, (team, chat)))))
            await self._replies.say(Where(chat), answer)

    async def _introduce(self, chat: str) -> None:
        for place in self._where.team:
            if place.chat == chat:
                message = settled.introduction(self._desk.campaign.name)
                await self._replies.say(Where(chat, place.thread), Answer(message))
        await asyncio.to_thread(self._write, lambda tx: tx.subscriptions.introduce(chat, self._desk.clock()))

    async def _leave(self, bot: Bot, chat: str) -> None:
        from telegram.error import TelegramError

        log.warning("chat %s is not in ALERT_CHATS: leaving it", chat)
        try:
            await bot.leave_chat(int(chat))
        except TelegramError as error:
            log.warning("chat %s could not be left: %s", chat, type(error).__name__)
        await asyncio.to_thread(self._write, lambda tx: tx.subscriptions.forget(chat))

    async def _show_samples(self, message: Heard) -> None:
        for sample in samples(self._desk.campaign, self._desk.clock()):
            await self._replies.say(_where(message)._replace(reply_to=None), Answer(sample))

    async def _here(self, message: Heard, person: Person, text: str) -> Here:
        chat, thread = await self._name(message.chat.id), _where(message).thread
        return Here(chat, thread, text, self._desk.clock(), person.private)

    async def _name(self, chat: int) -> str:
        """Return the id by which the settings and the store know a chat, which may have become another."""
        return await asyncio.to_thread(self._first_id, str(chat))

    def _first_id(self, chat: str) -> str:
        moved = {state.moved_to: old for old, state in self._desk.store.chats().items() if state.moved_to}
        seen = {chat}
        while (chat := moved.get(chat, chat)) not in seen:
            seen.add(chat)
        return chat

    async def _say(self, message: Heard, answer: Message) -> None:
        await self._replies.say(_where(message), Answer(answer))

    def _guests(self) -> dict[str, Guest]:
        with self._desk.store.writing() as tx:
            return tx.subscriptions.guests()

    def _write(self, work: Callable[[Any], Any]) -> Any:
        with self._desk.store.writing() as tx:
            return work(tx)

    def _menu_of_operators(self) -> dict[str, dict[str, str]]:
        """Return what is shown in the operators' chat beside all else, by its id."""
        ops = self._desk.settings.ops_chat
        return {str(ops.id): settled.menu_of_admins() | settled.menu_of_operators()} if ops else {}


def _is_ours(data: object) -> bool:
    call = parsed(data) if isinstance(data, str) else None
    return call is not None and call.verb in VERBS


def _where(message: Heard) -> Where:
    """Return where a message is answered: in its own topic, as a reply to it."""
    thread = message.message_thread_id if message.is_topic_message else None
    return Where(str(message.chat.id), thread, message.message_id)


async def _unpin(bot: Bot, chat: int, message_id: int) -> None:
    from telegram.error import TelegramError

    try:
        await bot.unpin_chat_message(chat, message_id)
    except TelegramError as error:  # it was not pinned, or we may not
        log.info("nothing can be unpinned in chat %s: %s", chat, type(error).__name__)


def _note(what: str, person: Person) -> None:
    """Log who decided something: by id, for a name is nobody's business."""
    log.info("%s in chat %s by %s", what, person.chat, person.user)


async def _answer(query: CallbackQuery, text: str) -> None:
    """Answer a press, so that its button stops waiting; one that is too old for that is no fault."""
    from telegram.error import TelegramError

    try:
        await query.answer(text[:200] or None)
    except TelegramError as error:
        log.info("a press could not be answered: %s", type(error).__name__)
