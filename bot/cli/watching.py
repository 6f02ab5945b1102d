"""Commands that look at the sources: once, again and again, at their past, or at a recorded web."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import TYPE_CHECKING

import click

from bot.cli.frame import (
    asynchronous,
    at_desk,
    campaign_of,
    deliver,
    json_option,
    month,
    opened,
    say_left,
    start,
)

if TYPE_CHECKING:
    from bot.campaign import Campaign
    from bot.settings import Settings
    from state.store import Store


@click.command()
@asynchronous
async def run() -> int:
    """Watch and send until stopped (SIGTERM or Ctrl-C).

    \b
    Example:
      TELEGRAM_BOT_TOKEN=… ALERT_CHATS=-1001234567890 figurewatch run
    """
    from bot.operate.watchdog import WorkerUnwell
    from bot.service import serve

    settings = start()
    campaign = campaign_of(settings)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    with opened(settings) as store:
        say_what_is_missing(settings, store, campaign)
        try:
            await serve(settings, campaign, store, stop)
        except WorkerUnwell as error:
            click.echo(f"figurewatch: ended, to be started anew: {error}", err=True)
            return 1
    return 0


def say_what_is_missing(settings: Settings, store: Store, campaign: Campaign) -> None:
    """Log what this worker watches and where it writes, and what a fuller set-up would need."""
    import logging

    from bot.operate.place import lost_at_restart

    log = logging.getLogger("figurewatch")
    log.info("%s: watching %s", campaign.name, ", ".join(source.key for source in campaign.sources))
    if settings.telegram_bot_token is None:
        log.info("no TELEGRAM_BOT_TOKEN: messages are printed here")
    elif not settings.alert_chats:
        log.warning("no ALERT_CHATS: nobody is told; alerts go to this log. Give chat ids, comma-separated")
    if settings.telegram_bot_token and settings.ops_chat is None:
        log.info("no OPS_CHAT: messages for the operator go to this log")
    if is_lost := lost_at_restart(store.shown):
        log.warning("%s will be lost: %s; set DATABASE_URL", store.shown, is_lost)


@click.command()
@click.argument("sources", nargs=-1)
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document; messages go to standard error."
)
@asynchronous
async def check(sources: tuple[str, ...], as_json: bool) -> int:
    """Look once, now, and deliver what is due. Status 1 if a source is in trouble.

    \b
    Example:
      figurewatch check parliament_petition:700143
    """
    from bot import listing

    settings = start(quiet=True)
    campaign = campaign_of(settings)
    chosen = campaign.chosen(sources)
    async with at_desk(settings, campaign, console=sys.stderr if as_json else sys.stdout) as desk:
        results = await desk.checker.round(chosen)
        is_left = await deliver(desk)
    if as_json:
        listing.print_json(
            {"ok": all(r.error is None for r in results), "sources": listing.check_rows(results)}
        )
    else:
        listing.print_check(results)
    if is_left and any(result.alerts for result in results):
        say_left("what was found")
    return int(any(result.error for result in results))


@click.command()
@click.argument("sources", nargs=-1)
@click.option("--since", callback=month, help="The first month to read; without it, all that can be read.")
@asynchronous
async def backfill(sources: tuple[str, ...], since: str | None) -> int:
    """Read past releases politely. Stop it at will: it goes on where it was.

    \b
    Example:
      figurewatch backfill talking_therapies_monthly --since 2024-01
    """
    from bot.backfill import backfill as read_past
    from bot.operate.progress import progress_bar
    from scrapers.toolkit.contract import Unreachable

    settings = start(quiet=True)
    campaign = campaign_of(settings)
    chosen = campaign.chosen(sources)
    troubles = 0
    async with at_desk(settings, campaign) as desk:
        for source in chosen:
            if source.is_live:
                if sources:
                    click.echo(f"{source.key}: a live page, it has no past to read")
                continue
            try:
                with progress_bar(source.title) as show:
                    past = await read_past(desk.checker, source, since, show=show)
            except Unreachable as error:
                click.echo(f"{source.key}: {error}", err=True)
                troubles += 1
                continue
            click.echo(f"{source.key}: {past}")
            for part, why in {**past.refused, **past.passing}.items():
                click.echo(f"  {part}: {why}", err=True)
                troubles += 1
    return int(troubles > 0)


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False))
@asynchronous
async def replay(folder: str) -> int:
    """Play a recorded web to the console. It goes the whole way, instant by instant.

    \b
    Example:
      figurewatch replay demo
    """
    from bot.operate.replay import replay as play

    start(quiet=True)
    return await play(folder)


@click.command()
@json_option
@asynchronous
async def doctor(as_json: bool) -> int:
    """Say what works, and what to do about the rest. Status 1 if something must be done.

    \b
    Example:
      figurewatch doctor
    """
    from bot import listing
    from bot.operate.doctor import examine

    findings = await examine()
    if as_json:
        listing.print_json({"ok": all(f.ok for f in findings), "checks": [f._asdict() for f in findings]})
    else:
        for finding in findings:
            click.echo(f"{'ok  ' if finding.ok else 'MEND'}  {finding.name}: {finding.says}")
    return int(not all(finding.ok for finding in findings))
