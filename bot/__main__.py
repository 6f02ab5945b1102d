"""The command line of Figurewatch."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Collection, Coroutine, Iterator
from contextlib import contextmanager
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, NoReturn

import click

from bot import __version__

if TYPE_CHECKING:
    from bot.campaign import Campaign
    from bot.check import Result
    from bot.settings import Settings
    from state.store import Store


def fail(text: str) -> NoReturn:
    """End with a clear line on standard error and status 2."""
    click.echo(f"figurewatch: {text}", err=True)
    sys.exit(2)


def start(*, quiet: bool = False) -> Settings:
    """Return the settings with logging started, or end naming every fault."""
    import logging

    from bot.operate.logs import start_logging
    from bot.settings import SettingsError, load_settings

    try:
        settings = load_settings()
    except SettingsError as error:
        fail(f"the settings cannot be used:\n{error}")
    start_logging(settings.secrets, logging.WARNING if quiet else logging.INFO)
    return settings


def campaign_of(settings: Settings) -> Campaign:
    """Return the campaign that the settings name, or end naming every fault."""
    from bot.campaign import CampaignError, load_campaign

    try:
        return load_campaign(settings.campaign_file)
    except CampaignError as error:
        fail(str(error))


@contextmanager
def opened(settings: Settings) -> Iterator[Store]:
    """Open the store, or end saying why it cannot be."""
    from state.store import Store, StoreError

    try:
        store = Store.open(settings.database_url.get_secret_value())
    except StoreError as error:
        fail(str(error))
    try:
        yield store
    finally:
        store.close()


def asynchronous(work: Callable[..., Coroutine[Any, Any, int | None]]) -> Callable[..., None]:
    """Run a command's coroutine and end with the status that it returns."""

    def command(*args: Any, **options: Any) -> None:
        sys.exit(asyncio.run(work(*args, **options)) or 0)

    return update_wrapper(command, work)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Watch the public figures a campaign stands on, and tell the team when one really changes."""


@main.command()
@asynchronous
async def run() -> int:
    """Watch and send until stopped (SIGTERM or Ctrl-C).

    \b
    Example:
      TELEGRAM_BOT_TOKEN=… ALERT_CHATS=-1001234567890 figurewatch run
    """
    from bot.desk import open_desk, utc_now
    from bot.worker import Budget, Worker

    settings = start()
    campaign = campaign_of(settings)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    with opened(settings) as store:
        say_what_is_missing(settings, store, campaign)
        budget = Budget(utc_now)
        async with open_desk(settings, campaign, store, spend=budget.spend) as desk:
            await Worker(desk, budget).run(stop)
    return 0


def say_what_is_missing(settings: Settings, store: Store, campaign: Campaign) -> None:
    """Log what this worker watches and where it writes, and what a fuller set-up would need."""
    import logging
    import os

    log = logging.getLogger("figurewatch")
    log.info("%s: watching %s", campaign.name, ", ".join(source.key for source in campaign.sources))
    if settings.telegram_bot_token is None:
        log.info("no TELEGRAM_BOT_TOKEN: messages are printed here")
    elif not settings.alert_chats:
        log.warning("no ALERT_CHATS: nobody is told; alerts go to this log. Give chat ids, comma-separated")
    if settings.telegram_bot_token and settings.ops_chat is None:
        log.info("no OPS_CHAT: messages for the operator go to this log")
    if "DYNO" in os.environ and store.shown.startswith("sqlite"):
        log.warning("this host wipes its disk at each restart, and with it %s; set DATABASE_URL", store.shown)


@main.command()
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
    from bot.campaign import CampaignError
    from bot.desk import open_desk

    settings = start(quiet=True)
    campaign = campaign_of(settings)
    try:
        chosen = campaign.chosen(sources)
    except CampaignError as error:
        fail(str(error))
    with opened(settings) as store:
        async with open_desk(
            settings, campaign, store, console=sys.stderr if as_json else sys.stdout
        ) as desk:
            results = await desk.checker.round(chosen)
            waiting = await deliver(desk)
    print_check(results, as_json=as_json)
    if waiting:
        click.echo("A worker is running: it delivers what was found.", err=True)
    return int(any(result.error for result in results))


async def deliver(desk: Any) -> bool:
    """Send what is due, unless a running worker does; return whether it is left to one."""
    if not await asyncio.to_thread(desk.take_lease):
        return True
    await desk.sender.recover()
    await desk.sender.drain()
    await asyncio.to_thread(desk.drop_lease)
    return False


def print_check(results: list[Result], *, as_json: bool) -> None:
    """Print how each source fared."""
    from bot.listing import print_json, print_table

    if as_json:
        rows = [
            {
                "name": r.source.key,
                "ok": r.error is None,
                "error": r.error,
                "releases": r.releases,
                "figures": r.figures,
                "changes": r.changes,
                "alerts": r.alerts,
            }
            for r in results
        ]
        print_json({"ok": all(r.error is None for r in results), "sources": rows})
        return
    fields = ("releases", "figures", "changes", "alerts")
    table = [
        (r.source.key, "trouble" if r.error else "ok", *(str(getattr(r, field)) for field in fields))
        for r in results
    ]
    print_table(("source", "", *fields), table)
    for result in results:
        if result.error:
            click.echo(f"{result.source.key}: {result.error}")


@main.command()
@click.argument("sources", nargs=-1)
@click.option("--since", default="2021-01", show_default=True, help="The first month to read.")
@asynchronous
async def backfill(sources: tuple[str, ...], since: str) -> int:
    """Read past releases politely; posts nothing. Stop it at will: it goes on where it was.

    \b
    Example:
      figurewatch backfill talking_therapies_monthly --since 2024-01
    """
    import re

    from bot.backfill import backfill as read_past
    from bot.campaign import CampaignError
    from bot.desk import open_desk
    from bot.operate.progress import progress_bar
    from scrapers.toolkit.contract import SourceChanged, Unreachable

    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", since):
        fail(f"--since {since!r} is not a month like 2021-01")
    settings = start(quiet=True)
    campaign = campaign_of(settings)
    try:
        chosen = [source for source in campaign.chosen(sources) if not source.is_live]
    except CampaignError as error:
        fail(str(error))
    troubles = 0
    with opened(settings) as store:
        async with open_desk(settings, campaign, store) as desk:
            for source in chosen:
                try:
                    with progress_bar(source.title) as show:
                        past = await read_past(desk.checker, source, since, show=show)
                except (SourceChanged, Unreachable) as error:
                    click.echo(f"{source.key}: {error}", err=True)
                    troubles += 1
                    continue
                click.echo(f"{source.key}: {past.read} releases read, {len(past.failures)} refused")
                for failure in past.failures:
                    click.echo(f"  {failure}")
                troubles += len(past.failures)
    return int(troubles > 0)


def refuse_unknown(option: str, given: str | None, stored: Collection[str]) -> None:
    """End where an option names what is not in the store; one that is still empty refuses nothing."""
    from difflib import get_close_matches

    if given is None or not stored or given in stored:
        return
    near = get_close_matches(given, stored, 1)
    fail(
        f"{option} {given!r}: nothing of that name is stored{f'; did you mean {near[0]!r}?' if near else ''}"
    )


@main.command()
@click.option("--source", help="Only this source, by its key.")
@click.option("--measure", help="Only this measure: M001, or a derived one as treated_once.")
@click.option("--area", help="Only this area: England, or the publisher's code.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def figures(source: str | None, measure: str | None, area: str | None, as_csv: bool, as_json: bool) -> None:
    """List stored figures, every version of each.

    \b
    Example:
      figurewatch figures --measure treated_once --area England
    """
    from bot import listing
    from bot.rules.measures import DERIVED

    settings = start(quiet=True)
    with opened(settings) as store, store.reading() as tx:
        refuse_unknown("--source", source, tx.sources())
        if measure in DERIVED:
            parts = [f for code in DERIVED[measure].needs for f in tx.figures(source, code, area)]
            rows = listing.derived_rows(measure, parts)
        else:
            if measure is not None:
                codes = {code for key in tx.sources() for code in tx.measures(key)}
                refuse_unknown("--measure", measure, codes and {*codes, *DERIVED})
            rows = listing.figure_rows(tx.figures(source, measure, area))
        if as_json:
            listing.print_json(list(rows))
        elif as_csv:
            listing.print_csv(listing.FIGURE_COLUMNS, rows)
        else:
            listing.print_figures(rows)


@main.command()
@click.option("--source", help="Only this source, by its key.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def releases(source: str | None, as_json: bool) -> None:
    """List known and announced releases.

    \b
    Example:
      figurewatch releases --source talking_therapies_monthly
    """
    from bot import listing

    settings = start(quiet=True)
    with opened(settings) as store, store.reading() as tx:
        refuse_unknown("--source", source, tx.sources())
        known = tx.releases(source)
    listing.print_json(listing.release_rows(known)) if as_json else listing.print_releases(known)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def alerts(as_json: bool) -> None:
    """List every alert and what became of it.

    \b
    Example:
      figurewatch alerts
    """
    from bot import listing

    settings = start(quiet=True)
    with opened(settings) as store, store.reading() as tx:
        log = tx.alerts()
    listing.print_json(listing.alert_rows(log)) if as_json else listing.print_alerts(log)


@main.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False))
@asynchronous
async def replay(folder: str) -> int:
    """Play a recorded web, instant by instant, through the whole way to the console.

    \b
    Example:
      figurewatch replay demo
    """
    from bot.operate.replay import RecordingError
    from bot.operate.replay import replay as play

    start(quiet=True)
    try:
        return await play(folder)
    except RecordingError as error:
        fail(str(error))


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
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


if __name__ == "__main__":
    main(prog_name="figurewatch")
