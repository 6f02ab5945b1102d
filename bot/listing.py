"""What the command line prints: tables that fit 100 columns, CSV, and JSON documents.

What is not data goes to standard error.
"""

from __future__ import annotations

import csv
import json
import sys
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from unicodedata import combining, east_asian_width

import click

from bot.rules.claims import Standing
from bot.rules.meanings import Meaning, Version
from bot.rules.measures import DERIVED, Derived
from bot.wording import numbers
from bot.wording.claims import reason
from bot.wording.numbers import day_and_time
from scrapers.toolkit.contract import LIVE, LONDON
from state.records import StoredAlert, StoredFigure, StoredRelease

if TYPE_CHECKING:
    from bot.check import Result
    from scrapers.toolkit.suggest import Suggestion

WIDTH = 100
NARROWEST = 8  # of a column that is cut
GAP = "  "
MOST_ROWS = 200
NOTHING = "Nothing of the kind is stored; `figurewatch check` looks at the sources."
FIGURE_COLUMNS = (
    *("source", "measure", "area", "area_name", "period", "value", "withheld"),
    *("revision", "release", "url", "first_seen", "entered"),
)


class Column(NamedTuple):
    """A column of a table: where its texts may be cut when it is too wide, and whether they end in line."""

    name: str
    cut: Literal["never", "end", "middle"] = "never"
    right: bool = False


def counted(number: int, thing: str) -> str:
    """Return a number with the name of what is counted: `1 release`, `1,200 releases`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def print_json(document: Any) -> None:
    """Print one JSON document; times in UTC."""
    json.dump(document, sys.stdout, ensure_ascii=False, indent=1)
    sys.stdout.write("\n")


def print_json_rows(rows: Iterable[dict[str, Any]]) -> None:
    """Print rows as one JSON document, a row on each line; they are never held all at once."""
    begin = "[\n"
    for row in rows:
        sys.stdout.write(f"{begin}{json.dumps(row, ensure_ascii=False)}")
        begin = ",\n"
    sys.stdout.write("\n]\n" if begin == ",\n" else "[]\n")


def print_csv(columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> None:
    """Print CSV with a heading; a missing value is empty."""
    writer = csv.DictWriter(sys.stdout, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def print_table(columns: Sequence[Column | str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table that fits 100 columns, or a narrower terminal: the widest texts that may be are cut."""
    kinds = [Column(column) if isinstance(column, str) else column for column in columns]
    lines = [[kind.name for kind in kinds], *([_shown(text) for text in row] for row in rows)]
    widths = [max(map(_width, texts)) for texts in zip(*lines, strict=True)]
    flexible = [n for n, kind in enumerate(kinds) if kind.cut != "never"]
    room = min(WIDTH, get_terminal_size((WIDTH, 0)).columns)
    while sum(widths) + len(GAP) * (len(widths) - 1) > room:
        widest = max(flexible, key=widths.__getitem__, default=0)
        if not flexible or widths[widest] <= NARROWEST:
            break
        widths[widest] -= 1
    for line in lines:
        cells = (_cell(text, width, kind) for text, width, kind in zip(line, widths, kinds, strict=True))
        sys.stdout.write(GAP.join(cells).rstrip() + "\n")


def _cell(text: str, width: int, kind: Column) -> str:
    if _width(text) > width:
        text = _cut(text, width, kind)
    padding = " " * (width - _width(text))
    return padding + text if kind.right else text + padding


def _cut(text: str, width: int, kind: Column) -> str:
    """Return the beginning of a text; or, cut in the middle, two thirds of what fits from its end."""
    tail = 2 * (width - 1) // 3 if kind.cut == "middle" else 0
    head = text[: width - 1 - tail].rstrip()
    while _width(head) > width - 1 - tail:
        head = head[:-1]
    end = text[len(text) - tail :].lstrip()
    while _width(end) > tail:
        end = end[1:]
    return f"{head}…{end}"


def _shown(text: str) -> str:
    """Return a text on one line, without what would command a terminal."""
    return "".join(char for char in " ".join(text.split()) if char.isprintable())


def _width(text: str) -> int:
    """Return how many columns a terminal needs for a text."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1 for char in text)


def check_rows(results: Iterable[Result]) -> list[dict[str, Any]]:
    """Return how each source fared as the rows of `check --json`."""
    counts = ("releases", "figures", "changes", "alerts", "held")
    return [
        {
            "name": result.source.key,
            "ok": result.error is None,
            "error": result.error,
            **{count: getattr(result, count) for count in counts},
        }
        for result in results
    ]


def print_check(results: Sequence[Result]) -> None:
    """Print how each source fared as a table, and under it what is wrong."""
    counts = ("releases", "figures", "changes", "alerts")
    print_table(
        (Column("source", cut="middle"), "", *counts),
        [
            (r.source.key, "trouble" if r.error else "ok", *(str(getattr(r, count)) for count in counts))
            for r in results
        ],
    )
    for result in results:
        if result.error:
            click.echo(f"{result.source.key}: {result.error}")


def print_suggestions(found: Sequence[Suggestion]) -> None:
    """Print the numbers that could be followed, each with its number in this list."""
    columns = (
        Column("#", right=True),
        Column("number", right=True),
        Column("beside it", cut="end"),
        Column("where", cut="end"),
    )
    rows = [(str(place), one.shown, one.context, one.where) for place, one in enumerate(found, start=1)]
    print_table(columns, rows)
    click.echo("Print the entry that follows one of them: --pick NUMBER", err=True)


def figure_rows(figures: Iterable[StoredFigure]) -> Iterator[dict[str, Any]]:
    """Yield stored figures as the rows of `figures --json`."""
    for figure in figures:
        yield {
            "source": figure.source,
            "measure": figure.measure,
            "area": figure.area,
            "area_name": figure.area_name,
            "period": figure.period,
            "value": _plain_number(figure.value),
            "withheld": figure.value is None,
            "revision": figure.revision,
            "release": figure.release,
            "url": figure.url,
            "first_seen": utc(figure.first_seen),
            "entered": figure.entered,
        }


def derived_rows(measure: str, figures: Iterable[StoredFigure]) -> Iterator[dict[str, Any]]:
    """Yield a derived measure, computed from the newest versions of what it needs, in the same rows.

    `figures` hold those of the measures that it needs, each measure's in order; a share whose parts are
    missing has no row.
    """
    places: dict[tuple[str, str, str], dict[str, StoredFigure]] = {}
    for figure in figures:  # a later version stands over an earlier one
        places.setdefault((figure.source, figure.period, figure.area), {})[figure.measure] = figure
    order = {area: rank for rank, (_, _, area) in reversed(list(enumerate(places)))}
    for place in sorted(places, key=lambda place: (*place[:2], order[place[2]])):
        if row := _derived_row(DERIVED[measure], places[place]):
            yield row


def _derived_row(derived: Derived, parts: Mapping[str, StoredFigure]) -> dict[str, Any] | None:
    value = derived.value({code: part.value for code, part in parts.items()})
    withheld = value is None and any(part.value is None for part in parts.values())
    if value is None and not withheld:
        return None
    latest = max(parts.values(), key=lambda part: part.first_seen)
    return {
        **next(figure_rows([latest])),
        "measure": derived.name,
        "value": _plain_number(value),
        "withheld": withheld,
        "revision": max(part.revision for part in parts.values()),
        "entered": any(part.entered for part in parts.values()),
    }


def print_figures(rows: Iterable[dict[str, Any]]) -> None:
    """Print figure rows as a table: the last 200, which are the newest."""
    shown: deque[dict[str, Any]] = deque(maxlen=MOST_ROWS)
    total = 0
    for row in rows:
        shown.append(row)
        total += 1
    columns = (
        *("period", "measure", "area", Column("name", cut="end"), Column("value", right=True), "rev"),
        *(Column("release", cut="middle"), "first seen"),
    )
    print_table(columns, map(_figure_cells, shown))
    if total > MOST_ROWS:
        click.echo(f"The newest {MOST_ROWS} of {total:,}; narrow it down, or use --csv or --json.", err=True)
    if not total:
        click.echo(NOTHING, err=True)


def _figure_cells(row: dict[str, Any]) -> tuple[str, ...]:
    value = "withheld" if row["withheld"] else f"{row['value']:,}"
    value = f"{value} (entered)" if row["entered"] else value
    name = "" if row["area_name"] == row["area"] else row["area_name"]
    revision = str(row["revision"] or "")
    place = (row["period"], row["measure"], row["area"], name)
    return (*place, value, revision, row["release"], row["first_seen"][:10])


def claim_rows(standings: Iterable[Standing]) -> list[dict[str, Any]]:
    """Return where claims stand as the rows of `claims --json`."""
    return [
        {
            "says": standing.claim.says,
            "where": standing.claim.where,
            "value": _plain_number(standing.value),
            "unit": standing.unit,
            "period": standing.period,
            "verdict": standing.verdict,
            "why": reason(standing),
            "entered": standing.entered,
            "source": standing.claim.figure.source,
            "measure": standing.claim.figure.measure,
            "note": standing.claim.note,
        }
        for standing in standings
    ]


def print_claims(standings: Sequence[Standing], links: Mapping[str, str]) -> None:
    """Print the ledger of claims: a table, and under it what to know of each; `links` are the sources'."""
    print_table(
        ("verdict", Column("figure", right=True), "period", Column("says", cut="end"), "where"),
        [
            (
                one.verdict,
                "" if one.value is None else numbers.value(one.value, one.unit),
                one.period or "",
                one.claim.says,
                one.claim.where,
            )
            for one in standings
        ],
    )
    for one in standings:
        by_hand = "its figure was entered by hand." if one.entered else ""
        because = f"{reason(one)}." if one.why else ""
        said = " ".join(filter(None, (because, by_hand, one.claim.note)))
        if said:
            sys.stdout.write(f"{_shown(one.claim.says)}: {_shown(said)}\n")
    for source in dict.fromkeys(one.claim.figure.source for one in standings):
        sys.stdout.write(f"{source}: {links[source]}\n")
    if not standings:
        click.echo("The campaign file has no [[claim]].", err=True)


def meaning_row(means: Meaning) -> dict[str, Any]:
    """Return what a measure means as a row of `measures --json`."""
    return {
        "measure": means.measure,
        "name": means.name,
        "definition": means.definition,
        "denominator": means.denominator,
        "construction": means.construction,
    }


def print_meanings(meanings: Collection[Meaning]) -> None:
    """Print measures with what they mean as a table."""
    print_table(
        ("measure", Column("name", cut="middle"), Column("means", cut="end"), Column("of", cut="end")),
        [(one.measure, one.name, one.definition, one.denominator) for one in meanings],
    )
    if not meanings:
        click.echo(NOTHING, err=True)


def version_rows(measure: str, versions: Iterable[Version]) -> list[dict[str, Any]]:
    """Return what a measure meant from when on as the rows of `measures M288 --json`, newest first."""
    return [
        {**(meaning_row(one.meaning) if one.meaning else {"measure": measure}), "since": utc(one.since)}
        for one in reversed(list(versions))
    ]


def print_versions(measure: str, versions: Iterable[Version]) -> None:
    """Print what a measure meant in full, newest first."""
    for since, means in reversed(list(versions)):
        seen = f"(seen from {numbers.day(since)} on)"
        if means is None:
            sys.stdout.write(f"{measure} is not on the publisher's list {seen}\n")
            continue
        sys.stdout.write(f"{measure} {_shown(means.name)} {seen}\n")
        told = {"means": means.definition, "of": means.denominator, "made": means.construction}
        for what, text in told.items():
            if text:
                sys.stdout.write(f"  {what:<6} {_shown(text)}\n")


def release_rows(releases: Iterable[StoredRelease]) -> list[dict[str, Any]]:
    """Return stored releases as the rows of `releases --json`."""
    return [
        {
            "source": release.source,
            "key": release.key,
            "title": release.title,
            "url": release.url,
            "state": release.state,
            "expected": release.expected,
            "published": utc(release.published),
            "first_seen": utc(release.first_seen),
        }
        for release in releases
    ]


def print_releases(releases: Sequence[StoredRelease]) -> None:
    """Print releases as a table."""
    print_table(
        ("state", "published", "read", Column("source", cut="middle"), Column("title", cut="middle")),
        map(_release_cells, releases),
    )
    if not releases:
        click.echo(NOTHING, err=True)


def _release_cells(release: StoredRelease) -> tuple[str, ...]:
    if release.key == LIVE:
        return (LIVE, "", "yes", release.source, release.title)
    day = f"{release.published.astimezone(LONDON):%Y-%m-%d}" if release.published else ""
    when = day or f"due {release.expected or 'unknown'}"
    return (release.state, when, "yes" if release.read_at else "", release.source, release.title)


def alert_rows(alerts: Iterable[StoredAlert]) -> list[dict[str, Any]]:
    """Return the alert log as the rows of `alerts --json`; what is on its way is pending."""
    return [
        {
            "id": f"A{alert.id}",
            "kind": alert.kind,
            "source": alert.source,
            "finding": dict(alert.finding),
            "text": alert.text,
            "chat": alert.chat,
            "state": _send_state(alert),
            "created": utc(alert.created),
            "sent": utc(alert.sent),
            "message_id": alert.message_id,
            "error": alert.error,
            "action": alert.action,
        }
        for alert in alerts
    ]


def print_alerts(alerts: Sequence[StoredAlert]) -> None:
    """Print the alert log as a table, and under it why messages did not arrive."""
    print_table(
        ("id", "state", "chat", "created (London)", Column("says", cut="end")),
        [
            (f"A{a.id}", _shown_state(a), a.chat, day_and_time(a.created), a.text.partition("\n")[0])
            for a in alerts
        ],
    )
    for alert in alerts:
        if alert.error and alert.state != "sent":
            sys.stdout.write(f"A{alert.id} to {alert.chat}: {_shown(alert.error)}\n")
    if not alerts:
        click.echo(NOTHING, err=True)


def _shown_state(alert: StoredAlert) -> str:
    return f"edit {_send_state(alert)}" if alert.action == "edit" else _send_state(alert)


def _send_state(alert: StoredAlert) -> str:
    return "pending" if alert.state in ("sending", "ambiguous") else alert.state


def utc(moment: datetime | None) -> str | None:
    """Return a moment as JSON documents say it: `2026-05-14T08:30:00Z`."""
    return moment.isoformat().replace("+00:00", "Z") if moment else None


def _plain_number(value: float | None) -> float | int | None:
    """Return a whole value as an int, so that a count prints as one."""
    return int(value) if value is not None and value.is_integer() else value
