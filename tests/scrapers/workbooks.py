"""Write small workbooks, as publishers do."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

from openpyxl import Workbook

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
Row = Sequence[str | float | None]


def sheets_of(sheets: Mapping[str, Sequence[Row]]) -> bytes:
    """Return a workbook with these rows in each of its sheets, named in this order."""
    book = Workbook()
    for number, (name, rows) in enumerate(sheets.items()):
        sheet = book.create_sheet(name, number)
        for row in rows:
            sheet.append(row)
    book.remove(book[book.sheetnames[-1]])
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()
