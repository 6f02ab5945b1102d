"""Every command and every button, in each kind of chat: from what people do to what is shown, over HTTP."""

from __future__ import annotations

import ast
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import pytest

from bot.commands import asking, following
from bot.commands.asking import COMMANDS
from bot.commands.following import ADMINS, MEMBERS, OPERATORS
from bot.commands.samples import samples
from bot.rules.digest import News
from bot.rules.findings import Finding, ReleaseOut, Row, Shifted
from scrapers.toolkit.contract import Release, Unit
from tests.bot.asked import CAMPAIGN, KENT, MONTHLY, MONTHS, fill
from tests.bot.desk import ADMIN, MEMBER, Team, until, working
from tests.bot.house import OPERATOR, House, open_house, sqlite
from tests.bot.rooms import ADMINS_ONLY, ASKED, OPERATORS_ONLY, PRESSES, QUESTIONS, ROOMS, Press
from tests.bot.test_routing import shift
from tests.fakes.bot_api import Chat, Shown

pytestmark = pytest.mark.anyio

PETITIONS = [
    {"source": "parliament_petition", "id": 5, "goal": 1000, "tell_at": ["every 100"]},
    {"source": "parliament_petition", "id": 6},
]
BOT = Path(__file__).parents[2] / "bot"


def forms() -> Iterator[str]:
    """Yield the form of what each button that our code makes sends, as a regular expression."""
    for path in BOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pressed":
                yield ":".join(map(_form, node.args))


def _form(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return re.escape(text)
        case ast.JoinedStr(values=parts):
            return "".join(map(_form, parts))
        case ast.Starred():  # two marks
            return "[^:]+:[^:]+"
    return "[^:]+"


@dataclass(slots=True)
class Room:
    """A chat, or a topic in it, where people write and press, and look at what comes."""

    team: Team
    chat: Chat
    thread: int | None
    brought: dict[str, Shown] = field(default_factory=dict)  # by the command

    @property
    def private(self) -> bool:
        """Return whether nobody is there but the person that it belongs to."""
        return self.chat.kind == "private"

    async def ask(self, text: str, *, user: int = ADMIN, count: int = 1) -> list[Shown]:
        """Write something; return so many messages that then come, all of them here."""
        self.team.house.later(minutes=1)
        before = len(self.chat.messages)
        self.team.telegram.say(self.chat.id, text, user=user, thread=self.thread)
        await _sees(lambda: len(self.chat.messages) >= before + count, text)
        came = self.chat.messages[before:]
        assert {message.thread for message in came} == {self.thread}, text
        return came

    async def press(self, press: Press) -> str:
        """Press a button, and see that it brings what it should, here, for who may; return what it sent."""
        message = await self._message(press.under)
        data = next(button["callback_data"] for button in _buttons(message) if button["text"] == press.label)
        if data.split(":")[0] in following.VERBS and not self.private:
            before = replace(message)
            assert await self.team.send(self.chat, message, data, user=MEMBER) == ADMINS_ONLY, press
            assert message == before, press
        self.team.house.later(minutes=1)
        count = len(self.chat.messages)
        said = await self.team.send(self.chat, message, data)
        match press.how:
            case "in passing":
                assert said.startswith(press.brings), press
            case "in place":
                await _sees(lambda: message.edited == self.team.house.now, press)
                texts = [message.text, *(button["text"] for button in _buttons(message))]
                assert any(text.startswith(press.brings) for text in texts), press
                assert len(self.chat.messages) == count, press
            case how:
                await _sees(lambda: self._came(press.brings, count), press)
                came = self.chat.messages[count:]
                assert {shown.thread for shown in came} == {self.thread}, press
                assert came[0].reply_to == message.id or data == "test", press
                assert bool(came[-1].photo) == (how == "picture"), press
        return data

    def _came(self, text: str, since: int) -> bool:
        return any(said.startswith(text) for said in self.chat.texts[since:])

    async def _message(self, under: str) -> Shown:
        """Return the message that a command brought, or the newest that begins so."""
        if not under.startswith("/"):
            return next(message for message in reversed(self.chat.messages) if message.text.startswith(under))
        if under not in self.brought:
            (self.brought[under],) = await self.ask(under)
        return self.brought[under]


async def _sees(holds: Callable[[], bool], done: object) -> None:
    """Wait until what was done shows."""
    with suppress(TimeoutError):
        await until(holds)
    assert holds(), done


def _buttons(message: Shown) -> list[dict[str, str]]:
    return [button for row in message.buttons for button in row]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Give a house whose store is new."""
    with open_house(sqlite(tmp_path)) as house:
        house.campaign = dict(CAMPAIGN)
        house.telegram._clock = lambda: house.now
        yield house


@asynccontextmanager
async def inside(house: House, name: str, *settings: str) -> AsyncIterator[Room]:
    """Let the bot listen in a room, which these settings name, with everything stored that can be asked."""
    id, kind, thread = ROOMS[name]
    chat = house.telegram.add_chat(id, kind=kind, topics=(thread,) if thread else ())
    chat.admins = {ADMIN}
    place = f"{id}:{thread}" if thread else str(id)
    house.more |= dict.fromkeys(settings, place)
    async with working(house) as team:
        fill(team.desk.store, team.desk.campaign, team.desk.checker.committer.destinations)
        await team.deliver()
        yield Room(team, chat, thread)


def test_every_command_and_every_kind_of_button_is_in_the_tables() -> None:
    assert set(ASKED) == {*COMMANDS, *MEMBERS, *ADMINS, *OPERATORS}
    assert {form.split(":")[0] for form in forms()} == {*asking.VERBS, *following.VERBS}


@pytest.mark.parametrize("name", ROOMS)
async def test_every_command_is_answered_where_it_was_written_and_refused_to_who_may_not(
    house: House, name: str
) -> None:
    async with inside(house, name, "alert_chats") as room:
        operators, member = house.telegram.chat(OPERATOR).admins, ADMIN if room.private else MEMBER
        several = {
            "compare": 2,
            "petition": 2,
            "test": len(list(samples(room.team.desk.campaign, house.now))),
        }
        for command, (words, begins) in ASKED.items():
            text = f"/{command} {words}" if room.private else f"/{command}@figurewatch_bot {words}"
            if command in OPERATORS:
                assert (await room.ask(text))[0].text == OPERATORS_ONLY, command
                operators.add(ADMIN)
            elif command in ADMINS and not room.private:
                assert (await room.ask(text, user=MEMBER))[0].text == ADMINS_ONLY, command
            user = member if command in (*COMMANDS, *MEMBERS) else ADMIN
            answer, *more = await room.ask(text, user=user, count=several.get(command, 1))
            operators.clear()
            assert answer.text.startswith(begins), command
            assert bool(answer.document) == (command == "export")
            assert any(message.photo for message in more) == (command in ("compare", "petition"))
        card = house.telegram.ask("drop-out Kent", user=member, kind=room.chat.kind)
        await until(lambda: card in house.telegram.inline_answers)
        assert house.telegram.inline_answers[card][0].title.startswith("Treated once only")


@pytest.mark.parametrize("name", ROOMS)
async def test_every_button_does_what_it_says_where_it_is(house: House, name: str) -> None:
    house.campaign |= {"campaign": {"name": "A review", "sources": [MONTHLY], "sign_off": True}}
    house.campaign |= {"petition": PETITIONS}
    async with inside(house, name, "alert_chats", "ops_chat") as room:
        await room.team.tell(*found(house.now), source=MONTHLY)
        sent = [await room.press(press) for press in QUESTIONS]
        await room.team.deliver()
        house.telegram.invite(room.chat.id)
        await until(lambda: room.chat.texts[-1].startswith("I am Figurewatch"))
        sent += [await room.press(press) for press in PRESSES]
    alone = [shown.text for shown in room.chat.messages if shown.photo and not shown.text.startswith("Line")]
    assert len(alone) == 3
    assert all(text.endswith("Open Government Licence v3.0") for text in alone)
    assert [form for form in forms() if not any(re.fullmatch(form, data) for data in sent)] == []


def found(now: datetime) -> Iterator[Finding]:
    """Yield a release of two figures, and that one of them changed in Kent."""
    release = Release("april", "April 2026", "https://digital.nhs.uk/april", MONTHS[-1], now)
    before = {"before": 50.0, "year_ago": 50.0}
    rows = (
        Row("Recovery", "M192", Unit.PERCENT, "those finished", 51.2, before),
        Row("Treated once only", "treated_once", Unit.PERCENT, "those ended", 51.2, before),
    )
    yield ReleaseOut("release:april", release, rows, 30)
    yield Shifted("shift:kent", release, News("series", (replace(shift("RXY"), area=KENT),), 200))
