"""From findings to alerts: words, an id, and a place in the outbox, inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bot.delivery.packing import Picture, Place, pack
from bot.operate import crash
from bot.rules.findings import Finding, MarkCrossed, PaceTurned, ReleaseOut, WatchMoved
from bot.rules.witness import packed
from bot.wording.markup import payload, to_plain
from bot.wording.messages import compose
from scrapers.toolkit.contract import Scraper
from state.records import Amendment, NewAlert, Telling
from state.store import Reader, Writer


@dataclass(frozen=True, slots=True)
class Destination:
    """A chat and the topic in it: `console`, `log`, or a Telegram id."""

    chat: str
    thread: int | None = None


@dataclass(frozen=True, slots=True)
class Destinations:
    """Where messages for the team and for the operator go."""

    team: tuple[Destination, ...]
    operator: Destination

    @property
    def chats(self) -> frozenset[str]:
        """Return every chat that may be sent to."""
        return frozenset(d.chat for d in (*self.team, self.operator))


def post(
    tx: Writer,
    destinations: Destinations,
    source: Scraper | None,
    findings: Iterable[Finding],
    now: datetime,
    *,
    seen: datetime | None = None,
) -> int:
    """Add an alert for each finding that was not told before; return how many were added.

    `seen` is when it was found, where that was before now: it waited for the operator.
    """
    added = 0
    crash.point("post:begun")
    for finding in findings:
        number = tx.next_alert_id()
        message = compose(finding, source, number, seen or now)
        chats = destinations.team if finding.audience == "team" else (destinations.operator,)
        key = source.key if source else ""
        parcels = pack(
            message, [Place(chat.chat, chat.thread) for chat in chats], _picture(tx, source, finding)
        )
        if isinstance(finding, WatchMoved) and finding.held:
            parcels = tuple(replace(parcel, held=f"{key}|{finding.held}") for parcel in parcels)
        alert = NewAlert(
            id=number,
            source=key,
            kind=finding.kind,
            dedupe=f"{key}|{finding.episode}",
            text=to_plain(message),
            finding=_kept(finding),
            parcels=parcels,
        )
        if tx.add_alert(alert, now):
            tx.remember(key, finding.episode, now)
            added += 1
    crash.point("post:done")
    return added


def _picture(tx: Reader, source: Scraper | None, finding: Finding) -> Picture | None:
    """Return the chart that goes with a finding; it is drawn when it is sent."""
    if source is None or not _is_drawn(finding):
        return None
    from bot.analysis import chart_of
    from bot.wording import charts

    chart = chart_of(tx, source, finding)
    return Picture(charts.packed(chart).encode(), charts.alt_text(chart)) if chart else None


def _is_drawn(finding: Finding) -> bool:
    """Return whether a chart goes with a finding: of a watched series, or of a petition's way to its goal."""
    if isinstance(finding, MarkCrossed | PaceTurned):
        return finding.projection is not None
    return isinstance(finding, WatchMoved)


def told_as(tx: Reader, source: Scraper, episode: str) -> Telling | None:
    """Return the alert by which an episode of a source was told; None if it was not."""
    return tx.telling(f"{source.key}|{episode}")


def amend(tx: Writer, source: Scraper, told: Telling, finding: Finding, now: datetime) -> None:
    """Say an alert that was told as this finding says it, wherever it was told, under its number and time."""
    message = compose(finding, source, told.id, told.created)
    kept = _kept(finding)
    tx.amend_alert(
        Amendment(told.id, kept.get("stands", "file"), to_plain(message), kept, payload(message)), now
    )


def _kept(finding: Finding) -> dict[str, Any]:
    """Return what is remembered of a finding beside its words: its episode, and when it was published.

    Of a release that was told from a page also what the page said, until the file says it.
    """
    kept: dict[str, Any] = {"episode": finding.episode}
    if isinstance(finding, ReleaseOut):
        if finding.release.published:
            kept["published"] = finding.release.published.isoformat()
        if finding.stands != "file":
            kept |= {"stands": finding.stands, "said": packed(finding.said)}
    return kept
