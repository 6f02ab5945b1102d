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

from bot.alerts import Destination, Destinations, post
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
from bot.rules.findings import DeliveryProblem
from bot.settings import Settings
from scrapers.toolkit.web import MemoryPages, WebClient, user_agent
from state.lease import Lease
from state.store import Store

log = logging.getLogger("figurewatch")

LEASE = "worker"


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things are waited for, in seconds.

    `spacing` lies between two messages in a chat, `doubt` before one is sent again that perhaps arrived,
    `backoff` before a page is asked for again; `timeout` bounds each silence of a site.
    """

    spacing: float = 1.2
    doubt: float = 30.0
    backoff: float = 1.0
    timeout: float = 20.0


PACE = Pace()


def utc_now() -> datetime:
    """Return the present moment in UTC."""
    return datetime.now(UTC)


def destinations(settings: Settings) -> Destinations:
    """Return where messages go: to the chats; to the console without a token, to the log without chats."""
    if settings.telegram_bot_token is None:
        return Destinations((Destination(CONSOLE),), Destination(OPERATOR))
    team = tuple(Destination(str(chat.id), chat.topic) for chat in settings.alert_chats)
    operator = settings.ops_chat
    return Destinations(
        team or (Destination(LOG),),
        Destination(str(operator.id), operator.topic) if operator else Destination(LOG),
    )


class Right:
    """The right to watch and to send, which one process at a time has: a lease in the store.

    It lasts for `time` after it was taken; what is left after a sixth of that outlasts a message on its way.
    """

    def __init__(self, lease: Lease, clock: Callable[[], datetime], time: timedelta) -> None:
        self._lease, self._clock, self._time = lease, clock, time
        self._owner = f"{socket.gethostname()}:{os.getpid()}"
        self._taken: datetime | None = None

    def take(self) -> bool:
        """Take or renew it; False while another process has it."""
        now = self._clock()
        self._taken = now if self._lease.take(LEASE, self._owner, now, self._time) else None
        return self._taken is not None

    async def hold(self) -> bool:
        """Return whether we have it; the store, which promised it for longer, is asked now and then."""
        if self._taken is not None and timedelta(0) <= self._clock() - self._taken < self._time / 6:
            return True
        return await asyncio.to_thread(self.take)

    def drop(self) -> None:
        """Give it back."""
        self._taken = None
        self._lease.release(LEASE, self._owner)


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

    def take_lease(self) -> bool:
        """Take or renew the right to watch and to send; False while another process has it."""
        return self.right.take()

    def drop_lease(self) -> None:
        """Give the right back, so that the next process need not wait."""
        self.right.drop()

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
    """Open the web client and the chats around a store; pages seen are saved at the end."""
    where = destinations(settings)
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
        _transports(settings, console or sys.stdout) as transport,
    ):
        right = Right(store.lease, clock, timedelta(seconds=settings.lease_time))
        desk = Desk(
            settings,
            campaign,
            store,
            Checker(Committer(store, where), web, campaign, clock, spend),
            Sender(
                store,
                transport,
                allowed=where.chats,
                hold=right.hold,
                clock=clock,
                tell_operator=_operator_line(store, where, clock),
                spacing=pace.spacing,
                doubt=pace.doubt,
            ),
            pages,
            clock,
            right,
        )
        try:
            yield desk
        finally:
            await asyncio.to_thread(desk.save_pages)


@asynccontextmanager
async def _transports(settings: Settings, console: TextIO) -> AsyncIterator[Callable[[str], Transport]]:
    screen = ConsoleTransport(console)
    local: dict[str, Transport] = {CONSOLE: screen, OPERATOR: screen, LOG: LogTransport(log)}
    if settings.telegram_bot_token is None:
        yield lambda chat: local.get(chat, local[LOG])
        return
    api_url = settings.telegram_api_url.get_secret_value() if settings.telegram_api_url else None
    async with TelegramTransport(settings.telegram_bot_token.get_secret_value(), api_url=api_url) as telegram:
        yield lambda chat: local.get(chat, telegram)


def _operator_line(
    store: Store, where: Destinations, clock: Callable[[], datetime]
) -> Callable[[str, str], None]:
    """Return how the sender tells the operator of a problem: through the outbox, once each."""

    def tell(episode: str, text: str) -> None:
        now = clock()
        with store.writing() as tx:
            post(tx, where, None, [DeliveryProblem(episode, text)], now)

    return tell
