"""A change of definition: the operator is asked once about what is followed, and the rest is counted."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

import pytest
from openpyxl import Workbook

from bot.campaign import parse_campaign
from bot.wording.messages import differing
from tests.bot.cli import figurewatch, settings_in
from tests.bot.house import House, open_house, sqlite
from tests.fakes.nhs import NEW_SERIES, Issue, release_page, series_page

SOURCE = "talking_therapies_metadata"
WATCHED = {"measure": "treated_once", "good": "down"}
MONTHLY = "talking_therapies_monthly"
CAMPAIGN = {"campaign": {"name": "Test", "sources": [MONTHLY, SOURCE]}, "watch": [WATCHED]}
REPORTS = "https://digital.nhs.uk/binaries/content/assets/reports/nhstalkingtherapies-monthly-metadata-"
HEADINGS = (
    *("Meaure Type", "Frequency", "Measure reference number", "Measure name"),
    "Description of measure\n(where possible measures are described in terms of the classes of information "
    "defined in NHS Data Dictionary)",
    *("UIDs of derivations used (defined in Technical Output Specification)", "Tables used", "Construction"),
)
ENDED = "Count of distinct referrals where ServDischDate is in the period"
MAY = {
    "M288": ("Percentage_AccessAttrition", "treated once, of those treated", f"Once\nDivided by\n{ENDED}"),
    "M352": ("Coun_Wait_AssessmentDate", "referrals behind a wait", "See M347"),
    "M400": ("Count_Other", "something else", "Count"),
}


def workbook(measures: Mapping[str, tuple[str, str, str]]) -> bytes:
    """Return a list of measures: id -> name, definition and construction."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Measures"
    sheet["A1"] = "Measures"
    for column, heading in enumerate(HEADINGS, 1):
        sheet.cell(5, column, heading)
    for number, (measure, (name, definition, construction)) in enumerate(measures.items(), 6):
        cells = ("Core", "Monthly", measure, name, definition, "", "IDS101Referral", construction)
        for column, cell in enumerate(cells, 1):
            sheet.cell(number, column, cell)
    whole = io.BytesIO()
    book.save(whole)
    return whole.getvalue()


def publish(house: House, day: str, measures: Mapping[str, tuple[str, str, str]]) -> None:
    """Let the list of measures of `day` (20260709) be the one that the newest month's page links to."""
    issue = Issue("2026-03", date(2026, 5, 14), file=f"{REPORTS}{day}.xlsx")
    house.sites.put(NEW_SERIES, series_page([issue]))
    house.sites.put(issue.url, release_page(issue))
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    house.sites.put(issue.file, workbook(measures), content_type=kind)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Give a house that has read the list of May."""
    with open_house(sqlite(tmp_path)) as house:
        house.campaign = dict(CAMPAIGN)
        publish(house, "20260514", MAY)
        asyncio.run(house.check(SOURCE))
        house.later(days=56)
        yield house


def changed(**measures: tuple[str, str, str]) -> dict[str, tuple[str, str, str]]:
    return {**MAY, **measures}


def test_a_first_look_asks_nothing(house: House) -> None:
    assert len(house.team) == 1
    assert house.team[0].startswith("👀 Now watching: NHS Talking Therapies, definitions of the measures")
    assert not house.operator


def test_the_operator_is_asked_once_about_a_followed_measure_and_told_how_much_else_changed(
    house: House,
) -> None:
    seen = f"{ENDED} and TherapySession_FirstDate is not null"
    now = changed(
        M288=(MAY["M288"][0], MAY["M288"][1], f"Once\nDivided by\n{seen}"),
        M352=("Count_AssessmentDate", *MAY["M352"][1:]),
        M362=("Percentage_Wait28", "waited 28 days or less", "Count"),
    )
    del now["M400"]
    publish(house, "20260709", now)
    asyncio.run(house.check(SOURCE))
    asyncio.run(house.check(SOURCE))
    (asked,) = house.operator
    lines = asked.splitlines()
    assert lines[0] == "❓ A definition changed. Do the figures still mean the same?"
    assert lines[1] == (
        "M288 Percentage_AccessAttrition, denominator: was “… where ServDischDate is in the period”; "
        "is “… where ServDischDate is in the period and TherapySession_FirstDate is not null”."
    )
    assert "Of all measures on the list: 1 renamed, 1 new, 1 removed." in lines
    assert len(house.team) == 1


def test_what_nobody_follows_changes_without_a_word(house: House) -> None:
    publish(house, "20260709", changed(M400=("Count_Other", "something else again", "Count")))
    asyncio.run(house.check(SOURCE))
    assert not house.operator
    with house.store() as store, store.reading() as tx:
        history = tx.facts_history(SOURCE, "M400")
    assert [json.loads(said or "")["definition"] for _, said in history] == [
        "something else",
        "something else again",
    ]


def test_a_definition_that_changes_back_is_asked_about_again(house: House) -> None:
    other = changed(M288=(MAY["M288"][0], "treated once, of all", MAY["M288"][2]))
    for day, measures in (("20260709", other), ("20260813", MAY)):
        publish(house, day, measures)
        asyncio.run(house.check(SOURCE))
        house.later(days=28)
    assert len(house.operator) == 2


def test_a_look_at_an_unchanged_list_reads_no_workbook_again(house: House) -> None:
    before = len(house.sites.requests)
    asyncio.run(house.check(SOURCE))
    asked = [request.url for request in house.sites.requests[before:]]
    assert not [url for url in asked if url.endswith(".xlsx")]


def test_a_page_that_lost_its_link_is_told_to_the_operator(house: House) -> None:
    issue = Issue("2026-03", date(2026, 5, 14), file="https://files.digital.nhs.uk/notes.pdf")
    house.sites.put(issue.url, release_page(issue))
    asyncio.run(house.check(SOURCE))
    (told,) = house.operator
    assert "expected a link to the metadata workbook, found none" in told


def test_what_is_followed_are_the_headlines_the_watch_list_and_the_claims() -> None:
    claim = {
        "says": "half recover",
        "where": "page",
        "figure": {"source": MONTHLY, "measure": "M195"},
        "holds": {"min": 47},
    }
    head = {"name": "Test", "sources": [MONTHLY, SOURCE]}
    campaign = parse_campaign({"campaign": head, "watch": [WATCHED], "claim": [claim]}, "campaign.toml")
    assert {"M001", "M288", "M075", "M153", "M195"} <= campaign.followed
    assert "treated_once" not in campaign.followed


def test_the_first_difference_is_shown_with_some_words_before_it() -> None:
    assert differing("a b c d e f g h", "a b c d e f g i j") == ("“… b c d e f g h”", "“… b c d e f g i j”")
    assert differing("", "all referrals") == ("nothing", "“all referrals”")


def test_the_measures_are_listed_with_what_they_mean(house: House, tmp_path: Path) -> None:
    environment = settings_in(tmp_path)
    rows = figurewatch(environment, "measures", "--json").json
    assert rows[0] == {
        "measure": "M288",
        "name": "Percentage_AccessAttrition",
        "definition": "treated once, of those treated",
        "denominator": ENDED,
        "construction": MAY["M288"][2],
    }
    table = figurewatch(environment, "measures").out.splitlines()
    assert table[0].split() == ["measure", "name", "means", "of"]
    assert all(len(line) <= 100 for line in table)


def test_one_measure_is_shown_whole_with_its_history(house: House, tmp_path: Path) -> None:
    publish(house, "20260709", changed(M288=(MAY["M288"][0], "treated once, of all", MAY["M288"][2])))
    asyncio.run(house.check(SOURCE))
    said = figurewatch(settings_in(tmp_path), "measures", "m288")
    assert said.out.splitlines() == [
        "M288 Percentage_AccessAttrition (seen from 9 July 2026 on)",
        "  means  treated once, of all",
        f"  of     {ENDED}",
        f"  made   Once Divided by {ENDED}",
        "M288 Percentage_AccessAttrition (seen from 14 May 2026 on)",
        "  means  treated once, of those treated",
        f"  of     {ENDED}",
        f"  made   Once Divided by {ENDED}",
    ]
    rows = figurewatch(settings_in(tmp_path), "measures", "M288", "--json").json
    assert [row["since"] for row in rows] == ["2026-07-09T09:00:00Z", "2026-05-14T09:00:00Z"]
    unknown = figurewatch(settings_in(tmp_path), "measures", "M289")
    assert unknown.status == 2
    assert "did you mean 'M288'?" in unknown.err
