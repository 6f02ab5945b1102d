"""The sender: it empties the outbox into the chats, and never loses a message in silence."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from bot.delivery.ledger import End, Ledger, may_be_second
from bot.delivery.outcome import Outcome, Verdict, sort_outcome
from bot.delivery.pacing import Pacer
from bot.delivery.told import REPORTED
from bot.delivery.transports import Letter, Transport
from bot.operate import crash
from bot.pace import PACE, Pace
from bot.rules.findings import Finding
from bot.wording.language import t
from bot.wording.markup import REPLACES, RESENT, late
from state.records import InHand

if TYPE_CHECKING:
    from state.lease import Claim
    from state.records import OutboxRow
    from state.store import Store, Writer

PNG = b"\x89PNG"  # how a picture begins
PICTURES = 8  # that are kept for the chats that still wait for them
LONGEST_CALL = 5 / 6  # of the lease, which is renewed before each call

_log = logging.getLogger("figurewatch.delivery")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Drained:
    """How many messages came to which end, and when there is something to do again (None: never)."""

    sent: int = 0
    later: int = 0
    unconfirmed: int = 0
    dead: int = 0
    next_due: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Form:
    """The form in which a message goes out: which of its texts, in which topic, with its photo or not."""

    thread: int | None
    text: Callable[[Mapping[str, Any]], Letter] = Letter.full
    photo: bool = True


@dataclass(frozen=True, slots=True)
class _Arrived:
    message_id: int | None
    address: str


@dataclass(slots=True)
class _Shift:
    """The chats that are served at the moment, and what came of it. `lost` says that we may not send."""

    stop: asyncio.Event
    serving: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    ends: Counter[End] = field(default_factory=Counter)
    lost: bool = False
    error: BaseException | None = None


class Sender:
    """Sends what the outbox holds: one message at a time in a chat, chats side by side, in their order.

    A message is marked `sending` before the call, so that a death in the middle is seen afterwards. When
    nobody can know whether it arrived, it is sent once more after a while, and says so; a second doubt leaves
    it unconfirmed. A chat sees two copies at most, the second marked. An edit in doubt is made again; where
    the message is not there, it becomes one of its own, marked too. What becomes of a message, and what the
    operator is told of it, is one transaction.

    `claim` is the lease to send: it is renewed in the transaction that marks a message, and without it none
    is marked or sent. `allowed` are the chats that may get anything, and those that are `subscribed` when it
    is asked, which may take a moment. `tell_operator` posts a finding in a
    transaction. `heard`, which may be set, is told each outcome of a call: `sent`, or its verdict.
    """

    def __init__(
        self,
        store: Store,
        transports: Callable[[str], Transport],
        *,
        allowed: Collection[str],
        subscribed: Callable[[], Collection[str]] = tuple,
        claim: Claim,
        clock: Callable[[], datetime],
        tell_operator: Callable[[Writer, Finding, datetime], object],
        pace: Pace = PACE,
    ) -> None:
        self._outbox = store.outbox
        self._ledger = Ledger(store, clock, tell_operator, pace)
        self._transport_for = transports
        self._allowed, self._subscribed = frozenset(allowed), subscribed
        self._claim = claim
        self._clock = clock
        self.heard: Callable[[OutboxRow, str], object] = lambda row, outcome: None
        self._pace = pace
        self.pacer = Pacer(pace)  # for whoever else writes to the chats
        self._settled_in = False  # whether what the store knows of chats and of latest calls is known here
        self._forms: dict[int, _Form] = {}  # of messages whose first form was refused
        self._waits: dict[str, float] = {}  # until when Telegram wants silence in a chat, on the loop's clock
        self._drawing = asyncio.Lock()
        self._pictures: dict[str, bytes | None] = {}  # the last ones, by digest; None could not be drawn
        self._poked = asyncio.Event()

    def poke(self) -> None:
        """Wake `run`: there may be something new in the outbox. To be called on the event loop."""
        self._poked.set()

    async def resume(self, chat: str) -> None:
        """Go on in a chat that takes messages again; it is named by its id of old or of now."""
        await asyncio.to_thread(self._ledger.resume, chat)
        self.poke()

    async def moved(self, old: str, new: str) -> None:
        """Follow a group that became a supergroup."""
        if old in self._allowed or old in await asyncio.to_thread(self._subscribed):
            await asyncio.to_thread(self._ledger.follow, old, new)
            self.poke()

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop` is set; a message on its way is waited for."""
        while not stop.is_set():
            try:
                await self._work(_Shift(stop), lasting=True)
            except Exception:
                _log.exception("the outbox could not be emptied; trying again")
                await _rest(stop, self._pace.look_again)

    async def drain(self, stop: asyncio.Event | None = None) -> Drained:
        """Send everything that is due now, in every chat, until nothing is due or we may not send."""
        shift = _Shift(stop or asyncio.Event())
        await self._work(shift, lasting=False)
        next_due = await asyncio.to_thread(self._outbox.next_due)
        ends = shift.ends
        return Drained(ends["sent"], ends["later"], ends["unconfirmed"], ends["dead"], next_due)

    async def _work(self, shift: _Shift, *, lasting: bool) -> None:
        """Serve each chat that has something due; without `lasting`, until none has."""
        try:
            while not shift.stop.is_set():
                self._poked.clear()
                pause = self._pace.look_again if shift.lost else await self._assign(shift)
                if shift.error:
                    raise shift.error
                if not (lasting or shift.serving):
                    return
                await _rest(shift.stop, pause, self._poked)
                if shift.lost and lasting and not shift.serving:
                    shift.lost = self._settled_in = False
        except BaseException:
            for task in shift.serving.values():
                task.cancel()
            raise
        finally:
            await asyncio.gather(*shift.serving.values(), return_exceptions=True)

    async def _assign(self, shift: _Shift) -> float:
        """Begin to serve the chats that have something due; return how many seconds to rest."""
        if not self._settled_in:
            await self._settle_in()
        await asyncio.to_thread(self._ledger.report_slow)
        due = await asyncio.to_thread(self._outbox.due, self._clock())
        for chat in {row.chat for row in due} - shift.serving.keys():
            task = shift.serving[chat] = asyncio.create_task(self._serve(chat, shift))
            task.add_done_callback(partial(self._served, chat, shift))
        next_due = await asyncio.to_thread(self._outbox.next_due)
        pause = (next_due - self._clock()).total_seconds() if next_due else 0.0
        return min(pause, self._pace.look_again) if pause > 0 else self._pace.look_again

    def _served(self, chat: str, shift: _Shift, task: asyncio.Task[None]) -> None:
        del shift.serving[chat]
        if not task.cancelled() and (error := task.exception()):
            _log.error("chat %s could not be served", chat, exc_info=error)
            shift.error = shift.error or error
        if not shift.serving or shift.error:
            self.poke()

    async def _settle_in(self) -> None:
        """Learn what the store knows of chats, and what was sent just now, be it by another process."""
        now = self._clock()
        await asyncio.to_thread(self._ledger.learn)
        calls = await asyncio.to_thread(self._outbox.calls, now - timedelta(seconds=self._pace.window))
        calls.sort(key=lambda call: call[1])
        self.pacer.remember((self._ledger.address(chat), (now - at).total_seconds()) for chat, at in calls)
        self._settled_in = True

    async def _serve(self, chat: str, shift: _Shift) -> None:
        """Send what is due in one chat, one after another."""
        while rows := await asyncio.to_thread(self._outbox.due, self._clock(), [chat]):
            crash.point("sender:due")
            if shift.lost or not await self._turn(chat, shift.stop):
                return
            delivery = asyncio.ensure_future(self._deliver(rows[0], shift))
            try:
                end = await asyncio.shield(delivery)
            except asyncio.CancelledError:
                await delivery  # what became of a message on its way must be written down
                raise
            if end:
                shift.ends[end] += 1

    async def _turn(self, chat: str, stop: asyncio.Event) -> bool:
        """Wait until the chat may be written to. Return False if stopped before."""
        if self._transport_for(chat).paced:
            return await self.pacer.turn(self._ledger.address(chat), stop)
        return not stop.is_set()

    async def _deliver(self, row: OutboxRow, shift: _Shift) -> End | None:
        """Send one message and write down what became of it; None when it is to be taken up again."""
        photo = await self._drawn(row)  # before it is marked: a death meanwhile leaves nothing in doubt
        hand = InHand(row.id, self._clock())
        begin = partial(self._outbox.begin, hand, self._claim)
        contents = await self._write(row, shift.stop, lambda: begin(self._clock()))
        if contents is None:
            shift.lost = True
            return None
        row = replace(row, **contents._asdict(), photo=photo)
        crash.point("sender:begun")
        outcome = await self._foregone(row) or await self._call(row)
        if isinstance(outcome, _Arrived):
            crash.point("sender:called")
            self.heard(row, "sent")
            arrived = partial(self._ledger.arrived, row, outcome.message_id, outcome.address)
            await self._write(row, shift.stop, arrived)
            end: End | None = "sent"
        else:
            crash.point("sender:failed")
            self.heard(row, str(outcome.verdict))
            if outcome.verdict is Verdict.WAIT:
                self._obey(row.chat, outcome.retry_after)
            form = self._adapted(row, outcome)
            if form:
                self._forms[row.id] = form
            write_down = self._ledger.again if form else self._ledger.settle
            end = await self._write(row, shift.stop, partial(write_down, row, hand, outcome))
        if end not in ("later", None):
            self._forms.pop(row.id, None)
        if end != "sent" or row.kind in REPORTED:
            self.poke()  # there may be a report to send, or another time to look again
        crash.point("sender:done")
        return end

    async def _write(self, row: OutboxRow, stop: asyncio.Event, work: Callable[[], T]) -> T:
        """Do a piece of writing off the event loop, again and again while the store fails.

        What became of a message is known here alone: left unwritten, it would hold up its chat.
        """
        while True:
            try:
                return await asyncio.to_thread(work)
            except Exception:
                if stop.is_set():
                    raise
                _log.exception("the state of #A%s could not be written; trying again", row.alert)
                await _rest(stop, self._pace.look_again)

    async def _foregone(self, row: OutboxRow) -> Outcome | None:
        """Return what becomes of a message without a call, or None."""
        names = {row.chat, self._ledger.address(row.chat)}
        if not (self._allowed & names or names & set(await asyncio.to_thread(self._subscribed))):
            return Outcome(Verdict.DROPPED, "the chat is no longer in ALERT_CHATS")
        if row.state == "ambiguous" and (row.resends or row.payload.get("once")):
            return Outcome(Verdict.UNKNOWN, "the process ended while it was sent")
        if row.action == "edit" and row.earlier is None:
            return Outcome(Verdict.GONE, "there is no message to edit")
        return None

    async def _call(self, row: OutboxRow) -> _Arrived | Outcome:
        """Send a message once, as it is or in the form that an earlier refusal asked for."""
        form, letter = self._form(row), self._letter(row)
        address = self._ledger.address(row.chat)
        try:
            async with asyncio.timeout(self._claim.ttl.total_seconds() * LONGEST_CALL):
                message_id = await self._transport_for(row.chat).send(address, form.thread, letter)
                return _Arrived(message_id, address)
        except Exception as error:
            outcome = sort_outcome(error)
            return _Arrived(row.earlier, address) if outcome.verdict is Verdict.UNCHANGED else outcome
        finally:
            self.pacer.ended(address)

    async def _drawn(self, row: OutboxRow) -> bytes | None:
        """Return the photo of a message as a PNG. None where there is none: the words go out alone.

        A chart is drawn once for all chats, and one at a time.
        """
        if row.picture is None or not self._transport_for(row.chat).pictures:
            return None
        async with self._drawing:
            if row.picture not in self._pictures:
                crash.point("sender:drawing")
                photo = await asyncio.to_thread(self._outbox.picture, row.picture)
                self._pictures[row.picture] = await asyncio.to_thread(_as_png, photo) if photo else None
                if len(self._pictures) > PICTURES:
                    del self._pictures[next(iter(self._pictures))]
            return self._pictures[row.picture]

    def _form(self, row: OutboxRow) -> _Form:
        return self._forms.get(row.id) or _Form(row.thread)

    def _letter(self, row: OutboxRow) -> Letter:
        """Return the letter of a row in hand, with the lines that say what is special about this copy.

        An edit says of its message what that said of itself: the other copy may still be there.
        """
        form, edits = self._form(row), row.action == "edit"
        letter = form.text(row.payload)
        if edits:
            letter = replace(letter, edits=row.earlier)
        else:
            letter = replace(letter, photo=row.photo if form.photo else None, reply_to=row.earlier)
        if row.action == "anew" or (edits and row.stands_in):
            letter = letter.headed(t(REPLACES))
        if not edits and self._clock() - row.created > timedelta(seconds=self._pace.late):
            letter = letter.headed(late(row.created))
        return letter.headed(t(RESENT)) if may_be_second(row) or (edits and row.second) else letter

    def _adapted(self, row: OutboxRow, outcome: Outcome) -> _Form | None:
        """Return the form to try after one that surely did not arrive, or None when there is none."""
        form = self._form(row)
        match outcome.verdict:
            case Verdict.BAD_MARKUP if form.text == Letter.full:
                return replace(form, text=Letter.unadorned)
            case Verdict.TOO_LONG if form.text != Letter.short:
                return replace(form, text=Letter.short)
            case Verdict.BAD_PHOTO if form.photo and row.photo:
                return replace(form, photo=False)
            case Verdict.GONE if row.action == "edit":
                return form
            case Verdict.NO_THREAD if form.thread is not None:
                return replace(form, thread=None)
            case Verdict.MOVED if self._ledger.address(row.chat) != outcome.new_chat:
                return form
            case _:
                return None

    def _obey(self, chat: str, wait: timedelta) -> None:
        """Be silent everywhere when a second chat wants silence while a first one does: it is us."""
        now, seconds = asyncio.get_running_loop().time(), self._ledger.patience(wait).total_seconds()
        self._waits = {of: until for of, until in self._waits.items() if until > now}
        if self._waits.keys() - {chat}:
            self.pacer.hold_all(seconds)
        self._waits[chat] = now + seconds


def _as_png(photo: bytes) -> bytes | None:
    """Return a photo as it is sent: a chart is drawn. None where that fails."""
    if photo.startswith(PNG):
        return photo
    from bot.wording import charts, plots

    try:
        return plots.draw(charts.unpacked(photo.decode()))
    except plots.DrawingFailed as error:
        _log.warning("%s", error)
        return None


async def _rest(stop: asyncio.Event, seconds: float, poked: asyncio.Event | None = None) -> None:
    """Wait for so long, or until one of the events is set."""
    waits = [asyncio.create_task(event.wait()) for event in (stop, poked) if event]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
