"""What waits for the operator's decision, and which parts of a source could not be read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from state.tables import Instant, Text

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "held",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("source", Text, nullable=False),
        sa.Column("release", Text, nullable=False),
        sa.Column("fingerprint", Text, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("doubts", sa.JSON(), nullable=False),
        sa.Column("found", Instant(), nullable=False),
        sa.Column("decided", Instant()),
        sa.Column("verdict", Text),
        sa.UniqueConstraint("source", "release", "fingerprint"),
        sa.CheckConstraint("verdict IN ('released', 'rejected', 'over')", name="verdict"),
    )
    op.create_table(
        "faults",
        sa.Column("source", Text, primary_key=True),
        sa.Column("part", Text, primary_key=True),
        sa.Column("kind", Text, nullable=False),
        sa.Column("text", Text, nullable=False),
        sa.Column("told", sa.Boolean, nullable=False),
        sa.CheckConstraint("kind IN ('passing', 'changed', 'withdrawn')", name="kind"),
    )
