"""Commands for figures of one's own: a series in a file, or a number on any page."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click

from bot.cli.frame import asynchronous, json_option, start


@click.command()
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
@json_option
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


@click.command("try")
@click.argument("address")
@click.option("--find", default="", help="Only numbers with this in them or beside them.")
@click.option("--pick", type=int, help="Print the entry that follows this one of the numbers listed.")
@click.option("--id", "name", default="", help="The entry's id, in place of one made of its title.")
@click.option("--title", default="", help="What messages are to call the figure.")
@click.option("--write", is_flag=True, help="Add the entry to the campaign file as well.")
@asynchronous
async def try_address(address: str, find: str, pick: int | None, name: str, title: str, write: bool) -> None:
    """List the numbers at ADDRESS, or write the entry to follow one.

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
