"""Claims: what the campaign says in public, beside the figures, as the team is told of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.claims import Bounds, Claim, FigureOf, Parts, Standing, Verdict, news, remembered, standing
from scrapers.toolkit.contract import Unit
from tests.bot.cli import figurewatch
from tests.bot.house import MONTHLY_ALONE, House, open_house, sqlite
from tests.fakes.nhs import Issue, Nhs, england, month_file

MONTHLY = "talking_therapies_monthly"
NINETY = Claim(
    "90% are seen within 6 weeks", "petition page", FigureOf(MONTHLY, "M053"), Bounds(89.5), Bounds(88)
)
WITHIN = {"says": NINETY.says, "where": "petition page", "figure": {"source": MONTHLY, "measure": "M053"}}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Give a house that has a claim, and March 2026 read."""
    with open_house(sqlite(tmp_path)) as house:
        claim = {**WITHIN, "holds": {"min": 89.5}, "thin": {"min": 88.0}, "note": "Of those who finished."}
        house.campaign = {"campaign": MONTHLY_ALONE, "claim": [claim]}
        yield house


@pytest.fixture
def nhs(house: House) -> Nhs:
    """Give the publisher with March 2026 out, and nine in ten within six weeks."""
    nhs = Nhs(house.sites)
    nhs.publish(issue("2026-03", date(2026, 5, 14), 52_400))
    return nhs


def issue(period: str, day: date, six_weeks: int) -> Issue:
    """Return a month in which so many of 57,590 who finished waited up to six weeks."""
    body = month_file(period, england(163_100, six_weeks=six_weeks), {}).encode()
    return Issue(period, day, body=body, edited=f"{day.day} {day:%B %Y} 9:30 am")


def april(house: House, nhs: Nhs, six_weeks: int, *, at: int = 0) -> list[str]:
    """Let April come out, or be replaced, and return what the team's chat shows of claims."""
    house.now = datetime(2026, 6, 11, 8, 31 + at, tzinfo=UTC)
    out = issue("2026-04", date(2026, 6, 11), six_weeks)
    nhs.publish(replace(out, edited=f"11 June 2026 {9 + at}:30 am", suffix=f"-{at}" if at else ""))
    asyncio.run(house.check())
    return [text for text in house.team if text.startswith("📌")]


def test_a_claim_that_stops_holding_is_told_once_with_its_figure_and_bounds(house: House, nhs: Nhs) -> None:
    asyncio.run(house.check())
    (told,) = april(house, nhs, 50_300)
    assert told.startswith(
        "📌 A claim no longer holds\n"
        "“90% are seen within 6 weeks” (petition page)\n"
        "The figure: 87.3%, April 2026\n"
        "It holds from 89.5; it is thin from 88.\n"
        "Before: holds. Now: broken.\n"
        "Of those who finished.\n"
    )
    asyncio.run(house.check())
    assert [text for text in house.team if text.startswith("📌")] == [told]


def test_a_claim_that_becomes_thin_and_then_holds_again_is_told_each_time(house: House, nhs: Nhs) -> None:
    asyncio.run(house.check())
    assert [text.splitlines()[0] for text in april(house, nhs, 50_852)] == ["📌 A claim is thin now"]
    told = april(house, nhs, 52_000, at=1)
    assert [text.splitlines()[0] for text in told[1:]] == ["📌 The figure under a claim was corrected"]
    assert "The figure: 90.3%, was 88.3%, April 2026" in told[1]
    assert "Before: thin. Now: holds." in told[1]


def test_a_release_that_changes_no_claim_says_nothing_of_it(house: House, nhs: Nhs) -> None:
    asyncio.run(house.check())
    assert april(house, nhs, 52_300) == []


def test_a_claim_that_the_past_does_not_support_is_told_when_the_past_is_read(house: House, nhs: Nhs) -> None:
    pooled = {**WITHIN, "figure": {"source": MONTHLY, "measure": "M053", "months": 2}}
    stands, falls = (
        {**pooled, "says": says, "holds": {"min": least}} for says, least in (("A", 85), ("B", 95))
    )
    house.campaign = {"campaign": MONTHLY_ALONE, "claim": [stands, falls]}
    nhs.publish(issue("2026-02", date(2026, 4, 16), 52_400))
    nhs.publish(issue("2026-03", date(2026, 5, 14), 52_400))
    asyncio.run(house.check())
    met = len(house.team)
    asyncio.run(house.backfill(MONTHLY))
    asyncio.run(house.check())
    assert [text.splitlines()[:2] for text in house.team[met:]] == [
        ["📌 A claim does not hold", "“B” (petition page)"]
    ]


def test_the_ledger_shows_where_each_claim_stands(house: House, nhs: Nhs, tmp_path: Path) -> None:
    asyncio.run(house.check())
    campaign = tmp_path / "campaign.toml"
    campaign.write_text(f"""
        [campaign]
        name = "Ledger"
        sources = ["{MONTHLY}"]
        [[claim]]
        says = "90% are seen within 6 weeks"
        where = "petition page"
        figure = {{ source = "{MONTHLY}", measure = "M053" }}
        holds = {{ min = 89.5 }}
        [[claim]]
        says = "An exceptionally high drop-out rate"
        where = "petition page"
        figure = {{ source = "{MONTHLY}", measure = "treated_once" }}
        [[claim]]
        says = "13,799 staff"
        where = "blog post"
        figure = {{ source = "{MONTHLY}", measure = "M999" }}
        parts = {{ total = 13799, of = [10721, 3059] }}
    """)
    settings = {"DATABASE_URL": house.database_url, "CAMPAIGN_FILE": str(campaign)}
    rows = figurewatch(settings, "claims", "--json").json
    assert [(row["verdict"], row["value"], row["period"]) for row in rows] == [
        ("holds", 91, "2026-03"),
        ("unknown", 40.8, "2026-03"),
        ("broken", None, None),
    ]
    table = figurewatch(settings, "claims").out
    assert "its own parts add up to 13,780, not to 13,799." in table
    assert "nobody has agreed on what would be fair." in table
    assert max(map(len, table.splitlines()[:4])) <= 100


def test_a_claim_on_a_source_that_is_not_watched_is_a_fault(tmp_path: Path) -> None:
    campaign = tmp_path / "campaign.toml"
    claim = 'says = "x"\nwhere = "y"\nfigure = {source = "talking_therapies_montly", measure = "M053"}'
    campaign.write_text(
        f'[campaign]\nname = "x"\nsources = ["{MONTHLY}"]\n[[claim]]\n{claim}\nthin = {{min = 1}}'
    )
    said = figurewatch({"CAMPAIGN_FILE": str(campaign)}, "claims")
    assert said.status == 2
    assert "is not watched; did you mean 'talking_therapies_monthly'?" in said.err
    assert "thin: needs holds beside it" in said.err


def stands(claim: Claim, **history: Mapping[str, float | None]) -> Standing:
    """Return where a claim stands beside these figures."""
    return standing(claim, history, {})


def test_a_share_over_twelve_months_is_taken_from_its_counts() -> None:
    months = [f"2025-{month:02}" for month in range(1, 13)]
    year = replace(NINETY, figure=FigureOf(MONTHLY, "M053", months=12))
    counts = {"M052": dict.fromkeys(months, 80.0), "M076": dict.fromkeys(months, 100.0)}
    counts["M052"]["2025-12"], counts["M076"]["2025-12"] = 900.0, 1_000.0
    shares = dict.fromkeys(months, 80.0) | {"2025-12": 90.0}
    assert stands(year, M053=shares, **counts).value == 84.8
    assert (
        stands(year, M053=shares, M052=counts["M052"], M076=counts["M076"] | {"2025-03": None}).value is None
    )


def test_a_difference_and_a_growth_are_exact() -> None:
    gap = replace(NINETY, figure=FigureOf(MONTHLY, "M206", less="M207"))
    assert stands(gap, M206={"2026-03": 51.1}, M207={"2026-03": 45.7}).value == 5.4
    grown = replace(NINETY, figure=FigureOf("medicines", "patients", since=2019))
    past = {"2019-Q2": 100.0, "2019-Q3": 200.0, "2025-Q3": 250.0}
    assert stands(grown, patients=past).value == 25.0
    assert stands(grown, patients={"2025-Q3": 250.0}).verdict == "unknown"
    yearly = {"2019-20": 200.0, "2024-25": 300.0}
    assert stands(grown, patients=yearly).value == 50.0


def test_a_withheld_figure_leaves_a_claim_unknown_and_says_so() -> None:
    found = stands(NINETY, M053={"2026-03": None})
    assert (found.verdict, found.why) == ("unknown", "withheld")


def test_parts_that_do_not_add_up_break_a_claim_whatever_the_figure_says() -> None:
    claim = replace(NINETY, holds=Bounds(0, 100), parts=Parts(13_799, (10_721, 3_059)))
    assert stands(claim, M053={"2026-03": 90.0}).verdict == "broken"
    fair = replace(claim, parts=Parts(13_780, (10_721, 3_059)))
    assert stands(fair, M053={"2026-03": 90.0}).verdict == "holds"


VERDICTS: tuple[Verdict, ...] = ("holds", "thin", "broken", "unknown")
STANDINGS = st.builds(
    Standing,
    st.just(NINETY),
    st.sampled_from(VERDICTS),
    st.none() | st.floats(-1e6, 1e6),
    st.sampled_from([None, "2026-03", "2026-04"]),
    st.just(""),
    st.just(Unit.PERCENT),
)


@given(STANDINGS, STANDINGS)
def test_the_same_standing_is_never_news_and_another_verdict_is(before: Standing, now: Standing) -> None:
    assert news(now, None) is None
    assert news(before, remembered(before)) is None
    told = news(now, remembered(before))
    if now.verdict != before.verdict and (before.verdict, now.verdict) != ("unknown", "holds"):
        assert told is not None
        assert told.before == before.verdict
    if told is not None and told.was is not None:
        assert (now.period, told.was) == (before.period, before.value)
