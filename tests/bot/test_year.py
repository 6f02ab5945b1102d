"""A whole simulated year, with both clock changes: what it costs the publisher, and what the team is told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pytest

from bot.rules.calendar import london_day
from bot.rules.periods import shifted
from state.store import Store
from tests.bot.house import sqlite
from tests.bot.year import MONTHLY, Year, file_of, london
from tests.fakes.nhs import NEW_SERIES, Issue, Nhs
from tests.fakes.sites import Sites

# When the releases of the year came out, in London; the odd ones are told in `happen`.
OUT = {
    "2025-11": "2026-01-08",
    "2025-12": "2026-02-12",  # at 09:55
    "2026-01": "2026-03-13",  # announced to the day before
    "2026-02": "2026-04-09",
    "2026-03": "2026-05-07",  # brought forward by a week, long before
    "2026-04": "2026-06-18",  # put off by a week, long before
    "2026-05": "2026-07-16",  # put off by a week, on the day at 09:35
    "2026-06": "2026-08-13",  # while its page fails
    "2026-07": "2026-09-10",  # its day was never named
    "2026-08": "2026-10-08",  # with a broken file, replaced at 10:07
    "2026-09": "2026-11-12",  # brought forward by a week, that morning
    "2026-10": "2026-12-10",  # while the worker was down, until 11:00
}
FIRST_ANNOUNCED = {
    **OUT,
    "2026-01": "2026-03-12",
    "2026-03": "2026-05-14",
    "2026-04": "2026-06-11",
    "2026-05": "2026-07-09",
    "2026-09": "2026-11-19",
    "2026-11": "2027-01-14",
}
CAME_LATE = {"2025-12": "09:55:07"}
RELEASE_DAYS_WITHOUT_A_RELEASE = {date(2026, 3, 12), date(2026, 7, 9)}
REVISED = {"2026-02": "2026-06-23", "2024-12": "2026-09-15"}  # a near release and an older one
ALL_FAILS = (date(2026, 3, 26), date(2026, 11, 25))
RESTARTS = [
    *(london("2026-03-26", f"{hour:02}:30") for hour in range(8, 20, 2)),  # while nothing answers
    *(london("2026-03-29", f"{hour:02}:45") for hour in range(0, 24, 3)),  # on the day the clocks go on
    *(london("2026-04-09", at) for at in ("08:50", "09:29", "09:30:30", "09:50")),
]
DOWN = (london("2026-12-09", "20:00"), london("2026-12-10", "11:00"))
FIRST_DAY, LAST_DAY = date(2026, 1, 2), date(2026, 12, 20)


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Year]:
    """Give the year as it was at its end."""
    store = Store.open(sqlite(tmp_path_factory.mktemp("year")))
    with Sites() as sites:
        year = Year(Nhs(sites), store, london(f"{FIRST_DAY}", "12:00"))
        happen(year)
        asyncio.run(live(year))
        yield year
    store.close()


def happen(year: Year) -> None:
    """Fill the publisher's year."""
    for months in range(-13, 0):  # what was out before: October 2024 to October 2025
        period, on = shifted("2025-11", months), shifted("2026-01", months)
        issue = Issue(
            period, date.fromisoformat(f"{on}-12"), body=file_of(period), edited="3 May 2025 9:30 am"
        )
        year.nhs.issues[period] = issue
    for period, day in FIRST_ANNOUNCED.items():
        announced = date.fromisoformat(day)
        year.at(london(f"{announced - timedelta(days=100)}", "17:00"), year.announces(period, announced))
    year.unnamed.add("2026-07")
    for period, day in OUT.items():
        broken = b"REPORTING_PERIOD_START\n" if period == "2026-08" else None
        year.out(period, london(day, CAME_LATE.get(period, "09:30:07")), broken)
    year.at(london("2026-04-20", "15:00"), year.announces("2026-03", date(2026, 5, 7)))
    year.at(london("2026-06-01", "11:00"), year.announces("2026-04", date(2026, 6, 18)))
    year.at(london("2026-07-09", "09:35"), year.announces("2026-05", date(2026, 7, 16)))
    year.at(london("2026-11-12", "08:00"), year.announces("2026-09", date(2026, 11, 12)))
    for period, day in REVISED.items():
        year.at(london(day, "14:00"), lambda period=period: revise(year, period))  # type: ignore[misc]
    year.at(london("2026-10-08", "10:07"), lambda: mend_august(year))
    fail(year)


def fail(year: Year) -> None:
    """Let the site fail now and then: two requests, around a release, one page for weeks, and whole days."""
    sites = year.nhs.sites
    year.at(london("2026-02-03", "12:00"), lambda: sites.fail(NEW_SERIES, 503, times=2))
    june = Issue("2026-06").url
    year.at(london("2026-08-13", "09:29:30"), lambda: sites.fail(june, 503, times=14))
    old = Issue("2024-11").url
    year.at(london("2026-05-20", "12:00"), lambda: sites.fail(old, 404))
    year.at(london("2026-06-10", "12:00"), lambda: sites.mend(old))
    for day in ALL_FAILS:
        year.at(london(f"{day}", "00:30"), lambda: year.everything(lambda url: sites.fail(url, 503)))
        year.at(london(f"{day}", "23:30"), lambda: year.everything(sites.mend))


def revise(year: Year, period: str) -> None:
    """Let a month's file be replaced by one with other figures, at another address."""
    issue = year.nhs.issues[period]
    file = issue.file_url.replace("12CD34", "56EF78")
    year.nhs.publish(replace(issue, body=file_of(period, referrals=160_000), file=file))


def mend_august(year: Year) -> None:
    """Let the broken file be replaced."""
    issue = year.nhs.issues["2026-08"]
    year.nhs.publish(replace(issue, body=file_of("2026-08"), edited="8 October 2026 10:07 am"))


async def live(year: Year) -> None:
    """Let one worker after another watch through the year."""
    first = True
    for end in sorted((*RESTARTS, DOWN[0])):
        await year.life(end, first=first)
        first = False
    year.sleep(DOWN[1])
    await year.life(london(f"{LAST_DAY}", "23:00"))


def test_an_ordinary_day_costs_at_most_eight_requests(year: Year) -> None:
    apart = {FIRST_DAY, *RELEASE_DAYS_WITHOUT_A_RELEASE, *map(date.fromisoformat, OUT.values())}
    dear = {day: cost for day, cost in year.requests.items() if cost > 8 and day not in apart}
    assert dear == {}
    assert len(year.requests) == (LAST_DAY - FIRST_DAY).days + 1


def test_a_release_day_without_a_release_costs_at_most_sixty_requests(year: Year) -> None:
    for day in RELEASE_DAYS_WITHOUT_A_RELEASE:
        assert 20 <= year.requests[day] <= 60


def test_each_release_is_read_within_a_minute_of_coming_out_on_its_announced_day(year: Year) -> None:
    odd = {"2026-01", "2026-06", "2026-07", "2026-09", "2026-10"}
    told = year.told_at()
    for period in OUT.keys() - odd:
        out = london(OUT[period], CAME_LATE.get(period, "09:30:07"))
        assert timedelta(0) < told[period] - out < timedelta(minutes=1), period


def test_a_release_is_read_soon_whatever_comes_between(year: Year) -> None:
    told = year.told_at()
    assert london("2026-03-13") < told["2026-01"] < london("2026-03-13", "09:42")  # a day late
    assert london("2026-08-13") < told["2026-06"] < london("2026-08-13", "09:33")  # fourteen times 503
    assert london("2026-09-10") < told["2026-07"] < london("2026-09-10", "09:42")  # only its month was known
    assert london("2026-11-12") < told["2026-09"] < london("2026-11-12", "09:42")  # moved the same morning
    assert DOWN[1] <= told["2026-10"] < DOWN[1] + timedelta(minutes=1)  # the worker was down


def test_a_broken_file_is_read_soon_after_it_is_replaced_and_completes_what_its_page_said(year: Year) -> None:
    with year.store.reading() as tx:
        august = next(release for release in tx.releases(MONTHLY) if release.period == "2026-08")
        told = [alert for alert in tx.alerts() if alert.finding["episode"] == f"release:{august.key}"]
    assert august.read_at
    assert london("2026-10-08", "10:07") < august.read_at < london("2026-10-08", "10:10")
    assert {"From the page" in alert.text for alert in told} == {False}


def test_the_team_is_told_each_event_once(year: Year) -> None:
    with year.store.reading() as tx:
        told = [(alert.kind, f"{london_day(alert.created)}") for alert in tx.alerts()]
    team = [(kind, day) for kind, day in told if kind not in ("trouble", "recovered", "revision")]
    assert sorted(team, key=lambda pair: pair[1]) == sorted(
        [
            ("introduced", "2026-01-02"),
            *(("release", day) for day in OUT.values()),
            ("overdue", "2026-03-12"),
            ("date_moved", "2026-04-20"),
            ("date_moved", "2026-06-01"),
            ("date_moved", "2026-07-09"),
        ],
        key=lambda pair: pair[1],
    )


def test_the_team_is_told_at_half_past_ten_of_a_release_that_did_not_come(year: Year) -> None:
    with year.store.reading() as tx:
        overdue = [alert for alert in tx.alerts() if alert.kind == "overdue"]
    assert [
        london("2026-03-12", "10:30") <= alert.created < london("2026-03-12", "10:31") for alert in overdue
    ]


def test_a_revision_is_found_within_its_turn(year: Year) -> None:
    with year.store.reading() as tx:
        found = [london_day(alert.created) for alert in tx.alerts() if alert.kind == "revision"]
    near, older = (date.fromisoformat(day) for day in REVISED.values())
    assert len(found) == 2
    assert found[0] - near <= timedelta(days=6)
    assert found[1] - older <= timedelta(days=10)


def test_a_lasting_failure_is_told_to_the_operator_once_and_its_end_once(year: Year) -> None:
    with year.store.reading() as tx:
        told = [(alert.kind, f"{london_day(alert.created)}") for alert in tx.alerts()]
    assert [(kind, day) for kind, day in told if kind in ("trouble", "recovered")] == [
        ("trouble", "2026-03-26"),
        ("recovered", "2026-03-27"),
        ("trouble", "2026-05-21"),
        ("recovered", "2026-06-11"),
        ("trouble", "2026-10-08"),
        ("recovered", "2026-10-08"),
        ("trouble", "2026-11-25"),
        ("recovered", "2026-11-26"),
    ]
