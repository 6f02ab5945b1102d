"""What works in this set-up, and what to do about the rest."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import NamedTuple

from bot.campaign import Campaign, CampaignError, load_campaign
from bot.check import read
from bot.desk import open_desk
from bot.listing import counted
from bot.operate.evidence import folder_of, kept
from bot.operate.logs import start_logging
from bot.operate.place import lost_at_restart
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
    """Return what works: settings, campaign, database, sources, Telegram, chats. One fault hides no other."""
    try:
        settings = load_settings()
    except SettingsError as error:
        return _faults("settings", error)
    level = logging.DEBUG if settings.log_level == "DEBUG" else logging.WARNING
    redactor = start_logging(settings.secrets, level)
    checked = [Checked("settings", True, "read"), *await _store_and_sources(settings), *_put_aside(settings)]
    checked += [check async for check in _telegram(settings)]
    return [check._replace(says=redactor.hide(check.says)) for check in checked]


async def _store_and_sources(settings: Settings) -> list[Checked]:
    checked = []
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
        checked += _database(store)
    except StoreError as error:
        checked += _faults("database", error)
    if store:
        try:
            if campaign:
                checked += [item async for item in _sources(settings, campaign, store)]
            checked += _held(store)
        finally:
            store.close()
    return checked


def _database(store: Store) -> Iterator[Checked]:
    """Say where figures are kept and whether they stay there; its tables were brought up to date."""
    version = f"SQLite {sqlite3.sqlite_version}, " if store.shown.startswith("sqlite") else ""
    is_lost = lost_at_restart(store.shown)
    what = f"{store.shown} ({version}Python {sys.version.split()[0]})"
    mend = (
        f": {is_lost}; set DATABASE_URL to PostgreSQL, or to a file on a disk that stays" if is_lost else ""
    )
    yield Checked("database", is_lost is None, f"{what}{mend}")
    yield Checked("migrations", True, f"schema {store.schema()}, the newest")


def _held(store: Store) -> list[Checked]:
    """Say what waits for a decision: there for a person, and no fault of this set-up."""
    with store.reading() as tx:
        waiting = [f"H{held.id}" for held in tx.held() if held.verdict is None]
    says = f"{', '.join(waiting)} waits for your decision: `figurewatch held`"
    return [Checked("held", True, says)] if waiting else []


def _put_aside(settings: Settings) -> list[Checked]:
    """Say where pages are that could not be read: there for a person, and no fault of this set-up."""
    cases = kept(folder_of(settings.evidence_dir, settings.database_url.get_secret_value()))
    says = f"{counted(len(cases), 'page')} put aside; the newest is in"
    return [Checked("evidence", True, f"{says} {cases[0]}")] if cases else []


def _faults(name: str, error: Exception) -> list[Checked]:
    return [Checked(name, False, fault) for fault in str(error).splitlines()]


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
    content = await read(source, await source.fetch(release, web), now)
    return newest(next(iter(content.figures), release))


async def _telegram(settings: Settings) -> AsyncIterator[Checked]:
    """Ask for the token and for our rights in each chat; nothing is posted."""
    if settings.telegram_bot_token is None:
        yield Checked("telegram", True, "no TELEGRAM_BOT_TOKEN: messages are printed to the console")
        return
    from bot.delivery.rights import Telegram

    api_url = settings.telegram_api_url.get_secret_value() if settings.telegram_api_url else None
    async with Telegram(settings.telegram_bot_token.get_secret_value(), api_url=api_url) as telegram:
        if fault := await telegram.fault():
            yield Checked("telegram", False, fault)
            return
        yield Checked("telegram", True, "the token works")
        if not settings.alert_chats:
            yield Checked("chats", False, "no ALERT_CHATS: give chat ids, comma-separated, ID or ID:TOPIC")
        operator = [settings.ops_chat] if settings.ops_chat else []
        for chat in dict.fromkeys([*settings.alert_chats, *operator]):
            rights = await telegram.rights(chat.id, chat.topic)
            yield Checked(f"chat {chat}", rights.works, rights.says)
