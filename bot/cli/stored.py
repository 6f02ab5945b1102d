"""Commands that list what is stored, or copy it; none of them asks a site or writes the store."""

from __future__ import annotations

from pathlib import Path

import click

from bot.cli.frame import campaign_of, json_option, month, opened, start


@click.command()
@click.option("--source", help="Only this source, by its key.")
@click.option("--measure", help="Only this measure: M001, or a derived one as treated_once.")
@click.option("--area", help="Only this area: England, or the publisher's code or name for it.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@json_option
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


@click.command()
@click.option("--source", help="Only this source, by its key.")
@json_option
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


@click.command()
@json_option
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


@click.command()
@json_option
def claims(as_json: bool) -> None:
    """List what the campaign says in public beside the newest figures.

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


@click.command()
@click.option("--since", default="", callback=month, help="The first month to show; without it, all stored.")
@json_option
def backtest(since: str, as_json: bool) -> None:
    """Say what would have been told of every stored release.

    Today's rules and campaign file judge each as of its own day. `held` says whether it was still so in the
    six months after. Nothing is written, and nothing is told.

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


@click.command()
@click.argument("measure", required=False)
@json_option
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


@click.command()
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
