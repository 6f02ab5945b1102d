"""Write answers into chats, within the limits that they share with what is sent unasked."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from bot.commands.answering import Answer, in_words
from bot.delivery.outcome import Outcome, Verdict, sort_outcome
from bot.delivery.pacing import Pacer
from bot.delivery.transports import Letter, Transport
from bot.wording.charts import Chart, alt_text
from bot.wording.markup import CAPTION_LIMIT, TEXT_LIMIT, Message, italic, line, payload

log = logging.getLogger("figurewatch.commands")

MINUTE = timedelta(minutes=1)
MOST_IN_GROUP, MOST_IN_PRIVATE = 10, 20  # answers a minute; a group gets 20 messages, alerts among them
LONGEST_WAIT = 30.0  # seconds that an answer waits because Telegram wants it; then nobody reads it any more
TRIES = 4


class Where(NamedTuple):
    """A chat, the topic in it, and the message that is answered."""

    chat: str
    thread: int | None = None
    reply_to: int | None = None


class Quota:
    """Counts what each chat was answered in the last minute, by whoever answers."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._answered: dict[str, deque[datetime]] = defaultdict(deque)
        self._told: dict[str, datetime] = {}

    def take(self, chat: str) -> bool:
        """Count an answer in a chat; False where there were too many."""
        now, answered = self._clock(), self._answered[chat]
        while answered and not _is_recent(answered[0], now):
            answered.popleft()
        if len(answered) >= (MOST_IN_GROUP if chat.startswith("-") else MOST_IN_PRIVATE):
            return False
        answered.append(now)
        return True

    def tells(self, chat: str) -> bool:
        """Return whether a chat is to be told that there were too many: once a minute."""
        now = self._clock()
        if chat in self._told and _is_recent(self._told[chat], now):
            return False
        self._told[chat] = now
        return True


def _is_recent(moment: datetime, now: datetime) -> bool:
    """Return whether a moment was within the last minute; one to come is none, for clocks are set back."""
    return timedelta(0) <= now - moment < MINUTE


class Replies:
    """Writes answers. One is never sent twice: where nobody knows whether it arrived, it is asked again.

    `moved` is told of a group that became a supergroup. `end` lets nothing more go out.
    """

    def __init__(
        self,
        transport: Callable[[str], Transport],
        pacer: Pacer,
        moved: Callable[[str, str], Awaitable[None]],
    ) -> None:
        self._transport, self._pacer, self._moved = transport, pacer, moved
        self._stop = asyncio.Event()
        self._drawing = asyncio.Semaphore(1)  # each takes a processor for a second

    def end(self) -> None:
        """Let nothing more go out."""
        self._stop.set()

    async def say(self, where: Where, answer: Answer, edits: int | None = None) -> None:
        """Write an answer into a chat, in place of the message `edits` where one is given; then its chart."""
        if answer.chart and answer.drawn:
            await self._show(where, answer.message, answer.chart)
            return
        full = Letter.full(payload(answer.message, CAPTION_LIMIT if answer.document else TEXT_LIMIT))
        letter = replace(full, reply_to=where.reply_to, edits=edits, document=answer.document)
        sent = await self._send(where, letter)
        if answer.chart and sent is not None:
            alt = Message((line(italic(alt_text(answer.chart))),), silent=True)
            await self._show(where._replace(reply_to=sent), alt, answer.chart)

    async def _show(self, where: Where, caption: Message, chart: Chart) -> None:
        """Send a chart with its caption; in words where it cannot be drawn."""
        photo = await self._drawn(chart)
        letter = Letter.full(payload(caption if photo else in_words(chart), CAPTION_LIMIT))
        await self._send(where, replace(letter, photo=photo, reply_to=where.reply_to))

    async def _drawn(self, chart: Chart) -> bytes | None:
        from bot.wording import plots

        try:
            async with self._drawing:
                return await asyncio.to_thread(plots.drawn, chart)
        except plots.DrawingFailed as error:
            log.warning("%s", error)
            return None

    async def _send(self, where: Where, letter: Letter) -> int | None:
        """Send a letter in a form that Telegram takes; return its id, None where it may not have arrived."""
        for _ in range(TRIES):
            if not await self._pacer.turn(where.chat, self._stop):
                return None
            try:
                return await self._transport(where.chat).send(where.chat, where.thread, letter)
            except Exception as error:  # the edge around one call: what it means is sorted
                outcome = sort_outcome(error)
            finally:
                self._pacer.ended(where.chat)
            if outcome.verdict is Verdict.UNCHANGED:
                return letter.edits
            again = await self._adapted(where, letter, outcome)
            if again is None:
                log.warning("an answer in chat %s was not sent: %s", where.chat, outcome.verdict)
                return None
            where, letter = again
        return None

    async def _adapted(self, where: Where, letter: Letter, outcome: Outcome) -> tuple[Where, Letter] | None:
        """Return how to try again what surely did not arrive; None where that is of no use."""
        match outcome.verdict:
            case Verdict.WAIT if outcome.retry_after.total_seconds() <= LONGEST_WAIT:
                await self._rest(outcome.retry_after.total_seconds())
                return where, letter
            case Verdict.MOVED:
                await self._moved(where.chat, outcome.new_chat)
                return where._replace(chat=outcome.new_chat, reply_to=None), replace(
                    letter, edits=None, reply_to=None
                )
            case Verdict.GONE if letter.edits is not None:
                return where, replace(letter, edits=None)
            case Verdict.NO_THREAD if where.thread is not None:
                return where._replace(thread=None), letter
            case Verdict.BAD_MARKUP if letter.html is not None:
                return where, replace(letter, html=None, buttons=())
            case Verdict.BAD_PHOTO if letter.photo is not None:
                return where, replace(letter, photo=None)
        return None

    async def _rest(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            return
