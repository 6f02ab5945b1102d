"""Die at a named point, for the tests that kill the worker wherever it hurts.

`FIGUREWATCH_CRASH_AT=sender:called` ends the process with SIGKILL when it first passes that point;
`sender:called:3` the third time. Without it `point` does nothing.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

POINTS = (
    "check:asked",  # a page is here, and not read
    "check:read",  # its figures are known
    "commit:due",  # nothing is stored yet
    "post:begun",  # figures are written, messages are not, and none is committed
    "post:done",  # both are, and not committed
    "commit:done",
    "digest:added",  # what it gathers still waits to be told, and none is committed
    "digest:done",  # it is committed, and not sent
    "lease:taken",
    "sender:due",  # a message is chosen, and not marked
    "sender:drawing",  # it has a picture, which is to be drawn
    "sender:begun",  # it is marked, and not sent
    "sender:called",  # it arrived, and that is not written down
    "sender:failed",  # it perhaps arrived, and that is not written down
    "sender:posted",  # what became of it is written with what follows, and not committed
    "sender:done",
)


def at(where: str, die: Callable[[], object]) -> Callable[[str], None]:
    """Return what calls `die` at a point and all after it; `where` is its name, with `:n` the nth time."""
    name, _, times = where.rpartition(":") if where.rpartition(":")[2].isdigit() else (where, "", "1")
    if name not in POINTS:
        raise ValueError(f"expected one of {', '.join(POINTS)}, found {name!r}")
    left = [int(times)]

    def passed(point: str) -> None:
        left[0] -= point == name
        if left[0] <= 0:
            die()

    return passed


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


_passed = at(os.environ["FIGUREWATCH_CRASH_AT"], _kill) if "FIGUREWATCH_CRASH_AT" in os.environ else None


def arm(passed: Callable[[str], None] | None) -> None:
    """Let a function be called at each point; None for nothing."""
    global _passed
    _passed = passed


def point(name: str) -> None:
    """Pass a point at which a process may die."""
    if _passed is not None:
        _passed(name)
