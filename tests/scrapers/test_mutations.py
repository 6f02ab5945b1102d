"""Damaged input is read to what stands in it, or refused: no other error, no hang, no figure of nobody's."""

from __future__ import annotations

import io
import json
import tracemalloc
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from scrapers.toolkit import nhs_digital, reading
from scrapers.toolkit.capture import Look
from scrapers.toolkit.contract import EVERYWHERE, SIGNATURES, Figure, Page, SourceChanged
from scrapers.toolkit.tables import read_table
from tests.scrapers.mutations import JUDGED, Capture, captures, damaged, fuzz, invented, read

CAPTURES = Path(__file__).parents[1] / "captures"
HEADER = ("A", "B")
SHEET = "xl/worksheets/sheet1.xml"


@pytest.fixture(scope="module")
def known() -> list[Capture]:
    """Return all captures."""
    return captures(CAPTURES)


def test_captures_that_are_not_damaged_hold_what_is_read_of_them(known: list[Capture]) -> None:
    outcomes = [read(capture, capture.pages) for capture in known if capture.name in JUDGED]
    good = [outcome for outcome in outcomes if outcome.look.refusal is None]
    assert sum(len(outcome.look.figures) for outcome in good) > 500
    assert [invented(outcome) for outcome in good] == [[]] * len(good)


def test_three_hundred_damaged_captures_are_read_or_refused(known: list[Capture]) -> None:
    tally = fuzz(known, range(300))
    assert tally.read > 30
    assert sum(tally.refused.values()) > 150
    assert len(tally.refused) > 30


@pytest.mark.fuzz
def test_ten_thousand_damaged_captures_are_read_or_refused(known: list[Capture]) -> None:
    tally = fuzz(known, range(10_000))
    print(f"{tally.read} read, {sum(tally.refused.values())} refused in {len(tally.refused)} ways")


def test_a_judge_that_sees_an_invented_figure_says_so(known: list[Capture]) -> None:
    capture = next(capture for capture in known if capture.name == "parliament_petition")
    outcome = read(capture, capture.pages)
    figure = Figure(SIGNATURES, EVERYWHERE, "2024-11-24T21:10:29Z", 1)
    assert invented(replace(outcome, look=Look((), [figure]))) == [figure]


MARKUP = st.text(st.sampled_from("<>/=\"'& \n") | st.characters(), max_size=200)


@given(MARKUP | st.binary(max_size=300))
def test_any_page_at_all_is_read_or_refused(content: str | bytes) -> None:
    body = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    page = Page("https://digital.nhs.uk/x", body, "text/html")
    for reader in (nhs_digital.series_page, nhs_digital.release_page):
        with pytest.raises(SourceChanged):
            reader(page)
    with pytest.raises(SourceChanged):
        read_table(page, (HEADER,))


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists) | st.text()
)
def test_any_json_is_read_as_it_stands_or_refused(value: object) -> None:
    document = value if isinstance(value, str) else json.dumps(value)
    try:
        found = reading.strict_json(document)
    except SourceChanged:
        return
    assert json.dumps(found) == json.dumps(json.loads(document))


@pytest.mark.parametrize(
    "document",
    ["[" * 1_000_000, '{"a":' * 1_000_000, "[" * 500_000 + "]" * 500_000, "9" * 1_000_000, "1" + "0" * 400],
)
def test_deep_json_and_huge_numbers_are_refused(document: str) -> None:
    with pytest.raises(SourceChanged):
        reading.strict_json(document)


@pytest.mark.parametrize(
    "number", ["9" * 13, "1e5", "1E400", "0x10", "٣", "١٢", "1_000", "+5", " 5", "--5", "1.", ".5"]
)
def test_a_number_that_is_not_written_plainly_is_none(number: str) -> None:
    table = read_table(Page("https://x/a.csv", f"A,B\n{number},x\n".encode(), "text/csv"), (HEADER,))
    assert table["A"].numbers(("*",)).tolist() == [float("inf")]


def test_a_cell_that_is_a_text_without_end_is_refused() -> None:
    body = b"A,B\nx," + b"y" * 1_001 + b"\n"
    with pytest.raises(SourceChanged, match="expected cells of at most 1,000 characters, found one of 1,001"):
        read_table(Page("https://x/a.csv", body, "text/csv"), (HEADER,))


def packed(files: dict[str, bytes]) -> bytes:
    """Return a zip of these files."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return whole.getvalue()


def workbook(sheet: str, **more: str) -> bytes:
    """Return a workbook with these rows, or this whole sheet, and parts besides."""
    empty = io.BytesIO()
    Workbook().save(empty)
    with zipfile.ZipFile(empty) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    names = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    rows = f"<worksheet {names}><sheetData>{sheet}</sheetData></worksheet>"
    files[SHEET] = (sheet if sheet.startswith("<!") else rows).encode()
    return packed({**files, **{name: content.encode() for name, content in more.items()}})


def row(number: int, **cells: str) -> str:
    """Return a row of text cells by their columns."""
    inside = "".join(f'<c r="{at}{number}" t="str"><v>{text}</v></c>' for at, text in cells.items())
    return f'<row r="{number}">{inside}</row>'


HEAD = row(1, A="A", B="B")
BILLION = (
    '<!DOCTYPE l [<!ENTITY a "lol">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + "]><worksheet><v>&j;</v></worksheet>"
)


def table_of(body: bytes) -> list[str]:
    table = read_table(Page("https://x/a.xlsx", body, "application/zip"), (HEADER,))
    return [table["B"][n] for n in range(len(table))]


def test_a_small_workbook_is_read() -> None:
    assert table_of(workbook(HEAD + row(2, A="x", B="y"))) == ["y"]


BOMBS = {
    "a cell at the far corner": (workbook(HEAD + row(2, A="x", XFD="y")), "cells from A1 to Z999999"),
    "a cell far below": (workbook(HEAD + '<row r="2"><c r="A99999999"/></row>'), "cells from A1 to Z999999"),
    "a row far below": (workbook(HEAD + '<row  r = "1048576000"/>'), "cells from A1 to Z999999"),
    "a cell at no place": (workbook(HEAD + "<row r='2'><c r='&#65;2'/></row>"), "cells from A1 to Z999999"),
    "entities within entities": (workbook(BILLION), "XML without definitions"),
    "definitions beside the sheet": (
        workbook(HEAD, **{"docProps/core.xml": BILLION}),
        "XML without definitions",
    ),
    "broken XML": (workbook(HEAD + "<row <c>"), "a broken part 'xl/worksheets/sheet1.xml'"),
    "a text without end": (workbook(HEAD + "x" * 3_000_000), "a far longer one"),
    "a gigabyte of zeros": (packed({f"{n}.csv": bytes(2**28) for n in range(3)}), "at most 512 MiB unpacked"),
    "one file twice": (packed({"a.csv": b"A,B\n", "A.CSV": b"A,B\n"}), "each file of a zip once"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_at_once_and_within_little_memory(name: str) -> None:
    body, says = BOMBS[name]
    tracemalloc.start()
    try:
        with pytest.raises(SourceChanged, match=says):
            table_of(body)
        assert tracemalloc.get_traced_memory()[1] < 64 * 2**20
    finally:
        tracemalloc.stop()


def test_a_zip_that_holds_more_than_it_says_is_refused() -> None:
    body = packed({"a.csv": b"A,B\n" + b"x,y\n" * 1_000_000})
    size, small = (4 + 4_000_000).to_bytes(4, "little"), (100).to_bytes(4, "little")
    assert body.count(size) == 2
    with pytest.raises(SourceChanged, match="a whole zip file"):
        table_of(body.replace(size, small))


@pytest.mark.parametrize("seed", [3391, 4981, 13819, 21242, 26094, 39762])
def test_what_was_once_read_wrongly_or_without_end_is_not_again(known: list[Capture], seed: int) -> None:
    fuzz(known, range(seed, seed + 1))


def test_damage_is_the_same_for_the_same_seed(known: list[Capture]) -> None:
    one, other = (damaged(known[0], Random(7)) for _ in range(2))
    assert {url: zlib.crc32(page.body) for url, page in one.items()} == {
        url: zlib.crc32(page.body) for url, page in other.items()
    }
