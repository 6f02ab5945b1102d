"""NHS Talking Therapies, annual reports, by NHS England: England and every organisation, since 2012-13.

One publication a year. Since 2017-18 it is a zip of CSV files, of which the one called `main` is read: in
wide form, with a row for each organisation and group of people and a column for each measure. Kept of it are
the rows of all people (`Total`) for every organisation, and for England the groups that the campaign speaks
of. The headings changed every few years; a measure is known here by the name that it has today, so that its
series does not break. A new column is kept under its own name; one that is missing is news for a person.

`*` says that a value is withheld, `NULL` that there is none to give, which is no figure. England is exact;
below it counts are rounded to 5 and percentages are whole. One organisation may stand there twice under two
names (TAF90 in 2023-24): its values must then be the same.

Since 2019-20 there is a second zip, of outcomes by therapy, on the report's page or on its part about them:
of it England's figures for all diagnoses together are kept, by the publisher's codes of therapies.

Reports before 2017-18 are packs of small tables (2015-16, 2016-17) and workbooks of many sheets: of them
England's totals are read. The report of 2018-19 came out as a RAR archive, which is not read here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from itertools import chain
from math import isinf, isnan
from typing import TYPE_CHECKING, NamedTuple

from scrapers.toolkit import nhs_digital
from scrapers.toolkit.contract import (
    ENGLAND,
    Area,
    Fetched,
    Figure,
    Headline,
    Measure,
    Page,
    Release,
    ReleaseCalendar,
    SourceChanged,
    Unit,
    Web,
)
from scrapers.toolkit.reading import reading, short
from scrapers.toolkit.tables import Table, having, read_member, read_sheet

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SERIES = nhs_digital.SITE + "nhs-talking-therapies-for-anxiety-and-depression-annual-reports"
OLD_SERIES = nhs_digital.SITE + "psychological-therapies-annual-reports-on-the-use-of-iapt-services"

# psych-ther-ann-rep-csv-2024-25-2.zip, psych-ther-ann-2018-19-csvs.rar, psych-ther-ann-rep-tab-2014-15.xlsx,
# psych-ther-ann-rep-csv-pack-2016-17_v3.0.zip; not psych-ther-ann-2024-25-meta.xlsx.
_FILE = re.compile(
    r"psych-ther-ann(?:-rep)?-(?:(?:csvs?|csv-pack|tab)-(?P<after>20\d\d-\d\d)|(?P<before>20\d\d-\d\d)-csvs)"
    r"(?:[-_]v?\d(?:\.\d)?)?\.(?P<form>zip|rar|xlsx)",
    re.IGNORECASE,
)
_MAIN = re.compile(
    r"psych-ther-ann-rep-csv-(?P<year>20\d\d-\d\d)-main(?:-csv)?(?:-?v?\d)?\.csv", re.IGNORECASE
)

# ther-based-outcomes2425-2.zip, ther-based-outcomes-2122.zip
_OUTCOMES_FILE = re.compile(r"ther-based-outcomes-?(?P<years>\d{4})(?:-v?\d)?\.zip", re.IGNORECASE)
_OUTCOMES_PART = "/therapy-based-outcomes"

_ROW = ("OrgType", "OrgCode", "OrgName", "VariableType", "VariableA", "VariableB")
# OrgType as published -> kind of area. A Sub-ICB was a CCG, and an ICB an STP, until 2021-22.
_KINDS: Mapping[str, str] = {
    "England": "England",
    "Commissioning Region": "CommissioningRegion",
    "STP": "ICB",
    "ICB": "ICB",
    "CCG": "SubICB",
    "SubICB": "SubICB",
    "Provider": "Provider",
}
_WITHHELD, _NOT_APPLICABLE = "*", "NULL"
_ALL_PEOPLE = "Total"

_COLUMN = re.compile(r"(Count|Percentage|Mean|Median|Sum)_?([A-Z]\w*)")
_UNITS: Mapping[str, Unit] = {
    "Count": Unit.COUNT,
    "Percentage": Unit.PERCENT,
    "Mean": Unit.MEAN,
    "Median": Unit.MEDIAN,
    "Sum": Unit.NUMBER,
}
# Measures that were called otherwise -> as they are called today. Until 2019-20 no name had its first `_`.
_RENAMED: Mapping[str, str] = {
    "Count_FirstTreatment": "Count_AccessingServices",  # until 2021-22
    "Count_PairedADSM": "Count_AppropriatePairedADSM",  # until 2019-20
    "Percentage_PairedADSM": "Percentage_AppropriatePairedADSM",
    "Mean_TreatmentAppointments": "Mean_ApptsFinishedCourseTreatment",
    "Mean_WaitEnteredTreatment": "Mean_WaitAccessingServices",  # until 2021-22, and in 2023-24
    "Percentage_Variable_withFCT": "Percentage_FinishedCourseTreatment",  # in 2024-25, but in its metadata
}
_RECEIVED, _FINISHED = "Count_ReferralsReceived", "Count_FinishedCourseTreatment"
_AT_CASENESS, _NOT_AT_CASENESS = "Count_AtCaseness", "Count_NotAtCaseness"
_OUTCOMES = ("Improvement", "NoReliableChange", "Deterioration", "Recovery", "ReliableRecovery")
_CORE = (
    *(_RECEIVED, _FINISHED, _AT_CASENESS, _NOT_AT_CASENESS),
    *(f"{unit}_{outcome}" for outcome in _OUTCOMES for unit in ("Count", "Percentage")),
)
_ALWAYS = frozenset(  # measured in every year since 2017-18
    f"{unit}_{name}"
    for unit, names in {
        "Count": (
            *("ReferralsReceived", "AccessingServices", "FinishedCourseTreatment", "EndedReferrals"),
            *("EndedBeforeTreatment", "AppropriatePairedADSM", "AtCaseness", "NotAtCaseness", *_OUTCOMES),
            *("BAFIndicatorCompletion", "FinishedTreatmentFirst6Months"),
            *("FinishedTreatmentFirst6MonthsFollowUp", "ApptsFinishedCourseTreatment"),
            "FinishedCourseTreatmentContactDuration",
        ),
        "Percentage": (
            *("FinishedCourseTreatment", "AppropriatePairedADSM", *_OUTCOMES, "BAFIndicatorCompletion"),
            "FollowUpAppointment",
        ),
        "Mean": (
            *("ApptsFinishedCourseTreatment", "WaitAccessingServices", "WaitFinishedCourseTreatment"),
            *("ContactDuration", "TotalContactDurationPerReferral", "TreatmentAppointmentsRecovery"),
            *("TreatmentAppointmentsImprovement", "TreatmentAppointmentsNoChange"),
            *("TreatmentAppointmentsDeterioration", "TreatmentAppointmentsReliableRecovery"),
        ),
        "Median": ("ContactDuration", "TotalContactDurationPerReferral"),
        "Sum": ("ContactDuration",),
    }.items()
    for name in names
)

_OF_FINISHED = "referrals that finished a course of treatment (two sessions or more)"
_OF_AT_CASENESS = "referrals that finished a course of treatment and had started at caseness"
_OF_FIRST_HALF = "referrals that finished a course of treatment from April to September"
_DENOMINATORS: Mapping[str, str] = {
    "Percentage_FinishedCourseTreatment": "referrals of all groups that finished a course of treatment",
    "Percentage_Improvement": _OF_FINISHED,
    "Percentage_NoReliableChange": _OF_FINISHED,
    "Percentage_Deterioration": _OF_FINISHED,
    "Percentage_Recovery": _OF_AT_CASENESS,
    "Percentage_ReliableRecovery": _OF_AT_CASENESS,
    "Percentage_FollowUpAppointment": _OF_FIRST_HALF,
    "Percentage_BAFIndicatorCompletion": "referrals received",
}
_DEFINITIONS: Mapping[str, str] = {
    _RECEIVED: "referrals received in the year",
    "Count_AccessingServices": "referrals with their first treatment session in the year",
    "Count_EndedReferrals": "referrals discharged in the year",
    "Count_EndedBeforeTreatment": "referrals that ended with no treatment session",
    "Count_EndedAfterOneTreatment": "referrals that ended after one treatment session",
    _FINISHED: "referrals that ended after two treatment sessions or more",
    "Count_Improvement": "finished, and improved by more than measurement error",
    "Count_Recovery": "finished, and moved from caseness to below it",
    "Count_ReliableRecovery": "finished, recovered and reliably improved",
    "Percentage_FollowUpAppointment": "had a follow-up appointment 30 days or more after the end",
}


class _Group(NamedTuple):
    """A group of referrals for which England's figures are kept: its rows, its name here, since when."""

    variable: str
    labels: tuple[tuple[str, str], ...]  # VariableA and VariableB, in lower case, as they have been called
    name: str
    said: str
    since: str = "2017-18"


def _wait(label: str, name: str, said: str) -> _Group:
    labels = (("accessing services", label), ("first treatment", label))
    return _Group("Waiting Time", labels, name, f"waited {said} for the first treatment session")


_LABELS_OF_DECILES = (
    "01 least",
    *(f"{n:02} less" for n in range(2, 6)),
    *(f"{n:02} more" for n in range(6, 10)),
)
_GROUPS = (
    _wait("<6 weeks", "six_weeks", "42 days or less"),
    _wait("<18 weeks", "eighteen_weeks", "126 days or less"),
    _Group(
        "Waiting Time",
        (("first to second treatment", ">90 days"),),
        "second_over_90_days",
        "waited more than 90 days between the first and the second treatment session",
    ),
    *(
        _Group(
            "Indices of Deprivation Decile",
            ((f"{label} deprived", "null"),),
            f"decile_{number}",
            f"decile {number} of deprivation, 1 the least deprived",
        )
        for number, label in enumerate((*_LABELS_OF_DECILES, "10 most"), start=1)
    ),
    _Group("BME Group", (("bme", "null"),), "bme", "Black and minority ethnic", "2020-21"),
    _Group("BME Group", (("white british", "null"),), "white_british", "White British", "2020-21"),
)
_OF_GROUPS = (*_CORE, "Percentage_FinishedCourseTreatment")

# The older reports: where England's totals stand in them. A sheet's columns are numbered from 1; they have
# headings of several rows, so that what is read is held to the identities below.
_ENGLAND_ROW = "England total"
_SHEETS: Mapping[str, Mapping[str, Mapping[str, tuple[int, ...]]]] = {
    "2012-13": {
        "Table_1a": {_RECEIVED: (3,), _FINISHED: (5,)},
        "Table_5a": {  # the four outcomes of this year; two of them are no reliable change
            _AT_CASENESS: (4,),
            "Count_NoReliableChange": (6, 9),
            "Count_ReliableRecovery": (15,),
            "Count_Recovery": (18,),
            "Count_Improvement": (19,),
            "Count_Deterioration": (20,),
        },
    },
    "2013-14": {
        "Table 1a": {_RECEIVED: (3,), _FINISHED: (5,)},
        "Table 10a": {
            _AT_CASENESS: (4,),
            **{
                f"{unit}_{outcome}": (column + (unit == "Percentage"),)
                for outcome, column in zip(_OUTCOMES, (6, 9, 12, 15, 18), strict=True)
                for unit in ("Count", "Percentage")
            },
        },
    },
    "2014-15": {
        "Table 1a": {_RECEIVED: (3,), _FINISHED: (5,)},
        "Table 9a": {
            _AT_CASENESS: (4,),
            _NOT_AT_CASENESS: (5,),
            **{
                f"{unit}_{outcome}": (column + (unit == "Percentage"),)
                for outcome, column in zip(_OUTCOMES, (6, 8, 10, 12, 14), strict=True)
                for unit in ("Count", "Percentage")
            },
        },
    },
}


class _PackTable(NamedTuple):
    """One CSV file of a pack: the column of its organisations, and those of the measures."""

    organisation: str
    columns: Mapping[str, str]


def _outcome_columns(names: Sequence[str], rate: str) -> dict[str, str]:
    pairs = zip(_OUTCOMES, names, strict=True)
    return dict(chain(*(((f"Count_{o}", n), (f"Percentage_{o}", n + rate)) for o, n in pairs)))


_PACKS: Mapping[str, Mapping[str, _PackTable]] = {
    "2015-16": {
        "table-1a": _PackTable("IC_CCG", {_RECEIVED: "RECEIVED"}),
        "table-7a": _PackTable(
            "CCG_CODE",
            {
                _FINISHED: "FINISH_TREAT",
                _AT_CASENESS: "STARTED_CASENESS",
                _NOT_AT_CASENESS: "STARTED_NOT_CASENESS",
                **_outcome_columns(("REL_IMP", "NO_REL_CHANGE", "REL_DET", "RECOVERED", "REL_REC"), "_PCNT"),
            },
        ),
    },
    "2016-17": {
        "table-1a": _PackTable("CCG", {_RECEIVED: "ReferralsReceived"}),
        "table-7a": _PackTable(
            "CCG",
            {
                _FINISHED: "FinishedCourseTreatment",
                _AT_CASENESS: "StartedCaseness",
                _NOT_AT_CASENESS: "StartedNotCaseness",
                **_outcome_columns(_OUTCOMES, "Rate"),
            },
        ),
    },
}


# Outcomes by therapy. A row's therapy has a code in the one table and a name in the other.
_POSITIONS = re.compile(r"(?:Therapy Based Outcomes )?Table ?1(?:-\d)?\.csv", re.IGNORECASE)
_BY_THERAPY = re.compile(
    r"(?:Therapy Based Outcomes )?Table ?4(?:_AllTherapies|-\d)?\.csv|psych-ther-1920-out-ther-csv\.csv",
    re.IGNORECASE,
)
_POSITION_COUNTS = ("Count_1Therapy", "Count_2Therapies", "Count_3Therapies", "Count_4Therapies")
_POSITION_HEADERS = (
    ("Therapy_Type", *_POSITION_COUNTS),
    ("Organisation", "Therapy_Type", *_POSITION_COUNTS),
    ("OrganisationType", "TherapyType", *_POSITION_COUNTS),
)
_THERAPY_SHARES = ("TherRecovery", "TherRelRecovery", "TherImprovement", "TherDeterioration", "TherNoChange")
_THERAPY_MEASURES = (
    *("Count_TotalFinishingCourseTreatment", "Count_CoursesOfTherapy", "Count_NotCaseness"),
    *(f"{unit}_{name}" for name in _THERAPY_SHARES for unit in ("Count", "Percentage")),
)
_THERAPY_HEADER = (
    *("OrganisationType", "OrganisationCode", "OrganisationName", "Diagnosis", "TherapyType"),
    *_THERAPY_MEASURES[:3],
    *(
        f"{when}_{scale}_{statistic}"
        for when in ("Start", "End")
        for scale in ("PHQ", "GAD", "WSAS")
        for statistic in ("Mean", "StdDev")
    ),
    *("EffectPHQ", "EffectGAD", "EffectWSAS"),
    *_THERAPY_MEASURES[3:],
)
_THERAPIES: Mapping[str, str] = {
    "guided self help (book)": "20",
    "non-guided self help (book)": "21",
    "guided self help (computer)": "22",
    "non-guided self help (computer)": "23",
    "behavioural activation (low intensity)": "24",
    "structured physical activity": "25",
    "ante/post natal counselling": "26",
    "psychoeducational peer support": "27",
    "applied relaxation": "40",
    "behavioural activation (high intensity)": "41",
    "couples therapy for depression": "42",
    "collaborative care": "43",
    "counselling for depression": "44",
    "brief psychodynamic psychotherapy": "45",
    "eye movement desensitisation reprocessing": "46",
    "mindfulness": "47",
    "cognitive behaviour therapy (cbt)": "50",
    "interpersonal psycho therapy (ipt)": "51",
}


class _Share(NamedTuple):
    """A published percentage of England, and the counts from which it can be recomputed.

    Of `whole`, what comes after the first is taken off.
    """

    measure: str
    part: str
    whole: tuple[str, ...]


_SHARES = (
    *(_Share(f"Percentage_{name}", f"Count_{name}", (_FINISHED,)) for name in _OUTCOMES[:3]),
    *(_Share(f"Percentage_{name}", f"Count_{name}", (_FINISHED, _NOT_AT_CASENESS)) for name in _OUTCOMES[3:]),
)
_FOLLOW_UP = _Share(
    "Percentage_FollowUpAppointment",
    "Count_FinishedTreatmentFirst6MonthsFollowUp",
    ("Count_FinishedTreatmentFirst6Months",),
)
_BOUNDS = (  # what cannot be more than another count
    ((_AT_CASENESS, _NOT_AT_CASENESS), _FINISHED),
    (tuple(f"Count_{name}" for name in _OUTCOMES[:3]), _FINISHED),
    (("Count_ReliableRecovery",), "Count_Recovery"),
    ((_FINISHED,), _RECEIVED),
)


_LATER = (  # measured since 2020-21, 2022-23 and 2024-25
    *("Count_SecondTreatment", "Count_EndedAfterOneTreatment", "Count_FinishedCourseTreatment_with_EmpSup"),
    "Percentage_Variable_withFCTandES",
)
_KNOWN = frozenset(
    (
        *(*_ALWAYS, *_LATER, *_POSITION_COUNTS),
        *(f"{measure}:{group.name}" for measure in _OF_GROUPS for group in _GROUPS),
        *(
            f"{measure}:therapy_{code}"
            for measure in (*_POSITION_COUNTS, *_THERAPY_MEASURES)
            for code in _THERAPIES.values()
        ),
    )
)


class TalkingTherapiesAnnual(nhs_digital.SeriesScraper):
    """The annual figures of NHS Talking Therapies, for anxiety and depression."""

    title = "NHS Talking Therapies, annual"
    url = SERIES
    old_series = OLD_SERIES
    what = "a file of annual figures"
    since = "2012-04"
    measures = _KNOWN
    rhythm = ReleaseCalendar(followed=0)
    headlines = (
        Headline("Referrals received", _RECEIVED, Unit.COUNT),
        Headline("Accessed services", "Count_AccessingServices", Unit.COUNT),
        Headline("Finished a course", _FINISHED, Unit.COUNT),
        Headline("Finished (2+ sessions)", "finished_share", Unit.PERCENT, "of referrals received"),
        Headline(
            "Recovery", "Percentage_Recovery", Unit.PERCENT, "of those finished, at caseness at the start"
        ),
        Headline("Recovered", "recovery_of_referrals", Unit.PERCENT, "of referrals received"),
        Headline("Reliable improvement", "Percentage_Improvement", Unit.PERCENT, "of those finished"),
        Headline(
            "Follow-up appointment",
            "Percentage_FollowUpAppointment",
            Unit.PERCENT,
            "of those finished April to September",
        ),
    )
    caution = "These are referrals, not people, and a year's figures are not the sum of its months."

    def file(self, shown: nhs_digital.ReleasePage) -> str:
        """Return the address of a release's figures; empty where it should have none."""
        return annual_file(shown)

    async def fetch(self, release: Release, web: Web) -> Fetched:
        """Return a year's file, and the one of its outcomes by therapy where there is one already."""
        if not release.file:
            (release,) = await self.visit([release], web)
        if release.file.lower().endswith(".rar"):
            raise SourceChanged(
                "a zip of CSV files", "a RAR archive, which is not read here", url=release.url
            )
        fetched = await super().fetch(release, web)
        return replace(fetched, others=await _outcome_files(fetched.release, web))

    def read(self, fetched: Fetched, now: datetime) -> Sequence[Figure]:
        """Return the figures of one year's file."""
        page = fetched.page
        with reading(page):
            year = _year_of(page)
            if fetched.release.period not in (None, year):
                raise SourceChanged(f"figures of {fetched.release.period}", f"of {year}")
            if year in _SHEETS:
                return _older(_from_sheets(page, year), year)
            if year in _PACKS:
                return _older(_from_pack(page, year), year)
            match, table = read_member(page, _MAIN, having(*_ROW), "main CSV file")
            if match["year"] != year:
                raise SourceChanged(f"a main CSV file of {year}", f"of {match['year']}")
            figures = _Year(table, year).figures()
        for other in fetched.others:
            with reading(other):
                figures += _outcomes(other, year)
        return figures


def annual_file(shown: nhs_digital.ReleasePage) -> str:
    """Return the address of a year's figures: an archive, else a workbook; there must be one of its kind.

    Its name must say the year that the page says. What covers no financial year has none.
    """
    if shown.published is None or (shown.coverage is not None and shown.year is None):
        return ""
    names = {file: nhs_digital.file_name(file) for file in shown.files}
    matches = {file: match for file, name in names.items() if (match := _FILE.fullmatch(name))}
    archives = {file: match for file, match in matches.items() if match["form"].lower() != "xlsx"}
    chosen = archives or matches
    if len(chosen) != 1:
        offered = ", ".join(names[file] for file in chosen or names)
        raise SourceChanged("one file of annual figures", f"{len(chosen)} in {short(offered)}")
    ((file, match),) = chosen.items()
    if shown.year is not None and (match["after"] or match["before"]) != shown.year:
        raise SourceChanged(f"a file for {shown.year}", short(names[file]))
    return file


async def _outcome_files(release: Release, web: Web) -> tuple[Page, ...]:
    """Return the file of a year's outcomes by therapy: of the release's page, or of its part about them.

    It came out since 2019-20, some months after the rest at first.
    """
    page, shown = await nhs_digital.open_release(release.url, web)
    files = list(shown.files)
    for part in shown.parts:
        if part.rstrip("/").endswith(_OUTCOMES_PART):
            files += nhs_digital.part_files(await web.get(part, accept=nhs_digital.HTML))
    found = sorted({file for file in files if _OUTCOMES_FILE.fullmatch(nhs_digital.file_name(file))})
    if len(found) > 1:
        with reading(page):
            raise SourceChanged("at most one file of outcomes by therapy", short(", ".join(found)))
    limit = nhs_digital.FILE_LIMIT
    return tuple([await web.get(file, accept=nhs_digital.FILE_TYPES, limit=limit) for file in found])


def _year_of(page: Page) -> str:
    match = _FILE.fullmatch(nhs_digital.file_name(page.url))
    if match is None:
        raise SourceChanged("a file named after its year", short(nhs_digital.file_name(page.url)))
    return match["after"] or match["before"]


class _Year:
    """The main table of a year, checked as a whole, and the figures that are kept of it."""

    def __init__(self, table: Table, year: str) -> None:
        self.table, self.year = table, year
        self.columns = _measures([name for name in table.columns if name not in _ROW])
        unknown = next((kind for kind in table["OrgType"].values if kind not in _KINDS), None)
        if unknown is not None:
            raise SourceChanged("a known OrgType", short(unknown))
        self.totals = self._totals()
        self.england = self._england()

    def figures(self) -> list[Figure]:
        """Return England's figures, those of its groups, and those of all organisations."""
        rows = ((row, area) for area, row in self.totals.items() if area.kind != ENGLAND.kind)
        return [
            *_figures(ENGLAND, self.year, self.england),
            *self._groups(),
            *chain(*(_figures(area, self.year, self._values(row)) for row, area in rows)),
        ]

    @cached_property
    def _numbers(self) -> dict[str, NDArray[np.float64]]:
        marks = (_WITHHELD, _NOT_APPLICABLE)
        return {measure: self.table[column].numbers(marks) for measure, column in self.columns.items()}

    def _totals(self) -> dict[Area, int]:
        """Return the row of each organisation for all people."""
        import numpy as np

        found: dict[tuple[str, str], tuple[Area, int]] = {}
        for row in np.flatnonzero(self.table["VariableType"].where(_ALL_PEOPLE.__eq__)).tolist():
            area = self._area(row)
            _, first = found.setdefault((area.kind, area.code), (area, row))
            if any(self.table[name][first] != self.table[name][row] for name in self.columns.values()):
                raise SourceChanged("one row for each organisation", f"two for {area.kind} {area.code}")
        return dict(found.values())

    def _england(self) -> dict[str, float | None]:
        if ENGLAND not in self.totals:
            raise SourceChanged("a row of totals for England", "none")
        values = self._values(self.totals[ENGLAND])
        missing = next((measure for measure in _CORE if measure not in values), None)
        if missing is not None:
            raise SourceChanged(f"{missing} of England", _NOT_APPLICABLE)
        _check_england(values)
        return values

    def _area(self, row: int) -> Area:
        kind, code, name = (self.table[column][row] for column in ("OrgType", "OrgCode", "OrgName"))
        if (kind == "England") != (code == "All"):
            raise SourceChanged("the code All for England and for it alone", f"{short(code)} for {kind}")
        if kind == "England":
            return ENGLAND
        if not code or code != code.strip() or not name.strip():
            raise SourceChanged("a code and a name for each organisation", f"{short(code)}, {short(name)}")
        return Area(code, _KINDS[kind], name.strip())

    def _values(self, row: int, measures: Sequence[str] = ()) -> dict[str, float | None]:
        """Return what a row says of these measures, or of all; None is withheld."""
        values: dict[str, float | None] = {}
        for measure in measures or self.columns:
            written, number = self.table[self.columns[measure]][row], float(self._numbers[measure][row])
            if written != _NOT_APPLICABLE:
                self._check_value(measure, written, number, row)
                values[measure] = None if isnan(number) else number
        return values

    def _check_value(self, measure: str, written: str, number: float, row: int) -> None:
        """Check a value against its unit. Comparisons with NaN, which says withheld, are all false.

        How many decimals the percentages have that are not of the core could not be seen.
        """
        unit = _UNITS[measure.partition("_")[0]]
        places = 1 if unit is Unit.PERCENT and self.table["OrgType"][row] == "England" else 0
        exact = unit is Unit.COUNT or (unit is Unit.PERCENT and measure in _CORE)
        expected = ""
        if isinf(number):
            expected = f"a plain number, {_WITHHELD} or {_NOT_APPLICABLE}"
        elif number < 0:
            expected = "a value that is not negative"
        elif unit is Unit.PERCENT and number > 100:
            expected = "a percentage of at most 100"
        elif exact and abs(round(number, places) - number) > 0:
            expected = "a percentage of one decimal" if places else f"a whole {unit}"
        if expected:
            raise SourceChanged(expected, f"{short(written)} for {self._place(measure, row)}")

    def _place(self, measure: str, row: int) -> str:
        return f"{measure} {self.table['OrgType'][row]} {self.table['OrgCode'][row]}"

    def _groups(self) -> Iterator[Figure]:
        """Yield England's figures for the groups that are kept, each of which must stand there once."""
        import numpy as np

        england = self.table["OrgType"].where("England".__eq__)
        places: dict[tuple[str, str, str], list[int]] = {}
        for row in np.flatnonzero(england).tolist():
            variable, a, b = (self.table[column][row] for column in _ROW[3:])
            places.setdefault((variable, a.lower(), b.lower()), []).append(row)
        for group in _GROUPS:
            rows = [row for label in group.labels for row in places.get((group.variable, *label), ())]
            if len(rows) != 1 and (rows or self.year >= group.since):
                raise SourceChanged(f"one row of England for {group.variable} {group.name}", f"{len(rows)}")
            for row in rows:
                values = self._values(row, _OF_GROUPS)
                _check_england(values)
                yield from _figures(ENGLAND, self.year, values, group)


def _measures(columns: Sequence[str]) -> dict[str, str]:
    """Return each measure, by its name of today, with its column."""
    found: dict[str, str] = {}
    for column in columns:
        match = _COLUMN.fullmatch(column)
        if match is None:
            raise SourceChanged("a column that begins with a unit, as Count_", short(column))
        name = f"{match[1]}_{match[2]}"
        measure = _RENAMED.get(name, name)
        if measure in found:
            raise SourceChanged(f"one column for {measure}", f"{found[measure]} and {column}")
        found[measure] = column
    missing = sorted(_ALWAYS - found.keys())
    if missing:
        new = short(", ".join(column for measure, column in found.items() if measure not in _ALWAYS))
        raise SourceChanged(f"the column {', '.join(missing)}", f"none of that name, but {new}")
    return found


def _figures(
    area: Area, year: str, values: Mapping[str, float | None], group: _Group | None = None
) -> Iterator[Figure]:
    for measure, value in values.items():
        yield Figure(_measure(measure, group), area, year, value)


def _measure(measure: str, group: _Group | None) -> Measure:
    unit, denominator = _UNITS[measure.partition("_")[0]], _DENOMINATORS.get(measure, "")
    definition = _DEFINITIONS.get(measure, "")
    if group is None:
        return Measure(measure, measure, unit, denominator, definition)
    return Measure(f"{measure}:{group.name}", f"{measure}, {group.said}", unit, denominator, definition)


def _check_england(england: Mapping[str, float | None]) -> None:
    """Check England's figures against each other, as the publisher defines them.

    What is withheld or not published cannot be checked, nor what needs it. The share with a follow-up is held
    to its counts within a tenth: how it is rounded could not be seen.
    """
    for share in _SHARES:
        if values := _known(england, share.part, *share.whole, share.measure):
            part, whole, *less, published = values
            nhs_digital.check_share(
                f"{share.measure} of England", int(part), int(whole - sum(less)), published
            )
    if values := _known(england, _FOLLOW_UP.part, *_FOLLOW_UP.whole, _FOLLOW_UP.measure):
        part, whole, published = values
        if abs(100 * part - published * whole) > 0.1 * whole:
            raise SourceChanged(
                f"{_FOLLOW_UP.measure} of England as {part:.0f} of {whole:.0f}", f"{published}"
            )
    for parts, bound in _BOUNDS:
        if values := _known(england, *parts, bound):
            *added, most = values
            if sum(added) > most:
                raise SourceChanged(f"{' + '.join(parts)} up to {most:.0f} ({bound})", f"{sum(added):.0f}")


def _known(values: Mapping[str, float | None], *measures: str) -> list[float]:
    """Return the values of these measures; nothing where one of them is withheld or not there."""
    found = [values.get(measure) for measure in measures]
    return [] if None in found else [value for value in found if value is not None]


def _from_sheets(page: Page, year: str) -> dict[str, float]:
    """Return England's totals in a workbook of many sheets."""
    found: dict[str, float] = {}
    for sheet, columns in _SHEETS[year].items():
        rows = [row for row in read_sheet(page, sheet) if row[0].strip() == _ENGLAND_ROW]
        if len(rows) != 1:
            raise SourceChanged(f"one row {_ENGLAND_ROW!r} in {sheet}", f"{len(rows)}")
        for measure, places in columns.items():
            cells = [rows[0][place - 1] if place <= len(rows[0]) else "" for place in places]
            found[measure] = sum(_plain(cell, measure) for cell in cells)
    # In 2012-13 and 2013-14 it is not printed.
    found.setdefault(_NOT_AT_CASENESS, found[_FINISHED] - found[_AT_CASENESS])
    return found


def _from_pack(page: Page, year: str) -> dict[str, float]:
    """Return England's totals in a pack of small CSV files."""
    found: dict[str, float] = {}
    for name, (organisation, columns) in _PACKS[year].items():
        member = re.compile(rf".*{name}(?:[-_]v?\d)?\.csv", re.IGNORECASE)
        _, table = read_member(page, member, having(organisation, *columns.values()), name)
        rows = [row for row in range(len(table)) if table[organisation][row] == "England"]
        if len(rows) != 1:
            raise SourceChanged(f"one row of England in {name}", f"{len(rows)}")
        found |= {measure: _plain(table[column][rows[0]], measure) for measure, column in columns.items()}
    return found


def _plain(written: str, measure: str) -> float:
    if not re.fullmatch(r"\d{1,9}(?:\.\d)?", written):
        raise SourceChanged(f"a number for {measure} of England", short(written))
    return float(written)


def _older(found: Mapping[str, float], year: str) -> list[Figure]:
    """Return England's totals of an older report, after the checks that it allows."""
    fraction = next((name for name, n in found.items() if name.startswith("Count_") and n % 1), None)
    if fraction is not None:
        raise SourceChanged(f"a whole count for {fraction}", f"{found[fraction]}")
    _check_england(found)
    return list(_figures(ENGLAND, year, found))


def _outcomes(page: Page, year: str) -> Iterator[Figure]:
    """Yield England's outcomes and appointments by therapy, for all diagnoses together."""
    match = _OUTCOMES_FILE.fullmatch(nhs_digital.file_name(page.url))
    if match is None or match["years"] != year[2:4] + year[5:]:
        raise SourceChanged(f"outcomes by therapy of {year}", short(nhs_digital.file_name(page.url)))
    _, positions = read_member(page, _POSITIONS, _POSITION_HEADERS, "table of therapies by position")
    yield from _by_position(positions, year)
    _, outcomes = read_member(page, _BY_THERAPY, (_THERAPY_HEADER,), "table of outcomes by therapy")
    yield from _by_therapy(outcomes, year)


def _by_position(table: Table, year: str) -> Iterator[Figure]:
    """Yield how many appointments had each therapy, by how many were recorded for one appointment."""
    therapy = next(name for name in table.columns if name.startswith("Therapy"))
    organisation = next((name for name in table.columns if name.startswith("Organisation")), None)
    seen: set[str] = set()
    for row in range(len(table)):
        if organisation and table[organisation][row] != "England":
            raise SourceChanged("rows of England only", short(table[organisation][row]))
        code, _, said = table[therapy][row].replace("_", " ").partition(" ")
        if code != _ALL_PEOPLE and (code not in _THERAPIES.values() or not said):
            raise SourceChanged("a therapy such as 20 Guided Self Help", short(table[therapy][row]))
        if code in seen:
            raise SourceChanged("each therapy once", f"{code} twice")
        seen.add(code)
        for measure in _POSITION_COUNTS:
            value = _plain(table[measure][row], measure)
            if code == _ALL_PEOPLE:
                yield Figure(Measure(measure, measure, Unit.COUNT), ENGLAND, year, value)
            else:
                yield Figure(_of_therapy(measure, code, said), ENGLAND, year, value)


def _by_therapy(table: Table, year: str) -> Iterator[Figure]:
    """Yield outcomes of courses of each therapy, after their shares were computed again."""
    import numpy as np

    wanted = table["OrganisationType"].where("England".__eq__) & table["Diagnosis"].where(_ALL_PEOPLE.__eq__)
    seen: set[str] = set()
    for row in np.flatnonzero(wanted).tolist():
        said = table["TherapyType"][row]
        code = _THERAPIES.get(said.lower(), "")
        if not code or code in seen:
            raise SourceChanged("each known therapy once", short(said))
        seen.add(code)
        values = {measure: _plain(table[measure][row], measure) for measure in _THERAPY_MEASURES}
        courses = int(values["Count_CoursesOfTherapy"])
        for name in _THERAPY_SHARES:
            whole = courses - int(values["Count_NotCaseness"] if "Rec" in name else 0)
            share = f"Percentage_{name}"
            nhs_digital.check_share(f"{share} of {said}", int(values[f"Count_{name}"]), whole, values[share])
        for measure, value in values.items():
            yield Figure(_of_therapy(measure, code, said), ENGLAND, year, value)


def _of_therapy(measure: str, code: str, said: str) -> Measure:
    unit, of = _UNITS[measure.partition("_")[0]], ""
    if unit is Unit.PERCENT:
        of = "courses of the therapy" + (", started at caseness" if "Rec" in measure else "")
    return Measure(f"{measure}:therapy_{code}", f"{measure}, {said}", unit, of)
