"""What is said: whole messages as a chat shows them, and what holds for any text in any field."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.campaign import parse_campaign
from bot.rules import findings
from bot.rules.findings import (
    DailyLine,
    DateMoved,
    FactChanged,
    Finding,
    Ill,
    Introduced,
    MarkCrossed,
    Noticed,
    Overdue,
    Recovered,
    ReleaseOut,
    Revised,
    Troubled,
)
from bot.rules.headline import headline_rows
from bot.wording import answers, boards, numbers, overviews, settled
from bot.wording.language import languages, speaking, t
from bot.wording.markup import CAPTION_LIMIT, TEXT_LIMIT, Message, payload, to_plain
from bot.wording.messages import compose
from scrapers.talking_therapies_monthly import HEADLINES
from scrapers.toolkit.contract import (
    ENGLAND,
    EVERYWHERE,
    Area,
    Figure,
    Headline,
    Measure,
    Notice,
    Release,
    Scraper,
    Unit,
)
from state.records import Revision
from tests.bot.hostile import TEXT, built
from tests.fakes.nhs import england
from tests.fakes.telegram_html import MOST_ENTITIES, parse_html, tidy, utf16_units

NOW = datetime(2026, 5, 14, 8, 30, 41, tzinfo=UTC)
PAGE = "https://digital.nhs.uk/performance-march-2026"
TITLE = "NHS Talking Therapies Monthly Statistics, Performance March 2026"
MARCH = Release("march", TITLE, PAGE, "2026-03", datetime(2026, 5, 14, 8, 30, tzinfo=UTC))
TRUST = Area("RAT", "Provider", "NORTH EAST LONDON NHS FOUNDATION TRUST")
SIGNATURES = Measure("signatures", "Signatures", Unit.SIGNATURES)


def source(name: str, title: str = "Review NHS Talking Therapies") -> Scraper:
    """Return a source of that name."""
    entry = {"source": "parliament_petition", "id": 5, "title": title}
    campaign = parse_campaign({"campaign": {"name": "Test"}, "petition": [entry]}, "campaign.toml")
    return next(one for one in campaign.sources if one.name == name)


MONTHLY = source("talking_therapies_monthly")
PETITION = source("parliament_petition")


def said(finding: Finding, about: Scraper | None = None) -> str:
    """Return a message as a chat shows it, under the number 142."""
    text, _ = tidy(*parse_html(payload(compose(finding, about, 142, NOW))["html"]))
    return text


def revision(
    code: str,
    now: float | None,
    old: float | None,
    area: Area = ENGLAND,
    unit: Unit = Unit.COUNT,
    name: str = "",
) -> Revision:
    """Return a figure that says something else now."""
    return Revision(Figure(Measure(code, name or code, unit), area, "2026-03", now), old)


def test_a_release_shows_each_headline_with_what_came_before() -> None:
    history: dict[str, dict[str, float | None]] = {
        code: {"2026-03": value} for code, value in england().items()
    }
    history["M001"] |= {"2026-02": 151_810, "2025-03": 163_904}
    history["M192"]["2026-02"] = 50.0
    history["M056"] |= {"2026-02": None}
    history["M192"]["2025-03"] = None
    history["M038"] = {"2026-03": None, "2026-02": 150_001}
    finding = ReleaseOut("release:march", MARCH, headline_rows(HEADLINES, "2026-03", history, {}))
    assert said(finding, MONTHLY) == (
        "📊 NHS Talking Therapies, monthly, England: March 2026\n"
        "In brackets: month before · same month last year\n"
        "Referrals received 163,100 (151,810 · 163,904)\n"
        "Accessed services 96,682\n"
        "Ended 153,700 (withheld · –)\n"
        "Finished a course 57,590\n"
        "Treated once only 40.8% of those treated and ended\n"
        "Ended before treatment 36.7% of those that ended\n"
        "Finished (2+ sessions) 37.5% of those that ended\n"
        "Recovery 51.2% (50.0% · withheld) of those finished, at caseness at the start\n"
        "Reliable improvement 68.7% of those finished\n"
        "Within 6 weeks 88.3% of those finished\n"
        "Over 90 days to 2nd session 23.6% of second treatments\n"
        "Waiting for treatment withheld (150,001 · –)\n"
        "These are referrals, not people.\n"
        "Treated once includes single sessions that were agreed.\n"
        "Finished means two sessions or more.\n"
        "The 6 weeks run to the first session.\n"
        "NHS England · published 14 May 2026 · seen 09:30:41 · #A142"
    )


def test_a_quarter_and_a_year_are_compared_with_their_own_kind() -> None:
    headlines = (Headline("Items", "items", Unit.COUNT),)
    past = {"items": {"2025-Q3": 30.0, "2025-Q2": 20.0, "2024-Q3": 10.0, "2025-26": 3.0, "2024-25": 2.0}}
    for period, title, compared, row in (
        ("2025-Q3", "July to September 2025", "quarter before · same quarter last year", "30 (20 · 10)"),
        ("2025-26", "2025-26", "year before", "3 (2)"),
    ):
        rows = headline_rows(headlines, period, past, {})
        finding = ReleaseOut("r", replace(MARCH, period=period), rows)
        assert said(finding, MONTHLY).splitlines()[:3] == [
            f"📊 NHS Talking Therapies, monthly, England: {title}",
            f"In brackets: {compared}",
            f"Items {row}",
        ]


def test_a_release_says_how_many_earlier_figures_changed_with_it() -> None:
    finding = ReleaseOut("r", MARCH, (), 500, restated=12)
    assert "12 figures of earlier periods changed with it." in said(finding, MONTHLY)


def test_a_notice_is_told_with_its_day() -> None:
    notice = Notice("n1", "Release <delayed>", "https://digital.nhs.uk/n", NOW)
    text = said(Noticed("notice:n1", notice), MONTHLY)
    assert text.startswith("📣 Release <delayed>\nNHS Talking Therapies, monthly on 14 May 2026.")


def test_a_release_without_headline_figures_says_so() -> None:
    assert "It is out; none of the headline figures is in it." in said(ReleaseOut("r", MARCH, ()), MONTHLY)


def test_a_correction_names_now_and_was_in_their_own_units() -> None:
    named = (
        revision("M001", 163_109, 163_100),
        revision("M192", 51.2, 51.3, unit=Unit.PERCENT),
        revision("M049", 22, 21.5, unit=Unit.MEDIAN, name="Median_WaitForTreatment"),
        revision("M180", -0.34, -0.3, unit=Unit.MEAN, name="Mean_Change"),
        revision("M181", -0.04, 0.2, unit=Unit.MEAN, name="Mean_Other"),
        revision("M344", None, 45, TRUST, name="Count_EndCode47"),
        revision("M192", 48, None, TRUST, Unit.PERCENT),
    )
    noticed = replace(MARCH, notice="Correction: one provider was late.", noticed=NOW)
    assert said(Revised("revision:march", noticed, named, 288, 1, 1200), MONTHLY) == (
        "✏️ Corrected: NHS Talking Therapies, monthly, March 2026\n"
        "Referrals received (M001), England: now 163,109, was 163,100\n"
        "Recovery (M192), England: now 51.2%, was 51.3%\n"
        "Median_WaitForTreatment (M049), England: now 22, was 21.5\n"
        "Mean_Change (M180), England: now -0.34, was -0.3\n"
        "Mean_Other (M181), England: now 0.0, was 0.2\n"
        "Count_EndCode47 (M344), NORTH EAST LONDON NHS FOUNDATION TRUST: now withheld, was 45\n"
        "Recovery (M192), NORTH EAST LONDON NHS FOUNDATION TRUST: now 48%, was withheld\n"
        "288 more figures changed.\n"
        "1 figure added.\n"
        "1,200 figures no longer in the file.\n"
        "The publisher said on 14 May 2026: Correction: one provider was late.\n"
        "You may have quoted the old numbers.\n"
        "NHS England · published 14 May 2026 · seen 09:30:41 · #A142"
    )


def test_figures_that_only_came_are_no_reason_to_doubt_a_quotation() -> None:
    text = said(Revised("r", MARCH, (), 0, 3, 0), MONTHLY)
    assert "3 figures added." in text
    assert "quoted" not in text


@pytest.mark.parametrize(
    ("count", "mark", "goal", "lines"),
    [
        (629, 629, 1000, ["✍️ 629 signatures", "62.9% of our goal of 1,000; 371 to go."]),
        (705, 700, 1000, ["✍️ 705 signatures – past 700", "70.5% of our goal of 1,000; 295 to go."]),
        (9_996, 9_990, 10_000, ["✍️ 9,996 signatures – past 9,990", "99.9% of our goal of 10,000; 4 to go."]),
        (1_000, 1_000, 1000, ["✍️ 1,000 signatures", "Our goal of 1,000 is reached."]),
        (1, 1, None, ["✍️ 1 signature", "It was 0 when it last changed, 14 May 2026, 09:30."]),
    ],
)
def test_a_mark_says_how_far_it_is(count: int, mark: int, goal: int | None, lines: list[str]) -> None:
    text = said(MarkCrossed(f"mark:{mark}", mark, count, 0, NOW, goal), PETITION).splitlines()
    assert [text[0], text[2]] == lines
    assert text[1] == "Review NHS Talking Therapies"
    assert text[-1] == "UK Parliament · seen 14 May 2026, 09:30 · #A142"


@pytest.mark.parametrize(
    ("name", "before", "value", "title"),
    [
        ("state", "open", "closed", "🏛 The petition is now closed"),
        ("state", "closed", "open", "🏛 The petition is open again"),
        ("state", "pending", "open", "🏛 The petition is now open"),
        ("government_response_at", None, "2026-05-14", "🏛 The government responded to the petition"),
        ("scheduled_debate_date", None, "2026-06-22", "🏛 A debate is scheduled for 22 June 2026"),
        ("scheduled_debate_date", "2026-06-22", None, "🏛 The debate is no longer scheduled"),
    ],
)
def test_a_fact_is_told_in_words(name: str, before: str | None, value: str | None, title: str) -> None:
    text = said(FactChanged(f"fact:{name}", name, value, 1, before), PETITION).splitlines()
    assert text[0] == title
    assert text[2] == "1 signature."


def test_the_daily_line_names_what_waits_for_a_decision() -> None:
    line = DailyLine("daily", 3, 3, "2026-06-11", 0, 2_000_000_000, (3, 5))
    assert said(line).splitlines()[0] == (
        "☀️ Alive: 3 of 3 sources read; next release 11 June 2026; no messages waiting; "
        "held for your decision: H3, H5; 2.0 GB of disk free"
    )


def test_dates_that_move_or_pass_name_the_release_and_both_dates() -> None:
    may = Release("may", "Performance May 2026", PAGE, "2026-05", expected="2026-07-16")
    assert said(DateMoved("moved", may, "2026-06"), MONTHLY).splitlines()[:3] == [
        "📅 New release date: 16 July 2026",
        "Performance May 2026",
        "It was announced for June 2026.",
    ]
    assert said(Overdue("overdue", may), MONTHLY).splitlines()[:2] == [
        "⏰ Not published as announced",
        "Performance May 2026",
    ]


def test_a_first_look_is_one_line_with_what_stands_now_and_counts_what_is_too_much() -> None:
    one = Figure(SIGNATURES, EVERYWHERE, "2026-05-14T08:30:41Z", 1)
    assert said(Introduced("i", (("A", one), ("B", MARCH), ("C", None)))).splitlines()[0] == (
        "👀 Now watching: A (1 signature); B (newest: March 2026); C (nothing published yet)"
    )
    many = tuple((f"Petition {n}", None) for n in range(200))
    assert said(Introduced("i", many)).splitlines()[0].endswith("; and 192 more")


def test_trouble_and_its_end_name_the_source_and_since_when() -> None:
    ill = Ill("konp_petition", "expected the petition's count, found Inlay unavailable", NOW)
    assert said(Troubled("trouble", (ill,))) == (
        "⚠️ A source cannot be read\n"
        "konp_petition since 14 May 2026, 09:30: expected the petition's count, found Inlay unavailable\n"
        "Nothing stored was changed.\n"
        "14 May 2026, 09:30 · #A142"
    )
    assert said(Recovered("recovered", (("konp_petition", NOW),))) == (
        "✅ A source can be read again\n"
        "konp_petition, in trouble since 14 May 2026, 09:30\n"
        "14 May 2026, 09:30 · #A142"
    )


def test_two_hundred_troubles_are_one_message_that_counts_those_it_leaves_out() -> None:
    ills = tuple(Ill(f"parliament_petition:{n}", "no connection, 3 tries", NOW) for n in range(200))
    lines = said(Troubled("trouble", ills)).splitlines()
    assert lines[0] == "⚠️ 200 sources cannot be read"
    named = sum(line.startswith("parliament_petition:") for line in lines)
    assert f"… and {200 - named} more" in lines
    assert lines[-2:] == ["Nothing stored was changed.", "14 May 2026, 09:30 · #A142"]


KINDS = [
    kind
    for kind in vars(findings).values()
    if isinstance(kind, type) and issubclass(kind, Finding) and kind is not Finding
]
OF_PETITIONS = ("mark", "pace", "fall", "closing", "fact")
MENTION = re.compile(r"(?<![\w/\u2060])@\w")  # that rings somebody's telephone


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=20, deadline=None)
@given(data=st.data(), language=st.sampled_from(languages()))
def test_any_text_in_any_field_makes_a_message_that_telegram_takes(
    kind: type[Finding], data: st.DataObject, language: str
) -> None:
    about = source("parliament_petition", data.draw(TEXT)) if kind.kind in OF_PETITIONS else MONTHLY
    with speaking(language):
        message = compose(data.draw(built(kind)), about, 142, NOW)
        sent, plain = payload(message), to_plain(message)
        opens, more = t("Open {host}", host=""), t("… and {count} more", count="#").rpartition("#")[2]
    shown, entities = parse_html(sent["html"].encode().decode())
    assert 0 < utf16_units(shown) <= 4096
    assert len(entities) <= MOST_ENTITIES
    assert utf16_units(sent["plain"]) <= 4096
    assert "#A142" in shown
    assert "\x1b" not in sent["plain"]
    assert not MENTION.search(shown)
    if shown in plain:  # nothing was left out
        rest = plain.removeprefix(shown).splitlines()
        assert all(line == "" or line.startswith(opens) for line in rest)
    else:  # a link shows its address there
        assert f"{more}\n" in shown or any(entity.url for entity in entities)


FIXED = ("how_to", "one_line")  # of what our own commands say, and nobody else
SAID = [
    say
    for module in (answers, overviews, settled, boards)
    for name, say in vars(module).items()
    if getattr(say, "__module__", "") == module.__name__ and not name.startswith("_")
    if getattr(say, "__annotations__", {}).get("return") == "Message" and name not in FIXED
]


@pytest.mark.parametrize("say", SAID)
@settings(max_examples=8, deadline=None)
@given(data=st.data(), language=st.sampled_from(languages()))
def test_any_text_in_an_answer_a_menu_or_a_board_is_one_that_telegram_takes(
    say: Callable[..., Message], data: st.DataObject, language: str
) -> None:
    with speaking(language):
        message = data.draw(built(say))
        for limit in (TEXT_LIMIT, CAPTION_LIMIT):
            sent = payload(message, limit)
            shown, entities = parse_html(sent["html"].encode().decode())
            assert tidy(shown)[0]
            assert max(utf16_units(shown), utf16_units(sent["plain"])) <= limit
            assert len(entities) <= MOST_ENTITIES


@given(st.floats(-1e12, 1e12), st.sampled_from(Unit), st.booleans())
def test_a_number_keeps_its_size_and_has_no_negative_nought(number: float, unit: Unit, whole: bool) -> None:
    shown = float(re.sub(r"[^\d.-]", "", text := numbers.value(number, unit, whole=whole)))
    assert abs(shown - number) <= 0.5 + 1e-3
    assert "-" not in text or shown < 0


def test_money_and_levels_carry_their_unit() -> None:
    assert numbers.value(1_234_567, Unit.POUNDS) == "£1,234,567"
    assert numbers.value(1075.3, Unit.MILLION_POUNDS) == "£1,075.3 million"
    assert numbers.value(-5, Unit.POUNDS) == "-£5"
    assert numbers.value(2812, Unit.THOUSANDS) == "2,812 thousand"
    assert numbers.value(0.125, Unit.NUMBER) == "0.125"


@pytest.mark.parametrize(
    ("period", "words"),
    [("2026-03", "March 2026"), ("2025-26", "2025-26"), ("2025-Q3", "July to September 2025"), ("", "")],
)
def test_a_month_and_a_quarter_are_named_and_another_period_stands_as_it_is(period: str, words: str) -> None:
    assert numbers.period(period) == words
