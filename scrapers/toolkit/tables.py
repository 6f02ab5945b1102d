"""Read CSV files, workbooks and zips into one columnar form, strictly.

A column is its distinct values and, for each row, which of them it holds: two hundred thousand rows of a
publisher's file say the same few thousand things, so that each is checked and parsed once.
"""

from __future__ import annotations

import io
import math
import re
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import IO, TYPE_CHECKING, Any, NoReturn

from scrapers.toolkit.contract import Page, SourceChanged
from scrapers.toolkit.reading import reading, short

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

LARGEST = 512 * 1024 * 1024  # bytes of a table or workbook after decompression
LONGEST_CELL = 1_000  # characters; the longest name that was ever published has some 150
# What zipfile raises for a broken archive.
_BROKEN = (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, ValueError)
_CHUNK = 1 << 20  # bytes that are read at once
# An attribute `r` that is neither a row's number nor a cell in one of 26 columns.
_FAR_CELL = re.compile(rb"""\br\s*=\s*(?:"(?![A-Z]?[0-9]{1,6}")[^"]*"|'(?![A-Z]?[0-9]{1,6}')[^']*')""")
_WORKBOOK = "xl/workbook.xml"
_UTF8_MARK = b"\xef\xbb\xbf"
_ZIP_MARK = b"PK\x03\x04"
_ANY_CSV = re.compile(r".*\.csv", re.IGNORECASE)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,11})(?:\.[0-9]{1,6})?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Column:
    """The distinct values of a column as text, and for each row the place of its value among them."""

    values: list[str]
    codes: NDArray[np.int32]

    def __getitem__(self, row: int) -> str:
        return self.values[int(self.codes[row])]

    def numbers(self, marks: Collection[str]) -> NDArray[np.float64]:
        """Return the number of each row: NaN for a mark, infinity for what is neither.

        A number is written plainly, as `47`, `-1.8` or `1357.6`: no exponent, sign of plus, or separator.
        """
        import numpy as np

        def number(value: str) -> float:
            return float(value) if _NUMBER.fullmatch(value) else math.nan if value in marks else math.inf

        return np.array([number(value) for value in self.values])[self.codes]

    def where(self, test: Callable[[str], bool]) -> NDArray[np.bool_]:
        """Return for each row whether its value passes a test, asked once for each distinct value."""
        import numpy as np

        return np.array([test(value) for value in self.values])[self.codes]


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its columns by name, and whether its last line was left open, as when a file is cut short."""

    columns: dict[str, Column]
    open_ended: bool = False

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())).codes)

    def __getitem__(self, name: str) -> Column:
        return self.columns[name]


# Known headers, of which one must be there to the letter; or what raises SourceChanged for a header.
Headers = Sequence[tuple[str, ...]] | Callable[[Sequence[str]], None]


def read_table(page: Page, headers: Headers) -> Table:
    """Return the table in a CSV file, in a workbook's one sheet, or in the one CSV file of a zip."""
    with reading(page):
        if not page.body.startswith(_ZIP_MARK):
            return _from_csv(page.body, headers)
        with _open_zip(page.body) as archive:
            if _WORKBOOK in archive.namelist():
                _check_workbook(archive)
                return _from_workbook(page.body, headers)
            return _from_csv(_only(archive, _ANY_CSV, "CSV file")[1], headers)


def read_member(
    page: Page, name: re.Pattern[str], headers: Headers, what: str
) -> tuple[re.Match[str], Table]:
    """Return the table in the one CSV file of a zip that is so named, folders aside, and how it matched.

    `what` says in words which file it is.
    """
    with reading(page), _open_zip(page.body) as archive:
        match, body = _only(archive, name, what)
        return match, _from_csv(body, headers)


def read_sheet(page: Page, sheet: str) -> list[list[str]]:
    """Return the rows of one sheet of a workbook as texts, which may be long and of several lines.

    Rows and columns that are empty before the first cell are left out; all rows have the same length.
    """
    with reading(page):
        _check_is_workbook(page)
        return [[_cell(value) for value in row] for row in _sheet_rows(page.body, sheet)]


def sheet_names(page: Page) -> list[str]:
    """Return the names of a workbook's sheets."""
    import python_calamine

    with reading(page):
        _check_is_workbook(page)
        with (
            _calamine_errors(),
            python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(page.body)) as book,
        ):
            return book.sheet_names


def read_records(
    page: Page, sheet: str, headings: Sequence[str], *, others: bool = False
) -> list[dict[str, str]]:
    """Return the rows of a sheet as texts by their headings; titles and notes may stand above those.

    The heading row is the only one that begins with the first of `headings`. It must hold them all in this
    order, and more after them where `others` says so. Empty rows may follow the last one, and none before it.
    """
    rows = read_sheet(page, sheet)
    with reading(page):
        places = [place for place, row in enumerate(rows) if row[0] == headings[0]]
        if len(places) != 1:
            raise SourceChanged(f"one row of {sheet} that begins with {headings[0]!r}", f"{len(places)}")
        found, *below = rows[places[0] :]
        while not found[-1]:
            found = found[:-1]
        known = tuple(found[: len(headings)]) if others else tuple(found)
        _check_header(known, (tuple(headings),))
        if len(set(found)) < len(found):
            raise SourceChanged("each column once", short(", ".join(found)))
        while below and not any(below[-1]):
            below.pop()
        if not below:
            raise SourceChanged("rows under the header", "none")
        return [_record(row, found) for row in below]


def _record(row: Sequence[str], headings: Sequence[str]) -> dict[str, str]:
    if not any(row):
        raise SourceChanged("filled rows under the header", "an empty one")
    if beyond := [cell for cell in row[len(headings) :] if cell]:
        raise SourceChanged("cells under headings only", short(beyond[0]))
    return dict(zip(headings, _clean(list(row[: len(headings)])), strict=True))


def _sheet_rows(body: bytes, sheet: str) -> list[list[Any]]:
    import python_calamine

    with _calamine_errors(), python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(body)) as workbook:
        if workbook.sheet_names.count(sheet) != 1:
            names = short(", ".join(workbook.sheet_names))
            raise SourceChanged(f"one sheet {sheet!r}", f"{workbook.sheet_names.count(sheet)} among {names}")
        return workbook.get_sheet_by_name(sheet).to_python()


def having(*columns: str) -> Callable[[Sequence[str]], None]:
    """Return a check that a header has these columns, and none twice, whatever else it has."""

    def check(found: Sequence[str]) -> None:
        if missing := [name for name in columns if name not in found]:
            others = short(", ".join(name for name in found if name not in columns))
            raise SourceChanged(f"the column {', '.join(missing)}", f"none of that name, but {others}")
        if len(set(found)) < len(found):
            raise SourceChanged("each column once", short(", ".join(found)))

    return check


def _check_header(found: Sequence[str], headers: Headers) -> tuple[str, ...]:
    if callable(headers):
        headers(found)
        return tuple(found)
    for header in headers:
        if tuple(found) == header:
            return header
    nearest = max(headers, key=lambda header: len(set(header) & set(found)))
    missing = [name for name in nearest if name not in found]
    unknown = [name for name in found if name not in nearest]
    if missing:
        more = f", but {short(', '.join(unknown))}" if unknown else ""
        raise SourceChanged(f"the column {', '.join(missing)}", f"none of that name{more}")
    if unknown:
        raise SourceChanged("the known columns only", f"also {short(', '.join(unknown))}")
    raise SourceChanged("each column once, in the known order", short(", ".join(found)))


def _from_csv(body: bytes, headers: Headers) -> Table:
    import pyarrow as pa
    from pyarrow import csv

    header = _check_header(_csv_header(body), headers)
    text = pa.dictionary(pa.int32(), pa.string())
    source: Any = pa.BufferReader(body)  # not copied; its stubs do not call it a file
    try:
        table = csv.read_csv(
            source,
            read_options=csv.ReadOptions(column_names=list(header), skip_rows=1, block_size=4 << 20),
            parse_options=csv.ParseOptions(newlines_in_values=False),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(header, text),
                strings_can_be_null=False,
                check_utf8=False,  # of two hundred thousand rows: the distinct values are decoded below
            ),
            memory_pool=pa.system_memory_pool(),  # as fast as the default one, and gives back what it took
        )
    except pa.ArrowInvalid as error:
        raise SourceChanged(
            f"a CSV file in UTF-8 of {len(header)} columns", short(_first_line(error))
        ) from None
    if not table.num_rows:
        raise SourceChanged("rows under the header", "none")
    try:
        columns = {name: _column(table.column(name)) for name in header}
    except UnicodeDecodeError as error:
        raise SourceChanged("a CSV file in UTF-8", f"other bytes: {short(error.object[:40])}") from None
    return Table(columns, open_ended=not body.endswith(b"\n"))


def _csv_header(body: bytes) -> list[str]:
    line = body[:4096].removeprefix(_UTF8_MARK).partition(b"\n")[0].rstrip(b"\r")
    if line.lstrip().startswith(b"<"):
        raise SourceChanged("a CSV file", "an HTML page")
    if not line.strip():
        raise SourceChanged("a CSV file", "an empty file" if not body.strip() else "an empty first line")
    try:
        names = line.decode("utf-8")
    except UnicodeDecodeError:
        raise SourceChanged("a CSV file in UTF-8", f"bytes that are not: {short(line[:40])}") from None
    return [name.removeprefix('"').removesuffix('"') for name in names.split(",")]


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].removeprefix("CSV parse error: ")


def _column(chunks: pa.ChunkedArray[Any]) -> Column:
    import numpy as np

    unified: list[Any] = chunks.unify_dictionaries().chunks  # of a type that the stubs do not know
    codes = np.concatenate([chunk.indices.to_numpy() for chunk in unified])
    return Column(_clean(unified[0].dictionary.to_pylist()), codes)


def _clean(values: list[str]) -> list[str]:
    dirty = next((value for value in values if _CONTROL.search(value)), None)
    if dirty is not None:
        raise SourceChanged("text without control characters", short(dirty))
    longest = max(map(len, values), default=0)
    if longest > LONGEST_CELL:
        raise SourceChanged(f"cells of at most {LONGEST_CELL:,} characters", f"one of {longest:,}")
    return values


def _open_zip(body: bytes) -> zipfile.ZipFile:
    try:
        archive = zipfile.ZipFile(io.BytesIO(body))
    except _BROKEN:
        raise SourceChanged("a whole zip file", "a broken one") from None
    members = archive.infolist()
    if any(member.flag_bits & 1 for member in members):
        raise SourceChanged("a zip file without a password", "an encrypted one")
    names = [member.filename.lower() for member in members]
    if len(set(names)) < len(names):
        raise SourceChanged("each file of a zip once", "one twice")
    size = sum(member.file_size for member in members)
    if size > LARGEST:
        raise SourceChanged(f"at most {LARGEST >> 20} MiB unpacked", f"{size >> 20} MiB")
    return archive


def _only(archive: zipfile.ZipFile, wanted: re.Pattern[str], what: str) -> tuple[re.Match[str], bytes]:
    """Return the one file of an archive whose name matches, folders aside."""
    names = [name for name in archive.namelist() if not name.endswith("/")]
    found = {name: match for name in names if (match := wanted.fullmatch(name.rpartition("/")[2]))}
    if len(found) != 1:
        raise SourceChanged(
            f"one {what} in the zip", short(", ".join(found or names)) if names else "nothing"
        )
    ((name, match),) = found.items()
    try:
        return match, archive.read(name)
    except _BROKEN:
        raise SourceChanged("a whole zip file", "a broken one") from None


def _check_is_workbook(page: Page) -> None:
    if not page.body.startswith(_ZIP_MARK):
        raise SourceChanged("a workbook", f"a file that starts {short(page.body[:20])}")
    with _open_zip(page.body) as archive:
        if _WORKBOOK not in archive.namelist():
            raise SourceChanged("a workbook", "another zip file")
        _check_workbook(archive)


def _check_workbook(archive: zipfile.ZipFile) -> None:
    """Check a workbook's parts before the library sees them, which guesses at broken ones.

    It also makes room for every cell up to the farthest one: a single cell at XFD1048576 takes all memory.
    """
    for name in archive.namelist():
        try:
            with archive.open(name) as part:
                if name.endswith((".xml", ".rels")):
                    _check_xml(part, is_sheet=name.startswith("xl/worksheets/"))
                else:
                    while part.read(_CHUNK):
                        pass
        except _BROKEN:
            raise SourceChanged("a whole workbook", f"a broken part {short(name)}") from None


def _check_xml(part: IO[bytes], *, is_sheet: bool) -> None:
    """Raise ValueError for broken XML, SourceChanged for definitions of its own and a sheet's far cells."""
    from xml.parsers import expat

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _refuse_definitions
    open_tag = b""
    try:
        while chunk := part.read(_CHUNK):
            parser.Parse(chunk)
            if is_sheet:
                tags, bracket, rest = (open_tag + chunk).rpartition(b"<")
                if far := _FAR_CELL.search(tags):
                    raise SourceChanged("cells from A1 to Z999999", short(far[0].decode("ascii", "replace")))
                open_tag = bracket + rest
                if len(open_tag) > _CHUNK:
                    raise SourceChanged("cells of a few characters", "a far longer one")
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise ValueError(str(error)) from None


def _refuse_definitions(*_: object) -> NoReturn:
    raise SourceChanged("XML without definitions", "a document type")


def _from_workbook(body: bytes, headers: Headers) -> Table:
    import python_calamine

    with _calamine_errors(), python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(body)) as workbook:
        names = workbook.sheet_names
        if len(names) != 1:
            raise SourceChanged("a workbook of one sheet", f"{len(names)}: {short(', '.join(names))}")
        rows = iter(workbook.get_sheet_by_index(0).iter_rows())
        header = _check_header([_cell(value) for value in next(rows, [])], headers)
        return _from_rows(rows, header)


@contextmanager
def _calamine_errors() -> Iterator[None]:
    """Raise SourceChanged for what the library of workbooks cannot read."""
    import python_calamine

    try:
        yield
    except python_calamine.CalamineError as error:
        raise SourceChanged("a whole workbook", short(_first_line(error))) from None
    except BaseException as error:
        if (
            type(error).__name__ != "PanicException"
        ):  # of the library's Rust, as for a day beyond all calendars
            raise
        raise SourceChanged("a whole workbook", f"one that cannot be read: {short(str(error))}") from None


def _cell(value: object) -> str:
    """Return a cell as a CSV file would say it: a whole float without `.0`, a date as in ISO 8601."""
    match value:
        case str():
            return value
        case float() if value.is_integer() and abs(value) < 1e15:
            return str(int(value))
        case float():
            return repr(value)
        case datetime() if value.time() == datetime.min.time():
            return value.date().isoformat()
        case date() if not isinstance(value, datetime):
            return value.isoformat()
    raise SourceChanged("a text, a number or a day in each cell", short(value))


class _Encoder:
    """Collect a column's cells as distinct texts and codes. Equal cells of different types stay apart."""

    def __init__(self) -> None:
        self.codes: list[int] = []
        self.texts: dict[str, int] = {}
        self._seen: dict[tuple[type, object], int] = {}

    def add(self, value: object) -> None:
        key = (value.__class__, value)
        code = self._seen.get(key)
        if code is None:
            code = self._seen[key] = self.texts.setdefault(_cell(value), len(self.texts))
        self.codes.append(code)


def _from_rows(rows: Iterable[Sequence[object]], header: tuple[str, ...]) -> Table:
    import numpy as np

    encoders = [_Encoder() for _ in header]
    calls: list[Callable[[object], None]] = [encoder.add for encoder in encoders]
    for row in rows:
        if len(row) != len(header):
            raise SourceChanged(f"{len(header)} cells in each row", f"{len(row)}")
        for add, value in zip(calls, row, strict=True):
            add(value)
    if not encoders[0].codes:
        raise SourceChanged("rows under the header", "none")
    columns = {
        name: Column(_clean(list(encoder.texts)), np.array(encoder.codes, dtype=np.int32))
        for name, encoder in zip(header, encoders, strict=True)
    }
    return Table(columns)
