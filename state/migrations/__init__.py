"""The history of the tables, run by `state.database` when a store is not current."""
