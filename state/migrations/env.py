"""Run the migrations on the connection that the store hands over, inside its transaction."""

from alembic import context

from state.database import VERSION_TABLE
from state.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
)
context.run_migrations()
