"""Let one process at a time do what must not be done twice."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Engine

from state.database import reading, writing
from state.tables import leases

_HOLDER = sa.select(leases.c.owner).where(
    leases.c.name == sa.bindparam("of_name"), leases.c.until > sa.bindparam("now", type_=leases.c.until.type)
)
_MINE = sa.and_(leases.c.name == sa.bindparam("of_name"), leases.c.owner == sa.bindparam("of_owner"))


class Lease:
    """Named leases that run out by themselves. Each method is one short transaction of its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def take(self, name: str, owner: str, now: datetime, ttl: timedelta) -> bool:
        """Take a lease for `ttl` if it is free, has run out or is ours already. Say if it is ours now."""
        with writing(self._engine) as connection:
            if connection.scalar(_HOLDER, {"of_name": name, "now": now}) not in (None, owner):
                return False
            connection.execute(sa.delete(leases).where(leases.c.name == name))
            connection.execute(sa.insert(leases), {"name": name, "owner": owner, "until": now + ttl})
            return True

    def renew(self, name: str, owner: str, now: datetime, ttl: timedelta) -> bool:
        """Hold a lease for `ttl` from now. Return False if somebody else took it meanwhile."""
        with writing(self._engine) as connection:
            mine = {"of_name": name, "of_owner": owner, "until": now + ttl}
            return connection.execute(sa.update(leases).where(_MINE), mine).rowcount == 1

    def release(self, name: str, owner: str) -> None:
        """Give a lease back; nothing happens if it is not ours."""
        with writing(self._engine) as connection:
            connection.execute(sa.delete(leases).where(_MINE), {"of_name": name, "of_owner": owner})

    def holder(self, name: str, now: datetime) -> str | None:
        """Return who holds a lease, or None."""
        with reading(self._engine) as connection:
            return connection.scalar(_HOLDER, {"of_name": name, "now": now})
