"""Commands by which a person decides what is believed, and enters what no program can read."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from bot.cli.frame import (
    asynchronous,
    at_desk,
    campaign_of,
    day,
    deliver,
    json_option,
    opened,
    say_left,
    start,
)


@click.command()
@json_option
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


@click.command()
@click.argument("number")
@asynchronous
async def release(number: str) -> int:
    """Store and tell what was held back: it is right.

    NUMBER is that of what was hard to believe (H3), or of the question that holds a message back (A143).

    \b
    Example:
      figurewatch release H3
    """
    from bot import held

    settings = start(quiet=True)
    campaign = campaign_of(settings)
    async with at_desk(settings, campaign) as desk:
        committer = desk.checker.committer
        done = await asyncio.to_thread(held.release, committer, campaign, number, desk.clock)
        is_left = await deliver(desk)
    click.echo(done)
    if is_left:
        say_left("the message")
    return 0


@click.command()
@click.argument("number")
@asynchronous
async def reject(number: str) -> int:
    """Drop what was held back: it is wrong. The same is never told.

    NUMBER is that of what was hard to believe (H3), or of the question that holds a message back (A143).

    \b
    Example:
      figurewatch reject H3
    """
    from bot import held

    settings = start(quiet=True)
    campaign = campaign_of(settings)
    async with at_desk(settings, campaign) as desk:
        done = await asyncio.to_thread(held.reject, desk.checker.committer, number, desk.clock)
    click.echo(done)
    return 0


@click.command()
@click.argument("source")
@click.option("--measure", required=True, help="The measure's id, as in claims.")
@click.option("--period", required=True, help="2026-03, 2025-Q3 or 2025-26.")
@click.option("--value", help="The number, as 13799 or 50.1; or --withheld.")
@click.option("--withheld", is_flag=True, help="The publisher says that it is withheld.")
@click.option("--area", default="", help="Name or code; without it, that of the source's headlines.")
@click.option("--unit", default="", help="As count or percent; needed once, as is --name.")
@click.option("--name", default="", help="What the measure is called.")
@click.option("--from", "url", required=True, help="The address of what was published.")
@click.option("--title", default="", help="What it is called.")
@click.option("--published", required=True, callback=day, help="The day on which it came out.")
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

    if withheld is (value is not None):
        raise click.UsageError("Give --value or --withheld, not both.")
    settings = start(quiet=True)
    campaign = campaign_of(settings)
    chosen = campaign.chosen([source])
    if len(chosen) > 1:
        raise click.UsageError(f"Name one of {', '.join(one.key for one in chosen)}.")
    figure = entering.Asked(value=value, **asked)
    async with at_desk(settings, campaign) as desk:
        committer, now = desk.checker.committer, desk.clock()
        entry = await asyncio.to_thread(entering.enter, committer, chosen[0], figure, now, dry_run=dry_run)
        is_left = not (dry_run or entry.same) and await deliver(desk)
    said = "Entered already" if entry.same else "This would be entered" if dry_run else "Entered"
    click.echo(f"{said}: {entry}")
    if is_left:
        say_left("the message")
    return 0
