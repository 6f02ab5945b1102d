"""The tables of the store. Their history is in `migrations/`; a test holds both together.

A figure is kept as versions. An *edition* is what one publication said about one period of a source; a
version is one figure in an edition, so that a revision adds rows and overwrites none. Versions are ordered by
the edition's publication and, where two were published at one moment, by arrival.

Figures are clustered by edition, not by series: a new month is written to one end of the table instead of to
ten thousand places in it (10 ms instead of 90 for 10,000 figures beside 630,000).
"""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeEngine

SCHEMA = "0006"  # the newest migration; a test holds them together


class Instant(sa.types.TypeDecorator[datetime]):
    """Keep a moment in UTC: a timestamp on PostgreSQL, on SQLite text of fixed width that sorts by time."""

    impl = sa.String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[datetime] | TypeEngine[str]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(sa.DateTime(timezone=True))
        return dialect.type_descriptor(sa.String(27))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | str | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"expected a time with its zone, found {value}")
        if dialect.name == "postgresql":
            return value
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def process_result_value(self, value: datetime | str | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return (datetime.fromisoformat(value) if isinstance(value, str) else value).astimezone(UTC)


# Sorted by its characters in both, whatever language a PostgreSQL server speaks.
Text = sa.String().with_variant(sa.String(collation="C"), "postgresql")

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)

sources = sa.Table(
    "sources",
    metadata,
    sa.Column("key", Text, primary_key=True),
    sa.Column("checked_at", Instant),
    sa.Column("taught_at", Instant),
    sa.Column("introduced_at", Instant),
    sa.Column("trouble_kind", Text),
    sa.Column("trouble_text", Text),
    sa.Column("trouble_since", Instant),
    sa.Column("trouble_rounds", sa.Integer),
    sa.Column("trouble_told", sa.Boolean),
)

releases = sa.Table(
    "releases",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("source", Text, nullable=False),
    sa.Column("key", Text, nullable=False),
    sa.Column("title", Text, nullable=False),
    sa.Column("url", Text, nullable=False),
    sa.Column("state", Text, nullable=False),
    sa.Column("period", Text),
    sa.Column("published", Instant),
    sa.Column("expected", Text),
    sa.Column("fingerprint", Text),
    sa.Column("file", Text, nullable=False),
    sa.Column("first_seen", Instant, nullable=False),
    sa.Column("read_at", Instant),
    sa.UniqueConstraint("source", "key"),
    sa.CheckConstraint("state IN ('announced', 'out', 'revised')", name="state"),
)

measures = sa.Table(
    "measures",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("source", Text, nullable=False),
    sa.Column("code", Text, nullable=False),
    sa.UniqueConstraint("source", "code"),
)

measure_names = sa.Table(  # what a measure was called from the period `since` on
    "measure_names",
    metadata,
    sa.Column("measure", sa.ForeignKey("measures.id"), primary_key=True),
    sa.Column("since", Text, primary_key=True),
    sa.Column("name", Text, nullable=False),
    sa.Column("unit", Text, nullable=False),
    sa.Column("denominator", Text, nullable=False),
    sa.Column("definition", Text, nullable=False),
)

areas = sa.Table(
    "areas",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("source", Text, nullable=False),
    sa.Column("kind", Text, nullable=False),
    sa.Column("code", Text, nullable=False),
    sa.UniqueConstraint("source", "kind", "code"),
)

area_names = sa.Table(  # what an area was called from the period `since` on
    "area_names",
    metadata,
    sa.Column("area", sa.ForeignKey("areas.id"), primary_key=True),
    sa.Column("since", Text, primary_key=True),
    sa.Column("name", Text, nullable=False),
)

series = sa.Table(
    "series",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("measure", sa.ForeignKey("measures.id"), nullable=False),
    sa.Column("area", sa.ForeignKey("areas.id"), nullable=False),
    sa.UniqueConstraint("measure", "area"),
)

editions = sa.Table(
    "editions",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("source", Text, nullable=False),
    sa.Column("period", Text, nullable=False),
    sa.Column("published", Instant, nullable=False),
    sa.Column("release", sa.ForeignKey("releases.id"), nullable=False),
    sa.Column("first_seen", Instant, nullable=False),
    sa.Index("ix_editions_source", "source", "period", "published"),
)

figures = sa.Table(
    "figures",
    metadata,
    sa.Column("edition", sa.ForeignKey("editions.id"), primary_key=True),
    sa.Column("series", sa.ForeignKey("series.id"), primary_key=True),
    sa.Column("value", sa.Double),
    sa.Column("withheld", sa.Boolean, nullable=False),
    sa.CheckConstraint("withheld = (value IS NULL)", name="withheld"),
    sa.CheckConstraint("abs(value) < 1e308", name="finite"),
    sqlite_with_rowid=False,
)

facts = sa.Table(
    "facts",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("source", Text, nullable=False),
    sa.Column("name", Text, nullable=False),
    sa.Column("value", Text),
    sa.Column("first_seen", Instant, nullable=False),
    sa.Index("ix_facts_source", "source", "name", "id"),
)

episodes = sa.Table(
    "episodes",
    metadata,
    sa.Column("source", Text, primary_key=True),
    sa.Column("episode", Text, primary_key=True),
    sa.Column("first_seen", Instant, nullable=False),
    sqlite_with_rowid=False,
)

alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("source", Text, nullable=False),
    sa.Column("kind", Text, nullable=False),
    sa.Column("dedupe", Text, nullable=False, unique=True),
    sa.Column("text", Text, nullable=False),
    sa.Column("finding", sa.JSON, nullable=False),
    sa.Column("created", Instant, nullable=False),
)

blobs = sa.Table(  # pictures, each once, by the SHA-256 of its bytes, until they have gone everywhere
    "blobs",
    metadata,
    sa.Column("digest", Text, primary_key=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
)

_HAS_PHOTO = sa.text("photo IS NOT NULL")
outbox = sa.Table(  # `target` is the alert whose message is edited or replied to
    "outbox",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("alert", sa.ForeignKey("alerts.id"), nullable=False),
    sa.Column("key", Text, nullable=False, unique=True),
    sa.Column("action", Text, nullable=False, server_default="send"),
    sa.Column("target", sa.Integer),
    sa.Column("photo", sa.ForeignKey("blobs.digest")),
    sa.Column("held", Text),  # for what it waits: a person's word, a quiet hour, a digest
    sa.Column("chat", Text, nullable=False),
    sa.Column("thread", sa.Integer),
    sa.Column("part", sa.Integer, nullable=False),
    sa.Column("payload", sa.JSON, nullable=False),
    sa.Column("state", Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("resends", sa.Integer, nullable=False),
    sa.Column("not_before", Instant, nullable=False),
    sa.Column("created", Instant, nullable=False),
    sa.Column("began", Instant),  # the latest sending
    sa.Column("done", Instant),  # sent, or given up
    sa.Column("message_id", sa.BigInteger),
    sa.Column("error", Text, nullable=False),
    sa.CheckConstraint(
        "state IN ('pending', 'sending', 'ambiguous', 'sent', 'unconfirmed', 'dead')", name="state"
    ),
    sa.CheckConstraint("action IN ('send', 'reply', 'edit', 'anew')", name="action"),
    sa.Index("ix_outbox_alert", "alert"),
    sa.Index("ix_outbox_target", "target"),
    sa.Index("ix_outbox_state", "state", "chat", "id"),
    sa.Index("ix_outbox_photo", "photo", sqlite_where=_HAS_PHOTO, postgresql_where=_HAS_PHOTO),
)

leases = sa.Table(
    "leases",
    metadata,
    sa.Column("name", Text, primary_key=True),
    sa.Column("owner", Text, nullable=False),
    sa.Column("until", Instant, nullable=False),
)

spending = sa.Table(  # requests made on a source's latest day in London
    "spending",
    metadata,
    sa.Column("source", Text, primary_key=True),
    sa.Column("day", Text, nullable=False),
    sa.Column("requests", sa.Integer, nullable=False),
)

pages = sa.Table(  # `body` is compressed with zlib
    "pages",
    metadata,
    sa.Column("url", Text, primary_key=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("content_type", Text, nullable=False),
    sa.Column("charset", Text),
    sa.Column("etag", Text),
    sa.Column("last_modified", Text),
    sa.Column("seen", Instant, nullable=False),
)

chats = sa.Table(  # what Telegram told us about a chat: it moved, or we may not write there
    "chats",
    metadata,
    sa.Column("chat", Text, primary_key=True),
    sa.Column("moved_to", Text),
    sa.Column("paused", Instant),
    sa.Column("reason", Text, nullable=False),
)

subscriptions = sa.Table(  # what a chat, or a topic in it (0: none), asked for; times of day are London's
    "subscriptions",
    metadata,
    sa.Column("chat", Text, primary_key=True),
    sa.Column("thread", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("choices", sa.JSON, nullable=False),  # `source KEY`, `area CODE`, `severity NAME` -> mode
    sa.Column("muted_until", Instant),
    sa.Column("quiet", Text),  # 22:00-07:00
    sa.Column("digest", Text),  # 08:30
    sqlite_with_rowid=False,
)

guests = sa.Table(  # chats that the bot was added to, and when it said who it is
    "guests",
    metadata,
    sa.Column("chat", Text, primary_key=True),
    sa.Column("since", Instant, nullable=False),
    sa.Column("introduced", Instant),
)

boards = sa.Table(  # the one message of a chat that always says how things stand
    "boards",
    metadata,
    sa.Column("chat", Text, primary_key=True),
    sa.Column("thread", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("message_id", sa.BigInteger, nullable=False),
    sa.Column("shown", Text, nullable=False),  # the digest of what it says
    sqlite_with_rowid=False,
)

held = sa.Table(  # what is implausible, until the operator decides; `content` as `state.holding` packs it
    "held",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("source", Text, nullable=False),
    sa.Column("release", Text, nullable=False),
    sa.Column("fingerprint", Text, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("doubts", sa.JSON, nullable=False),
    sa.Column("found", Instant, nullable=False),
    sa.Column("decided", Instant),
    sa.Column("verdict", Text),
    sa.UniqueConstraint("source", "release", "fingerprint"),
    sa.CheckConstraint("verdict IN ('released', 'rejected', 'over')", name="verdict"),
)

faults = sa.Table(  # `part` of a source that could not be read: a release's key, or empty for its overview
    "faults",
    metadata,
    sa.Column("source", Text, primary_key=True),
    sa.Column("part", Text, primary_key=True),
    sa.Column("kind", Text, nullable=False),
    sa.Column("text", Text, nullable=False),
    sa.Column("told", sa.Boolean, nullable=False),
    sa.CheckConstraint("kind IN ('passing', 'changed', 'withdrawn')", name="kind"),
)
