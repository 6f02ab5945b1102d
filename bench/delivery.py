"""Sixty alerts for a group, and one for each of a thousand chats; the server enforces its limits.

The floor is the time that the documented limits leave for the last message: nobody can be faster.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

from bench.measure import REPOSITORY, Line, ask

ALERTS, GROUP = 60, -1001
CHATS = 1_000
SLOWER = 1.15
MOST_REFUSALS = 3
# What a second lasts here. A thousand messages take 33 s: many more a second would measure our own speed.
GROUP_UNIT, CHATS_UNIT = 0.1, 1.0


def lines() -> Iterator[Line]:
    """Yield how long both take, and how often the server said 429."""
    for what, chats, unit, floor in (
        (f"{ALERTS} alerts for one group", [GROUP] * ALERTS, GROUP_UNIT, _group_floor(ALERTS)),
        (f"one alert for each of {CHATS:,} chats", range(1, CHATS + 1), CHATS_UNIT, (CHATS - 30) / 30),
    ):
        with local_telegram(unit) as url, tempfile.TemporaryDirectory() as folder:
            took = ask(__name__, url, folder, str(unit), json.dumps(list(chats)))
        yield Line(f"{what} (1 s lasts {unit:g} s)", took["seconds"] / unit, "s", floor, SLOWER)
        yield Line("  times that Telegram said 429", took["refusals"], "", bound=MOST_REFUSALS)


def _group_floor(alerts: int) -> float:
    """Return when the last of so many messages may come: twenty a minute, and one a second."""
    return (alerts - 1) // 20 * 60.0 + (alerts - 1) % 20


@contextmanager
def local_telegram(unit: float) -> Iterator[str]:
    """Serve a Bot API from a process of its own; give its base address."""
    command = [sys.executable, "-m", "tests.fakes.bot_api", "--unit", str(unit)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip().removeprefix("TELEGRAM_API_URL=")
        finally:
            server.terminate()


async def deliver(url: str, folder: Path, unit: float, chats: Sequence[int]) -> dict[str, Any]:
    """Send one alert to each of the chats; return how long that took, and how often 429 was the answer."""
    from bot.delivery.sender import Sender
    from bot.delivery.transports import TelegramTransport
    from bot.desk import utc_now
    from bot.pace import Pace
    from bot.wording.markup import Message, line, payload
    from state.lease import Claim
    from state.records import NewAlert, Parcel
    from state.store import Store
    from tests.fakes.bot_api import TOKEN

    store = Store.open(f"sqlite:///{folder}/figurewatch.db")
    with store.writing() as tx:
        for number, chat in enumerate(chats, start=1):
            parcel = Parcel(str(chat), payload(Message((line(f"Alert {number}"),))))
            tx.add_alert(NewAlert(number, "", "mark", f"{number}", "", parcels=(parcel,)), utc_now())
    claim = Claim("worker", "bench", timedelta(seconds=30))
    assert store.outbox.take_over(claim, utc_now(), timedelta())
    outcomes: Counter[str] = Counter()
    async with TelegramTransport(TOKEN, api_url=url) as telegram:
        sender = Sender(
            store,
            lambda chat: telegram,
            allowed={str(chat) for chat in chats},
            claim=claim,
            clock=utc_now,
            tell_operator=lambda tx, finding, now: None,
            pace=Pace(**{name: seconds * unit for name, seconds in asdict(Pace()).items()}),
        )
        done = asyncio.Event()

        def heard(row: object, outcome: str) -> None:
            outcomes[outcome] += 1
            if outcomes["sent"] == len(chats):
                done.set()

        sender.heard = heard
        started = perf_counter()
        await sender.run(done)
        seconds = perf_counter() - started
    assert store.outbox.counts()["sent"] == len(chats)
    store.close()
    return {"seconds": seconds, "refusals": outcomes["wait"]}


if __name__ == "__main__":
    url, folder, unit, chats = sys.argv[1:]
    print(json.dumps(asyncio.run(deliver(url, Path(folder), float(unit), json.loads(chats)))))
