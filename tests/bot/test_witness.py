"""A release that its page tells first: what the chats show, whatever becomes of the page and of the file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest

from bot.operate import crash
from bot.rules.periods import shifted
from bot.rules.petition import Marks
from bot.rules.witness import differences, packed, unpacked, with_said
from scrapers.toolkit.contract import ENGLAND, Figure, Measure, Statement, Unit
from tests.bot.desk import working
from tests.bot.house import TEAM, House, open_house
from tests.fakes.bot_api import refusal
from tests.fakes.nhs import Issue, Nhs, england, introduction, month_file

MONTHLY = "talking_therapies_monthly"
READING = "From the page; the file is being read."
UNCONFIRMED = "From the page; the file is not yet confirmed."
RECOVERY = Measure("M195", "Reliable recovery", Unit.PERCENT)
REFERRALS = Measure("M001", "Referrals received", Unit.COUNT)


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    """Give a house on each kind of database."""
    with open_house(database_url) as house:
        yield house


@pytest.fixture
def nhs(house: House) -> Nhs:
    """Give the publisher with February and March 2026 out and read, and April announced."""
    nhs = Nhs(house.sites)
    for period, day, referrals in (
        ("2026-02", date(2026, 4, 9), 151_810),
        ("2026-03", date(2026, 5, 14), 163_100),
    ):
        nhs.issues[period] = issue(period, day, england(referrals))
    nhs.publish(Issue("2026-04", expected="11 Jun 2026"))
    asyncio.run(house.backfill(MONTHLY))
    asyncio.run(house.check(MONTHLY))
    house.now = datetime(2026, 6, 11, 8, 30, 41, tzinfo=UTC)
    return nhs


def issue(period: str, published: date, figures: Mapping[str, float], **more: Any) -> Issue:
    """Return a release that is out, with the chapter that says its figures."""
    said: dict[str, Any] = {"introduction": introduction(period, figures)}
    body = month_file(period, figures).encode()
    return Issue(period, published, body=body, edited="14 May 2026 9:30 am", **(said | more))


def april(nhs: Nhs, said: Mapping[str, float] | None = None, **more: Any) -> None:
    """Let April come out; its page says `said`, where that is not what the file says."""
    figures = england(140_001)
    if said:
        more["introduction"] = introduction("2026-04", {**figures, **said})
    nhs.publish(issue("2026-04", date(2026, 6, 11), figures, **more))


def remember_a_year(house: House, nhs: Nhs) -> None:
    """Let the store know enough months to say what is hard to believe."""
    for back in range(2, 13):
        period = shifted("2026-03", -back)
        nhs.issues[period] = issue(
            period, date.fromisoformat(f"{shifted(period, 2)}-12"), england(150_000 + back)
        )
    nhs.serve()
    asyncio.run(house.backfill(MONTHLY))


def told(house: House) -> list[str]:
    """Return what the team's chat shows but for the line on how many series were judged."""
    return [text for text in house.team if not text.startswith("🔎")]


def chapters_asked(house: House, nhs: Nhs) -> int:
    return len(house.sites.asked(nhs.issues["2026-04"].chapter_url))


class Death(BaseException):
    """The process is dead."""


async def tell_early(house: House) -> None:
    """Look, and die when the page was told and before the file is read; then send what there is."""

    def die() -> None:
        raise Death

    crash.arm(crash.at("commit:done", die))
    try:
        with pytest.raises(Death):
            await house.check(MONTHLY)
    finally:
        crash.arm(None)
    async with house.desk() as desk:
        assert desk.take_lease()
        await desk.sender.drain()
        desk.drop_lease()


async def acknowledge(house: House) -> None:
    """Mark the newest message as handled, and let that be seen."""
    async with working(house) as team:
        chat = house.telegram.chat(TEAM)
        number = chat.texts[-1].rpartition("#")[2]
        assert "is marked as handled" in await team.say(chat, f"/ack {number}")
        chat.messages.pop()
        await team.deliver()
        team.desk.drop_lease()


def test_a_release_is_one_message_that_the_file_completes(house: House, nhs: Nhs) -> None:
    april(nhs)
    asyncio.run(tell_early(house))
    [early] = told(house)
    assert early.splitlines()[0] == "📊 NHS Talking Therapies, monthly, England: April 2026"
    assert early.splitlines()[1] == READING
    assert "Referrals received 140,001 (163,100)" in early
    assert "Within 6 weeks 88.3% (88.3%) of those finished" in early
    assert "Treated once only" not in early
    assert "seen 09:30:41" in early
    asyncio.run(acknowledge(house))
    house.later(minutes=1)
    asyncio.run(house.check(MONTHLY))
    [whole] = told(house)
    assert whole.startswith(f"✔️ Handled by a member of the team\n{early.splitlines()[0]}\n")
    assert READING not in whole
    assert "Treated once only 40.8%" in whole
    assert "seen 09:30:41" in whole
    assert early.splitlines()[-1] == whole.splitlines()[-1]
    assert house.operator == []
    house.later(hours=1)
    asyncio.run(house.check(MONTHLY))
    assert told(house) == [whole]
    [message] = house.telegram.chat(-1001).messages
    assert message.edited
    assert [button["text"] for button in message.buttons[-1]] == ["Why", "Quote", "Mute 1 h"]


def test_what_was_not_sent_when_the_file_was_read_is_sent_whole(house: House, nhs: Nhs) -> None:
    april(nhs)
    asyncio.run(house.check(MONTHLY))
    [whole] = told(house)
    assert READING not in whole
    assert house.telegram.chat(-1001).messages[0].edited is None
    assert chapters_asked(house, nhs) == 1


def test_a_worker_sends_what_the_page_says_while_the_file_is_read(house: House, nhs: Nhs) -> None:
    april(nhs)
    file = nhs.issues["2026-04"]
    house.sites.put(file.file_url, file.body, content_type="text/csv", delay=0.3)

    async def until(shows: Callable[[], bool]) -> None:
        for _ in range(200):
            if shows():
                return
            await asyncio.sleep(0.02)

    async def story() -> str:
        async with house.desk() as desk:
            assert desk.take_lease()
            stop = asyncio.Event()
            sending = asyncio.create_task(desk.sender.run(stop))
            look = asyncio.create_task(desk.checker.round(desk.campaign.sources))
            await until(lambda: bool(told(house)))
            early = told(house)[0]
            await look
            desk.sender.poke()
            await until(lambda: READING not in told(house)[0])
            stop.set()
            await sending
            return early

    assert READING in asyncio.run(story())
    [whole] = told(house)
    assert READING not in whole
    assert "Treated once only" in whole


def test_where_page_and_file_differ_the_team_is_told_once(house: House, nhs: Nhs) -> None:
    april(nhs, {"M001": 140_100})

    async def story() -> None:
        await house.check(MONTHLY)
        await house.check(MONTHLY)

    asyncio.run(story())
    whole, differs = told(house)
    assert "Referrals received 140,001" in whole
    assert differs.splitlines()[:2] == [
        "⚖️ Page and file differ: NHS Talking Therapies, monthly, April 2026",
        "Referrals received (M001): the page says 140,100, the file 140,001",
    ]


def test_a_death_between_page_and_file_loses_neither_the_message_nor_the_difference(
    house: House, nhs: Nhs
) -> None:
    april(nhs, {"M001": 140_100})

    async def story() -> None:
        await tell_early(house)
        await house.check(MONTHLY)

    asyncio.run(story())
    whole, differs = told(house)
    assert "Referrals received 140,001" in whole
    assert READING not in whole
    assert "the page says 140,100, the file 140,001" in differs
    assert chapters_asked(house, nhs) == 1


def test_where_the_page_cannot_be_edited_the_whole_message_follows(house: House, nhs: Nhs) -> None:
    april(nhs)

    async def story() -> None:
        await tell_early(house)
        house.telegram.fail(refusal(400, "Bad Request: message can't be edited"), method="editMessageText")
        await house.check(MONTHLY)

    asyncio.run(story())
    early, whole = told(house)
    assert READING in early
    assert whole.startswith("(updated: this takes the place of an earlier message)\n📊")
    assert house.telegram.chat(-1001).messages[1].reply_to == 1


@pytest.mark.parametrize("fate", ["refused", "held", "not there", "not answered"])
def test_what_the_file_does_not_confirm_is_marked_until_it_does(house: House, nhs: Nhs, fate: str) -> None:
    if fate == "held":
        remember_a_year(house, nhs)
    april(nhs)
    whole_file, url = nhs.issues["2026-04"].body, nhs.issues["2026-04"].file_url
    if fate == "refused":
        nhs.change("2026-04", body=b"REPORTING_PERIOD_START\n")
    if fate == "held":
        nhs.change("2026-04", body=month_file("2026-04", england(1_400_010)).encode())
    if fate == "not there":
        house.sites.remove(url)
    if fate == "not answered":
        house.sites.fail(url, 503)

    async def look_twice() -> None:
        await house.check(MONTHLY)
        house.later(minutes=1)
        await house.check(MONTHLY)

    asyncio.run(tell_early(house))
    asyncio.run(look_twice())
    [marked] = told(house)
    assert marked.splitlines()[1] == UNCONFIRMED
    assert "Referrals received 140,001" in marked
    house.sites.mend(url)
    nhs.change("2026-04", body=whole_file, edited="11 June 2026 10:07 am")
    asyncio.run(look_twice())
    [whole] = told(house)
    assert UNCONFIRMED not in whole
    assert "Treated once only" in whole


def test_what_the_operator_believes_after_all_completes_the_message(house: House, nhs: Nhs) -> None:
    remember_a_year(house, nhs)
    april(nhs)
    nhs.change("2026-04", body=month_file("2026-04", england(1_400_010)).encode())

    async def story() -> None:
        await tell_early(house)
        await house.check(MONTHLY)
        async with house.desk() as desk:
            with desk.store.reading() as tx:
                [held] = tx.held()
            [source] = desk.campaign.chosen([MONTHLY])
            desk.checker.committer.believe(source, held, Marks(), house.now)
            assert desk.take_lease()
            await desk.sender.drain()
            desk.drop_lease()

    asyncio.run(story())
    whole, differs = told(house)
    assert "Referrals received 1,400,010" in whole
    assert UNCONFIRMED not in whole
    assert "the page says 140,001, the file 1,400,010" in differs


@pytest.mark.parametrize(
    "fate", ["no chapter", "gone", "not answered", "silent", "redesigned", "implausible", "wrong month"]
)
def test_without_a_page_that_can_be_read_the_file_is_told_alone(house: House, nhs: Nhs, fate: str) -> None:
    if fate == "implausible":
        remember_a_year(house, nhs)
    april(nhs)
    chapter = nhs.issues["2026-04"].chapter_url
    match fate:
        case "no chapter":
            nhs.change("2026-04", introduction=())
        case "gone":
            house.sites.remove(chapter)
        case "not answered":
            house.sites.fail(chapter, 503)
        case "silent":
            house.sites.fail(chapter, "hang")
        case "redesigned":
            nhs.change("2026-04", introduction=["133,908 referrals, all of them new, were received."])
        case "implausible":
            april(nhs, {"M001": 1_400_010})
        case "wrong month":
            nhs.change("2026-04", introduction=introduction("2026-03", england(163_100)))

    async def story() -> None:
        await house.check(MONTHLY)
        await house.check(MONTHLY)

    asyncio.run(story())
    [whole] = told(house)
    assert "Referrals received 140,001" in whole
    assert "Treated once only" in whole
    unread = [
        text for text in house.operator if text.startswith("📄 A page of figures in words cannot be read")
    ]
    assert len(unread) == (fate in ("gone", "redesigned", "wrong month"))
    assert house.operator == unread
    assert all(trouble is None for trouble in troubles(house))


def troubles(house: House) -> list[object]:
    with house.store() as store, store.reading() as tx:
        return [state.trouble for state in tx.sources().values()]


def test_neither_a_first_look_nor_a_backfill_nor_a_correction_asks_for_the_page(
    house: House, nhs: Nhs
) -> None:
    assert not [request for request in house.sites.requests if "introduction" in request.url]
    april(nhs)
    asyncio.run(house.check(MONTHLY))
    body = month_file("2026-04", england(150_000)).encode()
    nhs.change("2026-04", body=body, edited="12 June 2026 10:07 am")
    asyncio.run(house.check(MONTHLY))
    assert told(house)[-1].startswith("✏️ Corrected")
    assert chapters_asked(house, nhs) == 1


def test_a_page_that_came_back_after_the_file_was_told_adds_nothing(house: House, nhs: Nhs) -> None:
    april(nhs)
    chapter = nhs.issues["2026-04"].chapter_url
    house.sites.fail(chapter, 503)
    asyncio.run(house.check(MONTHLY))
    house.sites.mend(chapter)
    asyncio.run(house.check(MONTHLY))
    assert len(told(house)) == 1
    assert house.telegram.chat(-1001).messages[0].edited is None


@pytest.mark.parametrize("point", ["commit:due", "post:begun", "post:done", "commit:done"])
@pytest.mark.parametrize("time", [1, 2])
def test_wherever_the_process_dies_there_is_one_whole_message(
    house: House, nhs: Nhs, point: str, time: int
) -> None:
    april(nhs)

    def die() -> None:
        raise Death

    async def story() -> None:
        crash.arm(crash.at(f"{point}:{time}", die))
        try:
            with pytest.raises(Death):
                await house.check(MONTHLY)
        finally:
            crash.arm(None)
        await house.check(MONTHLY)

    asyncio.run(story())
    [whole] = told(house)
    assert READING not in whole
    assert "Treated once only" in whole


# What differs.


@pytest.mark.parametrize(
    ("page", "decimals", "file", "differs"),
    [
        (48.4, 1, 48.4, False),
        (48.4, 1, 48.36, False),
        (48.4, 1, 48.35, False),  # rounded half up, as the publisher does
        (48.4, 1, 48.9, True),
        (48, 0, 48.4, False),
        (91, 0, 90.4, True),
        (48.4, 1, None, True),
    ],
)
def test_page_and_file_are_compared_at_the_precision_of_the_page(
    page: float, decimals: int, file: float | None, differs: bool
) -> None:
    said = [Statement(Figure(RECOVERY, ENGLAND, "2026-04", page), decimals)]
    assert bool(differences(said, [Figure(RECOVERY, ENGLAND, "2026-04", file)])) is differs


def test_what_the_file_does_not_hold_cannot_differ() -> None:
    said = [Statement(Figure(REFERRALS, ENGLAND, "2026-04", 5.0))]
    assert differences(said, [Figure(REFERRALS, ENGLAND, "2026-03", 6.0)]) == ()
    assert differences(said, []) == ()


def test_a_percentage_that_a_page_rounds_to_a_whole_one_is_compared_and_not_shown() -> None:
    said = [
        Statement(Figure(RECOVERY, ENGLAND, "2026-04", 48.0)),
        Statement(Figure(REFERRALS, ENGLAND, "2026-04", 5.0)),
    ]
    assert with_said({"M001": {"2026-03": 4.0}}, said) == {"M001": {"2026-03": 4.0, "2026-04": 5.0}}
    assert unpacked(packed(said), ENGLAND, "2026-04") == tuple(said)
