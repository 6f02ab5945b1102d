"""What publishers say beside their numbers: told once, and left to the release's own page where it may be.

A feed's word on a release that is followed waits: its page says the same with the figures, once it is looked
at. Only what no page said in all that time is told from the feed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from bot.rules.findings import Noticed, NoticedForOperator
from scrapers.toolkit.contract import Notice, Release, Scraper
from state.records import StoredRelease
from state.store import Writer

PATIENCE = timedelta(days=8)  # by then the pages of the newest twelve releases were looked at
EARLIER = timedelta(days=1)  # a page may be looked at before the feed tells of its change


def told_now(
    tx: Writer, source: Scraper, notices: Sequence[Notice], now: datetime, *, taught: bool
) -> list[Noticed]:
    """Return a finding for each notice to be told now; those of a first look are remembered and not told."""
    known = tx.episodes(source.key) if notices else frozenset()
    fresh = [finding for finding in map(noticed, notices) if finding.episode not in known]
    told = []
    for finding in fresh:
        release = _release_of(finding.notice, tx.releases()) if taught else None
        if not taught or (release and _was_told(tx, release, finding.notice)):
            tx.remember(source.key, finding.episode, now)
        elif release is None or _waited(finding.notice, now):
            told.append(finding)
    return told


def noticed(notice: Notice) -> Noticed:
    """Return the finding of a notice."""
    kind = Noticed if notice.audience == "team" else NoticedForOperator
    return kind(f"notice:{notice.key}", notice)


def noted(release: Release) -> Noticed | None:
    """Return the finding of a note on a release's page that came without other figures, or None."""
    if not (release.notice and release.noticed):
        return None
    episode = f"{_note(release.key)}{release.noticed.isoformat()}"
    return Noticed(
        episode, Notice(release.key, f"{release.title}: {release.notice}", release.url, release.noticed)
    )


def _release_of(notice: Notice, releases: Sequence[StoredRelease]) -> StoredRelease | None:
    """Return the followed release whose page a notice names."""
    named = _plain(notice.url)
    return next((r for r in releases if r.read_at and named == _plain(r.url)), None)


def _plain(url: str) -> str:
    return url.partition("#")[0].partition("?")[0].rstrip("/").lower()


def _was_told(tx: Writer, release: StoredRelease, notice: Notice) -> bool:
    """Return whether the release's own page told of a change since the notice, or shortly before it."""
    since = (notice.published or release.first_seen) - EARLIER
    return any(at >= since for at in _told_at(tx, release))


def _told_at(tx: Writer, release: StoredRelease) -> Iterator[datetime]:
    """Yield when corrections and notes of a release were told; their episodes end with the time."""
    for prefix in (f"revision:{release.key}:", _note(release.key)):
        for episode in tx.episodes(release.source):
            if episode.startswith(prefix):
                yield datetime.fromisoformat(episode.removeprefix(prefix))


def _note(key: str) -> str:
    return f"note:{key}:"


def _waited(notice: Notice, now: datetime) -> bool:
    return notice.published is None or now - notice.published >= PATIENCE
