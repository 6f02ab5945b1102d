"""Pictures are kept until they have gone to every chat, and no longer."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("UPDATE outbox SET photo = NULL WHERE state = 'sent'")
    op.execute("DELETE FROM blobs WHERE digest NOT IN (SELECT photo FROM outbox WHERE photo IS NOT NULL)")
    some = sa.text("photo IS NOT NULL")
    op.create_index("ix_outbox_photo", "outbox", ["photo"], sqlite_where=some, postgresql_where=some)
