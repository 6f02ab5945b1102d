"""Let one process at a time do what must not be done twice."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from state.database import reading, writing
from state.tables import leases

_LEASE = sa.select(leases.c.owner, leases.c.until).where(leases.c.name == sa.bindparam("of_name"))
_MINE = sa.and_(leases.c.name == sa.bindparam("of_name"), leases.c.owner == sa.bindparam("of_owner"))
_RENEW = sa.update(leases).where(_MINE).values(until=sa.bindparam("then"))
_HAND_OVER = (
    sa.update(leases)
    .where(leases.c.name == sa.bindparam("of_name"))
    .values(owner=sa.bindparam("of_owner"), until=sa.bindparam("then"))
)
_RELEASE = sa.delete(leases).where(_MINE)


class Claim(NamedTuple):
    """Who wants which lease, and for how long at a time. An owner is one run of a process, never two."""

    name: str
    owner: str
    ttl: timedelta


class Lease:
    """Named leases that run out by themselves. Each method is one short transaction of its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def release(self, claim: Claim) -> None:
        """Give a lease back; nothing happens if it is not ours."""
        with writing(self._engine) as connection:
            connection.execute(_RELEASE, _mine(claim))

    def holder(self, name: str, now: datetime) -> str | None:
        """Return who holds a lease, or None."""
        with reading(self._engine) as connection:
            held = connection.execute(_LEASE, {"of_name": name}).first()
        return held.owner if held and held.until > now else None


def take(connection: Connection, claim: Claim, now: datetime) -> Literal["refused", "kept", "taken"]:
    """Take a lease that is free or has run out, or keep one that is ours; say which it was."""
    held = connection.execute(_LEASE, {"of_name": claim.name}).first()
    if held is None:
        lease = {"name": claim.name, "owner": claim.owner, "until": now + claim.ttl}
        connection.execute(sa.insert(leases), lease)
        return "taken"
    if held.owner != claim.owner and held.until > now:
        return "refused"
    connection.execute(_HAND_OVER, {**_mine(claim), "then": now + claim.ttl})
    return "kept" if held.owner == claim.owner else "taken"


def keep(connection: Connection, claim: Claim, now: datetime) -> bool:
    """Hold a lease from now on again. Return False if somebody else took it meanwhile."""
    return connection.execute(_RENEW, {**_mine(claim), "then": now + claim.ttl}).rowcount == 1


def _mine(claim: Claim) -> dict[str, str]:
    return {"of_name": claim.name, "of_owner": claim.owner}
