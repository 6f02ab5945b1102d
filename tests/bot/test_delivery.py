"""What a chat shows after each thing that can go wrong on the way to it."""

from __future__ import annotations

import asyncio
import io
import logging
import random
import socket
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from telegram.error import NetworkError

from bot.delivery.outcome import Verdict, backoff, sort_outcome
from bot.delivery.sender import Drained, Sender
from bot.delivery.transports import ConsoleTransport, Letter, LogTransport, TelegramTransport, Transport
from bot.operate import crash
from bot.operate.redact import keep_secrets
from bot.pace import Pace
from bot.rules.findings import Finding
from bot.wording.markup import RESENT, TEXT_LIMIT, Button, Message, bold, line, payload, to_plain
from bot.wording.messages import compose
from scrapers.toolkit.contract import Fact
from state.lease import Claim
from state.records import InHand, NewAlert, Parcel
from state.store import Store, Writer
from tests.fakes import bot_api
from tests.fakes.bot_api import BotApi, Call, Fault, Limits, rate_limited, refusal, stalled

GROUP, OTHER, FORUM = -1001, -1002, -1003
US = Claim("worker", "us", timedelta(seconds=30))
QUICK = Pace(spacing=0, even=0, window=0)
START = datetime(2026, 5, 14, 8, 30, tzinfo=UTC)


@dataclass
class Clock:
    """A clock that only moves when it is told to."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Office:
    """A store, a Bot API server, and what the operator was told."""

    store: Store
    server: BotApi
    clock: Clock = field(default_factory=Clock)
    allowed: set[str] = field(default_factory=lambda: {str(GROUP), str(OTHER), str(FORUM)})
    claim: Claim = US
    pace: Pace = QUICK

    def post(
        self, text: str, chat: int = GROUP, thread: int | None = None, kind: str = "test", **more: Any
    ) -> None:
        """Put a message into the outbox."""
        content = payload(Message((line(bold(text)),))) | more
        with self.store.writing() as tx:
            number = tx.next_alert_id()
            parcel = Parcel(str(chat), content, thread)
            tx.add_alert(
                NewAlert(number, "source", kind, f"fact {number}", text, parcels=(parcel,)), self.clock()
            )

    def states(self) -> dict[str, str]:
        """Return what became of each message, by its text."""
        with self.store.reading() as tx:
            return {alert.text: alert.state for alert in tx.alerts()}

    @asynccontextmanager
    async def sender(self, **pace: float) -> AsyncIterator[Sender]:
        """Give a sender of this office to its Telegram server."""
        async with TelegramTransport(
            self.server.token, api_url=self.server.url, read_timeout=0.3
        ) as telegram:
            yield self.sender_to(lambda chat: telegram, **pace)

    def sender_to(self, transports: Callable[[str], Transport], **pace: float) -> Sender:
        """Return a sender with transports of the caller's, who has the lease if it can be had."""
        self.take_lease()
        return Sender(
            self.store,
            transports,
            allowed=self.allowed,
            claim=self.claim,
            clock=self.clock,
            tell_operator=self._tell,
            pace=replace(self.pace, **pace),
        )

    def _tell(self, tx: Writer, finding: Finding, now: datetime) -> None:
        if tx.remember("operator", finding.episode, now):
            tx.save_facts("operator", [Fact(finding.episode, to_plain(compose(finding, None, 0, now)))], now)

    @property
    def told(self) -> list[str]:
        """Return what the operator was told, in the order of the episodes' names."""
        with self.store.reading() as tx:
            return [text or "" for text in tx.facts(["operator"])["operator"].values()]

    @property
    def reports(self) -> str:
        """Return all that the operator was told."""
        return "\n".join(self.told)

    def take_lease(self) -> bool:
        """Take the lease to send, as whoever starts does."""
        return self.store.outbox.take_over(self.claim, self.clock(), timedelta(seconds=self.pace.doubt))

    def drain(self) -> Drained:
        """Send what is due now."""

        async def once() -> Drained:
            async with self.sender() as sender:
                return await sender.drain()

        return asyncio.run(once())

    def drain_all(self) -> None:
        """Send, and wait, until nothing is left to do."""

        async def until_idle() -> None:
            async with self.sender() as sender:
                while (next_due := (await sender.drain()).next_due) is not None:
                    self.clock.now = max(self.clock.now, next_due)

        asyncio.run(until_idle())

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.now += timedelta(seconds=seconds)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(f"sqlite:///{tmp_path}/test.db")
    yield opened
    opened.close()


@pytest.fixture
def office(store: Store) -> Iterator[Office]:
    with BotApi() as server:
        server.add_chat(GROUP)
        server.add_chat(OTHER)
        server.add_chat(FORUM, topics=(7,))
        yield Office(store, server)


def second_copy(text: str) -> str:
    return f"{RESENT}\n{text}"


def test_messages_arrive_once_and_in_their_order(office: Office) -> None:
    for text in ("first", "second", "third"):
        office.post(text)
    assert office.drain() == Drained(sent=3)
    assert office.drain() == Drained()
    assert office.server.chat(GROUP).texts == ["first", "second", "third"]


def test_a_message_shows_its_styles_buttons_topic_and_silence(office: Office) -> None:
    buttons = ((Button("Open", "https://a.uk/p"),),)
    office.post(
        "", FORUM, 7, **payload(Message((line(bold("630"), " <new>"),), buttons=buttons, silent=True))
    )
    office.drain()
    [message] = office.server.chat(FORUM).messages
    assert (message.text, message.thread, message.silent) == ("630 <new>", 7, True)
    assert [entity.type for entity in message.entities] == ["bold"]
    assert message.buttons == [[{"text": "Open", "url": "https://a.uk/p"}]]
    assert '"is_disabled": true' in office.server.calls[-1].text("link_preview_options")


def test_a_rate_limit_is_obeyed_and_is_no_failure(office: Office) -> None:
    office.post("first")
    office.post("second")
    office.server.fail(rate_limited(7))
    assert office.drain() == Drained(later=1, next_due=START + timedelta(seconds=8))
    office.wait(8)
    assert office.store.outbox.due(office.clock())[0].attempts == 0
    assert office.drain() == Drained(sent=2)
    assert office.server.chat(GROUP).texts == ["first", "second"]


def test_a_group_that_moved_still_gets_its_messages_and_the_operator_learns_where(office: Office) -> None:
    new = office.server.migrate(GROUP, -1009)
    office.post("first")
    office.post("second")
    assert office.drain().sent == 2
    assert new.texts == ["first", "second"]
    assert len(office.told) == 1
    assert "put -1009 into ALERT_CHATS" in office.reports


def test_a_chat_that_refuses_costs_one_report_and_holds_up_no_other(office: Office) -> None:
    office.server.chat(GROUP).refuses = "Forbidden: bot was kicked from the supergroup chat"
    office.post("one")
    office.post("two")
    office.post("elsewhere", OTHER)
    hour = timedelta(hours=1)
    assert office.drain() == Drained(sent=1, later=1, next_due=START + hour)
    assert office.server.chat(OTHER).texts == ["elsewhere"]
    office.clock.now += hour
    assert office.drain() == Drained(later=1, next_due=START + 2 * hour)
    assert office.states() == {"one": "pending", "two": "pending", "elsewhere": "sent"}
    [report] = office.told
    assert "bot was kicked from the supergroup chat" in report


def test_refused_markup_is_sent_plain_at_once(office: Office) -> None:
    office.post("", html="<p>630 signatures</p>", plain="630 signatures")
    assert office.drain().sent == 1
    assert office.server.chat(GROUP).texts == ["630 signatures"]


def test_a_refused_button_does_not_cost_the_message(office: Office) -> None:
    office.post("630", buttons=[[{"label": "Open", "url": "http://localhost/"}]])
    assert office.drain().sent == 1
    assert office.server.chat(GROUP).texts == ["630"]


def test_a_message_that_is_too_long_is_sent_in_short(office: Office) -> None:
    office.post("title", html="x" * (TEXT_LIMIT + 1), plain="x" * (TEXT_LIMIT + 1))
    assert office.drain().sent == 1
    assert office.server.chat(GROUP).texts == ["title"]


@pytest.mark.parametrize(("thread", "closed"), [(8, False), (7, True)])
def test_without_its_topic_a_message_goes_to_the_chat(office: Office, thread: int, closed: bool) -> None:
    if closed:
        office.server.chat(FORUM).closed_topics.add(thread)
    office.post("first", FORUM, thread)
    assert office.drain().sent == 1
    [message] = office.server.chat(FORUM).messages
    assert (message.text, message.thread) == ("first", None)
    assert f"Topic {thread} of chat {FORUM} is closed or gone" in office.reports


def test_what_nothing_mends_is_given_up_and_told(office: Office) -> None:
    office.post("bad")
    office.post("next")
    office.server.fail(refusal(400, "Bad Request: nothing mends this"))
    assert office.drain() == Drained(sent=1, dead=1)
    assert f"#A1 was not delivered to {GROUP}" in office.reports
    assert "nothing mends this" in office.reports.lower()


def test_a_chat_that_is_not_found_may_still_take_us_in(office: Office) -> None:
    office.allowed.add("-1")
    office.post("to nobody yet", -1)
    assert office.drain().later == 1
    assert "Chat not found" in office.reports
    office.server.add_chat(-1)
    office.wait(3600)
    assert office.drain().sent == 1


def test_with_a_refused_token_nothing_is_lost(office: Office) -> None:
    office.post("first")
    office.server.fail(bot_api.UNAUTHORIZED)
    assert office.drain().later == 1
    assert "Telegram refuses the bot's token" in office.reports
    office.wait(600)
    assert office.drain().sent == 1
    assert office.server.chat(GROUP).texts == ["first"]


def test_without_a_connection_it_tries_ever_more_rarely_and_never_marks_a_copy(store: Store) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    office = Office(store, BotApi(port=port))
    with office.server as closed:
        closed.add_chat(GROUP)
    office.post("first")
    waits = []
    for _ in range(3):
        next_due = office.drain().next_due
        assert next_due is not None
        waits.append((next_due - office.clock()).total_seconds())
        office.clock.now = next_due
    assert waits == [2, 4, 8]
    with BotApi(port=port) as server:
        office.server = server
        server.add_chat(GROUP)
        assert office.drain().sent == 1
        assert server.chat(GROUP).texts == ["first"]


def test_backoff_grows_to_five_minutes_and_no_further() -> None:
    assert [backoff(n).total_seconds() for n in (1, 8, 9, 5000)] == [2, 256, 300, 300]


@pytest.mark.parametrize(
    ("cause", "verdict"),
    [
        (httpx.ConnectError(""), Verdict.NOT_SENT),
        (httpx.ConnectTimeout(""), Verdict.NOT_SENT),
        (httpx.PoolTimeout(""), Verdict.NOT_SENT),
        (httpx.ReadTimeout(""), Verdict.UNKNOWN),
        (httpx.WriteTimeout(""), Verdict.UNKNOWN),
        (httpx.ReadError(""), Verdict.UNKNOWN),
        (httpx.WriteError(""), Verdict.UNKNOWN),
        (httpx.RemoteProtocolError(""), Verdict.UNKNOWN),
    ],
)
def test_only_what_never_had_a_connection_is_surely_not_sent(
    cause: httpx.HTTPError, verdict: Verdict
) -> None:
    error = NetworkError("something went wrong")
    error.__cause__ = cause
    assert sort_outcome(error).verdict is verdict


def test_an_outcome_never_quotes_the_token() -> None:
    assert bot_api.TOKEN not in sort_outcome(NetworkError(f"asked /bot{bot_api.TOKEN}/sendMessage")).why


IN_DOUBT = {
    "cut": bot_api.CUT,
    "bad gateway": bot_api.BAD_GATEWAY,
    "internal error": bot_api.INTERNAL_ERROR,
    "junk": bot_api.JUNK,
    "half an answer": Fault(200, b'{"ok":true,"result":{}}'),
    "silence": stalled(0.6, delivered=False),
}


@pytest.mark.parametrize("fault", IN_DOUBT.values(), ids=IN_DOUBT)
def test_what_is_in_doubt_is_sent_once_more_after_a_while_and_says_so(office: Office, fault: Fault) -> None:
    office.post("first")
    office.post("second")
    office.server.fail(fault)
    assert office.drain() == Drained(later=1, next_due=START + timedelta(seconds=30))
    assert office.server.chat(GROUP).texts == []
    office.wait(30)
    assert office.drain().sent == 2
    assert office.server.chat(GROUP).texts == [second_copy("first"), "second"]


@pytest.mark.parametrize(
    "fault",
    [
        bot_api.CUT_AFTER_DELIVERY,
        bot_api.BAD_GATEWAY_AFTER_DELIVERY,
        bot_api.JUNK_AFTER_DELIVERY,
        stalled(0.6, delivered=True),
    ],
    ids=["cut", "bad gateway", "junk", "silence"],
)
def test_a_second_copy_is_marked(office: Office, fault: Fault) -> None:
    office.post("first")
    office.server.fail(fault)
    office.drain_all()
    assert office.server.chat(GROUP).texts == ["first", second_copy("first")]
    assert office.told == []


def test_twice_in_doubt_is_unconfirmed_and_the_next_message_follows(office: Office) -> None:
    office.post("first")
    office.post("second")
    office.server.fail(bot_api.CUT, bot_api.CUT_AFTER_DELIVERY)
    office.drain_all()
    assert office.server.chat(GROUP).texts == [second_copy("first"), "second"]
    assert office.states() == {"first": "unconfirmed", "second": "sent"}
    assert "#A1 was sent twice" in office.reports


def test_a_second_copy_that_did_not_leave_is_still_marked_when_it_does(office: Office) -> None:
    office.post("first")
    office.server.fail(bot_api.CUT_AFTER_DELIVERY, rate_limited(1))
    office.drain_all()
    assert office.server.chat(GROUP).texts == ["first", second_copy("first")]


def test_every_form_of_a_second_copy_is_marked_and_fits(office: Office) -> None:
    longest = payload(Message((line("x" * 4000),), tuple(line("item") for _ in range(100))))
    office.post("", **longest)
    office.server.fail(bot_api.CUT, refusal(400, "Bad Request: can't parse entities"))
    office.drain_all()
    [text] = office.server.chat(GROUP).texts
    assert text == second_copy(longest["plain"])


def die_while_sending(office: Office) -> None:
    """Do what a sender does up to the moment after the call, and stop there."""
    assert office.take_lease()

    async def play() -> None:
        async with TelegramTransport(office.server.token, api_url=office.server.url) as telegram:
            [row] = office.store.outbox.due(office.clock())
            assert office.store.outbox.begin(InHand(row.id, office.clock()), office.claim, office.clock())
            letter = Letter.full(row.payload)
            again = row.state == "ambiguous"
            await telegram.send(row.chat, row.thread, letter.headed(RESENT) if again else letter)

    asyncio.run(play())


def start_again(office: Office) -> None:
    """Be another process, after the lease of the first has run out."""
    office.claim = office.claim._replace(owner=f"after {office.claim.owner}")
    office.wait(30)
    assert office.take_lease()


class Death(BaseException):
    """The process is dead."""


def die_at(office: Office, point: str) -> None:
    """Let the process die at a point while it sends, and be another one."""

    def die() -> None:
        raise Death

    crash.arm(crash.at(point, die))
    try:
        with pytest.raises(Death):
            office.drain()
    finally:
        crash.arm(None)
    start_again(office)


def test_after_a_death_in_the_middle_of_a_send_a_second_copy_is_marked(office: Office) -> None:
    office.post("first")
    die_while_sending(office)
    assert office.drain() == Drained()  # beside a living sender its rows are left alone
    start_again(office)
    office.drain_all()
    assert office.server.chat(GROUP).texts == ["first", second_copy("first")]


def test_after_two_deaths_there_is_no_third_copy(office: Office) -> None:
    office.post("first")
    die_while_sending(office)
    start_again(office)
    office.wait(30)
    die_while_sending(office)
    start_again(office)
    office.drain_all()
    assert office.server.chat(GROUP).texts == ["first", second_copy("first")]
    assert office.states() == {"first": "unconfirmed"}
    assert len(office.told) == 1


def test_without_the_lease_nothing_is_sent(office: Office) -> None:
    office.post("first")
    lose_lease(office)
    assert office.drain() == Drained(next_due=START)
    assert office.server.chat(GROUP).texts == []


def test_a_lease_lost_on_the_way_stops_the_rest(office: Office) -> None:
    office.post("first")
    office.post("second")

    office.server.fault = lambda call: lose_lease(office)
    assert office.drain().sent == 1
    assert office.server.chat(GROUP).texts == ["first"]


def lose_lease(office: Office) -> None:
    """Let another process take the lease."""
    office.store.lease.release(office.claim)
    assert office.store.outbox.take_over(US._replace(owner="others"), office.clock(), timedelta())


def test_a_chat_that_was_taken_out_of_the_settings_gets_nothing(office: Office) -> None:
    office.post("first")
    office.post("second")
    office.allowed.clear()
    assert office.drain() == Drained(dead=2)
    assert office.server.chat(GROUP).texts == []
    [report] = office.told
    assert f"What waits for chat {GROUP} is dropped, from #A1 on" in report


def test_a_report_that_cannot_be_delivered_is_not_reported_again(office: Office) -> None:
    office.server.fail(refusal(400, "Bad Request: nothing mends this"))
    office.post("a report", kind="delivery")
    assert office.drain().dead == 1
    assert office.told == []


def test_a_chat_has_its_time_between_messages_while_others_are_served(office: Office) -> None:
    for text in ("1", "2", "3"):
        office.post(text, GROUP)
        office.post(text, OTHER)

    async def play() -> float:
        async with office.sender(spacing=0.15) as sender:
            begun = time.monotonic()
            await sender.drain()
            return time.monotonic() - begun

    assert asyncio.run(play()) < 0.6
    for chat in (GROUP, OTHER):
        times = [message.date for message in office.server.chat(chat).messages]
        gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(times)]
        assert min(gaps) >= 0.14


def test_a_message_on_its_way_is_waited_for_when_the_sender_is_stopped(store: Store) -> None:
    arrived = threading.Event()

    def answer_slowly(chat: object, message: object) -> None:
        arrived.set()
        time.sleep(0.15)

    with BotApi(on_message=answer_slowly) as server:
        server.add_chat(GROUP)
        office = Office(store, server)
        office.post("first")
        office.post("second")

        async def play() -> None:
            async with office.sender() as sender:
                draining = asyncio.create_task(sender.drain())
                await asyncio.to_thread(arrived.wait, 5)
                draining.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await draining

        asyncio.run(play())
        assert server.chat(GROUP).texts == ["first"]
        assert office.states() == {"first": "sent", "second": "pending"}


@pytest.mark.parametrize("poked", [True, False], ids=["poked", "left to look by itself"])
def test_a_running_sender_sends_what_comes_and_ends_when_it_is_told(store: Store, poked: bool) -> None:
    arrived = threading.Event()
    with BotApi(on_message=lambda chat, message: arrived.set()) as server:
        server.add_chat(GROUP)
        office = Office(store, server)

        async def play() -> None:
            stop = asyncio.Event()
            async with office.sender(look_again=60.0 if poked else 0.05) as sender:
                running = asyncio.create_task(sender.run(stop))
                await asyncio.sleep(0.05)
                await asyncio.to_thread(office.post, "first")
                if poked:
                    sender.poke()
                assert await asyncio.to_thread(arrived.wait, 5)
                stop.set()
                await asyncio.wait_for(running, 5)

        asyncio.run(play())
        assert office.states() == {"first": "sent"}


def test_the_console_shows_plain_text_under_the_name_of_the_chat(office: Office) -> None:
    office.allowed = {"console"}
    with office.store.writing() as tx:
        content = payload(Message((line(bold("630 <new>")), line("up 1"))))
        parcel = Parcel("console", content)
        tx.add_alert(NewAlert(1, "source", "test", "fact", "630", parcels=(parcel,)), START)
    shown = io.StringIO()
    asyncio.run(office.sender_to(lambda chat: ConsoleTransport(shown), spacing=60).drain())
    assert shown.getvalue() == "→ console\n630 <new>\nup 1\n\n"
    assert office.states() == {"630": "sent"}


def test_the_log_gets_the_plain_text(caplog: pytest.LogCaptureFixture) -> None:
    letter = Letter("A source cannot be read", html="<b>A source</b> cannot be read")
    asyncio.run(LogTransport(logging.getLogger("figurewatch")).send("log", None, letter))
    assert caplog.messages == ["A source cannot be read"]


def test_the_token_is_in_no_log_whatever_happens(office: Office) -> None:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    root = logging.getLogger()
    levels = {name: logging.getLogger(name).level for name in ("root", "httpx", "httpcore")}
    root.addHandler(handler)
    try:
        keep_secrets([handler], [office.server.token])
        for name in levels:
            logging.getLogger(name).setLevel(logging.DEBUG)
        for number, fault in enumerate((bot_api.CUT, bot_api.JUNK, bot_api.UNAUTHORIZED, bot_api.KICKED)):
            office.post(f"message {number}")
            office.server.fail(fault)
        office.drain_all()
    finally:
        root.removeHandler(handler)
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
    assert "/bot[secret]/sendMessage" in written.getvalue()
    assert office.server.token not in written.getvalue()
    assert office.server.token not in repr(office.told)


FAULTS = (
    *IN_DOUBT.values(),
    bot_api.CUT_AFTER_DELIVERY,
    bot_api.BAD_GATEWAY_AFTER_DELIVERY,
    bot_api.JUNK_AFTER_DELIVERY,
    rate_limited(3),
    bot_api.UNAUTHORIZED,
    bot_api.BLOCKED,
)


@pytest.mark.parametrize("seed", range(20))
def test_with_every_third_call_faulty_nothing_is_lost_in_silence(office: Office, seed: int) -> None:
    chance = random.Random(seed)
    quick = [fault for fault in FAULTS if not fault.stall]
    office.server.fault = lambda call: chance.choice(quick) if chance.random() < 0.35 else None
    office.pace = replace(office.pace, unit=0.001)
    sent = {chat: [f"{chat}/{number}" for number in range(8)] for chat in (GROUP, OTHER)}
    for number in range(8):
        for chat in sent:
            office.post(sent[chat][number], chat)
    office.drain_all()
    states = office.states()
    reports = office.reports
    for chat, texts in sent.items():
        shown = office.server.chat(chat).texts
        for text in texts:
            copies = [copy for copy in shown if copy.removeprefix(f"{RESENT}\n") == text]
            assert copies in ([], [text], [second_copy(text)], [text, second_copy(text)])
            match states[text]:
                case "sent":
                    assert copies
                case "unconfirmed":
                    assert f"#A{2 * int(text[-1]) + (chat == OTHER) + 1} was sent twice" in reports
                case "dead":
                    assert f"was not delivered to {chat}" in reports
                case state:
                    pytest.fail(f"{text} was left {state}")
        order = [copy.removeprefix(f"{RESENT}\n") for copy in shown]
        assert order == sorted(order)


@pytest.mark.parametrize("state", ["sending", "sent", "ambiguous"])
def test_a_store_that_fails_for_a_while_loses_and_doubles_nothing(
    office: Office, caplog: pytest.LogCaptureFixture, state: str
) -> None:
    if state == "ambiguous":
        office.server.fail(bot_api.CUT)
    for text in ("first", "second"):
        office.post(text)
    database = sqlite3.connect(office.store.shown.removeprefix("sqlite:///"), isolation_level=None)
    database.execute(
        "CREATE TRIGGER full BEFORE UPDATE ON outbox "
        f"WHEN NEW.state = '{state}' BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END"
    )

    async def play() -> None:
        stop = asyncio.Event()
        async with office.sender(look_again=0.02, doubt=0) as sender:
            running = asyncio.create_task(sender.run(stop))
            for _ in range(500):
                if caplog.text.count("could not be written; trying again") > 1:
                    break
                await asyncio.sleep(0.01)
            assert office.server.chat(GROUP).texts == (["first"] if state == "sent" else [])
            database.execute("DROP TRIGGER full")
            sender.heard = lambda row, outcome: stop.set() if row.alert == 2 else None
            await asyncio.wait_for(running, 5)

    asyncio.run(play())
    database.close()
    first = second_copy("first") if state == "ambiguous" else "first"
    assert office.server.chat(GROUP).texts == [first, "second"]
    assert set(office.states().values()) == {"sent"}


# What is known of chats.


def test_a_chat_that_takes_messages_again_gets_what_was_kept(office: Office) -> None:
    office.server.kick(GROUP)
    office.post("one")
    office.post("two")
    assert office.drain().later == 1
    office.server.take_in(GROUP)
    assert office.drain().sent == 0

    async def hear_of_it() -> None:
        async with office.sender() as sender:
            await sender.resume(str(GROUP))
            await sender.drain()

    asyncio.run(hear_of_it())
    assert office.server.chat(GROUP).texts == ["one", "two"]
    assert f"Chat {GROUP} takes messages again" in office.told[1]


def test_a_paused_chat_is_tried_once_an_hour_and_its_return_is_told(office: Office) -> None:
    office.server.kick(GROUP)
    office.post("one")
    office.drain()
    office.server.take_in(GROUP)
    office.wait(3600)
    assert office.drain().sent == 1
    assert ["takes no messages" in said for said in office.told] == [True, False]
    assert f"Chat {GROUP} takes messages again" in office.told[1]
    assert office.store.chats()[str(GROUP)].paused is None


def test_where_a_chat_went_is_known_to_the_next_process_and_told_once(office: Office) -> None:
    office.server.migrate(GROUP, -1009)
    office.post("first")
    office.drain()
    office.post("second")
    before = len(office.server.calls)
    office.drain()
    assert [call.text("chat_id") for call in office.server.calls[before:]] == ["-1009"]
    assert len(office.told) == 1


def test_a_chat_is_allowed_by_its_id_of_old_and_of_now(office: Office) -> None:
    office.server.migrate(GROUP, -1009)
    office.post("first")
    office.drain()
    office.post("second")
    office.allowed = {"-1009"}
    assert office.drain().sent == 1
    assert office.server.chat(-1009).texts == ["first", "second"]


def test_what_telegram_says_of_a_move_is_followed_before_anything_is_sent(office: Office) -> None:
    office.server.migrate(GROUP, -1009)
    office.post("first")

    async def hear_of_it() -> None:
        async with office.sender() as sender:
            await sender.moved(str(GROUP), "-1009")
            await sender.moved("-77", "-78")  # nobody we know
            await sender.drain()

    asyncio.run(hear_of_it())
    assert [call.text("chat_id") for call in office.server.calls] == ["-1009"]
    assert "became a supergroup" in office.reports
    assert office.store.chats().keys() == {str(GROUP)}


def test_a_topic_that_is_gone_is_told_once(office: Office) -> None:
    for text in ("first", "second"):
        office.post(text, FORUM, 8)
    office.drain()
    assert office.server.chat(FORUM).texts == ["first", "second"]
    assert len(office.told) == 1


def test_a_move_that_is_heard_of_while_a_message_is_on_its_way_costs_nothing(store: Store) -> None:
    with BotApi() as server:
        server.add_chat(GROUP)
        office = Office(store, server)
        office.post("first")

        async def play() -> None:
            async with office.sender() as sender:
                loop = asyncio.get_running_loop()

                def move(call: Call) -> None:
                    if server.chat(GROUP).moved_to is None:
                        server.migrate(GROUP, -1009)
                        asyncio.run_coroutine_threadsafe(sender.moved(str(GROUP), "-1009"), loop).result(5)

                server.fault = move
                while (next_due := (await sender.drain()).next_due) is not None:
                    office.clock.now = next_due

        asyncio.run(play())
        assert server.chat(-1009).texts == ["first"]
        assert len(office.told) == 1


def test_a_forum_whose_general_topic_is_closed_keeps_its_messages(office: Office) -> None:
    office.server.fail(refusal(400, "Bad Request: TOPIC_CLOSED"))
    office.post("first", FORUM)
    assert office.drain().later == 1
    office.wait(3600)
    assert office.drain().sent == 1


# Old news.


def test_old_news_says_when_it_was_found(office: Office) -> None:
    office.post("<630>")
    office.wait(6 * 3600 + 1)
    office.post("<631>")
    office.drain()
    assert office.server.chat(GROUP).texts == [
        "(late: this was found on 14 May 2026, 09:30)\n<630>",
        "<631>",
    ]


def test_a_late_second_copy_says_both(office: Office) -> None:
    office.post("630")
    office.server.fail(bot_api.CUT_AFTER_DELIVERY)
    office.drain()
    office.wait(24 * 3600)
    office.drain()
    assert office.server.chat(GROUP).texts[1].splitlines() == [
        RESENT,
        "(late: this was found on 14 May 2026, 09:30)",
        "630",
    ]


# What is never sent twice.


def test_what_is_to_be_sent_once_is_never_sent_again(office: Office) -> None:
    office.post("a digest", once=True)
    office.post("next")
    office.server.fail(bot_api.CUT)
    assert office.drain() == Drained(sent=1, unconfirmed=1)
    assert office.server.chat(GROUP).texts == ["next"]
    assert "#A1 was sent to" in office.reports


def test_nor_after_a_death_in_the_middle(office: Office) -> None:
    office.post("a digest", once=True)
    die_while_sending(office)
    start_again(office)
    office.drain_all()
    assert office.server.chat(GROUP).texts == ["a digest"]
    assert office.states() == {"a digest": "unconfirmed"}


# How a release was told.


def release(office: Office, *chats: int) -> None:
    """Tell some chats of a release that was published 41 seconds ago."""
    published = {"published": (START - timedelta(seconds=41)).isoformat()}
    parcels = tuple(Parcel(str(chat), payload(Message((line("March 2026"),)))) for chat in chats)
    with office.store.writing() as tx:
        number = tx.next_alert_id()
        alert = NewAlert(number, "source", "release", f"release {number}", "March", published, parcels)
        assert tx.add_alert(alert, office.clock())


def first_lines(office: Office) -> list[str]:
    return [said.splitlines()[0] for said in office.told]


def test_a_release_that_all_were_told_of_is_one_line_to_the_operator(office: Office) -> None:
    release(office, GROUP, OTHER, FORUM)
    office.drain()
    office.drain()
    assert first_lines(office) == ["📬 #A1 told: 3 of 3 chats, 41 s after publication"]


def test_it_names_who_was_not_told(office: Office) -> None:
    release(office, GROUP, OTHER)
    office.server.fault = lambda call: (
        refusal(400, "Bad Request: nothing mends this") if call.text("chat_id") == str(OTHER) else None
    )
    office.drain()
    [said] = [said for said in office.told if " told: " in said]
    assert said.splitlines()[:2] == [
        "⚠️ #A1 told: 1 of 2 chats, 41 s after publication",
        f"{OTHER}: not delivered (BadRequest: Nothing mends this)",
    ]


def test_a_release_that_is_still_on_its_way_after_ten_minutes_is_said_once(office: Office) -> None:
    office.server.kick(OTHER)
    release(office, GROUP, OTHER)
    office.drain()
    assert not [said for said in first_lines(office) if " told: " in said]
    office.wait(600)
    office.drain()
    office.server.take_in(OTHER)
    office.wait(3600)
    office.drain_all()
    assert office.server.chat(OTHER).texts == ["March 2026"]
    [said] = [said for said in office.told if " told: " in said]
    assert said.startswith("⚠️ #A1 told: 1 of 2 chats, 41 s after publication")
    assert f"{OTHER}: still waiting (Forbidden" in said


@pytest.mark.parametrize("point", ["sender:begun", "sender:called", "sender:posted", "sender:done"])
def test_a_release_is_reported_once_wherever_the_process_dies(office: Office, point: str) -> None:
    release(office, GROUP, OTHER)
    die_at(office, f"{point}:2")
    office.drain_all()
    [said] = [said for said in office.told if " told: " in said]
    assert said.startswith("📬 #A1 told: 2 of 2 chats")


def test_a_release_to_the_console_alone_is_not_reported(office: Office) -> None:
    office.allowed = {"console"}
    with office.store.writing() as tx:
        parcel = Parcel("console", payload(Message((line("March 2026"),))))
        tx.add_alert(NewAlert(1, "source", "release", "fact", "March", parcels=(parcel,)), START)
    asyncio.run(office.sender_to(lambda chat: ConsoleTransport(io.StringIO())).drain())
    assert office.told == []


# Limits.


class RealClock(Clock):
    """A clock that moves by itself."""

    def __call__(self) -> datetime:
        return datetime.now(UTC)


@dataclass
class Refusing:
    """Refuses the first calls with 429."""

    left: int

    def __call__(self, call: Call) -> Fault | None:
        self.left -= 1
        return rate_limited(2) if self.left >= 0 else None


@pytest.mark.parametrize(("refused", "silence"), [(1, 0.0), (2, 0.3)])
def test_a_second_chat_that_must_wait_holds_all_of_them(store: Store, refused: int, silence: float) -> None:
    with BotApi(open_house=True) as server:
        pace = Pace(spacing=0, even=0.05, window=0, unit=0.1, look_again=0.05)
        office = Office(store, server, RealClock(), pace=pace)
        server.fault = Refusing(refused)
        for chat in (GROUP, OTHER, FORUM):
            office.post("x", chat)

        async def play() -> None:
            stop = asyncio.Event()
            async with office.sender() as sender:
                sender.heard = lambda row, outcome: stop.set() if len(server.spans) == 3 + refused else None
                await asyncio.wait_for(sender.run(stop), 10)

        asyncio.run(play())
        assert office.store.outbox.counts()["sent"] == 3
        last_refused, following = server.spans[refused - 1 : refused + 1]
        assert silence <= following.begun - last_refused.ended < silence + 0.25


@pytest.mark.parametrize("latency", [0.0, 0.03])
def test_a_group_gets_its_limit_in_a_minute_and_no_more_whoever_sends(store: Store, latency: float) -> None:
    def answer_slowly(chat: object, message: object) -> None:
        time.sleep(latency)

    limits = Limits(unit=0.02, burst=30, overall=1000)
    with BotApi(open_house=True, limits=limits, on_message=answer_slowly) as server:
        unit = 0.02  # what a second lasts
        pace = Pace(spacing=0, even=0, window=61 * unit, unit=unit, late=6 * 3600 * unit)
        office = Office(store, server, RealClock(), pace=pace)
        for number in range(30):
            office.post(str(number))

        async def play(most: int) -> None:
            stop = asyncio.Event()
            server.fault = lambda call: stop.set() if len(server.calls) == most else None
            async with office.sender(answer=20) as sender:
                await sender.drain(stop)

        asyncio.run(play(most=10))
        assert len(server.chat(GROUP).texts) == 10
        asyncio.run(play(most=30))
        assert len(server.chat(GROUP).texts) == 30
        assert server.refusals == 0
        begun, ended = server.spans[0].begun, server.spans[-1].ended
        assert 1.2 <= ended - begun < 3
