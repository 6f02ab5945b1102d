"""Remember what Telegram told us about chats: where they went, and which do not take messages now."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from state.records import ChatState
from state.sql import upsert
from state.tables import boards, chats, outbox

_CHATS = sa.select(*chats.c["chat", "moved_to", "paused", "reason"])
_MOVE = upsert(chats, ["chat"], "moved_to", "paused", "reason")
_PAUSE = upsert(chats, ["chat"], "paused", "reason")
_RESUME = (
    sa.update(chats)
    .where(
        sa.or_(chats.c.chat == sa.bindparam("of_chat"), chats.c.moved_to == sa.bindparam("of_chat")),
        chats.c.paused.is_not(None),
    )
    .values(paused=None, reason="")
    .returning(chats.c.chat)
)
_FORGET_MESSAGES = sa.update(outbox).where(outbox.c.chat == sa.bindparam("of_chat")).values(message_id=None)
_FORGET_BOARDS = sa.delete(boards).where(boards.c.chat == sa.bindparam("of_chat"))
_FIRST_UNDONE = sa.select(sa.func.min(outbox.c.id)).where(
    outbox.c.chat == sa.bindparam("of_chat"), outbox.c.state.in_(["pending", "sending", "ambiguous"])
)
_TRY_NOW = (
    sa.update(outbox)
    .where(outbox.c.id == _FIRST_UNDONE.scalar_subquery(), outbox.c.state == "pending")
    .values(not_before=sa.bindparam("now"))
)


class Chats:
    """What is known of chats, inside a transaction. A chat is named by the id that the settings have."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def known(self) -> dict[str, ChatState]:
        """Return every chat that moved or does not take messages, by its id."""
        return {row.chat: ChatState(*row) for row in self._connection.execute(_CHATS)}

    def moved(self, chat: str, new: str) -> bool:
        """Remember that a group has a new id. Return False if that was known.

        Ids of messages are those of the group that is gone, and stand for others in the new one.
        """
        known = self.known().get(chat)
        if known and known.moved_to == new:
            return False
        self._connection.execute(_MOVE, {"chat": chat, "moved_to": new, "paused": None, "reason": ""})
        self._connection.execute(_FORGET_MESSAGES, {"of_chat": chat})
        self._connection.execute(_FORGET_BOARDS, {"of_chat": chat})
        return True

    def pause(self, chat: str, reason: str, now: datetime) -> bool:
        """Remember that a chat does not take messages. Return False if that was known."""
        known = self.known().get(chat)
        if known and known.paused:
            return False
        self._connection.execute(_PAUSE, {"chat": chat, "paused": now, "reason": reason})
        return True

    def resume(self, chat: str, now: datetime) -> bool:
        """Let what waits for a chat go on; `chat` may be its new id. Return False if it was not paused."""
        resumed = self._connection.scalars(_RESUME, {"of_chat": chat}).all()
        for name in resumed:
            self._connection.execute(_TRY_NOW, {"of_chat": name, "now": now})
        return bool(resumed)
