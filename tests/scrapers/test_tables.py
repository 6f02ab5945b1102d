"""Tables as CSV, workbook and zip: the same columns from each, and what is refused."""

from __future__ import annotations

import io
import re
import zipfile
from contextlib import suppress
from datetime import date, time
from typing import Any

import numpy as np
import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrapers.toolkit import tables
from scrapers.toolkit.contract import Page, SourceChanged
from scrapers.toolkit.tables import Table, having, read_member, read_records, read_table
from tests.scrapers.workbooks import XLSX, Row, sheets_of

HEADERS = (("DAY", "NAME", "VALUE"), ("DAY", "NAME", "VALUE_SUPPRESSED"))
CSV = b'DAY,NAME,VALUE\n2021-05-01,"LEEDS, CITY OF",47\n2021-05-01,,*\n'
ROWS = [["2021-05-01", "LEEDS, CITY OF", "47"], ["2021-05-01", "", "*"]]


def page(body: bytes) -> Page:
    return Page("https://example.org/a.csv", body, "text/csv")


def rows_of(table: Table) -> list[list[str]]:
    return [[column[row] for column in table.columns.values()] for row in range(len(table))]


def zipped(**files: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files.items():
            archive.writestr(name.replace("_", "."), body)
    return packed.getvalue()


def workbook(*rows: list[Any], sheets: tuple[str, ...] = ("data ",)) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name in sheets:
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    packed = io.BytesIO()
    book.save(packed)
    return packed.getvalue()


def refusal(body: bytes) -> str:
    with pytest.raises(SourceChanged) as change:
        read_table(page(body), HEADERS)
    assert change.value.url == "https://example.org/a.csv"
    assert "\n" not in str(change.value)
    return str(change.value)


@pytest.mark.parametrize(
    "body",
    [
        CSV,
        CSV.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + CSV,
        CSV + b"\n\n",
        CSV[:-1],
        CSV.replace(b"DAY,NAME,VALUE", b'"DAY","NAME","VALUE"'),
        zipped(a_csv=CSV),
        zipped(a_CSV=CSV, notes_txt=b"read me"),
        workbook(
            ["DAY", "NAME", "VALUE"],
            [date(2021, 5, 1), "LEEDS, CITY OF", 47.0],
            [date(2021, 5, 1), None, "*"],
        ),
    ],
    ids=[
        "LF",
        "CRLF",
        "BOM",
        "blank lines",
        "no last line end",
        "quotes",
        "zip",
        "zip with notes",
        "workbook",
    ],
)
def test_the_same_table_is_read_from_each_form(body: bytes) -> None:
    assert rows_of(read_table(page(body), HEADERS)) == ROWS


def test_a_line_left_open_is_noticed() -> None:
    assert not read_table(page(CSV), HEADERS).open_ended
    assert read_table(page(CSV[:-1]), HEADERS).open_ended


def test_numbers_of_a_workbook_are_written_as_in_a_csv() -> None:
    body = workbook(
        ["DAY", "NAME", "VALUE"], *([date(2021, 5, 1), "x", v] for v in (47.0, 18.3, -1.8, 0, "47"))
    )
    assert [row[2] for row in rows_of(read_table(page(body), HEADERS))] == ["47", "18.3", "-1.8", "0", "47"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<!DOCTYPE html><p>Gone", "expected a CSV file, found an HTML page"),
        (b"\xef\xbb\xbf <html>", "expected a CSV file, found an HTML page"),
        (b"", "found an empty file"),
        (b"\n\nDAY", "found an empty first line"),
        (CSV[:15], "expected rows under the header, found none"),
        (CSV.replace(b"NAME", b"TITLE"), "expected the column NAME, found none of that name, but 'TITLE'"),
        (CSV.replace(b",NAME,", b",NAME,MORE,"), "expected the known columns only, found also 'MORE'"),
        (CSV.replace(b"DAY,NAME", b"NAME,DAY"), "expected each column once, in the known order"),
        (CSV.replace(b"DAY,NAME", b"DAY,NAME,NAME"), "expected each column once, in the known order"),
        (CSV.replace(b"2021-05-01,,*", b"2021-05-01,,*,5"), "of 3 columns, found"),
        (CSV.replace(b"2021-05-01,,*", b"2021-05-01,"), "of 3 columns, found"),
        (CSV.replace(b"LEEDS", b"LE\xc9DS"), "expected a CSV file in UTF-8"),
        (CSV.decode().encode("utf-16"), "expected a CSV file in UTF-8"),
        (CSV.replace(b"LEEDS", b"LE\x00DS"), "expected text without control characters"),
        (b"PK\x03\x04 and then nothing", "expected a whole zip file, found a broken one"),
        (zipped(a_csv=CSV, b_csv=CSV), "expected one CSV file in the zip, found 'a.csv, b.csv'"),
        (zipped(a_txt=CSV), "expected one CSV file in the zip, found 'a.txt'"),
        (zipped(a_csv=b"<html>"), "expected a CSV file, found an HTML page"),
        (workbook(["DAY"], sheets=("a", "b")), "expected a workbook of one sheet, found 2"),
        (workbook(["DAY", "NAME", "VALUE"]), "expected rows under the header, found none"),
        (workbook(["DAY", "NAME", "OTHER"], [1, 2, 3]), "expected the column VALUE, found none of that name"),
        (workbook(["DAY", "NAME", "VALUE"], [1, 2, True]), "expected a text, a number or a day in each cell"),
        (
            workbook(["DAY", "NAME", "VALUE"], [1, 2, time(9)]),
            "expected a text, a number or a day in each cell",
        ),
        (workbook(["DAY", "NAME", "VALUE"], [1, 2, 3, 4]), "expected"),
    ],
)
def test_a_file_in_an_unknown_form_is_refused_with_what_it_is(body: bytes, said: str) -> None:
    assert said in refusal(body)


def test_a_locked_zip_is_refused() -> None:
    body = bytearray(zipped(a_csv=CSV))
    body[6] |= 1
    body[body.index(b"PK\x01\x02") + 8] |= 1
    assert "expected a zip file without a password" in refusal(bytes(body))


def test_a_zip_that_unpacks_to_far_more_is_refused_before_it_is_unpacked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tables, "LARGEST", 2**20)
    assert "expected at most 1 MiB unpacked, found 2 MiB" in refusal(zipped(a_csv=bytes(2**21)))
    big = workbook(["DAY", "NAME", "VALUE"], *(["x", "y", n] for n in range(40_000)))
    assert "expected at most 1 MiB unpacked, found" in refusal(big)


@pytest.mark.parametrize(
    "make", [lambda: zipped(a_csv=CSV * 50), lambda: workbook(["DAY", "NAME", "VALUE"], [1, 2, 3])]
)
def test_a_zip_cut_anywhere_is_refused(make: Any) -> None:
    body: bytes = make()
    for length in range(4, len(body), max(1, len(body) // 60)):
        refusal(body[:length])


@given(st.integers(0, 10_000), st.binary(min_size=1, max_size=3))
def test_a_damaged_zip_is_read_or_refused(place: int, damage: bytes) -> None:
    body = zipped(a_csv=CSV * 20)
    place = place * len(body) // 10_001
    with suppress(SourceChanged):
        read_table(page(body[:place] + damage + body[place + len(damage) :]), HEADERS)


@given(
    st.lists(
        st.tuples(
            *[
                st.text(
                    st.characters(min_codepoint=32, exclude_categories=["Cs"], exclude_characters="\x7f"),
                    max_size=5,
                )
            ]
            * 3
        ),
        min_size=1,
    )
)
def test_any_text_survives_a_csv(rows: list[tuple[str, str, str]]) -> None:
    import csv

    written = io.StringIO()
    csv.writer(written, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([HEADERS[0], *rows])
    assert rows_of(read_table(page(written.getvalue().encode()), HEADERS)) == [list(row) for row in rows]


def test_numbers_are_plain_or_they_are_none() -> None:
    values = [
        "47",
        "-1.8",
        "*",
        "0",
        "nan",
        "inf",
        "1e5",
        "0x10",
        "1,234",
        "+1",
        " 1",
        ".5",
        "5.",
        "",
        "٣",
        "007",
    ]
    body = "DAY,NAME,VALUE\n" + "".join(f'd,n,"{value}"\n' for value in values)
    numbers = read_table(page(body.encode()), HEADERS)["VALUE"].numbers(["*"])
    assert numbers[[0, 1, 3]].tolist() == [47, -1.8, 0]
    assert np.isnan(numbers[2])
    assert np.isinf(numbers[4:]).all()


NOTES: list[Row] = [("A title",), ("1. A note",), ()]


def headed(*rows: Row) -> Page:
    """Return a workbook in which a sheet has a title and notes above these rows."""
    return Page("https://x/a.xlsx", sheets_of({"Cover": [("x",)], "Data": [*NOTES, *rows]}), XLSX)


def test_a_table_under_titles_is_read_by_its_headings() -> None:
    sheet = headed(("Year", "Items"), ("2024/2025", 7), ("2023/2024", None))
    assert read_records(sheet, "Data", ("Year", "Items")) == [
        {"Year": "2024/2025", "Items": "7"},
        {"Year": "2023/2024", "Items": ""},
    ]


def test_headings_that_differ_from_file_to_file_may_follow_the_known_ones() -> None:
    sheet = headed(("Metric", "2023/24", "2024/25"), ("Spend", 1, 2))
    read = read_records(sheet, "Data", ("Metric",), others=True)
    assert read == [{"Metric": "Spend", "2023/24": "1", "2024/25": "2"}]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([("Year", "Items"), ("Year", "Items")], "one row of Data that begins with 'Year', found 2"),
        ([("Items", "Year"), (7, "2024")], "one row of Data that begins with 'Year', found 0"),
        ([("Year", "Items", "Items"), ("2024", 7, 7)], "the known columns|each column once"),
        ([("Year", "Items")], "rows under the header, found none"),
        ([("Year", "Items"), ("2024", 7, "x")], "cells under headings only, found 'x'"),
        ([("Year", "Items"), (), ("2024", 7)], "filled rows under the header, found an empty one"),
    ],
)
def test_a_table_under_titles_that_is_not_as_known_is_refused(rows: list[Row], said: str) -> None:
    with pytest.raises(SourceChanged, match=said):
        read_records(headed(*rows), "Data", ("Year", "Items"))


def test_one_table_of_a_zip_is_read_by_its_name_whatever_its_folder() -> None:
    name = re.compile(r"(?P<year>\d{4})-main\.csv")
    packed = zip_of({"data/2024-main.csv": CSV, "data/2024-other.csv": b"A,B\n1,2\n", "notes.txt": b"x"})
    match, table = read_member(page(packed), name, having("VALUE", "DAY"), "main table")
    assert match["year"] == "2024"
    assert list(table.columns) == ["DAY", "NAME", "VALUE"]
    assert rows_of(table) == ROWS


@pytest.mark.parametrize(
    ("files", "columns", "said"),
    [
        ({"other.csv": CSV}, (), "expected one main table in the zip, found 'other.csv'"),
        (
            {"1-main.csv": CSV, "a/2-main.csv": CSV},
            (),
            "expected one main table in the zip, found '1-main.csv, a/2-",
        ),
        (
            {"1-main.csv": CSV},
            ("NUMBER",),
            "expected the column NUMBER, found none of that name, but 'DAY, NAME, VALUE'",
        ),
        ({"1-main.csv": b"DAY,DAY\n1,2\n"}, ("DAY",), "expected each column once, found 'DAY, DAY'"),
        ({"1-main.csv": b"<html>"}, (), "expected a CSV file, found an HTML page"),
    ],
)
def test_a_zip_without_the_one_table_that_is_asked_for_is_refused(
    files: dict[str, bytes], columns: tuple[str, ...], said: str
) -> None:
    with pytest.raises(SourceChanged) as change:
        read_member(page(zip_of(files)), re.compile(r"\d-main\.csv"), having(*columns), "main table")
    assert said in str(change.value)


def zip_of(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return packed.getvalue()
