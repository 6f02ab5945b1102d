"""What every command shares: the store, the campaign, the web, the chats, opened from the settings."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TextIO

from bot.alerts import Destinations, post
from bot.campaign import Campaign
from bot.check import Checker
from bot.commit import Committer
from bot.delivery.sender import Sender
from bot.delivery.transports import (
    CONSOLE,
    LOG,
    OPERATOR,
    ConsoleTransport,
    LogTransport,
    TelegramTransport,
    Transport,
)
from bot.followers import following
from bot.gather import gather
from bot.operate import crash
from bot.operate.evidence import Evidence, folder_of
from bot.pace import PACE, Pace
from bot.settings import Settings
from bot.wording.language import speaking
from scrapers.toolkit.web import MemoryPages, WebClient, user_agent
from state.lease import Claim
from state.records import Destination
from state.store import Store, StoreError

log = logging.getLogger("figurewatch")

LEASE = "worker"


def utc_now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)


def destinations(settings: Settings, *, sign_off: bool = False) -> Destinations:
    """Return where messages go: to the chats; to the console without a token, to the log without chats."""
    if settings.telegram_bot_token is None:
        return Destinations((Destination(CONSOLE),), Destination(OPERATOR), sign_off)
    team = tuple(Destination(str(chat.id), chat.topic) for chat in settings.alert_chats)
    operator = settings.ops_chat
    return Destinations(
        team or (Destination(LOG),),
        Destination(str(operator.id), operator.topic) if operator else Destination(LOG),
        sign_off,
    )


class Right:
    """The right to watch and to send, which one process at a time has: a lease in the store."""

    def __init__(self, store: Store, clock: Callable[[], datetime], time: timedelta, doubt: float) -> None:
        self._store, self._clock, self._doubt = store, clock, timedelta(seconds=doubt)
        owner = f"{socket.gethostname()}:{os.getpid()}:{os.urandom(4).hex()}"  # containers repeat the others
        self.claim = Claim(LEASE, owner, time)

    def take(self) -> bool:
        """Take or renew it; False while another process has it."""
        taken = self._store.outbox.take_over(self.claim, self._clock(), self._doubt)
        crash.point("lease:taken")
        return taken

    def drop(self) -> None:
        """Give it back."""
        self._store.lease.release(self.claim)


@dataclass(slots=True)
class Desk:
    """The opened parts of one process."""

    settings: Settings
    campaign: Campaign
    store: Store
    checker: Checker
    sender: Sender
    pages: MemoryPages
    clock: Callable[[], datetime]
    right: Right
    transport: Callable[[str], Transport]

    def take_lease(self) -> bool:
        """Take or renew the right to watch and to send; False while another process has it."""
        return self.right.take()

    def drop_lease(self) -> None:
        """Give the right back, so that the next process need not wait."""
        self.right.drop()

    def gather(self) -> int:
        """Make the digests that are due; return how many."""
        return gather(self.store, self.checker.committer.destinations, self.clock())

    def save_pages(self) -> None:
        """Remember the pages that changed, so that the next process asks only whether they did."""
        if changed := self.pages.take_changed():
            self.store.save_pages(changed, self.clock())


@asynccontextmanager
async def open_desk(
    settings: Settings,
    campaign: Campaign,
    store: Store,
    *,
    console: TextIO | None = None,
    clock: Callable[[], datetime] = utc_now,
    spend: Callable[[str], None] = lambda source: None,
    pace: Pace = PACE,
) -> AsyncIterator[Desk]:
    """Open the web client and the chats around a store; pages seen are saved at the end.

    Whoever has opened it speaks the campaign's language, and so do the tasks begun meanwhile.
    """
    where = destinations(settings, sign_off=campaign.sign_off)
    evidence = Evidence(folder_of(settings.evidence_dir, store.shown), store, settings.secrets, clock)
    pages = MemoryPages(await asyncio.to_thread(store.pages))
    mirror = settings.web_mirror.get_secret_value() if settings.web_mirror else None
    agent = settings.web_user_agent or user_agent(settings.web_contact or "")
    async with (
        WebClient(
            pause=settings.web_pause,
            mirror=mirror,
            cache=pages,
            user_agent=agent,
            backoff=pace.backoff,
            timeout=pace.timeout,
        ) as web,
        _transports(settings, console or sys.stdout, pace.answer) as transport,
    ):
        right = Right(store, clock, timedelta(seconds=settings.lease_time), pace.doubt)
        desk = Desk(
            settings,
            campaign,
            store,
            Checker(
                Committer(store, where, campaign.claims, campaign.watches, campaign.followed),
                web,
                campaign,
                clock,
                spend,
                evidence.keep,
            ),
            Sender(
                store,
                transport,
                allowed=where.chats,
                subscribed=lambda: following(store, where),
                claim=right.claim,
                clock=clock,
                tell_operator=lambda tx, finding, now: post(tx, where, None, [finding], now),
                pace=pace,
            ),
            pages,
            clock,
            right,
            transport,
        )
        desk.checker.hurry = desk.sender.poke
        try:
            with speaking(campaign.language):
                yield desk
        finally:
            try:
                await asyncio.to_thread(desk.save_pages)
            except StoreError as error:  # they are asked for in full the next time
                log.warning("what the pages looked like is not kept: %s", error)


@asynccontextmanager
async def _transports(
    settings: Settings, console: TextIO, answer: float
) -> AsyncIterator[Callable[[str], Transport]]:
    screen = ConsoleTransport(console)
    local: dict[str, Transport] = {CONSOLE: screen, OPERATOR: screen, LOG: LogTransport(log)}
    if settings.telegram_bot_token is None:
        yield lambda chat: local.get(chat, local[LOG])
        return
    token = settings.telegram_bot_token.get_secret_value()
    api_url = settings.telegram_api_url.get_secret_value() if settings.telegram_api_url else None
    async with TelegramTransport(token, api_url=api_url, read_timeout=answer) as telegram:
        yield lambda chat: local.get(chat, telegram)
