"""From findings to alerts: words, an id, and a place in the outbox, inside the caller's transaction."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bot.delivery.packing import Picture, pack
from bot.delivery.transports import LOG, on_telegram
from bot.followers import Told, Wishes, followers, let_go, wishes
from bot.operate import crash
from bot.rules.about import about
from bot.rules.findings import (
    Closed,
    Finding,
    Gathered,
    MarkCrossed,
    PaceTurned,
    ReleaseOut,
    Revised,
    SignOff,
    WatchMoved,
)
from bot.rules.routing import WAITS, Way, codes_of
from bot.rules.witness import packed
from bot.wording.markup import Message, corrected, headed, instead, payload, to_plain
from bot.wording.messages import asked_about, compose
from scrapers.toolkit.contract import Scraper
from state.records import Amendment, Destination, NewAlert, Parcel, Telling
from state.store import Reader, Writer

_SIGN = "sign:"  # begins the episode of a question whether an alert may be told


@dataclass(frozen=True, slots=True)
class Destinations:
    """Where messages for the team and for the operator go, and whether the team's wait for a person's yes."""

    team: tuple[Destination, ...]
    operator: Destination
    sign_off: bool = False

    @property
    def chats(self) -> frozenset[str]:
        """Return every chat that may be sent to unasked."""
        return frozenset(d.chat for d in (*self.team, self.operator))

    @property
    def decider(self) -> Destination:
        """Return where it is asked whether the team may be told: where somebody can answer."""
        return self.team[0] if self.operator.chat == LOG else self.operator

    @property
    def has_admins(self) -> bool:
        """Return whether it is asked in a chat, which has admins; the console has none."""
        return on_telegram(self.decider.chat)


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
    wanted: Wishes | None = None
    for finding in findings:
        if isinstance(finding, Closed) and _first(tx, source.key if source else "", finding) is None:
            continue  # the release's message says it
        wanted = wanted or wishes(tx, destinations)
        number = tx.next_alert_id()
        message = _composed(finding, source, number, seen or now)
        key = source.key if source else ""
        held = _held_for(finding, key, number, destinations)
        told = _told(tx, destinations, wanted, source, finding, now)
        parcels = _parcels(message, _picture(tx, source, finding), told, held)
        if isinstance(finding, Revised | Closed):
            parcels = _under_the_first(tx, key, finding, number, parcels)
        alert = NewAlert(
            id=number,
            source=key,
            kind=finding.kind,
            dedupe=f"{key}|{finding.episode}",
            text=to_plain(message),
            finding=_kept(finding, source),
            parcels=parcels,
        )
        if tx.add_alert(alert, now):
            tx.remember(key, finding.episode, now)
            added += 1
            if held == _yes_to(number):
                _ask_for_yes(tx, destinations, number, alert.text, now)
    crash.point("post:done")
    return added


def let_out(tx: Writer, destinations: Destinations, held_for: str, now: datetime) -> int:
    """Let what a question held back go its way, or wait for an admin's yes; return how many messages."""
    if not destinations.sign_off:
        return let_go(tx, destinations, held_for, now)
    rows = tx.parcels.waiting(held_for)
    for row in rows:
        tx.parcels.route(row, _yes_to(row.alert), now)
    for number in dict.fromkeys(row.alert for row in rows):
        if alert := tx.alert(number):
            _ask_for_yes(tx, destinations, number, alert.text, now)
    return len(rows)


def awaits_yes(tx: Writer, number: int) -> int | None:
    """Return the alert that waits for an admin's yes, by its own number or its question's; None if none."""
    asked = re.fullmatch(rf"\|{_SIGN}(\d+)", tx.dedupe(number))
    alert = int(asked[1]) if asked else number
    return alert if tx.parcels.held_for(alert) == _yes_to(alert) else None


def sign(tx: Writer, destinations: Destinations, alert: int, now: datetime, *, yes: bool) -> int:
    """Tell or drop what waits for an admin's yes; return how many messages."""
    if yes:
        return let_go(tx, destinations, _yes_to(alert), now)
    return tx.parcels.drop(_yes_to(alert), "an admin said no", now)


def _ask_for_yes(tx: Writer, destinations: Destinations, alert: int, text: str, now: datetime) -> None:
    post(tx, destinations, None, [SignOff(f"{_SIGN}{alert}", alert, text)], now)


def _composed(finding: Finding, source: Scraper | None, number: int, now: datetime) -> Message:
    """Return the message of a finding, with what the team can press under it."""
    message = compose(finding, source, number, now)
    if finding.audience != "team" or source is None:
        return message
    return replace(message, buttons=(*message.buttons, asked_about(finding, source, number)))


def _yes_to(number: int) -> str:
    """Return the fact under which it is asked whether an alert may be told."""
    return f"|{_SIGN}{number}"


def _held_for(finding: Finding, source: str, number: int, destinations: Destinations) -> str | None:
    """Return for whose word a finding waits: an answer to a question, or a yes."""
    if isinstance(finding, WatchMoved) and finding.held:
        return f"{source}|{finding.held}"
    needs_yes = destinations.sign_off and finding.audience == "team" and finding.kind != Gathered.kind
    return _yes_to(number) if needs_yes else None


def _told(
    tx: Reader,
    destinations: Destinations,
    wanted: Wishes,
    source: Scraper | None,
    finding: Finding,
    now: datetime,
) -> list[Told]:
    if finding.audience == "team":
        return list(followers(tx, wanted, source, finding, now))
    to = destinations.decider if finding.kind == SignOff.kind else destinations.operator
    return [Told(to, Way("send", now))]


def _parcels(
    message: Message, picture: Picture | None, told: Iterable[Told], held: str | None
) -> tuple[Parcel, ...]:
    """Return the parcels of a message, each on its way, or `held` until that is found."""
    ways = dict(told)
    return tuple(
        replace(parcel, held=held) if held else _on_its_way(parcel, ways[parcel.to])
        for parcel in pack(message, ways, picture)
    )


def _on_its_way(parcel: Parcel, way: Way) -> Parcel:
    match way.how:
        case "send":
            return parcel
        case "silent":
            return replace(parcel, payload={**parcel.payload, "silent": True})
        case _:
            return replace(parcel, held=way.how, due=way.due)


def _first(tx: Reader, source: str, finding: Revised | Closed) -> Telling | None:
    """Return the alert that a finding corrects or ends; None where nothing was told."""
    told_in = finding.told_in if isinstance(finding, Closed) else (ReleaseOut.episode_of(finding.release),)
    told = (tx.telling(f"{source}|{episode}") for episode in told_in)
    return next(filter(None, told), None)


def _under_the_first(
    tx: Reader, source: str, finding: Revised | Closed, number: int, parcels: tuple[Parcel, ...]
) -> tuple[Parcel, ...]:
    """Return parcels as replies to what was told first, a correction with a mark on that.

    Where the first was told in a digest, or not at all, there is nothing to answer: a correction is told by
    itself.
    """
    first = _first(tx, source, finding)
    if first is None:
        return parcels
    said = tx.payloads(first.id)
    told: list[Parcel] = []
    for parcel in parcels:
        words = said.get(parcel.to)
        if words is None or parcel.part > 1:
            told += [parcel] if isinstance(finding, Revised) else []
            continue
        told.append(replace(parcel, action="reply", target=first.id))
        if isinstance(finding, Revised):
            held = None if parcel.held in WAITS else parcel.held  # an edit rings nobody
            payload = headed(words, corrected(number))
            told.append(
                Parcel(parcel.chat, payload, parcel.thread, action="edit", target=first.id, held=held)
            )
    return tuple(told)


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
    """Say an alert that was told as this finding says it, wherever it was told, under its number and time.

    What stands above it, as that somebody took care of it, stays.
    """
    message = _composed(finding, source, told.id, told.created)
    kept = _kept(finding, source)
    words = payload(message)
    payloads = {to: instead(said, words) for to, said in tx.payloads(told.id).items()}
    tx.amend_alert(Amendment(told.id, kept.get("stands", "file"), to_plain(message), kept, payloads), now)


def _kept(finding: Finding, source: Scraper | None) -> dict[str, Any]:
    """Return what is remembered of a finding beside its words: what it is about, and when it was published.

    Of a release that was told from a page also what the page said, until the file says it.
    """
    kept: dict[str, Any] = {
        "episode": finding.episode,
        "severity": finding.severity,
        "areas": list(codes_of(finding, source)),
    }
    if figures := about(finding):
        kept["about"] = figures
    if isinstance(finding, ReleaseOut):
        if finding.release.published:
            kept["published"] = finding.release.published.isoformat()
        if finding.stands != "file":
            kept |= {"stands": finding.stands, "said": packed(finding.said)}
    return kept
