"""Release dates: what is due, what has moved, what did not come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta

from bot.rules.findings import DateMoved, Overdue
from scrapers.toolkit.contract import LIVE, LONDON, Release, published_at
from state.records import StoredRelease

PATIENCE = timedelta(hours=1)  # after the announced time; then the team is told that it did not come


def day_of(expected: str | None) -> date | None:
    """Return the announced day, or None while only a month (or nothing) is announced."""
    return date.fromisoformat(expected) if expected and len(expected) == 10 else None


def is_out(release: Release | StoredRelease) -> bool:
    """Return whether a release is published. A live page always is."""
    return release.key == LIVE or release.published is not None


def date_moved(
    seen: Iterable[Release], stored: Mapping[str, StoredRelease], now: datetime
) -> list[DateMoved]:
    """Return the announced releases whose date moved.

    A day named within the month announced before is no move; nor is a day withdrawn to its own month. A date
    that comes back has moved again, so that `now` is part of the episode.
    """
    moved = []
    for release in seen:
        before = stored[release.key].expected if release.key in stored else None
        if is_out(release) or not before or not release.expected:
            continue
        if not (release.expected.startswith(before) or before.startswith(release.expected)):
            moved.append(DateMoved(f"moved:{release.key}:{now.isoformat()}", release, before))
    return moved


def overdue(seen: Sequence[Release], stored: Mapping[str, StoredRelease], now: datetime) -> list[Overdue]:
    """Return the announced releases that are more than an hour past their time and not out.

    What a look did not cover stands as it was stored. A release that was met too late is nobody's surprise,
    and one that came out under another address did come.
    """
    covered = {release.key for release in seen}
    uncovered = [as_release(release) for release in stored.values() if release.key not in covered]
    came = {release.title for release in (*seen, *uncovered) if is_out(release)}
    late = []
    for release in (*seen, *uncovered):
        day = day_of(release.expected)
        if is_out(release) or release.title in came or day is None or release.key not in stored:
            continue
        latest = published_at(day) + PATIENCE
        if stored[release.key].first_seen < latest <= now:
            late.append(Overdue(f"overdue:{release.key}:{release.expected}", release))
    return late


def next_day(releases: Iterable[StoredRelease], now: datetime) -> str:
    """Return the nearest announced day that is not over, as `2026-06-11`; empty where none is announced."""
    today = london_day(now).isoformat()
    days = [r.expected for r in releases if not is_out(r) and day_of(r.expected) and r.expected]
    return min((day for day in days if day >= today), default="")


def as_release(stored: StoredRelease) -> Release:
    """Return a stored release as its source would give it, not looked at closely."""
    return Release(
        stored.key,
        stored.title,
        stored.url,
        stored.period,
        stored.published,
        stored.expected,
        file=stored.file,
    )


def london_day(now: datetime) -> date:
    """Return the calendar day in London at `now`."""
    return now.astimezone(LONDON).date()
