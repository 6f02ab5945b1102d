"""The memory: figures as versions, releases, alerts and the outbox, in SQLite or PostgreSQL."""
