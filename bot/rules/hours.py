"""Times as people type them: how long to be silent, quiet hours, and when a digest comes. Pure."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta

from bot.rules.routing import next_at

LONGEST_MUTE = timedelta(days=7)
_LENGTH = re.compile(r"(\d{1,3})\s*(m|min|minutes?|h|hours?|d|days?)", re.ASCII)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_CLOCK = re.compile(r"(\d{1,2})[:.](\d{2})", re.ASCII)


def mute_end(text: str, now: datetime) -> datetime | None:
    """Return until when `2h`, `30 min` or `until 08:00` (London's) is silent; None for anything else.

    It is a week at the most.
    """
    said = text.strip().casefold()
    if match := _LENGTH.fullmatch(said):
        return now + min(int(match[1]) * _UNITS[match[2][0]], LONGEST_MUTE) if int(match[1]) else None
    clock = clock_time(said.removeprefix("until").strip())
    return next_at(clock, now) if clock else None


def quiet_hours(text: str) -> tuple[time, time] | None:
    """Return when `22:00-07:00` begins and ends; None for anything else."""
    begins, _, ends = re.sub(r"\s*(?:-|–|to)\s*", "-", text.strip().casefold()).partition("-")
    hours = clock_time(begins), clock_time(ends)
    if hours[0] is None or hours[1] is None or hours[0] == hours[1]:
        return None
    return hours[0], hours[1]


def digest_time(text: str) -> time | None:
    """Return the time of `daily 08:30`; None for anything else."""
    return clock_time(text.strip().casefold().removeprefix("daily").strip())


def clock_time(text: str) -> time | None:
    """Return a time of day like `08:30` or `7.00`; None for anything else."""
    match = _CLOCK.fullmatch(text.strip())
    if match is None or int(match[1]) > 23 or int(match[2]) > 59:
        return None
    return time(int(match[1]), int(match[2]))
