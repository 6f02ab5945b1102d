"""Organisations of the NHS by code: names, dates, integrated care boards, regions, and what became of them.

The NHS Organisation Data Service keeps them, and exports them as CSV reports that are made anew each night:
`etr` (NHS trusts), `ect` (care trusts), `eother` (integrated care boards among others), each with every
organisation there ever was, and `succ` (which code took over from which, and when). They have no header.
Those of organisations have 27 columns in the order that all such reports share; `succ` has five. A day is
`20240401`. An entry watches one report: one page, one conditional request a week.

A fact is an organisation's code -> JSON with name, opened, closed, region and icb; or for `succ`, a code that
was taken over -> JSON with a list of [successor, day]. Successions of general practices, whose codes have six
characters, are left out. Sites and independent providers are in reports of many thousand rows that are not
read: NHS England's files name those that have figures.

Layouts are those that readers of these reports rely on; none was seen here on the service itself.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, ClassVar, NamedTuple

from scrapers.toolkit import reading
from scrapers.toolkit.contract import (
    Every,
    Fact,
    Fetched,
    LiveScraper,
    Page,
    Release,
    SourceChanged,
    Web,
)
from scrapers.toolkit.reading import short

HOST = "www.odsdatasearchandexport.nhs.uk"
CSV_TYPES = ("text/csv", "application/csv", "application/octet-stream", "text/plain")
WEEKLY = Every(timedelta(days=7), timedelta(days=7))


class _Report(NamedTuple):
    """What a report holds, and the words in the names of the organisations that are kept of it."""

    title: str
    columns: int
    named: str = ""


_SUCCESSIONS = "succ"
_REPORTS: Mapping[str, _Report] = {
    "etr": _Report("NHS organisations: trusts", 27),
    "ect": _Report("NHS organisations: care trusts", 27),
    "eother": _Report("NHS organisations: integrated care boards", 27, "INTEGRATED CARE BOARD"),
    _SUCCESSIONS: _Report("NHS organisations: successors", 5),
}
_CODE = re.compile(r"[A-Z0-9]{2,8}")
_LONGEST_CODE = 5  # of an organisation that has figures
_DAY = re.compile(r"(\d{4})(\d\d)(\d\d)")


class Organisations(LiveScraper):
    """One report of the NHS Organisation Data Service."""

    options: ClassVar[Mapping[str, str]] = {"id": f"which report: {', '.join(_REPORTS)}"}
    needs_entry = True
    publisher = "NHS Organisation Data Service"
    hosts = frozenset({HOST})
    rhythm = WEEKLY

    def __init__(self, entry: Mapping[str, Any]) -> None:
        """Take `id`."""
        super().__init__(entry)
        name = entry.get("id")
        if name is None or name not in _REPORTS:
            raise ValueError(f"id must be a report, one of {', '.join(_REPORTS)}, not {name!r}")
        self._name, self._report = name, _REPORTS[name]
        self.title = self._report.title
        self.url = f"https://{HOST}/api/getReport?report={name}"

    async def fetch(self, release: Release, web: Web) -> Fetched:
        """Return the report."""
        return Fetched(release, await web.get(self.url, accept=CSV_TYPES))

    def read(self, fetched: Fetched, now: datetime) -> Iterator[Fact]:
        """Yield a fact for each organisation, or for each that was taken over."""
        with reading.reading(fetched.page):
            rows = _rows(fetched.page, self._report.columns)
            found = _successions(rows) if self._name == _SUCCESSIONS else _organisations(rows, self._report)
            if not found:
                raise SourceChanged(f"rows of {self._report.named.lower() or 'organisations'}", "none")
        for code, said in found.items():
            yield Fact(code, json.dumps(said, ensure_ascii=False))


def _rows(page: Page, columns: int) -> Iterator[list[str]]:
    """Yield the rows of a report, each with its columns and a code in the first."""
    for row in reading.csv_rows(reading.decode(page)):
        if len(row) != columns:
            raise SourceChanged(f"{columns} columns in each row", f"{len(row)}: {short(','.join(row))}")
        cells = [cell.strip() for cell in row]
        _code(cells[0])
        yield cells


def _organisations(rows: Iterable[Sequence[str]], report: _Report) -> dict[str, dict[str, str | None]]:
    """Return each organisation of a report that is kept, once, by its code."""
    found: dict[str, dict[str, str | None]] = {}
    for code, name, region, icb, *rest in rows:
        if report.named not in name.upper():
            continue
        if not name or code in found:
            raise SourceChanged("each organisation once, with a name", f"{short(name)} for {code}")
        opened, closed = _day(rest[6]), _day(rest[7]) if rest[7] else None
        if closed is not None and closed < opened:
            raise SourceChanged(f"an end after {opened} for {code}", closed)
        found[code] = {
            "name": name,
            "opened": opened,
            "closed": closed,
            "region": _code(region) if region else None,
            "icb": _code(icb) if icb else None,
        }
    return found


def _successions(rows: Iterable[Sequence[str]]) -> dict[str, list[tuple[str, str]]]:
    """Return each code that was taken over, with its successors by day."""
    found: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for code, successor, _, on, _ in rows:
        taken_over = _code(successor), _day(on)
        if max(len(code), len(successor)) <= _LONGEST_CODE:
            found[code].add(taken_over)
    return {code: sorted(successors, key=lambda one: (one[1], one[0])) for code, successors in found.items()}


def _code(written: str) -> str:
    if not _CODE.fullmatch(written):
        raise SourceChanged("an organisation's code such as RXY", short(written))
    return written


def _day(written: str) -> str:
    """Return a day as in ISO 8601."""
    match = _DAY.fullmatch(written)
    try:
        if match:
            return date(*map(int, match.groups())).isoformat()
    except ValueError:
        pass
    raise SourceChanged("a day such as 20240401", short(written))
