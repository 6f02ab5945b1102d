"""Try one source for real: `python -m scrapers NAME`."""

from __future__ import annotations

import asyncio
import os
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from scrapers import load
from scrapers.toolkit.capture import FIGURES, Look, Recorder, look, look_again
from scrapers.toolkit.contract import BudgetSpent, Scraper, SourceChanged, Unreachable

CAPTURES = Path("tests/captures")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("name")
@click.option("--url", help="The address that the source is to watch, where it takes one.")
@click.option("--id", "number", help="The number or name that tells it from others of its kind.")
@click.option("--host", "hosts", multiple=True, help="A further host it may ask; may be given again.")
@click.option("--set", "more", multiple=True, help="A further key of its entry, as in the campaign file.")
@click.option("--save", is_flag=True, help=f"Keep pages and figures under {CAPTURES}/NAME/DATE/.")
@click.option("--again", metavar="DATE", help="Read the capture of that day instead of the web.")
def main(
    name: str,
    url: str | None,
    number: str | None,
    hosts: tuple[str, ...],
    more: tuple[str, ...],
    save: bool,
    again: str | None,
) -> None:
    """Ask the source NAME once, and print its releases and figures.

    WEB_PAUSE and WEB_MIRROR of the environment count here too. With --again no site is asked, and the figures
    that are kept with the capture are written anew.

    \b
    Examples:
      python -m scrapers parliament_petition --id 700143 --save
      python -m scrapers parliament_petition --again 2024-11-24
      python -m scrapers page_figure --id beds --url https://example.org/ --set 'css = "#beds"' …
    """
    if again is not None:
        _again(name, CAPTURES / name / again)
        return
    options = {"url": url, "id": number, "hosts": list(hosts) or None}
    entry = {key: value for key, value in options.items() if value is not None}
    try:
        entry |= tomllib.loads("\n".join(more))
        source = load(name)(entry)
        now = datetime.now(UTC)
        found, recorder = asyncio.run(_ask(source, now))
    except (ValueError, SourceChanged, Unreachable, BudgetSpent) as error:
        raise click.ClickException(f"{name}: {error}") from None
    click.echo(_beginning(found), nl=False)
    if save:
        folder = CAPTURES / name / f"{now:%Y-%m-%d}"
        recorder.save(folder, found, entry, now)
        click.echo(f"saved in {folder}: compare figures.txt with the page")
    if found.refusal is not None:
        raise click.ClickException(f"{name}: {found.refusal}")


def _again(name: str, folder: Path) -> None:
    try:
        found = look_again(load(name), folder)
    except (ValueError, FileNotFoundError) as error:
        raise click.ClickException(f"{name}: {error}") from None
    (folder / FIGURES).write_text(str(found), encoding="utf-8")
    click.echo(_beginning(found), nl=False)


async def _ask(source: Scraper, now: datetime) -> tuple[Look, Recorder]:
    from scrapers.toolkit.web import WebClient

    async with WebClient(**_politeness(os.environ)) as client:
        recorder = Recorder(client.for_source(source.hosts))
        return await look(source, recorder, now), recorder


def _politeness(environment: Mapping[str, str]) -> dict[str, Any]:
    try:
        pause = float(environment.get("WEB_PAUSE", "2"))
    except ValueError:
        raise ValueError(f"WEB_PAUSE must be a number of seconds, not {environment['WEB_PAUSE']!r}") from None
    return {"pause": pause, "mirror": environment.get("WEB_MIRROR") or None}


def _beginning(found: Look, first: int = 10) -> str:
    shown = str(replace(found, figures=found.figures[:first]))
    more = len(found.figures) - first
    return shown + (f"… and {more:,} more\n" if more > 0 else "")


if __name__ == "__main__":
    main(prog_name="python -m scrapers")
