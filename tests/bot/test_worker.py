"""The worker: what it does beside itself, when it is stopped, and when things fail."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import tomllib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from bot import worker as worker_module
from bot.campaign import Campaign, parse_campaign
from bot.desk import LEASE, Desk, open_desk, utc_now
from bot.operate.vitals import Vitals
from bot.pace import Pace
from bot.paused import pause, resume
from bot.service import polling_of
from bot.worker import Budget, Watch, Worker
from scrapers.parliament_petition import ParliamentPetition
from scrapers.talking_therapies_monthly import TalkingTherapiesMonthly
from scrapers.toolkit.contract import (
    EVERYWHERE,
    LIVE,
    BudgetSpent,
    Every,
    Fetched,
    Figure,
    Measure,
    Page,
    Release,
    Scraper,
    Unit,
    Web,
    reading_period,
)
from scrapers.toolkit.reading import soup
from tests.bot.house import MONTHLY_ALONE, OPERATOR, TEAM, House, open_house, sqlite
from tests.bot.year import london
from tests.fakes.bot_api import TOKEN, Call, stalled
from tests.fakes.nhs import OLD_SERIES, Issue, Nhs, england, month_file

PETITION = "https://petition.parliament.uk/petitions/5.json"
CAMPAIGN = """
[campaign]
name = "Test"
sources = []

[[petition]]
source = "parliament_petition"
id = 5
tell_at = ["every 100"]
"""
PATIENCE = 20.0  # seconds, for a busy machine


def count_now(house: House, count: int) -> None:
    """Let the petition show a count."""
    facts = {"action": "Review it", "state": "open", "signature_count": count}
    document = json.dumps({"data": {"type": "petition", "id": 5, "attributes": facts}})
    house.sites.put(PETITION, document, content_type="application/json")


def until(holds: Callable[[], object], what: str) -> None:
    """Wait until something holds."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.02)


@dataclass(slots=True)
class Deployment:
    """Processes of one deployment, each started as people start it."""

    house: House
    folder: Path
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def env(self, **settings: str) -> dict[str, str]:
        """Return the environment of a process; an empty setting counts as missing."""
        (self.folder / "campaign.toml").write_text(CAMPAIGN)
        return {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            "TELEGRAM_BOT_TOKEN": TOKEN,
            "ALERT_CHATS": str(TEAM),
            "OPS_CHAT": str(OPERATOR),
            "DATABASE_URL": self.house.database_url,
            "CAMPAIGN_FILE": str(self.folder / "campaign.toml"),
            "WEB_MIRROR": self.house.sites.url,
            "WEB_PAUSE": "0",
            "TELEGRAM_API_URL": self.house.telegram.url,
            **settings,
        }

    def run(self, **settings: str) -> tuple[subprocess.Popen[str], Callable[[], str]]:
        """Start a worker; return its process and what gives its log so far."""
        path = self.folder / f"worker{len(self.processes)}.log"
        with path.open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "bot", "run"],
                env=self.env(**settings),
                stdout=log,
                stderr=log,
                text=True,
            )
        self.processes.append(process)
        return process, path.read_text

    def command(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        line = [sys.executable, "-m", "bot", *arguments]
        return subprocess.run(
            line, env=self.env(**settings), capture_output=True, text=True, timeout=PATIENCE
        )


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    """Give a deployment that watches one petition, which has 628 signatures."""
    with open_house(sqlite(tmp_path)) as house:
        count_now(house, 628)
        deployment = Deployment(house, tmp_path)
        yield deployment
        for process in deployment.processes:
            process.kill()
            process.wait()


def stop(process: subprocess.Popen[str]) -> float:
    """Stop a worker as hosts do; return how many seconds it took. It must end well."""
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 0
    return time.monotonic() - began


def is_for_team(call: Call) -> bool:
    """Return whether this call sends something to the team's chat."""
    return call.method == "sendMessage" and call.number("chat_id") == TEAM


def test_a_worker_introduces_itself_leaves_no_lease_and_a_check_beside_it_leaves_the_sending_to_it(
    deployment: Deployment,
) -> None:
    house = deployment.house
    process, log = deployment.run()
    until(lambda: house.team, "the first line")
    assert deployment.command("check").stderr == ""
    count_now(house, 701)
    beside = deployment.command("check")
    assert beside.returncode == 0
    assert "A worker is running: it delivers what was found." in beside.stderr
    until(lambda: len(house.team) == 2, "the worker to send what the check found")
    assert stop(process) < 8
    assert house.team[0].startswith("👀 Now watching: ")
    assert "701 signatures" in house.team[1]
    assert not any("cannot be read" in text for text in house.operator)
    assert "parliament_petition:5: 628" in log()
    with house.store() as store:
        assert store.lease.holder(LEASE, datetime.now(UTC)) is None


def test_a_second_worker_waits_and_takes_over_when_the_first_is_killed(deployment: Deployment) -> None:
    house = deployment.house
    first, _ = deployment.run(LEASE_TIME="2")
    until(lambda: house.team, "the first line")
    second, log = deployment.run(LEASE_TIME="2")
    until(lambda: "another worker holds the lease" in log(), "the second to wait")
    first.kill()
    until(lambda: "the lease is ours" in log(), "the second to take over")
    count_now(house, 701)
    deployment.command("check", LEASE_TIME="2")
    until(lambda: len(house.team) == 2, "somebody to send")
    assert stop(second) < 8
    assert len(house.team) == 2


def test_a_group_that_moved_is_heard_when_it_lets_the_bot_in_again(deployment: Deployment) -> None:
    house, new = deployment.house, -1009
    process, _ = deployment.run()
    until(lambda: house.team, "the first line")
    group = house.telegram.migrate(TEAM, new)
    until(lambda: any("became a supergroup" in text for text in house.operator), "the move to be heard")
    house.telegram.kick(new)
    count_now(house, 701)
    deployment.command("check")
    until(lambda: any("takes no messages" in text for text in house.operator), "the refusal")
    house.telegram.take_in(new)
    until(lambda: any("701 signatures" in text for text in group.texts), "what was kept")
    assert stop(process) < 8


def test_a_worker_that_is_stopped_while_a_message_hangs_ends_in_time_and_loses_nothing(
    deployment: Deployment,
) -> None:
    house = deployment.house
    house.telegram.fault = lambda call: stalled(60, delivered=False) if is_for_team(call) else None
    process, _ = deployment.run()
    until(lambda: any(map(is_for_team, house.telegram.calls)), "a message")
    assert stop(process) < 8
    assert house.team == []
    with house.store() as store:
        counts = store.outbox.counts()
    assert counts["sending"] + counts["ambiguous"] == 1


def test_without_a_network_a_worker_says_so_and_goes_on(deployment: Deployment) -> None:
    process, log = deployment.run(WEB_MIRROR="http://127.0.0.1:9")
    until(lambda: "parliament_petition:5: cannot be reached: no connection" in log(), "the trouble")
    assert process.poll() is None
    assert "127.0.0.1" not in log()
    assert stop(process) < 8


def test_a_token_without_chats_starts_and_says_what_is_missing(deployment: Deployment) -> None:
    process, log = deployment.run(ALERT_CHATS="", OPS_CHAT="")
    until(lambda: "Now watching" in log(), "the first line in the log")
    assert "no ALERT_CHATS" in log()
    assert "no OPS_CHAT" in log()
    assert not any(call.method == "sendMessage" for call in deployment.house.telegram.calls)
    assert stop(process) < 8


def test_wrong_settings_end_with_one_message_that_names_every_fault(deployment: Deployment) -> None:
    ended = deployment.command("run", TELEGRAM_BOT_TOKEN="secret", PORT="99999", ALERT_CHATS="team")
    assert ended.returncode != 0
    for name in ("TELEGRAM_BOT_TOKEN", "PORT", "ALERT_CHATS"):
        assert name in ended.stderr
    assert "secret" not in ended.stderr
    assert "Traceback" not in ended.stderr


# Below, the worker runs inside the test.


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Give a house whose petition has 628 signatures."""
    with open_house(sqlite(tmp_path)) as house:
        count_now(house, 628)
        yield house


@asynccontextmanager
async def working(
    house: House,
    campaign: Campaign,
    clock: Callable[[], datetime] = utc_now,
    leads: Callable[[bool], None] = lambda leads: None,
    **settings: object,
) -> AsyncIterator[Desk]:
    """Run a worker that listens meanwhile, and stop it at the end; it must end in time."""
    stop, budget = asyncio.Event(), Budget(clock)
    configured = house.settings().model_copy(update=settings)
    with house.store() as store:
        async with open_desk(
            configured, campaign, store, clock=clock, spend=budget.spend, pace=Pace(spacing=0, backoff=0.01)
        ) as desk:
            polling = polling_of(desk, Vitals(None, {}))
            assert polling is not None
            running = asyncio.create_task(Worker(desk, budget, duties=[polling.run], leads=leads).run(stop))
            try:
                yield desk
            finally:
                stop.set()
                await asyncio.wait_for(running, 8)


async def happens(holds: Callable[[], object], what: str) -> None:
    """Wait until something holds."""
    await asyncio.to_thread(until, holds, what)


def petition() -> Campaign:
    """Return a campaign that watches one petition."""
    return parse_campaign(tomllib.loads(CAMPAIGN), "campaign.toml")


def monthly() -> Campaign:
    """Return a campaign that watches the monthly figures alone."""
    head = {"name": "Test", "sources": ["talking_therapies_monthly"]}
    return parse_campaign({"campaign": head}, "campaign.toml")


class Ticker(Scraper):
    """A live source that should be looked at without a pause, and counts its looks."""

    title, url, publisher = "Ticker", "https://ticker.example/", "Ticker"
    hosts = frozenset({"ticker.example"})
    rhythm = Every(timedelta(0), timedelta(0))

    def __init__(self) -> None:
        super().__init__({})
        self.looks = 0

    async def releases(self, web: Web) -> Sequence[Release]:
        self.looks += 1
        return [Release(LIVE, self.title, self.url)]

    async def fetch(self, release: Release, web: Web) -> Fetched:
        return Fetched(release, Page(self.url, b"1", "text/plain"))

    def read(self, fetched: Fetched, now: datetime) -> Sequence[Figure]:
        return [Figure(Measure("ticks", "Ticks", Unit.COUNT), EVERYWHERE, reading_period(now), 1)]


def test_a_look_that_is_due_at_the_end_of_another_is_not_lost(house: House) -> None:
    ticker = Ticker()

    async def story() -> None:
        async with working(house, Campaign("Test", (ticker,), {})):
            await happens(lambda: ticker.looks > 5, "look after look")

    asyncio.run(story())


class Hurried(ParliamentPetition):
    """A petition that should be looked at without a pause."""

    rhythm = Every(timedelta(0), timedelta(0))


def test_a_paused_source_is_asked_for_nothing_by_any_process_until_it_is_resumed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "AGAIN_AFTER", timedelta(milliseconds=50))
    ops = house.telegram.chat(OPERATOR)
    ops.admins = {13}
    campaign = Campaign("Test", (Hurried({"id": 5}),), {})

    async def told(command: str, answer: str) -> None:
        house.telegram.say(OPERATOR, f"/{command} {campaign.sources[0].key}", user=13)
        await happens(lambda: any(answer in text for text in ops.texts), answer)

    async def nothing_is_asked() -> None:
        await asyncio.sleep(0.1)  # what was on its way
        asked = len(house.sites.requests)
        await asyncio.sleep(0.3)
        assert len(house.sites.requests) == asked

    async def goes_on() -> None:
        asked = len(house.sites.requests)
        await happens(lambda: len(house.sites.requests) > asked + 3, "look after look")

    async def story() -> None:
        async with working(house, campaign):
            await goes_on()
            await told("pause", "is not looked at until /resume")
            await nothing_is_asked()
        async with working(house, campaign):
            await nothing_is_asked()
            await told("status", "⏸ UK Parliament petition 5: not looked at until /resume")
            await told("resume", "is looked at again")
            await goes_on()

    asyncio.run(story())


def test_a_look_that_cannot_be_committed_is_logged_and_made_again(
    house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "AGAIN_AFTER", timedelta(milliseconds=100))
    with house.store():  # the tables are there from now on
        pass
    file = house.database_url.removeprefix("sqlite:///")

    def tell_database(statement: str) -> None:
        with sqlite3.connect(file) as connection:
            connection.execute(statement)
        connection.close()

    async def story() -> None:
        tell_database(
            "CREATE TRIGGER refuse BEFORE INSERT ON sources BEGIN SELECT RAISE(ABORT, 'no room'); END"
        )
        async with working(house, petition()):
            await happens(lambda: caplog.text.count("the look failed") > 1, "two failures")
            assert "no room" in caplog.text
            tell_database("DROP TRIGGER refuse")
            await happens(lambda: house.team, "the first line")

    asyncio.run(story())
    assert len(house.team) == 1


def test_without_the_lease_nothing_is_sent_until_it_is_ours_again(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    ticker, leads = Ticker(), list[bool]()

    async def story() -> None:
        campaign = Campaign("Test", (ticker,), {})
        async with working(house, campaign, leads=leads.append, lease_time=1.0):
            await happens(lambda: house.team, "the first line")
            seize(house)
            await happens(lambda: "the lease is lost" in caplog.text, "the loss to be seen")
            looks = ticker.looks
            await asyncio.sleep(0.3)
            assert ticker.looks <= looks + 1
            await happens(lambda: "the lease is ours again" in caplog.text, "the lease")
            await happens(lambda: ticker.looks > looks + 3, "more looks")

    asyncio.run(story())
    assert leads == [True, False, True]


def seize(house: House) -> None:
    """Give the lease to somebody else, for two seconds."""
    until_then = (datetime.now(UTC) + timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    with sqlite3.connect(house.database_url.removeprefix("sqlite:///")) as connection:
        connection.execute("UPDATE leases SET owner = 'other', until = ?", [until_then])
    connection.close()


def test_a_look_that_hangs_does_not_keep_a_worker_from_stopping(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "DRAIN_TIME", 0.2)
    house.sites.fail(PETITION, "hang")

    async def story() -> float:
        async with working(house, petition()):
            await happens(lambda: house.sites.asked(PETITION), "a look")
            began = time.monotonic()
        return time.monotonic() - began

    assert asyncio.run(story()) < 3


def test_a_look_that_hangs_for_too_long_is_ended_and_made_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "LONGEST_LOOK", 0.3)
    monkeypatch.setattr(worker_module, "AGAIN_AFTER", timedelta(milliseconds=100))
    house.sites.fail(PETITION, "hang", times=1)

    async def story() -> None:
        async with working(house, petition()):
            await happens(lambda: house.team, "the first line")

    asyncio.run(story())


def test_a_petition_that_never_could_be_read_is_tried_as_often_as_one_that_was(house: House) -> None:
    house.sites.fail(PETITION, 503)

    async def story() -> list[int]:
        waits = []
        async with house.desk() as desk:
            watch = Watch.begin(desk, petition().sources[0], Budget(desk.clock))
            for _ in range(4):
                await watch.turn()
                waits.append(int((watch.slot.at - house.now).total_seconds() // 60))
        return waits

    house.campaign = tomllib.loads(CAMPAIGN)
    assert asyncio.run(story()) == [5, 10, 15, 15]


ANNOUNCED = "2099-05-14"  # far away, so that the backfill alone works now


def with_a_past(house: House) -> Nhs:
    """Return the publisher with a newest release that was read, two that were not, and one due today."""
    nhs = Nhs(house.sites)
    for period, day in {"2098-12": "2099-02-12", "2099-01": "2099-03-12", "2099-02": "2099-04-09"}.items():
        body = month_file(period, england()).encode()
        nhs.issues[period] = Issue(period, date.fromisoformat(day), body=body)
    nhs.issues["2020-01"] = Issue("2020-01", date(2020, 3, 12), series=OLD_SERIES)  # too old to be read
    nhs.publish(Issue("2099-03", expected="14 May 2099"))
    house.now, house.campaign = london(ANNOUNCED, "08:00"), {"campaign": MONTHLY_ALONE}
    asyncio.run(house.check("talking_therapies_monthly"))
    return nhs


def test_a_backfill_gives_way_while_a_release_may_come_or_its_source_is_paused_and_posts_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "GIVE_WAY", 0.02)
    nhs, other = with_a_past(house), TalkingTherapiesMonthly({"id": "paused all the while"})
    campaign = replace(monthly(), sources=(other, *monthly().sources))
    with house.store() as store, store.writing() as tx:
        pause(tx, other.key, house.now)
    told, asked = len(house.team), len(house.sites.requests)
    house.now = london(ANNOUNCED, "09:26")

    async def story() -> None:
        async with working(house, campaign, lambda: house.now) as desk:
            await asyncio.sleep(0.5)
            assert len(house.sites.requests) == asked
            with desk.store.writing() as tx:
                pause(tx, "talking_therapies_monthly", house.now)
            house.now = london(ANNOUNCED, "10:31")
            await asyncio.sleep(0.2)
            assert len(house.sites.requests) == asked
            with desk.store.writing() as tx:
                resume(tx, "talking_therapies_monthly", house.now)
            past = [nhs.issues[period].file_url for period in ("2098-12", "2099-01")]
            await happens(lambda: all(map(house.sites.asked, past)), "the past")

    asyncio.run(story())
    assert len(house.team) == told


def test_a_backfill_leaves_what_is_newer_than_all_that_was_read_to_the_watch(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "GIVE_WAY", 0.02)
    nhs = with_a_past(house)
    body = month_file("2099-03", england()).encode()
    nhs.publish(Issue("2099-03", london(ANNOUNCED, "09:30").date(), body=body))
    house.now = london("2099-05-15", "08:00")

    async def story() -> None:
        async with working(house, monthly(), lambda: house.now):
            await happens(lambda: house.sites.asked(nhs.issues["2098-12"].file_url), "the past")

    asyncio.run(story())
    assert not house.sites.asked(nhs.issues["2099-03"].file_url)


def test_a_backfill_comes_back_to_what_failed_in_passing_and_names_what_is_refused_once(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(worker_module, "GIVE_WAY", 0.02)
    monkeypatch.setattr(worker_module, "PAST_AGAIN", 0.02)
    caplog.set_level("INFO")
    nhs = with_a_past(house)
    house.now = london(ANNOUNCED, "11:00")
    older, newer = (nhs.issues[period].file_url for period in ("2098-12", "2099-01"))
    house.sites.fail(newer, 503, times=3)
    house.sites.put(older, "no figures", content_type="text/csv")

    async def story() -> None:
        async with working(house, monthly(), lambda: house.now):
            await happens(lambda: "read, 1 refused\n" in caplog.text, "the end of it")
            await happens(lambda: any("Of the past of" in text for text in house.operator), "the line")

    asyncio.run(story(), debug=True)  # refuses to be woken by another thread
    assert "a task ended in an error" not in caplog.text
    assert "0 past releases read, 1 refused, 1 not reached" in caplog.text
    assert "1 past release read, 1 refused\n" in caplog.text
    caplog.clear()
    asyncio.run(story())
    assert len(house.sites.asked(newer)) == 4
    assert len(house.sites.asked(older)) == 2  # once by each process
    assert len([text for text in house.operator if "Of the past of" in text]) == 1


def test_a_fault_of_the_reader_in_one_past_release_leaves_the_others(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    nhs = with_a_past(house)
    house.now = london(ANNOUNCED, "11:00")
    broken = nhs.issues["2099-01"].file_url
    read = TalkingTherapiesMonthly.read

    def fail_once(self: TalkingTherapiesMonthly, fetched: Fetched, now: datetime) -> Sequence[Figure]:
        if fetched.page.url == broken:
            raise KeyError("M001")
        return read(self, fetched, now)

    monkeypatch.setattr(TalkingTherapiesMonthly, "read", fail_once)
    past = asyncio.run(house.backfill("talking_therapies_monthly"))
    assert past.read == 1
    assert list(past.refused.values()) == ["the reader failed: KeyError: 'M001'"]


def test_a_backfill_is_stopped_in_the_middle_of_a_file(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "GIVE_WAY", 0.02)
    nhs = with_a_past(house)
    house.now, file = london(ANNOUNCED, "11:00"), nhs.issues["2099-01"].file_url
    house.sites.fail(file, "drip")

    async def story() -> float:
        async with working(house, monthly(), lambda: house.now):
            await happens(lambda: house.sites.asked(file), "the file")
            began = time.monotonic()
        return time.monotonic() - began

    assert asyncio.run(story()) < 2


def test_the_event_loop_is_never_held_up_by_a_large_file(house: House) -> None:
    soup(Page("", b"<p>", "text/html"))  # loading the parser takes longer, once
    nhs = Nhs(house.sites)
    figures = england()
    counts = {measure: 5 for measure, value in figures.items() if isinstance(value, int)}
    providers = {f"R{n:03}": counts for n in range(999)}
    body = month_file("2026-03", figures, providers).encode()
    nhs.publish(Issue("2026-03", date(2026, 5, 14), body=body))
    longest = 0.0

    async def heartbeat() -> None:
        nonlocal longest
        while True:
            began = time.thread_time()
            await asyncio.sleep(0.005)
            longest = max(longest, time.thread_time() - began)

    async def story() -> None:
        beating = asyncio.create_task(heartbeat())
        async with working(house, monthly()):
            await happens(lambda: house.team, "the first line")
            beating.cancel()

    asyncio.run(story())
    assert len(body) > 2_000_000
    assert longest < 0.1


def test_a_budget_ends_with_londons_day_and_is_shared_with_earlier_processes() -> None:
    now = datetime(2026, 7, 9, 22, 0, tzinfo=UTC)
    budget = Budget(lambda: now)
    budget.allow("nhs", 8, spent=6)
    budget.spend("nhs")
    budget.spend("nhs")
    with pytest.raises(BudgetSpent, match="the 8 requests of today are used up"):
        budget.spend("nhs")
    assert budget.left("nhs") == 0
    now += timedelta(hours=1)  # midnight in London
    budget.allow("nhs", 8, spent=0)
    assert budget.left("nhs") == 8


def test_what_a_day_may_cost_never_shrinks_before_it_is_over() -> None:
    budget = Budget(lambda: datetime(2026, 7, 9, 9, 0, tzinfo=UTC))
    budget.allow("nhs", 60, spent=20)
    budget.allow("nhs", 8, spent=20)
    assert budget.left("nhs") == 40
