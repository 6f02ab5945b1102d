"""How a process takes memory, and how often it looks for what it needs no more."""

from __future__ import annotations

import atexit
import gc

MALLOC_ARENAS = -8  # M_ARENA_MAX of glibc


def take_memory_once() -> None:
    """Let all threads take memory from one place, where the C library lets us say so.

    Else each thread that reads a large file keeps up to 50 MB of its own.
    """
    import ctypes
    from contextlib import suppress

    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).mallopt(MALLOC_ARENAS, 1)


def collect_rarely() -> None:
    """Let the garbage collector look less often.

    A month makes forty thousand small objects, none of them in a ring. Looking for rings among all that the
    libraries hold, while they are made, takes longer than storing them. Nor is it looked through at the end,
    when all of it goes with the process.
    """
    gc.set_threshold(200_000)
    atexit.register(gc.freeze)
