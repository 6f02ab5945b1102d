"""What deserves telling: pure functions from numbers to findings."""
