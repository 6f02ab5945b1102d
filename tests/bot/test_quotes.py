"""What is fit to be quoted: never what must not be said, and never a share without its whole."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import scrapers
from bot.campaign import load_campaign
from bot.rules.account import Account, Aim, State
from bot.rules.claims import Claim, Standing, Verdict
from bot.rules.keys import KEYS
from bot.rules.measures import DERIVED, share_of
from bot.rules.places import Place
from bot.rules.wanted import Named, Series
from bot.wording import quotes
from bot.wording.answers import Origin, Told
from bot.wording.markup import to_plain
from bot.wording.sayings import ANY_PAGE, SAME, SAYINGS, saying_of
from scrapers.toolkit.contract import Unit
from tests.bot.asked import Conversation, listening, until
from tests.bot.house import House, open_house, sqlite
from tests.fakes.bot_api import Shown

CAMPAIGN = load_campaign(str(Path(__file__).parents[2] / "campaign.toml"))
MONTHLY = "talking_therapies_monthly"
NEVER = (
    *(
        "the official drop-out rate",
        "caused by",
        "because of the treatment",
        "worst",
        "best",
        "league",
        "ranked",
    ),
    *("proves", "number one", "top of"),
)
ENGLAND = Place("England", "England", ("England",))
TRUST = Place("Provider", "RXY", ("KENT AND MEDWAY MENTAL HEALTH NHS TRUST",))
ORIGIN = Origin("NHS England", "NHS Talking Therapies, monthly", "https://digital.nhs.uk/march")


def named(source: str, measure: str) -> Named:
    """Return a measure as it is asked for."""
    headlines = {line.measure: line for line in scrapers.load(source).headlines}
    known, share = headlines.get(measure), share_of(measure)
    percent = share or measure.startswith("Percentage") or measure in ("M206", "M207")
    unit = Unit.PERCENT if percent else known.unit if known else Unit.COUNT
    of = share.of if share else known.of.removeprefix("of ") if known else ""
    title = share.title if share else known.label if known else measure
    return Named(source, measure, title, unit, of)


def followed() -> Iterator[Named]:
    """Yield every measure of a headline, the watch list and the claims."""
    for source in CAMPAIGN.sources:
        for line in source.headlines:
            yield named(source.name, line.measure)
    for watch in CAMPAIGN.watches:
        yield named(MONTHLY, watch.measure)
    for claim in CAMPAIGN.claims:
        for measure in filter(None, (claim.figure.measure, claim.figure.less)):
            yield named(claim.figure.source, measure)


FOLLOWED = list({(one.source, one.id): one for one in followed()}.values())


def told(one: Named, value: float | None = 40.8, state: State = "known", place: Place = ENGLAND) -> Told:
    """Return a figure of March 2026 as it would be told."""
    month = "2026-03"
    account = Account(
        one.id, place.code, month, state, value, {month: value}, Aim(), year_ago=39.9, year=40.1
    )
    return Told(Series(one, place), account, ORIGIN)


def said(one: Told, expected: str | None = "2026-06-11") -> str:
    """Return what is fit to be quoted, as a chat shows it."""
    return to_plain(quotes.message("Head", quotes.fit_to_quote(one, expected), one.origin))


def is_harmless(text: str) -> bool:
    """Say whether nothing is in a text that must never be said."""
    return not any(words in text.casefold() for words in NEVER)


@pytest.mark.parametrize("one", FOLLOWED, ids=lambda one: f"{one.source}-{one.id}")
def test_every_followed_figure_has_its_own_words_with_its_whole(one: Named) -> None:
    known = saying_of(one.source, one.id, one.unit, one.of)
    assert known is not None
    assert known in SAYINGS.values(), "a followed figure needs words of its own"
    assert known.is_share is (one.unit == Unit.PERCENT)
    text = said(told(one))
    assert is_harmless(text)
    safe = text.splitlines()[1]
    assert known.of in safe
    assert "March 2026" in safe
    assert "(NHS England)" in safe
    assert [line.partition(":")[0] for line in text.splitlines()[1:6]] == [
        *("Safe to quote", "Not to say", "Expect to hear", "March 2025", "12 months to March 2026")
    ]
    assert "Next figures: 11 June 2026." in text


@given(
    st.sampled_from(
        [*FOLLOWED, *(named(MONTHLY, key.measure) for key in KEYS), Named("x", "y", "Y", "count")]
    ),
    st.none() | st.floats(0, 1e7),
    st.sampled_from(["known", "withheld", "few", "missing"]),
    st.sampled_from([ENGLAND, TRUST]),
    st.none() | st.just("2026-06"),
)
def test_no_figure_is_ever_quoted_as_it_must_not_be(
    one: Named, value: float | None, state: State, place: Place, expected: str | None
) -> None:
    known = value if state == "known" else None
    text = said(told(one, known, state, place), expected)
    assert is_harmless(text)
    if known is None:
        assert "Safe to quote" not in text
        assert not any(letter.isdigit() for letter in text.partition("Nothing to quote")[2].splitlines()[0])
    elif one.unit == Unit.PERCENT:
        safe = text.splitlines()[1]
        saying = saying_of(one.source, one.id, one.unit, one.of)
        assert saying is not None
        assert (saying.of or one.of) in safe


def test_a_figure_of_one_provider_is_not_set_beside_others() -> None:
    text = said(told(named(MONTHLY, "treated_once"), place=TRUST))
    assert "Nor beside other providers: they see different people." in text
    assert "41%" in text.splitlines()[1]


def test_deaths_are_never_quoted_of_a_place() -> None:
    deaths = Named(MONTHLY, "M062", "Ended by death", Unit.COUNT)
    assert "deaths are told for England alone" in said(told(deaths, 3.0, place=TRUST))


def test_a_share_of_nobody_knows_what_is_not_quoted() -> None:
    text = said(told(Named(MONTHLY, "M999", "Percentage_New", Unit.PERCENT)))
    assert "the publisher does not say of what it is a share" in text
    assert "40.8%" not in text


def test_what_is_followed_on_any_page_is_not_taken_for_a_measure_of_ours() -> None:
    assert saying_of(f"{ANY_PAGE}:x", "M001", Unit.COUNT, "") not in SAYINGS.values()


def test_measures_that_are_said_alike_have_words_to_share() -> None:
    assert set(SAME.values()) <= SAYINGS.keys()
    assert not SAME.keys() & SAYINGS.keys()
    published = {share.published: name for name, share in DERIVED.items() if share.published}
    assert published.items() <= SAME.items()


@pytest.mark.parametrize("verdict", ["holds", "thin", "broken", "unknown"])
@pytest.mark.parametrize("one", CAMPAIGN.claims, ids=lambda one: one.says[:40])
def test_a_claim_is_quoted_by_how_it_stands(one: Claim, verdict: Verdict) -> None:
    unit = named(one.figure.source, one.figure.measure).unit
    standing = Standing(one, verdict, 37.0, "2024-25", "unagreed" if verdict == "unknown" else "", unit)
    lines = quotes.claim_to_quote(standing, "NHS England", None)
    text = to_plain(quotes.message("Claim", lines, Origin("", "", "")))
    assert is_harmless(text)
    assert (one.says in text) is (verdict != "unknown")
    assert "NHS England" in text
    share = saying_of(one.figure.source, one.figure.measure, unit, "")
    if share and share.is_share and one.figure.less is None and one.figure.since is None:
        assert share.of in text
    if verdict == "broken":
        assert "Not to say now" in text


def test_a_claim_without_a_figure_says_that_there_is_none() -> None:
    standing = Standing(CAMPAIGN.claims[0], "unknown", why="unread")
    lines = quotes.claim_to_quote(replace(standing, period=None), "NHS England", "2026-06-11")
    said_of_it = to_plain(quotes.message("Claim", lines, ORIGIN))
    assert "Say no more than the figure: there is none yet" in said_of_it
    assert "Its figure was not read yet." in said_of_it


GROUP = -2001


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Give a house whose store is new."""
    with open_house(sqlite(tmp_path)) as house:
        yield house


@asynccontextmanager
async def talking(house: House) -> AsyncIterator[Conversation]:
    """Give somebody in a group in which a bot listens that can be asked."""
    chat = house.telegram.add_chat(GROUP)
    async with listening(house, str(GROUP)):
        yield Conversation(house.telegram, chat)


async def pressed(person: Conversation, message: Shown, data: str) -> Shown:
    """Send what a button would send; return the message that answers it."""
    before = len(person.chat.messages)
    assert await person.send(message, data) == ""
    await until(lambda: len(person.chat.messages) > before)
    return person.chat.messages[-1]


@pytest.mark.anyio
async def test_under_a_figure_a_button_says_what_is_fit_to_be_quoted(house: House) -> None:
    async with talking(house) as person:
        figure = await person.ask("/figure drop-out England")
        quote = next(b["callback_data"] for row in figure.buttons for b in row if b["text"] == "Quote")
        answer = await pressed(person, figure, quote)
    assert answer.text.splitlines()[:2] == [
        'Treated once only ("access attrition"), England: 40.2% in March 2026',
        "Safe to quote: “England, March 2026: 40.2% of NHS Talking Therapies referrals that were treated and "
        "ended were treated once only.” (NHS England)",
    ]
    assert "Next figures: 11 June 2026." in answer.text


@pytest.mark.anyio
async def test_under_an_alert_it_says_so_of_its_figure_and_of_a_petition(house: House) -> None:
    async with talking(house) as person:
        listed = await person.ask("/history")
        release = await pressed(person, listed, "quote:A1")
        assert "moved to recovery.” (NHS England)" in release.text
        petition = await pressed(person, listed, "quote:A2")
        assert "14 May 2026: 634 signatures under the petition" in petition.text
        assert "It changes all day: say of which day it is." in petition.text


@pytest.mark.anyio
async def test_a_quote_of_what_is_not_there_is_an_old_menu(house: House) -> None:
    async with talking(house) as person:
        listed = await person.ask("/history")
        for data in ("quote:A99", "quote:0000", "quote", "quote:a:b:c"):
            assert (await person.send(listed, data)).startswith("This menu is out of date"), data
