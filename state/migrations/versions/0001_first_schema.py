"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from state.tables import Instant, Text

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "sources",
        sa.Column("key", Text, primary_key=True),
        sa.Column("checked_at", Instant()),
        sa.Column("taught_at", Instant()),
        sa.Column("introduced_at", Instant()),
        sa.Column("trouble_kind", Text),
        sa.Column("trouble_text", Text),
        sa.Column("trouble_since", Instant()),
        sa.Column("trouble_rounds", sa.Integer()),
        sa.Column("trouble_told", sa.Boolean()),
    )
    op.create_table(
        "releases",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("source", Text, nullable=False),
        sa.Column("key", Text, nullable=False),
        sa.Column("title", Text, nullable=False),
        sa.Column("url", Text, nullable=False),
        sa.Column("state", Text, nullable=False),
        sa.Column("period", Text),
        sa.Column("published", Instant()),
        sa.Column("expected", Text),
        sa.Column("fingerprint", Text),
        sa.Column("file", Text, nullable=False),
        sa.Column("first_seen", Instant(), nullable=False),
        sa.Column("read_at", Instant()),
        sa.UniqueConstraint("source", "key"),
        sa.CheckConstraint("state IN ('announced', 'out', 'revised')", name="state"),
    )
    op.create_table(
        "measures",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("source", Text, nullable=False),
        sa.Column("code", Text, nullable=False),
        sa.UniqueConstraint("source", "code"),
    )
    op.create_table(
        "measure_names",
        sa.Column("measure", sa.Integer(), sa.ForeignKey("measures.id"), primary_key=True),
        sa.Column("since", Text, primary_key=True),
        sa.Column("name", Text, nullable=False),
        sa.Column("unit", Text, nullable=False),
        sa.Column("denominator", Text, nullable=False),
        sa.Column("definition", Text, nullable=False),
    )
    op.create_table(
        "areas",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("source", Text, nullable=False),
        sa.Column("kind", Text, nullable=False),
        sa.Column("code", Text, nullable=False),
        sa.UniqueConstraint("source", "kind", "code"),
    )
    op.create_table(
        "area_names",
        sa.Column("area", sa.Integer(), sa.ForeignKey("areas.id"), primary_key=True),
        sa.Column("since", Text, primary_key=True),
        sa.Column("name", Text, nullable=False),
    )
    op.create_table(
        "series",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("measure", sa.Integer(), sa.ForeignKey("measures.id"), nullable=False),
        sa.Column("area", sa.Integer(), sa.ForeignKey("areas.id"), nullable=False),
        sa.UniqueConstraint("measure", "area"),
    )
    op.create_table(
        "editions",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("source", Text, nullable=False),
        sa.Column("period", Text, nullable=False),
        sa.Column("published", Instant(), nullable=False),
        sa.Column("release", sa.Integer(), sa.ForeignKey("releases.id"), nullable=False),
        sa.Column("first_seen", Instant(), nullable=False),
        sa.Index("ix_editions_source", "source", "period", "published"),
    )
    op.create_table(
        "figures",
        sa.Column("edition", sa.Integer(), sa.ForeignKey("editions.id"), primary_key=True),
        sa.Column("series", sa.Integer(), sa.ForeignKey("series.id"), primary_key=True),
        sa.Column("value", sa.Double()),
        sa.Column("withheld", sa.Boolean(), nullable=False),
        sa.CheckConstraint("withheld = (value IS NULL)", name="withheld"),
        sa.CheckConstraint("abs(value) < 1e308", name="finite"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "facts",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("source", Text, nullable=False),
        sa.Column("name", Text, nullable=False),
        sa.Column("value", Text),
        sa.Column("first_seen", Instant(), nullable=False),
        sa.Index("ix_facts_source", "source", "name", "id"),
    )
    op.create_table(
        "episodes",
        sa.Column("source", Text, primary_key=True),
        sa.Column("episode", Text, primary_key=True),
        sa.Column("first_seen", Instant(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "alerts",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("source", Text, nullable=False),
        sa.Column("kind", Text, nullable=False),
        sa.Column("dedupe", Text, nullable=False, unique=True),
        sa.Column("text", Text, nullable=False),
        sa.Column("finding", sa.JSON(), nullable=False),
        sa.Column("created", Instant(), nullable=False),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("alert", sa.Integer(), sa.ForeignKey("alerts.id"), nullable=False),
        sa.Column("key", Text, nullable=False, unique=True),
        sa.Column("chat", Text, nullable=False),
        sa.Column("thread", sa.Integer()),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("state", Text, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("resends", sa.Integer(), nullable=False),
        sa.Column("not_before", Instant(), nullable=False),
        sa.Column("created", Instant(), nullable=False),
        sa.Column("began", Instant()),  # the latest sending
        sa.Column("done", Instant()),  # sent, or given up
        sa.Column("message_id", sa.BigInteger()),
        sa.Column("error", Text, nullable=False),
        sa.CheckConstraint(
            "state IN ('pending', 'sending', 'ambiguous', 'sent', 'unconfirmed', 'dead')", name="state"
        ),
        sa.Index("ix_outbox_alert", "alert"),
        sa.Index("ix_outbox_state", "state", "chat", "id"),
    )
    op.create_table(
        "leases",
        sa.Column("name", Text, primary_key=True),
        sa.Column("owner", Text, nullable=False),
        sa.Column("until", Instant(), nullable=False),
    )
    op.create_table(
        "spending",
        sa.Column("source", Text, primary_key=True),
        sa.Column("day", Text, nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
    )
    op.create_table(
        "pages",
        sa.Column("url", Text, primary_key=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("content_type", Text, nullable=False),
        sa.Column("charset", Text),
        sa.Column("etag", Text),
        sa.Column("last_modified", Text),
        sa.Column("seen", Instant(), nullable=False),
    )
    op.create_table(
        "chats",
        sa.Column("chat", Text, primary_key=True),
        sa.Column("moved_to", Text),
        sa.Column("paused", Instant()),
        sa.Column("reason", Text, nullable=False),
    )
