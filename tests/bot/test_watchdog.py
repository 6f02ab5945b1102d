"""Signs of life: what is said when one is missing, on the health page and to the operator."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands import polling as polling_module
from bot.commands.polling import Polling
from bot.desk import Desk
from bot.operate.health import HealthServer
from bot.operate.metrics import Metrics
from bot.operate.vitals import Rival, Vitals, overlooked_from
from bot.operate.watchdog import Watchdog, WorkerUnwell
from bot.paused import pause, resume
from bot.schedule import next_slot
from bot.settings import SettingsError
from scrapers.toolkit.contract import Every, ReleaseCalendar, Rhythm
from tests.bot.house import TEAM, House, open_house, sqlite
from tests.bot.test_whole_way import PARLIAMENT, count_now
from tests.bot.year import london
from tests.fakes.bot_api import (
    BAD_GATEWAY,
    JUNK,
    TOKEN,
    UNAUTHORIZED,
    BotApi,
    Fault,
    rate_limited,
)

NO_RESULT = Fault(200, b'{"ok": true}')

NOW = datetime(2026, 5, 14, 6, 0, tzinfo=UTC)  # before the hour of the daily line
RHYTHMS: dict[str, Rhythm] = {"petition": Every(), "monthly": ReleaseCalendar()}


def vitals(**fields: object) -> Vitals:
    """Return the signs of life of a worker that is well but for `fields`."""
    return Vitals(NOW, RHYTHMS, **fields)  # type: ignore[arg-type]


def test_a_worker_that_has_just_begun_is_well() -> None:
    assert vitals().complaints(NOW) == []


@pytest.mark.parametrize(
    ("fields", "after", "sign"),
    [
        ({"looked": {"monthly": NOW}}, timedelta(minutes=49), "source:petition"),
        ({"looked": {"petition": NOW + timedelta(hours=36)}}, timedelta(hours=37), "source:monthly"),
        ({"polled": NOW}, timedelta(minutes=3, seconds=1), "polling"),
        ({"oldest_due": NOW}, timedelta(minutes=16), "outbox"),
        ({"store_fault": "disk full"}, timedelta(0), "store"),
    ],
)
def test_each_missing_sign_of_life_is_named(fields: dict[str, object], after: timedelta, sign: str) -> None:
    assert sign in [complaint.sign for complaint in vitals(**fields).complaints(NOW + after)]


@pytest.mark.parametrize(
    ("last", "well_until", "wrong_from"),
    [
        ("12:00", "12:44", "12:49"),
        ("22:50", "01:00", "01:15"),  # the day's interval once, then the night's twice
        ("00:00", "02:59", "03:13"),
        ("05:30", "07:14", "07:30"),  # a night's interval does not reach into the day
    ],
)
def test_a_petition_may_miss_as_many_looks_by_day_as_by_night(
    last: str, well_until: str, wrong_from: str
) -> None:
    looked = london("2026-05-14", last)

    def signs_at(clock: str) -> list[str]:
        now = london("2026-05-14", clock)
        signs = Vitals(looked, {"petition": Every()}, looked={"petition": looked})
        found = signs.complaints(now if now > looked else now + timedelta(days=1))
        return [complaint.sign for complaint in found]

    assert (signs_at(well_until), signs_at(wrong_from)) == ([], ["source:petition"])


@given(st.timedeltas(timedelta(0), timedelta(days=2)))  # over the night on which the clocks go forward
def test_whoever_looks_by_the_plan_never_overlooks_a_petition(after: timedelta) -> None:
    last = datetime(2026, 3, 28, tzinfo=UTC) + after
    planned = next_slot("petition", Every(), (), last, last).at
    assert planned + timedelta(minutes=10) < overlooked_from("petition", Every(), last)


def test_who_takes_over_or_takes_up_again_answers_for_nothing_from_before() -> None:
    late = NOW + timedelta(hours=50)
    fields = {"looked": {"petition": NOW}, "oldest_due": NOW, "polled": NOW}
    assert [complaint.sign for complaint in Vitals(None, RHYTHMS, **fields).complaints(late)] == []  # type: ignore[arg-type]
    taken = Vitals(late, RHYTHMS, looked={"petition": NOW}, oldest_due=NOW)
    assert taken.complaints(late) == []
    assert [complaint.sign for complaint in taken.complaints(late + timedelta(minutes=50))] == [
        "source:petition",
        "outbox",
    ]


def test_another_poller_is_known_by_conflicts_that_come_again_until_they_end() -> None:
    rival, minute = Rival(), timedelta(minutes=1)
    for after in (0, 6, 12, 14):  # never three within five minutes
        rival.meet(NOW + after * minute)
    assert not rival.is_there(NOW + 14 * minute)
    rival.meet(NOW + 15 * minute)
    rival.meet(NOW + 24 * minute)
    assert [rival.is_there(NOW + after * minute) for after in (15, 33, 34)] == [True, True, False]
    rival.meet(NOW + 40 * minute)
    assert not rival.is_there(NOW + 40 * minute)


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
        with pytest.raises(SettingsError, match=rf"^PORT: nothing can be served at {server.port}: Address"):
            HealthServer(server.port, lambda: reasons, lambda: b"")


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
            for _ in range(3):
                kennel.signs.rival.meet(house.now)
            await kennel.watchdog.round()
            await kennel.watchdog.round()
            assert kennel.watchdog.reasons() == ["another process polls Telegram with this bot's token"]
            house.later(minutes=10)
            kennel.signs._clock_at = None
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


def test_a_paused_source_is_missed_by_nobody_and_the_daily_line_names_it(
    tmp_path: Path, campaign: dict[str, object]
) -> None:
    with open_house(sqlite(tmp_path)) as house:
        house.campaign, house.now = campaign, NOW
        count_now(house, 628)

        async def story(kennel: Kennel) -> None:
            for change, missed in (
                (pause, []),
                (resume, ["parliament_petition:5 was not looked at for 50.0 hours"]),
            ):
                with kennel.desk.store.writing() as tx:
                    change(tx, "parliament_petition:5", house.now)
                await kennel.watchdog.round()
                assert kennel.watchdog.reasons() == []
                await kennel.desk.sender.drain()
                house.later(hours=50)
                kennel.signs._clock_at = None
                await kennel.watchdog.round()
                assert kennel.watchdog.reasons() == missed

        asyncio.run(watched(house, story))
        daily = [text for text in house.operator if text.startswith("☀️ Alive")]
        assert ["paused: parliament_petition:5" in text for text in daily] == [True, False]


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


async def listen(
    telegram: BotApi,
    signs: Vitals,
    until: Callable[[], bool],
    allowed: Callable[[], Collection[str]] = lambda: {str(TEAM)},
) -> list[str]:
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
        allowed=allowed,
        resume=resume,
        moved=moved,
    )
    stop = asyncio.Event()
    task = asyncio.create_task(polling.run(stop))
    async with asyncio.timeout(10):
        while not until():
            assert not task.done(), task.exception()
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


@pytest.mark.parametrize("method", ["getMe", "deleteWebhook"])
@pytest.mark.parametrize("fault", [rate_limited(0), JUNK, BAD_GATEWAY, NO_RESULT], ids=str)
def test_whatever_telegram_answers_first_polling_begins_in_the_end(
    fault: Fault, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling_module, "RETRY", 0.02)
    with BotApi() as telegram:
        signs = vitals()
        telegram.fail(fault, method=method)
        asyncio.run(listen(telegram, signs, lambda: signs.polled is not None))


def test_a_poller_that_was_told_to_wait_is_not_taken_for_dead() -> None:
    with BotApi() as telegram:
        signs, dead = vitals(), list[bool]()
        signs.rhythms = {}
        telegram.fail(rate_limited(1), method="getUpdates")

        def told() -> bool:
            if any(call.method == "getUpdates" for call in telegram.calls):
                dead.append(bool(signs.complaints(datetime.now(UTC) + timedelta(minutes=4))))
            return dead[-1:] == [False]

        asyncio.run(listen(telegram, signs, told))


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
