"""A full-size month, read, selected, compared and committed, against the least that such work can cost."""

from __future__ import annotations

import json
import resource
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import IO, cast

from bench.measure import MIB, Line, ask

BOUND, PEAK = 2.5, 300.0
TRIES = 6
PERIODS = ("2026-01", "2026-02", "2026-03")  # the last is timed, with all that the others have warmed
OUT = {
    "2026-01": datetime(2026, 3, 12, 9, 30, tzinfo=UTC),
    "2026-02": datetime(2026, 4, 9, 8, 30, tzinfo=UTC),
    "2026-03": datetime(2026, 5, 14, 8, 30, tzinfo=UTC),
}


def lines() -> Iterator[Line]:
    """Yield what the month costs, its stages, and its memory."""
    with tempfile.TemporaryDirectory() as name:
        rows, size = ask(__name__, "write", name)
        pairs = [(ask(__name__, "ours", name), ask(__name__, "floor", name)) for _ in range(TRIES)]
    ours, floors = zip(*pairs, strict=True)
    best, floor = (min(runs, key=lambda run: run["all"]) for runs in (ours, floors))
    yield Line(f"a month of {rows:,} rows, {size / MIB:.0f} MiB", best["all"], "s", floor["all"], BOUND)
    yield Line("  read, checked and selected", best["read"], "s", floor["read"])
    yield Line("  compared and committed, with its alert", best["store"], "s", floor["store"])
    yield Line("  the same again, one figure replaced", min(run["revised"] for run in ours), "s")
    yield Line("  the whole process at its peak", max(run["peak"] for run in ours), "MiB", bound=PEAK)


def write(folder: Path) -> tuple[int, int]:
    """Write the months into the folder; return how many rows and bytes the last has."""
    from bench import months

    for seed, period in enumerate(PERIODS):
        undated = months.lines(seed)
        body = months.file(period, undated)
        (folder / f"{period}.csv").write_bytes(body)
    return len(undated), len(body)


def ours(folder: Path) -> dict[str, float]:
    """Take in the months before, then time the month, as a check does, but in one thread."""
    from bot.alerts import Destinations
    from bot.commit import Committer
    from bot.operate.memory import collect_rarely
    from scrapers.talking_therapies_monthly import TalkingTherapiesMonthly
    from scrapers.toolkit.contract import Fetched, Page, Release
    from state.records import Content, Destination
    from state.store import Store

    collect_rarely()
    source = TalkingTherapiesMonthly({})
    (folder / "ours.db").unlink(missing_ok=True)
    store = Store.open(f"sqlite:///{folder}/ours.db")
    committer = Committer(store, Destinations((Destination("console"),), Destination("log")))

    def fetched(period: str) -> Fetched:
        release = Release(period, period, "", period, OUT[period], fingerprint="1", file="file")
        return Fetched(release, Page("", (folder / f"{period}.csv").read_bytes(), "text/csv"))

    def read(fetched: Fetched, now: datetime) -> Content:
        return Content(fetched.release, tuple(source.read(fetched, now)))

    with closing(store):
        for period in PERIODS[:-1]:
            content = read(fetched(period), OUT[period])
            committer.publication(source, content, OUT[period])
        del content
        after, now = fetched(PERIODS[-1]), OUT[PERIODS[-1]]
        started = perf_counter()
        content = read(after, now)
        read_at = perf_counter()
        committer.publication(source, content, now)
        stored = perf_counter()
        first, *others = content.figures
        changed = replace(content.release, fingerprint="2")
        corrected = content._replace(release=changed, figures=(first._replace(value=1.0), *others))
        committer.publication(source, corrected, now + timedelta(days=1))
        revised = perf_counter() - stored
    return {
        "all": stored - started,
        "read": read_at - started,
        "store": stored - read_at,
        "revised": revised,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MIB,
    }


def floor(folder: Path) -> dict[str, float]:
    """Time pyarrow on the same bytes, and a bare insert of the same figures that are kept."""
    import pyarrow as pa
    from pyarrow import csv

    from scrapers.talking_therapies_monthly import TalkingTherapiesMonthly
    from scrapers.toolkit.contract import Fetched, Page, Release

    bodies = [(folder / f"{period}.csv").read_bytes() for period in PERIODS[-2:]]
    before, after = (cast("IO[bytes]", pa.BufferReader(body)) for body in bodies)  # so its stubs want it
    page = Page("", bodies[1], "text/csv")
    figures = TalkingTherapiesMonthly({}).read(Fetched(Release("", "", ""), page), OUT[PERIODS[-1]])
    rows = [(f.measure.id, f.area.kind, f.area.code, f.period, f.value) for f in figures]
    (folder / "floor.db").unlink(missing_ok=True)
    with closing(sqlite3.connect(folder / "floor.db")) as connection:
        connection.execute("CREATE TABLE figures (measure, kind, area, period, value)")
        csv.read_csv(before)  # warm
        started = perf_counter()
        csv.read_csv(after)
        read = perf_counter()
        connection.executemany("INSERT INTO figures VALUES (?, ?, ?, ?, ?)", rows)
        connection.commit()
        stored = perf_counter()
    return {"all": stored - started, "read": read - started, "store": stored - read}


if __name__ == "__main__":
    task = {"write": write, "ours": ours, "floor": floor}[sys.argv[1]]
    print(json.dumps(task(Path(sys.argv[2]))))
