"""The world that a soak plays in: petitions that grow, chats where things go wrong, and the judge."""

from __future__ import annotations

import json
import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from bot.operate.crash import POINTS
from bot.wording.markup import RESENT
from state.records import StoredAlert
from state.store import Store
from tests.fakes import bot_api
from tests.fakes.bot_api import BotApi, Call, Fault, rate_limited, refusal, stalled
from tests.fakes.sites import Sites
from tests.soak.life import FORUM, OPERATOR, PERSON, PETITIONS, TEAM, TICK, TITLES, TOPIC, Place

FAULTY = 0.35  # of all calls
START = datetime(2026, 5, 14, 9, 0, tzinfo=UTC)
MOST_DEATHS = 6  # between two publications
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
SLOW_FAULTS = (stalled(0.4, delivered=False), stalled(0.4, delivered=True))
SLOW = 0.02  # of the faults

Life = Callable[[Place, datetime, str | None], datetime | None]
Fact = tuple[int, int]  # a petition and its count


@dataclass(slots=True)
class Copy:
    """A message that a chat shows: which fact, and whether it says that it is a second copy."""

    fact: Fact
    again: bool


@dataclass(slots=True)
class World:
    """Two petitions, four chats, and a process that watches the ones for the others."""

    sites: Sites
    telegram: BotApi
    place: Place
    chance: random.Random
    now: datetime = START
    counts: dict[int, int] = field(default_factory=lambda: dict.fromkeys(PETITIONS, 100))
    published: list[Fact] = field(default_factory=list)
    deaths: int = 0

    def grow(self) -> None:
        """Let every petition gain a few signatures."""
        for number in PETITIONS:
            self.counts[number] += self.chance.randint(1, 3)
            self.published.append((number, self.counts[number]))
        self.show()

    def show(self) -> None:
        """Put the petitions on the web as they are now."""
        for number, count in self.counts.items():
            facts = {"action": TITLES[number], "state": "open", "signature_count": count}
            page = json.dumps({"data": {"type": "petition", "id": number, "attributes": facts}})
            url = f"https://petition.parliament.uk/petitions/{number}.json"
            self.sites.put(url, page, content_type="application/json")

    def go_wrong(self) -> None:
        """Let calls go wrong from now on."""
        self.telegram.fault = self._fault

    def _fault(self, call: Call) -> Fault | None:
        if call.method != "sendMessage" or self.chance.random() >= FAULTY:
            return None
        return self.chance.choice(SLOW_FAULTS if self.chance.random() < SLOW else FAULTS)

    def settle(self, life: Life, where: Callable[[], str | None]) -> None:
        """Let processes live and die until one comes to its end."""
        for death in range(MOST_DEATHS + 1):
            ended = life(self.place, self.now, where() if death < MOST_DEATHS else None)
            self.now = (ended or self.now) + TICK
            if ended:
                return
            self.deaths += 1

    def somewhere(self) -> str | None:
        """Return a point at which the next process dies, mostly."""
        if self.chance.random() < 0.3:
            return None
        return f"{self.chance.choice(POINTS)}:{self.chance.randint(1, 6)}"

    def copies(self, chat: int) -> list[Copy]:
        """Return what a chat shows, and the one that it became; anything that was never said is an error."""
        room = self.telegram.chat(chat)
        texts = [*room.texts, *(self.telegram.chat(room.moved_to).texts if room.moved_to else [])]
        return [copy for text in texts if (copy := _copy(text))]

    def judge(self) -> None:
        """Hold what the chats show against what was published."""
        store = Store.open(self.place.database)
        try:
            with store.reading() as tx:
                alerts = tx.alerts()
        finally:
            store.close()
        ends = ("sent", "unconfirmed", "dead")
        left = [(alert.id, alert.chat, alert.state) for alert in alerts if alert.state not in ends]
        assert not left, "everything comes to an end"
        reports = [alert.text for alert in alerts if alert.kind == "delivery"]
        for chat in (TEAM, FORUM, PERSON):
            told = {
                _fact(alert): alert for alert in alerts if alert.kind == "mark" and alert.chat == str(chat)
            }
            self._judge_chat(self.copies(chat), told, reports)
        shown = "\n".join(self.telegram.chat(OPERATOR).texts)
        for alert in alerts:
            if alert.kind == "delivery" and alert.state == "sent":
                assert alert.text.split(" · ")[0] in shown

    def _judge_chat(self, copies: list[Copy], told: dict[Fact, StoredAlert], reports: list[str]) -> None:
        assert sorted(told) == sorted(self.published), "each is told once, and nothing else"
        seen: dict[Fact, list[Copy]] = defaultdict(list)
        for copy in copies:
            seen[copy.fact].append(copy)
        assert seen.keys() <= set(self.published), "nothing is invented"
        for fact, alert in told.items():
            marks = [copy.again for copy in seen[fact]]
            assert marks in ([], [False], [True], [False, True]), f"{fact} came as {marks}"
            if not marks or alert.state != "sent":
                assert alert.state in ("unconfirmed", "dead"), f"{fact} is lost and {alert.state}"
                assert any(f"#A{alert.id} was" in report for report in reports), f"nobody knows of {fact}"
        for number in PETITIONS:
            counts = [copy.fact[1] for copy in copies if copy.fact[0] == number]
            assert counts == sorted(counts), "the order is kept"


@contextmanager
def world(database: str, seed: int) -> Iterator[World]:
    """Give a world in which everything was looked at once."""
    with Sites() as sites, BotApi() as telegram:
        for chat in (TEAM, OPERATOR):
            telegram.add_chat(chat)
        telegram.add_chat(FORUM, topics=(TOPIC,))
        telegram.add_chat(PERSON, kind="private")
        place = Place(database, sites.url, telegram.url)
        it = World(sites, telegram, place, random.Random(seed))
        it.show()
        yield it


def play(it: World, life: Life, *, publications: int = 3) -> None:
    """Let petitions grow, calls fail and processes die; once on the way a group becomes a supergroup."""
    it.settle(life, lambda: None)
    it.go_wrong()
    moves = it.chance.randrange(publications)
    for turn in range(publications):
        it.grow()
        if turn == moves:
            it.telegram.migrate(TEAM, -1_000_000_001)
        it.settle(life, it.somewhere)
    it.judge()


def _copy(text: str) -> Copy | None:
    """Return which copy of what a text is; None for a greeting."""
    lines = text.splitlines()
    again = lines[0] == RESENT
    rest = [line for line in lines if line != RESENT and not line.startswith("(late: ")]
    if rest[0].startswith("👀 Now watching: "):
        return None
    return Copy(_said(rest), again)


def _said(lines: list[str]) -> Fact:
    count = re.match(r"✍️ ([\d,]+) signatures", lines[0])
    assert count, f"nobody said {lines!r}"
    number = next(number for number, title in TITLES.items() if title == lines[1])
    return number, int(count[1].replace(",", ""))


def _fact(alert: StoredAlert) -> Fact:
    return _said(alert.text.splitlines())
