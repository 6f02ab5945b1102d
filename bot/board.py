"""The one message of a chat that always says how things stand: pinned, silent, edited when it changes."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256

from bot.claims import standings
from bot.delivery.outcome import Outcome, Verdict, sort_outcome
from bot.delivery.transports import Letter, Pins, on_telegram
from bot.desk import Desk
from bot.followers import Wishes, wishes
from bot.petitions import growth
from bot.rules.calendar import day_of, london_day
from bot.rules.routing import loud_from
from bot.wording import boards
from bot.wording.markup import Message, payload
from state.records import Destination
from state.store import Reader

LOOK = 60.0  # seconds between two looks: a message is not edited more often

log = logging.getLogger("figurewatch.board")


class Board:
    """Keeps the message current while the worker runs, in each chat of the team and of those who follow."""

    def __init__(self, desk: Desk, *, look: float = LOOK) -> None:
        self._desk, self._look = desk, look
        self._where = desk.checker.committer.destinations

    async def run(self, stop: asyncio.Event) -> None:
        """Look again and again until `stop` is set."""
        while not stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self._look)
            if not stop.is_set():
                try:
                    await self.refresh(stop)
                except Exception:  # the edge around one look
                    log.exception("the message that says how things stand is not current")

    async def refresh(self, stop: asyncio.Event) -> None:
        """Let every chat show how things stand now; nothing is called where it does already."""
        message, shown, wanted = await asyncio.to_thread(self._read)
        if message is None:
            return
        said = payload(message)
        digest = sha256(said["html"].encode()).hexdigest()
        for place, one in wanted.items():
            before, looks = shown.get(place, (None, ""))
            quiet = loud_from(one, self._desk.clock()) > self._desk.clock()
            if looks != digest and not (before is None and quiet) and not stop.is_set():
                await self._show(place, Letter.full(said), before, digest, stop)

    def _read(self) -> tuple[Message | None, dict[Destination, tuple[int, str]], Wishes]:
        with self._desk.store.reading() as tx:
            return self._message(tx), tx.boards(), self._wanted(tx)

    def _wanted(self, tx: Reader) -> Wishes:
        """Return the places on Telegram that get anything, and take messages."""
        deaf = {chat for chat, state in tx.chat_states().items() if state.paused}
        return {
            place: one
            for place, one in wishes(tx, self._where).items()
            if one.active and on_telegram(place.chat) and place.chat not in deaf
        }

    def _message(self, tx: Reader) -> Message | None:
        """Return how things stand; None while nothing was read."""
        campaign, now = self._desk.campaign, self._desk.clock()
        petitions = []
        for source in campaign.sources:
            marks = campaign.marks_of(source)
            if source.is_petition and (grown := growth(tx, source, marks, now)):
                petitions.append((source.title, grown.readings[-1].signatures, marks.goal))
        coming = [
            (day, source.title)
            for source in campaign.sources
            for release in tx.releases(source.key)
            if release.published is None and (day := day_of(release.expected)) and day >= london_day(now)
        ]
        claims = () if self._where.sign_off else campaign.claims  # of those only an admin's yes lets tell
        stand = standings(tx, claims, {source.key: source for source in campaign.sources})
        if not petitions and not coming and all(one.verdict == "unknown" for one in stand):
            return None
        return boards.board(campaign.name, petitions, min(coming, default=None), stand)

    async def _show(
        self, place: Destination, letter: Letter, before: int | None, digest: str, stop: asyncio.Event
    ) -> None:
        """Edit the message, or post and pin it anew where it is lost."""
        chat, thread = place
        sent = await self._send(chat, thread, replace(letter, edits=before, silent=True), stop)
        if isinstance(sent, Outcome) and sent.verdict is Verdict.GONE and before is not None:
            before = None
            sent = await self._send(chat, thread, replace(letter, silent=True), stop)
        if isinstance(sent, Outcome):
            log.warning("chat %s does not show how things stand: %s", chat, sent.why)
            return
        if await asyncio.to_thread(self._note, place, sent, digest) and before is None:
            await self._pin(chat, sent)

    def _note(self, place: Destination, sent: int, digest: str) -> bool:
        """Remember what a place shows; False where nobody wants it there any more."""
        with self._desk.store.writing() as tx:
            wanted = place in self._wanted(tx)
            if wanted:
                tx.subscriptions.show(*place, sent, digest)
            return wanted

    async def _send(
        self, chat: str, thread: int | None, letter: Letter, stop: asyncio.Event
    ) -> int | Outcome:
        """Return the id of the message that says it now, or why there is none."""
        address = self._address(chat)
        if not await self._desk.sender.pacer.turn(address, stop):
            return Outcome(Verdict.NOT_SENT, "stopped")
        try:
            sent = await self._desk.transport(chat).send(address, thread, letter)
        except Exception as error:  # the edge around one call
            outcome = sort_outcome(error)
            if outcome.verdict is Verdict.UNCHANGED and letter.edits is not None:
                return letter.edits
            return outcome
        finally:
            self._desk.sender.pacer.ended(address)
        return sent if sent is not None else Outcome(Verdict.UNKNOWN, "it has no id")

    async def _pin(self, chat: str, message_id: int) -> None:
        transport = self._desk.transport(chat)
        if isinstance(transport, Pins):
            try:
                await transport.pin(self._address(chat), message_id)
            except Exception as error:  # without the right it stands unpinned
                log.info("nothing can be pinned in chat %s: %s", chat, sort_outcome(error).why)

    def _address(self, chat: str) -> str:
        known = self._desk.store.chats()
        while (state := known.pop(chat, None)) and state.moved_to:
            chat = state.moved_to
        return chat
