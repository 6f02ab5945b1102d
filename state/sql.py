"""SQL that both databases understand and SQLAlchemy says only in dialects."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa


def upsert(table: sa.Table, key: Iterable[str], *columns: str) -> sa.TextClause:
    """Return an INSERT that sets `columns` where the row with this key is there already."""
    key = tuple(key)
    names = (*key, *columns)
    update = ", ".join(f'"{column}" = excluded."{column}"' for column in columns)
    return _insert(table, names, f"({', '.join(key)}) DO UPDATE SET {update}")


def insert_once(table: sa.Table, *columns: str, key: str = "") -> sa.TextClause:
    """Return an INSERT that does nothing, with a row count of 0, where `key` (or any key) is taken."""
    return _insert(table, columns, f"({key}) DO NOTHING" if key else "DO NOTHING")


def _insert(table: sa.Table, columns: Iterable[str], on_conflict: str) -> sa.TextClause:
    columns = tuple(columns)
    names = ", ".join(f'"{column}"' for column in columns)
    values = ", ".join(f":{column}" for column in columns)
    statement = f"INSERT INTO {table.name} ({names}) VALUES ({values}) ON CONFLICT {on_conflict}"  # noqa: S608
    return sa.text(statement).bindparams(*(sa.bindparam(name, type_=table.c[name].type) for name in columns))
