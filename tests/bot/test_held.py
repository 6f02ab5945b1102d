"""What is hard to believe: the operator is asked, and until the answer nobody else is told anything."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from bot import held
from bot.campaign import parse_campaign
from bot.check import Result
from bot.desk import open_desk
from bot.held import NotHeld
from bot.rules.periods import shifted
from state.store import Store
from tests.bot.desk import OPERATOR_PERSON, working
from tests.bot.house import OPERATOR, QUICK, House, open_house, sqlite
from tests.bot.test_whole_way import PARLIAMENT, count_now
from tests.fakes.nhs import Issue, Nhs, england, month_file

MONTHLY = "talking_therapies_monthly"
RELEASED = datetime(2026, 6, 11, 8, 30, 20, tzinfo=UTC)
PROVIDERS = {
    f"R{number:02}": {"M001": 900 + 10 * number, "M076": 300 + number, "M184": 200 + 3 * number}
    for number in range(25)
}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Give a house that knows nothing yet."""
    with open_house(sqlite(tmp_path)) as house:
        yield house


@pytest.fixture
def nhs(house: House) -> Nhs:
    """Give the publisher with April announced, and a house that has read all before it."""
    return publisher(house)


def publisher(house: House) -> Nhs:
    """Return the publisher with fourteen months out and April announced, all of which the house has read."""
    nhs = Nhs(house.sites)
    for months in range(14):
        period = shifted("2026-03", -months)
        out = date.fromisoformat(f"{shifted(period, 2)}-10")
        content = body(period, 163_100 - 700 * months)
        nhs.issues[period] = Issue(period, out, body=content, edited="14 May 2026 9:30 am")
    nhs.publish(Issue("2026-04", expected="11 Jun 2026"))
    asyncio.run(know_the_past(house))
    return nhs


async def know_the_past(house: House) -> None:
    await house.check()
    await house.backfill(MONTHLY)


def body(period: str, referrals: int = 160_000, **providers: dict[str, object]) -> bytes:
    """Return a month's file with England and 25 providers, some of them replaced."""
    return month_file(period, england(referrals), {**PROVIDERS, **providers}).encode()


def come_out(house: House, nhs: Nhs, content: bytes) -> Result:
    """Let April come out with this file, and look at it."""
    house.now = RELEASED
    nhs.publish(Issue("2026-04", date(2026, 6, 11), body=content, edited="11 June 2026 9:30 am"))
    (result,) = asyncio.run(house.check())
    return result


async def decide(house: House, verdict: str, number: str) -> None:
    """Decide as another process does, and deliver."""
    campaign = parse_campaign(house.campaign, "campaign.toml")
    store = Store.open(house.database_url)
    try:
        async with open_desk(house.settings(), campaign, store, clock=lambda: house.now, pace=QUICK) as desk:
            if verdict == "release":
                held.release(desk.checker.committer, campaign, number, desk.clock)
            else:
                held.reject(desk.checker.committer, number, desk.clock)
            assert desk.take_lease()
            await desk.sender.drain()
            desk.drop_lease()
    finally:
        store.close()


async def write(house: House, command: str) -> str:
    """Write a command in the operator's chat, and deliver; return what is answered."""
    async with working(house) as team:
        chat = house.telegram.chat(OPERATOR)
        chat.admins = {OPERATOR_PERSON}
        said = await team.say(chat, command, user=OPERATOR_PERSON)
        await team.deliver()
        team.desk.drop_lease()
    return said


def of_april(house: House) -> list[tuple[str, float | None]]:
    """Return England's figures of April as stored."""
    with house.store() as store, store.reading() as tx:
        return [(f.measure, f.value) for f in tx.figures(MONTHLY, None, "England") if f.period == "2026-04"]


def asked_for_the_file(house: House) -> int:
    return len(house.sites.asked(Issue("2026-04").file_url))


def test_a_figure_that_is_ten_times_too_large_is_held_and_only_the_operator_is_told(
    house: House, nhs: Nhs
) -> None:
    told = len(house.team)
    result = come_out(house, nhs, body("2026-04", 1_600_000))
    assert (result.error, result.held) == (None, 1)
    assert house.team[told:] == []
    assert of_april(house) == []
    (text,) = house.operator
    assert "Held back as H1" in text
    assert "M001 of England: 1,600,000, was 163,100, believed at least 121,380 and at most 195,720" in text
    assert "figurewatch release H1" in text
    assert "figurewatch reject H1" in text


def test_what_is_held_is_told_once_and_not_fetched_again_by_any_process(house: House, nhs: Nhs) -> None:
    come_out(house, nhs, body("2026-04", 1_600_000))
    for _ in range(2):
        house.later(hours=1)
        (result,) = asyncio.run(house.check())
        assert result.error is None
    assert asked_for_the_file(house) == 1
    assert len(house.operator) == 1
    assert asyncio.run(house.backfill(MONTHLY)).read == 0
    assert of_april(house) == []


def test_what_is_released_is_stored_as_it_was_read_and_told_with_the_time_it_was_found(
    house: House, nhs: Nhs
) -> None:
    come_out(house, nhs, body("2026-04", 1_600_000))
    house.now = datetime(2026, 6, 12, 14, 0, tzinfo=UTC)
    told = len(house.team)
    assert asyncio.run(write(house, "/release H1")).startswith("H1 is stored: NHS Talking Therapies")
    assert ("M001", 1_600_000) in of_april(house)
    (text,) = house.team[told:]
    assert text.splitlines()[-1].startswith(
        "NHS England · published 11 June 2026 · seen 11 June 2026, 09:30"
    ) or ("seen 09:30:20" in text)
    asyncio.run(house.check())
    assert len(house.team) == told + 1
    with house.store() as store, store.reading() as tx:
        (stored,) = [release for release in tx.releases(MONTHLY) if release.period == "2026-04"]
        assert (stored.read_at, stored.held) == (RELEASED, None)


def test_what_is_held_is_released_or_rejected_in_either_database(database_url: str) -> None:
    with open_house(database_url) as house:
        nhs = publisher(house)
        come_out(house, nhs, body("2026-04", 1_600_000))
        asyncio.run(decide(house, "reject", "H1"))
        nhs.change("2026-04", body=body("2026-04", 1_500_000), edited="11 June 2026 2:00 pm")
        asyncio.run(house.check())
        asyncio.run(decide(house, "release", "H2"))
        assert ("M001", 1_500_000) in of_april(house)
        with house.store() as store, store.reading() as tx:
            assert [(one.id, one.verdict) for one in tx.held()] == [(1, "rejected"), (2, "released")]


def test_what_is_rejected_is_never_held_or_told_again_until_the_file_is_replaced(
    house: House, nhs: Nhs
) -> None:
    come_out(house, nhs, body("2026-04", 1_600_000))
    told = len(house.team)
    assert asyncio.run(write(house, "/reject H1")).startswith("H1 is dropped: NHS Talking Therapies")
    assert asyncio.run(write(house, "/release H1")).startswith("H1 was rejected on 11 June 2026")
    house.later(hours=1)
    asyncio.run(house.check())
    assert (asked_for_the_file(house), house.team[told:]) == (1, [])
    assert len([text for text in house.operator if "Held back" in text]) == 1
    nhs.change("2026-04", body=body("2026-04", 161_000), edited="11 June 2026 2:00 pm")
    asyncio.run(house.check())
    (text,) = house.team[told:]
    assert "April 2026" in text.splitlines()[0]
    assert "161,000" in text


def test_a_replaced_file_that_can_be_believed_ends_the_waiting(house: House, nhs: Nhs) -> None:
    come_out(house, nhs, body("2026-04", 1_600_000))
    nhs.change("2026-04", body=body("2026-04", 161_000), edited="11 June 2026 2:00 pm")
    asyncio.run(house.check())
    assert ("M001", 161_000) in of_april(house)
    with pytest.raises(NotHeld, match="H1 is over: its source says something else"):
        asyncio.run(decide(house, "release", "H1"))


def test_a_release_with_half_its_rows_is_held(house: House, nhs: Nhs) -> None:
    few = month_file("2026-04", dict(list(england(160_000).items())), {}).encode()
    come_out(house, nhs, few)
    assert "figures in the release: 43, was 118, believed at least 59" in house.operator[0]


def test_a_column_of_the_providers_that_is_ten_times_too_large_is_held(house: House, nhs: Nhs) -> None:
    tenfold = {code: {**values, "M001": values["M001"] * 10} for code, values in PROVIDERS.items()}
    come_out(house, nhs, body("2026-04", 160_000, **tenfold))  # type: ignore[arg-type]
    assert "M001 in the middle of 25 areas, times its value before: 10.0" in house.operator[0]


def test_two_columns_of_the_providers_that_are_swapped_are_held(house: House, nhs: Nhs) -> None:
    swapped = {
        code: {**values, "M001": values["M076"], "M076": values["M001"]} for code, values in PROVIDERS.items()
    }
    come_out(house, nhs, body("2026-04", 160_000, **swapped))  # type: ignore[arg-type]
    assert "M001 and M076 look swapped in 25 areas" in house.operator[0]


def test_a_correction_that_cannot_be_believed_is_held_and_what_was_known_stays(
    house: House, nhs: Nhs
) -> None:
    come_out(house, nhs, body("2026-04", 161_000))
    told = len(house.team)
    nhs.change("2026-04", body=body("2026-04", 16_100), edited="12 June 2026 9:30 am")
    house.later(days=1)
    asyncio.run(house.check())
    assert house.team[told:] == []
    assert ("M001", 161_000) in of_april(house)
    assert "M001 of England: 16,100, was 161,000" in house.operator[-1]
    asyncio.run(decide(house, "release", "h1"))
    assert "now 16,100, was 161,000" in house.team[told]


@pytest.fixture
def petition_house(tmp_path: Path) -> Iterator[House]:
    """Give a house that watches one petition, first seen with 628 signatures."""
    with open_house(sqlite(tmp_path)) as house:
        house.campaign = {"campaign": {"name": "x", "sources": []}, "petition": [PARLIAMENT]}
        count_now(house, 628)
        asyncio.run(house.check())
        yield house


def look_at(house: House, *counts: int) -> None:
    """Look once at each of these counts, a quarter of an hour apart."""
    for count in counts:
        house.later(minutes=15)
        count_now(house, count)
        (result,) = asyncio.run(house.check())
        assert result.error is None


def counts(house: House) -> list[float | None]:
    with house.store() as store, store.reading() as tx:
        return [figure.value for figure in tx.figures("parliament_petition:5", "signatures")]


def test_a_count_that_no_petition_reaches_is_held_once_and_a_count_like_before_ends_it(
    petition_house: House,
) -> None:
    look_at(petition_house, 628_000, 628_001, 628_002)
    assert counts(petition_house) == [628]
    (text,) = petition_house.operator
    assert "signatures: 628,000, was 628, believed at least 314 and at most 6,884" in text
    look_at(petition_house, 628)
    with pytest.raises(NotHeld, match="H1 is over"):
        asyncio.run(decide(petition_house, "reject", "H1"))
    look_at(petition_house, 629)
    assert counts(petition_house) == [628, 629]
    assert petition_house.team[-1].startswith("✍️ 629 signatures")
    look_at(petition_house, 3)
    assert "Held back as H2" in petition_house.operator[-1]


def test_a_count_that_is_released_is_told_at_its_marks_and_counted_on_from_there(
    petition_house: House,
) -> None:
    look_at(petition_house, 628_000)
    asyncio.run(decide(petition_house, "release", "H1"))
    assert "628,000 signatures" in petition_house.team[-1]
    look_at(petition_house, 628_010)
    assert counts(petition_house) == [628, 628_000, 628_010]
    assert len(petition_house.operator) == 1


def test_a_count_that_is_rejected_is_asked_about_a_day_later_and_never_believed_by_itself(
    petition_house: House,
) -> None:
    look_at(petition_house, 628_000)
    asyncio.run(decide(petition_house, "reject", "H1"))
    look_at(petition_house, 628_010, 628_020)
    assert len(petition_house.operator) == 1
    for _ in range(11):
        petition_house.later(days=1)
        look_at(petition_house, 628_030)
    assert counts(petition_house) == [628]
    assert [text.split(":")[0] for text in petition_house.operator[1:3]] == [
        "✋ Held back as H2",
        "✋ Held back as H3",
    ]


def test_a_count_of_another_magnitude_is_held_though_one_was_rejected(petition_house: House) -> None:
    look_at(petition_house, 628_000)
    asyncio.run(decide(petition_house, "reject", "H1"))
    look_at(petition_house, 63_000, 63_010)
    assert len(petition_house.operator) == 2
    assert "signatures: 63,000, was 628" in petition_house.operator[1]


@pytest.mark.parametrize("rejected", [True, False], ids=["rejected", "waiting"])
def test_a_count_that_days_make_believable_is_believed_though_one_before_it_was_not(
    petition_house: House, rejected: bool
) -> None:
    look_at(petition_house, 63_000)
    if rejected:
        asyncio.run(decide(petition_house, "reject", "H1"))
    look_at(petition_house, *[20_000] * 4)
    assert counts(petition_house) == [628]
    petition_house.later(days=1)
    look_at(petition_house, 20_000, 63_005)
    assert counts(petition_house) == [628, 20_000, 63_005]
    assert "20,000 signatures" in petition_house.team[1]


@pytest.mark.parametrize(
    ("number", "says"),
    [
        ("H7", "nothing was held as H7"),
        ("x", "'x' is not written like H3"),
        ("", "'' is not written like H3"),
    ],
)
def test_a_number_that_was_never_held_is_refused(petition_house: House, number: str, says: str) -> None:
    with pytest.raises(NotHeld, match=says):
        asyncio.run(decide(petition_house, "release", number))


def test_what_was_decided_is_not_decided_again(petition_house: House) -> None:
    look_at(petition_house, 628_000)
    asyncio.run(decide(petition_house, "reject", "H1"))
    with pytest.raises(NotHeld, match="H1 was rejected on 14 May 2026, 10:15"):
        asyncio.run(decide(petition_house, "release", "H1"))
