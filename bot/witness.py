"""What a page says of a release before its file is read: told at once, and completed or marked afterwards.

How the two are compared is in `bot.rules.witness`. The alert itself remembers what the page said, so that a
process which dies between the two leaves nothing that the next one cannot complete.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from bot.alerts import Destinations, amend, post, told_as
from bot.headlines import history_of, rows_of
from bot.rules.findings import Differs, Finding, ReleaseOut, Unwitnessed
from bot.rules.measures import History
from bot.rules.plausible import release_doubts
from bot.rules.witness import differences, unpacked, with_said
from scrapers.toolkit.contract import Figure, Release, Scraper, Statement
from state.records import Telling
from state.store import Reader, Store, Writer


@dataclass(frozen=True, slots=True)
class Witnesses:
    """Writes what pages say of releases. Every method is one transaction."""

    store: Store
    destinations: Destinations

    def awaits(self, source: Scraper, release: Release) -> bool:
        """Return whether nothing of a release was read or told yet, and it would be told."""
        with self.store.reading() as tx:
            return _is_untold(tx, source, release)

    def tell(self, source: Scraper, release: Release, said: Sequence[Statement], now: datetime) -> int:
        """Tell what a page says of a release whose file is still to be read; return how many alerts that is.

        What is hard to believe, and what is no headline, is left to the file; so is all that waits for a yes.
        """
        if self.destinations.sign_off:
            return 0
        with self.store.writing() as tx:
            if not _is_untold(tx, source, release):
                return 0
            history, home = history_of(tx, source), source.headline_area
            doubts = release_doubts([told.figure for told in said], {}, history, home, count=0)
            out = _from_page(source, release, said, history)
            return 0 if doubts or not out.rows else post(tx, self.destinations, source, [out], now)

    def cannot_read(self, source: Scraper, release: Release, why: str, kept: str, now: datetime) -> int:
        """Tell the operator, once, that such a page cannot be read; return how many alerts that is."""
        with self.store.writing() as tx:
            finding = Unwitnessed(f"unwitnessed:{release.key}", release, why, kept)
            return post(tx, self.destinations, source, [finding], now)

    def doubt(self, source: Scraper, release: Release, now: datetime) -> None:
        """Say of what was told from a page that its file does not confirm it yet."""
        with self.store.writing() as tx:
            unconfirm(tx, source, release, now)


def unconfirm(tx: Writer, source: Scraper, release: Release, now: datetime) -> None:
    """Mark what was told from a page, once, and where anything was."""
    early = told_early(tx, source, release)
    if early and early.finding["stands"] == "page":
        said, history = _said(source, release, early), history_of(tx, source)
        amend(tx, source, early, _from_page(source, release, said, history, "unconfirmed"), now)


def complete(
    tx: Writer, source: Scraper, early: Telling, out: ReleaseOut, figures: Sequence[Figure], now: datetime
) -> list[Finding]:
    """Let the file speak where the page did, and return what follows if the two do not say the same."""
    amend(tx, source, early, out, now)
    found = differences(_said(source, out.release, early), figures)
    return [Differs(f"witness:{out.release.key}", out.release, found)] if found else []


def told_early(tx: Reader, source: Scraper, release: Release) -> Telling | None:
    """Return the alert of a release that was told from its page, and not yet from its file."""
    told = told_as(tx, source, ReleaseOut.episode_of(release))
    return told if told and "stands" in told.finding else None


def _is_untold(tx: Reader, source: Scraper, release: Release) -> bool:
    if tx.source(source.key).taught_at is None or told_as(tx, source, ReleaseOut.episode_of(release)):
        return False
    read = any(known.key == release.key and known.read_at for known in tx.releases(source.key))
    known = release.period and tx.count_said(source.key, release.period)
    return not (read or known)


def _from_page(
    source: Scraper,
    release: Release,
    said: Sequence[Statement],
    history: History,
    stands: Literal["page", "unconfirmed"] = "page",
) -> ReleaseOut:
    rows = rows_of(source, release.period or "", with_said(history, said))
    episode = ReleaseOut.episode_of(release)
    return ReleaseOut(episode, release, rows, len(said), stands=stands, said=tuple(said))


def _said(source: Scraper, release: Release, early: Telling) -> tuple[Statement, ...]:
    return unpacked(early.finding["said"], source.headline_area, release.period or "")
