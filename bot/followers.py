"""Who is told: the team's chats and those that subscribed, each as it asked for."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from bot.places import stored_places
from bot.rules.findings import Finding, Severity
from bot.rules.places import lies
from bot.rules.routing import ELSEWHERE, WAITS, News, Way, codes_of, route
from scrapers.toolkit.contract import ENGLAND, Scraper
from state.records import Destination, Subscription, Waiting
from state.store import Reader, Store, Writer

if TYPE_CHECKING:
    from bot.alerts import Destinations


Wishes = Mapping[Destination, Subscription]


class Told(NamedTuple):
    """Where something is told, and how."""

    to: Destination
    way: Way


def wishes(tx: Reader, destinations: Destinations) -> Wishes:
    """Return what each chat that may be told asked for; the team's get everything unless they chose."""
    asked = {place: one for place, one in tx.wanted().items() if may_follow(place.chat, destinations)}
    return {**{place: Subscription(*place) for place in destinations.team}, **asked}


def may_follow(chat: str, destinations: Destinations) -> bool:
    """Return whether a chat gets what it asks for: a person does, a group while the settings name it."""
    return not chat.startswith("-") or chat in destinations.chats


def following(store: Store, destinations: Destinations) -> set[str]:
    """Return the chats that get something because they asked for it."""
    return {place.chat for place in store.subscriptions() if may_follow(place.chat, destinations)}


def followers(
    tx: Reader, wanted: Wishes, source: Scraper | None, finding: Finding, now: datetime
) -> Iterator[Told]:
    """Yield each place in which the team or a follower is told of a finding."""
    key, codes = source.key if source else "", codes_of(finding, source)
    news = _news(tx, key, codes, finding.severity, wanted.values())
    for place, one in wanted.items():
        if way := route(news, one, now):
            yield Told(place, way)


def let_go(tx: Writer, destinations: Destinations, held_for: str, now: datetime) -> int:
    """Let what is held for a person's word go its way, as each chat wants it; return how many messages."""
    rows, wanted = tx.parcels.waiting(held_for), wishes(tx, destinations)
    told: dict[int, News] = {}
    for row in rows:
        one = wanted.get(row.to) or Subscription(*row.to, active=False)
        if row.alert not in told:
            told[row.alert] = _again(tx, row, wanted.values())
        _send_on(tx, row, route(told[row.alert], one, now), now)
    return len(rows)


def let_wait(tx: Writer, wanted: Subscription, now: datetime) -> None:
    """Let all that still waits for a chat go the way that it wants from now on."""
    for row in tx.parcels.waiting_in(wanted.chat, wanted.thread, *WAITS):
        if row.action != "edit" and "severity" in row.finding:
            _send_on(tx, row, route(_again(tx, row, [wanted]), wanted, now), now)


def _news(
    tx: Reader, source: str, codes: Collection[str], severity: Severity, wanted: Collection[Subscription]
) -> News:
    """Return what is told; its areas with what they lie in, where somebody chose among such."""
    chosen = {name for one in wanted for name in one.choices if name.startswith("area ")}
    if set(codes) <= {ENGLAND.code} or chosen <= {f"area {code}" for code in (*codes, ELSEWHERE)}:
        return News(source, tuple((code,) for code in codes), severity)
    where = stored_places(tx, source)
    return News(source, tuple(lies(code, where) for code in codes), severity)


def _again(tx: Reader, row: Waiting, wanted: Collection[Subscription]) -> News:
    """Return what an alert is about that was found before."""
    about = row.finding
    return _news(tx, row.source, about.get("areas", ()), about.get("severity", "normal"), wanted)


def _send_on(tx: Writer, row: Waiting, way: Way | None, now: datetime) -> None:
    """Let a message go its way. What waited for a digest comes in one, be it at once.

    What is on its way goes on unless it is to wait.
    """
    if way is None:
        tx.parcels.give_up(row, "the chat does not want it", now)
    elif row.held in WAITS and way.how not in WAITS:
        tx.parcels.route(row, row.held, now)
    elif row.held is None and way.how not in WAITS:
        return
    else:
        held = way.how if way.how in WAITS else None
        tx.parcels.route(row, held, way.due, silent=way.how == "silent")
