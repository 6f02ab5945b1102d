"""Sources that an operator wants left alone: nothing is asked of their sites until that ends."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from scrapers.toolkit.contract import Fact
from state.store import Reader, Writer

_PLACE = "paused"  # where it is remembered, beside the facts of sources


def paused(tx: Reader) -> Collection[str]:
    """Return the sources that are left alone, by key."""
    return {key for key, since in tx.facts([_PLACE])[_PLACE].items() if since}


def pause(tx: Writer, source: str, now: datetime) -> None:
    """Leave a source alone from now on."""
    tx.save_facts(_PLACE, [Fact(source, now.isoformat())], now)


def resume(tx: Writer, source: str, now: datetime) -> None:
    """Look at a source again from now on."""
    tx.save_facts(_PLACE, [Fact(source, None)], now)
