"""What the measures mean: which rows of the metadata workbook are kept, and which workbooks are refused."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from openpyxl import Workbook

from scrapers.talking_therapies_metadata import TalkingTherapiesMetadata
from scrapers.toolkit.capture import Recorder, SavedWeb
from scrapers.toolkit.contract import Fact, Fetched, Page, Release, SourceChanged

CAPTURE = Path(__file__).parents[1] / "captures" / "talking_therapies_metadata" / "2026-07-09"
NOW = datetime(2026, 7, 9, 8, 31, tzinfo=UTC)
SOURCE = TalkingTherapiesMetadata({})
HEADINGS = (
    *("Meaure Type", "Frequency", "Measure reference number", "Measure name"),
    "Description of measure\n(where possible measures are described in terms of the classes of information "
    "defined in NHS Data Dictionary)",
    *("UIDs of derivations used (defined in Technical Output Specification)", "Tables used", "Construction"),
)
M056 = (
    "Core",
    "Monthly",
    "M056",
    "Count_EndedReferrals",
    "Referrals discharged",
    "I101D12",
    "IDS101",
    "Count",
)
M001 = (*M056[:2], "M001", "Count_ReferralsReceived", *M056[4:])


def workbook(*rows: Sequence[str], headings: Sequence[str] = HEADINGS, sheet: str = "Measures") -> bytes:
    """Return a workbook in the published shape: headings in row 5, under a title and a version history."""
    book = Workbook()
    page = book.active
    assert page is not None
    page.title = "Contents"
    page["A1"] = "NHS Talking Therapies, monthly: metadata"
    measures = book.create_sheet(sheet)
    measures["A1"], measures["A3"], measures["B3"] = "Measures", "v2.1", "April 2022"
    for number, row in enumerate((headings, *rows), 5):
        for column, cell in enumerate(row, 1):
            measures.cell(number, column, cell or None)
    whole = io.BytesIO()
    book.save(whole)
    return whole.getvalue()


def read(body: bytes) -> list[Fact]:
    page = Page("https://digital.nhs.uk/binaries/metadata.xlsx", body, "application/octet-stream")
    return list(SOURCE.read(Fetched(Release("measures", "Measures", "https://digital.nhs.uk/x"), page), NOW))


def changed(row: Sequence[str], place: int, cell: str) -> tuple[str, ...]:
    return (*row[:place], cell, *row[place + 1 :])


def test_each_measure_is_a_fact_in_the_publishers_words() -> None:
    facts = dict(read(workbook(M001, M056)))
    assert list(facts) == ["M001", "M056"]
    assert json.loads(facts["M056"] or "") == {
        "type": "Core",
        "frequency": "Monthly",
        "name": "Count_EndedReferrals",
        "definition": "Referrals discharged",
        "derivations": "I101D12",
        "tables": "IDS101",
        "construction": "Count",
    }


def test_space_at_the_ends_of_lines_is_no_word() -> None:
    tidy = changed(M056, 7, "Count of distinct\nwhere it is in the period")
    untidy = changed(M056, 7, " Count of distinct \r\nwhere  it is in the\u00a0period\n")
    assert read(workbook(untidy)) == read(workbook(tidy))


def test_breakdowns_share_their_numbers_and_are_left_out_as_are_blank_rows() -> None:
    young = ("Variable", "Quarterly", "V001", "Age Group: under 18", "Age < 18", "", "", "Age < 18")
    old = ("Variable", "Quarterly", "V001", "Age Group: 65 to 74", "Age 65 to 74", "", "", "Age between")
    facts = read(workbook(M001, ("",) * 8, young, old, M056))
    assert [fact.name for fact in facts] == ["M001", "M056"]


def test_a_slip_in_a_heading_may_be_mended() -> None:
    assert read(workbook(M056, headings=("Measure Type", *HEADINGS[1:]))) == read(workbook(M056))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (workbook(M056, M056), "expected each measure once, found 'M056' twice"),
        (workbook(), "expected measures under the headings, found none"),
        (workbook(M056, sheet="Metadata"), "expected one sheet 'Measures', found 0 among"),
        (
            workbook(M056, headings=changed(HEADINGS, 2, "Measure ID")),
            "expected the heading 'Measure reference number', found none, but 'Measure ID'",
        ),
        (
            workbook((*M056, "yes"), headings=(*HEADINGS, "Accredited")),
            "expected the known headings in their order, found 'Accredited'",
        ),
        (workbook(HEADINGS, M056), "expected one row of headings, found 2"),
        (
            workbook(changed(M056, 0, "Kore")),
            "expected a type of Core, EA, LTC, Variable, found 'Kore for M056'",
        ),
        (
            workbook(changed(M056, 1, "Weekly")),
            "expected a frequency of Monthly, .*, found 'Weekly for M056'",
        ),
        (workbook(changed(M056, 2, "56")), "expected a measure's number such as M001, found '56'"),
        (workbook(changed(M056, 3, "")), "expected a name for each measure, found none for 'M056'"),
        (workbook(changed(M056, 7, "")), "expected a construction for each measure, found none for 'M056'"),
        (workbook(changed(M056, 4, "x" * 20_001)), "expected cells of at most 20,000 characters"),
        (b"<html><body>Moved</body></html>", "expected a workbook, found a file that starts"),
    ],
)
def test_a_workbook_that_is_not_what_it_was_is_refused(body: bytes, said: str) -> None:
    with pytest.raises(SourceChanged, match=said) as refusal:
        read(body)
    assert "\n" not in str(refusal.value)
    assert refusal.value.url.startswith("https://")


class EditedWeb(SavedWeb):
    """The saved web with texts of its pages replaced."""

    def __init__(self, *edits: tuple[str, str]) -> None:
        super().__init__(CAPTURE)
        self._edits = edits

    async def get(self, url: str, **options: object) -> Page:
        page = await super().get(url, accept={"text/html", *(options["accept"])})  # type: ignore[misc]  # a set
        body = page.body
        for old, new in self._edits:
            body = body.replace(old.encode(), new.encode())
        return Page(page.url, body, page.content_type)


def found(*edits: tuple[str, str]) -> Release:
    (release,) = asyncio.run(SOURCE.releases(EditedWeb(*edits)))
    return release


def test_the_workbook_is_where_the_newest_months_page_says_and_a_new_address_is_a_new_one() -> None:
    before, after = found(), found(("20260709.xlsx", "20260813.xlsx"))
    assert before.file.endswith("nhstalkingtherapies-monthly-metadata-20260709.xlsx")
    assert before.url.endswith("/performance-may-2026")
    assert (before.key, before.published) == (after.key, after.published)
    assert before.fingerprint != after.fingerprint


ON_THE_SERIES_PAGE = (
    ("monthly-metadata-20260709.xlsx", "monthly-notes.xlsx"),
    (
        "Monthly Statistics</h1>",  # where the title of a month goes on
        "Monthly Statistics</h1>"
        '<a href="/binaries/reports/nhstalkingtherapies-monthly-metadata-20260709.xlsx">metadata</a>',
    ),
)


def test_the_series_page_may_link_to_the_workbook_instead() -> None:
    moved = found(*ON_THE_SERIES_PAGE)
    assert moved.file == (
        "https://digital.nhs.uk/binaries/reports/nhstalkingtherapies-monthly-metadata-20260709.xlsx"
    )


def test_a_look_at_what_is_known_asks_for_one_page_wherever_the_link_stands() -> None:
    source = TalkingTherapiesMetadata({})
    first, again = (Recorder(EditedWeb(*ON_THE_SERIES_PAGE)) for _ in range(2))
    (release,) = asyncio.run(source.releases(first))
    assert list(first.asked) == [source.url, release.url]
    assert asyncio.run(source.visit([release], again)) == [release]
    assert list(again.asked) == [release.url]


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (
            ("monthly-metadata-20260709.xlsx", "monthly-notes.xlsx"),
            "expected a link to the metadata workbook",
        ),
        (("monthly-metadata-20260709.xlsx", "metadata.xlsx"), "a metadata workbook of the known name"),
        (
            ("</main>", '<a href="/b/nhstalkingtherapies-monthly-metadata-20260514.xlsx">older</a></main>'),
            "one metadata workbook, found 'nhstalkingtherapies-monthly-metadata-20260514.xlsx, ",
        ),
    ],
)
def test_a_page_without_one_workbook_is_refused(edit: tuple[str, str], said: str) -> None:
    with pytest.raises(SourceChanged, match=said):
        found(edit)


def test_a_backfill_does_not_read_it() -> None:
    async def past() -> list[Release]:
        return [release async for release in SOURCE.past(SavedWeb(CAPTURE))]

    assert asyncio.run(past()) == []


@pytest.mark.parametrize(("version", "measures"), [("2025-07", 327), ("2026-05", 331), ("2026-07", 343)])
def test_every_measure_of_the_published_versions_is_read(
    version: str, measures: int, shared_samples: Path
) -> None:
    path = shared_samples / "nhs_tt_monthly" / f"metadata_measures_monthly_{version}.csv"
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    facts = dict(read(workbook(*(row[1:] for row in rows))))
    assert len(facts) == measures
    assert json.loads(facts["M288"] or "")["name"] == "Percentage_AccessAttrition"


def test_the_published_headings_are_the_known_ones(shared_samples: Path) -> None:
    path = shared_samples / "nhs_tt_monthly" / "nhstt_header_fixtures" / "metadata_2026-07.csv"
    with path.open(newline="", encoding="utf-8") as file:
        headings, *rows = csv.reader(file)
    assert [fact.name for fact in read(workbook(*rows, headings=headings))] == [row[2] for row in rows]
