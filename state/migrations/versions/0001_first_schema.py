"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from state.tables import Instant

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "sources",
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("checked_at", Instant()),
        sa.Column("taught_at", Instant()),
        sa.Column("introduced_at", Instant()),
        sa.Column("trouble_kind", sa.String()),
        sa.Column("trouble_text", sa.String()),
        sa.Column("trouble_since", Instant()),
        sa.Column("trouble_rounds", sa.Integer()),
        sa.Column("trouble_told", sa.Boolean()),
    )
    op.create_table(
        "releases",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("period", sa.String()),
        sa.Column("published", Instant()),
        sa.Column("expected", sa.String()),
        sa.Column("fingerprint", sa.String()),
        sa.Column("file", sa.String(), nullable=False),
        sa.Column("first_seen", Instant(), nullable=False),
        sa.Column("read_at", Instant()),
        sa.UniqueConstraint("source", "key"),
        sa.CheckConstraint("state IN ('announced', 'out', 'revised')", name="state"),
    )
    op.create_table(
        "measures",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.UniqueConstraint("source", "code"),
    )
    op.create_table(
        "measure_names",
        sa.Column("measure", sa.Integer(), sa.ForeignKey("measures.id"), primary_key=True),
        sa.Column("since", sa.String(), primary_key=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("denominator", sa.String(), nullable=False),
        sa.Column("definition", sa.String(), nullable=False),
    )
    op.create_table(
        "areas",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.UniqueConstraint("source", "kind", "code"),
    )
    op.create_table(
        "area_names",
        sa.Column("area", sa.Integer(), sa.ForeignKey("areas.id"), primary_key=True),
        sa.Column("since", sa.String(), primary_key=True),
        sa.Column("name", sa.String(), nullable=False),
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
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
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
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.String()),
        sa.Column("first_seen", Instant(), nullable=False),
        sa.Index("ix_facts_source", "source", "name", "id"),
    )
    op.create_table(
        "episodes",
        sa.Column("source", sa.String(), primary_key=True),
        sa.Column("episode", sa.String(), primary_key=True),
        sa.Column("first_seen", Instant(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "alerts",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("dedupe", sa.String(), nullable=False, unique=True),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("finding", sa.JSON(), nullable=False),
        sa.Column("created", Instant(), nullable=False),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("alert", sa.Integer(), sa.ForeignKey("alerts.id"), nullable=False),
        sa.Column("key", sa.String(), nullable=False, unique=True),
        sa.Column("chat", sa.String(), nullable=False),
        sa.Column("thread", sa.Integer()),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("resends", sa.Integer(), nullable=False),
        sa.Column("not_before", Instant(), nullable=False),
        sa.Column("created", Instant(), nullable=False),
        sa.Column("began", Instant()),  # the latest sending
        sa.Column("done", Instant()),  # sent, or given up
        sa.Column("message_id", sa.BigInteger()),
        sa.Column("error", sa.String(), nullable=False),
        sa.CheckConstraint(
            "state IN ('pending', 'sending', 'ambiguous', 'sent', 'unconfirmed', 'dead')", name="state"
        ),
        sa.Index("ix_outbox_alert", "alert"),
        sa.Index("ix_outbox_state", "state", "chat", "id"),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("until", Instant(), nullable=False),
    )
    op.create_table(
        "spending",
        sa.Column("source", sa.String(), primary_key=True),
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("requests", sa.Integer(), nullable=False),
    )
    op.create_table(
        "pages",
        sa.Column("url", sa.String(), primary_key=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("content_type", sa.String(), nullable=False),
        sa.Column("charset", sa.String()),
        sa.Column("etag", sa.String()),
        sa.Column("last_modified", sa.String()),
        sa.Column("seen", Instant(), nullable=False),
    )
    op.create_table(
        "chats",
        sa.Column("chat", sa.String(), primary_key=True),
        sa.Column("moved_to", sa.String()),
        sa.Column("paused", Instant()),
        sa.Column("reason", sa.String(), nullable=False),
    )
