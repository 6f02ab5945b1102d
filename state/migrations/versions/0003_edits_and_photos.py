"""What a message does beside being sent: it edits an earlier one, or replies to it, and may have a photo."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from state.tables import Text

revision = "0003"
down_revision = "0002"

_ACTIONS = "CONSTRAINT ck_outbox_action CHECK (action IN ('send', 'reply', 'edit', 'anew'))"


def upgrade() -> None:
    op.create_table(
        "blobs",
        sa.Column("digest", Text, primary_key=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
    )
    # SQLite adds a column with its constraints in one statement, or rebuilds the whole table.
    text = Text.compile(op.get_bind().dialect)
    for column in (
        f"action {text} DEFAULT 'send' NOT NULL {_ACTIONS}",
        "target INTEGER",
        f"photo {text} CONSTRAINT fk_outbox_photo_blobs REFERENCES blobs (digest)",
    ):
        op.execute(f"ALTER TABLE outbox ADD COLUMN {column}")
    op.create_index("ix_outbox_target", "outbox", ["target"])
