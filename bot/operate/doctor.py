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
from bot.listing import counted
from bot.operate.evidence import folder_of, kept
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
    """Return what works: settings, campaign, database, each source, Telegram. One fault hides no other."""
    try:
        settings = load_settings()
    except SettingsError as error:
        return _faults("settings", error)
    checked = [Checked("settings", True, "read")]
    campaign = store = None
    try:
        campaign = load_campaign(settings.campaign_file)
        checked.append(
            Checked("campaign", True, f"{campaign.name}, {counted(len(campaign.sources), 'source')}")
        )
    except CampaignError as error:
        checked += _faults("campaign", error)
    try:
        store = await asyncio.to_thread(Store.open, settings.database_url.get_secret_value())
        checked.append(Checked("database", True, f"{store.shown}{_durable(store.shown)}"))
    except StoreError as error:
        checked += _faults("database", error)
    if store:
        try:
            if campaign:
                checked += [item async for item in _sources(settings, campaign, store)]
        finally:
            store.close()
    return [*checked, *_put_aside(settings), await _telegram(settings)]


def _put_aside(settings: Settings) -> list[Checked]:
    """Say where pages are that could not be read: there for a person, and no fault of this set-up."""
    cases = kept(folder_of(settings.evidence_dir, settings.database_url.get_secret_value()))
    says = f"{counted(len(cases), 'page')} put aside; the newest is in"
    return [Checked("evidence", True, f"{says} {cases[0]}")] if cases else []


def _faults(name: str, error: Exception) -> list[Checked]:
    return [Checked(name, False, fault) for fault in str(error).splitlines()]


def _durable(shown: str) -> str:
    version = f"SQLite {sqlite3.sqlite_version}, " if shown.startswith("sqlite") else ""
    return f" ({version}Python {sys.version.split()[0]})"


async def _sources(settings: Settings, campaign: Campaign, store: Store) -> AsyncIterator[Checked]:
    """Ask each source once, in the shortest way; nothing is stored but the pages."""
    async with open_desk(settings, campaign, store) as desk:
        for source in campaign.sources:
            try:
                says = await _says(source, desk.checker.web.for_source(source.hosts), desk.clock())
            except SourceChanged as error:
                yield Checked(source.key, False, f"{error}; open the page, and see what has changed")
            except Unreachable as error:
                yield Checked(
                    source.key, False, f"{error}; try again, and see whether this machine is online"
                )
            else:
                yield Checked(source.key, True, says)


async def _says(source: Scraper, web: Web, now: datetime) -> str:
    """Return what a source says now: a live page in full, of the others the overview alone."""
    if not source.is_live:
        return f"{counted(len(await source.listed(web)), 'release')} listed"
    (release,) = await source.releases(web)
    figures, _ = await read(source, await source.fetch(release, web), now)
    return newest(next(iter(figures), None))


async def _telegram(settings: Settings) -> Checked:
    if settings.telegram_bot_token is None:
        return Checked("telegram", True, "no TELEGRAM_BOT_TOKEN: messages are printed to the console")
    if not settings.alert_chats:
        return Checked("telegram", False, "no ALERT_CHATS: give chat ids, comma-separated, ID or ID:TOPIC")
    from bot.delivery.transports import TelegramTransport

    chats = len(settings.alert_chats)
    api_url = settings.telegram_api_url.get_secret_value() if settings.telegram_api_url else None
    async with TelegramTransport(settings.telegram_bot_token.get_secret_value(), api_url=api_url) as telegram:
        fault = await telegram.fault()
    if fault is None:
        return Checked("telegram", True, f"the token works; {counted(chats, 'chat')} to tell")
    return Checked("telegram", False, f"{fault}; compare TELEGRAM_BOT_TOKEN with what BotFather printed")
