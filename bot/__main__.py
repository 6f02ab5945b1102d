"""The command line of Figurewatch."""

from __future__ import annotations

import asyncio
import atexit
import gc
import io
import re
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import update_wrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bot import __version__

MALLOC_ARENAS = -8  # M_ARENA_MAX of glibc

if TYPE_CHECKING:
    from bot.campaign import Campaign
    from bot.check import Result
    from bot.settings import Settings
    from state.store import Store


class Commands(click.Group):
    """Commands that end with a clear line for each thing that a person has to mend, and status 2."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")  # a terminal that knows no … still gets the rest
        try:
            return super().invoke(ctx)
        except click.exceptions.Exit:
            raise  # as --help does
        except Exception as error:
            faults = list(to_mend(error))
            if None in faults:
                raise
            for fault in dict.fromkeys("\n".join(filter(None, faults)).splitlines()):
                click.echo(f"figurewatch: {fault}", err=True)
            ctx.exit(2)


def to_mend(error: BaseException) -> Iterator[str | None]:
    """Yield what to mend for each error in `error`, which may be a group; None for one that is not ours."""
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from to_mend(one)
        return
    from bot.campaign import CampaignError
    from bot.enter import CannotEnter
    from bot.held import NotHeld
    from bot.judge import CannotJudge
    from bot.nearest import Unknown
    from bot.operate.replay import RecordingError
    from bot.settings import SettingsError
    from bot.trying import NothingToFollow
    from state.store import StoreError

    if isinstance(error, click.UsageError):
        path = error.ctx.command_path if error.ctx else "figurewatch"
        yield f"{error.format_message()} See '{path} --help'."
        return
    ours = (
        *(SettingsError, CampaignError, StoreError, RecordingError),
        *(NotHeld, Unknown, NothingToFollow, CannotJudge, CannotEnter),
    )
    yield str(error) if isinstance(error, ours) else None


def start(*, quiet: bool = False) -> Settings:
    """Return the settings with logging started; a `quiet` command says less. Raises SettingsError."""
    import logging

    from bot.operate.logs import start_logging
    from bot.settings import load_settings

    settings = load_settings()
    level = getattr(logging, settings.log_level)
    start_logging(settings.secrets, logging.WARNING if quiet and level == logging.INFO else level)
    return settings


def campaign_of(settings: Settings) -> Campaign:
    """Return the campaign that the settings name. Raises CampaignError."""
    from bot.campaign import load_campaign

    return load_campaign(settings.campaign_file)


@contextmanager
def opened(settings: Settings) -> Iterator[Store]:
    """Open the store. Raises StoreError."""
    from state.store import Store

    store = Store.open(settings.database_url.get_secret_value())
    try:
        yield store
    finally:
        store.close()


def month(ctx: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """Return a month as it was given, if one was, or end saying what was expected."""
    if value and not re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", value, re.ASCII):
        raise click.BadParameter(f"expected a month like 2021-01, found {value!r}")
    return value


def asynchronous(work: Callable[..., Coroutine[Any, Any, int | None]]) -> Callable[..., None]:
    """Run a command's coroutine and end with the status that it returns."""

    def command(*args: Any, **options: Any) -> None:
        sys.exit(asyncio.run(work(*args, **options)) or 0)

    return update_wrapper(command, work)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Watch the public figures a campaign stands on, and tell the team when one really changes."""
    collect_rarely()
    take_memory_once()


def take_memory_once() -> None:
    """Let all threads take memory from one place, where the C library lets us say so.

    Else each thread that reads a large file keeps up to 50 MB of its own.
    """
    import ctypes
    from contextlib import suppress

    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).mallopt(MALLOC_ARENAS, 1)


def collect_rarely() -> None:
    """Let the garbage collector look less often.

    A month makes forty thousand small objects, none of them in a ring. Looking for rings among all that the
    libraries hold, while they are made, takes longer than storing them. Nor is it looked through at the end,
    when all of it goes with the process.
    """
    gc.set_threshold(200_000)
    atexit.register(gc.freeze)


@main.command()
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
    from bot.desk import open_desk

    settings = start(quiet=True)
    campaign = campaign_of(settings)
    chosen = campaign.chosen(sources)
    with opened(settings) as store:
        async with open_desk(
            settings, campaign, store, console=sys.stderr if as_json else sys.stdout
        ) as desk:
            results = await desk.checker.round(chosen)
            waiting = await deliver(desk)
    print_check(results, as_json=as_json)
    if waiting and any(result.alerts for result in results):
        click.echo("A worker is running: it delivers what was found.", err=True)
    return int(any(result.error for result in results))


async def deliver(desk: Any) -> bool:
    """Send what is due, unless a running worker does; return whether it is left to one."""
    if not await asyncio.to_thread(desk.take_lease):
        return True
    try:
        await asyncio.to_thread(desk.gather)
        await desk.sender.drain()
    finally:
        await asyncio.to_thread(desk.drop_lease)
    return False


def print_check(results: list[Result], *, as_json: bool) -> None:
    """Print how each source fared."""
    from bot.listing import Column, print_json, print_table

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
                "held": r.held,
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
    print_table((Column("source", cut="middle"), "", *fields), table)
    for result in results:
        if result.error:
            click.echo(f"{result.source.key}: {result.error}")


@main.command()
@click.argument("sources", nargs=-1)
@click.option("--since", callback=month, help="The first month to read; without it, all that can be read.")
@asynchronous
async def backfill(sources: tuple[str, ...], since: str | None) -> int:
    """Read past releases politely; posts nothing. Stop it at will: it goes on where it was.

    \b
    Example:
      figurewatch backfill talking_therapies_monthly --since 2024-01
    """
    from bot.backfill import backfill as read_past
    from bot.desk import open_desk
    from bot.operate.progress import progress_bar
    from scrapers.toolkit.contract import Unreachable

    settings = start(quiet=True)
    campaign = campaign_of(settings)
    chosen = campaign.chosen(sources)
    troubles = 0
    with opened(settings) as store:
        async with open_desk(settings, campaign, store) as desk:
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


@main.command()
@click.option("--source", help="Only this source, by its key.")
@click.option("--measure", help="Only this measure: M001, or a derived one as treated_once.")
@click.option("--area", help="Only this area: England, or the publisher's code or name for it.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def figures(source: str | None, measure: str | None, area: str | None, as_csv: bool, as_json: bool) -> None:
    """List stored figures, every version of each. A table shows the newest 200.

    \b
    Example:
      figurewatch figures --measure treated_once --area England
    """
    from bot import listing
    from bot.nearest import named
    from bot.rules.measures import DERIVED

    if as_csv and as_json:
        raise click.UsageError("Give --csv or --json, not both.")
    settings = start(quiet=True)
    with opened(settings) as store, store.reading() as tx:
        source = source and named("source", source, {key: key for key in tx.sources()})
        series = tx.listed() if measure or area else ()
        measure = measure and named("measure", measure, {m: m for m in (*(s[0] for s in series), *DERIVED)})
        area = area and named("area", area, {code: name for _, code, name in series})
        if measure in DERIVED:
            of = source or DERIVED[measure].source
            parts = [f for code in DERIVED[measure].needs for f in tx.figures(of, code, area)]
            rows = listing.derived_rows(measure, parts)
        else:
            rows = listing.figure_rows(tx.figures(source, measure, area))
        if as_json:
            listing.print_json_rows(rows)
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
    from bot.nearest import named

    settings = start(quiet=True)
    with opened(settings) as store, store.reading() as tx:
        source = source and named("source", source, {key: key for key in tx.sources()})
        known = tx.releases(source, entered=True)
    listing.print_json_rows(listing.release_rows(known)) if as_json else listing.print_releases(known)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def alerts(as_json: bool) -> None:
    """List every alert and what became of it. A table shows the newest 200.

    \b
    Example:
      figurewatch alerts
    """
    from bot import listing

    settings = start(quiet=True)
    with opened(settings) as store, store.reading() as tx:
        log = tx.alerts(None if as_json else listing.MOST_ROWS)
    listing.print_json_rows(listing.alert_rows(log)) if as_json else listing.print_alerts(log)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def claims(as_json: bool) -> None:
    """List what the campaign says in public, each sentence beside the newest figure.

    \b
    Example:
      figurewatch claims
    """
    from bot import listing
    from bot.claims import standings

    settings = start(quiet=True)
    campaign = campaign_of(settings)
    sources = {source.key: source for source in campaign.sources}
    with opened(settings) as store, store.reading() as tx:
        found = standings(tx, campaign.claims, sources)
    if as_json:
        listing.print_json(listing.claim_rows(found))
    else:
        listing.print_claims(found, {key: source.url for key, source in sources.items()})


@main.command()
@click.option("--since", default="", callback=month, help="The first month to show; without it, all stored.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def backtest(since: str, as_json: bool) -> None:
    """Say what these rules and this campaign file would have told of every stored release.

    Each is judged as of its own day. `held` says whether it was still so in the six months after. Nothing is
    written, and nothing is told.

    \b
    Example:
      figurewatch backtest --since 2023-05
    """
    from bot import backtest as testing
    from bot import listing
    from bot.operate.progress import progress_bar

    settings = start(quiet=True)
    campaign = campaign_of(settings)
    with opened(settings) as store, store.reading() as tx, progress_bar("releases") as show:
        found = testing.backtest(tx, campaign, since, show)
    if as_json:
        listing.print_json(testing.as_json(found))
    elif not found:
        click.echo(listing.NOTHING, err=True)
    else:
        said = listing.Column("what would have been told", cut="end")
        listing.print_table(("release", "kind", said, "held"), testing.rows(found))
        for line in testing.in_words(found):
            click.echo(line)


@main.command()
@click.argument("measure", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def measures(measure: str | None, as_json: bool) -> None:
    """List what the publisher's measures mean, or all that one ever meant.

    \b
    Example:
      figurewatch measures M288
    """
    from bot import listing
    from bot.nearest import named
    from bot.rules.meanings import SOURCES, history, meanings

    settings = start(quiet=True)
    with opened(settings) as store, store.reading() as tx:
        known = tx.facts(SOURCES)
        listed = {id: means for source in SOURCES for id, means in meanings(known[source]).items()}
        if measure:
            names = {
                id: listed[id].name if id in listed else id for source in SOURCES for id in known[source]
            }
            measure = named("measure", measure, names)
            source = next(source for source in SOURCES if measure in known[source])
            versions = history(measure, tx.facts_history(source, measure))
    if measure and as_json:
        listing.print_json(listing.version_rows(measure, versions))
    elif measure:
        listing.print_versions(measure, versions)
    elif as_json:
        listing.print_json_rows(map(listing.meaning_row, listed.values()))
    else:
        listing.print_meanings(listed.values())


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def held(as_json: bool) -> None:
    """List what was hard to believe, and what was decided about it.

    \b
    Example:
      figurewatch held
    """
    from bot import held, listing

    settings = start(quiet=True)
    with opened(settings) as store, store.reading() as tx:
        found = tx.held()
    if as_json:
        listing.print_json(list(held.rows(found)))
        return
    for line in held.show(found):
        click.echo(line)


@main.command()
@click.argument("number")
@asynchronous
async def release(number: str) -> int:
    """Store and tell what was held back, or what a question holds back: it is right.

    \b
    Example:
      figurewatch release H3
    """
    from bot import held
    from bot.desk import open_desk

    settings = start(quiet=True)
    campaign = campaign_of(settings)
    with opened(settings) as store:
        async with open_desk(settings, campaign, store) as desk:
            committer = desk.checker.committer
            done = await asyncio.to_thread(held.release, committer, campaign, number, desk.clock)
            waiting = await deliver(desk)
    click.echo(done)
    if waiting:
        click.echo("A worker is running: it delivers the message.", err=True)
    return 0


@main.command()
@click.argument("number")
@asynchronous
async def reject(number: str) -> int:
    """Drop what was held back, or what a question holds back: it is wrong. The same is never told.

    \b
    Example:
      figurewatch reject H3
    """
    from bot import held
    from bot.desk import open_desk

    settings = start(quiet=True)
    campaign = campaign_of(settings)
    with opened(settings) as store:
        async with open_desk(settings, campaign, store) as desk:
            done = await asyncio.to_thread(held.reject, desk.checker.committer, number, desk.clock)
    click.echo(done)
    return 0


@main.command()
@click.argument("source")
@click.option("--measure", required=True, help="The measure's id, as in claims.")
@click.option("--period", required=True, help="2026-03, 2025-Q3 or 2025-26.")
@click.option("--value", help="The number, as 13799 or 50.1; or --withheld.")
@click.option("--withheld", is_flag=True, help="The publisher says that it is withheld.")
@click.option("--area", default="", help="Name or code; without it, that of the source's headlines.")
@click.option("--unit", default="", help="As count or percent; needed once, as is --name.")
@click.option("--name", default="", help="What the measure is called.")
@click.option("--from", "address", required=True, help="The address of what was published.")
@click.option("--title", default="", help="What it is called.")
@click.option(
    "--published", required=True, type=click.DateTime(["%Y-%m-%d"]), help="The day on which it came out."
)
@click.option("--dry-run", is_flag=True, help="Only say what would be entered.")
@asynchronous
async def enter(source: str, dry_run: bool, withheld: bool, value: str | None, **asked: Any) -> int:
    """Enter a figure that is published where no program can read it.

    It is marked as entered wherever it is shown. The same again adds nothing, another value corrects it, and
    what is read in the publisher's own file stands above it.

    \b
    Example:
      figurewatch enter talking_therapies_annual --measure Percentage_FollowUpAppointment
        --period 2023-24 --value 6.5 --unit percent --name "Follow-up appointment"
        --from https://example.org/report.pdf --published 2025-01-16
    """
    from bot import enter as entering
    from bot.desk import open_desk

    if withheld is (value is not None):
        raise click.UsageError("Give --value or --withheld, not both.")
    settings = start(quiet=True)
    campaign = campaign_of(settings)
    chosen = campaign.chosen([source])
    if len(chosen) > 1:
        raise click.UsageError(f"Name one of {', '.join(one.key for one in chosen)}.")
    figure = entering.figure_asked(value, **asked)
    with opened(settings) as store:
        async with open_desk(settings, campaign, store) as desk:
            committer, now = desk.checker.committer, desk.clock()
            entry = await asyncio.to_thread(
                entering.enter, committer, chosen[0], figure, now, dry_run=dry_run
            )
            waiting = not (dry_run or entry.same) and await deliver(desk)
    said = "Entered already" if entry.same else "This would be entered" if dry_run else "Entered"
    click.echo(f"{said}: {entry}")
    if waiting:
        click.echo("A worker is running: it delivers the message.", err=True)
    return 0


@main.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Copy the SQLite store into a new file, while a worker runs.

    \b
    Example:
      figurewatch backup figurewatch-monday.db
    """
    settings = start(quiet=True)
    with opened(settings) as store:
        store.backup(file)
    click.echo(f"{file}: {file.stat().st_size / 1e6:,.1f} MB, to be put in the place of the store's file")


@main.command()
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


@main.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--good", type=click.Choice(["up", "down", "neither"]), default="neither", help="The better direction."
)
@click.option("--target", type=float, help="What is to be reached.")
@click.option(
    "--settings",
    "whose",
    type=click.Choice(["nhse", "r"]),
    default="nhse",
    show_default=True,
    help="The rules as in NHS England's tools, or as in the R package NHSRplotthedots.",
)
@click.option("--screen/--no-screen", default=None, help="Leave out moving ranges too wide to be usual.")
@click.option("--rebase", multiple=True, metavar="PERIOD", help="Begin anew with this period. Repeatable.")
@click.option(
    "--baseline", type=click.IntRange(min=12), metavar="N", help="Take limits from the first N values."
)
@click.option("--chart", type=click.Path(dir_okay=False, path_type=Path), help="Draw it into this PNG file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def judge(
    file: Path,
    good: Any,
    target: float | None,
    whose: str,
    screen: bool | None,
    rebase: tuple[str, ...],
    baseline: int | None,
    chart: Path | None,
    as_json: bool,
) -> None:
    """Judge a series of your own by the XmR rules. FILE.csv has the columns period,value.

    A blank value was not published; a period that is not there is a gap.

    \b
    Example:
      figurewatch judge waiting.csv --good down --chart waiting.png
    """
    from dataclasses import replace

    from bot import judge as judging
    from bot import listing
    from bot.rules.xmr import SETTINGS

    settings = SETTINGS[whose] if screen is None else replace(SETTINGS[whose], screen=screen)
    verdict = judging.judge(file, judging.Asked(settings, good, target, rebase, baseline))
    if chart:
        judging.draw(verdict, chart)
    if as_json:
        listing.print_json(judging.as_json(verdict))
        return
    for line in judging.in_words(verdict):
        click.echo(line)
    if points := judging.flagged(verdict):
        listing.print_table(("special cause", listing.Column("value", right=True), "why"), points)


@main.command("try")
@click.argument("address")
@click.option("--find", default="", help="Only numbers with this in them or beside them.")
@click.option("--pick", type=int, help="Print the entry that follows this one of the numbers listed.")
@click.option("--id", "name", default="", help="The entry's id, in place of one made of its title.")
@click.option("--title", default="", help="What messages are to call the figure.")
@click.option("--write", is_flag=True, help="Add the entry to the campaign file as well.")
@asynchronous
async def try_address(address: str, find: str, pick: int | None, name: str, title: str, write: bool) -> None:
    """List the numbers at ADDRESS that could be followed, or write the entry that follows one.

    The address is asked once. Look at title, unit and range before you use an entry.

    \b
    Example:
      figurewatch try https://example.org/waiting --find 4,213 --pick 1 --write
    """
    from bot import listing, trying

    if write and pick is None:
        raise click.UsageError("--write needs --pick, the number to follow.")
    settings = start(quiet=True)
    tried = await trying.look(address, settings, find)
    if pick is None:
        listing.print_suggestions(tried.suggestions)
        return
    taken = await asyncio.to_thread(trying.ids, settings.campaign_file)
    entry = trying.entry(tried, pick, id=name, title=title, taken=taken)
    click.echo(entry, nl=False)
    if write:
        await asyncio.to_thread(trying.append, settings.campaign_file, entry)
        click.echo(f"added to {settings.campaign_file}", err=True)


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


def entry() -> None:
    """Run a command as a process of its own."""
    from bot.operate.logs import log_crashes

    log_crashes()
    main(prog_name="figurewatch")


if __name__ == "__main__":
    entry()
