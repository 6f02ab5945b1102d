"""The first days of the shipped campaign, all its sources at once: what the chats show, and how often."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.worker import Budget, Watch
from tests.bot.house import House, open_house, sqlite
from tests.fakes.shipped import shipped
from tests.fakes.sites import Sites

SHIPPED = Path(__file__).parents[2] / "campaign.toml"
START = datetime(2026, 5, 20, 7, tzinfo=UTC)  # a day on which nothing is announced
NOBODY = "http://127.0.0.1:9"
SOURCES = 15


@pytest.fixture
def web() -> Iterator[Sites]:
    with shipped() as web:
        yield web


@pytest.fixture
def house(tmp_path: Path, web: Sites) -> Iterator[House]:
    with open_house(sqlite(tmp_path)) as house:
        house.campaign = tomllib.loads(SHIPPED.read_text(encoding="utf-8"))
        house.now, house.more = START, {"web_mirror": web.url}
        yield house


async def live(house: House, web: Sites, hours: float, dead: tuple[float, float] = (0, 0)) -> None:
    """Let a worker watch for so many hours; between the two `dead` ones no site can be reached."""
    first, last = (START + timedelta(hours=hour) for hour in dead)
    async with house.desk() as desk:
        budget = Budget(lambda: house.now)
        watches = [Watch.begin(desk, source, budget) for source in desk.campaign.sources]
        assert len(watches) == SOURCES
        while (watch := min(watches, key=lambda one: one.slot.at)).slot.at < START + timedelta(hours=hours):
            house.now = max(house.now, watch.slot.at)
            desk.checker.web.mirror = NOBODY if first <= house.now < last else web.url
            await watch.turn()
        assert desk.take_lease()
        await desk.sender.drain()


def test_a_first_start_is_one_line_and_the_hours_after_it_are_silent(house: House, web: Sites) -> None:
    asyncio.run(live(house, web, 3))
    (line,) = house.team
    assert line.startswith("👀 Now watching: One Size Does Not Fit All")
    assert "NHS Talking Therapies, monthly (newest: March 2026)" in line
    assert house.operator == []


def test_a_first_start_without_a_line_is_one_trouble_one_end_and_one_introduction(
    house: House, web: Sites
) -> None:
    asyncio.run(live(house, web, 1.5, dead=(0, 0.4)))
    assert [text.splitlines()[0] for text in house.operator] == [
        f"⚠️ {SOURCES} sources cannot be read",
        f"✅ {SOURCES} sources can be read again",
    ]
    (line,) = house.team
    assert line.startswith("👀 Now watching: ")


def test_a_line_that_is_down_for_hours_is_told_in_few_messages(house: House, web: Sites) -> None:
    asyncio.run(live(house, web, 10, dead=(4, 8)))
    told = [text.splitlines()[0] for text in house.operator]
    assert len(told) <= 4
    assert sum("can be read again" in line for line in told) <= 2
    assert len(house.team) == 1
