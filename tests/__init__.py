"""The tests; together their names read as the manual."""
