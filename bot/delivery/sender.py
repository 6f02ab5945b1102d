"""The sender: it empties the outbox into the chats, and never loses a message in silence."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from bot.delivery.outcome import Outcome, Verdict, backoff, sort_outcome
from bot.delivery.transports import Letter, Transport
from bot.rules.findings import DeliveryProblem

if TYPE_CHECKING:
    from state.records import OutboxRow
    from state.store import Store

TOKEN_PAUSE = timedelta(minutes=10)

_log = logging.getLogger("figurewatch.delivery")
_End = Literal["sent", "later", "unconfirmed", "dead"]


@dataclass(frozen=True, slots=True)
class Drained:
    """How many messages came to which end, and when there is something to do again (None: never)."""

    sent: int = 0
    later: int = 0
    unconfirmed: int = 0
    dead: int = 0
    next_due: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Try:
    """One call: where to, and in which form."""

    chat: str
    thread: int | None
    letter: Letter


@dataclass(frozen=True, slots=True)
class _Arrived:
    message_id: int | None


class Sender:
    """Sends what the outbox holds: one message at a time in a chat, chats side by side, in their order.

    A message is marked `sending` before the call, so that a death in the middle is seen afterwards. When
    nobody can know whether it arrived, it is sent once more after `doubt` seconds, and says so; a second
    doubt leaves it unconfirmed, and the operator is told. A chat sees two copies at most, the second marked.

    `hold` says whether we still own the delivery; it is asked before each message. `allowed` are the chats
    that may get anything. `spacing` is in seconds, between two messages in one chat; so is `look_again`, the
    longest rest of `run`, for another process may fill the outbox without a poke.
    """

    def __init__(
        self,
        store: Store,
        transports: Callable[[str], Transport],
        *,
        allowed: Collection[str],
        hold: Callable[[], Awaitable[bool] | bool],
        clock: Callable[[], datetime],
        tell_operator: Callable[[str, str], None],
        spacing: float = 1.2,
        doubt: float = 30.0,
        look_again: float = 5.0,
    ) -> None:
        self._outbox = store.outbox
        self._transport_for = transports
        self._allowed = frozenset(allowed)
        self._hold = hold
        self._clock = clock
        self._tell_operator = tell_operator
        self._spacing = spacing
        self._doubt = timedelta(seconds=doubt)
        self._look_again = look_again
        self._moved: dict[str, str] = {}  # learnt anew after a start: the old id always answers with the new
        self._last_call: dict[str, float] = {}
        self._poked = asyncio.Event()

    def poke(self) -> None:
        """Wake `run`: there may be something new in the outbox."""
        self._poked.set()

    async def recover(self) -> None:
        """Put what somebody was sending when they died in doubt. To be called on taking the lease only."""
        now = self._clock()
        await asyncio.to_thread(self._outbox.recover, now, now + self._doubt)

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop` is set; a message on its way is waited for."""
        while not stop.is_set():
            self._poked.clear()
            await self._rest(stop, await self._round(stop))

    async def drain(self, stop: asyncio.Event | None = None) -> Drained:
        """Send everything that is due now, in every chat, until nothing is due or we may not send."""
        ends: Counter[_End] = Counter()
        before = -1
        while before < ends.total() and (heads := await self._due()):
            before = ends.total()
            async with asyncio.TaskGroup() as chats:
                for chat in {row.chat for row in heads}:
                    chats.create_task(self._serve(chat, ends, stop))
        next_due = await asyncio.to_thread(self._outbox.next_due)
        return Drained(ends["sent"], ends["later"], ends["unconfirmed"], ends["dead"], next_due)

    async def _round(self, stop: asyncio.Event) -> float:
        """Drain once; return how many seconds to rest."""
        try:
            next_due = (await self.drain(stop)).next_due
        except Exception:
            _log.exception("the outbox could not be emptied; trying again")
            return self._look_again
        pause = (next_due - self._clock()).total_seconds() if next_due else self._look_again
        # Overdue and yet not sent: we do not own the delivery just now.
        return min(pause, self._look_again) if pause > 0 else self._look_again

    async def _rest(self, stop: asyncio.Event, seconds: float) -> None:
        waits = [asyncio.create_task(event.wait()) for event in (stop, self._poked)]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _due(self, *chats: str) -> Sequence[OutboxRow]:
        return await asyncio.to_thread(self._outbox.due, self._clock(), chats or None)

    async def _serve(self, chat: str, ends: Counter[_End], stop: asyncio.Event | None) -> None:
        """Send what is due in one chat, one after another."""
        while not (stop and stop.is_set()) and (rows := await self._due(chat)):
            await self._pace(chat)
            if not await self._holding():
                return
            delivery = asyncio.ensure_future(self._deliver(rows[0]))
            try:
                end = await asyncio.shield(delivery)
            except asyncio.CancelledError:
                await delivery  # what became of a message on its way must be written down
                raise
            if end is None:
                return
            ends[end] += 1

    async def _holding(self) -> bool:
        held = self._hold()
        return await held if inspect.isawaitable(held) else held

    async def _pace(self, chat: str) -> None:
        """Wait until the chat has had its time since the last call."""
        if self._transport_for(chat).paced:
            loop = asyncio.get_running_loop()
            await asyncio.sleep(self._last_call.get(chat, -self._spacing) + self._spacing - loop.time())

    async def _deliver(self, row: OutboxRow) -> _End | None:
        """Send one message and write down what became of it; None when somebody else has taken it."""
        if not await asyncio.to_thread(self._outbox.begin, row.id, self._clock()):
            return None
        if row.chat not in self._allowed:
            return await self._give_up(row, "chat no longer in ALERT_CHATS")
        if row.state == "ambiguous" and row.resends:
            return await self._settle(row, Outcome(Verdict.UNKNOWN, "the process ended while it was re-sent"))
        match await self._send(row):
            case _Arrived(message_id):
                await asyncio.to_thread(self._outbox.sent, row.id, message_id, self._clock())
                return "sent"
            case outcome:
                return await self._settle(row, outcome)

    async def _send(self, row: OutboxRow) -> _Arrived | Outcome:
        """Try the message as it is, then in each way that a refusal asks for; at most one of them arrives."""
        transport = self._transport_for(row.chat)
        attempt: _Try | None = _Try(self._moved.get(row.chat, row.chat), row.thread, Letter.full(row.payload))
        while attempt:
            letter = attempt.letter.marked_as_resent() if _may_be_second(row) else attempt.letter
            try:
                return _Arrived(await transport.send(attempt.chat, attempt.thread, letter))
            except Exception as error:
                outcome = sort_outcome(error)
            finally:
                self._last_call[row.chat] = asyncio.get_running_loop().time()
            attempt = await self._adapted(row, attempt, outcome)
        return outcome

    async def _adapted(self, row: OutboxRow, attempt: _Try, outcome: Outcome) -> _Try | None:
        """Return the call to make after one that surely did not arrive, or None when there is none."""
        short = Letter.short(row.payload)
        match outcome.verdict:
            case Verdict.BAD_MARKUP if attempt.letter.html is not None:
                _log.error("#A%s was refused as markup, sending it plain: %s", row.alert, outcome.why)
                return replace(attempt, letter=Letter.unadorned(row.payload))
            case Verdict.TOO_LONG if attempt.letter != short:
                _log.error("#A%s was refused as too long, sending it in short", row.alert)
                return replace(attempt, letter=short)
            case Verdict.NO_THREAD if attempt.thread is not None:
                what = f"Topic {attempt.thread} of chat {row.chat} is closed or gone: writing without it"
                await self._report(row, outcome, f"{what}. Mend ALERT_CHATS.")
                return replace(attempt, thread=None)
            case Verdict.MOVED if attempt.chat != outcome.new_chat:
                self._moved[row.chat] = outcome.new_chat
                what = f"Chat {row.chat} became a supergroup: put {outcome.new_chat} into ALERT_CHATS"
                await self._report(row, outcome, f"{what}. Until then messages find their way.")
                return replace(attempt, chat=outcome.new_chat)
            case _:
                return None

    async def _settle(self, row: OutboxRow, outcome: Outcome) -> _End:
        """Write down what became of a message that did not surely arrive."""
        now, why = self._clock(), outcome.why
        match outcome.verdict:
            case Verdict.NOT_SENT:
                await self._later(row, now + backoff(row.attempts + 1), why, counts=True)
            case Verdict.WAIT:
                await self._later(row, now + outcome.retry_after + timedelta(seconds=1), why, counts=False)
            case Verdict.BAD_TOKEN:
                await self._report(row, outcome, f"Telegram refuses the bot's token: {why}. Set a new one.")
                await self._later(row, now + TOKEN_PAUSE, why, counts=False)
            case Verdict.UNKNOWN if _may_be_second(row):
                await asyncio.to_thread(self._outbox.unconfirmed, row.id, why, now)
                what = f"#A{row.alert} was sent twice to {row.chat}, and neither copy could be confirmed"
                await self._report(row, outcome, f"{what}: {why}", once=str(row.id))
                return "unconfirmed"
            case Verdict.UNKNOWN:
                await asyncio.to_thread(self._outbox.ambiguous, row.id, now + self._doubt, why)
            case _:
                return await self._give_up(row, why, outcome)
        return "later"

    async def _later(self, row: OutboxRow, not_before: datetime, why: str, *, counts: bool) -> None:
        await asyncio.to_thread(self._outbox.later, row.id, not_before, why, counts=counts)

    async def _give_up(self, row: OutboxRow, why: str, outcome: Outcome | None = None) -> _End:
        await asyncio.to_thread(self._outbox.dead, row.id, why, self._clock())
        if outcome:
            what = f"#A{row.alert} was not delivered to {row.chat}: {why}"
            await self._report(row, outcome, f"{what}. `figurewatch alerts` lists what did not arrive.")
        return "dead"

    async def _report(self, row: OutboxRow, outcome: Outcome, text: str, *, once: str = "") -> None:
        """Tell the operator, once for each kind of trouble with a chat in an hour.

        What is wrong with such a report itself goes to the log alone, or it would never end.
        """
        if row.kind == DeliveryProblem.kind:
            _log.error("%s", text)
            return
        once = once or f"{self._clock():%Y-%m-%dT%H}"
        dedupe = f"delivery:{outcome.verdict}:{row.chat}:{once}"
        await asyncio.to_thread(self._tell_operator, dedupe, text)


def _may_be_second(row: OutboxRow) -> bool:
    """Say whether a copy of this message may have arrived already."""
    return row.state == "ambiguous" or row.resends > 0
