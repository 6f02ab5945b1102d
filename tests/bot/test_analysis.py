"""What a release says beside its headlines, as the chats show it: watch list, organisations, questions."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from bot.rules.periods import shifted
from tests.bot.cli import figurewatch
from tests.bot.house import MONTHLY_ALONE, OPERATOR, TEAM, House, open_house, sqlite
from tests.fakes.bot_api import TOKEN
from tests.fakes.nhs import Issue, Nhs, england, month_file

MONTHLY = "talking_therapies_monthly"
NEWEST = "2026-03"
WATCHED = [
    {"measure": "M053", "good": "up", "minimum": 1.0, "target": 75.0, "family": "waits", "settings": "r"},
    {"measure": "treated_once", "good": "down", "minimum": 1.0, "family": "endings"},
    {"measure": "M195", "good": "up", "minimum": 1.0, "family": "outcomes"},
]


def month(period: str, **counts: int) -> Issue:
    """Return a month like every other, but for these counts, out six weeks after its end."""
    number = int(period[5:]) + 12 * int(period[:4])
    wobble = 60 * (number % 5 - 2)
    counts = {"six_weeks": 52_000 + wobble, **counts}
    figures = england(160_000 + 10 * wobble, **counts)
    out = shifted(period, 2)
    day = date(int(out[:4]), int(out[5:]), 12)
    return Issue(period, day, body=month_file(period, figures, {}).encode(), edited=stamp(day))


def stamp(day: date) -> str:
    """Return the day as the site's last edit."""
    return f"{day.day} {day:%B %Y} 9:30 am"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Give a house that watches two series, with two years of quiet months behind it."""
    with open_house(sqlite(tmp_path)) as house:
        house.campaign = {"campaign": MONTHLY_ALONE, "watch": WATCHED}
        nhs = Nhs(house.sites)
        for back in range(25, -1, -1):
            issue = month(shifted(NEWEST, -back))
            nhs.issues[issue.period] = issue
        nhs.publish(month(NEWEST))
        house.now = datetime(2026, 5, 14, 9, 0, tzinfo=UTC)
        asyncio.run(house.check())
        asyncio.run(house.backfill(MONTHLY))
        yield house


def april(house: House, **counts: int) -> list[str]:
    """Let April come out with these counts, and return what the team is told of it."""
    told = len(house.team)
    house.now = datetime(2026, 6, 12, 8, 31, tzinfo=UTC)
    nhs = Nhs(house.sites)
    for back in range(26, 0, -1):
        issue = month(shifted("2026-04", -back))
        nhs.issues[issue.period] = issue
    nhs.publish(month("2026-04", **counts))
    asyncio.run(house.check())
    return house.team[told:]


def test_a_quiet_month_is_one_message_with_one_quiet_line_for_the_rest(house: House) -> None:
    (release,) = april(house)
    assert release.startswith("📊 NHS Talking Therapies, monthly, England: April 2026")
    assert re.search(r"\n🔎 \d+ series checked, nothing new\.\n", release)


def test_a_watched_figure_far_from_its_usual_is_told_with_a_chart(house: House) -> None:
    _release, watched = april(house, six_weeks=49_000)
    assert watched.startswith("📉 Within 6 weeks, England: 85.1% in April 2026 – worse\n")
    assert "Down from " in watched
    assert "usual " in watched
    assert "Of those finished. 12 months: " in watched
    assert "Target 75.0%: usually met." in watched
    message = next(m for m in house.telegram.chat(TEAM).messages if "📉" in m.text)
    assert message.photo
    assert message.photo.startswith(b"\x89PNG")
    told, drawn = (
        re.search(f"usual {words}", watched) for words in (r"(.+)–(.+)%", r"range (.+?)% to (.+?)%")
    )
    assert told
    assert drawn
    assert told.groups() == drawn.groups(), "judged and drawn by the entry's own settings"


def test_a_correction_of_the_month_does_not_tell_it_again(house: House) -> None:
    april(house, six_weeks=49_000)
    told = len(house.team)
    house.later(days=1)
    nhs = Nhs(house.sites)
    for back in range(26, 0, -1):
        issue = month(shifted("2026-04", -back))
        nhs.issues[issue.period] = issue
    again = month("2026-04", six_weeks=48_900)
    nhs.publish(
        Issue(again.period, again.published, body=again.body, edited="13 June 2026 9:30 am", suffix="-2")
    )
    asyncio.run(house.check())
    assert [text.splitlines()[0] for text in house.team[told:]] == [
        "✏️ Corrected: NHS Talking Therapies, monthly, April 2026"
    ]


def question(house: House) -> str:
    """Let a count halve that nobody explains, and return the number of the question about it."""
    april(house, reliably_recovered=11_000)
    (asked,) = [text for text in house.operator if text.startswith("❓")]
    assert asked.startswith("❓ Is this right? Count_M193 (M193)\nEngland: 26,588, then 11,000 in April")
    assert "Held back until you say so: 📉 Reliable recovery, England: 20.0% in April 2026 – worse" in asked
    match = re.search(r"figurewatch release (A\d+)", asked)
    assert match
    return match[1]


@pytest.mark.parametrize(("command", "then"), [("release", 1), ("reject", 0)])
def test_what_nobody_explains_is_asked_before_the_team_hears_of_it(
    house: House, tmp_path: Path, command: str, then: int
) -> None:
    number = question(house)
    assert not [text for text in house.team if "Reliable recovery, England: 20.0%" in text]
    campaign = tmp_path / "campaign.toml"
    campaign.write_text(f'[campaign]\nname = "x"\nsources = ["{MONTHLY}"]\n')
    settings = {
        "TELEGRAM_BOT_TOKEN": TOKEN,
        "ALERT_CHATS": str(TEAM),
        "OPS_CHAT": str(OPERATOR),
        "TELEGRAM_API_URL": house.telegram.url,
        "DATABASE_URL": house.database_url,
        "CAMPAIGN_FILE": str(campaign),
    }
    said = figurewatch(settings, command, number)
    assert said.status == 0, said.err
    assert "1 message" in said.out
    assert len([text for text in house.team if "Reliable recovery, England: 20.0%" in text]) == then
    again = figurewatch(settings, command, number)
    assert (again.status, again.err) == (2, f"figurewatch: nothing waits for an answer to {number}\n")
