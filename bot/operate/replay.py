"""Play a recorded history through the whole way: a local web, a store of its own, the console."""

from __future__ import annotations

import asyncio
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import click

from bot.backfill import OVERVIEW, backfill
from bot.campaign import load_campaign
from bot.desk import Desk, open_desk
from bot.listing import counted
from bot.operate.recorded import RecordedWeb
from bot.settings import Settings
from bot.wording.numbers import day_and_time
from scrapers.toolkit.contract import Unreachable
from state.store import Store

INSTANT = "%Y-%m-%dT%H%M%SZ"


class RecordingError(Exception):
    """Say what a folder lacks to be a recording."""


def instants(folder: Path) -> list[tuple[datetime, Path]]:
    """Return the instants of a recording, in order: its folders named like `2026-05-14T083005Z`.

    Raises RecordingError where another folder lies among them, or there is none.
    """
    found = []
    for entry in sorted(folder.iterdir()):
        if entry.is_dir():
            try:
                found.append((datetime.strptime(entry.name, INSTANT).replace(tzinfo=UTC), entry))
            except ValueError:
                raise RecordingError(f"{entry} is not named like 2026-05-14T083005Z") from None
    if not found:
        raise RecordingError(f"{folder} holds no instants, folders named like 2026-05-14T083005Z")
    return found


async def _read_past(desk: Desk) -> None:
    """Read what was published before the first instant, as the worker does after a first look."""
    for source in desk.campaign.sources:
        if not source.is_live:
            try:
                past = await backfill(desk.checker, source)
            except Unreachable as error:
                said = str(error)
            else:
                why = None if past.read else past.refused.get(OVERVIEW)
                said = why or f"{counted(past.read, 'past release')} read"
            click.echo(f"(backfill: {said})\n")


async def replay(folder: str) -> int:
    """Play the recording in `folder`; return 1 if a source was in trouble at its end, else 0.

    Raises RecordingError and CampaignError for a folder that holds no recording, or a broken one.
    """
    root = Path(folder)
    steps = instants(root)
    now = [steps[0][0]]
    with RecordedWeb() as web, tempfile.TemporaryDirectory() as place:
        settings = Settings(
            telegram_bot_token=None,
            database_url=f"sqlite:///{place}/replay.db",  # type: ignore[arg-type]  # pydantic wraps the text
            web_mirror=web.url,  # type: ignore[arg-type]
            web_pause=0,
            campaign_file=str(root / "campaign.toml"),
        )
        campaign = load_campaign(settings.campaign_file)
        store = Store.open(settings.database_url.get_secret_value())
        try:
            async with open_desk(settings, campaign, store, clock=lambda: now[0]) as desk:
                for moment, pages in steps:
                    now[0] = moment
                    web.show(pages)
                    click.echo(f"── {day_and_time(moment)} ".ljust(60, "─"))
                    results = await desk.checker.round(campaign.sources)
                    await asyncio.to_thread(desk.take_lease)
                    drained = await desk.sender.drain()
                    if not drained.sent:
                        click.echo("(nothing to tell)\n")
                    if moment == steps[0][0]:
                        await _read_past(desk)
        finally:
            store.close()
    return int(any(result.error for result in results))
