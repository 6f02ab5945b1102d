"""What the chapters of Talking Therapies releases say in words, as each year has written it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrapers.talking_therapies_monthly import TalkingTherapiesMonthly
from scrapers.toolkit.capture import SavedWeb
from scrapers.toolkit.contract import Fetched, Page, Release, SourceChanged
from scrapers.toolkit.introduction import AT_CASENESS, statements
from scrapers.toolkit.sentences import Number, lines, number, split
from tests.fakes.nhs import introduction

CAPTURES = Path(__file__).parents[1] / "captures" / "talking_therapies_monthly"
SOURCE = TalkingTherapiesMonthly({})
NOW = datetime(2025, 6, 12, 8, 31, tzinfo=UTC)


def chapter(*blocks: str, coverage: str = "") -> Page:
    """Return a chapter that holds these blocks of HTML."""
    meta = f'<meta itemprop="temporalCoverage" content="{coverage}"/>' if coverage else ""
    body = f'{meta}<h1 data-uipath="document.title">Performance</h1><div class="js-publication-body">'
    return Page("https://x/introduction", f"<html>{body}{''.join(blocks)}</div></html>".encode(), "text/html")


def said(*blocks: str, period: str = "2025-04") -> dict[str, float | None]:
    """Return what a chapter of these blocks says, by measure."""
    return {s.figure.measure.id: s.figure.value for s in statements(chapter(*blocks), period)}


# One sentence for each wording that was ever seen, with true figures of its month.
WORDINGS: Sequence[tuple[str, str, Mapping[str, float]]] = [
    ("2025-04", "<li>133,908 new referrals were received in April 2025.</li>", {"M001": 133_908}),
    ("2025-04", "<li>133,908 new referrals were received in April 2025<sup>2</sup>.</li>", {"M001": 133_908}),
    ("2025-04", "133,908 new referrals were received in April 20252.", {"M001": 133_908}),
    ("2020-09", "<p>There were 132, 237 referrals received in the month.</p>", {"M001": 132_237}),
    ("2019-02", "<p>137,647 referrals were recieved in February 2019</p>", {"M001": 137_647}),
    ("2019-06", "<p>•131,327 referrals were received</p>", {"M001": 131_327}),
    ("2018-01", "<p>-- 120,584 referrals received in the month</p>", {"M001": 120_584}),
    ("2015-09", "<p>115,373  referrals  were received in  September 2015</p>", {"M001": 115_373}),
    ("2015-09", "<p>Of these, 55,341 were self-referrals.</p>", {"M002": 55_341}),
    (
        "2025-04",
        "<li>98,889 referrals had accessed NHS Talking Therapies in the month.</li>",
        {"M031": 98_889},
    ),
    ("2020-03", "<li>96,046 referrals entered treatment in the month.</li>", {"M031": 96_046}),
    ("2019-02", '<img alt="93,098 referrals started treatment" src="x"/>', {"M031": 93_098}),
    ("2025-04", "149,401 referrals ended (for any reason) in the month.", {"M056": 149_401}),
    (
        "2020-03",
        "158,996 referrals ended in March 2020, of which 58,050 finished a course of treatment.",
        {"M056": 158_996, "M076": 58_050},
    ),
    (
        "2025-04",
        "Of the 57,359 referrals that finished a course of treatment in April 2025, 90.3% waited less than 6 "
        "weeks and 98.5% waited less than 18 weeks to access NHS Talking Therapies services.",
        {"M076": 57_359, "M053": 90.3, "M055": 98.5},
    ),
    (
        "2020-03",
        "Of the 58,050 referrals that finished a course of treatment in the month, 87.1 per cent waited less "
        "than 6 weeks to enter treatment and 97.7 per cent waited less than 18 weeks.",
        {"M076": 58_050, "M053": 87.1, "M055": 97.7},
    ),
    (
        "2021-06",
        "Of the 58,421 referrals that finished a course of treatment in June 2021, 54,021 (92.5%) waited "
        "less than 6 weeks.<p>(54,021 / 58,421) * 100 = 92.5%</p>",
        {"M076": 58_421, "M052": 54_021, "M053": 92.5},
    ),
    (
        "2019-02",
        '<img alt="88,6% of referrals that finished a course of treatment waited less than 6 weeks"/>',
        {"M053": 88.6},
    ),
    ("2019-02", "<p>46,212 referrals finished a course of treatment in February 2019.</p>", {"M076": 46_212}),
    ("2019-02", "<p>The average number of treatment sessions was 6.9.</p>", {"M141": 6.9}),
    (
        "2019-06",
        '<img alt="43.5% of all referrals that ended completed a course of treatment"/>',
        {"M079": 43.5},
    ),
    (
        "2025-04",
        "54,672 referrals finished a course of treatment in April 2025 having started at "
        "caseness<sup>3</sup>, of which 26,457 (48.4%) reliably recovered.",
        {AT_CASENESS: 54_672, "M193": 26_457, "M195": 48.4},
    ),
    (
        "2021-05",
        "49,214 referrals finished a course of treatment in the month having started treatment at caseness3, "
        "of which 25,837 (52.5%) moved to recovery.",
        {AT_CASENESS: 49_214, "M191": 25_837, "M192": 52.5},
    ),
    ("2021-05", "<p>52.5% of eligible referrals moved to recovery</p>", {"M192": 52.5}),
    ("2025-04", "48.4% of eligible referrals reliably recovered.", {"M195": 48.4}),
    (
        "2015-09",
        "62.4% of referrals that finished a course of treatment showed reliable improvement.",
        {"M186": 62.4},
    ),
]


@pytest.mark.parametrize(("period", "block", "figures"), WORDINGS)
def test_each_wording_is_read_to_the_last_digit(
    period: str, block: str, figures: Mapping[str, float]
) -> None:
    assert said(block, period=period) == figures


@pytest.mark.parametrize(
    ("block", "found"),
    [
        ("133,908 referrals of people were received.", "expected referrals received in words that are known"),
        ("133,908 new referrals were received in March 2025.", "expected referrals received of April 2025"),
        ("133,9081 new referrals were received.", "none that is known"),
        ("133,908 referrals were received. 133,909 referrals were received.", "expected M001 as 133908"),
        ("Of those that finished a course of treatment, most waited less than 6 weeks.", "that are known"),
        ("98,889 people accessed NHS Talking Therapies.", "referrals that accessed services in words"),
        ("50 referrals finished a course of treatment having started at caseness, of which 26 (48.4%) "
         "reliably recovered.", "expected 52.0 for M195"),
        ("101.5% of eligible referrals reliably recovered.", "expected a percentage up to 100"),
        ("54,672 referrals finished a course of treatment having started at caseness, of which 26,457 "
         "(48.4%) slowly recovered.", "in words that are known"),
        ("This chapter has moved.", "expected sentences with figures"),
    ],
)  # fmt: skip
def test_what_is_not_known_is_not_guessed(block: str, found: str) -> None:
    with pytest.raises(SourceChanged, match="expected") as raised:
        said(f"<p>{block}</p>")
    assert found in str(raised.value)
    assert raised.value.url == "https://x/introduction"


@pytest.mark.parametrize(
    "block",
    [
        "The national standard is that 50% of people recover.",
        "In April 2025 there were 150 providers.",
        "75% of people should wait less than 6 weeks.",
        "(Count_Recovery / (Count_FinishedCourseTreatment - Count_NotAtCaseness)) * 100",
        "(26,457 / 54,672) * 100 = 48.4%",
        "1,234 referrals were received in Kent.",
        "1,234 referrals received help from an employment adviser.",
        "1,234 referrals started employment support in the month.",
        "1,234 referrals ended with a referral to another service.",
        "52.1% of referrals recovered in Kent, as far as is known.",
        "57,359 referrals finished a course of treatment with at least one provider.",
    ],
)
def test_what_is_no_figure_of_the_month_is_left_out(block: str) -> None:
    assert said(f"<p>{block}</p>", "133,908 referrals were received.") == {"M001": 133_908}


def test_the_same_said_twice_is_said_once() -> None:
    twice = "<p>133,908 referrals were received.</p>"
    assert said(twice, twice) == {"M001": 133_908}


def test_a_chapter_of_another_month_is_refused() -> None:
    page = chapter("133,908 referrals were received.", coverage="2025-03-01/2025-03-31")
    with pytest.raises(SourceChanged, match="expected a chapter on 2025-04, found 2025-03"):
        list(statements(page, "2025-04"))
    assert [s.figure.period for s in statements(page, None)] == ["2025-03"]


def test_sentences_keep_their_decimals_and_their_words_in_bold() -> None:
    page = chapter("<p><strong>48%</strong> of eligible referrals <b>reliably</b> recovered.</p>")
    [statement] = statements(page, "2025-04")
    assert (statement.figure.value, statement.decimals) == (48.0, 0)


@given(st.integers(0, 999_999_999))
def test_a_count_is_read_as_it_is_written(value: int) -> None:
    assert number(f"{value:,}") == number(f"{value:,}".replace(",", ", ")) == Number(value)


@given(st.integers(0, 1000))
def test_a_percentage_is_read_as_it_is_written(tenths: int) -> None:
    for written in (f"{tenths / 10}%", f"{tenths / 10} per cent", f"{tenths / 10}%".replace(".", ",")):
        assert number(written) == Number(tenths / 10, 1)


@given(st.text(st.characters(codec="utf-8"), max_size=300))
def test_whatever_a_page_says_is_read_or_refused(text: str) -> None:
    for sentence in split(text):
        try:
            said(f"<p>{sentence.replace('<', '&lt;')}</p>")
        except SourceChanged:
            continue


def test_blocks_pictures_and_breaks_part_sentences_and_marks_do_not() -> None:
    page = chapter('<ul><li>one <sup>2</sup>two</li><li>three<br/>four</li></ul><img alt="five" src="x"/>six')
    assert lines(page) == ["one two", "three", "four", "five", "six"]


# The witness of a release.


def test_a_release_without_an_introduction_has_no_witness() -> None:
    release = Release("april", "April", "https://x", period="2025-04")
    assert asyncio.run(SOURCE.witness(release, SavedWeb(CAPTURES / "none"))) is None


def test_what_the_publishers_template_says_is_what_the_file_says() -> None:
    figures: dict[str, float] = {"M001": 133_908, "M031": 98_889, "M056": 149_401, "M076": 57_359}
    figures |= {"M179": 2_687, "M053": 90.3, "M055": 98.5, "M193": 26_457, "M195": 48.4}
    page = chapter(*(f"<li>{sentence}</li>" for sentence in introduction("2025-04", figures)))
    fetched = Fetched(Release("april", "April", "https://x", period="2025-04"), page)
    found = {s.figure.measure.id: s.figure.value for s in SOURCE.testify(fetched, NOW)}
    assert found.pop(AT_CASENESS) == 54_672
    assert found.items() <= figures.items()


# The shared samples.

_NAMES = {
    "entered treatment": "M031",
    "started treatment": "M031",
    "self-referrals": "M002",
    "mean sessions": "M141",
    "reliable improvement %": "M186",
    "M079 (share of ended that finished)": "M079",
    "at_caseness (M076-M179)": AT_CASENESS,
}


def known(figures: Mapping[str, Any]) -> dict[str, float]:
    """Return the figures of a sample by measure."""
    return {_NAMES.get(name, name): value for name, value in figures.items() if name != "period"}


def test_every_sample_chapter_says_its_figures(shared_samples: Path) -> None:
    pages = shared_samples / "nhsd_pages"
    expected = json.loads((pages / "expected.json").read_text())
    chapters = {name: about for name, about in expected.items() if about["kind"] == "chapter"}
    assert chapters
    for name, about in chapters.items():
        page = Page(f"https://x/{name}", (pages / name).read_bytes(), "text/html")
        found = {s.figure.measure.id: s.figure.value for s in statements(page, about["figures"]["period"])}
        assert found == known(about["figures"]), name


def written(figures: Mapping[str, float]) -> list[str]:
    """Return sentences with these figures, as the pages of their time wrote them."""
    n = {id: f"{value:,}" for id, value in figures.items()}
    sentences = {
        ("M001",): "{M001} referrals were received in the month.",
        ("M002",): "Of these, {M002} were self-referrals.",
        ("M031",): "{M031} referrals entered treatment in the month.",
        ("M056",): "{M056} referrals ended in the month.",
        ("M052", "M076", "M053"): "Of the {M076} referrals that finished a course of treatment in the month, "
        "{M052} ({M053}%) waited less than 6 weeks.",
        ("M076", "M053", "M055"): "Of the {M076} referrals that finished a course of treatment in the month, "
        "{M053} per cent waited less than 6 weeks and {M055} per cent waited less than 18 weeks.",
        ("M053",): "{M053}% of referrals that finished a course of treatment waited less than 6 weeks.",
        ("M076",): "{M076} referrals finished a course of treatment.",
        ("M079",): "{M079}% of all referrals that ended completed a course of treatment.",
        ("M141",): "The average number of treatment sessions was {M141}.",
        ("M186",): "{M186}% of referrals that finished a course of treatment showed reliable improvement.",
        ("M192",): "{M192}% of eligible referrals moved to recovery.",
        (AT_CASENESS, "M193", "M195"): "{at_caseness} referrals finished a course of treatment in the month "
        "having started at caseness3, of which {M193} ({M195}%) reliably recovered.",
        (AT_CASENESS,): "{at_caseness} referrals finished a course of treatment in the month having started "
        "at caseness.",
    }
    left, lines = set(figures), []
    for ids, sentence in sentences.items():
        if left.issuperset(ids):
            lines.append(sentence.format(**n))
            left -= set(ids)
    assert not left
    return lines


def test_every_figure_of_real_pages_is_read_in_the_words_of_its_time(shared_samples: Path) -> None:
    real = json.loads((shared_samples / "nhsd_pages" / "real_pages_figures.json").read_text())["pages"]
    assert len(real) >= 8
    for about in real:
        figures = known(about["figures"])
        found = said(*(f"<p>{line}</p>" for line in written(figures)), period=about["period"])
        assert found == figures, about["address"]


def test_every_phrase_of_real_pages_is_read_or_is_a_formula(shared_samples: Path) -> None:
    real = json.loads((shared_samples / "nhsd_pages" / "real_pages_figures.json").read_text())["pages"]
    for about in real:
        for phrase in about.get("phrases", ()):
            whole = phrase if phrase[0].isupper() or phrase[0].isdigit() or phrase[0] == "(" else None
            if whole and "=" not in whole:
                assert (
                    said(f"<p>{whole}</p>", period=about["period"]).items() <= known(about["figures"]).items()
                )
