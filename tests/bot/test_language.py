"""Another language: one file that lacks nothing, and is spoken in all that the worker posts."""

from __future__ import annotations

import ast
import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from bot.campaign import CampaignError, parse_campaign
from bot.wording import plots
from bot.wording.charts import ReleaseChart, alt_text, packed, unpacked
from bot.wording.language import ENGLISH, FOLDER, OTHER, catalogue, languages, speaking, spoken, t
from bot.wording.markup import REPLACES, RESENT, late, payload, utf16_length
from bot.wording.numbers import period
from docs import phone
from docs.picture import LETTER, button_width
from docs.words import TEXTS, differences, placeholders
from tests.bot.asked import CAMPAIGN, fill
from tests.bot.desk import working
from tests.bot.house import MONTHLY_ALONE, TEAM, House, open_house, sqlite
from tests.fakes.nhs import Issue, Nhs, england, month_file
from tests.fakes.telegram_html import parse_html, tidy

OTHERS = tuple(language for language in languages() if language != ENGLISH)


def test_welsh_ships_beside_english() -> None:
    assert languages() == (ENGLISH, "cy")


@pytest.mark.parametrize("language", OTHERS)
def test_a_language_says_every_text_and_none_that_is_gone(language: str) -> None:
    lacks, gone = differences(catalogue(language).texts)
    assert lacks == [], "are said in English: python -m docs.words prints the lines to fill in"
    assert gone == [], "are said nowhere any more: take them out"


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_fills_in_what_the_english_does_and_joins_where_it_does(language: str) -> None:
    for text, said in catalogue(language).texts.items():
        for form in [said] if isinstance(said, str) else said.values():
            assert placeholders(form) == placeholders(text), text
            assert form.strip(), text
            assert [form[:1].isspace(), form[-1:].isspace()] == [text[:1].isspace(), text[-1:].isspace()], (
                text
            )


@pytest.mark.parametrize("language", OTHERS)
def test_only_a_text_with_a_count_has_forms_and_each_of_them_is_one_that_a_count_takes(language: str) -> None:
    texts, plural = catalogue(language)
    tables = {text: said for text, said in texts.items() if not isinstance(said, str)}
    assert [text for text in tables if "{count}" not in text] == []
    assert [text for text, forms in tables.items() if not {OTHER} < forms.keys() <= {OTHER, *plural}] == []
    assert plural.keys() <= {form for forms in tables.values() for form in forms}


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "0 cyfres"),
        (1, "1 cyfres"),
        (2, "2 gyfres"),
        (6, "6 chyfres"),
        (10, "10 cyfres"),
        (12, "12 o gyfresi"),
        (1_236, "1,236 o gyfresi"),
    ],
)
def test_a_number_changes_the_word_after_it_as_welsh_does(count: int, said: str) -> None:
    with speaking("cy"):
        assert t("{count} series checked", count=f"{count:,}") == f"gwiriwyd {said}"


def test_what_is_not_translated_is_said_in_english() -> None:
    with speaking("cy"):
        assert t("March") == "Mawrth"
        assert t("a text that nobody knows, {name}", name="{x}") == "a text that nobody knows, {x}"
    assert t("March") == "March"


def test_a_language_that_does_not_ship_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="expected a language among en, cy, found 'xx'"):
        catalogue("xx")
    document = {"campaign": {**MONTHLY_ALONE, "language": "fr"}}
    with pytest.raises(
        CampaignError, match=r"language: expected a language that ships, en or cy, found 'fr'"
    ):
        parse_campaign(document, "campaign.toml")


def test_a_language_is_spoken_by_the_tasks_and_threads_of_those_who_speak_it() -> None:
    async def story() -> list[str]:
        with speaking("cy"):
            task = asyncio.create_task(asyncio.to_thread(spoken))
        return [await task, spoken()]

    assert asyncio.run(story()) == ["cy", "en"]


def test_a_chart_is_drawn_in_the_language_in_which_it_was_made() -> None:
    with speaking("cy"):
        chart = ReleaseChart("Teitl", (t("Recovery"),), (51.2,), (50.0,))
        assert alt_text(chart) == "Siart bar. Teitl: Adferiad: 51.2%."
    again = unpacked(packed(chart))
    assert again.language == "cy"
    english = ReleaseChart("Teitl", (t("Recovery"),), (51.2,), (50.0,))
    assert plots.picture(again) != plots.picture(english)


@pytest.mark.parametrize("language", languages())
def test_the_lines_that_mark_a_copy_fit_into_the_room_that_is_kept_for_them(language: str) -> None:
    with speaking(language):
        marks = (t(RESENT), t(REPLACES), late(datetime(2026, 9, 30, 22, 59, tzinfo=UTC)))
        assert sum(utf16_length(f"{mark}\n") for mark in marks) <= 192


@pytest.mark.parametrize("language", OTHERS)
def test_every_screen_is_one_that_telegram_takes_and_its_buttons_fit_a_telephone(language: str) -> None:
    with speaking(language):
        messages = [screen.message for screen in phone.screens().values()]
        sent = [payload(message)["html"] for message in messages]
    for html in sent:
        assert tidy(parse_html(html)[0])[0]
    rows = [row for message in messages for row in message.buttons]
    labels = [
        button.label for row in rows for button in row if len(button.label) * LETTER > button_width(len(row))
    ]
    assert labels == [], "are cut off"


@pytest.mark.parametrize("language", languages())
def test_every_month_and_quarter_has_its_own_words(language: str) -> None:
    with speaking(language):
        said = {period(f"2026-{month:02}") for month in range(1, 13)}
        assert len(said | {period(f"2026-Q{quarter}") for quarter in range(1, 5)}) == 16


def issue(name: str, published: date, referrals: int) -> Issue:
    body = month_file(name, england(referrals)).encode()
    return Issue(name, published, body=body, edited=f"{published.day} {published:%B %Y} 9:30 am")


def test_a_release_is_told_in_welsh_where_the_campaign_asks_for_it(tmp_path: Path) -> None:
    with open_house(sqlite(tmp_path)) as house:
        house.campaign = {"campaign": {**MONTHLY_ALONE, "language": "cy"}}
        asyncio.run(_published(house))
        introduced, told = house.team
        buttons = [button["text"] for row in house.telegram.chat(TEAM).messages[-1].buttons for button in row]
    assert introduced.startswith(
        "👀 Yn gwylio nawr: NHS Talking Therapies, monthly (diweddaraf: Mawrth 2026)"
    )
    assert told.splitlines()[:3] == [
        "📊 NHS Talking Therapies, monthly, Lloegr: Ebrill 2026",
        "Mewn cromfachau: y mis cynt",
        "Atgyfeiriadau a dderbyniwyd 160,000 (163,100)",
    ]
    assert "Atgyfeiriadau yw'r rhain, nid pobl." in told
    assert "cyhoeddwyd 11 Mehefin 2026 · gwelwyd 09:30:41" in told
    assert "Agor digital.nhs.uk" in buttons
    assert spoken() == ENGLISH


async def _published(house: House) -> None:
    nhs = Nhs(house.sites)
    nhs.issues["2026-03"] = issue("2026-03", date(2026, 5, 14), 163_100)
    nhs.publish(Issue("2026-04", expected="11 Jun 2026"))
    await house.check()
    house.now = datetime(2026, 6, 11, 8, 30, 41, tzinfo=UTC)
    nhs.publish(issue("2026-04", date(2026, 6, 11), 160_000))
    await house.check()


PAST = ("figurewatch ", "/digest off", "offset points", "it was found")  # commands, a unit, a name


def test_no_wording_is_said_past_the_catalogue() -> None:
    said = {f"{path.name}: {text}" for path in sorted(FOLDER.glob("*.py")) for text in _past(path)}
    assert {one for one in said if not one.partition(": ")[2].startswith(PAST)} == set()


def _past(path: Path) -> Iterator[str]:
    """Yield the texts of two words and more that stand outside what is looked up, errors and docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    other = {id(part) for node in ast.walk(tree) if _is_other(node) for part in ast.walk(node)}
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) and id(node) not in other else None
        if isinstance(text, str) and re.search(r"[a-z]{2,} [a-z]{2,}", text):
            yield text


def _is_other(node: ast.AST) -> bool:
    """Say whether a part of a program is looked up, an error, or a docstring."""
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id in TEXTS
    return isinstance(node, ast.Raise | ast.Expr)


def test_what_is_asked_in_telegram_is_answered_in_the_campaigns_language(tmp_path: Path) -> None:
    async def scene(house: House) -> str:
        async with working(house) as team:
            fill(team.desk.store, team.desk.campaign, team.desk.checker.committer.destinations)
            return await team.say(house.telegram.chat(TEAM), "/figure adferiad Lloegr")

    with open_house(sqlite(tmp_path)) as house:
        head = {"name": "Review", "sources": ["talking_therapies_monthly"], "language": "cy"}
        house.campaign = {**CAMPAIGN, "campaign": head}
        house.telegram._clock = lambda: house.now
        told = asyncio.run(scene(house))
    assert told.startswith("Adferiad, Lloegr: ")
    assert "cyhoeddwyd 14 Mai 2026" in told
