"""Medicines used in mental health: pages that link to five workbooks, each with all quarters."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scrapers.medicines_mental_health import COLLECTION, SECTIONS, SHEET, MedicinesMentalHealth
from scrapers.toolkit.contract import Figure, Page, Release, Web
from scrapers.toolkit.tables import read_records
from tests.bot.house import House, open_house, sqlite
from tests.fakes.sites import Sites
from tests.scrapers.asking import asking, looked
from tests.scrapers.workbooks import XLSX, Row, sheets_of

S3 = "https://nhsbsa-opendata.s3.eu-west-2.amazonaws.com/mumh/"
HEAD = (
    *("Financial Year", "Financial Quarter", "BNF Section Name", "BNF Section Code"),
    *("Identified Patient Flag", "Total Identified Patients", "Total Items"),
    "Total Net Ingredient Cost (GBP)",
)
APRIL, JULY = ("April", "June", 2024), ("July", "September", 2024)
FINANCIAL = {APRIL: "2024/2025 Q1", JULY: "2024/2025 Q2"}
Quarter = tuple[str, str, int]


def url_of(quarter: Quarter) -> str:
    first, last, year = quarter
    slug = f"medicines-used-mental-health-england-quarterly-summary-statistics-{first}-{last}-{year}"
    return f"{COLLECTION}/{slug.lower()}"


def title_of(quarter: Quarter) -> str:
    first, last, year = quarter
    return f"Medicines Used in Mental Health - England Quarterly Summary Statistics {first} to {last} {year}"


def file_of(section: str, quarter: Quarter, version: str = "") -> str:
    return f"{S3}mumh_bnf{section}_{quarter[1][:3]}_24{version}.xlsx"


def rows_of(section: str, quarter: Quarter, *, patients: float = 6_900_000) -> list[Row]:
    """Return the two rows of a quarter, which has 23 million items at £60 million in all."""
    same = ("2024/2025", FINANCIAL[quarter], SECTIONS[section].capitalize(), section)
    return [(*same, "Y", patients, 22_900_000, 59_800_000.25), (*same, "N", 0, 100_000, 199_999.75)]


def book(rows: Sequence[Row], head: Row = HEAD) -> bytes:
    """Return a section's workbook: title and notes stand above its headings."""
    notes: list[Row] = [("Quarterly totals",), ("1. Patients must not be added up.",), ()]
    return sheets_of({"Cover_Sheet": [("Cover",)], SHEET: [*notes, head, *rows], "ICB": [("By board",)]})


def publish(sites: Sites, quarter: Quarter, published: str, history: Sequence[Quarter], **more: str) -> None:
    """Let a publication come out; `more` are text to add to its page, and a version of its files."""
    files = {section: file_of(section, quarter, more.get("version", "")) for section in SECTIONS}
    for section, file in files.items():
        rows = [row for earlier in (*history, quarter) for row in rows_of(section, earlier)]
        sites.put(file, book(rows), XLSX)
    links = "".join(f'<li><a href="{file}">Tables</a></li>' for file in files.values())
    put_page(sites, quarter, f"{more.get('text', '')}<p>Published {published}.</p><ul>{links}</ul>")
    put_collection(sites, quarter)


def put_page(sites: Sites, quarter: Quarter, content: str) -> None:
    sites.put(url_of(quarter), f"<html><body><h1>{title_of(quarter)}</h1>{content}</body></html>")


def put_collection(sites: Sites, newest: Quarter) -> None:
    anchors = "".join(f'<p><a href="{url_of(q)}">{title_of(q)}</a></p>' for q in {newest: 1, APRIL: 1})
    annual = f'<p><a href="{COLLECTION}/annual">Medicines Used in Mental Health - 2015/16 to 2023/24</a></p>'
    sites.put(COLLECTION, f"<html><body><h1>Medicines</h1>{annual}{anchors}</body></html>")


@pytest.fixture
def source() -> MedicinesMentalHealth:
    return MedicinesMentalHealth({})


@pytest.fixture
def sites() -> Iterator[Sites]:
    """Give the site as it was on 12 September 2024."""
    with Sites() as sites:
        publish(sites, APRIL, "12 September 2024", [])
        yield sites


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Give a house that watches this source alone."""
    with open_house(sqlite(tmp_path)) as house:
        house.campaign = {"campaign": {"name": "Test", "sources": ["medicines_mental_health"]}}
        house.now = datetime(2024, 9, 12, 8, 30, 41, tzinfo=UTC)
        publish(house.sites, APRIL, "12 September 2024", [])
        yield house


def values(source: MedicinesMentalHealth, sites: Sites) -> dict[tuple[str, str], float | None]:
    """Return what is read, by measure and period."""
    found = looked(source, sites)
    assert found.refusal is None
    return {(f.measure.id, f.period): f.value for f in found.figures if isinstance(f, Figure)}


def refusal(source: MedicinesMentalHealth, sites: Sites) -> str:
    return str(looked(source, sites).refusal)


def test_the_first_financial_quarter_is_the_second_of_the_calendar(
    source: MedicinesMentalHealth, sites: Sites
) -> None:
    (release,) = looked(source, sites).releases
    assert (release.key, release.period) == ("2024-Q2", "2024-Q2")
    assert release.published == datetime(2024, 9, 12, 8, 30, tzinfo=UTC)
    assert {period for _, period in values(source, sites)} == {"2024-Q2"}


def test_items_and_cost_are_of_all_and_patients_of_those_identified(
    source: MedicinesMentalHealth, sites: Sites
) -> None:
    read = values(source, sites)
    assert read["0403_items", "2024-Q2"] == 23_000_000
    assert read["0403_cost", "2024-Q2"] == 60_000_000
    assert read["0403_patients", "2024-Q2"] == 6_900_000
    assert {measure[:4] for measure, _ in read} == set(SECTIONS)


def test_a_blank_cell_is_withheld_and_so_is_a_sum_with_it(
    source: MedicinesMentalHealth, sites: Sites
) -> None:
    identified, other = (list(row) for row in rows_of("0411", APRIL))
    identified[5], other[6] = None, None
    sites.put(file_of("0411", APRIL), book([identified, other]), XLSX)
    read = values(source, sites)
    assert read["0411_patients", "2024-Q2"] is None
    assert read["0411_items", "2024-Q2"] is None
    assert read["0411_cost", "2024-Q2"] == 60_000_000


def test_the_noise_of_a_sum_is_no_part_of_a_cost(source: MedicinesMentalHealth, sites: Sites) -> None:
    identified, _ = (list(row) for row in rows_of("0401", APRIL))
    identified[7] = 54_005_678.900000006
    sites.put(file_of("0401", APRIL), book([identified]), XLSX)
    assert values(source, sites)["0401_cost", "2024-Q2"] == 54_005_678.9


def changed(place: int, value: str | float, row: int = 0) -> list[Row]:
    """Return the rows of a quarter of antidepressants with another value at one place."""
    rows = [list(row) for row in rows_of("0403", APRIL)]
    rows[row][place] = value
    return [*map(tuple, rows)]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (changed(1, "2024/2025 Q5"), "a quarter such as 2024/2025, 2024/2025 Q1"),
        (changed(0, "2023/2024"), "a quarter such as 2024/2025, 2024/2025 Q1"),
        (changed(3, 403), "expected section 0403 under one name"),
        (changed(2, "Other drugs"), "expected section 0403 under one name"),
        (changed(4, "Yes"), "a row for Y and one for N in each quarter, found 'Yes' in 2024-Q2"),
        (changed(4, "N"), "a row for Y and one for N in each quarter, found 'N' in 2024-Q2"),
        (changed(5, "*"), "a number of patients, or a blank, found '*'"),
        (changed(5, 6.9), "a number of patients, or a blank, found '6.9'"),
        (changed(5, 12, row=1), "no identified patients where none is in 2024-Q2, found 12"),
        (changed(5, 30_000_000), "an item or more for each patient in 2024-Q2"),
        (changed(7, "£60m"), "a number of Total Net Ingredient Cost (GBP), or a blank, found '£60m'"),
        (
            [row for row in rows_of("0403", APRIL) if row[4] == "N"],
            "identified patients in 2024-Q2, found none",
        ),
        (rows_of("0403", JULY), "expected quarters up to April to June 2024, found July to September 2024"),
        ([], "expected rows under the header, found none"),
        ([*rows_of("0403", APRIL), (), ("Corrected",)], "expected filled rows under the header"),
    ],
)
def test_a_table_that_is_not_as_it_was_is_refused(
    source: MedicinesMentalHealth, sites: Sites, rows: Sequence[Row], said: str
) -> None:
    sites.put(file_of("0403", APRIL), book(rows), XLSX)
    assert said in refusal(source, sites)
    assert file_of("0403", APRIL) in refusal(source, sites)


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (("Year", *HEAD[1:]), "one row of National_Total that begins with 'Financial Year', found 0"),
        ((*HEAD[:-1], "Cost"), "expected the column Total Net Ingredient Cost (GBP)"),
        ((*HEAD, "Note"), "expected the known columns only, found also 'Note'"),
        ((HEAD[0], HEAD[2], HEAD[1], *HEAD[3:]), "each column once, in the known order"),
    ],
)
def test_other_headings_are_refused(
    source: MedicinesMentalHealth, sites: Sites, head: Row, said: str
) -> None:
    sites.put(file_of("0401", APRIL), book(rows_of("0401", APRIL), head), XLSX)
    assert said in refusal(source, sites)


ALL = "".join(f'<a href="{file_of(section, APRIL)}">Tables</a>' for section in SECTIONS)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            f"<p>Published 12 September 2024.</p>{ALL}".replace("bnf0411", "bnf0412"),
            "a workbook for 0401, 0402",
        ),
        (f"<p>12 September 2024</p>{ALL}", "expected the day of publication once, found 0"),
        (
            f"<p>Published 12 September 2024. Published 1 May 2024.</p>{ALL}",
            "the day of publication once, found 2",
        ),
        (f'<p>Published 12 September 2024.</p>{ALL}<a href="{S3}mumh_bnf0401_b.xlsx">x</a>', "two for 0401"),
        ("<p>Published 12 September 2024.</p>", "found none"),
    ],
)
def test_a_page_that_is_not_as_it_was_is_refused(
    source: MedicinesMentalHealth, sites: Sites, content: str, said: str
) -> None:
    put_page(sites, APRIL, content)
    assert said in refusal(source, sites)


def test_a_page_of_another_quarter_is_refused(source: MedicinesMentalHealth, sites: Sites) -> None:
    sites.put(url_of(APRIL), f"<html><body><h1>{title_of(JULY)}</h1></body></html>")
    assert "expected April to June 2024, found 'Medicines Used" in refusal(source, sites)


def test_a_publication_before_the_workbooks_were_divided_is_listed_and_not_read(
    source: MedicinesMentalHealth, sites: Sites
) -> None:
    put_page(sites, APRIL, f'<p>Published 8 September 2023.</p><a href="{S3}mumh_jun23.xlsx">Tables</a>')
    (release,) = asking(source, sites, source.releases)
    assert release.file == ""


def test_a_look_that_finds_nothing_new_costs_one_request(source: MedicinesMentalHealth, sites: Sites) -> None:
    async def twice(web: Web) -> Sequence[Release]:
        (first,) = await source.listed(web)
        (second,) = await source.listed(web)
        return first, second

    first, second = asking(source, sites, twice)
    assert [request.url for request in sites.requests] == [COLLECTION, url_of(APRIL), COLLECTION]
    assert second.published == first.published


def test_a_replaced_workbook_and_a_correction_notice_are_noticed(
    source: MedicinesMentalHealth, sites: Sites
) -> None:
    (before,) = asking(source, sites, source.releases)
    notice = "<h2>Correction notice: one cost was wrong.</h2><p>It was corrected on 2 December 2024. </p>"
    publish(sites, APRIL, "12 September 2024", [], text=notice)
    (after,) = asking(source, sites, source.releases)
    assert after.fingerprint != before.fingerprint
    assert after.notice == "Correction notice: one cost was wrong."
    assert after.noticed == datetime(2024, 12, 2, 9, 30, tzinfo=UTC)
    publish(sites, APRIL, "12 September 2024", [], version="_v002")
    (replaced,) = asking(source, sites, source.releases)
    assert replaced.fingerprint not in (before.fingerprint, after.fingerprint)


def test_the_past_is_every_quarterly_publication(source: MedicinesMentalHealth, sites: Sites) -> None:
    publish(sites, JULY, "5 December 2024", [APRIL])

    async def past(web: Web) -> list[str]:
        return [release.key async for release in source.past(web)]

    assert asking(source, sites, past) == ["2024-Q3", "2024-Q2"]


def test_a_new_quarter_is_one_message_with_patients_before_items(house: House) -> None:
    async def story() -> None:
        await house.check()
        await house.check()
        publish(house.sites, JULY, "5 December 2024", [APRIL])
        house.now = datetime(2024, 12, 5, 9, 31, tzinfo=UTC)
        await house.check()

    asyncio.run(story())
    assert len(house.team) == 2
    assert house.team[0].endswith("(newest: April to June 2024)\n12 September 2024, 09:30 · #A1")
    text = house.team[1]
    assert "England: July to September 2024" in text
    assert "Antidepressants: patients 6,900,000 (6,900,000" in text
    assert text.index("patients 6,900,000") < text.index("items 23,000,000")
    assert "Items are not people" in text
    assert house.operator == []


def test_the_published_shape_is_read(shared_samples: Path) -> None:
    body = (shared_samples / "nhsbsa" / "mumh_bnf0403_shape.constructed.xlsx").read_bytes()
    rows = read_records(Page("https://x/a.xlsx", body, XLSX), SHEET, HEAD)
    kept: list[Mapping[str, str]] = [row for row in rows if row["Identified Patient Flag"] == "Y"]
    assert {row["BNF Section Code"] for row in rows} == {"0403"}
    assert [row["Financial Quarter"] for row in kept] == ["2023/2024 Q2", "2023/2024 Q3"]
