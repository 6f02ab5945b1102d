"""Hand over what is to be sent, and remember what became of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, get_args

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from state.database import reading, writing
from state.lease import Claim, keep, take
from state.records import (
    Contents,
    Destination,
    InHand,
    OutboxRow,
    Parcel,
    ParcelState,
    SendState,
    Standing,
    Waiting,
)
from state.tables import alerts, blobs, outbox

TOLD_IN = "told in A"  # begins what is said of a message that was told in another alert, by its number

_OWN = outbox.c.action.in_(["send", "reply"])  # a message of its alert, not other words for one
_UNDONE = sa.and_(outbox.c.state.in_(["pending", "sending", "ambiguous"]), outbox.c.held.is_(None))
_FIRST_UNDONE = sa.select(sa.func.min(outbox.c.id)).where(_UNDONE).group_by(outbox.c.chat)
_AT_HAND = sa.and_(outbox.c.id.in_(_FIRST_UNDONE), outbox.c.state != "sending")
_DUE = outbox.c.not_before <= sa.bindparam("now", type_=outbox.c.not_before.type)

_ROWS: sa.Select[*tuple[Any, ...]] = sa.select(
    outbox.c.id,
    outbox.c.alert,
    *alerts.c["source", "kind", "finding"],
    *outbox.c["chat", "thread", "part", "payload", "state", "attempts", "resends", "not_before", "created"],
    *outbox.c["action", "photo"],
).select_from(outbox.join(alerts))
_HEADS = _ROWS.where(_AT_HAND, _DUE).order_by(outbox.c.id)
_HEADS_OF = _ROWS.where(
    outbox.c.id.in_(_FIRST_UNDONE.where(outbox.c.chat.in_(sa.bindparam("chats", expanding=True)))),
    outbox.c.state != "sending",
    _DUE,
).order_by(outbox.c.id)
_NEXT_DUE = sa.select(sa.func.min(outbox.c.not_before)).where(_AT_HAND)
_CALLS = sa.select(outbox.c.chat, sa.func.coalesce(outbox.c.done, outbox.c.began)).where(
    outbox.c.began >= sa.bindparam("since", type_=outbox.c.began.type)
)
_COUNTS = sa.select(outbox.c.state, sa.func.count()).where(outbox.c.held.is_(None)).group_by(outbox.c.state)
_PENDING = sa.select(sa.exists().where(outbox.c.state == "pending", outbox.c.held.is_(None)))
_UNSETTLED = (
    sa.select(outbox.c.alert)
    .distinct()
    .select_from(outbox.join(alerts))
    .where(
        _UNDONE,
        _OWN,
        alerts.c.kind.in_(sa.bindparam("kinds", expanding=True)),
        alerts.c.created <= sa.bindparam("until", type_=alerts.c.created.type),
    )
    .order_by(outbox.c.alert)
)

_ROW = outbox.c.id == sa.bindparam("of_id")
_told = outbox.alias("told")


def _carries(target: sa.ColumnElement[Any], chat: Any, thread: Any, part: Any) -> sa.ColumnElement[bool]:
    """Return whether a row (`told`) is the message of alert `target` in this place, or an edit of it."""
    own = sa.and_(_told.c.alert == target, _told.c.action.in_(["send", "reply"]))
    edit = sa.and_(_told.c.target == target, _told.c.action.in_(["edit", "anew"]))
    here = (_told.c.chat == chat, _told.c.thread.is_not_distinct_from(thread), _told.c.part == part)
    return sa.and_(sa.or_(own, edit), *here)


_HERE = _carries(outbox.c.target, outbox.c.chat, outbox.c.thread, outbox.c.part)
_EARLIER = (
    sa.select(_told.c.message_id)
    .where(_HERE, _told.c.message_id.is_not(None))
    .order_by(_told.c.id.desc())
    .limit(1)
    .correlate(outbox)
    .scalar_subquery()
)


def _was_sent(how: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Return whether the message that a row is about was itself sent in this way (`how`, of `told`)."""
    sent = sa.select(sa.literal(1)).where(_HERE, _told.c.action != "edit", how)
    return sa.exists(sent.where(_told.c.message_id == _EARLIER).correlate(outbox))


_CONTENTS = sa.select(
    outbox.c.payload, _EARLIER, _was_sent(_told.c.resends > 0), _was_sent(_told.c.action == "anew")
).where(_ROW)
_PICTURE = sa.select(blobs.c.body).where(blobs.c.digest == sa.bindparam("of_digest"))
_DROP_PICTURES = sa.delete(blobs).where(~sa.exists().where(outbox.c.photo == blobs.c.digest))
_REWORD = (
    sa.update(outbox)
    .where(
        outbox.c.id
        == sa.select(sa.func.max(_told.c.id))
        .where(
            _carries(
                sa.bindparam("of_target", type_=sa.Integer),
                sa.bindparam("of_chat"),
                sa.bindparam("of_thread", type_=sa.Integer),
                sa.bindparam("of_part"),
            )
        )
        .scalar_subquery(),
        outbox.c.state.in_(["pending", "ambiguous"]),
    )
    .values(payload=sa.bindparam("other", type_=outbox.c.payload.type))
)
_IN_HAND = sa.and_(
    _ROW,
    outbox.c.state == "sending",
    outbox.c.began == sa.bindparam("since", type_=outbox.c.began.type),
)
_BEGIN = (
    sa.update(outbox)
    .where(sa.or_(sa.and_(_ROW, outbox.c.state.in_(["pending", "ambiguous"])), _IN_HAND))
    .values(
        state="sending",
        began=sa.bindparam("since", type_=outbox.c.began.type),
        resends=outbox.c.resends + sa.case((outbox.c.state == "ambiguous", 1), else_=0),
    )
)
_ARRIVED = sa.update(outbox).where(_ROW, outbox.c.state != "sent").values(state="sent", photo=None)
_PUT_BACK = sa.update(outbox).where(_IN_HAND)
_PUT_BACK_COUNTED = _PUT_BACK.values(attempts=outbox.c.attempts + 1)
_PUT_BACK_DOUBTED = _PUT_BACK.values(resends=outbox.c.resends + 1)
_RECOVER = (
    sa.update(outbox)
    .where(outbox.c.state == "sending")
    .values(
        state=sa.case((outbox.c.action == "edit", "pending"), else_="ambiguous"),  # an edit is made again
        not_before=sa.bindparam("until"),
        error="the process ended while it was sent",
    )
)
_ANY_UNDONE = (
    sa.select(sa.literal(1)).where(outbox.c.alert == sa.bindparam("of_alert"), _UNDONE, _OWN).limit(1)
)
_ALERT = sa.select(*alerts.c["id", "kind", "finding", "created"]).where(
    alerts.c.id == sa.bindparam("of_alert")
)
_ITS_PARCELS = (
    sa.select(*outbox.c["chat", "thread", "state", "done", "error"])
    .where(outbox.c.alert == sa.bindparam("of_alert"), _OWN, outbox.c.held.is_(None))
    .order_by(outbox.c.id)
)


_WAITING = (
    sa.select(
        *outbox.c["id", "alert"],
        *alerts.c["source", "kind", "finding"],
        *outbox.c["chat", "thread", "part", "payload", "action", "held"],
    )
    .select_from(outbox.join(alerts))
    .where(outbox.c.state == "pending")
    .order_by(outbox.c.id)
)
_HELD = outbox.c.held.in_(sa.bindparam("reasons", expanding=True))
_WAITING_FOR = _WAITING.where(_HELD)
_RIPE = _WAITING_FOR.where(_DUE)
_WAITING_IN = _WAITING.where(
    outbox.c.chat == sa.bindparam("of_chat"),
    outbox.c.thread.is_not_distinct_from(sa.bindparam("of_thread", type_=sa.Integer)),
    sa.or_(outbox.c.held.is_(None), _HELD),
)
_STILL_WAITS = (_ROW, outbox.c.state == "pending")
_ROUTE = sa.update(outbox).where(*_STILL_WAITS)
_GIVE_UP = sa.update(outbox).where(*_STILL_WAITS).values(state="dead")
_TELL_IN = sa.update(outbox).where(*_STILL_WAITS, outbox.c.held.is_not(None)).values(state="sent", photo=None)
_NEXT_RIPE = sa.select(sa.func.min(outbox.c.not_before)).where(_HELD, outbox.c.state == "pending")
_BACKLOG = (
    sa.select(*outbox.c["chat", "thread"])
    .distinct()
    .where(outbox.c.state == "pending", outbox.c.held.is_(None), _OWN)
)
_OF_ALERT = outbox.c.alert == sa.bindparam("of_alert")
_HELD_FOR = (
    sa.select(outbox.c.held)
    .where(_OF_ALERT, outbox.c.held.is_not(None), outbox.c.state == "pending")
    .limit(1)
)
_RESEND = (
    sa.update(outbox)
    .where(_OF_ALERT, outbox.c.held.is_(None), outbox.c.state.in_(["unconfirmed", "dead"]))
    .values(
        state="pending",
        attempts=0,
        resends=sa.case((outbox.c.state == "unconfirmed", 1), else_=0),  # a second copy says so
        error="",
    )
)
_DROP = sa.update(outbox).where(_OF_ALERT, outbox.c.state.in_(["pending", "ambiguous"])).values(state="dead")
_DROP_HELD = sa.update(outbox).where(outbox.c.held == sa.bindparam("held_for"), outbox.c.state == "pending")


class Outbox:
    """The messages on their way. Each method is one short transaction of its own.

    A chat gets its messages in the order in which they were put in, one at a time: a row that waits, is being
    sent or is in doubt holds back the later ones of its chat. Who sends holds a lease; what becomes of a
    message is written through `Parcels`, together with what the operator is told of it.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def take_over(self, claim: Claim, now: datetime, doubt: timedelta) -> bool:
        """Take or keep the lease to send. Return False while somebody else has it.

        What its last holder was sending when the lease came to us is in doubt, and due after `doubt`.
        """
        with writing(self._engine) as connection:
            taken = take(connection, claim, now)
            if taken == "taken":
                connection.execute(_RECOVER, {"until": now + doubt})
            return taken != "refused"

    def due(self, now: datetime, chats: Collection[str] | None = None) -> list[OutboxRow]:
        """Return each chat's first undone row if its time has come, oldest first; of `chats`, if given."""
        with reading(self._engine) as connection:
            if chats is None:
                rows = connection.execute(_HEADS, {"now": now})
            else:
                rows = connection.execute(_HEADS_OF, {"now": now, "chats": list(chats)})
            return [OutboxRow(*row) for row in rows]

    def next_due(self) -> datetime | None:
        """Return when the next row is due, or None while nothing waits."""
        with reading(self._engine) as connection:
            next_due: datetime | None = connection.scalar(_NEXT_DUE)
        return next_due

    def begin(self, row: InHand, claim: Claim, now: datetime) -> Contents | None:
        """Take a row for sending, before the call, and return what it says: nothing changes that any more.

        None if the row is gone, or the lease is not ours. The lease is renewed in the same transaction: it
        outlasts a call that is shorter. Taking a row that is in doubt counts as a re-send. Where nobody knows
        whether this was committed, it may be done again.
        """
        with writing(self._engine) as connection:
            if not keep(connection, claim, now):
                return None
            if connection.execute(_BEGIN, {"of_id": row.id, "since": row.began}).rowcount != 1:
                return None
            return Contents(*connection.execute(_CONTENTS, {"of_id": row.id}).one())

    def picture(self, digest: str) -> bytes | None:
        """Return the photo that goes with a row, by its digest; None if it has gone everywhere by now."""
        with reading(self._engine) as connection:
            picture: bytes | None = connection.scalar(_PICTURE, {"of_digest": digest})
        return picture

    def keep(self, claim: Claim, now: datetime) -> bool:
        """Renew the lease to send, before another call for a row in hand; False if it is not ours."""
        with writing(self._engine) as connection:
            return keep(connection, claim, now)

    def calls(self, since: datetime) -> list[tuple[str, datetime]]:
        """Return each chat that was written to since then, with the moment, once for each message."""
        with reading(self._engine) as connection:
            return [(row[0], row[1]) for row in connection.execute(_CALLS, {"since": since})]

    def next_ripe(self, reasons: Collection[str]) -> datetime | None:
        """Return until when something is held for one of these reasons at least; None if nothing is."""
        with reading(self._engine) as connection:
            ripe: datetime | None = connection.scalar(_NEXT_RIPE, {"reasons": list(reasons)})
        return ripe

    def unsettled(self, kinds: Collection[str], until: datetime) -> list[int]:
        """Return the alerts of these kinds, found until then, that are still on their way to some chat."""
        with reading(self._engine) as connection:
            return list(connection.scalars(_UNSETTLED, {"kinds": list(kinds), "until": until}))

    def is_pending(self) -> bool:
        """Return whether anything is to be sent, now or later, that is not held."""
        with reading(self._engine) as connection:
            return bool(connection.scalar(_PENDING))

    def counts(self) -> dict[SendState, int]:
        """Return how many rows are in each state."""
        with reading(self._engine) as connection:
            found = {row[0]: row[1] for row in connection.execute(_COUNTS)}
        return {state: found.get(state, 0) for state in get_args(SendState)}


class Parcels:
    """What becomes of messages, inside a transaction.

    Methods that take a row in hand return False, and do nothing, if the attempt that began it is over:
    somebody else took the lease, put the row in doubt and perhaps sends it again.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def sent(self, id: int, message_id: int | None, now: datetime) -> bool:
        """Remember that a row arrived, whatever was thought of it meanwhile; False if that was known."""
        arrived = {"done": now, "message_id": message_id, "error": ""}
        if self._connection.execute(_ARRIVED, {"of_id": id, **arrived}).rowcount != 1:
            return False
        self.drop_pictures()
        return True

    def later(self, row: InHand, not_before: datetime, error: str, *, counts: bool = True) -> bool:
        """Put back a row that was surely not sent; `counts` says whether this was an attempt."""
        put_back = _PUT_BACK_COUNTED if counts else _PUT_BACK
        return self._set(put_back, row, state="pending", not_before=not_before, error=error)

    def again(self, row: InHand, not_before: datetime, error: str) -> bool:
        """Put back an edit that may have been made or not: to make it twice does no harm."""
        return self._set(_PUT_BACK_DOUBTED, row, state="pending", not_before=not_before, error=error)

    def anew(self, row: InHand, not_before: datetime, error: str) -> bool:
        """Put back an edit as a message of its own: what it was to edit is not there."""
        values = {"state": "pending", "not_before": not_before, "error": error, "resends": 0}
        return self._set(_PUT_BACK, row, **values, action="anew")

    def reworded(self, edit: Parcel) -> bool:
        """Let an edit's words take the place of those that still wait to be sent; False if none do."""
        place = {"of_chat": edit.chat, "of_thread": edit.thread, "of_part": edit.part}
        words: Mapping[str, Any] = {"of_target": edit.target, **place, "other": dict(edit.payload)}
        return self._connection.execute(_REWORD, words).rowcount == 1

    def ambiguous(self, row: InHand, not_before: datetime, error: str) -> bool:
        """Put back a row that may have been sent or not."""
        return self._set(_PUT_BACK, row, state="ambiguous", not_before=not_before, error=error)

    def unconfirmed(self, row: InHand, error: str, now: datetime) -> bool:
        """Give up a row that may have been sent or not."""
        return self._set(_PUT_BACK, row, state="unconfirmed", done=now, error=error)

    def dead(self, row: InHand, error: str, now: datetime) -> bool:
        """Give up a row that will never be sent."""
        return self._set(_PUT_BACK, row, state="dead", done=now, error=error)

    def on_its_way(self, alert: int) -> bool:
        """Return whether some message of an alert, edits left aside, has not come to its end."""
        return self._connection.scalar(_ANY_UNDONE, {"of_alert": alert}) is not None

    def drop(self, held_for: str, error: str, now: datetime) -> int:
        """Give up what is held for this; return how many messages that were."""
        values = {"held_for": held_for, "state": "dead", "done": now, "error": error}
        return self._connection.execute(_DROP_HELD, values).rowcount

    def waiting(self, *reasons: str) -> list[Waiting]:
        """Return what is held for one of these reasons, in order."""
        return [Waiting(*row) for row in self._connection.execute(_WAITING_FOR, {"reasons": reasons})]

    def ripe(self, reasons: Collection[str], now: datetime) -> list[Waiting]:
        """Return what is held for one of these reasons, and not longer than until now, in order."""
        rows = self._connection.execute(_RIPE, {"reasons": list(reasons), "now": now})
        return [Waiting(*row) for row in rows]

    def waiting_in(self, chat: str, thread: int | None, *reasons: str) -> list[Waiting]:
        """Return what waits to be sent in one place, or is held for one of these reasons, in order."""
        place = {"of_chat": chat, "of_thread": thread, "reasons": reasons}
        return [Waiting(*row) for row in self._connection.execute(_WAITING_IN, place)]

    def route(self, row: Waiting, held: str | None, due: datetime, *, silent: bool = False) -> None:
        """Let a message wait for something else, or for nothing but its time."""
        payload = {**row.payload, "silent": True} if silent else dict(row.payload)
        values = {"held": held, "not_before": due, "created": due, "payload": payload}
        self._connection.execute(_ROUTE, {"of_id": row.id, **values})

    def give_up(self, row: Waiting, error: str, now: datetime) -> None:
        """Give up a message that nobody wants any more."""
        self._connection.execute(_GIVE_UP, {"of_id": row.id, "error": error, "done": now})

    def tell_in(self, rows: Collection[Waiting], alert: int, now: datetime) -> None:
        """Remember that held messages are told in another alert, and not by themselves."""
        told = [{"of_id": row.id, "held": f"{TOLD_IN}{alert}", "done": now} for row in rows]
        for values in told:
            self._connection.execute(_TELL_IN, values)
        self.drop_pictures()

    def drop_pictures(self) -> None:
        """Forget the pictures that no message needs any more. One that may be sent again needs its own."""
        self._connection.execute(_DROP_PICTURES)

    def backlog(self) -> set[Destination]:
        """Return the places, by chat and topic, for which something waits that is not held."""
        return {Destination(*row) for row in self._connection.execute(_BACKLOG)}

    def held_for(self, alert: int) -> str | None:
        """Return for what some message of an alert is held; None if none is."""
        reason: str | None = self._connection.scalar(_HELD_FOR, {"of_alert": alert})
        return reason

    def resend(self, alert: int, now: datetime) -> int:
        """Send once more what did not surely arrive of an alert; return how many messages that is."""
        values = {"of_alert": alert, "not_before": now, "created": now}
        return self._connection.execute(_RESEND, values).rowcount

    def drop_alert(self, alert: int, error: str, now: datetime) -> int:
        """Give up what waits of an alert; return how many messages that is."""
        values = {"of_alert": alert, "error": error, "done": now}
        return self._connection.execute(_DROP, values).rowcount

    def standing(self, alert: int) -> Standing:
        """Return how an alert stands in each of its chats; LookupError if there is no such alert.

        What is held, or was told in a digest, is left out.
        """
        found = self._connection.execute(_ALERT, {"of_alert": alert}).first()
        if found is None:
            raise LookupError(f"expected alert {alert}, found none")
        parcels = (ParcelState(*row) for row in self._connection.execute(_ITS_PARCELS, {"of_alert": alert}))
        return Standing(found.id, found.kind, found.finding, found.created, tuple(parcels))

    def _set(self, statement: sa.Update, row: InHand, **values: object) -> bool:
        parameters = {"of_id": row.id, "since": row.began, **values}
        return self._connection.execute(statement, parameters).rowcount == 1
