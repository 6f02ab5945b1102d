"""Whatever is asked, the answer is one that Telegram takes, and says what is so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.alerts import Destinations
from bot.campaign import parse_campaign
from bot.commands.answering import Answer, Answers, Asked
from bot.commands.asking import COMMANDS
from bot.wording.callbacks import Call, parsed
from bot.wording.charts import SeriesChart
from bot.wording.language import ENGLISH, languages, speaking
from bot.wording.markup import TEXT_LIMIT, payload, to_plain
from scrapers.toolkit.contract import ENGLAND, Fact, Figure, Measure, Unit
from state.records import Destination
from state.store import Store
from tests.bot.asked import CAMPAIGN, MONTHLY, NOW, fill
from tests.bot.house import sqlite
from tests.fakes.nhs import Issue
from tests.fakes.telegram_html import parse_html, utf16_units

TEAM, OPERATOR = "-1", "-2"
WHERE = Destinations((Destination(TEAM),), Destination(OPERATOR))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Give a filled store."""
    store = Store.open(sqlite(tmp_path_factory.mktemp("asked")))
    fill(store, parse_campaign(CAMPAIGN, "campaign.toml"), WHERE)
    yield store
    store.close()


@pytest.fixture(scope="module")
def answers(store: Store) -> Answers:
    """Give what answers from it."""
    return Answers(store, parse_campaign(CAMPAIGN, "campaign.toml"), WHERE)


@pytest.fixture
def unread(tmp_path: Path) -> Iterator[Answers]:
    """Give what answers from an empty store."""
    store = Store.open(sqlite(tmp_path))
    yield Answers(store, parse_campaign(CAMPAIGN, "campaign.toml"), WHERE)
    store.close()


def ask(answers: Answers, name: str, text: str = "", chat: str = TEAM) -> Answer:
    found: Answer = getattr(answers, name)(Asked(text, chat, NOW, bot="figurewatch_bot"))
    return found


def said(answers: Answers, name: str, text: str = "", chat: str = TEAM) -> str:
    return to_plain(ask(answers, name, text, chat).message)


@pytest.mark.parametrize("name", COMMANDS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    text=st.text(max_size=200) | st.sampled_from(["recovery Kent", "drop-out", "M062 91Q", "waits Devon"]),
    language=st.sampled_from(languages()),
)
@example(text="<b>recovery</b> & Kent", language=ENGLISH)
def test_any_question_gets_an_answer_that_telegram_takes(
    answers: Answers, name: str, text: str, language: str
) -> None:
    with speaking(language):
        content = payload(ask(answers, name, text).message)
    shown, _ = parse_html(content["html"])
    assert 0 < utf16_units(shown) <= TEXT_LIMIT
    for button in (button for row in content["buttons"] for button in row):
        assert len(button.get("callback", "").encode()) <= 64


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.text(max_size=200))
@example(text="recovery Kent")
def test_any_inline_question_gets_cards_that_telegram_takes(answers: Answers, text: str) -> None:
    for card in answers.cards(text):
        shown, _ = parse_html(payload(card.message)["html"])
        assert 0 < utf16_units(shown) <= TEXT_LIMIT
        assert len(card.id) <= 64


@pytest.mark.parametrize("name", COMMANDS)
def test_an_empty_store_is_said_to_be_so(unread: Answers, name: str) -> None:
    assert said(unread, name)
    assert said(unread, name, "recovery Kent")


def test_a_percentage_is_never_without_its_denominator(answers: Answers) -> None:
    for text in ("recovery", "drop-out", "before treatment", "finished Kent"):
        told = said(answers, "figure", text)
        assert "\nOf " in told, told


def test_a_figure_has_the_target_of_its_own_entry(store: Store) -> None:
    ours = [
        {"measure": "M192", "good": "up", "target": 45, "area": "91Q"},
        {"measure": "M192", "good": "up", "target": 50},
    ]
    answers = Answers(store, parse_campaign(CAMPAIGN | {"watch": ours}, "campaign.toml"), WHERE)
    assert "Target 50.0%" in said(answers, "figure", "recovery")


def test_a_figure_of_an_organisation_says_what_became_of_that_and_is_compared_with_no_other(
    tmp_path: Path,
) -> None:
    store, campaign = Store.open(sqlite(tmp_path)), parse_campaign(CAMPAIGN, "campaign.toml")
    fill(store, campaign, WHERE)
    taken_over = [Fact("RXY", '[["G6V2S", "2026-04-01"]]'), Fact("15N", '[["91Q", "2026-03-01"]]')]
    with store.writing() as tx:
        tx.save_facts("organisations:succ", taken_over, NOW)
    answers = Answers(store, campaign, WHERE)
    merged = said(answers, "figure", "referrals Kent and Medway ICB")
    assert "its figures before and after are not one series." in merged
    assert [said for said in ("before:", "last year:", "Usual", "something else") if said in merged] == []
    button = ask(answers, "figure", "referrals Kent and Medway ICB").message.buttons[0][0]
    pressed = parsed(button.callback)
    assert pressed
    drawn = answers.called(pressed, Asked("", TEAM, NOW))
    assert drawn
    assert isinstance(drawn.chart, SeriesChart)
    assert drawn.chart.breaks == ("2026-03",)
    assert "\nRXY until March 2026; since then part of G6V2S.\n" in said(answers, "figure", "referrals RXY")
    assert "since then" not in said(answers, "figure", "referrals Kent and Medway ICB")
    store.close()


def test_what_cannot_be_drawn_together_is_said_in_words(answers: Answers) -> None:
    answer = ask(answers, "compare", "wait recovery")
    assert answer.chart is None
    assert "They count different things" in to_plain(answer.message)


def test_the_operators_alerts_are_his_own(answers: Answers) -> None:
    assert "#A2" in said(answers, "why", "2")
    assert "#A2" in said(answers, "why", "2", OPERATOR)


def test_a_claim_is_told_beside_its_figure(answers: Answers) -> None:
    assert "✅ “Half of those treated recover” holds (50.0%, March 2026)" in said(answers, "claims")


def test_measures_are_looked_for_by_a_word(answers: Answers) -> None:
    assert "Median wait for treatment, in days M049" in said(answers, "measures", "waiting")
    assert said(answers, "measures", "saucers").startswith("No figure is called “saucers”")
    assert 'Treated once only ("access attrition") treated_once' in said(answers, "measures")


def test_the_newest_is_told_of_one_source_or_of_all(answers: Answers) -> None:
    assert "634 signatures, 14 May 2026" in said(answers, "latest")
    assert "March 2026" not in said(answers, "latest", "petition")


def test_a_link_to_what_is_not_there_any_more_is_no_answer(answers: Answers) -> None:
    for call in (
        Call("figure", ("a", "b")),
        Call("petition", ("a",)),
        Call("go", ("start",)),
        Call("figure"),
    ):
        assert answers.called(call, Asked("", TEAM, NOW)) is None


def test_what_counts_appointments_is_not_called_referrals(tmp_path: Path) -> None:
    store, campaign = Store.open(sqlite(tmp_path)), parse_campaign(CAMPAIGN, "campaign.toml")
    fill(store, campaign, WHERE)
    counts = {"M082": ("Count_Appointments", 732_064.0), "M084": ("Count_ApptsDNA", 59_816.0)}
    figures = [
        Figure(Measure(code, name, Unit.COUNT), ENGLAND, "2026-04", value)
        for code, (name, value) in counts.items()
    ]
    with store.writing() as tx:
        tx.save_figures(MONTHLY, Issue("2026-04").slug, figures, NOW, NOW)
    answers = Answers(store, campaign, WHERE)
    for asked in ("missed", "M082"):
        assert "\nThese are appointments, not people.\n" in said(answers, "figure", asked)
    assert "\nThese are referrals, not people.\n" in said(answers, "figure", "referrals")
    store.close()
