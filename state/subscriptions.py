"""Remember what each chat asked for, where the bot was added, and where it says how things stand."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from state.records import Destination, Guest, Subscription
from state.sql import insert_once, upsert
from state.tables import boards, guests, subscriptions

_COLUMNS = ("active", "choices", "muted_until", "quiet", "digest")
_ALL = sa.select(subscriptions).order_by(subscriptions.c.chat, subscriptions.c.thread)
_SAVE = upsert(subscriptions, ["chat", "thread"], *_COLUMNS)
_REMOVE = sa.delete(subscriptions).where(
    subscriptions.c.chat == sa.bindparam("of_chat"), subscriptions.c.thread == sa.bindparam("of_thread")
)
_GUESTS = sa.select(guests).order_by(guests.c.since)
_MEET = insert_once(guests, "chat", "since")
_INTRODUCE = upsert(guests, ["chat"], "since", "introduced")
_FORGET = sa.delete(guests).where(guests.c.chat == sa.bindparam("of_chat"))
_BOARDS = sa.select(boards)
_SHOW = upsert(boards, ["chat", "thread"], "message_id", "shown")
_HIDE = sa.delete(boards).where(
    boards.c.chat == sa.bindparam("of_chat"), boards.c.thread == sa.bindparam("of_thread")
)


class Subscriptions:
    """What chats asked for, inside a transaction. A chat is named by the id that it had first."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> dict[Destination, Subscription]:
        """Return what was ever asked for, by chat and topic."""
        found = (_subscription(row) for row in self._connection.execute(_ALL))
        return {Destination(one.chat, one.thread): one for one in found}

    def save(self, wanted: Subscription) -> None:
        """Remember what a chat asks for, in place of what it asked for before."""
        row = {
            "chat": wanted.chat,
            "thread": wanted.thread or 0,
            "active": wanted.active,
            "choices": dict(wanted.choices),
            "muted_until": wanted.muted_until,
            "quiet": "-".join(map(_written, wanted.quiet)) if wanted.quiet else None,
            "digest": _written(wanted.digest) if wanted.digest else None,
        }
        self._connection.execute(_SAVE, row)

    def remove(self, chat: str, thread: int | None) -> None:
        """Forget all that a chat asked for."""
        self._connection.execute(_REMOVE, {"of_chat": chat, "of_thread": thread or 0})

    def guests(self) -> dict[str, Guest]:
        """Return the chats that the bot was added to, by id."""
        return {row.chat: Guest(*row) for row in self._connection.execute(_GUESTS)}

    def meet(self, chat: str, now: datetime) -> bool:
        """Remember that the bot was added to a chat. Return False if that was known."""
        return self._connection.execute(_MEET, {"chat": chat, "since": now}).rowcount == 1

    def introduce(self, chat: str, now: datetime) -> None:
        """Remember that the bot said in a chat who it is."""
        self._connection.execute(_INTRODUCE, {"chat": chat, "since": now, "introduced": now})

    def forget(self, chat: str) -> None:
        """Forget that the bot was added to a chat."""
        self._connection.execute(_FORGET, {"of_chat": chat})

    def boards(self) -> dict[Destination, tuple[int, str]]:
        """Return by chat and topic which message says how things stand, and the digest of its words."""
        rows = self._connection.execute(_BOARDS)
        return {Destination(row.chat, row.thread or None): (row.message_id, row.shown) for row in rows}

    def show(self, chat: str, thread: int | None, message_id: int, shown: str) -> None:
        """Remember which message of a chat says how things stand, and what it says."""
        row = {"chat": chat, "thread": thread or 0, "message_id": message_id, "shown": shown}
        self._connection.execute(_SHOW, row)

    def hide(self, chat: str, thread: int | None) -> None:
        """Forget that a message of a chat says how things stand."""
        self._connection.execute(_HIDE, {"of_chat": chat, "of_thread": thread or 0})


def _subscription(row: sa.Row[*tuple[Any, ...]]) -> Subscription:
    quiet = None
    if row.quiet:
        begins, ends = (time.fromisoformat(text) for text in row.quiet.split("-"))
        quiet = begins, ends
    digest = time.fromisoformat(row.digest) if row.digest else None
    return Subscription(row.chat, row.thread or None, row.active, row.choices, row.muted_until, quiet, digest)


def _written(at: time) -> str:
    return f"{at:%H:%M}"
