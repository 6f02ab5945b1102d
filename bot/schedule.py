"""When to look at a source next, and at what of it: a pure plan of each day."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from bot.look import FULL, LISTED, Look
from bot.rules.calendar import day_of, london_day
from scrapers.toolkit.contract import LONDON, Every, ReleaseCalendar, Rhythm
from state.records import StoredRelease

DAY_BEGINS, DAY_ENDS = time(7), time(23)
EARLY = timedelta(seconds=20)  # before the announced minute
SHARP_EVERY, SHARP_FOR = timedelta(seconds=20), timedelta(minutes=10)
THEN_EVERY, THEN_UNTIL = timedelta(minutes=2), timedelta(minutes=60)
FIRST_RETRY, LAST_RETRY = timedelta(minutes=5), timedelta(hours=6)
NEAR = 11  # the releases before the newest that are looked at more often


class Slot(NamedTuple):
    """One planned look: when, in UTC, and at what."""

    at: datetime
    look: Look


def next_slot(
    key: str, rhythm: Rhythm, releases: Sequence[StoredRelease], now: datetime, last: datetime | None
) -> Slot:
    """Return the next look at a source that was last read at `last`; None if it never was."""
    if last is None:
        return Slot(now, FULL)
    if isinstance(rhythm, Every):
        return Slot(max(now, _next_interval(key, rhythm, last)), FULL)
    missed = next(_slots(key, rhythm, releases, last))
    if missed.at <= now:
        return Slot(now, LISTED)
    return missed


def retry_slot(now: datetime, failures: int) -> Slot:
    """Return the next first look at a source whose first looks failed so far."""
    return Slot(now + min(FIRST_RETRY * 2 ** (failures - 1), LAST_RETRY), FULL)


def budget(rhythm: Rhythm, releases: Sequence[StoredRelease], day: date) -> int | None:
    """Return how many requests a source may cost on a day in London; None is as many as it takes."""
    if isinstance(rhythm, Every):
        return None
    return (
        rhythm.release_day_requests if _due(releases, day) or _came(releases, day) else rhythm.daily_requests
    )


def day_plan(key: str, rhythm: ReleaseCalendar, releases: Sequence[StoredRelease], day: date) -> list[Slot]:
    """Return the looks of one day in London, in their order.

    On an announced day the release's own page is asked sharply around its minute; else the overview three
    times, the newest release once, and four others in turn, so that each is looked at again and again.
    """
    due = _due(releases, day)
    if not due:
        return sorted(_quiet_day(key, rhythm, releases, day))
    sharp = [
        Slot(at, Look("visit", (due[n % len(due)].key,))) for n, at in enumerate(_sharp_times(rhythm, day))
    ]
    return [*sharp, *(Slot(_at(day, at), LISTED) for at in (time(13), time(18)))]


def _quiet_day(
    key: str, rhythm: ReleaseCalendar, releases: Sequence[StoredRelease], day: date
) -> Iterator[Slot]:
    out = sorted((r for r in releases if r.published and r.read_at), key=_published, reverse=True)
    newest, near, older = out[:1], out[1 : NEAR + 1], out[NEAR + 1 :]
    after_release = (datetime.combine(day, rhythm.at) + timedelta(minutes=1)).time()
    plans: list[tuple[time, Look]] = [(at, LISTED) for at in (after_release, time(13), time(18))]
    for at, group in (
        (time(10, 15), newest),
        (time(11, 30), _turn(near, day)),
        (time(15, 30), _turn(older, day)),
    ):
        if group:
            plans.append((at, Look("visit", tuple(release.key for release in group))))
    for number, (at, look) in enumerate(plans):
        yield Slot(_at(day, at) + _jitter(f"{key}:{day}:{number}", timedelta(minutes=10)), look)


def _sharp_times(rhythm: ReleaseCalendar, day: date) -> Iterator[datetime]:
    release = _at(day, rhythm.at)
    moment = release - EARLY
    while moment < release + SHARP_FOR:
        yield moment
        moment += SHARP_EVERY
    moment = release + SHARP_FOR
    while moment <= release + THEN_UNTIL:
        yield moment
        moment += THEN_EVERY


def _slots(
    key: str, rhythm: ReleaseCalendar, releases: Sequence[StoredRelease], after: datetime
) -> Iterator[Slot]:
    """Yield the planned looks after a moment, day by day."""
    day = london_day(after)
    while True:
        yield from (slot for slot in day_plan(key, rhythm, releases, day) if slot.at > after)
        day += timedelta(days=1)


def _next_interval(key: str, rhythm: Every, last: datetime) -> datetime:
    local = last.astimezone(LONDON)
    by_day = DAY_BEGINS <= local.time() < DAY_ENDS
    interval = rhythm.day if by_day else rhythm.night
    at = last + interval
    if not by_day:  # a night's interval does not reach into the day
        morning = _at(local.date() + timedelta(days=local.time() >= DAY_ENDS), DAY_BEGINS)
        at = min(at, morning)
    return _on_its_side(at, at + _jitter(f"{key}:{last}", interval / 15))


def _on_its_side(planned: datetime, moved: datetime) -> datetime:
    """Return the moved moment, unless it crossed 09:30 in London: then the planned one."""
    release = _at(london_day(planned), time(9, 30))
    return moved if (planned < release) == (moved < release) else planned


def _jitter(seed: str, most: timedelta) -> timedelta:
    """Return a delay from nothing to `most` that is the same for the same seed."""
    share = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:4], "big") / 2**32
    return most * share


def _turn(releases: Sequence[StoredRelease], day: date) -> list[StoredRelease]:
    """Return two of the releases, others each day."""
    if len(releases) <= 2:
        return list(releases)
    first = 2 * day.toordinal() % len(releases)
    return [releases[first], releases[(first + 1) % len(releases)]]


def _due(releases: Sequence[StoredRelease], day: date) -> list[StoredRelease]:
    return [release for release in releases if release.published is None and day_of(release.expected) == day]


def _came(releases: Sequence[StoredRelease], day: date) -> bool:
    return any(release.published and london_day(release.published) == day for release in releases)


def _published(release: StoredRelease) -> datetime:
    return release.published or datetime.max.replace(tzinfo=UTC)


def _at(day: date, at: time) -> datetime:
    return datetime.combine(day, at, tzinfo=LONDON).astimezone(UTC)
