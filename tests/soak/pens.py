"""What draws the charts while a soak lasts: the library, something quick in its place, or nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

Pen = Literal["real", "quick", "broken"]

_QUICK = """
import os

class Pen:
    def __getattr__(self, name): return self
    def __getitem__(self, key): return self
    def __call__(self, *args, **more): return self
    def __iter__(self): return iter((0.0, 1.0))

class Figure(Pen):
    def __init__(self, **more): pass
    def savefig(self, out, format): out.write(b"\\x89PNG, drawn by %d" % os.getpid())
"""
_BROKEN = 'raise ImportError("there is no pen")\n'


def make_pens(folder: Path) -> None:
    """Put the stand-ins for the drawing library into a folder."""
    for pen, written in (("quick", _QUICK), ("broken", _BROKEN)):
        library = folder / pen / "matplotlib"
        library.mkdir(parents=True)
        (library / "__init__.py").touch()
        (library / "figure.py").write_text(written)


@contextmanager
def drawing(folder: str, pen: Pen) -> Iterator[None]:
    """Let the processes that draw find this pen before any other."""
    before = os.environ.get("PYTHONPATH")
    if pen != "real":
        os.environ["PYTHONPATH"] = f"{folder}/{pen}"
    try:
        yield
    finally:
        os.environ.pop("PYTHONPATH", None)
        if before is not None:
            os.environ["PYTHONPATH"] = before
