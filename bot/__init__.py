"""The worker: it checks the sources, judges what changed, and tells the team."""
