"""NHS Talking Therapies, monthly activity and performance, by NHS England.

One file a month since January 2021, in long form: a row for each organisation and measure. What is kept of
it: every measure for England, and the key measures for each region, Sub-ICB and provider. Rows for pairs of a
Sub-ICB and a provider are checked like all others and left out.

A measure is known by its MEASURE_ID; names have changed about thirty times, and in July 2022 five names
stood for two measures each. A value is a plain number, or `*` or `-`, which say that it is withheld (readers
of these files have met both); every other mark, a blank too, is news for a person. England's figures were
never withheld until now, but may be. Only means may be negative: one provider's was, in July 2025.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlsplit

from scrapers.toolkit import nhs_digital
from scrapers.toolkit.contract import (
    ENGLAND,
    Area,
    Fetched,
    Figure,
    Measure,
    Release,
    ReleaseCalendar,
    Scraper,
    SourceChanged,
    Unit,
    Web,
)
from scrapers.toolkit.reading import reading, short
from scrapers.toolkit.tables import Table, read_table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SITE = "https://digital.nhs.uk/data-and-information/publications/statistical/"
SERIES = SITE + "nhs-talking-therapies-monthly-statistics-including-employment-advisors"
OLD_SERIES = SITE + "psychological-therapies-report-on-the-use-of-iapt-services"
FIRST_MONTH = "2021-01"  # the files before it have other names, or other columns
FILE_TYPES = frozenset(
    {
        "text/csv",
        "application/csv",
        "application/vnd.ms-excel",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/zip",
        "application/x-zip-compressed",
        "application/octet-stream",
    }
)
FILE_LIMIT = 128 * 1024 * 1024

# iapt-month-Apr-21-final-data.xlsx, iapt_month_feb_2023_activity v2.csv,
# nhstalkingtherapies_month_jul_2025_activity_final.csv; a replaced file may get a number.
_FILE = re.compile(
    r"(?:iapt|nhstalkingtherapies)[-_]month[-_](?P<month>[a-z]{3,9})[-_](?:20)?(?P<year>\d\d)"
    r"[-_](?:final-data|activity(?:_(?:performance|updated|final))?)(?:[-_ ]v?\d)?\.(?:csv|xlsx|zip)",
    re.IGNORECASE,
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

_COLUMNS = (
    "REPORTING_PERIOD_START",
    "REPORTING_PERIOD_END",
    "GROUP_TYPE",
    "ORG_CODE1",
    "ORG_NAME1",
    "ORG_CODE2",
    "ORG_NAME2",
    "MEASURE_ID",
    "MEASURE_NAME",
)
_HEADERS = ((*_COLUMNS, "MEASURE_VALUE_SUPPRESSED"), (*_COLUMNS, "MEASURE_VALUE"))

# GROUP_TYPE as published -> kind of area. Sub-ICBs were CCGs until June 2022.
_KINDS: Mapping[str, str] = {
    "England": "England",
    "CommissioningRegion": "CommissioningRegion",
    "SubICB": "SubICB",
    "CCG": "SubICB",
    "Provider": "Provider",
    "SubICB/Provider": "SubICB/Provider",
    "CCG/Provider": "SubICB/Provider",
}
_KIND_NAMES = ("England", "CommissioningRegion", "SubICB", "Provider", "SubICB/Provider")
_ENGLAND, _PROVIDER, _PAIR = 0, 3, 4

_UNITS: Mapping[str, Unit] = {
    "Count": Unit.COUNT,
    "Coun": Unit.COUNT,  # so written in the publisher's own list of measures
    "Percentage": Unit.PERCENT,
    "Mean": Unit.MEAN,
    "Median": Unit.MEDIAN,
    "Max": Unit.MAXIMUM,
    "Min": Unit.MINIMUM,
}
_WITHHELD = ("*", "-")

KEY_MEASURES = frozenset(
    f"M{number:03}"
    for number in (
        *(1, 31, 36, 37, 38, 44, 45, 47, 49, 52, 53, 54, 55, 56, 61, 66, 71, 72, 73, 75, 76, 79, 82, 84),
        *(126, 141, 153, 179, 184, 185, 186, 189, 191, 192, 193, 195, 288, 340, 342, 344, 1010),
    )
)

_ENDED = "referrals that ended"
_FINISHED = "referrals that finished a course of treatment (two sessions or more)"
_AT_CASENESS = "referrals that finished a course of treatment and had started at caseness"
_TREATED = "referrals that ended after at least one treatment session"
_DENOMINATORS: Mapping[str, str] = {
    "M053": _FINISHED,
    "M055": _FINISHED,
    "M077": _ENDED,
    "M078": _ENDED,
    "M079": _ENDED,
    "M126": "referrals with a second treatment session in the month",
    "M186": _FINISHED,
    "M192": _AT_CASENESS,
    "M195": _AT_CASENESS,
    "M1010": _FINISHED,
    "M288": _TREATED,
}
_DEFINITIONS: Mapping[str, str] = {
    "M001": "referrals received in the month",
    "M031": "referrals with their first treatment session in the month",
    "M056": "referrals discharged in the month",
    "M153": "referrals that ended with no treatment session",
    "M075": "referrals that ended after one treatment session",
    "M076": "referrals that ended after two treatment sessions or more",
    "M344": "referrals that ended earlier than the care professional had planned (end code 47)",
    "M340": "referrals that ended with an assessment left incomplete (end code 16)",
    "M061": "referrals that ended because the patient declined the treatment offered (end code 14)",
    "M191": "referrals that moved from caseness to below it",
    "M193": "referrals that recovered and reliably improved",
    "M053": "waited 42 days or less for the first treatment session",
    "M055": "waited 126 days or less for the first treatment session",
    "M126": "waited more than 90 days between the first and the second treatment session",
    "M288": "ended after one treatment session",
}


class _Share(NamedTuple):
    """A published percentage, and the counts from which it can be recomputed."""

    measure: str
    part: str
    whole: tuple[str, ...]
    less: tuple[str, ...] = ()


_SHARES = (
    _Share("M053", "M052", ("M076",)),
    _Share("M055", "M054", ("M076",)),
    _Share("M186", "M185", ("M076",)),
    _Share("M192", "M191", ("M076",), ("M179",)),
    _Share("M195", "M193", ("M076",), ("M179",)),
    _Share("M1010", "M189", ("M076",)),
)
_LATER_SHARES = (  # published since 2024
    _Share("M077", "M153", ("M056",)),
    _Share("M078", "M075", ("M056",)),
    _Share("M079", "M076", ("M056",)),
    _Share("M126", "M047", ("M121", "M046")),
    _Share("M288", "M075", ("M056",), ("M153",)),
)
_END_CODES = tuple(
    f"M{number:03}" for number in (57, 58, 59, 60, 61, 62, 63, 66, 69, 70, 71, 72, 340, 341, 342, 344)
)
_BY_SESSIONS = ("M153", "M075", "M076")
# By how much the three counts by sessions may miss the count of all ended. In 2022 some were counted twice.
_SLACK = 4
_SLACK_BY_MONTH: Mapping[str, int] = {"2022-05": 27, "2022-06": 27, "2022-07": 27, "2022-08": 7}


class TalkingTherapiesMonthly(Scraper):
    """The monthly figures of NHS Talking Therapies, for anxiety and depression."""

    title = "NHS Talking Therapies, monthly"
    url = SERIES
    publisher = "NHS England"
    hosts = nhs_digital.HOSTS
    rhythm = ReleaseCalendar()

    NEWEST = 12  # releases whose own pages each check looks at

    def __init__(self, entry: Mapping[str, Any]) -> None:
        """Take an entry without options."""
        super().__init__(entry)

    async def listed(self, web: Web) -> Sequence[Release]:
        """Return what the series page lists, newest first after the announced."""
        series = await _series(SERIES, web)
        if not series.out:
            raise SourceChanged("a publication that is out", "none", url=SERIES)
        return (*series.upcoming, *series.out)

    async def visit(self, releases: Sequence[Release], web: Web) -> Sequence[Release]:
        """Return these releases as their own pages show them now."""
        return [await _visited(release, web) for release in releases]

    async def releases(self, web: Web) -> Sequence[Release]:
        """Return the announced releases, and the newest twelve as their own pages show them."""
        listed = await self.listed(web)
        announced = [release for release in listed if release.published is None]
        newest = [release for release in listed if release.published is not None][: self.NEWEST]
        return (*announced, *await self.visit(newest, web))

    async def past(self, web: Web) -> Sequence[Release]:
        """Return what both series list, the present one and the one before it."""
        listed = {release.key: release for release in await self.listed(web)}
        for release in (await _series(OLD_SERIES, web)).out:
            if listed.setdefault(release.key, release).url != release.url:
                raise SourceChanged(
                    "one address for each publication", f"two for {release.key}", url=OLD_SERIES
                )
        return tuple(listed.values())

    async def fetch(self, release: Release, web: Web) -> Fetched:
        """Return a month's file, after a look at the release's page where its address is not known."""
        if not release.file:
            release = await _visited(release, web)
        if not release.file:
            raise SourceChanged("a monthly activity file", "none", url=release.url)
        return Fetched(release, await web.get(release.file, accept=FILE_TYPES, limit=FILE_LIMIT))

    def read(self, fetched: Fetched, now: datetime) -> Sequence[Figure]:
        """Return the figures of one month's file."""
        with reading(fetched.page):
            table = read_table(fetched.page, _HEADERS)
            return _Month(table, fetched.release.period).figures()


async def _series(url: str, web: Web) -> nhs_digital.Series:
    return nhs_digital.series_page(await web.get(url, accept=nhs_digital.HTML))


async def _visited(release: Release, web: Web) -> Release:
    page = await web.get(release.url, accept=nhs_digital.HTML)
    shown = nhs_digital.release_page(page)
    with reading(page):
        return shown.update(release, activity_file(shown))


def activity_file(shown: nhs_digital.ReleasePage) -> str:
    """Return the address of a release's monthly activity file.

    Empty for an announced release, for one that covers another span than a month, and before January 2021;
    any other has exactly one, and its name says the month that the page says.
    """
    names = {file: unquote(urlsplit(file).path).rpartition("/")[2] for file in shown.files}
    matches = {file: match for file, name in names.items() if (match := _FILE.fullmatch(name))}
    if shown.published is None or (shown.coverage and (shown.month is None or shown.month < FIRST_MONTH)):
        return ""
    if len(matches) != 1:
        found = (
            ", ".join(names[file] for file in matches)
            or f"none among {', '.join(names.values()) or 'no files'}"
        )
        raise SourceChanged("one monthly activity file", short(found))
    file, match = next(iter(matches.items()))
    month = match["month"].lower()[:3]
    if month not in _MONTHS:
        raise SourceChanged("a month in the file's name", short(names[file]))
    named = f"20{match['year']}-{_MONTHS.index(month) + 1:02}"
    if shown.month is not None and named != shown.month:
        raise SourceChanged(f"a file for {shown.month}", short(names[file]))
    return file


class _Month:
    """One month's table, checked as a whole, and the figures that are kept of it."""

    def __init__(self, table: Table, expected: str | None) -> None:
        self.table = table
        self.value = table[next(name for name in table.columns if name.startswith("MEASURE_VALUE"))]
        self.period = _period(table, expected)
        self.kinds = self._kinds()
        self.units = self._units()
        self.numbers = self.value.numbers(_WITHHELD)[self.value.codes]
        self.england = self._england_rows()
        self._check_organisations()
        self._check_each_once()
        self._check_values()
        if table.open_ended:
            self._check_whole()
        _check_identities(self._england_values(), self.period)

    def figures(self) -> list[Figure]:
        """Return England's figures and the key measures of all other areas."""
        import numpy as np

        measures = self.table["MEASURE_ID"]
        key = np.array([measure in KEY_MEASURES for measure in measures.values])
        kept = np.flatnonzero((self.kinds == _ENGLAND) | ((self.kinds != _PAIR) & key[measures.codes]))
        kinds = self.kinds[kept]
        first, second = self.table["ORG_CODE1"], self.table["ORG_CODE2"]
        providers = kinds == _PROVIDER
        codes = np.where(providers, second.codes[kept] + len(first.values), first.codes[kept])
        named = self._measures()
        areas: dict[tuple[int, int], Area] = {}
        figures = []
        for row, kind, code, measure, number in zip(
            kept.tolist(),
            kinds.tolist(),
            codes.tolist(),
            measures.codes[kept].tolist(),
            self.numbers[kept].tolist(),
            strict=True,
        ):
            area = areas.get((kind, code))
            if area is None:
                area = areas[kind, code] = self._area(row, kind)
            value = None if number != number else number  # NaN says withheld
            figures.append(Figure(named[measure], area, self.period, value))
        return figures

    def _kinds(self) -> NDArray[np.int8]:
        import numpy as np

        column = self.table["GROUP_TYPE"]
        unknown = [value for value in column.values if value not in _KINDS]
        if unknown:
            raise SourceChanged("a known GROUP_TYPE", short(unknown[0]))
        numbers = np.array([_KIND_NAMES.index(_KINDS[value]) for value in column.values], dtype=np.int8)
        return numbers[column.codes]

    def _units(self) -> NDArray[np.int8]:
        """Return each row's unit, as its place among the units, by the first word of its measure's name."""
        import numpy as np

        ids, names = self.table["MEASURE_ID"], self.table["MEASURE_NAME"]
        order = list(Unit)
        units = []
        for name in names.values:
            prefix, _, rest = name.partition("_")
            if prefix not in _UNITS or not rest.strip():
                raise SourceChanged("a MEASURE_NAME that begins with its unit", short(name))
            units.append(order.index(_UNITS[prefix]))
        rows = np.array(units, dtype=np.int8)[names.codes]
        by_measure = np.zeros(len(ids.values), dtype=np.int8)
        by_measure[ids.codes] = rows
        other = np.flatnonzero(by_measure[ids.codes] != rows)
        if len(other):
            raise SourceChanged("one unit for each measure", f"two for {ids[other[0]]}")
        for measure in ids.values:
            if not re.fullmatch(r"M\d{3,4}", measure):
                raise SourceChanged("a MEASURE_ID such as M001", short(measure))
        return rows

    def _england_rows(self) -> NDArray[np.intp]:
        import numpy as np

        rows = np.flatnonzero(self.kinds == _ENGLAND)
        if not len(rows):
            raise SourceChanged("rows for England", "none")
        return rows

    def _check_organisations(self) -> None:
        """Check that `all` stands where it should: in England's rows twice, in a provider's row first."""
        import numpy as np

        first, second = self.table["ORG_CODE1"], self.table["ORG_CODE2"]
        all_first = np.array([code == "all" for code in first.values])[first.codes]
        all_second = np.array([code == "all" for code in second.values])[second.codes]
        blank = np.array([not code.strip() for code in first.values])[first.codes]
        blank |= np.array([not code.strip() for code in second.values])[second.codes]
        wants_first = (self.kinds == _ENGLAND) | (self.kinds == _PROVIDER)
        wants_second = (self.kinds != _PROVIDER) & (self.kinds != _PAIR)
        wrong = np.flatnonzero((all_first != wants_first) | (all_second != wants_second) | blank)
        if len(wrong):
            row = wrong[0]
            found = f"{first[row]!r} and {second[row]!r}"
            raise SourceChanged(f"organisation codes of a {_KIND_NAMES[self.kinds[row]]} row", found)

    def _check_each_once(self) -> None:
        import numpy as np

        key = self.kinds.astype(np.int64)
        for name in ("ORG_CODE1", "ORG_CODE2", "MEASURE_ID"):
            column = self.table[name]
            key = key * len(column.values) + column.codes
        ordered = np.sort(key)
        twice = ordered[1:][ordered[1:] == ordered[:-1]]
        if len(twice):
            row = np.flatnonzero(key == twice[0])[1]
            raise SourceChanged("one row for each figure", f"two rows for one figure: {self._place(row)}")

    def _check_values(self) -> None:
        """Check each value against its unit. Comparisons with NaN, which says withheld, are all false."""
        import numpy as np

        numbers = self.numbers
        of = [self.units == place for place in range(len(Unit))]
        count, percent, mean = (of[list(Unit).index(unit)] for unit in (Unit.COUNT, Unit.PERCENT, Unit.MEAN))
        tenths = numbers * 10
        fault = np.isinf(numbers)
        self._refuse(fault, "a plain number, * or -")
        self._refuse((numbers < 0) & ~mean, "a value that is not negative")
        self._refuse(count & (np.trunc(numbers) != numbers) & ~np.isnan(numbers), "a whole count")
        self._refuse(percent & (numbers > 100), "a percentage of at most 100")
        self._refuse(percent & (numbers > 0) & (numbers < 1), "a percentage, not a share of 1")
        provider = self.kinds == _PROVIDER
        self._refuse(
            percent & provider & (np.trunc(numbers) != numbers) & ~np.isnan(numbers), "a whole percentage"
        )
        self._refuse(percent & (abs(np.rint(tenths) - tenths) > 1e-6), "a percentage of at most one decimal")

    def _refuse(self, fault: NDArray[np.bool_], expected: str) -> None:
        import numpy as np

        rows = np.flatnonzero(fault)
        if len(rows):
            raise SourceChanged(expected, f"{short(self.value[rows[0]])} for {self._place(rows[0])}")

    def _check_whole(self) -> None:
        """Check that a file whose last line was left open ends where a block of measures ends."""
        measures = self.table["MEASURE_ID"]
        if measures[-1] != measures[int(self.england[-1])]:
            raise SourceChanged("a whole file", f"one cut short at {self._place(len(self.table) - 1)}")

    def _place(self, row: int) -> str:
        """Return where a row belongs, for a person: its measure, kind and organisation."""
        kind = _KIND_NAMES[self.kinds[row]]
        codes = [self.table[name][row] for name in ("ORG_CODE1", "ORG_CODE2")]
        organisation = "/".join(code for code in codes if code != "all")
        return " ".join(filter(None, (self.table["MEASURE_ID"][row], kind, organisation)))

    def _area(self, row: int, kind: int) -> Area:
        if kind == _ENGLAND:
            return ENGLAND
        side = "2" if kind == _PROVIDER else "1"
        return Area(self.table["ORG_CODE" + side][row], _KIND_NAMES[kind], self.table["ORG_NAME" + side][row])

    def _measures(self) -> dict[int, Measure]:
        """Return each measure of England's rows by its code; others are not kept without it."""
        import numpy as np

        ids, names = self.table["MEASURE_ID"], self.table["MEASURE_NAME"]
        first = np.full(len(ids.values), -1)
        first[ids.codes[::-1]] = np.arange(len(ids.codes))[::-1]
        order = list(Unit)
        return {
            code: Measure(
                measure,
                names[row],
                order[self.units[row]],
                _DENOMINATORS.get(measure, ""),
                _DEFINITIONS.get(measure, ""),
            )
            for code, (measure, row) in enumerate(zip(ids.values, first.tolist(), strict=True))
        }

    def _england_values(self) -> dict[str, float | None]:
        ids = self.table["MEASURE_ID"]
        values = self.numbers[self.england].tolist()
        measures = (ids[row] for row in self.england.tolist())
        return {m: None if v != v else v for m, v in zip(measures, values, strict=True)}


def _period(table: Table, expected: str | None) -> str:
    """Return the month that all rows cover, which must be `expected` where that is known."""
    days = []
    for name in ("REPORTING_PERIOD_START", "REPORTING_PERIOD_END"):
        values = table[name].values
        if len(values) != 1:
            raise SourceChanged(f"one {name} in all rows", short(", ".join(values[:4])))
        days.append(_day(values[0]))
    period = nhs_digital.month_of(*days)
    if period is None:
        raise SourceChanged("one whole month", f"{days[0]} to {days[1]}")
    if expected is not None and period != expected:
        raise SourceChanged(f"figures of {expected}", f"of {period}")
    return period


def _day(written: str) -> date:
    """Return a day written `01/05/2023` or `2025-06-01`. When the form changed is not known."""
    try:
        if match := re.fullmatch(r"(\d\d)/(\d\d)/(\d{4})", written):
            return date(int(match[3]), int(match[2]), int(match[1]))
        if re.fullmatch(r"\d{4}-\d\d-\d\d", written):
            return date.fromisoformat(written)
    except ValueError:
        pass
    raise SourceChanged("a day such as 01/05/2023 or 2025-06-01", short(written))


def _check_identities(england: Mapping[str, float | None], period: str) -> None:
    """Check England's figures against each other, as the publisher defines them.

    A figure that is missing although it was there in each month is an error; one that is withheld is not,
    but then nothing that needs it can be checked.
    """
    for share in (*_SHARES, *(share for share in _LATER_SHARES if share.measure in england)):
        _check_share(share, england)
    ended = _sum(("M056",), england)
    by_reason, by_sessions = _sum(_END_CODES, england), _sum(_BY_SESSIONS, england)
    if None not in (ended, by_reason) and by_reason != ended:
        raise SourceChanged(f"{ended} ended (M056) as the sum of its 16 end codes", f"{by_reason}")
    slack = _SLACK_BY_MONTH.get(period, _SLACK)
    if ended is not None and by_sessions is not None and abs(by_sessions - ended) > slack:
        raise SourceChanged(f"{ended} ended (M056) as M153 + M075 + M076, within {slack}", f"{by_sessions}")


def _check_share(share: _Share, england: Mapping[str, float | None]) -> None:
    part, plus, less = (_sum(names, england) for names in ((share.part,), share.whole, share.less))
    published = _value(share.measure, england)
    if part is None or plus is None or less is None or published is None:
        return
    whole = plus - less
    if whole <= 0:
        raise SourceChanged(f"a denominator above 0 for {share.measure} of England", f"{whole}")
    tenths = (2000 * part + whole) // (2 * whole)  # half up, in whole numbers
    if tenths != round(published * 10):
        raise SourceChanged(
            f"{tenths / 10} for {share.measure} of England ({part} of {whole})", f"{published}"
        )


def _sum(measures: Sequence[str], england: Mapping[str, float | None]) -> int | None:
    values = [_value(measure, england) for measure in measures]
    return None if None in values else sum(int(value) for value in values if value is not None)


def _value(measure: str, england: Mapping[str, float | None]) -> float | None:
    if measure not in england:
        raise SourceChanged(f"{measure} among England's figures", "none")
    return england[measure]
