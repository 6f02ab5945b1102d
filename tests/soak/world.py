"""The world that a soak plays in: petitions, a publisher, and chats where things go wrong."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.commit import Committer
from bot.desk import destinations
from bot.held import release
from bot.operate.crash import POINTS
from bot.rules.routing import WAITS
from state.records import Mode, Subscription
from state.store import Store
from tests.fakes import bot_api
from tests.fakes.bot_api import BotApi, Call, Fault, rate_limited, refusal, stalled
from tests.fakes.nhs import HEADER, Nhs
from tests.fakes.sites import Sites
from tests.soak.judge import CAMPAIGN, FOLLOWERS, Copy, copy_of
from tests.soak.life import (
    FORUM,
    OPERATOR,
    PERSON,
    PETITIONS,
    READER,
    SLEEPER,
    TEAM,
    TICK,
    TITLES,
    TOPIC,
    Place,
    campaign,
    look,
)
from tests.soak.pens import make_pens
from tests.soak.story import IMPLAUSIBLE, Month, Story, Turn, issue_of, past

FAULTY = 0.35  # of all calls
START = datetime(2026, 5, 14, 9, 0, tzinfo=UTC)
MOST_DEATHS = 3  # between two publications
FAULTS: tuple[Fault, ...] = (
    bot_api.CUT,
    bot_api.CUT_AFTER_DELIVERY,
    bot_api.BAD_GATEWAY,
    bot_api.BAD_GATEWAY_AFTER_DELIVERY,
    bot_api.INTERNAL_ERROR,
    bot_api.JUNK,
    bot_api.JUNK_AFTER_DELIVERY,
    rate_limited(2),
    bot_api.UNAUTHORIZED,
    bot_api.BLOCKED,
    bot_api.KICKED,
    refusal(400, "Bad Request: can't parse entities"),
    refusal(400, "Bad Request: TOPIC_CLOSED"),
    refusal(400, "Bad Request: nothing mends this"),
)
OF_METHOD: dict[str, tuple[Fault, ...]] = {
    "sendMessage": FAULTS,
    "sendPhoto": (
        *FAULTS,
        refusal(400, "Bad Request: IMAGE_PROCESS_FAILED"),
        refusal(400, "Bad Request: not enough rights to send photos to the chat"),
    ),
    "editMessageText": (
        *FAULTS,
        refusal(400, "Bad Request: message can't be edited"),
        refusal(400, "Bad Request: message to edit not found"),
    ),
    "editMessageCaption": FAULTS,
}
SLOW_FAULTS = (stalled(0.4, delivered=False), stalled(0.4, delivered=True))
SLOW = 0.02  # of the faults

Life = Callable[[Place, datetime, str | None], datetime | None]
Fact = tuple[int, int]  # a petition and its count


@dataclass(slots=True)
class World:
    """Two petitions, a publisher, six chats, and a process that watches the ones for the others."""

    sites: Sites
    telegram: BotApi
    place: Place
    chance: random.Random
    nhs: Nhs
    now: datetime = START
    counts: dict[int, int] = field(default_factory=lambda: dict.fromkeys(PETITIONS, 100))
    published: list[Fact] = field(default_factory=list)
    chats: tuple[int, ...] = CAMPAIGN
    deaths: int = 0
    before: int = 0  # the last alert that was told before it began
    dropped: set[int] = field(default_factory=set)  # alerts that the operator said are not right
    _answered: set[int] = field(default_factory=set)

    def begin(self, life: Life, *, followed: bool = True) -> None:
        """Let everything be looked at for the first time, and followers ask for what they want."""
        with self.store() as store:
            with store.reading() as tx:
                self.before = max((alert.id for alert in tx.alerts()), default=0)
            if not self.before:
                asyncio.run(look(self.place, self.now, back=True))
            if followed:
                self._follow(store)
        self.settle(life, lambda: None)

    def _follow(self, store: Store) -> None:
        choices: dict[str, Mode] = {"severity normal": "digest", "severity minor": "digest"}
        with store.writing() as tx:
            tx.subscriptions.save(Subscription(str(SLEEPER), quiet=(time(22, 0), time(7, 0))))
            tx.subscriptions.save(Subscription(str(READER), choices=choices))
        self.chats = (*CAMPAIGN, *FOLLOWERS)

    @contextmanager
    def store(self) -> Iterator[Store]:
        """Open the store to see what it holds."""
        store = Store.open(self.place.database)
        try:
            yield store
        finally:
            store.close()

    def grow(self, gains: dict[int, int] | None = None) -> None:
        """Let every petition gain a few signatures."""
        for number in PETITIONS:
            self.counts[number] += gains[number] if gains else self.chance.randint(1, 3)
            self.published.append((number, self.counts[number]))
        self.show()

    def show(self) -> None:
        """Put the petitions on the web as they are now."""
        for number, count in self.counts.items():
            facts = {"action": TITLES[number], "state": "open", "signature_count": count}
            page = json.dumps({"data": {"type": "petition", "id": number, "attributes": facts}})
            url = f"https://petition.parliament.uk/petitions/{number}.json"
            self.sites.put(url, page, content_type="application/json")

    def happen(self, turn: Turn) -> None:
        """Let it be time for a turn, and happen what happens then."""
        self.now = max(self.now, turn.at)
        self.grow(dict(turn.gains))
        if turn.month:
            self.publish(turn.month)
        if turn.correction:
            month = turn.correction
            self.nhs.publish(issue_of(month.period, month.now, edited="10:10 pm", page=month.page))

    def publish(self, month: Month) -> None:
        """Let a month come out, its page and its file as they are at first."""
        unbelievable = {**month.figures, "M001": IMPLAUSIBLE}
        figures = unbelievable if month.file in ("believed", "replaced") else month.figures
        issue = issue_of(month.period, figures, page=month.page, said=month.figures)
        if month.file == "refused":
            issue = replace(issue, body=issue.body.replace(HEADER.encode(), HEADER.lower().encode()))
        self.nhs.publish(issue)
        if month.file == "late":
            self.sites.fail(issue.file_url, 503)
        if month.page in ("silent", "gone"):
            self.sites.fail(issue.chapter_url, 503 if month.page == "silent" else 404)

    def mend(self, month: Month) -> bool:
        """Mend what is wrong with a month's file, by whoever does; False if nothing is."""
        issue = self.nhs.issues[month.period]
        match month.file:
            case "right":
                return False
            case "late":
                self.sites.mend(issue.file_url)
            case "refused" | "replaced":
                self.nhs.publish(issue_of(month.period, month.figures, edited="11:05 am", page=month.page))
            case "believed":
                with self.store() as store:
                    with store.reading() as tx:
                        (held,) = [held for held in tx.held() if held.verdict is None]
                    release(self._operator(store), campaign(), f"H{held.id}", lambda: self.now)
        return True

    def answer(self, told: bool) -> bool:
        """Answer what the operator is asked, having seen that nobody heard of it; False if nothing is."""
        asked = False
        with self.store() as store:
            with store.reading() as tx:
                questions = {alert.id for alert in tx.alerts() if alert.kind == "question"} - self._answered
            for number in sorted(questions):
                with store.writing() as tx:
                    waiting = {row.alert for row in tx.parcels.waiting(tx.dedupe(number))}
                if waiting:
                    asked = True
                    shown = {copy.alert for chat in self.chats for copy in self.copies(chat)}
                    assert not waiting & shown, "nobody hears of what is asked"
                    self._operator(store).answer(number, self.now, told=told)
                    self.dropped |= set() if told else waiting
                self._answered.add(number)
        return asked

    def _operator(self, store: Store) -> Committer:
        known = campaign()
        where = destinations(self.place.settings())
        return Committer(store, where, known.claims, known.watches, known.followed)

    def go_wrong(self) -> None:
        """Let calls go wrong from now on."""
        self.telegram.fault = self._fault

    def _fault(self, call: Call) -> Fault | None:
        faults = OF_METHOD.get(call.method)
        if faults is None or self.chance.random() >= FAULTY:
            return None
        return self.chance.choice(SLOW_FAULTS if self.chance.random() < SLOW else faults)

    def settle(self, life: Life, where: Callable[[], str | None]) -> None:
        """Let processes live and die until one comes to its end."""
        for death in range(MOST_DEATHS + 1):
            ended = life(self.place, self.now, where() if death < MOST_DEATHS else None)
            self.now = (ended or self.now) + TICK
            if ended:
                return
            self.deaths += 1

    def somewhere(self) -> str | None:
        """Return a point at which the next process dies, mostly; now and then nothing can be drawn."""
        self.place = replace(self.place, pen="broken" if self.chance.random() < 0.2 else "quick")
        if self.chance.random() < 0.3:
            return None
        return f"{self.chance.choice(POINTS)}:{self.chance.randint(1, 6)}"

    def copies(self, chat: int) -> list[Copy]:
        """Return what of alerts a chat shows, and the one that it became."""
        room = self.telegram.chat(chat)
        texts = [*room.texts, *(self.telegram.chat(room.moved_to).texts if room.moved_to else [])]
        return [copy for text in texts if (copy := copy_of(text))]

    def live_through(
        self, story: Story, life: Life, where: Callable[[], str | None], moves: int | None = None
    ) -> None:
        """Let all of a story happen; in the turn `moves` a group becomes a supergroup."""
        for number, turn in enumerate(story.turns):
            self.happen(turn)
            if number == moves:
                self.telegram.migrate(TEAM, -1_000_000_001)
            self.settle(life, where)
            if turn.month and self.mend(turn.month):
                self.settle(life, where)
            if self.answer(turn.month.answer if turn.month else True):
                self.settle(life, where)
        while self._waits():
            self.now = (self.now + timedelta(days=1)).replace(hour=10)
            self.settle(life, where)

    def _waits(self) -> bool:
        with self.store() as store:
            return store.outbox.next_ripe(WAITS) is not None


@contextmanager
def world(database: str, seed: int) -> Iterator[World]:
    """Give a world with a past, in which nothing was looked at yet but what the store knows."""
    with Sites() as sites, BotApi() as telegram, TemporaryDirectory() as pens:
        make_pens(Path(pens))
        for chat in (TEAM, OPERATOR):
            telegram.add_chat(chat)
        telegram.add_chat(FORUM, topics=(TOPIC,))
        for chat in (PERSON, SLEEPER, READER):
            telegram.add_chat(chat, kind="private")
        place = Place(database, sites.url, telegram.url, pens)
        nhs = Nhs(sites, {issue.period: issue for issue in past()})
        it = World(sites, telegram, place, random.Random(seed), nhs)
        it.show()
        nhs.serve()
        yield it
