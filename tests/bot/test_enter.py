"""Figures entered by hand: what is taken, what is refused, and what the publisher's own file does to them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from bot.campaign import parse_campaign
from bot.enter import Asked, CannotEnter, Entry, enter
from bot.rules.periods import shifted
from scrapers.toolkit.contract import LONDON
from tests.bot.cli import Said, figurewatch
from tests.bot.house import MONTHLY_ALONE, House, open_house, sqlite
from tests.fakes.nhs import Issue, Nhs, england, month_file

MONTHLY, WORKFORCE = "talking_therapies_monthly", "talking_therapies_workforce"
CAMPAIGN = f"""
[campaign]
name = "Test"
sources = ["{WORKFORCE}", "{MONTHLY}"]

[[petition]]
source = "parliament_petition"
id = 5

[[claim]]
says = "A workforce of 13,799"
where = "blog post"
figure = {{ source = "{WORKFORCE}", measure = "workforce" }}
holds = {{ min = 13799, max = 13799 }}
"""
NEXT_MONTH = shifted(datetime.now(LONDON).date().isoformat()[:7], 1)
GOOD = {
    "measure": "workforce",
    "period": "2019-20",
    "value": "13799",
    "unit": "number",
    "name": "Workforce",
    "from": "https://example.org/census.pdf",
    "title": "Workforce census",
    "published": "2021-11-25",
}


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    """Return settings with an empty store and a claim on the workforce."""
    (tmp_path / "campaign.toml").write_text(CAMPAIGN, encoding="utf-8")
    return {"DATABASE_URL": sqlite(tmp_path), "CAMPAIGN_FILE": str(tmp_path / "campaign.toml")}


def entering(settings: dict[str, str], *more: str, source: str = WORKFORCE, **options: str) -> Said:
    """Enter what is good but for these options; an empty one is not given."""
    given = {name: value for name, value in {**GOOD, **options}.items() if value}
    words = [word for name, value in given.items() for word in (f"--{name}", value)]
    return figurewatch(settings, "enter", source, *words, *more)


def test_an_entered_figure_is_told_stored_and_marked(settings: dict[str, str]) -> None:
    said = entering(settings)
    assert "📝 Workforce, England, 2019-20: 13,799\nEntered by hand from Workforce census on " in said.out
    (row,) = figurewatch(settings, "figures", "--source", WORKFORCE, "--json").json
    assert (row["value"], row["entered"], row["url"]) == (13_799, True, GOOD["from"])
    assert "13,799 (entered)" in figurewatch(settings, "figures").out
    assert "entered by hand" in figurewatch(settings, "releases").out
    (claim,) = figurewatch(settings, "claims", "--json").json
    assert (claim["verdict"], claim["value"], claim["entered"]) == ("holds", 13_799, True)


def test_the_same_entered_again_adds_nothing(settings: dict[str, str]) -> None:
    entering(settings)
    again = entering(settings, value="13,799", unit="", name="", title="", published="2021-11-26")
    assert again.out.startswith("Entered already: workforce, England, 2019-20: 13,799")
    assert len(figurewatch(settings, "figures", "--json").json) == 1
    assert len(figurewatch(settings, "alerts", "--json").json) == 1


def test_another_value_corrects_it_and_the_claim_on_it_is_told(settings: dict[str, str]) -> None:
    entering(settings)
    said = entering(settings, value="13780", title="").out
    assert "📝 Workforce, England, 2019-20: now 13,780, was 13,799\n" in said
    assert "\nEntered by hand from example.org on " in said
    assert "You may have quoted the old number." in said
    assert "📌 The figure under a claim was corrected" in said
    assert "Before: holds. Now: broken." in said
    assert "The figure: 13,780, was 13,799, 2019-20, entered by hand" in said
    rows = figurewatch(settings, "figures", "--json").json
    assert [(row["value"], row["revision"]) for row in rows] == [(13_799, 0), (13_780, 1)]
    entering(settings)
    assert figurewatch(settings, "claims", "--json").json[0]["value"] == 13_799


def test_a_withheld_figure_is_entered_as_such(settings: dict[str, str]) -> None:
    assert entering(settings, "--withheld", value="").status == 0
    (row,) = figurewatch(settings, "figures", "--json").json
    assert (row["value"], row["withheld"]) == (None, True)


def test_a_dry_run_says_what_would_be_entered_and_enters_nothing(settings: dict[str, str]) -> None:
    said = entering(settings, "--dry-run")
    assert said.out.startswith("This would be entered: workforce, England, 2019-20: 13,799")
    assert figurewatch(settings, "figures", "--json").json == []
    assert figurewatch(settings, "alerts", "--json").json == []


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"source": "talking_therapies_workforc"}, "did you mean 'talking_therapies_workforce'?"),
        ({"source": "parliament_petition:5"}, "is read from a live page, whose readings cannot be entered"),
        ({"measure": "workforc"}, "has no measure 'workforc'; did you mean 'workforce'?"),
        ({"source": MONTHLY, "measure": "treated_once"}, "is computed from other figures; enter those"),
        ({"area": "Englund"}, "has no area 'Englund'; did you mean 'England'?"),
        ({"period": "2019"}, "--period must be like 2026-03, 2025-Q3 or 2025-26, not '2019'"),
        ({"period": "2098-99"}, "--period 2098-99 has not begun"),
        ({"period": NEXT_MONTH}, f"--period {NEXT_MONTH} has not begun"),
        ({"value": "1,37,99"}, "not '1,37,99'"),
        ({"value": "nan"}, "not 'nan'"),
        ({"value": "9" * 400}, "--value must be at most"),
        ({"value": "137.5", "unit": "count"}, "a count is whole and not below 0, not 137.5"),
        ({"value": "137.5", "unit": "percent"}, "a percentage is from 0 to 100, not 137.5"),
        ({"unit": "persons"}, "--unit must be one of count, percent,"),
        ({"unit": ""}, "nothing is stored of workforce yet: give --unit and --name too"),
        ({"from": "census.pdf"}, "--from must be the address of what was published, not 'census.pdf'"),
        ({"published": "2098-01-01"}, "--published must not be after today"),
        ({"published": "25/11/2021"}, "expected a day like 2025-01-16, found '25/11/2021'. See"),
        ({"value": ""}, "Give --value or --withheld"),
    ],
)
def test_what_is_not_right_is_refused_in_one_line(
    settings: dict[str, str], options: dict[str, str], why: str
) -> None:
    said = entering(settings, **options)
    assert said.status == 2
    (line,) = said.err.splitlines()
    assert why in line
    assert figurewatch(settings, "figures", "--json").json == []


def test_a_known_measure_keeps_its_unit_name_and_kind_of_period(settings: dict[str, str]) -> None:
    entering(settings)
    assert "--unit: workforce is stored with 'number', not 'count'" in entering(settings, unit="count").err
    assert "--name: workforce is stored with 'Workforce'" in entering(settings, name="Staff").err
    assert "is stored for periods like 2019-20, not 2019-12" in entering(settings, period="2019-12").err


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Give a house that watches the monthly figures."""
    with open_house(sqlite(tmp_path)) as house:
        yield house


@pytest.fixture
def nhs(house: House) -> Nhs:
    """Give the publisher with March 2026 out."""
    nhs = Nhs(house.sites)
    nhs.publish(issue("2026-03", date(2026, 5, 14)))
    return nhs


def issue(period: str, day: date, referrals: int = 163_100) -> Issue:
    body = month_file(period, england(referrals), {}).encode()
    return Issue(period, day, body=body, edited=f"{day.day} {day:%B %Y} 9:30 am")


def entered(house: House, period: str, value: str) -> Entry:
    """Enter the referrals of a month, and deliver what is said of it."""
    (source,) = parse_campaign({"campaign": MONTHLY_ALONE}, "campaign.toml").sources
    name, address = "Count_ReferralsReceived", "https://example.org/april"
    asked = Asked("M001", "", period, value, "count", name, address, "", date(2026, 5, 1))

    async def work() -> Entry:
        async with house.desk() as desk:
            entry = enter(desk.checker.committer, source, asked, house.now, dry_run=False)
            assert desk.take_lease()
            await desk.sender.drain()
            desk.drop_lease()
            return entry

    return asyncio.run(work())


def values(house: House, period: str) -> list[tuple[float | None, bool]]:
    with house.store() as store, store.reading() as tx:
        found = tx.figures(MONTHLY, "M001", "England")
        return [(figure.value, figure.entered) for figure in found if figure.period == period]


def test_a_file_read_later_stands_above_what_was_entered_and_a_difference_is_told(
    house: House, nhs: Nhs
) -> None:
    asyncio.run(house.check())
    entered(house, "2026-04", "170000")
    assert house.team[-1].startswith("📝 Referrals received, England, April 2026: 170,000")
    house.now = datetime(2026, 6, 11, 8, 31, tzinfo=UTC)
    nhs.publish(issue("2026-04", date(2026, 6, 11), 165_000))
    asyncio.run(house.check())
    assert values(house, "2026-04") == [(170_000, True), (165_000, False)]
    told = [text for text in house.team if text.startswith(("📊", "✏️"))]
    assert [text.partition("\n")[0] for text in told] == [
        "✏️ Corrected: NHS Talking Therapies, monthly, April 2026",
        "📊 NHS Talking Therapies, monthly, England: April 2026",
    ]
    assert "(M001), England, April 2026: now 165,000, was 170,000 as entered by hand" in told[0]
    asyncio.run(house.check())
    assert len([text for text in house.team if text.startswith("✏️")]) == 1


def test_a_file_that_says_what_was_entered_takes_its_place_in_silence(house: House, nhs: Nhs) -> None:
    asyncio.run(house.check())
    entered(house, "2026-04", "165000")
    house.now = datetime(2026, 6, 11, 8, 31, tzinfo=UTC)
    nhs.publish(issue("2026-04", date(2026, 6, 11), 165_000))
    asyncio.run(house.check())
    assert values(house, "2026-04") == [(165_000, True), (165_000, False)]
    assert [text for text in house.team if text.startswith("✏️")] == []


def test_a_past_file_that_says_otherwise_than_was_entered_is_told(house: House, nhs: Nhs) -> None:
    nhs.publish(issue("2026-02", date(2026, 4, 16), 150_000))
    entered(house, "2026-02", "151000")
    asyncio.run(house.check())
    asyncio.run(house.backfill(MONTHLY))
    asyncio.run(house.check())
    assert values(house, "2026-02") == [(151_000, True), (150_000, False)]
    (told,) = (text for text in house.team if text.startswith("✏️"))
    assert "now 150,000, was 151,000 as entered by hand" in told


def test_an_entered_figure_changes_nothing_of_when_and_what_is_read(house: House, nhs: Nhs) -> None:
    entered(house, "2026-05", "1")
    asyncio.run(house.check())
    assert values(house, "2026-03") == [(163_100, False)]
    house.now = datetime(2026, 6, 11, 8, 31, tzinfo=UTC)
    nhs.publish(issue("2026-04", date(2026, 6, 11), 165_000))
    asyncio.run(house.check())
    assert [text.partition("\n")[0] for text in house.team if text.startswith("📊")] == [
        "📊 NHS Talking Therapies, monthly, England: April 2026"
    ]


def test_what_the_publisher_says_itself_cannot_be_entered(house: House, nhs: Nhs) -> None:
    asyncio.run(house.check())
    with pytest.raises(CannotEnter, match=r"own figure for M001, 2026-03 is stored: 163,100; one that is"):
        entered(house, "2026-03", "170000")
