"""Five years of full-size months, read by the real command from a local web, and replayed by another."""

from __future__ import annotations

import sys
import tempfile
import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from bench.measure import Line, run, served

MONTHS, NEWEST = 63, "2026-03"
BOUND = 1.0  # seconds a month
MOST_REPLAYED = 20.0  # seconds for all


def lines() -> Iterator[Line]:
    """Yield what a month costs, what a backtest of all costs, and the memory of both."""
    with tempfile.TemporaryDirectory() as name, served(__name__) as web:
        folder = Path(name)
        (folder / "campaign.toml").write_text(
            '[campaign]\nname = "The past"\nsources = ["talking_therapies_monthly"]\n'
        )
        environment = {
            "CAMPAIGN_FILE": f"{folder}/campaign.toml",
            "DATABASE_URL": f"sqlite:///{folder}/figurewatch.db",
            "WEB_MIRROR": web,
            "WEB_PAUSE": "0",
        }
        log = folder / "figurewatch.log"
        cost = run([sys.executable, "-m", "bot", "backfill"], environment, log=log)
        if f" {MONTHS} past releases read" not in (said := log.read_text()):
            raise RuntimeError(f"the backfill did not read {MONTHS} months:\n{said[-2000:]}")
        replayed = run([sys.executable, "-m", "bot", "backtest"], environment, log=log)
        if f"{MONTHS} releases, " not in (said := log.read_text()):
            raise RuntimeError(f"the backtest did not replay {MONTHS} months:\n{said[-2000:]}")
    yield Line(f"backfill of {MONTHS} months, each", cost.wall / MONTHS, "s", bound=BOUND)
    yield Line("  its CPU time, each", cost.cpu / MONTHS, "s")
    yield Line("  the whole process at its peak", cost.peak, "MiB")
    yield Line(f"backtest of {MONTHS} months", replayed.wall, "s", bound=MOST_REPLAYED)
    yield Line("  the whole process at its peak", replayed.peak, "MiB")


def serve() -> None:
    """Serve the publisher's site with so many months until killed; files are made when they are asked for."""
    from bench import months
    from tests.fakes.nhs import NEW_SERIES, OLD_SERIES, Issue, Nhs
    from tests.fakes.sites import Content, Sites

    undated = months.lines(0)
    periods: dict[str, str] = {}

    def make(place: str) -> Content | None:
        period = periods.get(place)
        return Content(months.file(period, undated), "text/csv") if period else None

    with Sites(make=make) as sites:
        nhs = Nhs(sites)
        newest = 12 * int(NEWEST[:4]) + int(NEWEST[5:]) - 1
        for number in range(newest, newest - MONTHS, -1):
            period = f"{number // 12}-{number % 12 + 1:02}"
            out = date((number + 2) // 12, (number + 2) % 12 + 1, 12)
            issue = Issue(period, out, series=NEW_SERIES if period > "2023-04" else OLD_SERIES)
            nhs.issues[period] = issue
            periods[issue.file_url.removeprefix("https://")] = period
        nhs.serve()
        for issue in nhs.issues.values():
            sites.remove(issue.file_url)  # the empty one, so that it is made
        print(sites.url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    serve()
