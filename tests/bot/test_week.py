"""After a week nothing has grown but the store."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

MOST = 1.05  # of what was held after the first day


def test_in_a_week_memory_stays_flat_and_no_connection_task_thread_or_file_is_left(tmp_path: Path) -> None:
    lived = subprocess.run(
        [sys.executable, "-m", "tests.bot.week", str(tmp_path)],
        cwd=Path(__file__).parents[2],
        env={name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert lived.returncode == 0, lived.stderr
    days = [json.loads(line) for line in lived.stdout.splitlines()]
    first, last = days[0], days[-1]
    assert len(days) == 7
    assert last["looks"] > 500
    assert last["memory"] < MOST * first["memory"], days
    assert last["objects"] < MOST * first["objects"], days
    for kind in ("connections", "tasks"):
        assert last[kind] <= first[kind], days
    for kind in ("files", "threads"):  # less than one a day: pools of a few fill up when two things meet
        assert last[kind] < first[kind] + 6, days
    assert (
        "expected the petition's count, found Inlay unavailable" in lived.stderr
    )  # a week with its troubles
