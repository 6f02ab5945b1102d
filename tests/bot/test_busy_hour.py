"""An hour of a busy group: thirty people, three hundred commands, and all that can happen meanwhile."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from random import Random

import pytest

from bot.alerts import post
from bot.commands import replies
from bot.rules.findings import MarkCrossed, ReleaseOut, Row
from scrapers.toolkit.contract import ENGLAND, Figure, Measure, Release, Unit, published_at
from state.records import StoredAlert
from tests.bot.asked import CAMPAIGN, MONTHLY, fill
from tests.bot.desk import Team, until, working
from tests.bot.house import OPERATOR, TEAM, House, open_house, sqlite
from tests.fakes.bot_api import Chat

FORUM, TOPIC, SUPERGROUP = -1003, 7, -1007
MINUTES, A_MINUTE = 60, 5  # commands
DEMOTED, KEPT, PEOPLE = 29, 30, range(1, 31)
OPERATORS = 13

ASKED = (
    *("/help", "/status", "/latest", "/next", "/claims", "/history", "/history 3", "/measures", "/privacy"),
    *("/figure drop-out Kent", "/figure recovery", "/figure recovery Devon", "/figure flying saucers"),
    *("/figure@figurewatch_bot waiting England", "/figure drop-out 'or 1=1", "/figure \u202eevil", "/figure"),
    *("/why 1", "/why 999", "/why", "/measures waiting", "/export recovery Kent", "/start", "/ack 1"),
    "/compare",
)
OF_ADMINS = ("/settings", "/mute 2h", "/unmute", "/quiet 22:00-07:00", "/digest daily 08:30")
OF_OPERATORS = ("/outbox", "/version", "/drop 1", "/resend 99")
NONSENSE = ("figure:00000000:00000000", "mute:1h", "x" * 64, "set:nothing", "quote:A999", "go:start")
DRAWING = ("chart", "go:petition", "petition")  # each takes a processor a second
CHANGING = ("set", "mute", "test")  # buttons of admins, who have commands for it here


@dataclass(slots=True)
class Hour:
    """What goes on: who wrote which command where, and which presses wait for their answer."""

    team: Team
    random: Random
    group: Chat
    forum: Chat
    chats: list[Chat]
    asked: list[tuple[Chat, int]] = field(default_factory=list)
    pressed: list[str] = field(default_factory=list)
    said: Counter[str] = field(default_factory=Counter)

    async def minute(self) -> None:
        """Let people write five commands, press two buttons and edit a line; wait until all is answered."""
        self.team.house.later(minutes=1)
        new = [self.command() for _ in range(A_MINUTE)]
        self.press()
        self.press()
        await until(lambda: all(self.is_answered(*one) for one in new))
        await until(lambda: all(id in self.team.telegram.callback_answers for id in self.pressed))
        chat, message = self.random.choice(new)
        self.team.telegram.reword(chat.id, message, "/settings", user=self.random.choice(PEOPLE))

    def command(self) -> tuple[Chat, int]:
        """Let somebody write a command in the group, or in the topic of the forum."""
        random = self.random
        kind = random.choices((ASKED, OF_ADMINS, OF_OPERATORS), (80, 14, 6))[0]
        user = random.choice(PEOPLE)
        chat, thread = (self.group, None) if random.random() < 0.7 else (self.forum, TOPIC)
        words = random.choice(kind)
        self.said[words] += 1
        update = self.team.telegram.say(chat.id, words, user=user, thread=thread)
        self.asked.append((chat, self.team.telegram.written[update]))
        return self.asked[-1]

    def press(self) -> None:
        """Let somebody press a button of any message, or send what no button of ours sends."""
        chat = self.random.choice((self.group, self.forum))
        shown = [message for message in chat.messages if message.buttons]
        if not shown:
            return
        message = self.random.choice(shown)
        sent = [button.get("callback_data", "") for row in message.buttons for button in row]
        asking = [data for data in sent if data and not data.startswith((*DRAWING, *CHANGING))]
        data = self.random.choice([*asking, *NONSENSE])
        old, user = self.random.random() < 0.2, self.random.choice(PEOPLE)
        self.pressed.append(str(self.team.telegram.press(chat.id, message.id, data, user=user, old=old)))

    def is_answered(self, chat: Chat, message: int) -> bool:
        """Say whether a command has its answer, by which it is quoted."""
        return any(shown.reply_to == message for shown in chat.messages)


def april(team: Team) -> None:
    """Let April come out: its figures and its message, in one transaction."""
    out, source = published_at(date(2026, 6, 11)), team.desk.campaign.chosen([MONTHLY])[0]
    release = Release("april", "April 2026", "https://digital.nhs.uk/april", "2026-04", out, fingerprint="1")
    recovery = Measure("M192", "Percentage_Recovery", Unit.PERCENT)
    row = Row("Recovery", "M192", Unit.PERCENT, "those finished", 52.5, {"before": 51.2})
    with team.desk.store.writing() as tx:
        tx.save_releases(MONTHLY, [release], out)
        tx.save_figures(MONTHLY, "april", [Figure(recovery, ENGLAND, "2026-04", 52.5)], out, out)
        tx.mark_read(MONTHLY, "april", "1", out)
        told = ReleaseOut("release:april", release, (row,), 30)
        post(tx, team.desk.checker.committer.destinations, source, [told], team.house.now)


def mark(count: int) -> MarkCrossed:
    """Return that the petition crossed a mark."""
    return MarkCrossed(f"mark:{count}", count, count, count - 9, published_at(date(2026, 5, 14)), None)


async def hour(team: Team, group: Chat, forum: Chat) -> Hour:
    """Play the hour."""
    going = Hour(team, Random(20260514), group, forum, [group, forum])
    telegram = team.telegram
    for minute in range(MINUTES):
        match minute:
            case 15:
                going.group = telegram.migrate(TEAM, SUPERGROUP)
                going.group.admins = {DEMOTED, KEPT}
                going.chats.append(going.group)
            case 25:
                await _settled(going)
                april(team)
                await team.deliver()
            case 35:
                forum.closed_topics.add(TOPIC)
                await team.tell(mark(700))
                forum.closed_topics.clear()
            case 45:
                await _demoted(going)
        await going.minute()
    return going


async def _settled(going: Hour) -> None:
    """Let an admin end what silence others chose, so that what comes is shown at once."""
    telegram = going.team.telegram
    for chat, thread in ((going.group, None), (going.forum, TOPIC)):
        for words in ("/unmute", "/digest off", "/quiet off"):
            update = telegram.say(chat.id, words, user=KEPT, thread=thread)
            await until(partial(going.is_answered, chat, telegram.written[update]))


async def _demoted(going: Hour) -> None:
    """Let an admin open the menu, lose the right, and press a button of it."""
    team, chat = going.team, going.group
    await team.say(chat, "/settings", user=DEMOTED)
    menu = chat.messages[-1]
    before = menu.text
    chat.admins.discard(DEMOTED)
    said = await team.press(chat, menu, "Sources", user=DEMOTED)
    assert said == "Only admins of this chat can do that."
    assert menu.text == before


def test_a_busy_hour_ends_with_everything_answered_and_the_right_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(replies, "MOST_IN_GROUP", 1_000)  # the hour takes seconds
    caplog.set_level(logging.WARNING)

    async def scene(house: House) -> Hour:
        async with working(house) as team:
            fill(team.desk.store, team.desk.campaign, team.desk.checker.committer.destinations)
            await team.deliver()
            going = await hour(team, house.telegram.chat(TEAM), house.telegram.chat(FORUM))
            await _settled(going)
            await team.tell(mark(800))
            last = await team.say(going.group, "/figure recovery England", user=3)
            assert "England: 52.5% in April 2026" in last
        return going

    with open_house(sqlite(tmp_path)) as house:
        house.campaign = dict(CAMPAIGN)
        house.more["alert_chats"] = f"{TEAM},{FORUM}:{TOPIC}"
        house.telegram.chat(TEAM).kind = "group"
        house.telegram.add_chat(FORUM, topics=(TOPIC,))
        house.telegram._clock = lambda: house.now
        for chat in (TEAM, FORUM):
            house.telegram.chat(chat).admins = {DEMOTED, KEPT}
        house.telegram.chat(OPERATOR).admins = {OPERATORS}
        going = asyncio.run(scene(house))
        with house.store() as store, store.reading() as tx:
            sent = tx.alerts(None)
            moved = store.chats()[str(TEAM)].moved_to

    assert sum(going.said.values()) == MINUTES * A_MINUTE == 300
    assert len(going.pressed) > MINUTES
    answers = Counter((chat.id, shown.reply_to) for chat in going.chats for shown in chat.messages)
    assert [answers[chat.id, message] for chat, message in going.asked] == [1] * len(going.asked)
    shown = {chat.id: "\n".join(chat.texts) for chat in (going.group, going.forum)}
    assert moved == str(SUPERGROUP)
    for texts in shown.values():
        assert texts.count("England: April 2026") >= 1
        assert "went wrong on our side" not in texts
        assert "re-sent" not in texts
    assert _times_told(going.group, "✍️ 800 signatures") == _times_told(going.forum, "✍️ 800 signatures") == 1
    assert _times_told(going.group, "✍️ 700 signatures") == _times_told(going.forum, "✍️ 700 signatures") == 1
    assert {alert.state for alert in sent} == {"sent"}, _unsent(sent)
    faults = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert faults == []


def _times_told(chat: Chat, title: str) -> int:
    """Return how often an alert is shown: by itself, or among those that waited for the end of a silence."""
    unasked = [message.text for message in chat.messages if message.reply_to is None]
    return sum(line.removeprefix("• ").startswith(title) for text in unasked for line in text.splitlines())


def _unsent(sent: list[StoredAlert]) -> list[tuple[int, str, str, str]]:
    return [(one.id, one.chat, one.state, one.error) for one in sent if one.state != "sent"]
