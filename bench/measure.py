"""Run a command and say what it cost; hold ratios against their bounds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

REPOSITORY = Path(__file__).parents[1]
MIB = 2**20
TRIES = 3


class Cost(NamedTuple):
    """What a process cost, its children included: seconds of wall and CPU time, MiB at its peak."""

    wall: float
    cpu: float
    peak: float


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table. Without a bound it is there to be read only."""

    what: str
    ours: float
    unit: str
    floor: float | None = None
    bound: float | None = None

    @property
    def held(self) -> float:
        """Return what the bound is for: the ratio to the floor, or where there is none the figure itself."""
        return self.ours if self.floor is None else self.ours / self.floor

    @property
    def over(self) -> bool:
        """Return whether the bound is exceeded."""
        return self.bound is not None and self.held > self.bound


def run(command: Sequence[str], environment: Mapping[str, str] | None = None, *, log: Path) -> Cost:
    """Run a command to its end with its output in `log`; raises RuntimeError where it fails.

    A process is never said to need less memory than the one that started it, so ours must stay small.
    """
    with log.open("w") as output:
        started = perf_counter()
        process = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env={**os.environ, **(environment or {})},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{log.read_text()[-2000:]}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / MIB)


def ask(module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Any:
    """Return the JSON that a module of this package prints, run in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=REPOSITORY,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout)


@contextmanager
def served(module: str, *arguments: str) -> Iterator[str]:
    """Run a module that serves a local web in a process of its own; give the address that it prints."""
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def least(costs: Iterable[Cost]) -> Cost:
    """Return the least wall and CPU time of several runs, and the highest peak."""
    walls, cpus, peaks = zip(*costs, strict=True)
    return Cost(min(walls), min(cpus), max(peaks))


def table(lines: Sequence[Line]) -> str:
    """Return the lines as a table of at most 100 columns."""
    rows = [("what", "ours", "floor/peer", "ratio", "bound", "")]
    for line in lines:
        floor = "" if line.floor is None else _number(line.floor, line.unit)
        ratio = "" if line.floor is None else f"{line.held:.2f}"
        mark = "" if line.bound is None else "over" if line.over else "ok"
        rows.append((line.what, _number(line.ours, line.unit), floor, ratio, _bound(line), mark))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def _bound(line: Line) -> str:
    if line.bound is None:
        return ""
    return _number(line.bound, line.unit) if line.floor is None else f"{line.bound:g}"


def _number(value: float, unit: str) -> str:
    whole = isinstance(value, int) or value >= 100 or unit == "MiB"
    return f"{value:.0f} {unit}" if whole else f"{value:.3f} {unit}"
