"""The worker: it checks the sources, judges what changed, and tells the team."""

__version__ = "0.1.0"
