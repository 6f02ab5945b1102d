"""Where the worker runs, and whether a file written here outlasts it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

# What hosts of the Procfile kind, whose disks are wiped at each restart, put into the environment.
WIPING_HOSTS = ("DYNO", "RENDER", "RAILWAY_ENVIRONMENT")
CONTAINER_MARKS = (Path("/.dockerenv"), Path("/run/.containerenv"))


def lost_at_restart(shown: str, environment: Mapping[str, str] = os.environ) -> str | None:
    """Return why a store does not outlast a restart here, or None where nothing speaks against it.

    `shown` is its address. In a container a file lasts where it lies on a volume, a disk of its own.
    """
    if not shown.startswith("sqlite:///"):
        return None
    if any(name in environment for name in WIPING_HOSTS):
        return "this host wipes its disk at each restart"
    folder = Path(shown.removeprefix("sqlite:///")).absolute().parent
    contained = "KUBERNETES_SERVICE_HOST" in environment or any(mark.exists() for mark in CONTAINER_MARKS)
    if contained and folder.exists() and folder.stat().st_dev == Path("/").stat().st_dev:
        return "it lies inside the container, and goes with it"
    return None
