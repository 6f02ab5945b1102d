"""Petitions: which marks a count has crossed, and which facts are worth a message."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.rules.findings import ClosingSoon, CountFell, FactChanged, Finding, MarkCrossed, PaceTurned
from bot.rules.pace import APART, FELL, Projection, Reading, burst, projection

MONTHS_OPEN = 6
CLOSING = timedelta(days=7)
TOLD_FACTS = (
    "state",
    "response_threshold_reached_at",
    "government_response_at",
    "debate_threshold_reached_at",
    "scheduled_debate_date",
    "debate_outcome_at",
)


@dataclass(frozen=True, slots=True)
class Marks:
    """When a reading is told: at single counts, at every so many, or at each `step` from the one last told.

    A step of nought is every change, and None is none of them.
    """

    goal: int | None = None
    counts: tuple[int, ...] = ()
    every: int | None = None
    step: float | None = None

    def highest_between(self, low: int, high: int) -> int | None:
        """Return the highest mark above `low` and up to `high`, or None."""
        crossed = [mark for mark in self.counts if low < mark <= high]
        if self.every and high // self.every > low // self.every:
            crossed.append(high // self.every * self.every)
        return max(crossed, default=None)


def parse_marks(tell_at: Sequence[object], goal: int | None) -> Marks:
    """Return the marks of `tell_at`: `629`, `"75%"` of the goal, `"every 100"`; or raise ValueError.

    Reaching the goal is a mark, whatever else is.
    """
    counts = {goal} if goal else set()
    every: int | None = None
    wrong: list[object] = []
    for item in tell_at:
        percent = re.fullmatch(r"([1-9]\d{0,2}) ?%", item) if isinstance(item, str) else None
        interval = re.fullmatch(r"every ([1-9]\d{0,8})", item) if isinstance(item, str) else None
        if isinstance(item, int) and not isinstance(item, bool) and item > 0:
            counts.add(item)
        elif percent and goal is None:
            raise ValueError(f"tell_at: {item!r} needs a goal to be a share of; add goal = …")
        elif percent and goal:
            counts.add(-(-goal * int(percent[1]) // 100))
        elif interval and every is None:
            every = int(interval[1])
        else:
            wrong.append(item)
    if wrong:
        found = ", ".join(map(repr, wrong))
        raise ValueError(f"tell_at: expected counts, shares like '75%' and one 'every 100', found {found}")
    return Marks(goal, tuple(sorted(counts)), every)


def mark_crossed(
    marks: Marks,
    count: int,
    before: int,
    before_at: datetime,
    told: Collection[str],
    ahead: Projection | None = None,
) -> MarkCrossed | None:
    """Return the highest mark that the count crossed, unless it or a higher one was told before.

    Counts fall when signatures are removed; crossing the same mark again is no news.
    """
    highest_told = max(
        (int(name.removeprefix("mark:")) for name in told if name.startswith("mark:")), default=0
    )
    mark = marks.highest_between(max(before, highest_told), count)
    if mark is None:
        return None
    return MarkCrossed(f"mark:{mark}", mark, count, before, before_at, marks.goal, ahead)


def facts_changed(
    old: Mapping[str, str | None], new: Mapping[str, str | None], count: int | None, now: datetime
) -> list[FactChanged]:
    """Return a finding for each fact that came, changed or went and that the team wants to know.

    What comes back is news again, so that `now` is part of the episode.
    """
    return [
        FactChanged(f"fact:{name}:{now.isoformat()}", name, new[name], count, old[name])
        for name in TOLD_FACTS
        if name in old and name in new and new[name] != old[name]
    ]


def closes(facts: Mapping[str, str | None]) -> datetime | None:
    """Return when an open petition closes: by Parliament's rules six months after it opened."""
    opened = facts.get("opened_at")
    if opened is None or facts.get("state") != "open":
        return None
    at = datetime.fromisoformat(opened)
    year, month = divmod(at.year * 12 + at.month - 1 + MONTHS_OPEN, 12)
    day = min(at.day, monthrange(year, month + 1)[1])
    return at.replace(year=year, month=month + 1, day=day)


@dataclass(frozen=True, slots=True)
class Growth:
    """How a petition stands: all its readings with the newest last, its goal, and when it closes."""

    readings: Sequence[Reading]
    goal: int | None
    closes: datetime | None

    def ahead(self, now: datetime) -> Projection | None:
        """Return when it may reach its goal."""
        if self.goal is None:
            return None
        return projection(self.readings, self.readings[-1].signatures, self.goal, now, self.closes)


def pace_news(
    growth: Growth, ahead: Projection | None, told: Collection[str], now: datetime
) -> list[Finding]:
    """Return what is to be told of a petition's pace: a surge, a stall, a fall, a closing.

    A surge is told at most once a week; a stall once after a surge, and only if the goal went out of reach.
    """
    count = growth.readings[-1].signatures
    found: list[Finding] = []
    if len(growth.readings) > 1 and count < (before := growth.readings[-2].signatures) * (1 - FELL):
        found.append(CountFell(f"fall:{before}>{count}:{now.isoformat()}", count, before))
    turned = burst(growth.readings, now)
    surges = sorted(name.removeprefix("surge:") for name in told if name.startswith("surge:"))
    last = datetime.fromisoformat(surges[-1]) if surges else None
    if turned and turned.turn == "surge" and (last is None or now - last >= APART):
        found.append(PaceTurned(f"surge:{now.isoformat()}", count, turned, ahead))
    elif turned and turned.turn == "stall" and last and f"stall:{surges[-1]}" not in told:
        hoped = Growth([one for one in growth.readings if one.at <= last], growth.goal, growth.closes).ahead(
            last
        )
        if hoped and hoped.in_reach and not (ahead and ahead.in_reach):
            found.append(PaceTurned(f"stall:{surges[-1]}", count, turned, ahead))
    closes = growth.closes
    if closes and now < closes <= now + CLOSING:
        found.append(ClosingSoon(f"closing:{closes.date()}", closes, count, growth.goal, ahead))
    return [finding for finding in found if finding.episode not in told]


def one_message(crossed: MarkCrossed | None, news: Sequence[Finding]) -> tuple[list[Finding], list[str]]:
    """Return what is told of one look, a surge that crosses a mark within the mark's message.

    Beside it the episodes of what is so included.
    """
    surge = next((one for one in news if isinstance(one, PaceTurned)), None)
    if crossed is None or surge is None:
        return [*([crossed] if crossed else []), *news], []
    return [replace(crossed, surge=surge.burst), *(one for one in news if one is not surge)], [surge.episode]
