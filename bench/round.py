"""A round of all sources of the shipped campaign when nothing changed, and a quiet day of the worker."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import process_time
from typing import Any

from bench.measure import REPOSITORY, TRIES, Line, ask, least, run, served

CPU, REQUESTS, PEAK = 1.0, 1, 90.0  # seconds a round, for each source, MiB (8 of them for reading HTML)
ROUNDS = 4  # of a warm process
MIDNIGHT = datetime(2027, 3, 2, tzinfo=UTC)  # of a day on which nothing is announced


def lines() -> Iterator[Line]:
    """Yield what a check and a warm round cost, and how often the sources are asked on a day."""
    from tests.fakes.shipped import MORE

    with tempfile.TemporaryDirectory() as name, served("tests.fakes.shipped") as web:
        folder = Path(name)
        shipped = (REPOSITORY / "campaign.toml").read_text()
        (folder / "campaign.toml").write_text(shipped + MORE)
        environment = {
            "CAMPAIGN_FILE": f"{folder}/campaign.toml",
            "DATABASE_URL": f"sqlite:///{folder}/figurewatch.db",
            "WEB_MIRROR": web,
            "WEB_PAUSE": "0",
        }
        check, log = [sys.executable, "-m", "bot", "check"], folder / "figurewatch.log"
        run(check, environment, log=log)  # the first look of each
        still = least(run(check, environment, log=log) for _ in range(TRIES))
        warm = ask(__name__, environment=environment)
    sources = len(warm["round"])
    yield Line(f"a round of {sources} sources in the running worker, CPU", warm["cpu"], "s", bound=CPU)
    yield Line("  for each source at most", max(warm["round"].values()), "requests", bound=REQUESTS)
    yield Line("  a day without news, all of them", sum(warm["day"].values()), "requests")
    yield Line("check of them all, CPU of the whole process", still.cpu, "s")
    yield Line("  the whole process at its peak", still.peak, "MiB", bound=PEAK)


async def warm() -> dict[str, Any]:
    """Time rounds of a process that goes on, then let its watches live through a day."""
    from bot.campaign import load_campaign
    from bot.desk import open_desk
    from bot.look import LISTED
    from bot.settings import load_settings
    from bot.worker import Budget, Watch
    from state.store import Store

    settings = load_settings()
    campaign = load_campaign(settings.campaign_file)
    store = Store.open(settings.database_url.get_secret_value())
    now = MIDNIGHT
    budget = Budget(lambda: now)
    asked: Counter[str] = Counter()

    def spend(source: str) -> None:
        budget.spend(source)
        asked[source] += 1

    costs = []
    async with open_desk(settings, campaign, store, clock=lambda: now, spend=spend) as desk:
        for _ in range(ROUNDS):
            asked.clear()
            started = process_time()
            results = await desk.checker.round(campaign.sources, LISTED)
            costs.append(process_time() - started)
            if any(result.error or result.changes for result in results):
                raise RuntimeError("a page changed, or could not be read")
        of_round = {source.key: asked[source.key] for source in campaign.sources}
        asked.clear()
        watches = [Watch.begin(desk, source, budget) for source in campaign.sources]
        while (watch := min(watches, key=lambda one: one.slot.at)).slot.at < MIDNIGHT + timedelta(days=1):
            now = max(now, watch.slot.at)
            if (result := await watch.turn()).error or result.changes:
                raise RuntimeError(f"{watch.source.key}: {result.error or 'it changed'}")
    store.close()
    of_day = {source.key: asked[source.key] for source in campaign.sources}
    return {"cpu": min(costs[1:]), "round": of_round, "day": of_day}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(warm())))
