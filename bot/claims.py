"""The ledger of claims: each public sentence beside the newest stored figure.

When one holds is said in `bot.rules.claims`, and in words in `bot.wording.claims`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from bot.rules.claims import Claim, Standing, news, remembered, standing
from bot.rules.findings import ClaimMoved
from scrapers.toolkit.contract import Fact, Scraper
from state.store import Reader, Writer

LEDGER = "claims"  # where standings are remembered, beside the sources' own facts


def standings(tx: Reader, claims: Iterable[Claim], sources: Mapping[str, Scraper]) -> list[Standing]:
    """Return where these claims stand by what is stored; `sources` has those that they stand on, by key."""
    found = []
    for claim in claims:
        source, needs = sources[claim.figure.source], claim.figure.needs
        units = {code: measure.unit for code, measure in tx.measures(source.key).items()}
        history, entered = tx.supported(source.key, place_of(tx, source, claim.figure.area), needs)
        found.append(standing(claim, history, units, entered))
    return found


def moved(tx: Writer, claims: Sequence[Claim], source: Scraper, now: datetime) -> list[ClaimMoved]:
    """Return what is to be told of the claims that stand on a source, and remember how they stand now."""
    ours = [claim for claim in claims if claim.figure.source == source.key]
    if not ours:
        return []
    found = standings(tx, ours, {source.key: source})
    before = tx.save_facts(LEDGER, [Fact(one.claim.says, remembered(one)) for one in found], now)
    told = [news(one, before.get(one.claim.says)) for one in found]
    return [ClaimMoved(f"claim:{one.now.claim.says}:{now.isoformat()}", one) for one in told if one]


def place_of(tx: Reader, source: Scraper, area: str) -> tuple[str, str]:
    """Return kind and code of an area: the one of the headlines, or the first that has this code."""
    home = source.headline_area
    if area in (home.code, home.name):
        return home.kind, home.code
    return next((place for place in tx.places(source.key) if place[1] == area), ("", area))
