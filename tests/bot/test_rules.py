"""The rules: what deserves telling, and how often."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.breaks import Break
from bot.rules.calendar import date_moved, day_of, is_out, overdue
from bot.rules.headline import headline_rows, needed
from bot.rules.measures import DERIVED, FEWEST, Derived
from bot.rules.periods import shifted
from bot.rules.petition import TOLD_FACTS, Marks, facts_changed, mark_crossed, parse_marks
from bot.rules.revision import NAMED_AT_MOST, revised
from scrapers.talking_therapies_monthly import HEADLINES
from scrapers.toolkit.contract import ENGLAND, Area, Figure, Measure, Release, Unit, published_at
from state.records import Changes, Revision, StoredRelease
from tests.fakes.nhs import england

NOW = datetime(2026, 5, 14, 9, 0, tzinfo=UTC)
MARKS = st.builds(
    Marks,
    st.none(),
    st.lists(st.integers(1, 120), max_size=4).map(lambda counts: tuple(sorted(set(counts)))),
    st.none() | st.integers(1, 30),
)


def told_on(walk: Sequence[int], marks: Marks) -> list[tuple[int, int]]:
    """Return what is told when a count takes these values one after another: mark and count.

    The mark passed before the first look is known to be no news, as it is in the store.
    """
    told: list[tuple[int, int]] = []
    passed = marks.highest_between(0, walk[0])
    episodes = {f"mark:{passed}"} if passed else set()
    for before, count in pairwise(walk):
        if crossed := mark_crossed(marks, count, before, NOW, episodes):
            episodes.add(crossed.episode)
            told.append((crossed.mark, crossed.count))
    return told


@given(MARKS, st.lists(st.integers(0, 130), min_size=2, max_size=12))
def test_however_a_count_goes_a_mark_is_told_once_and_the_next_one_is_higher(
    marks: Marks, walk: list[int]
) -> None:
    told = [mark for mark, _ in told_on(walk, marks)]
    assert told == sorted(set(told))
    assert all(mark <= count for mark, count in told_on(walk, marks))


@given(MARKS, st.integers(0, 130), st.integers(0, 130))
def test_the_highest_mark_that_a_step_crosses_is_named(marks: Marks, before: int, count: int) -> None:
    crossed = [
        mark
        for mark in range(before + 1, count + 1)
        if mark in marks.counts or (marks.every and mark % marks.every == 0)
    ]
    assert marks.highest_between(before, count) == max(crossed, default=None)


@given(MARKS, st.lists(st.integers(0, 130), min_size=2, max_size=12))
def test_every_new_highest_count_beyond_a_mark_is_told(marks: Marks, walk: list[int]) -> None:
    reached = marks.highest_between(walk[0], max(walk))
    assert [mark for mark, _ in told_on(walk, marks)][-1:] == ([reached] if reached else [])


@given(st.integers(1, 2_000_000), st.integers(1, 999))
def test_a_share_of_the_goal_is_the_first_count_that_reaches_it(goal: int, percent: int) -> None:
    mark = min(set(parse_marks([f"{percent}%"], goal).counts) - {goal}, default=goal)
    assert 100 * mark >= percent * goal > 100 * (mark - 1) or mark == goal


def test_reaching_the_goal_is_always_a_mark() -> None:
    assert parse_marks([], 1000) == Marks(1000, (1000,))
    assert parse_marks([629, "every 100"], None) == Marks(None, (629,), 100)


def test_a_fact_is_told_when_it_comes_or_changes_and_not_when_it_is_first_seen() -> None:
    old = {"state": "open", "government_response_at": None, "action": "Review it"}
    new = {
        "state": "closed",
        "government_response_at": "2026-05-14",
        "action": "Else",
        "debate_outcome_at": "x",
    }
    assert [(f.name, f.value) for f in facts_changed(old, new, 5, NOW)] == [
        *(("state", "closed"), ("government_response_at", "2026-05-14")),
    ]
    assert facts_changed({}, new, 5, NOW) == []


def test_a_fact_that_is_gone_is_told_and_one_that_was_not_asked_for_is_not() -> None:
    before = {"state": "open", "scheduled_debate_date": "2026-06-22"}
    (gone,) = facts_changed(before, {"scheduled_debate_date": None}, 5, NOW)
    assert (gone.name, gone.value, gone.before) == ("scheduled_debate_date", None, "2026-06-22")


FACTS = st.dictionaries(st.sampled_from(TOLD_FACTS), st.none() | st.sampled_from("abc"))


@given(FACTS, FACTS)
def test_the_same_facts_again_are_no_news(old: dict[str, str | None], new: dict[str, str | None]) -> None:
    assert facts_changed(new, new, 1, NOW) == []
    assert all(old[f.name] != f.value == new[f.name] for f in facts_changed(old, new, 1, NOW))


MONTHS = st.dates(date(1900, 1, 1), date(2100, 12, 31)).map(lambda day: f"{day:%Y-%m}")


@given(MONTHS, st.integers(-600, 600))
def test_a_month_shifted_there_and_back_is_the_same(period: str, months: int) -> None:
    assert shifted(shifted(period, months), -months) == period
    there = shifted(period, months)
    assert 12 * int(there[:4]) + int(there[5:]) - 12 * int(period[:4]) - int(period[5:]) == months


def announced(expected: str | None, published: datetime | None = None) -> Release:
    """Return a release that is expected then."""
    return Release("april", "April", "https://x.uk", "2026-04", published, expected)


def known(expected: str | None, *, first_seen: datetime = NOW) -> dict[str, StoredRelease]:
    """Return what is stored of it."""
    return {
        "april": StoredRelease(
            source="source",
            key="april",
            title="April",
            url="https://x.uk",
            state="announced",
            period="2026-04",
            published=None,
            expected=expected,
            fingerprint=None,
            file="",
            first_seen=first_seen,
            read_at=None,
        )
    }


@pytest.mark.parametrize(
    ("before", "now", "moved"),
    [
        ("2026-06-11", "2026-06-18", True),
        ("2026-06-11", "2026-07", True),
        ("2026-06", "2026-07-09", True),
        ("2026-06", "2026-06-11", False),
        ("2026-06-11", "2026-06", False),
        ("2026-06-11", "2026-06-11", False),
        (None, "2026-06-11", False),
        ("2026-06-11", None, False),
    ],
)
def test_a_date_moves_when_it_leaves_what_was_announced(
    before: str | None, now: str | None, moved: bool
) -> None:
    assert bool(date_moved([announced(now)], known(before), NOW)) is moved
    assert date_moved([announced(now, NOW)], known(before), NOW) == []
    assert date_moved([announced(now)], {}, NOW) == []


@given(st.dates(date(2026, 1, 1), date(2026, 12, 31)), st.integers(-7200, 7200))
def test_a_release_is_overdue_an_hour_after_half_past_nine_in_london(day: date, seconds: int) -> None:
    time = published_at(day)
    now = time + timedelta(hours=1, seconds=seconds)
    stored = known(day.isoformat(), first_seen=time - timedelta(days=9))
    assert bool(overdue([announced(day.isoformat())], stored, now)) is (seconds >= 0)
    assert bool(overdue([], stored, now)) is (seconds >= 0)
    assert overdue([announced(day.isoformat(), now)], stored, now) == []


def test_a_release_without_a_day_or_met_too_late_is_not_overdue() -> None:
    late = datetime(2027, 1, 1, tzinfo=UTC)
    assert overdue([announced("2026-06")], known("2026-06"), late) == []
    assert overdue([announced("2026-05-14")], known("2026-05-14", first_seen=late), late) == []
    assert day_of("2026-06") is None
    assert is_out(Release("live", "A petition", "https://x.uk"))


def history(period: str, **more: float | None) -> dict[str, dict[str, float | None]]:
    """Return England's figures of one month."""
    figures: dict[str, float | None] = {**england(), **more}
    return {code: {period: value} for code, value in figures.items()}


def test_a_headline_stands_beside_the_month_before_and_the_same_month_last_year() -> None:
    past = history("2026-03")
    past["M001"] |= {"2026-02": 151_810, "2025-03": 163_904}
    rows = {row.label: row for row in headline_rows(HEADLINES, "2026-03", past, {})}
    assert list(rows) == [headline.label for headline in HEADLINES]
    referrals = rows["Referrals received"]
    assert (referrals.value, referrals.earlier) == (163_100, {"before": 151_810, "year_ago": 163_904})
    assert rows["Treated once only"].value == 40.8
    assert rows["Recovery"].earlier == {}


def test_a_headline_stands_beside_nothing_from_before_a_break() -> None:
    past = history("2026-03")
    past["M192"] |= {"2026-02": 50.1, "2025-03": 49.9}
    breaks = {"M192": (Break("2025-06", ("M192",), "a change", "somebody"),)}
    rows = {row.label: row for row in headline_rows(HEADLINES, "2026-03", past, breaks)}
    assert rows["Recovery"].earlier == {"before": 50.1}


def test_a_figure_that_is_withheld_is_not_worked_out_and_one_that_is_missing_has_no_line() -> None:
    past = history("2026-03", M001=None, M288=None)
    past["M031"]["2026-02"] = None
    del past["M192"]
    rows = {row.label: row for row in headline_rows(HEADLINES, "2026-03", past, {})}
    assert {headline.label for headline in HEADLINES} - set(rows) == {"Recovery"}
    withheld = [label for label, row in rows.items() if row.value is None]
    assert withheld == ["Referrals received", "Treated once only"]
    assert rows["Accessed services"].earlier == {"before": None}
    assert set(past) >= needed(HEADLINES) - {"M192", "M184"}  # M184 stands in for M126, which is there


PUBLISHED = [derived for derived in DERIVED.values() if derived.published]
COUNTS = st.integers(1, 200_000)


@given(st.sampled_from(PUBLISHED), COUNTS, COUNTS, st.integers(3000, 200_000), COUNTS)
def test_a_derived_share_is_the_one_that_is_published_for_the_same_counts(
    share: Derived, before: int, once: int, finished: int, over: int
) -> None:
    figures = england(before=before, once=once, finished=finished, second_over_90=over, second_over_28=over)
    figures["M184"] = figures["M121"] + figures["M046"]
    assert share.published
    parts = {code: value for code, value in figures.items() if code != share.published}
    whole = parts[share.bottom] - sum(parts[code] for code in share.less)
    assert share.value(figures) == figures[share.published]
    assert share.value(parts) == (figures[share.published] if whole >= FEWEST else None)


@given(st.sampled_from(list(DERIVED.values())), st.data())
def test_a_share_is_exact_to_its_decimal_and_never_guessed(share: Derived, data: st.DataObject) -> None:
    codes = (*share.top, share.bottom, *share.less)
    figures = {code: float(data.draw(st.integers(0, 10_000), label=code)) for code in codes}
    whole = figures[share.bottom] - sum(figures[code] for code in share.less)
    worked_out = share.value(figures)
    if whole < FEWEST:
        assert worked_out is None
    else:
        exact = Decimal(100) * Decimal(sum(figures[code] for code in share.top)) / Decimal(whole)
        assert worked_out == float(exact.quantize(Decimal("0.1"), ROUND_HALF_UP))
    missing = data.draw(st.sampled_from(codes))
    assert share.value({**figures, missing: None}) is None
    assert share.value({code: value for code, value in figures.items() if code != missing}) is None


def test_what_was_withheld_is_not_worked_out_of_its_parts() -> None:
    figures = {"M075": 40.0, "M056": 200.0, "M153": 60.0}
    assert DERIVED["treated_once"].value(figures) == 28.6
    assert DERIVED["treated_once"].value({**figures, "M288": None}) is None
    assert DERIVED["treated_once"].is_withheld({**figures, "M288": None})
    assert DERIVED["treated_once"].is_withheld({**figures, "M075": None})
    assert not DERIVED["treated_once"].is_withheld({"M075": None, "M056": 200.0})


RELEASE = Release("performance-march-2026", "March", "https://x.uk", "2026-03", NOW)
TRUST = Area("RAB", "Provider", "RAB NHS TRUST")


def correction(measure: str, area: Area, value: float | None = 2, old: float | None = 1) -> Revision:
    """Return a figure that says something else now."""
    return Revision(Figure(Measure(measure, measure, Unit.COUNT), area, "2026-03", value), old)


def test_a_correction_names_the_headlines_of_england_first_and_counts_the_rest() -> None:
    trusts = tuple(correction(f"M{n:03}", TRUST) for n in range(300))
    changes = Changes(
        revised=(*trusts, correction("M999", ENGLAND), correction("M001", ENGLAND)),
        withheld=(correction("M031", ENGLAND, None, 5),),
        new=(trusts[0].figure,),
    )
    finding = revised(RELEASE, changes, ENGLAND, needed(HEADLINES), NOW)
    assert finding is not None
    assert [r.figure.measure.id for r in finding.named[:3]] == ["M001", "M031", "M999"]
    assert len(finding.named) == NAMED_AT_MOST
    assert len(finding.named) + finding.others == 303
    assert (finding.added, finding.gone) == (1, 0)


def test_a_release_without_a_changed_figure_is_no_correction() -> None:
    assert revised(RELEASE, Changes(), ENGLAND, needed(HEADLINES), NOW) is None
