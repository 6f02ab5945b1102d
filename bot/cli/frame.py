"""What the commands share: settings, store and campaign opened, and an error said in one line."""

from __future__ import annotations

import asyncio
import io
import re
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import date
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, TextIO

import click

if TYPE_CHECKING:
    from bot.campaign import Campaign
    from bot.desk import Desk
    from bot.settings import Settings
    from state.store import Store

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


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
        said = error.format_message()
        yield f"{said}{'' if said.endswith(('.', '?')) else '.'} See '{path} --help'."
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


@asynccontextmanager
async def at_desk(
    settings: Settings, campaign: Campaign, *, console: TextIO | None = None
) -> AsyncIterator[Desk]:
    """Open all that a process works with. Raises StoreError."""
    from bot.desk import open_desk

    with opened(settings) as store:
        async with open_desk(settings, campaign, store, console=console) as desk:
            yield desk


async def deliver(desk: Desk) -> bool:
    """Send what is due, unless a running worker does; return whether it is left to one."""
    if not await asyncio.to_thread(desk.take_lease):
        return True
    try:
        await asyncio.to_thread(desk.gather)
        await desk.sender.drain()
    finally:
        await asyncio.to_thread(desk.drop_lease)
    return False


def say_left(what: str) -> None:
    """Say that a running worker delivers what was found or decided."""
    click.echo(f"A worker is running: it delivers {what}.", err=True)


def month(ctx: click.Context, option: click.Parameter, value: str | None) -> str | None:
    """Return a month as it was given, if one was, or end saying what was expected."""
    if value and not re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", value, re.ASCII):
        raise click.BadParameter(f"expected a month like 2021-01, found {value!r}")
    return value


def day(ctx: click.Context, option: click.Parameter, value: str) -> date:
    """Return a day, or end saying what was expected."""
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(f"expected a day like 2025-01-16, found {value!r}") from None


def asynchronous(work: Callable[..., Coroutine[Any, Any, int | None]]) -> Callable[..., None]:
    """Run a command's coroutine and end with the status that it returns."""

    def command(*args: Any, **options: Any) -> None:
        sys.exit(asyncio.run(work(*args, **options)) or 0)

    return update_wrapper(command, work)
