"""A whole Figurewatch against a local web and a local Bot API server, with a clock of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.backfill import Backfilled, backfill
from bot.campaign import parse_campaign
from bot.check import Result
from bot.desk import Desk, open_desk
from bot.pace import Pace
from bot.settings import Settings
from bot.wording.boards import SIGN
from state.store import Store
from tests.fakes.bot_api import TOKEN, BotApi
from tests.fakes.sites import Sites

TEAM, OPERATOR = -1001, -1002
QUICK = Pace(spacing=0, even=0, window=0, doubt=0, backoff=0.01, timeout=0.4)
MONTHLY_ALONE = {"name": "Test", "sources": ["talking_therapies_monthly"]}
CAMPAIGN = {"campaign": MONTHLY_ALONE}


@dataclass(slots=True)
class House:
    """One deployment: `check` looks once and delivers as a new process would; the chats show what is said."""

    sites: Sites
    telegram: BotApi
    database_url: str
    evidence: Path
    campaign: dict[str, object] = field(default_factory=lambda: dict(CAMPAIGN))
    now: datetime = datetime(2026, 5, 14, 9, 0, tzinfo=UTC)
    more: dict[str, object] = field(default_factory=dict)  # settings that are otherwise than usual

    @property
    def team(self) -> list[str]:
        """Return what the team's chat shows but for how things stand, oldest first."""
        return [text for text in self.telegram.chat(TEAM).texts if not text.startswith(SIGN)]

    @property
    def operator(self) -> list[str]:
        """Return what the operator's chat shows but for `told`, oldest first."""
        return [text for text in self.telegram.chat(OPERATOR).texts if text not in self.told]

    @property
    def told(self) -> list[str]:
        """Return the lines in the operator's chat that say how a release was told, oldest first."""
        return [text for text in self.telegram.chat(OPERATOR).texts if " told: " in text.partition("\n")[0]]

    def later(self, **time: float) -> None:
        """Let time pass."""
        self.now += timedelta(**time)

    def settings(self) -> Settings:
        """Return the settings that a process here gets."""
        return Settings.model_validate(
            {
                "telegram_bot_token": TOKEN,
                "alert_chats": str(TEAM),
                "ops_chat": str(OPERATOR),
                "database_url": self.database_url,
                "web_mirror": self.sites.url,
                "web_pause": 0,
                "telegram_api_url": self.telegram.url,
                "evidence_dir": str(self.evidence),
                **self.more,
            }
        )

    @asynccontextmanager
    async def desk(self) -> AsyncIterator[Desk]:
        """Open all that a process here works with, at a pace that need not be waited for."""
        campaign = parse_campaign(self.campaign, "campaign.toml")
        with self.store() as store:
            async with open_desk(
                self.settings(), campaign, store, clock=lambda: self.now, pace=QUICK
            ) as desk:
                yield desk

    async def check(self, *sources: str) -> list[Result]:
        """Look once at the sources and deliver what is due."""
        async with self.desk() as desk:
            results = await desk.checker.round(desk.campaign.chosen(sources))
            assert desk.take_lease()
            await desk.sender.drain()
            desk.drop_lease()
            return results

    async def backfill(self, source: str, since: str | None = None) -> Backfilled:
        """Read the past of a source."""
        async with self.desk() as desk:
            return await backfill(desk.checker, desk.campaign.chosen([source])[0], since)

    @contextmanager
    def store(self) -> Iterator[Store]:
        """Open the store to see what it holds."""
        store = Store.open(self.database_url)
        try:
            yield store
        finally:
            store.close()


@contextmanager
def open_house(database_url: str) -> Iterator[House]:
    """Give a house with an empty web and two empty chats."""
    with Sites() as sites, BotApi() as telegram, TemporaryDirectory() as folder:
        telegram.add_chat(TEAM)
        telegram.add_chat(OPERATOR)
        yield House(sites, telegram, database_url, Path(folder) / "broken")


def sqlite(folder: Path) -> str:
    """Return the address of a database in a folder."""
    return f"sqlite:///{folder / 'figurewatch.db'}"
