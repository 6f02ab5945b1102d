"""Annual reports of NHS Talking Therapies in every layout that they have had, made of a few figures."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

import openpyxl

Row = Mapping[str, object]  # measure, by its name of today -> as written

ROW = ("OrgType", "OrgCode", "OrgName", "VariableType", "VariableA", "VariableB")
OUTCOMES = ("Improvement", "NoReliableChange", "Deterioration", "Recovery", "ReliableRecovery")
MEASURES = (
    *("Count_ReferralsReceived", "Count_AccessingServices", "Count_SecondTreatment"),
    *("Count_FinishedCourseTreatment", "Percentage_FinishedCourseTreatment", "Count_EndedReferrals"),
    *("Count_EndedBeforeTreatment", "Count_EndedAfterOneTreatment", "Mean_ApptsFinishedCourseTreatment"),
    *("Mean_WaitAccessingServices", "Mean_WaitFinishedCourseTreatment", "Count_AppropriatePairedADSM"),
    *("Percentage_AppropriatePairedADSM", "Count_AtCaseness", "Count_NotAtCaseness"),
    *(f"{unit}_{outcome}" for outcome in OUTCOMES for unit in ("Count", "Percentage")),
    *("Count_BAFIndicatorCompletion", "Percentage_BAFIndicatorCompletion"),
    *("Count_FinishedTreatmentFirst6Months", "Count_FinishedTreatmentFirst6MonthsFollowUp"),
    *("Percentage_FollowUpAppointment", "Mean_ContactDuration", "Median_ContactDuration"),
    *("Sum_ContactDuration", "Count_ApptsFinishedCourseTreatment", "Mean_TotalContactDurationPerReferral"),
    *("Median_TotalContactDurationPerReferral", "Count_FinishedCourseTreatmentContactDuration"),
    *("Mean_TreatmentAppointmentsRecovery", "Mean_TreatmentAppointmentsImprovement"),
    *("Mean_TreatmentAppointmentsNoChange", "Mean_TreatmentAppointmentsDeterioration"),
    *("Mean_TreatmentAppointmentsReliableRecovery", "Count_FinishedCourseTreatment_with_EmpSup"),
    "Percentage_Variable_withFCTandES",
)
_SINCE = {
    "Count_SecondTreatment": "2020-21",
    "Count_EndedAfterOneTreatment": "2022-23",
    "Count_FinishedCourseTreatment_with_EmpSup": "2024-25",
    "Percentage_Variable_withFCTandES": "2024-25",
}
_EARLIER = {  # name of today -> (last year of another name, that name)
    "Count_AccessingServices": ("2021-22", "Count_FirstTreatment"),
    "Mean_WaitAccessingServices": ("2021-22", "Mean_WaitEnteredTreatment"),
    "Count_AppropriatePairedADSM": ("2019-20", "Count_PairedADSM"),
    "Percentage_AppropriatePairedADSM": ("2019-20", "Percentage_PairedADSM"),
    "Mean_ApptsFinishedCourseTreatment": ("2019-20", "Mean_TreatmentAppointments"),
}
_IN_ONE_YEAR = {
    ("2023-24", "Mean_WaitAccessingServices"): "Mean_WaitEnteredTreatment",
    ("2024-25", "Percentage_FinishedCourseTreatment"): "Percentage_Variable_withFCT",
}
FILES = {
    "2012-13": "psych-ther-ann-rep-tab-2012-13.xlsx",
    "2013-14": "psych-ther-ann-rep-tab-2013-14.xlsx",
    "2014-15": "psych-ther-ann-rep-tab-2014-15.xlsx",
    "2015-16": "psych-ther-ann-rep-csv-pack-2015-16.zip",
    "2016-17": "psych-ther-ann-rep-csv-pack-2016-17_v3.0.zip",
    "2017-18": "psych-ther-ann-2017-18-csvs.zip",
    "2018-19": "psych-ther-ann-2018-19-csvs.rar",
    "2019-20": "psych-ther-ann-2019-20-csvs.zip",
    "2020-21": "psych-ther-ann-rep-csvs-2020-21.zip",
    "2021-22": "psych-ther-ann-rep-csvs-2021-22.zip",
    "2022-23": "psych-ther-ann-rep-csvs-2022-23.zip",
    "2023-24": "psych-ther-ann-rep-csvs-2023-24.zip",
    "2024-25": "psych-ther-ann-rep-csv-2024-25-2.zip",
}
MAIN = {
    "2017-18": "psych-ther-ann-rep-csv-2017-18-main-csv.csv",
    "2018-19": "psych-ther-ann-rep-csv-2018-19-main-csv.csv",
    "2019-20": "psych-ther-ann-rep-csv-2019-20-main-csv.csv",
    "2020-21": "psych-ther-ann-rep-csv-2020-21-main-csv-v2.csv",
    "2021-22": "psych-ther-ann-rep-csv-2021-22-main-csv.csv",
    "2022-23": "psych-ther-ann-rep-csv-2022-23-main-v2.csv",
    "2023-24": "psych-ther-ann-rep-csv-2023-24-main.csv",
    "2024-25": "psych-ther-ann-rep-csv-2024-25-main2.csv",
}


def heading(measure: str, year: str) -> str:
    """Return the heading of a measure in a year's main table; empty where it was not there yet."""
    if year < _SINCE.get(measure, ""):
        return ""
    last, earlier = _EARLIER.get(measure, ("", ""))
    name = _IN_ONE_YEAR.get((year, measure)) or (earlier if year <= last else measure)
    return name.replace("_", "", 1) if year < "2020-21" else name


def main_csv(year: str, rows: Sequence[tuple[Sequence[str], Row]]) -> str:
    """Return a main table: rows are the six cells of ROW with values; a missing value is not applicable."""
    measures = [measure for measure in MEASURES if heading(measure, year)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([*ROW, *(heading(measure, year) for measure in measures)])
    for cells, values in rows:
        writer.writerow([*cells, *(values.get(measure, "NULL") for measure in measures)])
    return text.getvalue()


def year_zip(year: str, rows: Sequence[tuple[Sequence[str], Row]], **others: str) -> bytes:
    """Return a year's zip with its main table, beside another table as there always are."""
    return zipped(
        {"OrgType,Extra.csv": "OrgType,Extra\r\nEngland,1\r\n", MAIN[year]: main_csv(year, rows), **others}
    )


def zipped(members: Mapping[str, str | bytes]) -> bytes:
    """Return a zip of these files."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2024, 9, 26, 9, 30, 0)), content)
    return body.getvalue()


def pack(year: str, england: Row) -> bytes:
    """Return the pack of small tables of 2015-16 or 2016-17, with a CCG under England."""
    old = year == "2015-16"
    first = {"RECEIVED" if old else "ReferralsReceived": england["Count_ReferralsReceived"], "MORE": 1}
    if old:
        names = ("REL_IMP", "NO_REL_CHANGE", "REL_DET", "RECOVERED", "REL_REC")
        finished = ("FINISH_TREAT", "STARTED_CASENESS", "STARTED_NOT_CASENESS")
        organisations, rate = ("IC_CCG", "CCG_CODE"), "_PCNT"
    else:
        names, rate = OUTCOMES, "Rate"
        finished = ("FinishedCourseTreatment", "StartedCaseness", "StartedNotCaseness")
        organisations = ("CCG", "CCG")
    counts = ("Count_FinishedCourseTreatment", "Count_AtCaseness", "Count_NotAtCaseness")
    second = {name: england[measure] for name, measure in zip(finished, counts, strict=True)}
    for name, outcome in zip(names, OUTCOMES, strict=True):
        second |= {name: england[f"Count_{outcome}"], name + rate: england[f"Percentage_{outcome}"]}
    prefix = f"psych-ther-ann-{year}-table"
    return zipped(
        {
            f"{prefix}-1a.csv": _pack_table(organisations[0], first),
            f"{prefix}-1b.csv": "CCG,Other\r\nEngland,2\r\n",
            f"{prefix}-7a.csv": _pack_table(organisations[1], second),
        }
    )


def _pack_table(organisation: str, england: Row) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([organisation, "CCGName", *england])
    writer.writerow(["England", "England", *england.values()])
    writer.writerow(["00C", "NHS Darlington CCG", *("*" for _ in england)])
    return text.getvalue()


def workbook(year: str, england: Row) -> bytes:
    """Return the workbook of 2012-13, 2013-14 or 2014-15, with its titles, headings and a CCG."""
    e = dict(england)
    share = [[e[f"Count_{name}"], e.get(f"Percentage_{name}")] for name in OUTCOMES]
    if year == "2012-13":
        # No reliable change is printed in two columns.
        unchanged = int(str(e["Count_NoReliableChange"]))
        row: list[Any] = ["England total", None, None, e["Count_AtCaseness"], None, unchanged - 10_000]
        row += [None, None, 10_000, *([None] * 5), e["Count_ReliableRecovery"], None, None]
        row += [e["Count_Recovery"], e["Count_Improvement"], e["Count_Deterioration"]]
        sheets = {"Table_1a": _first_table(e), "Table_5a": row}
    elif year == "2013-14":
        row = ["England total", None, None, e["Count_AtCaseness"]]
        for pair in share:
            row += [None, *pair]
        sheets = {"Table 1a": _first_table(e), "Table 10a": row}
    else:
        row = ["England total", None, None, e["Count_AtCaseness"], e["Count_NotAtCaseness"]]
        for pair in share:
            row += pair
        sheets = {"Table 1a": _first_table(e), "Table 9a": [*row, 99]}
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    book.create_sheet("Contents").append(["Psychological Therapies: annual report", None, year])
    for title, cells in sheets.items():
        sheet = book.create_sheet(title)
        sheet.append([f"{title}: referrals and outcomes"])
        sheet.append([])
        sheet.append(["CCG", "Code", *(f"Heading {n}" for n in range(3, len(cells) + 1))])
        sheet.append(cells)
        sheet.append(["NHS Darlington CCG", "00C", *("*" for _ in cells[2:])])
    body = io.BytesIO()
    book.save(body)
    return body.getvalue()


def _first_table(england: Row) -> list[Any]:
    received, finished = england["Count_ReferralsReceived"], england["Count_FinishedCourseTreatment"]
    return ["England total", None, received, 1, finished]


def year_file(year: str, england: Row, rows: Sequence[tuple[Sequence[str], Row]] = ()) -> bytes:
    """Return a year's file in the layout that it had; `rows` replace the main table's rows."""
    if year < "2015-16":
        return workbook(year, england)
    if year < "2017-18":
        return pack(year, england)
    return year_zip(year, rows or [(total(), england), *groups(year)])


def outcomes_zip(year: str, positions: Mapping[str, Sequence[int]], therapies: Mapping[str, Row]) -> bytes:
    """Return a year's zip of outcomes by therapy; of England, for all diagnoses together.

    `positions` are the four counts of a label such as `20 Guided Self Help`, `therapies` measures by name.
    """
    first: Sequence[str] = ("OrganisationType", "TherapyType")
    if year >= "2020-21":
        first = ("Organisation", "Therapy_Type") if year == "2020-21" else ("Therapy_Type",)
    one = [[*first, *POSITIONS]]
    one += [
        [*("England",) * (len(first) - 1), label, *map(str, counts)] for label, counts in positions.items()
    ]
    four = [[*OUTCOMES_ROW, *THERAPY_MEASURES]]
    for name, values in therapies.items():
        cells = [str(values.get(measure, "1.5")) for measure in THERAPY_MEASURES]
        four.append(["England", "All", "All", "Total", name, *cells])
        four.append(["Provider", "TEST1", "Test provider", "Total", name, *("*" for _ in cells)])
    quoted = io.StringIO()
    csv.writer(quoted, quoting=csv.QUOTE_ALL).writerows(four)
    table_1, table_4 = OUTCOMES_MEMBERS.get(year, ("Table1.csv", "Table4_AllTherapies.csv"))
    plain = io.StringIO()
    csv.writer(plain).writerows(one)
    return zipped({table_1: plain.getvalue(), "Table2.csv": "A,B\r\n1,2\r\n", table_4: quoted.getvalue()})


OUTCOMES_FILES = {
    "2019-20": "ther-based-outcomes1920.zip",
    "2020-21": "ther-based-outcomes2021.zip",
    "2021-22": "ther-based-outcomes-2122.zip",
    "2022-23": "ther-based-outcomes2223.zip",
    "2023-24": "ther-based-outcomes2324.zip",
    "2024-25": "ther-based-outcomes2425-2.zip",
}
OUTCOMES_MEMBERS = {
    "2019-20": ("Table1.csv", "psych-ther-1920-out-ther-csv.csv"),
    "2020-21": ("Table 1.csv", "Table4.csv"),
    "2023-24": ("Therapy Based Outcomes Table 1.csv", "Therapy Based Outcomes Table 4.csv"),
    "2024-25": ("Therapy Based Outcomes Table 1.csv", "Therapy Based Outcomes Table 4-2.csv"),
}
POSITIONS = ("Count_1Therapy", "Count_2Therapies", "Count_3Therapies", "Count_4Therapies")
OUTCOMES_ROW = ("OrganisationType", "OrganisationCode", "OrganisationName", "Diagnosis", "TherapyType")
THERAPY_MEASURES = (
    *("Count_TotalFinishingCourseTreatment", "Count_CoursesOfTherapy", "Count_NotCaseness"),
    *("Start_PHQ_Mean", "Start_PHQ_StdDev", "Start_GAD_Mean", "Start_GAD_StdDev"),
    *("Start_WSAS_Mean", "Start_WSAS_StdDev", "End_PHQ_Mean", "End_PHQ_StdDev"),
    *("End_GAD_Mean", "End_GAD_StdDev", "End_WSAS_Mean", "End_WSAS_StdDev"),
    *("EffectPHQ", "EffectGAD", "EffectWSAS"),
    *(
        f"{unit}_Ther{name}"
        for name in ("Recovery", "RelRecovery", "Improvement", "Deterioration", "NoChange")
        for unit in ("Count", "Percentage")
    ),
)


def total(kind: str = "England", code: str = "All", name: str = "All") -> tuple[str, ...]:
    """Return the six cells before the values of an organisation's row of totals."""
    return (kind, code, name, "Total", "NULL", "NULL")


def groups(year: str) -> list[tuple[tuple[str, ...], Row]]:
    """Return England's rows for the groups that are kept, each with one count."""
    first = "Accessing services" if year >= "2022-23" else "First treatment"
    second = "First to Second treatment" if year >= "2020-21" else "First to Second Treatment"
    named = [
        ("Waiting Time", first, "<6 weeks"),
        ("Waiting Time", first, "<18 weeks"),
        ("Waiting Time", second, ">90 days"),
        *(("Indices of Deprivation Decile", decile, "NULL") for decile in DECILES),
    ]
    if year >= "2020-21":
        named += [("BME Group", group, "NULL") for group in ("BME", "White British")]
    return [
        (("England", "All", "All", *group), {"Count_FinishedCourseTreatment": 1000 + n})
        for n, group in enumerate(named)
    ]


DECILES = (
    "01 Least deprived",
    *(f"{n:02} Less deprived" for n in range(2, 6)),
    *(f"{n:02} More deprived" for n in range(6, 10)),
    "10 Most deprived",
)


def measure_of(name: str, statistic: str) -> str:
    """Return the measure of a sample's `measure_name` and `measure_statistic`."""
    words = re.sub(r"(?:^|_)([a-z])", lambda match: match[1].upper(), name)
    return f"{statistic.capitalize()}_{words}"
