"""Where a figure stands in a page: named in a campaign's entry, and found exactly once or not at all.

The way in is an element (`css`, and `attribute`), a cell (`table`, `csv`, `xlsx`), or neither: all of it.
From there `json` leads into a JSON document, and `pattern` takes a part of a text.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from scrapers.toolkit import reading
from scrapers.toolkit.contract import Page, SourceChanged
from scrapers.toolkit.reading import short

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

Found = str | Decimal  # a text, or a number that needs no reading
Grid = Sequence[Sequence[str]]

KEYS = ("css", "attribute", "table", "csv", "xlsx", "json", "pattern")
# The content types under which pages and files of each kind are served, the usual one first.
HTML = ("text/html", "application/xhtml+xml")
XLSX = ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "application/octet-stream")
CSV = ("text/csv", "application/csv", "text/plain", "application/vnd.ms-excel", "application/octet-stream")
JSON = (
    *("application/json", "text/json", "text/plain"),
    *(f"application/{kind}+json" for kind in ("geo", "hal", "ld", "vnd.api")),
)
TEXT = (*HTML, *JSON, "text/csv", "text/javascript", "application/javascript", "application/xml", "text/xml")

_WIDEST = 200  # columns that one cell of an HTML table may stand for
_LONGEST_NUMBER, _LARGEST_NUMBER = 40, 15  # characters, and digits before or after the point
_GRIDS = ("table", "csv", "xlsx")


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table: its column by heading, its row by what stands in other columns, or at an end.

    `within` is the sheet of a workbook, or what selects the table of a page.
    """

    column: str
    row: Mapping[str, str] | Literal["first", "last"]
    within: str = ""

    def find(self, rows: Grid) -> str:
        """Return the cell. Raises SourceChanged unless there is one such column and one such row."""
        start, places = self._heading(rows)
        below = [row for row in rows[start + 1 :] if any(_said(value) for value in row)]
        if isinstance(self.row, str):
            if not below:
                raise SourceChanged("rows under the headings", "none")
            return _at(below[0 if self.row == "first" else -1], places[self.column])
        wanted = self.row.items()
        found = [row for row in below if all(_said(_at(row, places[name])) == said for name, said in wanted)]
        if len(found) != 1:
            where = ", ".join(f"{name} is {said}" for name, said in wanted)
            raise SourceChanged(f"one row whose {where}", f"{len(found)}")
        return _at(found[0], places[self.column])

    def _heading(self, rows: Grid) -> tuple[int, Mapping[str, int]]:
        """Return the number of the first row that holds all headings, and the place of each."""
        names = {self.column, *(self.row if isinstance(self.row, Mapping) else ())}
        for number, row in enumerate(rows):
            said = [_said(value) for value in row]
            if names.issubset(said):
                if twice := next((name for name in names if said.count(name) > 1), None):
                    raise SourceChanged(f"one column {twice}", f"{said.count(twice)}")
                return number, {name: said.index(name) for name in names}
        raise SourceChanged(f"a row of headings with {', '.join(sorted(names))}", "none")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a figure stands; what is not given is empty."""

    css: str = ""
    attribute: str = ""
    kind: Literal["", "table", "csv", "xlsx"] = ""
    cell: Cell | None = None
    json: str | None = None
    pattern: str = ""

    @classmethod
    def of(cls, entry: Mapping[str, Any], *, beside: Place | None = None) -> Place:
        """Return the place that an entry names. Raises ValueError, in one line, where it names none.

        `column` alone is a cell of the row `beside` which it stands.
        """
        if beside and beside.cell and "column" in entry:
            if set(entry) != {"column"}:
                raise ValueError("column stands alone: the row is that of the figure")
            return replace(beside, cell=replace(beside.cell, column=_text(entry, "column")), pattern="")
        if unknown := next((key for key in entry if key not in KEYS), None):
            raise ValueError(f"unknown key {unknown!r}: expected some of {', '.join(KEYS)}")
        ways = [key for key in ("css", *_GRIDS) if key in entry]
        if len(ways) > 1:
            raise ValueError(f"{' and '.join(ways)} are two ways to one figure: give one")
        if not set(KEYS) & set(entry):
            raise ValueError(f"where to look is missing: give one of {', '.join(KEYS)}")
        if "attribute" in entry and "css" not in entry:
            raise ValueError("attribute needs css, the element that has it")
        kind: Any = next((way for way in ways if way in _GRIDS), "")
        if kind and "json" in entry:
            raise ValueError(f"{kind} and json are two ways to one figure: give one")
        return cls(
            css=_css(entry["css"]) if "css" in entry else "",
            attribute=_text(entry, "attribute") if "attribute" in entry else "",
            kind=kind,
            cell=_cell(kind, entry[kind]) if kind else None,
            json=_pointer(entry["json"]) if "json" in entry else None,
            pattern=_pattern(entry["pattern"]) if "pattern" in entry else "",
        )

    @property
    def accept(self) -> Collection[str]:
        """Return the content types of a page in which this is looked for."""
        match self.kind:
            case "csv":
                return CSV
            case "xlsx":
                return XLSX
        if self.css or self.kind:
            return HTML
        return TEXT if self.json is None else JSON

    def find(self, document: Document) -> Found:
        """Return what stands here. Raises SourceChanged unless exactly one thing does."""
        found = self._way_in(document)
        if self.json is not None:
            if not isinstance(found, str):
                raise SourceChanged("JSON", short(found))
            found = point(reading.strict_json(found, number=json_number), self.json)
        return only_match(self.pattern, found) if self.pattern else found

    def _way_in(self, document: Document) -> Found:
        if self.cell:
            return self.cell.find(document.grid(self.kind, self.cell.within))
        if not self.css:
            return document.text if self.json is None else document.raw
        node = reading.one(document.soup, self.css, "the figure")
        if self.attribute:
            return reading.attribute(node, self.attribute, f"the figure ({self.css})")
        return apart(node)


class Document:
    """A fetched page, taken apart as far as somebody asks."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._grids: dict[tuple[str, str], Grid] = {}

    @cached_property
    def raw(self) -> str:
        """Return its text as it was served."""
        return reading.decode(self.page)

    @cached_property
    def soup(self) -> BeautifulSoup:
        """Return it as HTML."""
        return reading.soup(self.page)

    @cached_property
    def text(self) -> str:
        """Return what a person reads of it: of HTML the text, of any other page all."""
        return apart(self.soup) if self.page.content_type in HTML else " ".join(self.raw.split())

    def grid(self, kind: str, within: str) -> Grid:
        """Return the rows of its CSV, of the sheet or of the table of that name."""
        if (kind, within) not in self._grids:
            self._grids[kind, within] = self._rows(kind, within)
        return self._grids[kind, within]

    def _rows(self, kind: str, within: str) -> Grid:
        match kind:
            case "csv":
                return list(reading.csv_rows(self.raw.removeprefix("\ufeff")))
            case "xlsx":
                from scrapers.toolkit.tables import read_sheet

                return read_sheet(self.page, within)
        return html_rows(reading.one(self.soup, within, "the table"))


def apart(node: Tag) -> str:
    """Return an element's text, its parts apart: the note in `51<sup>2</sup>` is no digit of the number."""
    return " ".join(node.get_text(" ").split())


def html_rows(table: Tag) -> Grid:
    """Return the rows of an HTML table; SourceChanged where cells reach over several rows."""
    rows = []
    for row in table.select("tr"):
        if row.find_parent("table") is not table:
            raise SourceChanged("a table without others in it", "one inside")
        cells: list[str] = []
        for cell in row.find_all(["td", "th"], recursive=False):
            if str(cell.get("rowspan", "1")).strip() != "1":
                raise SourceChanged("a table whose cells are of one row", "a cell of several: use css")
            span = str(cell.get("colspan", "1")).strip()
            width = int(span) if re.fullmatch(r"\d{1,3}", span, re.ASCII) else 1
            cells += [apart(cell)] * min(max(width, 1), _WIDEST)
        rows.append(cells)
    return rows


def point(document: object, pointer: str) -> Found:
    """Return the text or number at a JSON pointer (RFC 6901); in a list, -1 is its last."""
    here = document
    for part in _parts(pointer):
        if isinstance(here, dict) and part in here:
            here = here[part]
        elif isinstance(here, list) and _index(part, len(here)) is not None:
            here = here[_index(part, len(here)) or 0]
        else:
            raise SourceChanged(f"something at {pointer}", f"nothing at {short(part)}")
    if isinstance(here, bool) or not isinstance(here, str | Decimal):
        raise SourceChanged(f"a number or text at {pointer}", short(here))
    return here


def json_number(digits: str) -> Found:
    """Return a JSON number as it is written; as a text where it is too large or small for a figure."""
    number = Decimal(digits) if len(digits) <= _LONGEST_NUMBER else None
    return digits if number is None or abs(number.adjusted()) > _LARGEST_NUMBER else number


def only_match(pattern: str, found: Found) -> str:
    """Return the group of the only match of a pattern."""
    try:
        matches = compiled(pattern).finditer(str(found))
        first, second = next(matches, None), next(matches, None)
    except UnicodeEncodeError:  # JSON may name one of two characters that make one
        raise SourceChanged("text", "half of a character") from None
    if first is None or second is not None or first[1] is None:
        count = "0" if first is None else "more" if second is not None else "an empty group"
        raise SourceChanged(f"one match of {pattern}", count)
    return str(first[1])


def compiled(pattern: str) -> Any:
    """Return a pattern of RE2, whose time is bound by its text's length. Raises ValueError for a bad one."""
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        made = re2.compile(pattern, options)
    except re2.error as error:
        said = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
        raise ValueError(f"pattern: {said} (the syntax is RE2's)") from None
    if made.groups != 1:
        raise ValueError(f"pattern: expected one group in brackets around the number, found {made.groups}")
    return made


def _parts(pointer: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def _index(part: str, size: int) -> int | None:
    """Return the place in a list that a part of a pointer names, or None."""
    if part == "-1" and size:
        return size - 1
    plain = re.fullmatch(r"0|[1-9]\d{0,6}", part, re.ASCII)
    return int(part) if plain and int(part) < size else None


def _said(cell: str) -> str:
    return " ".join(cell.split())


def _at(row: Sequence[str], place: int) -> str:
    return row[place] if place < len(row) else ""


def _text(entry: Mapping[str, Any], key: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{key} must be a text, not {value!r}")
    return " ".join(value.split())


def _css(selector: object) -> str:
    import soupsieve

    if not isinstance(selector, str) or not selector.strip():
        raise ValueError(f"css must be a selector such as '#total', not {selector!r}")
    try:
        soupsieve.compile(selector)
    except (soupsieve.SelectorSyntaxError, NotImplementedError) as error:
        raise ValueError(f"css: {str(error).partition(chr(10))[0]}") from None
    return selector


def _cell(kind: str, given: object) -> Cell:
    within = {"table": "css", "csv": "", "xlsx": "sheet"}[kind]
    keys = {"column", "row", within} - {""}
    if not isinstance(given, Mapping) or not {"column", "row"} <= set(given) <= keys:
        raise ValueError(f"{kind} must have the keys {', '.join(sorted(keys))}, found {given!r:.80}")
    named = given.get(within, "table" if kind == "table" else "")
    if kind == "xlsx" and not (isinstance(named, str) and named):
        raise ValueError(f"xlsx: sheet must be the name of a sheet, not {named!r}")
    return Cell(_text(given, "column"), _row(kind, given["row"]), _css(named) if kind == "table" else named)


def _row(kind: str, given: object) -> Mapping[str, str] | Literal["first", "last"]:
    if given == "first" or given == "last":
        return given
    if not isinstance(given, Mapping) or not given:
        raise ValueError(f'{kind}: row must be {{ "a heading" = "what stands there" }}, "first" or "last"')
    for said in given.values():
        if isinstance(said, bool) or not isinstance(said, str | int):
            raise ValueError(f"{kind}: expected a text or a whole number in row, found {said!r}")
    return {" ".join(name.split()): " ".join(str(said).split()) for name, said in given.items()}


def _pointer(given: object) -> str:
    if not isinstance(given, str) or (given and not re.fullmatch(r"(/([^/~]|~0|~1)*)+", given)):
        raise ValueError(f"json must be a JSON pointer such as '/data/0/value', not {given!r}")
    return given


def _pattern(given: object) -> str:
    if not isinstance(given, str):
        raise ValueError(f"pattern must be a text, not {given!r}")
    compiled(given)
    return given
