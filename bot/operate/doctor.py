"""What works in this set-up, and what to do about the rest."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator
from datetime import datetime
from typing import NamedTuple

from bot.campaign import Campaign, CampaignError, load_campaign
from bot.check import read
from bot.desk import open_desk
from bot.settings import Settings, SettingsError, load_settings
from bot.wording.messages import newest
from scrapers.toolkit.contract import Scraper, SourceChanged, Unreachable, Web
from state.store import Store, StoreError


class Checked(NamedTuple):
    """One thing that was looked at, whether it works, and what to do if not."""

    name: str
    ok: bool
    says: str


async def examine() -> list[Checked]:
    """Return what works: settings, campaign, database, each source, Telegram."""
    try:
        settings = load_settings()
    except SettingsError as error:
        return [Checked("settings", False, fault) for fault in str(error).splitlines()]
    checked = [Checked("settings", True, "read")]
    try:
        campaign = load_campaign(settings.campaign_file)
    except CampaignError as error:
        return [*checked, *(Checked("campaign", False, fault) for fault in str(error).splitlines())]
    checked.append(Checked("campaign", True, f"{campaign.name}, {len(campaign.sources)} sources"))
    try:
        store = await asyncio.to_thread(Store.open, settings.database_url.get_secret_value())
    except StoreError as error:
        return [*checked, Checked("database", False, str(error))]
    try:
        checked.append(Checked("database", True, f"{store.shown}{_durable(store.shown)}"))
        checked += [item async for item in _sources(settings, campaign, store)]
        checked.append(await _telegram(settings))
    finally:
        store.close()
    return checked


def _durable(shown: str) -> str:
    version = f"SQLite {sqlite3.sqlite_version}, " if shown.startswith("sqlite") else ""
    return f" ({version}Python {sys.version.split()[0]})"


async def _sources(settings: Settings, campaign: Campaign, store: Store) -> AsyncIterator[Checked]:
    """Ask each source once, in the shortest way; nothing is stored but the pages."""
    async with open_desk(settings, campaign, store) as desk:
        for source in campaign.sources:
            try:
                says = await _says(source, desk.checker.web.for_source(source.hosts), desk.clock())
            except (SourceChanged, Unreachable) as error:
                yield Checked(source.key, False, str(error))
            else:
                yield Checked(source.key, True, says)


async def _says(source: Scraper, web: Web, now: datetime) -> str:
    """Return what a source says now: a live page in full, of the others the overview alone."""
    if not source.is_live:
        return f"{len(await source.listed(web))} releases listed"
    (release,) = await source.releases(web)
    figures, _ = await read(source, await source.fetch(release, web), now)
    return newest(next(iter(figures), None))


async def _telegram(settings: Settings) -> Checked:
    if settings.telegram_bot_token is None:
        return Checked("telegram", True, "no TELEGRAM_BOT_TOKEN: messages are printed to the console")
    if not settings.alert_chats:
        return Checked("telegram", False, "no ALERT_CHATS: give chat ids, comma-separated, ID or ID:TOPIC")
    from bot.delivery.transports import TelegramTransport

    api_url = settings.telegram_api_url.get_secret_value() if settings.telegram_api_url else None
    async with TelegramTransport(settings.telegram_bot_token.get_secret_value(), api_url=api_url) as telegram:
        fault = await telegram.fault()
    return Checked("telegram", fault is None, fault or f"the token works; {len(settings.alert_chats)} chats")
