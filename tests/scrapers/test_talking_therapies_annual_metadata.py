"""What the annual measures mean: which rows of the workbook are kept, and which workbooks are refused."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from openpyxl import Workbook

from bot.rules.meanings import meanings
from scrapers.talking_therapies_annual_metadata import TalkingTherapiesAnnualMetadata
from scrapers.toolkit.contract import Fetched, Page, Release, SourceChanged

NOW = datetime(2025, 10, 30, 9, 31, tzinfo=UTC)
SOURCE = TalkingTherapiesAnnualMetadata({})
HEADINGS = ("CSV field name", "Description of measure", "Technical construction", "Additional notes")
RECOVERY = ("Percentage_Recovery", "moved to recovery", "Recovered\nDivided by\nFinished", "")
OF_WHOM = ("OrgName", "the name", "", "")


def workbook(*rows: Sequence[str], headings: Sequence[str] = HEADINGS) -> bytes:
    """Return a workbook in the published shape: headings in row 10, under a title."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Data measures (main)"
    sheet["A1"] = "Annual report: measures"
    for number, row in enumerate((headings, *rows), 10):
        for column, cell in enumerate(row, 1):
            sheet.cell(number, column, cell or None)
    book.create_sheet("Variables (main)")["A10"] = "VariableType"
    whole = io.BytesIO()
    book.save(whole)
    return whole.getvalue()


def read(body: bytes) -> dict[str, str | None]:
    page = Page("https://files.digital.nhs.uk/meta.xlsx", body, "application/octet-stream")
    return dict(SOURCE.read(Fetched(Release("measures", "Measures", "https://digital.nhs.uk/x"), page), NOW))


def test_a_measure_is_known_by_its_name_and_columns_that_say_of_whom_are_none() -> None:
    facts = read(workbook(OF_WHOM, RECOVERY))
    assert list(facts) == ["Percentage_Recovery"]
    assert json.loads(facts["Percentage_Recovery"] or "") == {
        "definition": "moved to recovery",
        "construction": "Recovered\nDivided by\nFinished",
        "notes": "",
    }
    means = meanings(facts)["Percentage_Recovery"]
    assert (means.name, means.denominator) == ("Percentage_Recovery", "Finished")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (workbook(RECOVERY, RECOVERY), "expected each measure once, found 'Percentage_Recovery' twice"),
        (workbook(OF_WHOM), "expected measures under the headings, found none"),
        (
            workbook(("Recovery", *RECOVERY[1:])),
            "expected a measure's name such as Count_Recovery, found 'Reco",
        ),
        (workbook((*RECOVERY[:2], "", "")), "expected a construction for each measure, found none for 'Perc"),
        (
            workbook(RECOVERY, headings=(*HEADINGS[:2], "Construction", HEADINGS[3])),
            "expected the heading 'Technical construction', found none, but 'Construction'",
        ),
    ],
)
def test_a_workbook_that_is_not_what_it_was_is_refused(body: bytes, said: str) -> None:
    with pytest.raises(SourceChanged, match=said):
        read(body)


def test_every_measure_of_the_published_list_is_read(shared_samples: Path) -> None:
    folder = shared_samples / "nhs_tt_annual"
    path = folder / "nhstt_header_fixtures" / "metadata_measures_main_annual_2024-25.csv"
    with path.open(newline="", encoding="utf-8") as file:
        headings = next(csv.reader(file))
    with (folder / "metadata_measures_annual_2024-25.csv").open(newline="", encoding="utf-8") as file:
        rows = [
            list(row.values())[2:] for row in csv.DictReader(file) if row["dataset_name"] == "measures_annual"
        ]
    means = meanings(read(workbook(*rows, headings=headings)))
    assert len(means) == 41
    shares = [measure for measure in means if measure.startswith("Percentage_")]
    assert [measure for measure in shares if not means[measure].denominator] == []
