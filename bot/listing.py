"""What the command line prints: tables that fit 100 columns, CSV, and JSON documents."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from bot.rules.measures import DERIVED, Derived
from bot.wording.numbers import day_and_time
from scrapers.toolkit.contract import LIVE
from state.records import StoredAlert, StoredFigure, StoredRelease

WIDTH = 100
MOST_ROWS = 200
FIGURE_COLUMNS = (
    *("source", "measure", "area", "area_name", "period", "value", "withheld"),
    *("revision", "release", "url", "first_seen"),
)


def print_json(document: Any) -> None:
    """Print one JSON document; times in UTC."""
    json.dump(document, sys.stdout, ensure_ascii=False, indent=1)
    sys.stdout.write("\n")


def print_csv(columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> None:
    """Print CSV with a heading; a missing value is empty."""
    writer = csv.DictWriter(sys.stdout, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, more: int = 0) -> None:
    """Print a table that fits 100 columns: the widest column is cut with `…`."""
    widths = [max(len(str(row[n])) for row in (columns, *rows)) for n in range(len(columns))]
    while sum(widths) + 2 * (len(widths) - 1) > WIDTH:
        widths[widths.index(max(widths))] -= 1
    for row in (columns, *rows):
        cells = (_cell(str(text), width) for text, width in zip(row, widths, strict=True))
        sys.stdout.write("  ".join(cells).rstrip() + "\n")
    if more:
        sys.stdout.write(f"… and {more:,} more rows; narrow it down, or use --csv or --json\n")


def _cell(text: str, width: int) -> str:
    return text.ljust(width) if len(text) <= width else text[: width - 1] + "…"


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
            "first_seen": _utc(figure.first_seen),
        }


def derived_rows(measure: str, figures: Iterable[StoredFigure]) -> Iterator[dict[str, Any]]:
    """Yield a derived measure, computed from the newest versions of what it needs, in the same rows.

    `figures` hold those of the measures that it needs; a share whose parts are missing has no row.
    """
    derived = DERIVED[measure]

    def place(figure: StoredFigure) -> tuple[str, str, str]:
        return (figure.source, figure.area, figure.period)

    newest: dict[tuple[str, str, str, str], StoredFigure] = {}
    for figure in figures:
        key = (*place(figure), figure.measure)
        if key not in newest or figure.revision > newest[key].revision:
            newest[key] = figure
    for _, group in groupby(sorted(newest.values(), key=place), key=place):
        row = _derived_row(derived, list(group))
        if row:
            yield row


def _derived_row(derived: Derived, parts: Sequence[StoredFigure]) -> dict[str, Any] | None:
    values = {part.measure: part.value for part in parts}
    value = derived.value(values)
    withheld = value is None and any(part is None for part in values.values())
    if value is None and not withheld:
        return None
    latest = max(parts, key=lambda part: part.first_seen)
    return {
        **next(figure_rows([latest])),
        "measure": derived.name,
        "value": _plain_number(value),
        "withheld": withheld,
        "revision": max(part.revision for part in parts),
    }


def print_figures(rows: Iterable[dict[str, Any]]) -> None:
    """Print figure rows as a table, the first 200 of them."""
    shown: list[tuple[str, ...]] = []
    more = 0
    for row in rows:
        if len(shown) == MOST_ROWS:
            more += 1
            continue
        value = "withheld" if row["withheld"] else f"{row['value']:,}"
        revision = str(row["revision"]) if row["revision"] else ""
        seen = row["first_seen"][:16].replace("T", " ")
        shown.append((row["period"], row["measure"], row["area_name"], value, revision, row["release"], seen))
    columns = ("period", "measure", "area", "value", "rev", "release", "first seen (UTC)")
    print_table(columns, shown, more=more)


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
            "published": _utc(release.published),
            "first_seen": _utc(release.first_seen),
        }
        for release in releases
    ]


def print_releases(releases: Iterable[StoredRelease]) -> None:
    """Print releases as a table. Titles of a series differ only at their end, which would be cut."""
    rows = [
        (
            release.state,
            f"{release.published:%Y-%m-%d}" if release.published else f"due {release.expected or 'unknown'}",
            "yes" if release.read_at else "",
            release.source,
            release.title if release.key == LIVE else release.key,
        )
        for release in releases
    ]
    print_table(("state", "published", "read", "source", "release"), rows)


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
            "created": _utc(alert.created),
            "sent": _utc(alert.sent),
            "message_id": alert.message_id,
        }
        for alert in alerts
    ]


def print_alerts(alerts: Iterable[StoredAlert]) -> None:
    """Print the alert log as a table."""
    rows = [
        (f"A{a.id}", _send_state(a), a.chat, day_and_time(a.created), a.text.splitlines()[0]) for a in alerts
    ]
    print_table(("id", "state", "chat", "created (London)", "says"), rows)


def _send_state(alert: StoredAlert) -> str:
    return "pending" if alert.state in ("sending", "ambiguous") else alert.state


def _utc(moment: datetime | None) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment else None


def _plain_number(value: float | None) -> float | int | None:
    """Return a whole value as an int, so that a count prints as one."""
    return int(value) if value is not None and value.is_integer() else value
