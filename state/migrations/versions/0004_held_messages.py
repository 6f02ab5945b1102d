"""A message may be held, for somebody's word, a quiet hour or a digest, without holding back the others."""

from __future__ import annotations

from alembic import op

from state.tables import Text

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    text = Text.compile(op.get_bind().dialect)
    op.execute(f"ALTER TABLE outbox ADD COLUMN held {text}")
