"""Hand over what is to be sent, and remember what became of it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, get_args

import sqlalchemy as sa
from sqlalchemy import Engine

from state.database import reading, writing
from state.records import OutboxRow, SendState
from state.tables import alerts, outbox

_UNDONE = outbox.c.state.in_(["pending", "sending", "ambiguous"])

_ROW = outbox.c.id == sa.bindparam("of_id")

_HEADS = (
    sa.select(
        outbox.c.id,
        outbox.c.alert,
        *alerts.c["source", "kind"],
        *outbox.c[
            "chat", "thread", "part", "payload", "state", "attempts", "resends", "not_before", "created"
        ],
    )
    .select_from(outbox.join(alerts))
    .where(
        outbox.c.id.in_(sa.select(sa.func.min(outbox.c.id)).where(_UNDONE).group_by(outbox.c.chat)),
        outbox.c.state != "sending",
    )
    .order_by(outbox.c.id)
)
_BEGIN = (
    sa.update(outbox)
    .where(_ROW, outbox.c.state.in_(["pending", "ambiguous"]))
    .values(
        state="sending",
        began=sa.bindparam("now"),
        resends=outbox.c.resends + sa.case((outbox.c.state == "ambiguous", 1), else_=0),
    )
)
_ARRIVED = sa.update(outbox).where(_ROW)
_GIVE_UP = sa.update(outbox).where(_ROW, _UNDONE)
_PUT_BACK = sa.update(outbox).where(_ROW, outbox.c.state == "sending")
_PUT_BACK_COUNTED = _PUT_BACK.values(attempts=outbox.c.attempts + 1)
_RECOVER = (
    sa.update(outbox)
    .where(outbox.c.state == "sending")
    .values(state="ambiguous", not_before=sa.bindparam("until"), error="the process ended while it was sent")
)
_COUNTS = sa.select(outbox.c.state, sa.func.count()).group_by(outbox.c.state)


class Outbox:
    """The messages on their way. Each method is one short transaction of its own.

    A chat gets its messages in the order in which they were put in, one at a time: a row that waits, is being
    sent or is in doubt holds back the later ones of its chat.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def due(self, now: datetime, chats: Collection[str] | None = None) -> list[OutboxRow]:
        """Return each chat's first undone row if its time has come, oldest first; of `chats`, if given."""
        heads = [row for row in self._heads() if row.not_before <= now]
        return [row for row in heads if chats is None or row.chat in chats]

    def next_due(self) -> datetime | None:
        """Return when the next row is due, or None while nothing waits."""
        return min((row.not_before for row in self._heads()), default=None)

    def begin(self, id: int, now: datetime) -> bool:
        """Take a row for sending, before the call. Return False if somebody else took it.

        Taking a row that is in doubt counts as a re-send.
        """
        with writing(self._engine) as connection:
            return connection.execute(_BEGIN, {"of_id": id, "now": now}).rowcount == 1

    def sent(self, id: int, message_id: int | None, now: datetime) -> None:
        """Remember that a row arrived, whatever was thought of it meanwhile."""
        self._set(_ARRIVED, id, state="sent", done=now, message_id=message_id, error="")

    def later(self, id: int, not_before: datetime, error: str, *, counts: bool = True) -> None:
        """Put back a row that was surely not sent; `counts` says whether this was an attempt."""
        put_back = _PUT_BACK_COUNTED if counts else _PUT_BACK
        self._set(put_back, id, state="pending", not_before=not_before, error=error)

    def ambiguous(self, id: int, not_before: datetime, error: str) -> None:
        """Put back a row that may have been sent or not."""
        self._set(_PUT_BACK, id, state="ambiguous", not_before=not_before, error=error)

    def unconfirmed(self, id: int, error: str, now: datetime) -> None:
        """Give up a row that may have been sent or not."""
        self._set(_GIVE_UP, id, state="unconfirmed", done=now, error=error)

    def dead(self, id: int, error: str, now: datetime) -> None:
        """Give up a row that will never be sent."""
        self._set(_GIVE_UP, id, state="dead", done=now, error=error)

    def recover(self, now: datetime, not_before: datetime) -> int:
        """Put in doubt what another process was sending when it died; return how many rows.

        Only for who has just taken the lease: beside a living sender its rows are not ours.
        """
        with writing(self._engine) as connection:
            return connection.execute(_RECOVER, {"until": not_before}).rowcount

    def counts(self) -> dict[SendState, int]:
        """Return how many rows are in each state."""
        with reading(self._engine) as connection:
            found = {row[0]: row[1] for row in connection.execute(_COUNTS)}
        return {state: found.get(state, 0) for state in get_args(SendState)}

    def _heads(self) -> list[OutboxRow]:
        """Return the first undone row of each chat, unless it is just being sent."""
        with reading(self._engine) as connection:
            return [OutboxRow(*row) for row in connection.execute(_HEADS)]

    def _set(self, statement: sa.Update, id: int, **values: Any) -> None:
        with writing(self._engine) as connection:
            connection.execute(statement, {"of_id": id, **values})
