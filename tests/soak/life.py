"""One life of a process: it looks, and sends until nothing is left, or dies on the way."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from multiprocessing.connection import Connection

from bot.backfill import backfill
from bot.campaign import Campaign, parse_campaign
from bot.desk import Desk, open_desk
from bot.operate import crash
from bot.pace import Pace
from bot.settings import Settings
from state.store import Store
from tests.fakes.bot_api import TOKEN
from tests.soak.pens import Pen, drawing

TEAM, FORUM, TOPIC, PERSON, OPERATOR = -1001, -1003, 7, 5, -1002
SLEEPER, READER = 6, 7  # who is silent at night, and who wants all but what is critical in a digest
PETITIONS = (1, 2)
GOALS = {2: 1000}
MONTHLY = "talking_therapies_monthly"
WATCHED = [
    {"measure": "M053", "good": "up", "minimum": 1.0, "target": 75.0, "family": "waits"},
    {"measure": "treated_once", "good": "down", "minimum": 1.0, "family": "endings"},
    {"measure": "M195", "good": "up", "minimum": 1.0, "family": "outcomes"},
]
CLAIMED = {
    "says": "Nine in ten wait for less than six weeks",
    "where": "leaflet",
    "figure": {"source": MONTHLY, "measure": "M053"},
    "holds": {"min": 89.0},
    "thin": {"min": 80.0},
}
TITLES = {number: f"Petition {number}" for number in PETITIONS}
TICK = timedelta(seconds=10)
# Times of the store pass as fast as they are asked for; what is waited for in earnest is over at once.
FAST = Pace(spacing=0, even=0, window=0, unit=0.002, answer=0.25, backoff=0.01, timeout=5)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a process finds everything: the database, the web, the Bot API if any, and what it draws with."""

    database: str
    web: str
    telegram: str
    pens: str
    pen: Pen = "quick"

    def settings(self) -> Settings:
        """Return the settings of a process here."""
        return Settings.model_validate(
            {
                "database_url": self.database,
                "web_mirror": self.web,
                "web_pause": 0,
                **(self._chats() if self.telegram else {}),
            }
        )

    def _chats(self) -> dict[str, str]:
        return {
            "telegram_bot_token": TOKEN,
            "telegram_api_url": self.telegram,
            "alert_chats": f"{TEAM},{FORUM}:{TOPIC},{PERSON}",
            "ops_chat": str(OPERATOR),
        }


class Killed(BaseException):
    """The process is dead: nothing after this may leave a trace."""


def campaign() -> Campaign:
    """Return the campaign: petitions told at each signature, a monthly release, a watch list and a claim."""
    petitions = [
        {"source": "parliament_petition", "id": number, "title": TITLES[number], "tell_at": ["every 1"]}
        | ({"goal": GOALS[number]} if number in GOALS else {})
        for number in PETITIONS
    ]
    document = {
        "campaign": {"name": "Soak", "sources": [MONTHLY]},
        "petition": petitions,
        "watch": WATCHED,
        "claim": [CLAIMED],
    }
    return parse_campaign(document, "soak.toml")


async def look(place: Place, now: datetime, *, back: bool = False) -> None:
    """Look at everything once, and at the past (`back`); send nothing."""
    store = Store.open(place.database)
    try:
        async with open_desk(place.settings(), campaign(), store, clock=lambda: now, pace=FAST) as desk:
            await _look(desk)
            if back:
                for source in desk.campaign.chosen([MONTHLY]):
                    await backfill(desk.checker, source)
    finally:
        await asyncio.get_running_loop().shutdown_default_executor()
        store.close()


def look_alone(place: Place, now: datetime, where: str | None) -> datetime:
    """Live a life in which nothing is sent and nobody dies."""
    asyncio.run(look(replace(place, telegram=""), now))
    return now


async def live(place: Place, now: datetime) -> datetime:
    """Wait for the lease, look once and send until nothing is left; return the time at which that is done.

    Time stands still but for waits, which are over at once.
    """
    moment = [now]
    store = Store.open(place.database)
    try:
        async with open_desk(place.settings(), campaign(), store, clock=lambda: moment[0], pace=FAST) as desk:
            try:
                while not desk.take_lease():
                    moment[0] += TICK
                await _look(desk)
                while (next_due := (await desk.sender.drain()).next_due) is not None:
                    moment[0] = max(moment[0], next_due)
                desk.drop_lease()
            except BaseException:
                desk.pages.take_changed()  # the dead save nothing
                raise
    finally:
        await asyncio.get_running_loop().shutdown_default_executor()
        store.close()
    return moment[0]


async def _look(desk: Desk) -> None:
    """Make what digests are due, and look at everything once. Only a release may fail to be read."""
    await asyncio.to_thread(desk.gather)
    results = await desk.checker.round(desk.campaign.sources)
    assert not [result.error for result in results if result.error and result.source.is_live]


def live_here(place: Place, now: datetime, where: str | None) -> datetime | None:
    """Live one life in this process, to its end or to a point; return when it ended, None if it died."""

    def die() -> None:
        raise Killed(where)

    crash.arm(crash.at(where, die) if where else None)
    try:
        with drawing(place.pens, place.pen):
            return asyncio.run(live(place, now))
    except Killed:
        return None
    finally:
        crash.arm(None)


def live_as_child(place: Place, now: datetime, where: str | None, end: Connection) -> None:
    """Live one life in a process of its own, to its end or to a SIGKILL; send when it ended."""
    if where:
        crash.arm(crash.at(where, lambda: os.kill(os.getpid(), signal.SIGKILL)))
    with drawing(place.pens, place.pen):
        end.send(asyncio.run(live(place, now)))


def work_as_child(place: Place) -> None:
    """Be a worker in real time, until killed: look and send whenever the lease can be had."""
    with drawing(place.pens, place.pen):
        asyncio.run(_work(place))


async def _work(place: Place) -> None:
    from bot.desk import utc_now

    store = Store.open(place.database)
    settings = place.settings().model_copy(update={"lease_time": 1.0})
    pace = Pace(
        spacing=0.01, even=0, window=0, doubt=0.3, unit=0.02, paused=0.5, refused=0.5, answer=0.5, timeout=5
    )
    async with open_desk(settings, campaign(), store, clock=utc_now, pace=pace) as desk:
        while True:
            if await asyncio.to_thread(desk.take_lease):
                await _look(desk)
                await desk.sender.drain()
            await asyncio.sleep(0.05)
