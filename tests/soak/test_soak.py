"""Whatever goes wrong: no alert is lost in silence, none comes more than twice, and a second copy says so."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from bot.desk import LEASE, utc_now
from bot.operate.crash import POINTS
from state.store import Store
from tests.conftest import PostgresServer
from tests.fakes.bot_api import TOKEN, Span
from tests.soak.judge import judge, judge_as_calm
from tests.soak.life import (
    MONTHLY,
    PERSON,
    PETITIONS,
    Place,
    live_as_child,
    live_here,
    look_alone,
    work_as_child,
)
from tests.soak.story import MOVED, Month, calm_months, story_of
from tests.soak.world import World, world

# What a process leaves that dies within this one is no fault.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

PROCESSES = get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.soak.preload"])


@pytest.fixture(scope="session")
def learnt(current_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a SQLite file of a worker that has looked at everything once."""
    path = tmp_path_factory.mktemp("learnt") / "figurewatch.db"
    shutil.copyfile(current_sqlite, path)
    with world(f"sqlite:///{path}", seed=0) as it:
        it.begin(live_here)
    return path


@pytest.fixture
def sqlite(learnt: Path, tmp_path: Path) -> str:
    """Return the address of a SQLite store, in which everything was looked at once."""
    return copied(learnt, tmp_path / "figurewatch.db")


@pytest.fixture
def calm(learnt: Path, tmp_path: Path) -> str:
    """Return the address of another one, for the same without faults."""
    return copied(learnt, tmp_path / "calm.db")


def copied(learnt: Path, path: Path) -> str:
    """Return the address of a copy of a store."""
    shutil.copyfile(learnt, path)
    return f"sqlite:///{path}"


def play(database: str, calm: str, seed: int) -> None:
    """Let a story happen while calls fail and processes die, and once more while nothing is sent."""
    story = story_of(seed, PETITIONS)
    with world(database, seed) as it, world(calm, seed) as other:
        it.begin(live_here)
        it.go_wrong()
        it.live_through(story, live_here, it.somewhere, moves=it.chance.randrange(3))
        judge(it, story.months)
        other.begin(look_alone)
        other.live_through(story, look_alone, lambda: None)
        judge_as_calm(it, other)


@pytest.mark.parametrize("seed", range(3))
def test_with_every_third_call_faulty_and_deaths_anywhere(sqlite: str, calm: str, seed: int) -> None:
    play(sqlite, calm, seed)


@pytest.mark.parametrize("seed", [3])
def test_the_same_on_postgresql(postgres_server: PostgresServer, calm: str, seed: int) -> None:
    play(postgres_server.cleared(), calm, seed)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(160))
def test_for_long_on_sqlite(sqlite: str, calm: str, seed: int) -> None:
    play(sqlite, calm, seed)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(160, 200))
def test_for_long_on_postgresql(postgres_server: PostgresServer, calm: str, seed: int) -> None:
    play(postgres_server.cleared(), calm, seed)


def child(place: Place, now: datetime, where: str | None) -> datetime | None:
    """Live one life in a process of its own; return when it ended, or None when it was killed."""
    ours, theirs = PROCESSES.Pipe(duplex=False)
    process = PROCESSES.Process(target=live_as_child, args=(place, now, where, theirs))
    process.start()
    theirs.close()
    process.join(60)
    assert process.exitcode in (0, -9)
    return ours.recv() if process.exitcode == 0 else None


@pytest.mark.parametrize("point", POINTS)
def test_a_process_killed_at_any_point_is_mended_by_the_next(sqlite: str, point: str) -> None:
    def life(place: Place, now: datetime, where: str | None) -> datetime | None:
        return child(place, now, where) if where else live_here(place, now, None)

    with world(sqlite, seed=POINTS.index(point)) as it:
        it.begin(live_here)
        it.go_wrong()
        it.live_through(MOVED, life, lambda: (point, f"{point}:2", None)[it.deaths])
        judge(it, MOVED.months)
        assert it.deaths


def test_the_environment_names_the_point_at_which_a_command_dies(
    current_sqlite: Path, tmp_path: Path
) -> None:
    sqlite = copied(current_sqlite, tmp_path / "figurewatch.db")
    campaign = tmp_path / "campaign.toml"
    entry = 'source = "parliament_petition"\nid = 1\ntell_at = ["every 1"]\n'
    campaign.write_text(f'[campaign]\nname = "Soak"\nsources = []\n[[petition]]\n{entry}')
    with world(sqlite, seed=0) as it, closing(Store.open(sqlite)) as store:
        settings = {
            "TELEGRAM_BOT_TOKEN": TOKEN,
            "TELEGRAM_API_URL": it.place.telegram,
            "ALERT_CHATS": str(PERSON),
            "DATABASE_URL": sqlite,
            "CAMPAIGN_FILE": str(campaign),
            "WEB_MIRROR": it.place.web,
            "FIGUREWATCH_CRASH_AT": "sender:called",
        }
        died = subprocess.run([sys.executable, "-m", "bot", "check"], env=os.environ | settings, check=False)
        assert died.returncode == -signal.SIGKILL
        assert len(it.telegram.chat(PERSON).texts) == 1
        assert store.outbox.counts()["sending"] == 1


class Workers:
    """Two workers beside each other on one store. Each life of one has a name, by which it sends."""

    def __init__(self, it: World) -> None:
        """Begin both."""
        self._it = it
        self._lives = 0
        self._running: dict[str, BaseProcess] = {}
        self.died: dict[str, float] = {}
        self.begin()
        self.begin()

    def begin(self) -> None:
        """Let one more live."""
        self._lives += 1
        name = f"worker-{self._lives}"
        place = replace(self._it.place, telegram=f"{self._it.telegram.url}/{name}")
        process = PROCESSES.Process(target=work_as_child, args=(place,), daemon=True)
        process.start()
        self._running[name] = process

    def kill(self, name: str) -> None:
        """Kill one that must still have been alive."""
        process = self._running.pop(name)
        assert process.is_alive(), f"{name} ended by itself"
        process.kill()
        process.join()
        self.died[name] = time.monotonic()

    def kill_one(self) -> None:
        """Kill one of them at random, and begin another."""
        self.kill(self._it.chance.choice(list(self._running)))
        self.begin()

    def kill_leader(self, store: Store) -> bool:
        """Kill who holds the lease, and begin another; return False while that is none of these."""
        leader = store.lease.holder(LEASE, utc_now()) or ""
        for name, process in self._running.items():
            if f":{process.pid}:" in leader:
                self.kill(name)
                self.begin()
                return True
        return False

    def kill_all(self) -> None:
        """Kill both."""
        for name in list(self._running):
            self.kill(name)


def wait(until: Callable[[], bool], meanwhile: Callable[[], object] = lambda: None) -> None:
    """Wait until something is so, and do something now and then meanwhile."""
    end = time.monotonic() + 30
    while not until():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.2)
        meanwhile()


def two_workers(database: str, seed: int, publications: int) -> None:
    """Let two workers tell of publications while one or the other is killed."""
    with world(database, seed) as it, closing(Store.open(database)) as store:
        it.begin(live_here, followed=False)
        it.go_wrong()
        workers = Workers(it)
        months: list[Month] = []

        def kill_now_and_then() -> None:
            if it.chance.random() < 0.15:
                workers.kill_one()

        def noticed() -> bool:
            with store.reading() as tx:
                found = Counter({alert.id: alert.kind for alert in tx.alerts()}.values())
                read = all(release.read_at for release in tx.releases(MONTHLY))
            return found["mark"] == len(it.published) and found["release"] == len(months) and read

        def settled() -> bool:
            counts = store.outbox.counts()
            return not (counts["pending"] or counts["sending"] or counts["ambiguous"])

        for month in calm_months(publications):
            it.grow()
            it.publish(month)
            months.append(month)
            wait(noticed, kill_now_and_then)
            wait(settled, kill_now_and_then)
            wait(lambda: workers.kill_leader(store))
        workers.kill_all()
        judge(it, months)
        senders = never_at_once(it.telegram.spans, workers.died)
        assert len(senders) > 1


def never_at_once(spans: Sequence[Span], died: Mapping[str, float]) -> set[str]:
    """Hold that no two workers had a message on its way at one moment; return who sent."""
    calls = [
        (span.begun, min(span.ended, died[span.who]), span.who)
        for span in spans
        if span.who in died and span.begun < died[span.who]
    ]
    for (_, ended, who), (begun, _, other) in pairwise(sorted(calls)):
        assert who == other or ended <= begun
    return {who for _, _, who in calls}


def test_two_workers_on_one_postgresql_never_both_send(postgres_server: PostgresServer) -> None:
    two_workers(postgres_server.cleared(), seed=200, publications=2)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(201, 211))
def test_two_workers_for_long(postgres_server: PostgresServer, seed: int) -> None:
    two_workers(postgres_server.cleared(), seed, publications=3)
