"""The way of a message from the outbox to its chat."""
