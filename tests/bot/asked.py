"""A store to be asked: thirty months of figures, a petition, two alerts, and a bot that listens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import sin

from bot.alerts import Destinations, post
from bot.campaign import Campaign
from bot.commands.asking import Asking
from bot.commands.polling import Polling
from bot.commands.replies import Quota
from bot.desk import Desk
from bot.operate.vitals import Vitals
from bot.rules.findings import MarkCrossed, ReleaseOut, Row
from scrapers.toolkit.contract import (
    ENGLAND,
    EVERYWHERE,
    LIVE,
    Area,
    Figure,
    Measure,
    Release,
    Unit,
    published_at,
    reading_period,
)
from state.store import Store
from tests.bot.house import TEAM, House
from tests.fakes.bot_api import TOKEN, BotApi, Chat, Shown
from tests.fakes.nhs import Issue

NOW = datetime(2026, 5, 14, 9, 0, tzinfo=UTC)
MONTHLY, PETITION = "talking_therapies_monthly", "parliament_petition:5"
KENT = Area("91Q", "SubICB", "NHS KENT AND MEDWAY ICB - 91Q")
DEVON = Area("15N", "SubICB", "NHS DEVON ICB - 15N")
TRUST = Area("RXY", "Provider", "KENT AND MEDWAY MENTAL HEALTH NHS TRUST")
PLACES = {ENGLAND: 1.0, KENT: 0.02, DEVON: 0.03, TRUST: 0.0004}
CAMPAIGN: dict[str, object] = {
    "campaign": {"name": "A review", "sources": [MONTHLY]},
    "petition": [{"source": "parliament_petition", "id": 5, "goal": 1000, "tell_at": ["every 100"]}],
    "watch": [
        {"measure": "treated_once", "good": "down", "minimum": 1.0},
        {"measure": "M192", "good": "up", "minimum": 1.0, "target": 50},
    ],
    "claim": [
        {
            "says": "Half of those treated recover",
            "where": "the petition",
            "figure": {"source": MONTHLY, "measure": "M192"},
            "holds": {"min": 49, "max": 52},
        }
    ],
}
COUNTS = {
    "M001": ("Count_ReferralsReceived", 163_000),
    "M031": ("Count_AccessingServices", 96_000),
    "M056": ("Count_EndedReferrals", 153_000),
    "M062": ("Count_EndedDied", 200),
    "M075": ("Count_EndedTreatedOnce", 39_000),
    "M076": ("Count_FinishedCourseTreatment", 57_000),
    "M153": ("Count_EndedBeforeTreatment", 56_000),
}
MEASURES = {code: Measure(code, name, Unit.COUNT) for code, (name, _) in COUNTS.items()}
RECOVERY = Measure("M192", "Percentage_Recovery", Unit.PERCENT, "those finished, at caseness")
WAIT = Measure("M049", "Median_WaitAccessingServices", Unit.MEDIAN)
MONTHS = [f"{2023 + (9 + n) // 12}-{(9 + n) % 12 + 1:02}" for n in range(30)]  # 2023-10 to 2026-03


def figures(month: str) -> list[Figure]:
    """Return the figures of a month: one withheld, and a provider with too few for a share."""
    n = MONTHS.index(month)
    found = []
    for area, size in PLACES.items():
        for code, (_, usual) in COUNTS.items():
            if code == "M062" and area != ENGLAND:
                continue
            found.append(
                Figure(MEASURES[code], area, month, float(round(usual * size * (1 + 0.02 * sin(n)))))
            )
        withheld = area == DEVON and month == MONTHS[-1]
        found.append(Figure(RECOVERY, area, month, None if withheld else round(50 + 2 * sin(n * 1.3), 1)))
        found.append(Figure(WAIT, area, month, float(20 + n % 3)))
    return found


def fill(store: Store, campaign: Campaign, where: Destinations, now: datetime = NOW) -> None:
    """Store the months, an announced release, a petition with readings until now, and two alerts.

    The releases are those that the publisher's site shows, which a test may serve.
    """
    with store.writing() as tx:
        for month in MONTHS:
            year, number = (int(part) for part in month.split("-"))
            out = published_at(date(year + (number + 1) // 12, (number + 1) % 12 + 1, 14))
            issue = Issue(month)
            title = f"NHS Talking Therapies, {month}"
            release = Release(
                issue.slug, title, issue.url, month, out, fingerprint="1", file=f"{issue.url}/{month}.csv"
            )
            tx.save_releases(MONTHLY, [release], out)
            tx.save_figures(MONTHLY, issue.slug, figures(month), out, out)
            tx.mark_read(MONTHLY, issue.slug, "1", out)
        issue = Issue("2026-04")
        coming = Release(issue.slug, "April", issue.url, issue.period, expected="2026-06-11")
        tx.save_releases(MONTHLY, [coming], now)
        page = "https://petition.parliament.uk/petitions/5"
        tx.save_releases(PETITION, [Release(LIVE, "Petition", page)], now)
        signatures = Measure("signatures", "Signatures", Unit.SIGNATURES)
        for hours in range(0, 240, 6):
            at = now - timedelta(hours=240 - hours)
            figure = Figure(signatures, EVERYWHERE, reading_period(at), 400.0 + hours)
            tx.save_figures(PETITION, LIVE, [figure], at, at)
        tx.note_checked([MONTHLY, PETITION], now - timedelta(minutes=4))
        sources = {source.key: source for source in campaign.sources}
        row = Row("Recovery", "M192", Unit.PERCENT, "those finished", 51.2, {"before": 50.0})
        issue = Issue(MONTHS[-1])
        newest = Release(issue.slug, "March", issue.url, issue.period, now)
        post(tx, where, sources[MONTHLY], [ReleaseOut("release:march", newest, (row,), 30)], now)
        mark = MarkCrossed("mark:600", 600, 634, 590, now - timedelta(hours=6), 1000)
        post(tx, where, sources[PETITION], [mark], now)


@dataclass(slots=True)
class Conversation:
    """A person in a chat, or in one of its topics, and the bot that listens there."""

    telegram: BotApi
    chat: Chat
    thread: int | None = None

    async def ask(self, text: str, **how: int) -> Shown:
        """Write something; return the first new message of the bot."""
        return (await self.asks(text, **how))[0]

    async def asks(self, text: str, count: int = 1, **how: int) -> list[Shown]:
        """Write something; return so many new messages of the bot."""
        before = len(self.chat.messages)
        self.telegram.say(self.chat.id, text, thread=self.thread, **how)
        await until(lambda: len(self.chat.messages) >= before + count)
        return self.chat.messages[before : before + count]

    async def press(self, message: Shown, label: str) -> str:
        """Press the button with this label; return what is said to whom pressed it, once that is said."""
        data = next(b["callback_data"] for row in message.buttons for b in row if b["text"] == label)
        return await self.send(message, data)

    async def send(self, message: Shown, data: str, *, old: bool = False) -> str:
        """Send what a button would send."""
        id = str(self.telegram.press(self.chat.id, message.id, data, old=old))
        await until(lambda: id in self.telegram.callback_answers)
        return self.telegram.callback_answers[id]


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 (a server in another thread tells no event)
            await asyncio.sleep(0.01)


@asynccontextmanager
async def listening(house: House, *chats: str) -> AsyncIterator[Desk]:
    """Let a bot listen in these chats, with everything stored that can be asked."""
    house.campaign, house.now = dict(CAMPAIGN), NOW
    house.more["alert_chats"] = ",".join(chats or (str(TEAM),))
    async with house.desk() as desk:
        fill(desk.store, desk.campaign, desk.checker.committer.destinations)
        vitals = Vitals(None, {})
        polling = Polling(
            TOKEN,
            house.telegram.url,
            vitals,
            desk.clock,
            allowed=lambda: desk.checker.committer.destinations.chats,
            resume=desk.sender.resume,
            moved=desk.sender.moved,
            asking=Asking(desk, Quota(desk.clock)),
        )
        stop = asyncio.Event()
        task = asyncio.create_task(polling.run(stop))
        try:
            await until(lambda: len(house.telegram.commands) >= 3)
            yield desk
        finally:
            stop.set()
            await task
