"""A Bot API server over real HTTP, which holds what each chat shows and fails on demand.

    with BotApi() as server:
        group = server.add_chat(-1001, kind="supergroup", topics=(7,))
        server.fail(rate_limited(2), CUT_AFTER_DELIVERY)
        ...  # a worker with TELEGRAM_API_URL=server.url and the token server.token
        assert [message.text for message in group.messages] == [...]

`python -m tests.fakes.bot_api` lets people watch a worker without Telegram: it prints its address, takes any
token and any chat, and shows each message.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from tests.fakes.telegram_html import Entity, MarkupError, parse_html, tidy, utf16_units

TOKEN = "123456789:" + "A" * 35
BOT: dict[str, Any] = {
    "id": 123456789,
    "is_bot": True,
    "first_name": "Figurewatch",
    "username": "figurewatch_bot",
    "can_join_groups": True,
    "can_read_all_group_messages": False,
    "supports_inline_queries": True,
}
Kind = Literal["private", "group", "supergroup", "channel"]
ANONYMOUS = 1087968824  # GroupAnonymousBot, under which admins write who do not show who they are


class ApiError(Exception):
    """Refuse a call in the server's words."""

    def __init__(self, code: int, description: str, parameters: Mapping[str, int] | None = None) -> None:
        super().__init__(code, description)
        self.code, self.description, self.parameters = code, description, dict(parameters or {})


def _refused(error: ApiError) -> bytes:
    parameters = {"parameters": error.parameters} if error.parameters else {}
    answer = {"ok": False, "error_code": error.code, "description": error.description, **parameters}
    return json.dumps(answer).encode()


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with one call.

    `status` and `body` are answered instead of the truth; `status` 0 cuts the connection. `delivered` does
    what the call asks first. `stall` is seconds of silence before any of it is seen by the caller.
    """

    status: int = 0
    body: bytes = b""
    delivered: bool = False
    stall: float = 0.0


def refusal(code: int, description: str, **parameters: int) -> Fault:
    """Return a fault that answers as the server does when it refuses a call."""
    return Fault(code, _refused(ApiError(code, description, parameters)))


def rate_limited(seconds: int) -> Fault:
    """Return a 429 that asks to wait."""
    return refusal(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)


def stalled(seconds: float, *, delivered: bool) -> Fault:
    """Return silence, longer than a caller waits, before or after the message reached the chat."""
    return Fault(delivered=delivered, stall=seconds)


CUT = Fault()
CUT_AFTER_DELIVERY = Fault(delivered=True)
BAD_GATEWAY = Fault(502, b"<html>502 Bad Gateway</html>")
BAD_GATEWAY_AFTER_DELIVERY = replace(BAD_GATEWAY, delivered=True)
INTERNAL_ERROR = Fault(500, b'{"ok":false,"error_code":500,"description":"Internal Server Error"}')
JUNK = Fault(200, b"<html>captive portal</html>")
JUNK_AFTER_DELIVERY = replace(JUNK, delivered=True)
UNAUTHORIZED = refusal(401, "Unauthorized")
KICKED = refusal(403, "Forbidden: bot was kicked from the supergroup chat")
BLOCKED = refusal(403, "Forbidden: bot was blocked by the user")


def _bad(description: str) -> ApiError:
    return ApiError(400, f"Bad Request: {description}")


@dataclass(frozen=True, slots=True)
class Limits:
    """What Telegram's documentation says: 1 message a second in a chat, 20 a minute in a group, 30 a second.

    In a chat `burst` messages may come in as many seconds, however close together. A second lasts `unit`
    seconds here, so that a test need not wait.
    """

    unit: float = 1.0
    burst: int = 1
    group: int = 20
    overall: int = 30

    def windows(self, chat: Chat) -> list[tuple[int | None, int, float]]:
        """Return whose messages are counted (None: all), how many may come, and in how many seconds."""
        windows: list[tuple[int | None, int, float]] = [
            (chat.id, self.burst, self.burst * self.unit),
            (None, self.overall, self.unit),
        ]
        return windows if chat.kind == "private" else [*windows, (chat.id, self.group, 60 * self.unit)]


class Span(NamedTuple):
    """When a call was answered, on the clock that nobody sets, and who made it."""

    who: str
    method: str
    begun: float
    ended: float


@dataclass(slots=True)
class Shown:
    """One message as a chat shows it. `date` is when it came, `edited` when it was last changed.

    `reply_to` is the id of the message that it answers. The server refuses to edit a `fixed` one.
    """

    id: int
    date: datetime
    text: str
    entities: tuple[Entity, ...] = ()
    reply_markup: Any = None
    thread: int | None = None
    silent: bool = False
    photo: bytes | None = None
    document: tuple[str, bytes] | None = None
    edited: datetime | None = None
    reply_to: int | None = None
    fixed: bool = False

    @property
    def buttons(self) -> list[list[dict[str, str]]]:
        """Return the rows of buttons under the message."""
        rows: list[list[dict[str, str]]] = (self.reply_markup or {}).get("inline_keyboard", [])
        return rows


class Card(NamedTuple):
    """One answer to an inline question: its title, and the message that it would post."""

    title: str
    text: str
    buttons: list[list[dict[str, str]]]


@dataclass(slots=True)
class Chat:
    """A chat and everything in it. `topics` are the threads of a forum; `pinned` is a message id."""

    id: int
    kind: Kind = "supergroup"
    title: str = "Campaign team"
    topics: set[int] = field(default_factory=set)
    closed_topics: set[int] = field(default_factory=set)
    admins: set[int] = field(default_factory=set)
    outsiders: set[int] = field(default_factory=set)  # people who are no members; all others are
    may_pin: bool = True
    may_send_photos: bool = True
    refuses: str = ""  # a 403 description, once the bot was kicked or blocked
    moved_to: int | None = None
    messages: list[Shown] = field(default_factory=list)
    pinned: list[int] = field(default_factory=list)
    heard: set[int] = field(default_factory=set)  # what people wrote, by its id
    last_id: int = 0

    @property
    def texts(self) -> list[str]:
        """Return the texts of the messages, oldest first."""
        return [message.text for message in self.messages]

    def card(self) -> dict[str, Any]:
        """Return the chat as the API describes it."""
        if self.kind == "private":
            return {"id": self.id, "type": "private", "first_name": self.title}
        forum = {"is_forum": True} if self.topics else {}
        return {"id": self.id, "type": self.kind, "title": self.title, **forum}

    def find(self, message_id: int | None) -> Shown | None:
        """Return a message by its id."""
        return next((message for message in self.messages if message.id == message_id), None)

    def delete(self, message_id: int) -> None:
        """Take a message away, as an administrator may."""
        self.messages = [message for message in self.messages if message.id != message_id]


@dataclass(frozen=True, slots=True)
class Call:
    """One request: the method's name and its parameters, files as bytes.

    `who` made it is told by the address: a caller may have `<url>/<who>` for its TELEGRAM_API_URL.
    """

    method: str
    params: Mapping[str, str | bytes]
    who: str = ""

    def text(self, name: str) -> str:
        """Return a parameter as text; empty when it is not there."""
        value = self.params.get(name, "")
        return value if isinstance(value, str) else value.decode()

    def number(self, name: str) -> int | None:
        """Return a parameter as a number, or None."""
        text = self.text(name)
        return int(text) if re.fullmatch(r"-?\d+", text) else None

    def flag(self, name: str) -> bool:
        """Return a parameter as yes or no."""
        return self.text(name).lower() in ("true", "1")

    def json(self, name: str) -> Any:
        """Return a parameter that holds JSON, or None."""
        return json.loads(self.text(name)) if self.text(name) else None


class BotApi:
    """The server: a context manager whose `url` goes into TELEGRAM_API_URL.

    `fault` may be a function that is asked before each call; `fail` queues faults. With `limits` too many
    messages are refused with 429, and counted in `refusals`. With `open_house`, a chat is made when something
    is first sent to it and every token is good. `on_message` sees each new message.
    """

    def __init__(
        self,
        *,
        token: str = TOKEN,
        port: int = 0,
        open_house: bool = False,
        limits: Limits | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        on_message: Callable[[Chat, Shown], None] = lambda chat, message: None,
    ) -> None:
        self.token = token
        self.chats: dict[int, Chat] = {}
        self.calls: list[Call] = []
        self.spans: list[Span] = []
        self.refusals = 0
        self._limits = limits
        self._arrivals: dict[int | None, deque[float]] = {}
        self.commands: dict[str, list[dict[str, str]]] = {}  # by the JSON of their scope
        self.callback_answers: dict[str, str] = {}
        self.inline_answers: dict[str, list[Card]] = {}
        self.written: dict[int, int] = {}  # the message that an update brought, by the update's id
        self.fault: Callable[[Call], Fault | None] = lambda call: None
        self._faults: dict[str, deque[Fault]] = {}
        self._updates: list[dict[str, Any]] = []
        self._last_update = 0
        self._poll = 0
        self._open_house = open_house
        self._clock = clock
        self._on_message = on_message
        self._lock = threading.Condition(threading.RLock())
        self._closing = threading.Event()
        self._http = _Server(("127.0.0.1", port), _handler(self))
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """Return the base address, without `/bot`."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> BotApi:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        with self._lock:
            self._lock.notify_all()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    # What a test or a person does to the server.

    def add_chat(self, id: int, *, kind: Kind = "supergroup", topics: tuple[int, ...] = ()) -> Chat:
        """Return a new chat that the bot is in."""
        with self._lock:
            self.chats[id] = Chat(id, kind, topics=set(topics))
            return self.chats[id]

    def chat(self, id: int) -> Chat:
        """Return a chat; KeyError when there is none."""
        return self.chats[id]

    def migrate(self, old: int, new: int) -> Chat:
        """Turn a group into a supergroup: a new id, and the old one only says where it went."""
        with self._lock:
            self.chats[old].moved_to = new
            room = self.add_chat(new)
            self._add_message(self.chats[old], 1, migrate_to_chat_id=new)
            self._add_message(room, 1, migrate_from_chat_id=old)
            return room

    def kick(self, chat: int, why: str = "Forbidden: bot was kicked from the supergroup chat") -> None:
        """Put the bot out of a chat."""
        with self._lock:
            self.chats[chat].refuses = why
            self._add_membership(self.chats[chat], "member", "kicked")

    def take_in(self, chat: int) -> None:
        """Let the bot into a chat again."""
        with self._lock:
            self.chats[chat].refuses = ""
            self._add_membership(self.chats[chat], "kicked", "member")

    def invite(self, chat: int) -> None:
        """Let somebody add the bot to a chat in which it never was."""
        with self._lock:
            self._add_membership(self.chats[chat], "left", "member")

    def fail(self, *faults: Fault, method: str = "sendMessage") -> None:
        """Let the next calls of a method go wrong, one fault each."""
        with self._lock:
            self._faults.setdefault(method, deque()).extend(faults)

    def say(
        self,
        chat: int,
        text: str,
        *,
        user: int = 1,
        thread: int | None = None,
        replying_to: int | None = None,
        ago: int = 0,
        as_chat: int | None = None,
    ) -> int:
        """Let somebody write in a chat, so many seconds `ago`; return the update's id.

        It is written in the name of `as_chat` where given: the group's own by an admin who stays anonymous.
        """
        with self._lock:
            command = re.match(r"/\w+(@\w+)?", text)
            entities = [{"type": "bot_command", "offset": 0, "length": command.end()}] if command else []
            room = self.chats[chat]
            topic = {"message_thread_id": thread, "is_topic_message": True} if thread else {}
            earlier = room.find(replying_to)
            reply = {"reply_to_message": _card(room, earlier)} if earlier else {}
            content = {"text": text, "entities": entities, **topic, **reply}
            if as_chat is not None:
                user = ANONYMOUS
                content["sender_chat"] = {"id": as_chat, "type": "supergroup", "title": "Somebody"}
            if ago:
                content["date"] = int(self._clock().timestamp()) - ago
            return self._add_message(room, user, **content)

    def ask(self, text: str, *, user: int = 1, kind: Kind = "group") -> str:
        """Let somebody write the bot's name and a question in some chat; return the question's id."""
        with self._lock:
            id = str(self._last_update + 1)
            query = {"id": id, "from": _person(user), "query": text, "offset": "", "chat_type": kind}
            self._add_update({"inline_query": query})
            return id

    def press(self, chat: int, message_id: int, data: str, *, user: int = 1, old: bool = False) -> int:
        """Let somebody press a button under a message; return the update's id.

        Of an `old` message the server shows only where it is.
        """
        with self._lock:
            room = self.chats[chat]
            message = room.find(message_id)
            if message is None:
                raise KeyError(message_id)
            query = {
                "id": str(self._last_update + 1),
                "from": _person(user),
                "chat_instance": str(chat),
                "message": {"message_id": message_id, "chat": room.card(), "date": 0}
                if old
                else _card(room, message),
                "data": data,
            }
            return self._add_update({"callback_query": query})

    def reword(self, chat: int, message_id: int, text: str, *, user: int = 1) -> int:
        """Let somebody edit what they wrote; return the update's id."""
        with self._lock:
            room, now = self.chats[chat], int(self._clock().timestamp())
            head = {"message_id": message_id, "date": now, "edit_date": now, "chat": room.card()}
            return self._add_update({"edited_message": head | {"from": _person(user), "text": text}})

    def _add_message(self, room: Chat, user: int, **content: Any) -> int:
        room.last_id += 1
        date = int(self._clock().timestamp())
        head = {"message_id": room.last_id, "date": date, "chat": room.card()}
        if room.kind == "channel":
            return self._add_update({"channel_post": head | content})
        update = self._add_update({"message": head | {"from": _person(user)} | content})
        self.written[update] = room.last_id
        room.heard.add(room.last_id)
        return update

    def _add_membership(self, room: Chat, before: str, after: str) -> int:
        cards = {
            "old_chat_member": {"status": before, "user": BOT, "until_date": 0},
            "new_chat_member": {"status": after, "user": BOT, "until_date": 0},
        }
        date = int(self._clock().timestamp())
        return self._add_update(
            {"my_chat_member": {"chat": room.card(), "from": _person(1), "date": date, **cards}}
        )

    def _add_update(self, update: dict[str, Any]) -> int:
        self._last_update += 1
        self._updates.append({"update_id": self._last_update, **update})
        self._lock.notify_all()
        return self._last_update

    # What the bot sees.

    def answer(self, token: str, call: Call) -> tuple[int, bytes]:
        """Return status and body for a call; status 0 means that the connection is cut."""
        begun = time.monotonic()
        try:
            fault = self._next_fault(call)
            if fault is None or fault.delivered:
                truth = self._truth(token, call)
                if fault is None:
                    return truth
            self._closing.wait(fault.stall)
            return fault.status, fault.body
        finally:
            self.spans.append(Span(call.who, call.method, begun, time.monotonic()))

    def _next_fault(self, call: Call) -> Fault | None:
        with self._lock:
            self.calls.append(call)
            queued = self._faults.get(call.method)
            return queued.popleft() if queued else self.fault(call)

    def _truth(self, token: str, call: Call) -> tuple[int, bytes]:
        try:
            if not re.fullmatch(r"\d+:[\w-]{35}", token):
                raise ApiError(404, "Not Found")
            if token != self.token and not self._open_house:
                raise ApiError(401, "Unauthorized")
            method = _METHODS.get(call.method.lower())
            if method is None:
                raise ApiError(404, "Not Found: method not found")
            with self._lock:
                result = method(self, call)
        except ApiError as error:
            return error.code, _refused(error)
        return 200, json.dumps({"ok": True, "result": result}).encode()

    def _room(self, call: Call) -> Chat:
        id = call.number("chat_id")
        if id is None:
            raise _bad("chat_id is empty")
        if id not in self.chats and self._open_house:
            self.add_chat(id, kind="private" if id > 0 else "supergroup")
        room = self.chats.get(id)
        if room is None:
            raise _bad("chat not found")
        if room.moved_to is not None:
            why = "Bad Request: group chat was upgraded to a supergroup chat"
            raise ApiError(400, why, {"migrate_to_chat_id": room.moved_to})
        if room.refuses:
            raise ApiError(403, room.refuses)
        return room

    def _thread_of(self, call: Call, room: Chat) -> int | None:
        thread = call.number("message_thread_id")
        if thread is not None and thread not in room.topics:
            raise _bad("message thread not found")
        if thread in room.closed_topics:
            raise _bad("TOPIC_CLOSED")
        return thread

    def _count(self, room: Chat) -> None:
        """Count a message, or refuse it where there were too many."""
        windows = self._limits.windows(room) if self._limits else []
        now = time.monotonic()
        waits = [0.0]
        for key, most, seconds in windows:
            came = self._arrivals.setdefault(key, deque(maxlen=100))
            if len(came) >= most:
                waits.append(came[-most] + seconds - now)
        if self._limits and max(waits) > 0:
            self.refusals += 1
            seconds = math.ceil(max(waits) / self._limits.unit)
            raise ApiError(429, f"Too Many Requests: retry after {seconds}", {"retry_after": seconds})
        for key in {key for key, _, _ in windows}:
            self._arrivals[key].append(now)

    def _post(self, call: Call, room: Chat, name: str, limit: int, photo: bytes | None = None) -> Any:
        text, entities = _styled(call, name, limit)
        thread, markup = self._thread_of(call, room), _keyboard(call)
        reply_to = _reply_to(call, room)
        self._count(room)
        room.last_id += 1
        silent = call.flag("disable_notification")
        shown = Shown(room.last_id, self._clock(), text, entities, markup, thread, silent, photo)
        shown.reply_to = reply_to
        room.messages.append(shown)
        self._on_message(room, shown)
        return _card(room, shown)

    def _send_message(self, call: Call) -> Any:
        room = self._room(call)
        if not call.text("text"):
            raise _bad("message text is empty")
        return self._post(call, room, "text", 4096)

    def _send_photo(self, call: Call) -> Any:
        room = self._room(call)
        file = call.params.get("photo")
        if isinstance(file, str):
            file = call.params.get(file.removeprefix("attach://"))
        if not isinstance(file, bytes) or not file:
            raise _bad("there is no photo in the request")
        if not room.may_send_photos:
            raise _bad("not enough rights to send photos to the chat")
        if not file.startswith(b"\x89PNG"):
            raise _bad("IMAGE_PROCESS_FAILED")
        return self._post(call, room, "caption", 1024, file)

    def _send_document(self, call: Call) -> Any:
        room = self._room(call)
        part, file = "document", call.params.get("document")
        if isinstance(file, str):
            part = file.removeprefix("attach://")
            file = call.params.get(part)
        if not isinstance(file, bytes) or not file:
            raise _bad("there is no document in the request")
        card = self._post(call, room, "caption", 1024)
        room.messages[-1].document = call.text(f"{part}.filename"), file
        return card

    def _answer_inline_query(self, call: Call) -> Any:
        results = call.json("results") or []
        if len(results) > 50 or len({one["id"] for one in results}) < len(results):
            raise _bad("RESULT_ID_DUPLICATE")
        cards = []
        for one in results:
            if not 1 <= len(one["id"].encode()) <= 64:
                raise _bad("RESULT_ID_INVALID")
            content = Call(
                "", {**one["input_message_content"], "reply_markup": json.dumps(one["reply_markup"])}
            )
            text, _ = _styled(content, "message_text", 4096)
            cards.append(Card(one["title"], text, (_keyboard(content) or {}).get("inline_keyboard", [])))
        self.inline_answers[call.text("inline_query_id")] = cards
        return True

    def _edit_message_text(self, call: Call) -> Any:
        return self._edit(call, "text", 4096)

    def _edit_message_caption(self, call: Call) -> Any:
        return self._edit(call, "caption", 1024)

    def _edit(self, call: Call, name: str, limit: int) -> Any:
        room = self._room(call)
        shown = room.find(call.number("message_id"))
        if shown is None:
            raise _bad("message to edit not found")
        if shown.fixed:
            raise _bad("message can't be edited")
        if (shown.photo is None) != (name == "text"):
            raise _bad(f"there is no {name} in the message to edit")
        text, entities = _styled(call, name, limit)
        markup = _keyboard(call)
        if (text, entities, markup) == (shown.text, shown.entities, shown.reply_markup):
            raise _bad(
                "message is not modified: specified new message content and reply markup are exactly the "
                "same as a current content and reply markup of the message"
            )
        self._count(room)
        shown.text, shown.entities, shown.reply_markup = text, entities, markup
        shown.edited = self._clock()
        return _card(room, shown)

    def _pin(self, call: Call) -> Any:
        room = self._room(call)
        shown = room.find(call.number("message_id"))
        if shown is None:
            raise _bad("message to pin not found")
        if not room.may_pin:
            raise _bad("not enough rights to manage pinned messages in the chat")
        room.pinned.append(shown.id)
        return True

    def _unpin(self, call: Call) -> Any:
        room, id = self._room(call), call.number("message_id")
        if id not in room.pinned:
            raise _bad("message to unpin not found")
        room.pinned = [pinned for pinned in room.pinned if pinned != id]
        return True

    def _get_updates(self, call: Call) -> Any:
        """Wait for updates from `offset` on; a newer poll ends an older one with 409."""
        offset, seconds = call.number("offset") or 0, call.number("timeout") or 0
        limit = call.number("limit") or 100
        self._updates = [update for update in self._updates if update["update_id"] >= offset]
        self._poll += 1
        mine = self._poll
        self._lock.notify_all()
        self._lock.wait_for(
            lambda: bool(self._updates) or self._poll != mine or self._closing.is_set(), min(seconds, 50)
        )
        if self._poll != mine:
            why = "terminated by other getUpdates request; make sure that only one bot instance is running"
            raise ApiError(409, f"Conflict: {why}")
        return self._updates[:limit]

    def _get_chat_administrators(self, call: Call) -> Any:
        people = (_person(id) for id in sorted(self._room(call).admins))
        return [{"status": "creator", "user": person, "is_anonymous": False} for person in people]

    def _get_chat_member(self, call: Call) -> Any:
        """Return what the bot itself may do in a chat, or that somebody is a member."""
        room, user = self._room(call), call.number("user_id")
        if user in room.outsiders:
            return {"status": "left", "user": _person(user or 0)}
        if user != BOT["id"]:
            return {"status": "creator" if user in room.admins else "member", "user": _person(user or 0)} | (
                {"is_anonymous": False} if user in room.admins else {}
            )
        if not room.may_pin:
            return {"status": "member", "user": BOT}
        return {"status": "administrator", "user": BOT, "can_pin_messages": True, **_RIGHTS}

    def _leave_chat(self, call: Call) -> Any:
        room = self._room(call)
        room.refuses = "Forbidden: bot is not a member of the supergroup chat"
        return True

    def _get_chat(self, call: Call) -> Any:
        return {**self._room(call).card(), "accent_color_id": 0, "max_reaction_count": 11}

    def _set_my_commands(self, call: Call) -> Any:
        commands = call.json("commands") or []
        for command in commands:
            if not re.fullmatch(r"[a-z0-9_]{1,32}", command["command"]):
                raise _bad("BOT_COMMAND_INVALID")
        self.commands[call.text("scope") or '{"type": "default"}'] = commands
        return True

    def _answer_callback_query(self, call: Call) -> Any:
        text = call.text("text")
        if len(text) > 200:
            raise _bad("MESSAGE_TOO_LONG")
        self.callback_answers[call.text("callback_query_id")] = text
        return True

    def _get_webhook_info(self, call: Call) -> Any:
        return {"url": "", "has_custom_certificate": False, "pending_update_count": len(self._updates)}

    def _delete_webhook(self, call: Call) -> Any:
        if call.flag("drop_pending_updates"):
            self._updates.clear()
        return True


_METHODS: dict[str, Callable[[BotApi, Call], Any]] = {
    "answercallbackquery": BotApi._answer_callback_query,
    "answerinlinequery": BotApi._answer_inline_query,
    "deletewebhook": BotApi._delete_webhook,
    "editmessagecaption": BotApi._edit_message_caption,
    "editmessagetext": BotApi._edit_message_text,
    "getchat": BotApi._get_chat,
    "getchatadministrators": BotApi._get_chat_administrators,
    "getchatmember": BotApi._get_chat_member,
    "getme": lambda server, call: BOT,
    "getupdates": BotApi._get_updates,
    "getwebhookinfo": BotApi._get_webhook_info,
    "leavechat": BotApi._leave_chat,
    "pinchatmessage": BotApi._pin,
    "senddocument": BotApi._send_document,
    "sendmessage": BotApi._send_message,
    "sendphoto": BotApi._send_photo,
    "unpinchatmessage": BotApi._unpin,
    "setmycommands": BotApi._set_my_commands,
}


# What the server says of an administrator beside the rights that matter to us.
_RIGHTS = dict.fromkeys(
    (
        "can_be_edited",
        "is_anonymous",
        "can_manage_chat",
        "can_delete_messages",
        "can_manage_video_chats",
        "can_restrict_members",
        "can_promote_members",
        "can_change_info",
        "can_invite_users",
        "can_post_stories",
        "can_edit_stories",
        "can_delete_stories",
    ),
    False,
)


def _person(id: int) -> dict[str, Any]:
    return {"id": id, "is_bot": False, "first_name": "Somebody"}


def _styled(call: Call, name: str, limit: int) -> tuple[str, tuple[Entity, ...]]:
    """Return a text as it will be shown, or refuse it as the server does."""
    text, mode = call.text(name), call.text("parse_mode").lower()
    entities: tuple[Entity, ...] = ()
    if mode == "html":
        try:
            text, entities = parse_html(text)
        except MarkupError as error:
            raise _bad(f"can't parse entities: {error}") from None
    elif mode:
        raise _bad("unsupported parse_mode")
    text, entities = tidy(text, entities)
    if utf16_units(text) > limit:
        raise _bad("message is too long" if name == "text" else "message caption is too long")
    if name == "text" and not text:
        raise _bad("text must be non-empty")
    return text, entities


def _reply_to(call: Call, room: Chat) -> int | None:
    """Return which message is answered; one that is gone is only a fault where it must be there."""
    wanted = call.json("reply_parameters")
    if wanted is None:
        return None
    if room.find(wanted["message_id"]) or wanted["message_id"] in room.heard:
        return int(wanted["message_id"])
    if not wanted.get("allow_sending_without_reply"):
        raise _bad("message to be replied not found")
    return None


def _keyboard(call: Call) -> Any:
    """Return the reply markup, or refuse a button that the server would refuse."""
    markup = call.json("reply_markup")
    for button in (button for row in (markup or {}).get("inline_keyboard", []) for button in row):
        if not button.get("text"):
            raise _bad('can\'t parse inline keyboard button: Field "text" must be of type String')
        url, data = button.get("url"), button.get("callback_data")
        if url is not None and not re.match(r"(https?://)?[^/\s]+\.[^/\s]+|tg://", url):
            raise _bad(f"inline keyboard button URL '{url}' is invalid: Wrong HTTP URL")
        if data is not None and not 1 <= len(data.encode()) <= 64:
            raise _bad("BUTTON_DATA_INVALID")
    return markup


def _card(room: Chat, shown: Shown) -> dict[str, Any]:
    """Return a message as the API describes it."""
    entities = [
        {"type": e.type, "offset": e.offset, "length": e.length, **({"url": e.url} if e.url else {})}
        for e in shown.entities
    ]
    text, styles = ("caption", "caption_entities") if shown.photo else ("text", "entities")
    photo = {"file_id": "photo", "file_unique_id": "photo", "width": 1, "height": 1}
    return {
        "message_id": shown.id,
        "date": int(shown.date.timestamp()),
        "chat": room.card(),
        "from": BOT,
        text: shown.text,
        **({styles: entities} if entities else {}),
        **({"photo": [photo]} if shown.photo else {}),
        **({"reply_markup": shown.reply_markup} if shown.reply_markup else {}),
        **({"message_thread_id": shown.thread, "is_topic_message": True} if shown.thread else {}),
        **({"edit_date": int(shown.edited.timestamp())} if shown.edited else {}),
    }


class _Server(ThreadingHTTPServer):
    """An HTTP server that hangs up on everybody when it closes."""

    daemon_threads = False

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing about a caller that went away in the middle of an answer."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def server_close(self) -> None:
        for request in list(self._open):
            with suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)
        super().server_close()


def _handler(api: BotApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            address = urlsplit(self.path)
            match = re.fullmatch(r"(?:/([\w-]+))?/bot([^/]+)/(\w+)", address.path)
            if match is None:
                return self._reply(404, _refused(ApiError(404, "Not Found")))
            params = _params(address.query, self.headers.get("Content-Type", ""), body)
            status, answer = api.answer(match[2], Call(match[3], params, match[1] or ""))
            return self._reply(status, answer) if status else self._hang_up()

        def _reply(self, status: int, body: bytes) -> None:
            self.send_response(status, HTTPStatus(status).phrase)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _hang_up(self) -> None:
            self.close_connection = True
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

        def log_message(self, format: str, *args: Any) -> None:
            """Keep quiet."""

    return Handler


def _params(query: str, content_type: str, body: bytes) -> dict[str, str | bytes]:
    """Return the parameters of a request however they were sent; files as bytes."""
    params: dict[str, str | bytes] = dict(parse_qsl(query, keep_blank_values=True))
    if content_type.startswith("application/json"):
        sent = json.loads(body or b"{}")
        params |= {name: v if isinstance(v, str) else json.dumps(v) for name, v in sent.items()}
    elif content_type.startswith("multipart/form-data"):
        head = f"Content-Type: {content_type}\r\n\r\n".encode()
        for part in message_from_bytes(head + body, policy=policy.HTTP).iter_parts():
            value = part.get_payload(decode=True)
            name = part.get_param("name", header="content-disposition")
            assert isinstance(value, bytes)
            filename = part.get_filename()
            params[str(name)] = value if filename else value.decode()
            if filename:
                params[f"{name}.filename"] = filename
    else:
        params |= dict(parse_qsl(body.decode(), keep_blank_values=True))
    return params


def _show(chat: Chat, message: Shown) -> None:
    where = f"{chat.id}:{message.thread}" if message.thread else str(chat.id)
    buttons = "".join(f"\n[{button['text']}]" for row in message.buttons for button in row)
    print(f"→ {where}{' (silent)' if message.silent else ''}\n{message.text}{buttons}\n", flush=True)


def main() -> None:
    """Serve until interrupted, and show each message."""
    options = argparse.ArgumentParser(prog="python -m tests.fakes.bot_api")
    options.add_argument("port", nargs="?", type=int, default=0)
    options.add_argument("--unit", type=float, help="enforce Telegram's limits; what a second lasts")
    chosen = options.parse_args()
    limits = Limits(chosen.unit) if chosen.unit else None
    with BotApi(port=chosen.port, open_house=True, limits=limits, on_message=_show) as server:
        print(f"TELEGRAM_API_URL={server.url}\nTELEGRAM_BOT_TOKEN={server.token}\n", flush=True)
        with suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
