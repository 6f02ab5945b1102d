"""An hour of a busy group: thirty people, three hundred commands, and all that can happen meanwhile."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from bot.board import Board
from bot.wording.boards import SIGN
from bot.wording.callbacks import mark
from bot.worker import Budget, Watch
from state.records import Destination
from tests.bot.asked import CAMPAIGN, MONTHLY, PETITION, fill
from tests.bot.desk import OPERATOR_PERSON, Team, until, working
from tests.bot.house import OPERATOR, TEAM, House, open_house, sqlite
from tests.bot.wished import SIGNS, News, Wish
from tests.bot.year import london
from tests.fakes.bot_api import Chat, Shown
from tests.fakes.nhs import Issue, Nhs, england, introduction, month_file

FORUM, TOPIC, SUPERGROUP = -1003, 7, -1007
BEGIN = london("2026-06-11", "09:04:00")  # the release is announced for 09:30
MINUTES, A_MINUTE = 60, 5  # commands
SETTLES, RUSHES = 26, 55  # in which minute
RUSH, MOST = 15, 10  # commands of that minute, and how many of them are answered
DEMOTED, KEPT, PEOPLE = 29, 30, range(1, 31)

ASKING = (
    *("/help", "/status", "/latest", "/next", "/claims", "/history", "/history 3", "/measures", "/privacy"),
    *("/figure drop-out Kent", "/figure recovery", "/figure recovery Devon", "/figure flying saucers"),
    *("/figure@figurewatch_bot waiting England", "/figure drop-out 'or 1=1", "/figure \u202eevil", "/figure"),
    *("/why 1", "/why 999", "/why", "/measures waiting", "/export recovery Kent", "/start", "/ack 1"),
    *("/compare", "/outbox", "/version", "/drop 1", "/resend 99"),
)
DECIDING = (
    *("/settings", "/mute 2h", "/unmute", "/quiet 22:00-07:00", "/quiet off"),
    *("/digest daily 08:30", "/digest off"),
)
LOOKING = ("figure", "go", "quote", "status", "why")  # buttons of everybody, but for those that draw
NONSENSE = ("figure:00000000:00000000", "x" * 64, "quote:A999", "go:start", "set:nothing", "set:source:0:off")

REPLACES = "(updated: this takes the place of an earlier message)"
ADMINS_ONLY = "Only admins of this chat can do that."
OUT_OF_DATE = "This menu is out of date. Please ask again."
TOO_MANY = "That is a lot of questions for one minute. Please ask again in a minute."


class Written(NamedTuple):
    """A command that somebody wrote."""

    chat: Chat
    id: int

    @property
    def answers(self) -> list[str]:
        """Return what it was answered."""
        return [shown.text for shown in self.chat.messages if shown.reply_to == self.id]


@dataclass(repr=False)
class Hour:
    """What goes on: who wrote and pressed what where, and what each place therefore wants and is told."""

    team: Team
    nhs: Nhs
    group: Chat
    forum: Chat
    watches: list[Watch]
    board: Board
    random: Random = field(default_factory=lambda: Random(20260611))
    wishes: dict[int, Wish] = field(default_factory=lambda: {TEAM: Wish(), FORUM: Wish()})
    written: list[Written] = field(default_factory=list)
    unanswered: list[Written] = field(default_factory=list)
    pressed: list[str] = field(default_factory=list)
    found: dict[int, str] = field(default_factory=dict)  # numbers of alerts, and their kinds
    is_settled: bool = False

    @property
    def decided(self) -> tuple[Chat, ...]:
        """Return the chats in which people decide something now."""
        return (self.group,) if self.is_settled else (self.group, self.forum)

    async def play(self) -> None:
        """Let the hour pass, minute by minute."""
        for minute in range(MINUTES):
            self.team.house.later(minutes=1)
            await self.happen(minute)
            if minute == SETTLES:
                await self.settle()
            elif minute == RUSHES:
                await self.rush()
            else:
                await self.ordinary()

    async def happen(self, minute: int) -> None:
        """Let happen what is special about a minute."""
        house, telegram = self.team.house, self.team.telegram
        match minute:
            case 10:
                await self.draw()
            case 15:
                admins, self.group = self.group.admins, telegram.migrate(TEAM, SUPERGROUP)
                self.group.admins = admins
            case 27:
                april = england(recovered=28_840)
                body, said = month_file("2026-04", april).encode(), introduction("2026-04", april)
                self.nhs.change("2026-04", published=date(2026, 6, 11), body=body, introduction=said)
                self.nhs.publish(Issue("2026-05", expected="9 July 2026"))
            case 30:
                self.forum.closed_topics.add(TOPIC)
                count_now(house, 705)
            case 42:
                self.is_settled = False
                await self.decide("/unmute", self.forum, KEPT)
            case 45:
                await self.demote()
            case 48:
                self.forum.closed_topics.clear()
                count_now(house, 812)

    async def ordinary(self) -> None:
        """Let people ask and look while the worker works, and one of them decide something."""
        asked = [self.ask() for _ in range(A_MINUTE - 1)]
        looks = [self.look() for _ in range(2)]
        await self.work()
        await self.choose()
        await self.decide(self.random.choice(DECIDING), self.anywhere(*self.decided), self.anybody())
        answered = self.team.telegram.callback_answers
        await until(lambda: all(one.answers for one in asked) and answered.keys() >= set(looks))
        edited = self.random.choice(asked)
        self.team.telegram.reword(edited.chat.id, edited.id, "/unmute", user=KEPT)

    async def work(self) -> None:
        """Let the worker do what is due: look, tell, and say how things stand."""
        desk, now = self.team.desk, self.team.house.now
        for watch in self.watches:
            if watch.slot.at <= now:
                await watch.turn()
        with desk.store.reading() as tx:
            alerts = {one.id: one for one in tx.alerts(None) if int(one.chat) in self.wishes}
        for number in sorted(alerts.keys() - self.found.keys()):
            one, about = alerts[number], alerts[number].finding
            if one.kind != "digest":
                self.found[number] = one.kind
                for wish in self.wishes.values():
                    wish.find(News(number, mark(one.source), about["severity"], tuple(about["areas"])), now)
        for wish in self.wishes.values():
            wish.gather(now)
        await self.team.deliver()
        await self.board.refresh(asyncio.Event())

    # What people do.

    def write(self, words: str, chat: Chat, user: int) -> Written:
        """Let somebody write a command, in the forum in its topic."""
        telegram = self.team.telegram
        update = telegram.say(chat.id, words, user=user, thread=TOPIC if chat is self.forum else None)
        self.written.append(Written(chat, telegram.written[update]))
        return self.written[-1]

    def ask(self) -> Written:
        """Let somebody ask something."""
        return self.write(self.random.choice(ASKING), self.anywhere(), self.random.choice(PEOPLE))

    def look(self) -> str:
        """Let somebody press a button that anybody may press, or send what no button of ours sends."""
        chat = self.anywhere() if self.group.messages else self.forum
        nonsense = chat.messages[0], self.random.choice(NONSENSE)
        message, data = self.random.choice((*buttons(chat, LOOKING), nonsense))
        old, user = self.random.random() < 0.2, self.random.choice(PEOPLE)
        self.pressed.append(str(self.team.telegram.press(chat.id, message.id, data, user=user, old=old)))
        return self.pressed[-1]

    async def decide(self, words: str, chat: Chat, user: int) -> None:
        """Let somebody write what only admins may."""
        one = self.write(words, chat, user)
        await until(lambda: one.answers)
        if self.may(chat, user):
            self.wish(chat).write(words, self.team.house.now)
        else:
            assert one.answers == [ADMINS_ONLY]

    async def choose(self) -> None:
        """Let somebody press a button of admins, of any menu that ever was, be it in the group that moved."""
        chat = self.anywhere(self.team.telegram.chat(TEAM), *self.decided)
        if menus := buttons(chat, ("mute", "set")):
            message, data = self.random.choice(menus)
            await self.press(chat, message, data, self.anybody(), old=self.random.random() < 0.1)

    async def press(self, chat: Chat, message: Shown, data: str, user: int, *, old: bool = False) -> None:
        """Let somebody press a button of admins."""
        said = await self.team.send(chat, message, data, user=user, old=old)
        if old or not self.may(chat, user):
            assert said == (OUT_OF_DATE if old else ADMINS_ONLY)
        else:
            assert said == "" or data.startswith("mute")
            self.wish(chat).press(data, self.team.house.now)

    def anywhere(self, *chats: Chat) -> Chat:
        """Return where somebody does something: in one of these chats, or of all."""
        return self.random.choice(chats or (self.group, self.forum))

    def anybody(self) -> int:
        """Return who does something that not everybody may do."""
        return self.random.choice((DEMOTED, KEPT, OPERATOR_PERSON, self.random.choice(PEOPLE)))

    def may(self, chat: Chat, user: int) -> bool:
        """Return whether somebody may decide: an operator, or an admin of a chat that is still there."""
        return user == OPERATOR_PERSON or (chat.moved_to is None and user in chat.admins)

    def wish(self, chat: Chat) -> Wish:
        """Return what is wanted in a chat, by whichever id."""
        return self.wishes[FORUM if chat is self.forum else TEAM]

    # What happens once.

    async def settle(self) -> None:
        """Let the group want what comes at once, and the forum later, where that stays so for a while."""
        await self.work()
        for chat, last in ((self.group, "/unmute"), (self.forum, "/mute 2h")):
            menu = await self.menu(chat)
            sources = (f"source:{mark(source)}" for source in (MONTHLY, PETITION))
            for choice in (*sources, "severity:normal", "area:England"):
                await self.press(chat, menu, f"set:{choice}:on", KEPT)
            await self.decide(last, chat, KEPT)
        self.is_settled = True

    async def rush(self) -> None:
        """Let too many ask in one minute, and an admin silence the group at the end of it."""
        await self.work()
        rush = [self.write(self.random.choice(ASKING), self.group, KEPT) for _ in range(RUSH)]
        last = self.write("/mute 2h", self.group, KEPT)
        self.wish(self.group).write("/mute 2h", self.team.house.now)
        wanted, then = self.team.desk.store.subscriptions, self.wish(self.group).silent_until
        await until(lambda: sum(len(one.answers) for one in rush) > MOST)
        await until(lambda: wanted()[Destination(str(TEAM))].muted_until == then)
        self.unanswered = [one for one in (*rush, last) if not one.answers]
        assert [one.answers for one in rush].count([TOO_MANY]) == 1

    async def draw(self) -> None:
        """Let somebody ask for the petition, which comes with a chart, and press the button of a figure's."""
        for words in ("/petition", "/figure recovery England"):
            one, before = self.write(words, self.forum, KEPT), len(self.forum.messages)
            await until(lambda: one.answers)  # noqa: B023
            if words != "/petition":
                message, data = buttons(self.forum, ("chart",))[-1]
                assert await self.team.send(self.forum, message, data) == ""
            await until(lambda: any(shown.photo for shown in self.forum.messages[before:]))  # noqa: B023

    async def demote(self) -> None:
        """Let an admin open the menu, lose the right, and press a button of it."""
        menu = await self.menu(self.group, DEMOTED)
        before = menu.text, menu.buttons
        self.group.admins.discard(DEMOTED)
        await self.press(self.group, menu, "set:severity:critical:off", DEMOTED)
        assert (menu.text, menu.buttons) == before

    async def menu(self, chat: Chat, user: int = KEPT) -> Shown:
        """Let somebody open the menu of settings."""
        one = self.write("/settings", chat, user)
        await until(lambda: one.answers)
        return next(shown for shown in chat.messages if shown.reply_to == one.id)


def buttons(chat: Chat, verbs: tuple[str, ...]) -> list[tuple[Shown, str]]:
    """Return the buttons of a chat that do any of these, with their messages."""
    return [
        (message, data)
        for message in chat.messages
        for row in message.buttons
        for button in row
        if (data := button.get("callback_data", "")).partition(":")[0] in verbs and data != "go:petition"
    ]


def count_now(house: House, count: int) -> None:
    """Let the petition show a count."""
    facts = {"action": "Review it", "state": "open", "signature_count": count}
    document = json.dumps({"data": {"type": "petition", "id": 5, "attributes": facts}})
    url = "https://petition.parliament.uk/petitions/5.json"
    house.sites.put(url, document, content_type="application/json")


async def begin(team: Team) -> Hour:
    """Return the hour as it begins: a release is announced, and the petition has a few signatures more."""
    house, desk = team.house, team.desk
    fill(desk.store, desk.campaign, desk.checker.committer.destinations, house.now)
    with desk.store.writing() as tx:
        for source in (MONTHLY, PETITION):
            tx.teach(source, house.now)
        tx.introduce([MONTHLY, PETITION], house.now)
    nhs = Nhs(house.sites)
    nhs.publish(Issue("2026-03", date(2026, 5, 14)))
    nhs.publish(Issue("2026-04", expected="11 June 2026"))
    count_now(house, 640)
    await team.deliver()
    budget = Budget(desk.clock)
    watches = [await asyncio.to_thread(Watch.begin, desk, source, budget) for source in desk.campaign.sources]
    group, forum = (house.telegram.chat(chat) for chat in (TEAM, FORUM))
    return Hour(team, nhs, group, forum, watches, Board(desk))


def test_a_busy_hour_ends_with_everything_answered_and_the_right_state(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    with open_house(sqlite(tmp_path)) as house:
        house.campaign, house.now = dict(CAMPAIGN), BEGIN
        house.more["alert_chats"] = f"{TEAM},{FORUM}:{TOPIC}"
        house.telegram.chat(TEAM).kind = "group"
        house.telegram.add_chat(FORUM, topics=(TOPIC,))
        house.telegram._clock = lambda: house.now
        for chat in (TEAM, FORUM):
            house.telegram.chat(chat).admins = {DEMOTED, KEPT}
        house.telegram.chat(OPERATOR).admins = {OPERATOR_PERSON}

        async def scene() -> None:
            async with working(house) as team:
                hour = await begin(team)
                await hour.play()
                are_answered(hour)
                await are_chosen(hour)
                stands(hour)
                await is_told(hour)

        asyncio.run(scene())
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


def are_answered(hour: Hour) -> None:
    """Hold that each command was answered once, but for those beyond ten in a minute."""
    assert len(hour.written) > MINUTES * A_MINUTE
    assert len(hour.pressed) > MINUTES
    assert len(hour.unanswered) == RUSH - MOST
    assert [one for one in hour.written if len(one.answers) != (one not in hour.unanswered)] == []
    said = "\n".join(text for chat in hour.team.telegram.chats.values() for text in chat.texts)
    assert "went wrong on our side" not in said
    assert "re-sent" not in said
    assert "Topic 7 of chat -1003 is closed" in said


async def are_chosen(hour: Hour) -> None:
    """Hold what the menus say against what those who may decide chose last."""
    now = hour.team.house.now
    hour.team.house.later(minutes=1)
    for chat in (hour.group, hour.forum):
        menu, wish, signs = await hour.menu(chat), hour.wish(chat), dict[str, str]()
        assert ("🤫 Silent until " in menu.text) == wish.is_silent(now)
        assert ("🌙 Quiet from 22:00 to 07:00." in menu.text) == wish.is_quiet
        for page, kind in {"sources": "source", "areas": "area", "grave": "severity"}.items():
            await hour.team.send(chat, menu, f"set:{page}", user=KEPT)
            await until(lambda: f"set:{kind}:" in str(menu.buttons))  # noqa: B023
            for button in (button for row in menu.buttons[:-1] for button in row):
                signs[":".join(button["callback_data"].split(":")[1:3])] = button["text"].split()[0]
        assert signs == {name: SIGNS[wish.chosen.get(name, "on")] for name in signs}
        assert signs.keys() >= wish.chosen.keys()


def stands(hour: Hour) -> None:
    """Hold that each chat shows how things stand, in one message that is pinned."""
    for chat in (hour.group, hour.forum):
        (board,) = (shown for shown in chat.messages if shown.text.startswith(SIGN))
        assert chat.pinned == [board.id]
        assert board.text == (
            "📍 A review\n"
            "✍️ 812 signatures of 1,000: UK Parliament petition 5\n"
            "📅 Next: NHS Talking Therapies, monthly, 9 July 2026\n"
            "📌 No longer holds: “Half of those treated recover”"
        )


async def is_told(hour: Hour) -> None:
    """Hold what each place was told, up to the next morning, against what it is to be told: each once."""
    team, old = hour.team, hour.team.telegram.chat(TEAM)
    release = max(number for number, kind in hour.found.items() if kind == "release")
    (at_once,), (later,) = unasked(hour.group, release), unasked(hour.forum, release)
    assert at_once.text.startswith("📊")
    assert later.text.startswith("🗞")
    team.house.now = london("2026-06-12", "09:00:00")
    await team.deliver()
    for chats in ((old, hour.group), (hour.forum,)):
        wish = hour.wish(chats[0])
        wish.gather(team.house.now, digest=True)
        times = {number: sum(len(unasked(chat, number)) for chat in chats) for number in hour.found}
        assert times == {number: int(number in wish.told) for number in hour.found}
    to_old = [call.text("text") for call in team.telegram.calls if call.number("chat_id") == TEAM]
    assert not any(f"#A{release}" in text for text in to_old)
    with team.desk.store.reading() as tx:
        left = {(one.state, one.error) for one in tx.alerts(None)}
    assert left <= {("sent", ""), ("dead", "the chat does not want it")}


def unasked(chat: Chat, number: int) -> list[Shown]:
    """Return the messages that tell this unasked, but for those that mark one that is gone as handled."""
    told = re.compile(rf" · #A{number}$", re.MULTILINE)
    unasked = (shown for shown in chat.messages if shown.reply_to is None)
    return [shown for shown in unasked if told.search(shown.text) and not shown.text.startswith(REPLACES)]
