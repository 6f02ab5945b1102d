"""Questions that people ask, answered from five years of ten thousand series while a month is being read."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count, cycle, islice
from pathlib import Path
from random import Random
from statistics import quantiles
from time import perf_counter
from typing import TYPE_CHECKING

from bench.measure import Line, ask

if TYPE_CHECKING:
    from bot.commands.answering import Answers
    from bot.commit import Committer
    from scrapers.toolkit.contract import Fetched, Scraper
    from state.store import Store

BOUND = 0.3  # seconds, for 99 answers in a hundred
YEARS, ORGANISATIONS = 5, 3_000
NEWEST = "2026-03"
NOW = datetime(2026, 5, 14, 9, 0, tzinfo=UTC)
ASKED = 400
CAMPAIGN = {"campaign": {"name": "Benchmark", "sources": ["talking_therapies_monthly"]}}
QUESTIONS = (
    ("figure", "drop-out England"),
    ("figure", "drop-out region 3"),
    ("figure", "M192 04Q"),
    ("figure", "how many referrals at R017"),
    ("figure", "recovry some and othr 12Q"),
    ("compare", "drop-out 03Q 05Q"),
    ("compare", "recovery waits R020"),
    ("status", ""),
    ("latest", ""),
    ("measures", "treatment"),
    ("export", "drop-out 07Q"),
    ("figure", "flying saucers over atlantis"),
)


def lines() -> Iterator[Line]:
    """Yield how long answers take, idle and while a month is being read."""
    with tempfile.TemporaryDirectory() as folder:
        found = ask(__name__, folder)
    series, idle, busy, slowest = found["series"], found["idle"], found["busy"], found["slowest"]
    yield Line(f"an answer from {series:,} series x {12 * YEARS} months, 99 in 100", idle, "s")
    yield Line("  while a full-size month is being read", busy, "s", bound=BOUND)
    yield Line("  the slowest of these", slowest, "s")


async def measured(folder: Path) -> dict[str, float]:
    """Return how many series there are, and how long answers take in seconds."""
    from bot.alerts import Destinations
    from bot.campaign import parse_campaign
    from bot.commands.answering import Answers
    from bot.commit import Committer
    from state.records import Destination
    from state.store import Store

    campaign = parse_campaign(CAMPAIGN, "campaign.toml")
    where = Destinations((Destination("console"),), Destination("log"))
    store = Store.open(f"sqlite:///{folder}/asked.db")
    with closing(store):
        committer = Committer(store, where)
        series = await fill(store, campaign.sources[0])
        answers = Answers(store, campaign, where)
        answers.warm()
        idle = await times(answers)
        async with months_read(committer, campaign.sources[0]):
            busy = await times(answers)
    return {"series": series, "idle": _most(idle), "busy": _most(busy), "slowest": max(busy)}


async def times(answers: Answers) -> list[float]:
    """Return how long each of many questions took, from being heard to what is sent."""
    from bot.commands.answering import Asked
    from bot.wording.markup import payload

    taken = []
    for name, text in islice(cycle(QUESTIONS), ASKED):
        started = perf_counter()
        answer = await asyncio.to_thread(getattr(answers, name), Asked(text, "console", NOW))
        payload(answer.message)
        taken.append(perf_counter() - started)
        await asyncio.sleep(0.01)
    return taken


@asynccontextmanager
async def months_read(committer: Committer, source: Scraper) -> AsyncIterator[None]:
    """Read and store a full-size month again and again meanwhile, each time with another figure."""
    from bot.check import read

    fetched = _month()

    async def work() -> None:
        for number in count(2):
            now = NOW + timedelta(hours=number)
            content = await read(source, fetched, now)
            first, *others = content.figures
            changed = content._replace(
                release=replace(content.release, fingerprint=str(number)),
                figures=(first._replace(value=float(number)), *others),
            )
            await asyncio.to_thread(committer.publication, source, changed, now)

    task = asyncio.create_task(work())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def fill(store: Store, source: Scraper) -> int:
    """Store five years, and what is known of organisations; return how many series there are."""
    from bot.check import read
    from bot.rules.periods import shifted
    from scrapers.toolkit.contract import Fact, Release

    chance = Random(1)
    content = await read(source, _month(), NOW)
    for back in range(12 * YEARS, 0, -1):
        month = shifted(NEWEST, -back)
        out = NOW - timedelta(days=30 * back)
        figures = [
            figure._replace(period=month, value=figure.value and round(figure.value * chance.uniform(0.9, 1)))
            for figure in content.figures
        ]
        with store.writing() as tx:
            tx.save_releases(source.key, [Release(month, month, "", month, out, fingerprint="1")], out)
            tx.save_figures(source.key, month, figures, out, out)
            tx.mark_read(source.key, month, "1", out)
    row = json.dumps([["G6V2S", "2024-11-01"]])
    with store.writing() as tx:
        tx.teach(source.key, NOW)
        facts = [Fact(f"X{number:04}", row) for number in range(ORGANISATIONS)]
        tx.save_facts("organisations:succ", facts, NOW)
    return len(content.figures)


def _month() -> Fetched:
    from bench import months
    from scrapers.toolkit.contract import Fetched, Page, Release

    release = Release(NEWEST, NEWEST, "", NEWEST, NOW, fingerprint="1", file="file")
    return Fetched(release, Page("", months.file(NEWEST, months.lines(0)), "text/csv"))


def _most(taken: list[float]) -> float:
    """Return the time within which 99 in a hundred were."""
    return quantiles(taken, n=100)[-1]


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measured(Path(sys.argv[1])))))
