"""When to look at a source next, and at what of it: a pure plan of each day."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from bot.look import FULL, LISTED, Look
from bot.rules.calendar import PATIENCE, day_of, london_day
from scrapers.toolkit.contract import LONDON, Every, ReleaseCalendar, Rhythm
from state.records import StoredRelease

DAY_BEGINS, DAY_ENDS = time(7), time(23)
EARLY = timedelta(seconds=20)  # before the announced minute
SHARP_EVERY, SHARP_FOR = timedelta(seconds=20), timedelta(minutes=10)
THEN_EVERY = timedelta(minutes=2)  # until the team's patience ends
CLEAR_BEFORE = timedelta(minutes=5)  # before the announced minute; then nothing else is in the way
FIRST_RETRY, LAST_RETRY = timedelta(minutes=5), timedelta(hours=6)
NEAR = 11  # the releases before the newest that are looked at more often
TRIED_BEFORE = (3, 1)  # days before its day that an announced release's own page must be readable
FOR_THE_FILE = 1  # request kept back on an announced day


class Slot(NamedTuple):
    """One planned look: when, in UTC, and at what."""

    at: datetime
    look: Look


def next_slot(
    key: str,
    rhythm: Rhythm,
    releases: Sequence[StoredRelease],
    now: datetime,
    last: datetime | None,
    left: int | None = None,
) -> Slot:
    """Return the next look at a source that was last read at `last`; None if it never was.

    `left` is how many requests it may still cost today, None as many as it takes. A look that was missed is
    made up for at once, and so are all that were: by one look at the overview.
    """
    if last is None:
        return Slot(now, FULL)
    if isinstance(rhythm, Every):
        return Slot(max(now, _next_interval(key, rhythm, last)), FULL)
    if next(_slots(key, rhythm, releases, last)).at <= now:
        return Slot(now, LISTED)
    today = london_day(now)
    coming = [slot for slot in day_plan(key, rhythm, releases, today) if slot.at > now]
    if left is not None:
        coming = affordable(coming, left - FOR_THE_FILE if _due(releases, today) else left)
    return coming[0] if coming else day_plan(key, rhythm, releases, today + timedelta(days=1))[0]


def retry_slot(now: datetime, failures: int) -> Slot:
    """Return the next first look at a source whose first looks failed so far."""
    return Slot(now + min(FIRST_RETRY * 2 ** min(failures - 1, 10), LAST_RETRY), FULL)


def budget(rhythm: Rhythm, releases: Sequence[StoredRelease], day: date, *, taught: bool) -> int | None:
    """Return how many requests a source may cost on a day in London; None is as many as it takes.

    A first look reads a dozen pages, so every day counts as a release day until one was `taught` before it.
    """
    if isinstance(rhythm, Every):
        return None
    busy = not taught or any(_day(release) == day for release in releases)
    return rhythm.release_day_requests if busy else rhythm.daily_requests


def day_plan(key: str, rhythm: ReleaseCalendar, releases: Sequence[StoredRelease], day: date) -> list[Slot]:
    """Return the looks of one day in London, in their order.

    On an announced day the release's own page is asked sharply around its minute; else the overview three
    times, the newest release once, and four others in turn, so that each is looked at again and again. Some
    days before an announced day the page of what is to come takes the place of two of them. A look asks for
    one page.
    """
    due = _due(releases, day)
    if not due:
        return sorted(_quiet_day(key, rhythm, releases, day), key=lambda slot: slot.at)
    late = _at(day, rhythm.at) + PATIENCE
    visits = [
        Slot(at, Look("visit", (due[n % len(due)].key,))) for n, at in enumerate(_sharp_times(rhythm, day))
    ]
    return [*visits, *(Slot(at, LISTED) for at in (late, _at(day, time(13)), _at(day, time(18))))]


def affordable(slots: Sequence[Slot], left: int) -> list[Slot]:
    """Return the looks of a day that `left` requests suffice for.

    Looks at the overview are kept. Visits give way evenly, the next one first: after some costly failures
    the rest of the day is looked at more rarely, instead of its end not at all.
    """
    visits = [slot for slot in slots if slot.look.kind == "visit"]
    room = left - (len(slots) - len(visits))
    cost = sum(len(slot.look.keys) for slot in visits)
    if cost <= room:
        return list(slots)
    every = -(-cost // room) if room > 0 else len(slots) + 1
    kept = set(visits[every - 1 :: every])
    return [slot for slot in slots if slot.look.kind != "visit" or slot in kept]


def is_release_near(rhythm: Rhythm, releases: Sequence[StoredRelease], now: datetime) -> bool:
    """Return whether a release may come at any moment, so that nothing should be in its way."""
    if isinstance(rhythm, Every) or not _due(releases, london_day(now)):
        return False
    minute = _at(london_day(now), rhythm.at)
    return minute - CLEAR_BEFORE <= now < minute + PATIENCE


def _quiet_day(
    key: str, rhythm: ReleaseCalendar, releases: Sequence[StoredRelease], day: date
) -> Iterator[Slot]:
    out = _followed(releases)
    newest, near, older = out[:1], out[1 : NEAR + 1], out[NEAR + 1 :]
    after_release = (datetime.combine(day, rhythm.at) + timedelta(minutes=1)).time()
    plans: list[tuple[time, Look]] = [(at, LISTED) for at in (after_release, time(13), time(18))]
    for times, group in (
        ((time(10, 15),), newest),
        ((time(11, 30), time(12, 15)), _turn(near, day)),
        ((time(15, 30), time(16, 15)), _coming(releases, day) or _turn(older, day)),
    ):
        plans += ((at, Look("visit", (release.key,))) for at, release in zip(times, group, strict=False))
    for number, (at, look) in enumerate(plans):
        yield Slot(_at(day, at) + _jitter(f"{key}:{day}:{number}", timedelta(minutes=10)), look)


def _coming(releases: Sequence[StoredRelease], day: date) -> list[StoredRelease]:
    """Return the announced releases whose pages are tried on a day, so that a redesign is known in time."""
    days = {day + timedelta(days=ahead) for ahead in TRIED_BEFORE}
    return [release for release in releases if release.published is None and _day(release) in days][:2]


def _sharp_times(rhythm: ReleaseCalendar, day: date) -> Iterator[datetime]:
    release = _at(day, rhythm.at)
    moment = release - EARLY
    while moment < release + SHARP_FOR:
        yield moment
        moment += SHARP_EVERY
    moment = release + SHARP_FOR
    while moment < release + PATIENCE:
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


def _followed(releases: Sequence[StoredRelease]) -> list[StoredRelease]:
    """Return the releases that are looked at again: those that were read and what came after them.

    A release that came but could not be read is among them, for its file may be replaced. Newest first.
    """
    out = sorted(((r.published, r) for r in releases if r.published), key=lambda pair: pair[0], reverse=True)
    newest = next((published for published, release in out if release.read_at), None)
    return [r for published, r in out if r.read_at or newest is None or published >= newest]


def _due(releases: Sequence[StoredRelease], day: date) -> list[StoredRelease]:
    """Return the releases of a day that are still to be read, be they out or not; a held one was."""
    return [r for r in releases if r.read_at is None and r.held is None and _day(r) == day]


def _day(release: StoredRelease) -> date | None:
    """Return the day on which a release came out, or on which it is announced to."""
    return london_day(release.published) if release.published else day_of(release.expected)


def _at(day: date, at: time) -> datetime:
    return datetime.combine(day, at, tzinfo=LONDON).astimezone(UTC)
