"""When each source is looked at, and at what of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.look import FULL, LISTED, Look
from bot.schedule import (
    Slot,
    affordable,
    budget,
    day_plan,
    is_release_near,
    next_slot,
    retry_slot,
)
from scrapers.toolkit.contract import LONDON, Every, ReleaseCalendar, published_at
from state.records import StoredRelease

KEY = "monthly"
CALENDAR, EVERY = ReleaseCalendar(), Every()
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)  # the clocks go on, and back
DAYS = st.dates(date(2025, 1, 1), date(2027, 12, 31))
MOMENTS = st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


def release(
    key: str, *, published: date | None = None, expected: str | None = None, read: bool = True
) -> StoredRelease:
    """Return a release as remembered; one that is out was read, unless said otherwise."""
    out = published_at(published) if published else None
    seen = datetime(2020, 1, 1, tzinfo=UTC)
    return StoredRelease(
        source=KEY,
        key=key,
        title=key,
        url=f"https://digital.nhs.uk/{key}",
        state="out" if out else "announced",
        period=None,
        published=out,
        expected=expected,
        fingerprint=None,
        file="",
        first_seen=seen,
        read_at=out if read else None,
    )


def history(count: int, until: date = date(2024, 12, 12)) -> list[StoredRelease]:
    """Return so many releases that are out, four weeks apart; `r0` is the newest."""
    return [release(f"r{n}", published=until - timedelta(weeks=4 * n)) for n in range(count)]


def clock(moment: datetime) -> str:
    """Return the time of day in London."""
    return f"{moment.astimezone(LONDON):%H:%M:%S}"


def london(day: date, at: str) -> datetime:
    """Return a moment by London's clock, in UTC."""
    return datetime.combine(day, time.fromisoformat(at), tzinfo=LONDON).astimezone(UTC)


def cost(slots: Sequence[Slot]) -> int:
    """Return how many requests these looks make when nothing is new."""
    return sum(max(1, len(slot.look.keys)) for slot in slots)


@given(DAYS)
def test_a_quiet_day_asks_the_overview_three_times_the_newest_once_and_four_others(day: date) -> None:
    plan = day_plan(KEY, CALENDAR, history(40), day)
    asked = Counter(key for slot in plan for key in slot.look.keys)
    numbers = sorted(int(key[1:]) for key in asked)
    assert [slot.look for slot in plan].count(LISTED) == 3
    assert numbers[0] == 0
    assert numbers[1:3] == [n for n in numbers if 1 <= n <= 11]
    assert all(n > 11 for n in numbers[3:])
    assert max(len(slot.look.keys) for slot in plan) == 1
    assert len(plan) == 8


def test_every_release_has_its_turn() -> None:
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(15)]
    asked = [
        {key for slot in day_plan(KEY, CALENDAR, history(40), day) for key in slot.look.keys} for day in days
    ]
    assert set().union(*asked[:6]) >= {f"r{n}" for n in range(1, 12)}
    assert set().union(*asked) == {f"r{n}" for n in range(40)}


@given(DAYS, st.integers(0, 40))
def test_the_page_of_what_is_to_come_is_tried_three_days_and_one_day_before(day: date, out: int) -> None:
    announced = [release(f"a{n}", expected=day.isoformat()) for n in range(3)]
    for ahead in range(1, 15):
        plan = day_plan(KEY, CALENDAR, [*history(out), *announced], day - timedelta(days=ahead))
        asked = [key for slot in plan for key in slot.look.keys]
        assert [key for key in asked if key.startswith("a")] == (["a0", "a1"] if ahead in (1, 3) else [])
        assert cost(plan) <= CALENDAR.daily_requests


def test_a_held_release_is_not_watched_sharply() -> None:
    held = replace(release("new", published=SPRING, read=False), held="f1")
    plan = day_plan(KEY, CALENDAR, [held, *history(3)], SPRING)
    assert len(plan) == 6
    assert "new" in {key for slot in plan for key in slot.look.keys}


@given(DAYS)
def test_no_look_of_a_quiet_day_is_made_before_releases_come_out(day: date) -> None:
    plan = day_plan(KEY, CALENDAR, history(20), day)
    assert "09:31:00" <= clock(plan[0].at) < "09:41:00"
    assert clock(plan[-1].at) < "18:10:00"


@pytest.mark.parametrize("day", [date(2026, 1, 8), date(2026, 7, 9), SPRING, AUTUMN])
def test_an_announced_day_is_watched_sharply_around_half_past_nine_in_london(day: date) -> None:
    plan = day_plan(KEY, CALENDAR, [*history(20), release("new", expected=f"{day}")], day)
    visits = [slot for slot in plan if slot.look == Look("visit", ("new",))]
    sharp = [slot.at for slot in visits if clock(slot.at) < "09:40:00"]
    slow = [slot.at for slot in visits if clock(slot.at) >= "09:40:00"]
    assert clock(sharp[0]) == "09:29:40"
    assert {b - a for a, b in pairwise(sharp)} == {timedelta(seconds=20)}
    assert (clock(slow[0]), clock(slow[-1])) == ("09:40:00", "10:28:00")
    assert {b - a for a, b in pairwise(slow)} == {timedelta(minutes=2)}
    assert [clock(slot.at) for slot in plan if slot.look == LISTED] == ["10:30:00", "13:00:00", "18:00:00"]


@given(DAYS, st.integers(1, 3))
def test_an_announced_day_leaves_a_request_for_the_file(day: date, releases: int) -> None:
    due = [release(f"new{n}", expected=f"{day}") for n in range(releases)]
    assert cost(day_plan(KEY, CALENDAR, [*history(5), *due], day)) < CALENDAR.release_day_requests


def test_two_releases_of_one_day_are_asked_in_turn() -> None:
    day = date(2026, 1, 8)
    due = [release("a", expected=f"{day}"), release("b", expected=f"{day}")]
    plan = day_plan(KEY, CALENDAR, due, day)
    assert [slot.look.keys for slot in plan[:4]] == [("a",), ("b",), ("a",), ("b",)]


def test_a_month_without_a_day_makes_no_day_special() -> None:
    day = date(2026, 9, 10)
    releases = [*history(20), release("new", expected="2026-09")]
    assert cost(day_plan(KEY, CALENDAR, releases, day)) == 8
    assert budget(CALENDAR, releases, day, taught=True) == 8


def test_a_release_that_came_but_could_not_be_read_is_watched_on() -> None:
    day = date(2026, 1, 8)
    releases = [*history(20), release("new", published=day, read=False)]
    assert day_plan(KEY, CALENDAR, releases, day)[0].look == Look("visit", ("new",))
    tomorrow = day_plan(KEY, CALENDAR, releases, day + timedelta(days=1))
    assert next(slot.look.keys[0] for slot in tomorrow if slot.look.keys) == "new"


def test_a_past_release_that_was_never_read_is_left_to_the_backfill() -> None:
    releases = [*history(3), release("old", published=date(2021, 5, 13), read=False)]
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(7)]
    asked = {key for day in days for slot in day_plan(KEY, CALENDAR, releases, day) for key in slot.look.keys}
    assert asked == {"r0", "r1", "r2"}


def test_what_a_day_may_cost() -> None:
    day = date(2026, 1, 8)
    due, came = [release("new", expected=f"{day}")], [release("new", published=day)]
    assert budget(CALENDAR, history(5), day, taught=True) == 8
    assert budget(CALENDAR, due, day, taught=True) == 60
    assert budget(CALENDAR, came, day, taught=True) == 60
    assert budget(CALENDAR, [], day, taught=False) == 60
    assert budget(EVERY, [], day, taught=True) is None


@given(
    st.lists(st.sampled_from([LISTED, Look("visit", ("a",)), Look("visit", ("a", "b"))]), max_size=60),
    st.integers(0, 80),
)
def test_looks_are_thinned_out_to_what_may_still_be_spent(looks: list[Look], left: int) -> None:
    start = datetime(2026, 1, 8, 9, tzinfo=UTC)
    slots = [Slot(start + timedelta(minutes=n), look) for n, look in enumerate(looks)]
    kept = affordable(slots, left)
    overviews = looks.count(LISTED)
    assert [slot for slot in slots if slot in kept] == kept
    assert [slot.look for slot in kept].count(LISTED) == overviews
    assert cost(kept) <= max(left, overviews) + 1  # one visit of two may tip it
    if cost(slots) <= left:
        assert kept == slots


def test_after_costly_failures_a_release_is_watched_more_rarely_to_the_end() -> None:
    day = date(2026, 1, 8)
    due = [release("new", expected=f"{day}")]
    at, left, looks = london(day, "09:29:00"), 60, []
    while (slot := next_slot(KEY, CALENDAR, due, at, at, left)).at < london(day, "19:00"):
        at, left = slot.at, left - (3 if clock(slot.at) < "09:35" else 1)
        looks.append(at)
    gaps = [b - a for a, b in pairwise(looks) if clock(b) < "09:40"]
    assert left >= 0
    assert max(gaps) <= timedelta(seconds=80)
    assert clock(looks[-3]) == "10:30:00"
    assert sum("09:40" <= clock(look) < "10:30" for look in looks) >= 8


def test_a_source_that_was_never_read_is_looked_at_fully_and_now() -> None:
    now = datetime(2026, 1, 8, 3, 12, tzinfo=UTC)
    assert next_slot(KEY, CALENDAR, [], now, None) == Slot(now, FULL)
    assert next_slot(KEY, EVERY, [], now, None) == Slot(now, FULL)


@pytest.mark.parametrize("days", [1, 3, 200])
def test_looks_that_were_missed_are_made_up_for_by_one_look_at_the_overview(days: int) -> None:
    now = london(date(2026, 1, 8), "11:00")
    releases = [*history(20), release("new", expected="2026-01-08")]
    assert next_slot(KEY, CALENDAR, releases, now, now - timedelta(days=days)) == Slot(now, LISTED)
    assert next_slot(KEY, CALENDAR, releases, now, now).at == london(date(2026, 1, 8), "13:00")


def test_a_restart_between_two_looks_costs_nothing() -> None:
    day = date(2026, 1, 7)
    last, now = london(day, "13:11"), london(day, "15:20")
    assert next_slot(KEY, CALENDAR, history(20), now, last) == next_slot(
        KEY, CALENDAR, history(20), last, last
    )


def test_a_failed_first_look_is_made_again_more_and_more_rarely() -> None:
    now = datetime(2026, 1, 8, tzinfo=UTC)
    waits = [retry_slot(now, failures).at - now for failures in (1, 2, 3, 10, 10_000)]
    minutes = [wait // timedelta(minutes=1) for wait in waits]
    assert minutes == [5, 10, 20, 360, 360]


@given(MOMENTS)
def test_a_live_page_is_looked_at_every_quarter_of_an_hour_by_day(last: datetime) -> None:
    at = next_slot(KEY, EVERY, [], last, last).at
    assert last < at <= last + timedelta(minutes=64)
    if time(7) <= last.astimezone(LONDON).time() < time(23):
        assert timedelta(minutes=15) <= at - last <= timedelta(minutes=16)


@given(DAYS, st.integers(0, 59))
def test_a_night_look_does_not_reach_into_the_day(day: date, minute: int) -> None:
    last = london(day, f"06:{minute:02}")
    assert "07:00:00" <= clock(next_slot(KEY, EVERY, [], last, last).at) <= "07:04:00"


@pytest.mark.parametrize(("day", "hours"), [(SPRING, 7), (AUTUMN, 9), (date(2026, 7, 9), 8)])
def test_a_night_has_as_many_looks_as_it_has_hours(day: date, hours: int) -> None:
    at, looks = london(day - timedelta(days=1), "23:00"), 0
    while at < london(day, "07:00"):
        at, looks = next_slot(KEY, EVERY, [], at, at).at, looks + 1
    assert hours - 1 <= looks <= hours + 1
    assert "07:00:00" <= clock(at) <= "07:04:00"


@given(DAYS, st.integers(0, 30 * 60), st.text(max_size=5))
def test_jitter_moves_no_look_across_half_past_nine(day: date, seconds: int, key: str) -> None:
    last = london(day, "09:00") + timedelta(seconds=seconds)
    planned, release_time = last + EVERY.day, published_at(day)
    at = next_slot(key, EVERY, [], last, last).at
    assert (at < release_time) == (planned < release_time)


@pytest.mark.parametrize(
    ("at", "near"),
    [("09:24:59", False), ("09:25:00", True), ("10:29:59", True), ("10:30:00", False)],
)
def test_a_release_is_near_from_just_before_its_minute_until_it_is_late(at: str, near: bool) -> None:
    day = date(2026, 7, 9)
    assert is_release_near(CALENDAR, [release("new", expected=f"{day}")], london(day, at)) == near
    assert not is_release_near(CALENDAR, [release("new", published=day)], london(day, at))
    assert not is_release_near(EVERY, [], london(day, at))
