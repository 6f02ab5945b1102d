"""Open the database: its address, its manners, and its schema."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import URL, Connection, Engine
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError

from state.tables import SCHEMA

VERSION_TABLE: Final = "schema_version"
BUSY_TIMEOUT_MS: Final = 30_000
CONNECT_TIMEOUT_S: Final = 10

_DIALECTS: Final = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
_BEGIN_READING: Final = {
    "sqlite": "BEGIN",
    "postgresql": "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
}
_BEGIN_WRITING: Final = {
    "sqlite": "BEGIN IMMEDIATE",
    "postgresql": "SELECT pg_advisory_xact_lock(70067)",  # any number, the same in every process
}


class StoreError(Exception):
    """Say in one line why the store cannot be used, and never with its password."""


class StoreGone(StoreError):
    """Say that the store's file was removed or replaced under us, and only a new start helps."""


def parse(url: str) -> URL:
    """Return the address with its driver. Raises StoreError for one that is not ours."""
    try:
        parsed = sa.make_url(url.strip())
    except ArgumentError:
        raise StoreError(
            "DATABASE_URL: expected sqlite:///figurewatch.db or postgresql://user:password@host/name, "
            "found something that is no address"
        ) from None
    if parsed.drivername not in _DIALECTS:
        raise StoreError(f"DATABASE_URL: expected sqlite:/// or postgresql://, found {parsed.drivername}://")
    if parsed.drivername == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise StoreError(
            "DATABASE_URL: expected a file as in sqlite:///figurewatch.db, found a passing memory"
        )
    return parsed.set(drivername=_DIALECTS[parsed.drivername])


def shown(url: URL) -> str:
    """Return the address without its password, as people write it."""
    plain = url.set(drivername=url.get_backend_name()).difference_update_query(["password"])
    return plain.render_as_string(hide_password=True)


def connect(url: URL) -> Engine:
    """Return an engine whose schema is current, migrating it first if it is not. Raises StoreError."""
    engine = _sqlite(url) if url.get_backend_name() == "sqlite" else _postgresql(url)
    try:
        _make_current(engine)
    except DBAPIError as error:
        engine.dispose()
        raise StoreError(f"cannot open the store {shown(url)}: {_reason(error)}") from None
    except StoreError as error:
        engine.dispose()
        raise StoreError(f"cannot open the store {shown(url)}: {error}") from None
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Give a connection that sees one moment of the store. Raises StoreError where it does not answer."""
    with _answering(engine), engine.connect() as connection:
        connection.exec_driver_sql(_BEGIN_READING[engine.dialect.name])
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Give a connection that nobody else writes beside; commit at the end, roll back on an exception.

    Raises StoreError where the store does not answer, is full, or is kept by another for too long.
    """
    with _answering(engine), _writing(engine) as connection:
        yield connection


@contextmanager
def apart(connection: Connection) -> Iterator[None]:
    """Undo what the block wrote, and nothing else, where it ends in an exception.

    Raises StoreError as `writing` does: then all is undone.
    """
    with _answering(connection.engine):
        connection.exec_driver_sql("SAVEPOINT apart")  # by hand: half of what SQLAlchemy's own costs
        try:
            yield
        except BaseException:
            connection.exec_driver_sql("ROLLBACK TO SAVEPOINT apart")
            raise
        finally:
            connection.exec_driver_sql("RELEASE SAVEPOINT apart")


def migrate(connection: Connection, schema: str) -> None:
    """Bring the tables up to a schema, inside the connection's transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, schema)


def copy(engine: Engine, path: Path) -> None:
    """Copy a SQLite database as it is now into a new file, while others read and write it.

    Raises StoreError where the file is there already or cannot be written, and for another kind of database.
    """
    if engine.dialect.name != "sqlite":
        raise StoreError(f"{shown(engine.url)} is not a file: back it up with pg_dump")
    if path.exists():
        raise StoreError(f"expected a new file for the copy, found {path}")
    part = path.with_name(f"{path.name}.part")  # nobody takes a copy that was cut off for a whole one
    try:
        part.unlink(missing_ok=True)
        with _answering(engine), engine.connect() as connection, closing(sqlite3.connect(part)) as target:
            source: Any = connection.connection.driver_connection
            source.backup(target)
            target.execute("PRAGMA journal_mode = DELETE")  # the copy is one file
        part.rename(path)
    except (OSError, sqlite3.Error) as error:
        part.unlink(missing_ok=True)
        raise StoreError(f"the copy {path} cannot be written: {error}") from error


def version(connection: Connection) -> str | None:
    """Return the schema of the tables, None where there are none."""
    if not connection.dialect.has_table(connection, VERSION_TABLE):
        return None
    return connection.scalar(
        sa.select(sa.column("version_num", sa.String)).select_from(sa.table(VERSION_TABLE))
    )


def file_of(engine: Engine) -> tuple[int, int] | None:
    """Return which file a SQLite database is in; None for another kind, and where its file is not there."""
    if engine.dialect.name != "sqlite":
        return None
    try:
        found = Path(str(engine.url.database)).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


@contextmanager
def _writing(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as connection:
        connection.exec_driver_sql(_BEGIN_WRITING[engine.dialect.name])
        yield connection
        connection.commit()


@contextmanager
def _answering(engine: Engine) -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise StoreError(f"the store {shown(engine.url)} does not answer: {_reason(error)}") from error


def _reason(error: DBAPIError) -> str:
    return str(error.orig).strip().partition("\n")[0]


def _sqlite(url: URL) -> Engine:
    folder = Path(str(url.database)).parent
    if not folder.is_dir():
        raise StoreError(f"cannot open the store {shown(url)}: there is no folder {folder}")
    # Without an isolation level the driver begins nothing by itself: BEGIN is ours to say.
    engine = sa.create_engine(url, connect_args={"isolation_level": None})
    sa.event.listen(engine, "connect", _teach_sqlite)
    return engine


def _teach_sqlite(connection: Any, _: object) -> None:
    """Set what SQLite forgets between connections.

    FULL, because a `sent` or `sending` that is lost with the power would be told twice: it costs 0.25 ms a
    commit on a disk that answers fast.
    """
    for pragma in (
        f"busy_timeout = {BUSY_TIMEOUT_MS}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _postgresql(url: URL) -> Engine:
    timeout = {} if "connect_timeout" in url.query else {"connect_timeout": CONNECT_TIMEOUT_S}
    return sa.create_engine(url, pool_pre_ping=True, connect_args=timeout)


def _make_current(engine: Engine) -> None:
    with engine.connect() as connection:
        if version(connection) == SCHEMA:
            return
    with _writing(engine) as connection:  # a process that waited here finds the work done
        found = version(connection)
        if found is not None and found > SCHEMA:
            raise StoreError(f"expected schema {SCHEMA} or older, found {found}: update Figurewatch")
        migrate(connection, SCHEMA)
