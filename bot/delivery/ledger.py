"""The ledger: what became of each message, and what the operator is told of it, in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from bot.delivery.outcome import Outcome, Verdict, backoff
from bot.delivery.told import REPORTED, told
from bot.operate import crash
from bot.pace import Pace
from bot.rules.findings import DeliveryProblem, Finding

if TYPE_CHECKING:
    from state.records import InHand, OutboxRow
    from state.store import Store, Writer

End = Literal["sent", "later", "unconfirmed", "dead"]
MOST_EDITS = 8  # times that an edit in doubt is made again: within nine minutes

_log = logging.getLogger("figurewatch.delivery")


class Ledger:
    """Writes what became of messages and chats. Every method that writes is one transaction, and may block.

    `tell_operator` posts a finding in the transaction that it is given.
    """

    def __init__(
        self,
        store: Store,
        clock: Callable[[], datetime],
        tell_operator: Callable[[Writer, Finding, datetime], object],
        pace: Pace,
    ) -> None:
        self._store = store
        self._clock = clock
        self._tell_operator = tell_operator
        self._pace = pace
        self._moved: dict[str, str] = {}
        self._paused: set[str] = set()
        self._slow: set[int] = set()  # alerts that were said to be slow: the store knows, this saves asking

    def learn(self) -> None:
        """Learn what the store knows of chats."""
        chats = self._store.chats()
        self._moved |= {chat: state.moved_to for chat, state in chats.items() if state.moved_to}
        self._paused = {chat for chat, state in chats.items() if state.paused}

    def address(self, chat: str) -> str:
        """Return where a chat is now."""
        seen = {chat}
        while (chat := self._moved.get(chat, chat)) not in seen:
            seen.add(chat)
        return chat

    def patience(self, wait: timedelta) -> timedelta:
        """Return how long to wait when Telegram wants us to: its clock may be a second behind."""
        return (wait + timedelta(seconds=1)) * self._pace.unit

    @contextmanager
    def _writing(self) -> Iterator[Writer]:
        with self._store.writing() as tx:
            yield tx
            crash.point("sender:posted")

    def arrived(self, row: OutboxRow, message_id: int | None, address: str) -> None:
        """Write down that a message arrived at `address`, and of the last of a release how that was told.

        Its id means nothing where the chat has moved away meanwhile.
        """
        now = self._clock()
        message_id = message_id if self.address(row.chat) == address else None
        with self._writing() as tx:
            if tx.parcels.sent(row.id, message_id, now):
                self._conclude(tx, row, now)
            if row.chat in self._paused:
                self._say_resumed(tx, row, row.chat, now)
        self._paused.discard(row.chat)

    def again(self, row: OutboxRow, hand: InHand, outcome: Outcome) -> None:
        """Put a message back that is to be sent at once: in another form, anew, or where its chat is now."""
        now, chat = self._clock(), row.chat
        with self._writing() as tx:
            if outcome.verdict is Verdict.GONE:
                tx.parcels.anew(hand, now, outcome.why)
            else:
                tx.parcels.later(hand, now, outcome.why, counts=False)
            match outcome.verdict:
                case Verdict.GONE:
                    _log.info("#A%s cannot be edited in %s: %s", row.alert, chat, outcome.why)
                case Verdict.NO_THREAD:
                    what = f"Topic {row.thread} of chat {chat} is closed or gone: writing without it"
                    self._report(tx, row, f"thread:{chat}:{row.thread}", f"{what}. Mend ALERT_CHATS.")
                case Verdict.MOVED:
                    self._say_moved(tx, row, chat, outcome.new_chat)
                case _:
                    _log.error("#A%s was refused, sending it in another form: %s", row.alert, outcome.why)
        if outcome.verdict is Verdict.MOVED:
            self._moved[chat] = outcome.new_chat

    def settle(self, row: OutboxRow, hand: InHand, outcome: Outcome) -> End:
        """Write down what became of a message that did not surely arrive, and what follows from it."""
        now, why, chat = self._clock(), outcome.why, row.chat
        with self._writing() as tx:
            match outcome.verdict:
                case Verdict.NOT_SENT | Verdict.MOVED:  # moved: while it was sent to where the chat was
                    wait = backoff(row.attempts + 1) * self._pace.unit
                    tx.parcels.later(hand, now + wait, why)
                case Verdict.WAIT:
                    tx.parcels.later(hand, now + self.patience(outcome.retry_after), why, counts=False)
                case Verdict.BAD_TOKEN:
                    wait = timedelta(seconds=self._pace.refused)
                    tx.parcels.later(hand, now + wait, why, counts=False)
                    what = f"Telegram refuses the bot's token: {why}. Set a new one."
                    self._report(tx, row, f"token:{now:%Y-%m-%dT%H}", what)
                case Verdict.REFUSED | Verdict.NO_THREAD:  # no thread: that of all who name none is closed
                    wait = timedelta(seconds=self._pace.paused)
                    tx.parcels.later(hand, now + wait, why, counts=False)
                    if tx.chats.pause(chat, why, now):
                        what = f"Chat {chat} takes no messages: {why}. They are kept until it does."
                        self._report(tx, row, f"paused:{chat}:{now}", what)
                    self._paused.add(chat)
                case Verdict.UNKNOWN if row.action == "edit" and row.resends < MOST_EDITS:
                    tx.parcels.again(hand, now + backoff(row.resends + 1) * self._pace.unit, why)
                case Verdict.UNKNOWN if row.action != "edit" and not is_last(row):
                    tx.parcels.ambiguous(hand, now + timedelta(seconds=self._pace.doubt), why)
                case Verdict.UNKNOWN:
                    if tx.parcels.unconfirmed(hand, why, now):
                        self._report_unconfirmed(tx, row, why)
                        self._conclude(tx, row, now)
                    return "unconfirmed"
                case _:
                    if tx.parcels.dead(hand, why, now):
                        self._report_dead(tx, row, outcome)
                        self._conclude(tx, row, now)
                    return "dead"
        return "later"

    def resume(self, chat: str) -> None:
        """Let a chat that takes messages again, named by its id of old or of now, have them at once."""
        now = self._clock()
        with self._writing() as tx:
            self._say_resumed(tx, None, chat, now)

    def follow(self, old: str, new: str) -> None:
        """Remember that a group became a supergroup."""
        with self._writing() as tx:
            self._say_moved(tx, None, old, new)
        self._moved[old] = new

    def _say_resumed(self, tx: Writer, row: OutboxRow | None, chat: str, now: datetime) -> None:
        if tx.chats.resume(chat, now):
            self._report(tx, row, f"resumed:{chat}:{now}", f"Chat {chat} takes messages again.")

    def _say_moved(self, tx: Writer, row: OutboxRow | None, old: str, new: str) -> None:
        if tx.chats.moved(old, new):
            what = f"Chat {old} became a supergroup: put {new} into ALERT_CHATS"
            self._report(tx, row, f"moved:{old}:{new}", f"{what}. Until then messages find their way.")

    def _report_unconfirmed(self, tx: Writer, row: OutboxRow, why: str) -> None:
        if row.action == "edit":
            what = f"#A{row.alert} was edited in {row.chat}, and nobody can know whether it shows"
        else:
            copies = "sent twice" if may_be_second(row) and not row.payload.get("once") else "sent"
            what = f"#A{row.alert} was {copies} to {row.chat}, and nobody can know whether it arrived"
        self._report(tx, row, f"unconfirmed:{row.id}", f"{what}: {why}")

    def _report_dead(self, tx: Writer, row: OutboxRow, outcome: Outcome) -> None:
        if outcome.verdict is Verdict.DROPPED:
            what = f"What waits for chat {row.chat} is dropped, from #A{row.alert} on: {outcome.why}."
            self._report(tx, row, f"dropped:{row.chat}:{self._clock():%Y-%m-%dT%H}", what)
        else:
            done = "edited in" if row.action == "edit" else "delivered to"
            what = f"#A{row.alert} was not {done} {row.chat}: {outcome.why}."
            self._report(tx, row, f"dead:{row.id}", f"{what} `figurewatch alerts` lists what did not arrive.")

    def _report(self, tx: Writer, row: OutboxRow | None, episode: str, text: str) -> None:
        """Tell the operator. What is wrong with such a report goes to the log alone: it would never end."""
        _log.warning("%s", text)
        if row is None or row.kind != DeliveryProblem.kind:
            self._tell_operator(tx, DeliveryProblem(f"delivery:{episode}", text), self._clock())

    def _conclude(self, tx: Writer, row: OutboxRow, now: datetime) -> None:
        """Say how a release was told when its last message has come to an end."""
        if row.kind in REPORTED and not tx.parcels.on_its_way(row.alert):
            self._say_told(tx, row.alert, now)

    def report_slow(self) -> None:
        """Say of each release that is still on its way after a while how far it came."""
        now = self._clock()
        slow = self._store.outbox.unsettled(REPORTED, now - timedelta(seconds=self._pace.slow))
        for alert in set(slow) - self._slow:
            with self._writing() as tx:
                self._say_told(tx, alert, now)
        self._slow = set(slow)

    def _say_told(self, tx: Writer, alert: int, now: datetime) -> None:
        if finding := told(tx.parcels.standing(alert)):
            self._tell_operator(tx, finding, now)


def may_be_second(row: OutboxRow) -> bool:
    """Say whether a copy of this message may have arrived already. Edits make none, however often."""
    return row.action != "edit" and (row.state == "ambiguous" or row.resends > 0)


def is_last(row: OutboxRow) -> bool:
    """Say whether this message is not sent again when nobody knows whether it arrived."""
    return may_be_second(row) or bool(row.payload.get("once"))
