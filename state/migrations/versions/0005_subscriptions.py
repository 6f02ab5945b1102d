"""What chats asked for, to which the bot was added, and where it says how things stand."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from state.tables import Instant, Text

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "subscriptions",
        sa.Column("chat", Text, primary_key=True),
        sa.Column("thread", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("choices", sa.JSON(), nullable=False),
        sa.Column("muted_until", Instant()),
        sa.Column("quiet", Text),
        sa.Column("digest", Text),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "guests",
        sa.Column("chat", Text, primary_key=True),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("introduced", Instant()),
    )
    op.create_table(
        "boards",
        sa.Column("chat", Text, primary_key=True),
        sa.Column("thread", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("shown", Text, nullable=False),
        sqlite_with_rowid=False,
    )
