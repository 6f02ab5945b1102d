"""Whatever goes wrong: no alert is lost in silence, none comes more than twice, and a second copy says so."""

from __future__ import annotations

import shutil
from datetime import datetime
from multiprocessing import get_context
from pathlib import Path

import pytest

from bot.operate.crash import POINTS
from tests.conftest import PostgresServer
from tests.soak.life import Place, live_as_child, live_here
from tests.soak.world import play, world

PROCESSES = get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.soak.preload"])


@pytest.fixture
def sqlite(current_sqlite: Path, tmp_path: Path) -> str:
    """Return the address of an empty SQLite store."""
    path = tmp_path / "figurewatch.db"
    shutil.copyfile(current_sqlite, path)
    return f"sqlite:///{path}"


@pytest.mark.parametrize("seed", range(15))
def test_with_every_third_call_faulty_and_deaths_anywhere(sqlite: str, seed: int) -> None:
    with world(sqlite, seed) as it:
        play(it, live_here)


@pytest.mark.parametrize("seed", range(15, 20))
def test_the_same_on_postgresql(postgres_server: PostgresServer, seed: int) -> None:
    with world(postgres_server.cleared(), seed) as it:
        play(it, live_here)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(160))
def test_for_long_on_sqlite(sqlite: str, seed: int) -> None:
    with world(sqlite, seed) as it:
        play(it, live_here)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(160, 200))
def test_for_long_on_postgresql(postgres_server: PostgresServer, seed: int) -> None:
    with world(postgres_server.cleared(), seed) as it:
        play(it, live_here)


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
    with world(sqlite, seed=POINTS.index(point)) as it:
        it.settle(child, lambda: None)
        it.go_wrong()
        it.grow()
        plan = iter([point, f"{point}:2"])
        it.settle(child, lambda: next(plan, None))
        it.judge()
        assert it.deaths
