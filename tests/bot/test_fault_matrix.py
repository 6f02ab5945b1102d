"""Faults of the matrix in docs/operating.md that no other test shows: what a chat or the operator sees."""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal
from urllib.error import HTTPError
from urllib.request import urlopen

import psycopg
import pytest

from bot.campaign import parse_campaign
from bot.operate import vitals as vitals_module
from bot.operate import watchdog as watchdog_module
from bot.operate.watchdog import WorkerUnwell
from bot.service import serve
from state import database
from state.store import StoreError
from tests.bot.house import House, open_house, sqlite
from tests.bot.test_broken_sources import CAPTCHA
from tests.bot.test_watchdog import Kennel, listen, vitals, watched
from tests.bot.test_whole_way import PARLIAMENT, count_now
from tests.bot.test_worker import PATIENCE, PETITION, Deployment, until
from tests.conftest import PostgresServer
from tests.fakes.badly_certified import self_certified
from tests.fakes.bot_api import BotApi, refusal

WATCHED = {"campaign": {"name": "x", "sources": []}, "petition": [PARLIAMENT | {"tell_at": ["every 100"]}]}
NOBODY = "http://127.0.0.1:9"  # the port of nobody


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Give a house that watches one petition, first seen with 628 signatures."""
    with open_house(sqlite(tmp_path)) as house:
        house.campaign = dict(WATCHED)
        count_now(house, 628)
        asyncio.run(house.check())
        yield house


def look(house: House, times: int = 1) -> list[str | None]:
    """Look so many times, a quarter of an hour apart; return what was wrong."""
    errors = []
    for _ in range(times):
        house.later(minutes=15)
        errors += [result.error for result in asyncio.run(house.check())]
    return errors


# Sources


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (503, "503 Service Unavailable"),
        ("hang", "timed out after 0.4 s"),
        ("captcha", "refused with a challenge page"),
        ("cut", "the answer was cut off or garbled"),
    ],
)
def test_a_site_that_fails_is_told_to_the_operator_when_it_lasts_and_so_is_its_end(
    house: House, fault: Literal["captcha", "cut", "hang", 503], says: str
) -> None:
    if fault == "captcha":
        house.sites.put(PETITION, CAPTCHA)
    else:
        house.sites.fail(PETITION, fault)
    lasts(house, says)


def lasts(house: House, says: str) -> None:
    """See a failure told once at its third look, and its end; the team hears of neither."""
    errors = look(house, 2)
    assert all(error and says in error for error in errors), errors
    assert house.operator == []
    look(house, 2)
    assert [text[:1] for text in house.operator] == ["⚠"]
    assert says in house.operator[0]
    house.sites.mend(PETITION)
    count_now(house, 628)
    house.more.clear()
    assert look(house, 2) == [None, None]
    assert [text[:1] for text in house.operator] == ["⚠", "✅"]
    assert len(house.team) == 1


def test_a_name_that_is_not_found_is_told_like_any_passing_failure(house: House) -> None:
    house.more["web_mirror"] = "http://nowhere.invalid"
    lasts(house, "its name was not found")


def test_a_certificate_that_is_not_good_is_told_and_nothing_is_read(house: House, tmp_path: Path) -> None:
    with self_certified(tmp_path) as address:
        house.more["web_mirror"] = address
        lasts(house, "its certificate is not good: self-signed certificate")


# Telegram


def test_while_telegram_is_down_for_an_hour_news_is_kept_and_then_told_once_in_order(house: House) -> None:
    house.more["telegram_api_url"] = NOBODY
    count_now(house, 701)
    look(house, 2)
    count_now(house, 802)
    look(house, 2)
    assert len(house.team) == 1
    house.more.clear()
    look(house, 2)
    assert ["701 signatures" in house.team[1], "802 signatures" in house.team[2]] == [True, True]
    assert len(house.team) == 3
    assert not any("re-sent" in text or "Late" in text for text in house.team)


def test_two_pollers_with_one_token_are_noticed_and_their_end_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vitals_module, "CONFLICTS", 2)  # the third comes late: they ask ever more rarely
    with BotApi() as telegram:
        signs, met = vitals(), list[str]()
        signs.rhythms = {}
        conflict = refusal(409, "Conflict: terminated by other getUpdates request")
        telegram.fail(conflict, conflict, method="getUpdates")

        def noticed() -> bool:
            met.extend(complaint.sign for complaint in signs.complaints(datetime.now(UTC)))
            return bool(met)

        asyncio.run(listen(telegram, signs, noticed))
        assert met == ["conflict"]
        assert not signs.rival.is_there(datetime.now(UTC) + timedelta(minutes=10))


# The store


@pytest.fixture
def deployment(house: House, tmp_path: Path) -> Iterator[Deployment]:
    """Give processes of this house, as people start them."""
    deployment = Deployment(house, tmp_path)
    yield deployment
    for process in deployment.processes:
        process.kill()
        process.wait()


def health(port: int) -> tuple[int, str]:
    """Return the status and text of the health page; 0 while nobody answers."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/health") as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError:
        return 0, ""


def test_on_a_full_disk_a_worker_says_so_waits_and_goes_on_when_there_is_room(
    deployment: Deployment, tmp_path: Path
) -> None:
    house = deployment.house
    count_now(house, 701)
    reader = sqlite3.connect(house.database_url.removeprefix("sqlite:///"), isolation_level=None)
    for statement in (
        "CREATE TABLE filler AS SELECT zeroblob(60000)",  # so that whatever is written lies beyond the limit
        "BEGIN",
        "SELECT * FROM filler",
    ):
        reader.execute(statement).fetchall()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", "run"],
        # A compiled module that is cut off at the limit would be there for all who come after.
        env=deployment.env(PORT=str(port), LEASE_TIME="3", DAILY_AT="off", PYTHONDONTWRITEBYTECODE="1"),
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (32 * 1024, resource.RLIM_INFINITY)),
    )
    deployment.processes.append(process)
    until(lambda: health(port)[0] == 503, "the health page to say so")
    reasons = json.loads(health(port)[1])["reasons"]
    assert len(reasons) == 1
    assert "the store cannot be written" in reasons[0]
    time.sleep(1.5)  # long enough to try again and again
    assert health(port)[0] == 503
    assert len(house.team) == 1
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, unlimited)
    until(lambda: len(house.team) == 2, "what came meanwhile")
    until(lambda: health(port)[0] == 200, "the health page to be content")
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    reader.close()
    assert log.count("the lease could not be taken, trying again") == 1
    assert "701 signatures" in house.team[1]


def test_a_store_that_another_keeps_is_said_and_nothing_is_half_written(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 100)
    file = house.database_url.removeprefix("sqlite:///")

    async def story(kennel: Kennel) -> None:
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        count_now(house, 701)
        house.later(minutes=15)
        with pytest.raises(StoreError, match="database is locked"):
            await kennel.desk.checker.round(kennel.desk.campaign.sources)
        await kennel.watchdog.round()
        await kennel.watchdog.round()
        (reason,) = kennel.watchdog.reasons()
        assert "the store cannot be written" in reason
        assert "database is locked" in reason
        other.execute("ROLLBACK")
        other.close()
        await kennel.watchdog.round()
        assert kennel.watchdog.reasons() == []
        await kennel.desk.checker.round(kennel.desk.campaign.sources)

    asyncio.run(watched(house, story))
    assert caplog.text.count("ERROR    figurewatch.watchdog") == 1
    assert ["701 signatures" in text for text in house.team] == [False, True]


def test_a_store_whose_file_is_gone_ends_the_worker_and_the_next_begins_anew(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog_module, "EVERY", 0.1)
    file = Path(house.database_url.removeprefix("sqlite:///"))

    async def story() -> None:
        stop = asyncio.Event()
        with house.store() as store:
            campaign = parse_campaign(house.campaign, "campaign.toml")
            serving = asyncio.create_task(serve(house.settings(), campaign, store, stop))
            asked = len(house.sites.asked(PETITION))
            await asyncio.to_thread(until, lambda: len(house.sites.asked(PETITION)) > asked, "a look")
            for path in file.parent.glob(f"{file.name}*"):
                path.unlink()
            with pytest.raises(WorkerUnwell, match="was removed or replaced while it was in use"):
                await asyncio.wait_for(serving, PATIENCE)

    asyncio.run(story())
    asyncio.run(house.check())
    assert [text.partition(":")[0] for text in house.team] == ["👀 Now watching"] * 2


def test_a_postgresql_that_goes_away_is_said_and_all_is_there_when_it_comes_back(
    postgres_server: PostgresServer,
) -> None:
    url = postgres_server.fresh()
    name = url.partition("@/")[2].partition("?")[0]

    def admit(allowed: bool) -> None:
        with psycopg.connect(postgres_server.url("postgres"), autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {str(allowed).lower()}".encode())
            end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
            connection.execute(end, [name])

    with open_house(url) as house:
        house.campaign = dict(WATCHED)
        count_now(house, 628)

        async def story(kennel: Kennel) -> None:
            admit(False)
            await kennel.watchdog.round()
            (reason,) = kennel.watchdog.reasons()
            assert "not currently accepting connections" in reason
            admit(True)
            await kennel.watchdog.round()
            assert kennel.watchdog.reasons() == []
            count_now(house, 701)
            await kennel.desk.checker.round(kennel.desk.campaign.sources)

        asyncio.run(watched(house, story))
        assert ["701 signatures" in text for text in house.team] == [False, True]


def test_restored_from_yesterday_it_tells_what_is_newer_once_more_at_most(
    house: House, tmp_path: Path
) -> None:
    file = Path(house.database_url.removeprefix("sqlite:///"))
    copy = tmp_path / "yesterday.db"

    async def while_a_worker_holds_the_lease(kennel: Kennel) -> None:
        kennel.desk.store.backup(copy)

    asyncio.run(watched(house, while_a_worker_holds_the_lease))
    house.later(days=1)
    for count in (701, 802):
        count_now(house, count)
        look(house)
    before = list(house.team)
    for path in file.parent.glob(f"{file.name}*"):
        path.unlink()
    copy.rename(file)
    house.later(minutes=15)
    errors = look(house, 3)
    assert errors == [None] * 3
    assert len(before) == 3
    (again,) = house.team[3:]
    assert "802 signatures" in again
    assert house.operator == []


def test_a_worker_that_has_hung_says_so_on_its_health_page(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.operate.watchdog.PATIENCE", 0.05)

    async def story(kennel: Kennel) -> None:
        await kennel.watchdog.round()
        await asyncio.sleep(0.1)
        (reason,) = kennel.watchdog.reasons()
        assert reason.startswith("the worker has not moved for")

    asyncio.run(watched(house, story))
