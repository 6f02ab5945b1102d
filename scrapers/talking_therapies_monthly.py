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
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import repeat
from math import isnan
from typing import TYPE_CHECKING, Any, NamedTuple

from scrapers.toolkit import nhs_digital
from scrapers.toolkit.contract import (
    ENGLAND,
    Area,
    Fetched,
    Figure,
    Headline,
    Measure,
    Release,
    SourceChanged,
    Statement,
    Unit,
    Web,
)
from scrapers.toolkit.introduction import statements
from scrapers.toolkit.reading import reading, short
from scrapers.toolkit.tables import Table, read_table

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SERIES = nhs_digital.SITE + "nhs-talking-therapies-monthly-statistics-including-employment-advisors"
OLD_SERIES = nhs_digital.SITE + "psychological-therapies-report-on-the-use-of-iapt-services"
FIRST_MONTH = "2021-01"  # nothing is known of the files just before it, and older ones are laid out otherwise
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

HEADLINES = (
    Headline("Referrals received", "M001", Unit.COUNT),
    Headline("Accessed services", "M031", Unit.COUNT),
    Headline("Ended", "M056", Unit.COUNT),
    Headline("Finished a course", "M076", Unit.COUNT),
    Headline(
        "Treated once only",
        "treated_once",
        Unit.PERCENT,
        "of those treated and ended",
        "Treated once includes single sessions that were agreed.",
    ),
    Headline("Ended before treatment", "before_treatment", Unit.PERCENT, "of those that ended"),
    Headline(
        "Finished (2+ sessions)",
        "finished",
        Unit.PERCENT,
        "of those that ended",
        "Finished means two sessions or more.",
    ),
    Headline("Recovery", "M192", Unit.PERCENT, "of those finished, at caseness at the start"),
    Headline("Reliable improvement", "M186", Unit.PERCENT, "of those finished"),
    Headline(
        "Within 6 weeks",
        "M053",
        Unit.PERCENT,
        "of those finished",
        "The 6 weeks run to the first session.",
    ),
    Headline("Over 90 days to 2nd session", "over_90_days", Unit.PERCENT, "of second treatments"),
    Headline("Waiting for treatment", "M038", Unit.COUNT),
)

_UNITS: Mapping[str, Unit] = {
    "Count": Unit.COUNT,
    "Coun": Unit.COUNT,  # so written in the publisher's own list of measures
    "Percentage": Unit.PERCENT,
    "Mean": Unit.MEAN,
    "Median": Unit.MEDIAN,
    "Max": Unit.MAXIMUM,
    "Min": Unit.MINIMUM,
}
_UNIT_ORDER = tuple(Unit)
_WITHHELD = ("*", "-")
_MOST_CELLS = 1 << 26  # organisations of either kind times measures; real months have ten million

_MEASURE_ID = r"M\d{3,4}"
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
# By how much the three counts by sessions may miss the count of all ended; in 2022 they were up to 27 over.
_SLACK = 4
_SLACK_BY_MONTH: Mapping[str, int] = {"2022-05": 27, "2022-06": 27, "2022-07": 27, "2022-08": 7}


class TalkingTherapiesMonthly(nhs_digital.SeriesScraper):
    """The monthly figures of NHS Talking Therapies, for anxiety and depression."""

    title = "NHS Talking Therapies, monthly"
    url = SERIES
    old_series = OLD_SERIES
    what = "a monthly activity file"
    since = FIRST_MONTH
    headlines = HEADLINES
    caution = "These are referrals, not people."

    def has_measure(self, id: str) -> bool:
        """Return whether this is written as a MEASURE_ID is: new ones come with new files."""
        return re.fullmatch(_MEASURE_ID, id) is not None

    def file(self, shown: nhs_digital.ReleasePage) -> str:
        """Return the address of a release's monthly activity file; empty where it should have none."""
        return activity_file(shown)

    def read(self, fetched: Fetched, now: datetime) -> Sequence[Figure]:
        """Return the figures of one month's file."""
        with reading(fetched.page):
            table = read_table(fetched.page, _HEADERS)
            return _Month(table, fetched.release.period).figures()

    async def witness(self, release: Release, web: Web) -> Fetched | None:
        """Return the introduction: out with the file, and a hundredth of its size."""
        if not release.witness:
            return None
        return Fetched(release, await web.get(release.witness, accept=nhs_digital.HTML))

    def testify(self, fetched: Fetched, now: datetime) -> Iterator[Statement]:
        """Yield the figures that the introduction says in sentences."""
        return statements(fetched.page, fetched.release.period)


def activity_file(shown: nhs_digital.ReleasePage) -> str:
    """Return the address of a release's monthly activity file; empty where it should have none.

    Where it should, there must be exactly one, and its name must say the month that the page says.
    """
    if not _should_have_file(shown):
        return ""
    names = {file: nhs_digital.file_name(file) for file in shown.files}
    matches = {file: match for file, name in names.items() if (match := _FILE.fullmatch(name))}
    if len(matches) != 1:
        offered = [names[file] for file in matches or names]
        raise SourceChanged("one monthly activity file", f"{len(matches)} in {short(', '.join(offered))}")
    ((file, match),) = matches.items()
    month = match["month"].lower()[:3]
    if month not in _MONTHS:
        raise SourceChanged("a month in the file's name", short(names[file]))
    named = f"20{match['year']}-{_MONTHS.index(month) + 1:02}"
    if shown.month is not None and named != shown.month:
        raise SourceChanged(f"a file for {shown.month}", short(names[file]))
    return file


def _should_have_file(shown: nhs_digital.ReleasePage) -> bool:
    """Return whether a release is out and covers one month in the layout that is read here."""
    if shown.published is None:
        return False
    if shown.coverage is None:
        return f"{shown.published:%Y-%m}" > FIRST_MONTH  # a month is never out before its end
    return shown.month is not None and shown.month >= FIRST_MONTH


class _Month:
    """One month's table, checked as a whole, and the figures that are kept of it.

    `kinds` and `units` hold for each row a place in `_KIND_NAMES` and `_UNIT_ORDER`, `numbers` its value.
    """

    def __init__(self, table: Table, expected: str | None) -> None:
        self.table = table
        self.ids, self.names = table["MEASURE_ID"], table["MEASURE_NAME"]
        self.first, self.second = table["ORG_CODE1"], table["ORG_CODE2"]
        self.value = table[next(name for name in table.columns if name.startswith("MEASURE_VALUE"))]
        self.period = _period(table, expected)
        self.kinds = self._kinds()
        self.units = self._units()
        self.numbers = self.value.numbers(_WITHHELD)
        self._check_organisations()
        self._check_each_once()
        self._check_values()
        self.england = self._england()
        if table.open_ended:
            self._check_whole()
        _check_identities({figure.measure.id: figure.value for figure in self.england}, self.period)

    def figures(self) -> list[Figure]:
        """Return England's figures and the key measures of all other areas, pairs excepted."""
        below = (self.kinds != _ENGLAND) & (self.kinds != _PAIR)
        return [*self.england, *self._figures(below & self.ids.where(KEY_MEASURES.__contains__))]

    def _england(self) -> list[Figure]:
        figures = self._figures(self.kinds == _ENGLAND)
        if not figures:
            raise SourceChanged("rows for England", "none")
        return figures

    def _figures(self, wanted: NDArray[np.bool_]) -> list[Figure]:
        import numpy as np

        rows = np.flatnonzero(wanted)
        numbers: list[float] = self.numbers[rows].tolist()
        values = [None if isnan(number) else number for number in numbers]
        return list(map(Figure, self._measures(rows), self._areas(rows), repeat(self.period), values))

    def _measures(self, rows: NDArray[np.intp]) -> list[Measure]:
        """Return the measure of each of these rows, under the name that its first row gives it."""
        codes = self.ids.codes[rows]
        measures = {code: self._measure(row) for code, row in _first_rows(codes, rows)}
        return [measures[code] for code in codes.tolist()]

    def _measure(self, row: int) -> Measure:
        measure, unit = self.ids[row], _UNIT_ORDER[self.units[row]]
        definition = _DEFINITIONS.get(measure, "")
        return Measure(measure, self.names[row], unit, _DENOMINATORS.get(measure, ""), definition)

    def _areas(self, rows: NDArray[np.intp]) -> list[Area]:
        """Return the area of each of these rows, under the name that its first row gives it."""
        codes = self._organisations()[rows]
        areas = {code: self._area(row) for code, row in _first_rows(codes, rows)}
        return [areas[code] for code in codes.tolist()]

    def _area(self, row: int) -> Area:
        kind = self.kinds[row]
        if kind == _ENGLAND:
            return ENGLAND
        side = "2" if kind == _PROVIDER else "1"
        code, name = self.table["ORG_CODE" + side][row], self.table["ORG_NAME" + side][row]
        if not name.strip():
            raise SourceChanged("a name for each organisation", f"none for {code}")
        return Area(code, _KIND_NAMES[kind], name.strip())

    def _organisations(self) -> NDArray[np.int64]:
        """Return a number for each row that stands for its two organisation codes together."""
        import numpy as np

        return self.first.codes.astype(np.int64) * len(self.second.values) + self.second.codes

    def _kinds(self) -> NDArray[np.int8]:
        import numpy as np

        column = self.table["GROUP_TYPE"]
        unknown = [value for value in column.values if value not in _KINDS]
        if unknown:
            raise SourceChanged("a known GROUP_TYPE", short(unknown[0]))
        kinds = [_KIND_NAMES.index(_KINDS[value]) for value in column.values]
        return np.array(kinds, dtype=np.int8)[column.codes]

    def _units(self) -> NDArray[np.int8]:
        """Return each row's unit, by the first word of its measure's name."""
        import numpy as np

        unknown = next((value for value in self.ids.values if not re.fullmatch(_MEASURE_ID, value)), None)
        if unknown is not None:
            raise SourceChanged("a MEASURE_ID such as M001", short(unknown))
        rows = np.array([_unit(name) for name in self.names.values], dtype=np.int8)[self.names.codes]
        of_measure = np.zeros(len(self.ids.values), dtype=np.int8)
        of_measure[self.ids.codes] = rows
        other = np.flatnonzero(of_measure[self.ids.codes] != rows)
        if len(other):
            raise SourceChanged("one unit for each measure", f"two for {self.ids[other[0]]}")
        return rows

    def _check_organisations(self) -> None:
        """Check that `all` stands where it should, and a code elsewhere."""
        import numpy as np

        untidy = next(
            (code for code in (*self.first.values, *self.second.values) if not code or code != code.strip()),
            None,
        )
        if untidy is not None:
            raise SourceChanged("an organisation code", short(untidy))
        summed_first = (self.kinds == _ENGLAND) | (self.kinds == _PROVIDER)
        summed_second = (self.kinds != _PROVIDER) & (self.kinds != _PAIR)
        all_first, all_second = (column.where("all".__eq__) for column in (self.first, self.second))
        rows = np.flatnonzero((all_first != summed_first) | (all_second != summed_second))
        if len(rows):
            kind, codes = _KIND_NAMES[self.kinds[rows[0]]], (self.first[rows[0]], self.second[rows[0]])
            raise SourceChanged(f"codes as rows of {kind} have", "{!r} and {!r}".format(*codes))

    def _check_each_once(self) -> None:
        import numpy as np

        size = len(self.first.values) * len(self.second.values) * len(self.ids.values)
        if size > _MOST_CELLS:
            raise SourceChanged("some hundreds of organisations and measures", "far more")
        cells = self._organisations() * len(self.ids.values) + self.ids.codes
        filled = np.zeros(size, dtype=np.bool_)
        filled[cells] = True
        if np.count_nonzero(filled) < len(cells):
            _, first = np.unique(cells, return_index=True)
            row = np.setdiff1d(np.arange(len(cells)), first)[0]
            raise SourceChanged("one row for each figure", f"two rows for one figure: {self._place(row)}")

    def _check_values(self) -> None:
        """Check each value against its unit. Comparisons with NaN, which says withheld, are all false."""
        import numpy as np

        numbers = self.numbers
        count, percent, mean = (
            self.units == _UNIT_ORDER.index(unit) for unit in (Unit.COUNT, Unit.PERCENT, Unit.MEAN)
        )
        self._refuse(np.isinf(numbers), f"a plain number, {' or '.join(_WITHHELD)}")
        broken = np.floor(numbers) < numbers
        self._refuse(count & broken, "a whole count")
        self._refuse(~mean & (numbers < 0), "a value that is not negative")
        self._refuse(percent & (numbers > 100), "a percentage of at most 100")
        self._refuse(percent & (numbers > 0) & (numbers < 1), "a percentage, not a share of 1")
        self._refuse(percent & (self.kinds == _PROVIDER) & broken, "a provider's whole percentage")
        tenths = numbers * 10
        self._refuse(percent & (np.abs(tenths - np.rint(tenths)) > 1e-6), "a percentage of one decimal")

    def _refuse(self, fault: NDArray[np.bool_], expected: str) -> None:
        import numpy as np

        rows = np.flatnonzero(fault)
        if len(rows):
            raise SourceChanged(expected, f"{short(self.value[rows[0]])} for {self._place(rows[0])}")

    def _check_whole(self) -> None:
        """Check that a file whose last line was left open ends where a block of measures ends."""
        if self.ids[-1] != self.england[-1].measure.id:
            raise SourceChanged("a whole file", f"one cut short at {self._place(-1)}")

    def _place(self, row: int) -> str:
        """Return where a row belongs, for a person: its measure, kind and organisation."""
        codes = "/".join(code for code in (self.first[row], self.second[row]) if code != "all")
        return " ".join(filter(None, (self.ids[row], _KIND_NAMES[self.kinds[row]], codes)))


def _unit(name: str) -> int:
    prefix, _, rest = name.partition("_")
    if prefix not in _UNITS or not rest.strip():
        raise SourceChanged("a MEASURE_NAME that begins with a unit, as Count_", short(name))
    return _UNIT_ORDER.index(_UNITS[prefix])


def _first_rows(codes: NDArray[np.integer[Any]], rows: NDArray[np.intp]) -> list[tuple[int, int]]:
    """Return each distinct code with the first of the rows that have it."""
    import numpy as np

    distinct, places = np.unique(codes, return_index=True)
    return list(zip(distinct.tolist(), rows[places].tolist(), strict=True))


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
    nhs_digital.check_share(f"{share.measure} of England", part, plus - less, published)


def _sum(measures: Sequence[str], england: Mapping[str, float | None]) -> int | None:
    values = [_value(measure, england) for measure in measures]
    return None if None in values else sum(int(value) for value in values if value is not None)


def _value(measure: str, england: Mapping[str, float | None]) -> float | None:
    if measure not in england:
        raise SourceChanged(f"{measure} among England's figures", "none")
    return england[measure]
