"""Digests: what a chat did not want at once is told together when its time has come."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from bot.alerts import Destinations
from bot.delivery.packing import pack
from bot.followers import let_wait, wishes
from bot.operate import crash
from bot.rules.findings import Gathered
from bot.rules.routing import WAITS, loud_from
from bot.wording.markup import to_plain
from bot.wording.messages import compose
from state.records import Destination, NewAlert, Parcel, Subscription, Waiting
from state.store import Store, Writer

MOST = 12  # alerts in one message of a digest
LOOK = 20.0  # seconds between two looks at what has become due

log = logging.getLogger("figurewatch.digest")


class Gatherer:
    """Sends digests while the worker runs: `gather` makes them, and `gathered` is called when it did."""

    def __init__(
        self, gather: Callable[[], int], gathered: Callable[[], object], *, look: float = LOOK
    ) -> None:
        self._gather, self._gathered, self._look = gather, gathered, look

    async def run(self, stop: asyncio.Event) -> None:
        """Look again and again until `stop` is set."""
        while not stop.is_set():
            try:
                if await asyncio.to_thread(self._gather):
                    self._gathered()
            except Exception:  # the edge around one look
                log.exception("digests could not be made; trying again")
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self._look)


def gather(store: Store, destinations: Destinations, now: datetime) -> int:
    """Turn what is held and due into one digest for each place, at once; return how many there are.

    Where it is quiet by now, all of it waits on, and what could not be sent before waits too.
    """
    next_ripe = store.outbox.next_ripe(WAITS)
    if (next_ripe is None or next_ripe > now) and not store.outbox.is_pending():
        return 0
    with store.writing() as tx:
        made = _gather(tx, destinations, now)
    if made:
        crash.point("digest:done")
    return made


def _gather(tx: Writer, destinations: Destinations, now: datetime) -> int:
    wanted, made = wishes(tx, destinations), 0
    for place in tx.parcels.backlog() & wanted.keys():
        if loud_from(wanted[place], now) > now:
            let_wait(tx, wanted[place], now)
    of_place: dict[Destination, list[Waiting]] = defaultdict(list)
    for row in tx.parcels.ripe(WAITS, now):
        of_place[row.to].append(row)
    for place, rows in of_place.items():
        one = wanted.get(place) or Subscription(*place, active=False)
        due = loud_from(one, now)
        if not one.active:
            for row in rows:
                tx.parcels.give_up(row, "the chat does not want it", now)
        elif due > now:
            for row in rows:
                tx.parcels.route(row, "quiet", due)
        else:
            _tell(tx, place, rows, now)
            made += 1
    return made


def _tell(tx: Writer, to: Destination, rows: Sequence[Waiting], now: datetime) -> None:
    """Add the digest, and note in which alert each of these was told."""
    number = tx.next_alert_id()
    items = tuple((row.alert, *_said(row.payload)) for row in rows if row.part == 1)
    parts = [Gathered(f"digest:{number}", some, len(items)) for some in _batches(items)]
    messages = [compose(part, None, number, now) for part in parts]
    parcels = tuple(
        Parcel(to.chat, parcel.payload, to.thread, part)
        for part, message in enumerate(messages, start=1)
        for parcel in pack(message, [to])
    )
    text = "\n".join(map(to_plain, messages))
    finding = {"episode": f"digest:{number}", "alerts": [item[0] for item in items]}
    tx.add_alert(NewAlert(number, "", Gathered.kind, f"|digest:{number}", text, finding, parcels), now)
    crash.point("digest:added")
    tx.parcels.tell_in(rows, number, now)


def _batches(items: Sequence[tuple[int, str, str]]) -> list[tuple[tuple[int, str, str], ...]]:
    return [tuple(items[start : start + MOST]) for start in range(0, len(items), MOST)]


def _said(payload: Mapping[str, Any]) -> tuple[str, str]:
    """Return the title of a message with the marks before it, and the first address that its buttons open."""
    urls = (button["url"] for row in payload.get("buttons", ()) for button in row if "url" in button)
    marks = payload.get("marks", 0)
    *marked, title = str(payload["plain"]).split("\n")[: marks + 1]
    return " – ".join((title, *marked)), next(urls, "")
