"""Signs of life: what is said when one is missing, on the health page and to the operator."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from bot.commands.polling import Polling
from bot.desk import Desk
from bot.operate.health import HealthServer
from bot.operate.metrics import Metrics
from bot.operate.vitals import Vitals
from bot.operate.watchdog import Watchdog, WorkerUnwell
from scrapers.toolkit.contract import Every, ReleaseCalendar
from tests.bot.house import TEAM, House, open_house, sqlite
from tests.bot.test_whole_way import PARLIAMENT, count_now
from tests.fakes.bot_api import TOKEN, UNAUTHORIZED, BotApi

NOW = datetime(2026, 5, 14, 6, 0, tzinfo=UTC)  # before the hour of the daily line


def vitals(**fields: object) -> Vitals:
    """Return the signs of life of a worker that is well but for `fields`."""
    return Vitals(NOW, {"petition": Every(), "monthly": ReleaseCalendar()}, **fields)  # type: ignore[arg-type]


def test_a_worker_that_has_just_begun_is_well() -> None:
    assert vitals().complaints(NOW) == []


@pytest.mark.parametrize(
    ("fields", "after", "sign"),
    [
        ({"looked": {"monthly": NOW + timedelta(hours=3)}}, timedelta(hours=3, minutes=1), "source:petition"),
        ({"looked": {"petition": NOW + timedelta(hours=36)}}, timedelta(hours=37), "source:monthly"),
        ({"polled": NOW}, timedelta(minutes=3, seconds=1), "polling"),
        ({"conflict_since": NOW}, timedelta(seconds=61), "conflict"),
        ({"oldest_due": NOW}, timedelta(minutes=16), "outbox"),
        ({"store_fault": "disk full"}, timedelta(0), "store"),
    ],
)
def test_each_missing_sign_of_life_is_named(fields: dict[str, object], after: timedelta, sign: str) -> None:
    assert sign in [complaint.sign for complaint in vitals(**fields).complaints(NOW + after)]


def test_a_clock_that_jumps_is_named_and_one_that_only_runs_is_not() -> None:
    signs = vitals()
    signs.tick(NOW, 100.0)
    signs.tick(NOW + timedelta(seconds=30), 130.0)
    assert signs.complaints(NOW) == []
    signs.tick(NOW + timedelta(hours=1), 160.0)
    assert [complaint.sign for complaint in signs.complaints(NOW)] == ["clock"]


def test_the_health_page_says_why_and_the_metrics_page_counts() -> None:
    reasons: list[str] = []
    with HealthServer(0, lambda: reasons, lambda: b"figurewatch_up 1\n") as server:
        base = f"http://127.0.0.1:{server.port}"
        with urlopen(f"{base}/health") as answer:
            assert json.load(answer) == {"ok": True, "reasons": []}
        reasons.append("a message has been waiting for 16 minutes")
        with pytest.raises(HTTPError) as refused:
            urlopen(f"{base}/health")
        with refused.value:
            assert refused.value.code == 503
            assert json.load(refused.value)["reasons"] == reasons
        with urlopen(f"{base}/metrics") as answer:
            assert answer.read() == b"figurewatch_up 1\n"


@dataclass(frozen=True, slots=True)
class Kennel:
    """A watchdog and what it looks after."""

    desk: Desk
    watchdog: Watchdog
    signs: Vitals
    metrics: Metrics


async def watched(house: House, story: Callable[[Kennel], object]) -> None:
    """Run a story with the watchdog of a worker in this house, and deliver what it says."""
    async with house.desk() as desk:
        signs = Vitals(house.now, {source.key: source.rhythm for source in desk.campaign.sources})
        metrics = Metrics(desk.store, desk.checker.web.requests, desk.clock)
        watchdog = Watchdog(desk, signs, metrics)
        for result in await desk.checker.round(desk.campaign.sources):
            watchdog.looked(result)
        assert desk.take_lease()
        await desk.sender.drain()
        outcome = story(Kennel(desk, watchdog, signs, metrics))
        if asyncio.iscoroutine(outcome):
            await outcome
        await desk.sender.drain()


@pytest.fixture
def campaign() -> dict[str, object]:
    """Give a campaign with one petition."""
    return {"campaign": {"name": "x", "sources": []}, "petition": [PARLIAMENT]}


def test_what_is_wrong_is_told_to_the_operator_once(tmp_path: Path, campaign: dict[str, object]) -> None:
    with open_house(sqlite(tmp_path)) as house:
        house.campaign, house.now = campaign, NOW
        count_now(house, 628)

        async def story(kennel: Kennel) -> None:
            kennel.signs.conflict_since = house.now - timedelta(minutes=2)
            await kennel.watchdog.round()
            await kennel.watchdog.round()
            assert kennel.watchdog.reasons() == ["another process polls Telegram with this bot's token"]
            kennel.signs.conflict_since = None
            await kennel.watchdog.round()
            assert kennel.watchdog.reasons() == []

        asyncio.run(watched(house, story))
        assert len(house.operator) == 1
        assert "another process polls Telegram" in house.operator[0]
        assert len(house.team) == 1


def test_the_daily_line_comes_once_a_day_after_its_hour(tmp_path: Path, campaign: dict[str, object]) -> None:
    with open_house(sqlite(tmp_path)) as house:
        house.campaign, house.now = campaign, NOW
        count_now(house, 628)

        async def story(kennel: Kennel) -> None:
            await kennel.watchdog.round()
            for hour in (7.5, 8, 9, 24 + 7.5):
                house.now = NOW.replace(hour=0) + timedelta(hours=hour)
                kennel.signs.looked["parliament_petition:5"] = house.now
                kennel.signs._clock_at = None
                await kennel.watchdog.round()
                await kennel.desk.sender.drain()

        asyncio.run(watched(house, story))
        assert [text.startswith("☀️ Alive: 1 of 1 sources read") for text in house.operator] == [True, True]


def test_the_metrics_count_looks_and_requests(tmp_path: Path, campaign: dict[str, object]) -> None:
    with open_house(sqlite(tmp_path)) as house:
        house.campaign = campaign
        count_now(house, 628)
        pages: list[str] = []
        asyncio.run(watched(house, lambda kennel: pages.append(kennel.metrics.page().decode())))
        page = pages[0]
        assert 'figurewatch_checks_total{result="ok",source="parliament_petition:5"} 1.0' in page
        assert 'figurewatch_requests_total{host="petition.parliament.uk"} 1.0' in page
        assert 'figurewatch_outbox_messages{state="sent"} 1.0' in page


async def listen(telegram: BotApi, signs: Vitals, until: Callable[[], bool]) -> list[str]:
    """Poll until something holds; return which chats were let go on."""
    resumed: list[str] = []

    async def resume(chat: str) -> None:
        resumed.append(chat)

    async def moved(old: str, new: str) -> None:
        resumed.append(f"{old}>{new}")

    polling = Polling(
        TOKEN,
        telegram.url,
        signs,
        lambda: datetime.now(UTC),
        allowed={str(TEAM)},
        resume=resume,
        moved=moved,
    )
    stop = asyncio.Event()
    task = asyncio.create_task(polling.run(stop))
    async with asyncio.timeout(10):
        while not until():  # noqa: ASYNC110  # what is waited for happens in another process's stead
            await asyncio.sleep(0.02)
    stop.set()
    await task
    return resumed


def test_polling_that_ended_without_a_word_ends_the_worker() -> None:
    with BotApi() as telegram:
        signs = vitals()
        telegram.fail(UNAUTHORIZED, method="getUpdates")

        def polled() -> bool:
            return any(call.method.lower() == "getupdates" for call in telegram.calls)

        asyncio.run(listen(telegram, signs, polled))
        assert signs.polled is not None
        complaints = signs.complaints(signs.polled + timedelta(minutes=4))
        assert [complaint.sign for complaint in complaints if complaint.fatal] == ["polling"]


def test_a_fatal_complaint_ends_the_watchdog_with_an_error(
    tmp_path: Path, campaign: dict[str, object]
) -> None:
    with open_house(sqlite(tmp_path)) as house:
        house.campaign, house.now = campaign, NOW
        count_now(house, 628)

        async def story(kennel: Kennel) -> None:
            kennel.signs.polled = house.now - timedelta(minutes=4)
            with pytest.raises(WorkerUnwell, match="4 minutes"):
                await kennel.watchdog.run(asyncio.Event())

        asyncio.run(watched(house, story))
        assert "Telegram was not asked" in house.operator[0]
