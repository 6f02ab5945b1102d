"""A week of the demo's sources in a process of its own: `python -m tests.bot.week FOLDER`, a line a day.

Time is simulated; the web, the store, the sender and the health page are real. Each line is JSON: what the
process holds when a day is over.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TextIO
from urllib.error import HTTPError
from urllib.request import urlopen

import psutil

from bot.campaign import load_campaign
from bot.desk import Desk, open_desk
from bot.operate.health import HealthServer
from bot.operate.metrics import Metrics
from bot.operate.recorded import RecordedWeb
from bot.operate.replay import instants
from bot.operate.vitals import Vitals
from bot.operate.watchdog import Watchdog
from bot.settings import Settings
from bot.worker import Budget, Watch
from state.store import Store

DEMO = Path(__file__).parents[2] / "demo"
BEGIN = datetime(2026, 5, 10, 6, 0, tzinfo=UTC)  # a release comes out on the fifth day
DAYS = 7
BUNDLE = Path("keepournhspublic.com/wp-content/uploads/civicrm/inlay-0a1b2c3d4e5f.js")


class Week:
    """The clock, and the web as it stands at each moment: the petition grows by one an hour."""

    def __init__(self, web: RecordedWeb, folder: Path) -> None:
        self.now = BEGIN
        self._web, self._folder = web, folder / "web"
        self._coming = instants(DEMO)
        self._bundle = ""
        self.pass_until(BEGIN)

    def clock(self) -> datetime:
        """Return the moment."""
        return self.now

    def pass_until(self, moment: datetime) -> None:
        """Let time pass."""
        self.now = max(self.now, moment)
        while self._coming and self._coming[0][0] <= self.now:
            pages = self._coming.pop(0)[1]
            self._web.show(pages)
            if (pages / BUNDLE).is_file():
                self._bundle = (pages / BUNDLE).read_text()
            self._web.show(self._folder)
        grown = 630 + int((self.now - BEGIN) / timedelta(hours=1))
        (self._folder / BUNDLE).parent.mkdir(parents=True, exist_ok=True)
        (self._folder / BUNDLE).write_text(re.sub(r'"count":\d+', f'"count":{grown}', self._bundle))


async def live(week: Week, desk: Desk, budget: Budget) -> None:
    """Let a worker's watches, sender and watchdog live through the week, each at its time."""
    sources = desk.campaign.sources
    metrics = Metrics(desk.store, desk.checker.web.requests, week.clock)
    desk.sender.heard = metrics.heard
    watchdog = Watchdog(desk, Vitals(week.now, {source.key: source.rhythm for source in sources}), metrics)
    watches = [await asyncio.to_thread(Watch.begin, desk, source, budget) for source in sources]
    looks, today = 0, BEGIN + timedelta(days=1)
    with HealthServer(0, watchdog.reasons, metrics.page) as server:
        while today <= BEGIN + timedelta(days=DAYS):
            watch = min(watches, key=lambda watch: watch.slot.at)
            if watch.slot.at > today:
                await asyncio.to_thread(_ask, server.port)
                print(json.dumps({"looks": looks, **held()}), flush=True)
                today += timedelta(days=1)
                continue
            week.pass_until(watch.slot.at)
            watchdog.looked(await watch.turn())
            looks += 1
            assert await asyncio.to_thread(desk.take_lease)
            await desk.sender.drain()
            await watchdog.round()


def _ask(port: int) -> None:
    """Ask for both pages; a week that passes in seconds is a clock that jumps, and so the health is 503."""
    for page in ("health", "metrics"):
        try:
            with urlopen(f"http://127.0.0.1:{port}/{page}") as answer:
                answer.read()
        except HTTPError as error:
            error.close()


def held() -> dict[str, float]:
    """Return what this process holds now."""
    gc.collect()
    process = psutil.Process()
    return {
        "memory": process.memory_info().rss,
        "objects": len(gc.get_objects()),
        "files": process.num_fds(),
        "connections": len(process.net_connections()),
        "threads": process.num_threads(),
        "tasks": len(asyncio.all_tasks()),
    }


async def main(folder: Path, console: TextIO) -> None:
    """Live through the week with a store in `folder`, its messages on a console."""
    store = Store.open(f"sqlite:///{folder}/week.db")
    with RecordedWeb() as web:
        week = Week(web, folder)
        settings = Settings.model_validate(
            {"database_url": f"sqlite:///{folder}/week.db", "web_mirror": web.url, "web_pause": 0}
        )
        budget = Budget(week.clock)
        campaign = load_campaign(str(DEMO / "campaign.toml"))
        async with open_desk(
            settings, campaign, store, console=console, clock=week.clock, spend=budget.spend
        ) as desk:
            await live(week, desk, budget)
    store.close()


if __name__ == "__main__":
    with Path(os.devnull).open("w") as nowhere:
        asyncio.run(main(Path(sys.argv[1]), nowhere))
