"""The whole service: the worker with its watchdog, its ear in Telegram, and its health page."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

from bot.board import Board
from bot.campaign import Campaign
from bot.commands.asking import Asking
from bot.commands.following import Following
from bot.commands.polling import Polling
from bot.commands.replies import Quota
from bot.desk import Desk, open_desk, utc_now
from bot.followers import following
from bot.gather import Gatherer
from bot.operate.health import HealthServer
from bot.operate.metrics import Metrics
from bot.operate.ping import Pinger
from bot.operate.vitals import Vitals
from bot.operate.watchdog import Watchdog
from bot.settings import Settings
from bot.worker import Budget, Duty, Worker
from state.store import Store


async def serve(settings: Settings, campaign: Campaign, store: Store, stop: asyncio.Event) -> None:
    """Watch, send, listen and answer until `stop` is set.

    Raises WorkerUnwell, after what was on its way has ended, where only a new start helps.
    """
    budget = Budget(utc_now)
    async with open_desk(settings, campaign, store, spend=budget.spend) as desk:
        vitals = Vitals(None, {source.key: source.rhythm for source in campaign.sources})
        metrics = Metrics(store, desk.checker.web.requests, desk.clock)
        desk.sender.heard = metrics.heard
        pinger = Pinger(settings.healthcheck_url.get_secret_value()) if settings.healthcheck_url else None
        watchdog = Watchdog(desk, vitals, metrics, pinger)
        gatherer = Gatherer(desk.gather, desk.sender.poke)
        duties: list[Duty] = [watchdog.run, gatherer.run, Board(desk).run]
        if polling := polling_of(desk, vitals):
            duties.append(polling.run)
        with ExitStack() as stack:
            if settings.port:
                stack.enter_context(HealthServer(settings.port, watchdog.reasons, metrics.page))
            await Worker(desk, budget, duties=duties, looked=watchdog.looked, leads=watchdog.leads).run(stop)


def polling_of(desk: Desk, vitals: Vitals) -> Polling | None:
    """Return what listens to Telegram; None without a token."""
    settings = desk.settings
    if settings.telegram_bot_token is None:
        return None
    where = desk.checker.committer.destinations

    def allowed() -> set[str]:
        served = where.chats | following(desk.store, where)
        known = desk.store.chats().items()
        return {*served, *(state.moved_to for chat, state in known if chat in served and state.moved_to)}

    quota = Quota(desk.clock)
    return Polling(
        settings.telegram_bot_token.get_secret_value(),
        settings.telegram_api_url.get_secret_value() if settings.telegram_api_url else None,
        vitals,
        desk.clock,
        allowed=allowed,
        resume=desk.sender.resume,
        moved=desk.sender.moved,
        asking=Asking(desk, quota),
        following=Following(desk, quota),
    )
