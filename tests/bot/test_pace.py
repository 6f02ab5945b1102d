"""A petition's pace: projections, surges, stalls, falls and closings, as the team is told of them."""

from __future__ import annotations

import asyncio
import csv
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from statistics import fmean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.findings import CountFell, Finding, MarkCrossed, PaceTurned
from bot.rules.pace import (
    APART,
    DAY,
    SHIFT,
    SPREAD,
    Pace,
    Projection,
    Reading,
    burst,
    pace,
    projection,
    thinned,
)
from bot.rules.petition import Growth, pace_news
from bot.wording.markup import to_plain
from bot.wording.messages import compose
from bot.wording.overviews import Petition, petition
from scrapers.parliament_petition import ParliamentPetition
from tests.bot.house import TEAM, House, open_house, sqlite

BEGAN = datetime(2026, 5, 1, 9, 0, tzinfo=UTC)
BURSTS = {  # what really happened: petition, day, and what the count was soon after
    "241584": ["2019-03-20"],
    "627984": ["2023-04-05"],
    "704793": ["2025-03-04", "2025-04-16"],
}
HALF_OF_80 = 1.2816  # standard deviations from the middle to either end of an 80 % interval


def steady(days: int, a_day: float, start: int = 100) -> list[Reading]:
    """Return a reading every six hours of a petition that gains so many a day."""
    return [Reading(BEGAN + DAY * step / 4, round(start + a_day * step / 4)) for step in range(4 * days + 1)]


@pytest.fixture(scope="module")
def published(shared_samples: Path) -> Mapping[str, list[Reading]]:
    """Return the recorded counts of eleven real petitions."""
    found = {}
    for path in sorted((shared_samples / "petition-series").glob("petition-*.csv")):
        with path.open() as file:
            rows = [row for row in csv.DictReader(file) if row["count"]]
        found[path.stem.removeprefix("petition-")] = [
            Reading(datetime.fromisoformat(row["timestamp_utc"]), int(row["count"])) for row in rows
        ]
    return found


def told(readings: Sequence[Reading], goal: int | None = None) -> list[tuple[datetime, Finding]]:
    """Return what would have been told of a petition, reading by reading."""
    known = thinned(readings)
    episodes: set[str] = set()
    found = []
    for place in range(1, len(known)):
        now = known[place].at
        growth = Growth(known[max(0, place - 700) : place + 1], goal, None)
        for finding in pace_news(growth, growth.ahead(now), episodes, now):
            episodes.add(finding.episode)
            found.append((now, finding))
    return found


def misses(readings: Sequence[Reading]) -> list[float]:
    """Return the logarithms of real to expected gain: twice a day, for targets 1.05 to 3 times the count."""
    known = thinned(readings)
    found: list[float] = []
    last: datetime | None = None
    for place in range(4, len(known) - 1):
        now, count = known[place]
        ours = pace(known[: place + 1], now)
        if ours is None or ours.rate <= 0 or (last and now - last < DAY / 2):
            continue
        last = now
        for factor in (1.05, 1.25, 1.5, 2, 3):
            hit = next((one.at for one in known[place + 1 :] if one.signatures >= factor * count), None)
            if hit is not None:
                found.append(math.log((factor - 1) * count / ours.gain((hit - now) / DAY)))
    return found


def test_four_intervals_in_five_hold_the_truth_on_petitions_that_they_were_not_fitted_to(
    published: Mapping[str, list[Reading]],
) -> None:
    by_petition = {name: found for name, readings in published.items() if len(found := misses(readings)) > 1}
    assert len(by_petition) >= 7
    held = shipped = count = 0
    for name, found in by_petition.items():
        others = [miss for other, them in by_petition.items() if other != name for miss in them]
        middle, spread = fmean(others), stdev(others)
        held += sum(abs(miss - middle) <= HALF_OF_80 * spread for miss in found)
        shipped += sum(abs(miss - SHIFT) <= HALF_OF_80 * SPREAD for miss in found)
        count += len(found)
    assert 0.75 <= held / count <= 0.95
    assert 0.75 <= shipped / count <= 0.95


def test_every_real_burst_is_told_and_no_petition_more_than_twice(
    published: Mapping[str, list[Reading]],
) -> None:
    surges = {
        name: [at for at, finding in told(readings) if finding.episode.startswith("surge:")]
        for name, readings in published.items()
    }
    for name, days in BURSTS.items():
        assert [f"{at:%Y-%m-%d}" for at in surges[name]] == days
    assert max(map(len, surges.values())) <= 2


def test_a_long_decay_is_no_news_and_a_stall_is_told_at_most_once_after_a_surge(
    published: Mapping[str, list[Reading]],
) -> None:
    for readings in published.values():
        goal = 2 * readings[-1].signatures
        findings = [finding for _, finding in told(readings, goal) if isinstance(finding, PaceTurned)]
        surges = [finding for finding in findings if finding.burst.turn == "surge"]
        assert len(findings) <= 2 * len(surges)


def test_counts_that_fall_break_nothing_and_only_a_large_fall_is_told(
    published: Mapping[str, list[Reading]],
) -> None:
    falls = [f for _, f in told(published["131215"]) if isinstance(f, CountFell)]
    assert not falls  # thinned counts never fall
    readings = [*steady(10, 40), Reading(BEGAN + DAY * 10.1, 480)]
    growth = Growth(readings, 1000, None)
    (fall,) = pace_news(growth, None, set(), readings[-1].at)
    assert isinstance(fall, CountFell)
    assert (fall.before, fall.count) == (500, 480)
    one_less = Growth([*readings[:-1], Reading(BEGAN + DAY * 10.1, 499)], 1000, None)
    assert pace_news(one_less, None, set(), readings[-1].at) == []


def test_a_steady_petition_is_never_news() -> None:
    assert told(steady(60, 12), 1000) == []


def test_a_surge_is_told_once_a_week_and_its_end_only_if_the_goal_went_out_of_reach() -> None:
    quiet = steady(30, 8)
    storm = [Reading(BEGAN + DAY * (30 + hour / 24), 340 + 40 * hour) for hour in range(1, 25)]
    after = [Reading(BEGAN + DAY * (31 + step / 4), 1300) for step in range(1, 80)]
    found = told([*quiet, *storm, *after], goal=10_000)
    assert [finding.burst.turn for _, finding in found if isinstance(finding, PaceTurned)] in (
        ["surge"],
        ["surge", "stall"],
    )
    assert found[0][0] < BEGAN + DAY * 30.5
    assert all(later - earlier >= APART for (earlier, _), (later, _) in pairwise(found))


def test_a_projection_gives_a_date_with_its_interval_or_says_not_at_this_pace() -> None:
    readings = steady(20, 10)
    now = readings[-1].at
    ahead = projection(readings, 300, 400, now)
    assert ahead is not None
    dates = [date for date in (now, ahead.early, ahead.middle, ahead.late) if date]
    assert len(dates) == 4
    assert dates == sorted(dates)
    assert ahead.in_reach
    soon = projection(readings, 300, 100_000, now, closes=now + DAY * 30)
    assert soon is not None
    assert not soon.in_reach
    assert soon.chance is not None
    assert soon.chance < 0.05
    assert projection(readings, 300, 300, now) is None
    assert projection(readings[:2], 105, 400, readings[1].at) is None


@pytest.mark.parametrize(("days", "said"), [(5, "20 June 2026"), (900, "2028"), (None, "years later")])
def test_the_goal_is_reached_on_a_day_of_london_and_what_is_years_off_has_no_day(
    days: int | None, said: str
) -> None:
    night = datetime(2026, 6, 14, 23, 30, tzinfo=UTC)  # after midnight in London
    early, middle, late = night, night + 2 * DAY, night + days * DAY if days else None
    ahead = Projection(1_000, 500, 10, early, middle, late)
    crossed = MarkCrossed("m", 500, 500, 490, night, 1_000, ahead)
    asked = Petition("x", "https://example.org", "x", Reading(night, 500), 1_000, 10, ahead)
    for message in (compose(crossed, ParliamentPetition({"id": 5}), 1, night), petition(asked)):
        assert re.search(rf"about 17 June 2026; .* between 15 June 2026 and {said}\.", to_plain(message))


RATES = st.floats(0.01, 10_000)
SINCE = st.floats(0.5, 1000)


@given(RATES, SINCE, st.floats(1, 1e6), st.floats(0.05, 0.9))
def test_a_date_and_its_chance_agree(rate: float, since: float, missing: float, quantile: float) -> None:
    ours = Pace(rate, since)
    days = ours.days_until(missing, quantile)
    if days is not None and days > 0.001:
        assert ours.chance(missing, days) == pytest.approx(quantile, abs=1e-6)
        later = ours.days_until(missing, min(quantile + 0.05, 0.95))
        assert later is None or later > days


READINGS = st.lists(
    st.tuples(st.integers(0, 200 * 24 * 60), st.integers(0, 10_000_000)), min_size=1, max_size=40
)


@given(READINGS, st.integers(1, 20_000_000))
def test_no_readings_however_odd_break_the_rules(times: list[tuple[int, int]], goal: int) -> None:
    readings = [Reading(BEGAN + timedelta(minutes=minute), count) for minute, count in sorted(times)]
    now = readings[-1].at
    known = thinned(readings)
    assert [one.signatures for one in known] == sorted(one.signatures for one in known)
    growth = Growth(readings, goal, now + DAY)
    pace_news(growth, growth.ahead(now), set(), now)
    turned = burst(readings, now)
    assert turned is None or turned.turn in ("surge", "stall")


PETITION = "https://petition.parliament.uk/petitions/5.json"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Give a house that watches one petition."""
    with open_house(sqlite(tmp_path)) as house:
        house.campaign = {
            "campaign": {"name": "x", "sources": []},
            "petition": [{"source": "parliament_petition", "id": 5, "goal": 1000, "tell_at": ["50%"]}],
        }
        house.now = BEGAN
        yield house


def look(house: House, count: int, opened: str = "2026-04-20T09:00:00.000Z") -> None:
    """Let the petition show so many signatures, and look at it."""
    attributes = {"action": "x", "state": "open", "signature_count": count, "opened_at": opened}
    page = {"data": {"type": "petition", "id": 5, "attributes": attributes}}
    house.sites.put(PETITION, json.dumps(page), "application/json")
    asyncio.run(house.check())


def test_a_mark_says_when_the_goal_is_reached_at_this_pace(house: House) -> None:
    for day in range(8):
        look(house, 440 + 10 * day)
        house.later(days=1)
    message = house.team[-1]
    assert "✍️ 500 signatures" in message
    assert "At this pace (10 a day now) the goal is reached about " in message
    assert "; four times in five between " in message
    photo = house.telegram.chat(TEAM).messages[-1].photo
    assert photo
    assert photo.startswith(b"\x89PNG")


def test_a_surge_is_told_with_what_would_have_been_usual(house: House) -> None:
    for day in range(5):
        look(house, 100 + 10 * day)
        house.later(days=1)
    look(house, 400)
    assert house.team[-1].startswith("🚀 Signatures surge: 260 since 5 May 2026, 10:00")
    assert "At its usual pace 10 would have come. It has 400 signatures now." in house.team[-1]
    house.later(hours=3)
    look(house, 480)
    assert sum("🚀" in text for text in house.team) == 1


def test_a_surge_that_crosses_a_mark_is_one_message(house: House) -> None:
    for day in range(5):
        look(house, 100 + 10 * day)
        house.later(days=1)
    told = len(house.team)
    look(house, 520)
    (message,) = house.team[told:]
    assert message.startswith("✍️ 520 signatures – past 500\n")
    assert "A surge: at its usual pace 10 would have come." in message
    house.later(hours=3)
    look(house, 600)
    assert len(house.team) == told + 1


def test_a_petition_that_closes_within_a_week_is_told_once(house: House) -> None:
    opened = "2025-11-05T09:00:00.000Z"
    look(house, 400, opened)
    house.later(days=1)
    look(house, 410, opened)
    house.later(days=1)
    look(house, 420, opened)
    closing = [text for text in house.team if text.startswith("⏳ The petition closes on 5 May 2026")]
    assert len(closing) == 1
    assert "41.0% of our goal of 1,000; 590 to go." in closing[0]


def test_removed_signatures_are_told(house: House) -> None:
    look(house, 400)
    house.later(days=1)
    look(house, 380)
    assert house.team[-1].startswith("✂️ 20 signatures removed")
