"""The published past as releases: England and the providers, month by month, through the source itself."""

from __future__ import annotations

import csv
import gzip
import io
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

from bot.alerts import Destinations
from bot.commit import Committer
from bot.rules.periods import shifted
from scrapers.talking_therapies_monthly import TalkingTherapiesMonthly
from scrapers.toolkit.contract import Fetched, Figure, Page, Release, published_at
from state.records import Content, Destination
from state.store import Store

READ = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
HEADER = (
    *("REPORTING_PERIOD_START", "REPORTING_PERIOD_END", "GROUP_TYPE", "ORG_CODE1", "ORG_NAME1"),
    *("ORG_CODE2", "ORG_NAME2", "MEASURE_ID", "MEASURE_NAME", "MEASURE_VALUE_SUPPRESSED"),
)


class Named(NamedTuple):
    """What a measure was called, from one month until another."""

    name: str
    since: str
    until: str


def store_past(samples: Path, store: Store) -> None:
    """Store every month of the samples, as a backfill does: England's alone where that is all there is."""
    committer = Committer(store, Destinations((), Destination("log")))
    for content in contents(samples):
        committer.past(TalkingTherapiesMonthly({}), content, READ)


def contents(samples: Path) -> Iterator[Content]:
    """Yield what was read of each month, out on the tenth six weeks after its end."""
    source = TalkingTherapiesMonthly({})
    files = samples / "nhs_tt_monthly" / "reconstructed"
    for period, alone in sorted(_england(samples).items()):
        path = files / f"nhstt_{period}.reconstructed.csv.gz"
        body = gzip.decompress(path.read_bytes()) if path.exists() else alone
        out = shifted(period, 2)
        published = published_at(date(int(out[:4]), int(out[5:]), 10))
        release = Release(period, f"{source.title}, {period}", source.url, period, published)
        figures = source.read(Fetched(release, Page(source.url, body, "text/csv")), READ)
        yield Content(release, tuple(one for one in figures if isinstance(one, Figure)))


def _england(samples: Path) -> Mapping[str, bytes]:
    """Return each month's file as it would be with England's rows alone, under the names of that month."""
    names = _names(samples)
    rows: dict[str, list[list[str]]] = defaultdict(list)
    with gzip.open(samples / "nhs_tt_monthly/england_all_measures_2021-01_2026-03.csv.gz", "rt") as file:
        for row in csv.DictReader(file):
            period, code = row["reporting_period"], row["measure_id"]
            first = date.fromisoformat(f"{period}-01")
            after = shifted(period, 1)
            last = date.fromordinal(date.fromisoformat(f"{after}-01").toordinal() - 1)
            fits = [known for known in names[code] if known.since <= period <= known.until]
            name = max(fits, key=lambda known: known.since).name  # in July 2022 some were wrong for a month
            area = ("England", "all", "all SubICBs", "all", "all Providers")
            value = row["value"].removesuffix(".0")
            rows[period].append([f"{first:%d/%m/%Y}", f"{last:%d/%m/%Y}", *area, code, name, value])
    return {period: _csv(of_period) for period, of_period in rows.items()}


def _names(samples: Path) -> Mapping[str, list[Named]]:
    """Return every name of each measure."""
    names: dict[str, list[Named]] = defaultdict(list)
    with (samples / "nhs_tt_monthly" / "measure_name_history.csv").open() as file:
        for row in csv.DictReader(file):
            names[row["measure_id"]].append(
                Named(row["raw_measure_name"], row["first_month"], row["last_month"])
            )
    return names


def _csv(rows: list[list[str]]) -> bytes:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows([HEADER, *rows])
    return file.getvalue().encode()
