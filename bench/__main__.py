"""Run every benchmark and print one table; end with status 1 where a bound is exceeded."""

from __future__ import annotations

import os
import platform
import sys
from time import perf_counter

from bench import backfill, charts, commands, delivery, month, petitions, release, round, xmr
from bench.measure import table


def main() -> int:
    """Measure everything in this one run; return the status."""
    started = perf_counter()
    print(f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}", flush=True)
    parts = (month, petitions, round, backfill, delivery, xmr, release, charts, commands)
    lines = [line for part in parts for line in part.lines()]
    print(table(lines))
    over = sum(line.over for line in lines)
    print(f"{over or 'no'} bound{'s' * (over != 1)} exceeded; took {perf_counter() - started:.0f} s")
    return int(over > 0)


if __name__ == "__main__":
    sys.exit(main())
