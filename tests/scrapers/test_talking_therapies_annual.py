"""The annual figures of NHS Talking Therapies: every layout since 2012-13, and what is refused."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from scrapers.talking_therapies_annual import TalkingTherapiesAnnual, annual_file
from scrapers.toolkit import nhs_digital
from scrapers.toolkit.contract import Fetched, Figure, Page, Release, SourceChanged
from tests.fakes import annual

NOW = datetime(2025, 10, 30, 9, 31, tzinfo=UTC)
SOURCE = TalkingTherapiesAnnual({})


CAPTURES = Path(__file__).parents[1] / "captures" / "talking_therapies_annual"
FILES = "https://files.digital.nhs.uk/4E/2104A0/"
Outcomes = tuple[Mapping[str, Sequence[int]], Mapping[str, annual.Row]]

ENGLAND_2023_24: annual.Row = {
    "Count_ReferralsReceived": 1_829_202,
    "Count_FinishedCourseTreatment": 671_648,
    "Count_AtCaseness": 633_828,
    "Count_NotAtCaseness": 37_164,
    "Count_Improvement": 448_634,
    "Percentage_Improvement": 66.8,
    "Count_NoReliableChange": 174_695,
    "Percentage_NoReliableChange": 26,
    "Count_Deterioration": 39_870,
    "Percentage_Deterioration": 5.9,
    "Count_Recovery": 318_013,
    "Percentage_Recovery": 50.1,
    "Count_ReliableRecovery": 298_780,
    "Percentage_ReliableRecovery": 47.1,
}


def read(
    year: str, body: bytes, *, period: str | None = None, outcomes: Outcomes | None = None
) -> Sequence[Figure]:
    page = Page(FILES + annual.FILES[year], body, "application/zip")
    others: tuple[Page, ...] = ()
    if outcomes:
        zipped = annual.outcomes_zip(year, *outcomes)
        others = (Page(FILES + annual.OUTCOMES_FILES[year], zipped, "application/zip"),)
    release = Release(year, year, "https://x", period=period or year)
    return SOURCE.read(Fetched(release, page, others), NOW)


def values(
    figures: Sequence[Figure], kind: str = "England", code: str = "England"
) -> dict[str, float | None]:
    return {f.measure.id: f.value for f in figures if (f.area.kind, f.area.code) == (kind, code)}


class Samples:
    """The shared samples of the annual reports, as the rows of main tables."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "nhs_tt_annual"
        with (self.folder / "england_totals_by_year.csv").open() as file:
            self.england = {
                row.pop("reporting_period"): {
                    annual.measure_of(name.partition("_")[2], name.partition("_")[0]): value
                    for name, value in row.items()
                    if value
                }
                for row in csv.DictReader(file)
            }

    def rows(self, name: str) -> dict[str, dict[tuple[str, ...], dict[str, str]]]:
        """Return by year and by the cells of a row what is published there."""
        found: dict[str, dict[tuple[str, ...], dict[str, str]]] = {}
        with gzip.open(self.folder / name, "rt") as file:
            for row in csv.DictReader(file):
                place = tuple(
                    row[cell]
                    for cell in (
                        "org_type",
                        "org_code",
                        "org_name",
                        "variable_type",
                        "variable_a",
                        "variable_b",
                    )
                )
                cells = found.setdefault(row["reporting_period"], {}).setdefault(place, {})
                cells[annual.measure_of(row["measure_name"], row["measure_statistic"])] = row["value"]
        return found


def as_numbers(row: Mapping[str, str]) -> dict[str, float | None]:
    return {name: None if text == "*" else float(text) for name, text in row.items() if text != "NULL"}


def as_written(row: Mapping[str, str]) -> dict[str, object]:
    """Return older figures as a workbook or a pack has them."""
    return {n: float(t) if n.startswith("Percentage_") else int(float(t)) for n, t in row.items()}


def test_every_total_of_england_since_2012_comes_out_to_the_last_digit(shared_samples: Path) -> None:
    samples = Samples(shared_samples)
    groups = samples.rows("measures_annual_england_2017-18_2024-25.csv.gz")
    assert list(samples.england) == list(annual.FILES)
    for year, england in samples.england.items():  # 2018-19 as if its table had come in a zip
        if year < "2017-18":
            body = annual.year_file(year, as_written(england))
        else:
            body = annual.year_zip(year, list(groups[year].items()))
        figures = read(year, body)
        said = {name: value for name, value in values(figures).items() if ":" not in name}
        assert said == as_numbers(england), year
        assert {figure.period for figure in figures} == {year}


@pytest.mark.parametrize("year", annual.MAIN)
def test_the_headings_of_these_tests_are_the_published_ones(year: str, shared_samples: Path) -> None:
    fixtures = shared_samples / "nhs_tt_annual" / "nhstt_header_fixtures"
    with (fixtures / f"measures_annual_{year}.csv").open() as file:
        published = next(csv.reader(file))
    assert next(csv.reader([annual.main_csv(year, ())])) == published
    if year >= "2019-20":
        with (fixtures / f"proms_annual_{year}.csv").open() as file:
            assert next(csv.reader(file)) == [*annual.OUTCOMES_ROW, *annual.THERAPY_MEASURES]


def test_every_organisation_comes_out_as_published(shared_samples: Path) -> None:
    samples = Samples(shared_samples)
    groups = samples.rows("measures_annual_england_2017-18_2024-25.csv.gz")
    for year, rows in samples.rows("measures_annual_totals_all_orgs_2017-18_2024-25.csv.gz").items():
        of_england = [(place, row) for place, row in groups[year].items() if place[3] != "Total"]
        figures = read(year, annual.year_zip(year, [*rows.items(), *of_england]))
        found: dict[str, dict[str, float | None]] = {}
        for figure in figures:
            found.setdefault(f"{figure.area.kind} {figure.area.code}", {})[figure.measure.id] = figure.value
        assert len(found) == len({place[:2] for place in rows})
        kinds = {"STP": "ICB", "CCG": "SubICB", "Commissioning Region": "CommissioningRegion"}
        for (kind, code, *_), row in rows.items():
            if kind != "England":
                assert found[f"{kinds.get(kind, kind)} {code}"] == as_numbers(row), (year, kind, code)


def test_the_groups_that_the_campaign_speaks_of_come_out_for_england(shared_samples: Path) -> None:
    rows = Samples(shared_samples).rows("measures_annual_england_2017-18_2024-25.csv.gz")
    for year, of_year in sorted(rows.items()):
        said = values(read(year, annual.year_zip(year, list(of_year.items()))))
        for (*_, variable, a, b), row in of_year.items():
            name = {
                ("Waiting Time", "<6 weeks"): "six_weeks",
                ("Waiting Time", "<18 weeks"): "eighteen_weeks",
            }.get((variable, b)) or (f"decile_{int(a[:2])}" if "Decile" in variable and a[0] in "01" else "")
            if name and "Second" not in a:
                found = {id.partition(":")[0]: v for id, v in said.items() if id.partition(":")[2] == name}
                assert found == as_numbers(row)
    assert said["Percentage_ReliableRecovery:decile_10"] == 40.5
    assert said["Count_FinishedCourseTreatment:six_weeks"] == 614_104
    assert said["Count_FinishedCourseTreatment:second_over_90_days"] == 158_586


def test_outcomes_by_therapy_come_out_to_the_last_digit(shared_samples: Path) -> None:
    folder = shared_samples / "nhs_tt_annual"
    positions: dict[str, dict[str, list[int]]] = {}
    with (folder / "therapy_position_annual.csv").open() as file:
        for row in csv.DictReader(file):
            label = "Total" if row["variable_a"] == "total" else row["variable_a"].replace("_", " ", 1)
            counts = positions.setdefault(row["reporting_period"], {}).setdefault(label, [])
            counts.append(int(float(row["value"])))
    therapies: dict[str, dict[str, dict[str, str]]] = {}
    with gzip.open(folder / "proms_annual_england_2019-20_2024-25.csv.gz", "rt") as file:
        for row in csv.DictReader(file):
            if row["variable_a"] == "Total" and row["measure_statistic"] in ("count", "percentage"):
                measure = annual.measure_of(row["measure_name"], row["measure_statistic"])
                value = row["value"].removesuffix(".0")
                therapies.setdefault(row["reporting_period"], {}).setdefault(row["variable_b"], {})[
                    measure
                ] = value
    assert list(positions) == list(therapies) == sorted(annual.OUTCOMES_FILES, reverse=True)
    for year, of_year in sorted(positions.items()):
        said = values(
            read(year, annual.year_file(year, ENGLAND_2023_24), outcomes=(of_year, therapies[year]))
        )
        for label, counts in of_year.items():
            therapy = "" if label == "Total" else f":therapy_{label[:2]}"
            assert [said[measure + therapy] for measure in annual.POSITIONS] == counts
        shares = sorted(v for id, v in said.items() if id.startswith("Percentage_TherRecovery:") if v)
        assert shares == sorted(float(row["Percentage_TherRecovery"]) for row in therapies[year].values())
    assert said["Percentage_TherRecovery:therapy_20"] == 43.0


def total_of_england(year: str, **changed: object) -> bytes:
    """Return a year's zip in which England's totals were changed."""
    return annual.year_file(year, {**ENGLAND_2023_24, **changed})


def refusal(year: str, body: bytes, *, period: str | None = None) -> str:
    with pytest.raises(SourceChanged) as change:
        read(year, body, period=period)
    assert "\n" not in str(change.value)
    assert change.value.body
    return str(change.value)


def with_text(year: str, old: str, new: str) -> bytes:
    """Return a year's zip in whose main table a text was replaced, which must be there."""
    rows = [(annual.total(), ENGLAND_2023_24), (annual.total(*REGION), ROUNDED), *annual.groups(year)]
    text = annual.main_csv(year, rows)
    assert old in text
    return annual.zipped({annual.MAIN[year]: text.replace(old, new, 1)})


REGION = ("Commissioning Region", "Y56", "LONDON COMMISSIONING REGION")
ROUNDED: annual.Row = {
    "Count_ReferralsReceived": 311_850,
    "Percentage_Recovery": 51,
    "Count_Recovery": "*",
    "Mean_ApptsFinishedCourseTreatment": 8.3,
}


def test_withheld_is_kept_as_withheld_and_not_applicable_is_no_figure() -> None:
    said = values(read("2023-24", with_text("2023-24", "", "")), "CommissioningRegion", "Y56")
    assert said == {
        "Count_ReferralsReceived": 311_850,
        "Mean_ApptsFinishedCourseTreatment": 8.3,
        "Count_Recovery": None,
        "Percentage_Recovery": 51,
    }


def test_a_measure_has_the_name_of_today_whatever_it_was_called() -> None:
    waits = {"Mean_WaitAccessingServices": 21.5, "Count_AccessingServices": 1_266_000}
    for year in annual.MAIN:
        said = values(read(year, total_of_england(year, **waits)))
        assert {name: said[name] for name in waits} == waits, year


def test_a_new_column_is_kept_under_its_own_name() -> None:
    rows = [(annual.total(), {**ENGLAND_2023_24, "Percentage_Variable_withFCTandES": 7.5})]
    table = annual.main_csv("2024-25", [*rows, *annual.groups("2024-25")])
    new = table.replace("Percentage_Variable_withFCTandES", "Percentage_SomethingNew")
    assert (
        values(read("2024-25", annual.zipped({annual.MAIN["2024-25"]: new})))["Percentage_SomethingNew"]
        == 7.5
    )


def test_the_share_with_a_follow_up_is_read_and_held_to_its_counts() -> None:
    counts = {
        "Count_FinishedTreatmentFirst6Months": 330_000,
        "Count_FinishedTreatmentFirst6MonthsFollowUp": 14_850,
    }
    said = values(read("2023-24", total_of_england("2023-24", **counts, Percentage_FollowUpAppointment=4.5)))
    assert said["Percentage_FollowUpAppointment"] == 4.5
    share_of_one = total_of_england("2023-24", **counts, Percentage_FollowUpAppointment=0.045)
    assert "14850 of 330000, found 0.045" in refusal("2023-24", share_of_one)
    other = total_of_england("2023-24", **counts, Percentage_FollowUpAppointment=5.4)
    assert "14850 of 330000, found 5.4" in refusal("2023-24", other)


def test_an_organisation_may_stand_there_twice_with_the_same_values_only() -> None:
    twice = [("Provider", "TAF90", "KINGSTON SMS"), ("Provider", "TAF90", "KINGSTON DRUG & ALCOHOL SERVICE")]
    for second, ok in ((4_245, True), (4_250, False)):
        rows: list[tuple[Sequence[str], annual.Row]] = [(annual.total(), ENGLAND_2023_24)]
        rows += [(annual.total(*twice[0]), {"Count_ReferralsReceived": 4_245})]
        rows += [(annual.total(*twice[1]), {"Count_ReferralsReceived": second})]
        body = annual.year_zip("2023-24", [*rows, *annual.groups("2023-24")])
        if ok:
            assert values(read("2023-24", body), "Provider", "TAF90") == {"Count_ReferralsReceived": 4_245}
        else:
            assert "one row for each organisation, found two for Provider TAF90" in refusal("2023-24", body)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "Count_ReferralsReceived",
            "Count_NewReferrals",
            "expected the column Count_ReferralsReceived, found",
        ),
        (
            "Count_SecondTreatment",
            "Second treatments",
            "expected a column that begins with a unit, as Count_",
        ),
        ("Count_SecondTreatment", "Count_FirstTreatment", "expected one column for Count_AccessingServices"),
        ("OrgType", "Organisation", "expected the column OrgType, found none of that name"),
        (
            "England,All,All,Total",
            "England,All,All,Everybody",
            "expected a row of totals for England, found none",
        ),
        ("England,All", "England,E92000001", "expected the code All for England and for it alone"),
        ("Commissioning Region", "Region", "expected a known OrgType, found 'Region'"),
        (
            "311850",
            "311850.5",
            "expected a whole count, found '311850.5' for Count_ReferralsReceived",
        ),
        ("311850", '"311,850"', "expected a plain number, * or NULL, found '311,850'"),
        (
            "311850",
            "-",
            "expected a plain number, * or NULL, found '-' for Count_ReferralsReceived Commissioning",
        ),
        ("311850", "-5", "expected a value that is not negative, found '-5'"),
        (
            "50.1",
            "0.501",
            "expected a percentage of one decimal, found '0.501' for Percentage_Recovery England",
        ),
        ("50.1", "50.2", "expected 50.1 for Percentage_Recovery of England (318013 of 634484), found 50.2"),
        ("50.1", "5010", "expected a percentage of at most 100, found '5010'"),
        ("318013", "NULL", "expected Count_Recovery of England, found NULL"),
        (
            "1829202",
            "182920",
            "expected Count_FinishedCourseTreatment up to 182920 (Count_ReferralsReceived)",
        ),
        ("633828", "653828", "expected Count_AtCaseness + Count_NotAtCaseness up to 671648"),
        ("<6 weeks", "6 weeks", "expected one row of England for Waiting Time six_weeks, found 0"),
        ("04 Less deprived", "03 Less deprived", "for Indices of Deprivation Decile decile_3, found 2"),
    ],
)
def test_a_table_that_says_something_else_is_refused(old: str, new: str, said: str) -> None:
    assert said in refusal("2023-24", with_text("2023-24", old, new))


def test_a_file_of_another_year_is_refused() -> None:
    body = total_of_england("2023-24")
    assert "expected figures of 2024-25, found of 2023-24" in refusal("2023-24", body, period="2024-25")
    assert "expected a main CSV file of 2022-23, found of 2023-24" in refusal("2022-23", body)
    two = annual.zipped(dict.fromkeys((annual.MAIN["2023-24"], "a/" + annual.MAIN["2022-23"]), "x"))
    assert "expected one main CSV file in the zip" in refusal("2023-24", two)
    page = Page(FILES + annual.FILES["2023-24"], body, "application/zip")
    other = Page(FILES + annual.OUTCOMES_FILES["2022-23"], b"", "application/zip")
    fetched = Fetched(Release("2023-24", "", ""), page, (other,))
    with pytest.raises(SourceChanged, match="outcomes by therapy of 2023-24, found 'ther-based-outcomes2223"):
        SOURCE.read(fetched, NOW)


@pytest.mark.parametrize("year", ["2012-13", "2013-14", "2014-15", "2015-16", "2016-17"])
def test_an_older_report_whose_figures_moved_is_refused(year: str) -> None:
    good: dict[str, object] = {**ENGLAND_2023_24, "Count_AtCaseness": 671_648 - 37_164}
    assert values(read(year, annual.year_file(year, good)))["Count_Recovery"] == 318_013
    moved = {
        **good,
        "Count_ReliableRecovery": good["Count_Recovery"],
        "Count_Recovery": good["Count_ReliableRecovery"],
    }
    assert "Recovery" in refusal(year, annual.year_file(year, moved))
    assert "a number for Count_ReferralsReceived" in refusal(
        year, annual.year_file(year, {**good, "Count_ReferralsReceived": "*"})
    )


def test_outcomes_by_therapy_are_held_to_their_counts() -> None:
    courses: annual.Row = {
        "Count_TotalFinishingCourseTreatment": 262_403,
        "Count_CoursesOfTherapy": 164_041,
        "Count_NotCaseness": 18_241,
        "Count_TherRecovery": 62_696,
        "Percentage_TherRecovery": "43.0",
        "Count_TherRelRecovery": 57_064,
        "Percentage_TherRelRecovery": 39.1,
        "Count_TherImprovement": 91_534,
        "Percentage_TherImprovement": 55.8,
        "Count_TherDeterioration": 11_781,
        "Percentage_TherDeterioration": 7.2,
        "Count_TherNoChange": 57_861,
        "Percentage_TherNoChange": 35.3,
    }
    positions = {"Total": (2_000_000, 9, 8, 7), "20 Guided Self Help Book": (898_738, 5_373, 609, 22)}

    def said(therapy: str, label: str, **changed: object) -> str:
        changed_positions = {label if name.startswith("20") else name: n for name, n in positions.items()}
        outcomes = (changed_positions, {therapy: {**courses, **changed}})
        try:
            return str(len(read("2023-24", total_of_england("2023-24"), outcomes=outcomes)))
        except SourceChanged as change:
            return str(change)

    label, therapy = "20 Guided Self Help Book", "Guided Self Help (Book)"
    assert said(therapy, label).isdigit()
    assert "expected 43.0 for Percentage_TherRecovery of Guided" in said(
        therapy, label, Percentage_TherRecovery=44
    )
    assert "expected each known therapy once, found 'Guided Help'" in said("Guided Help", label)
    assert "expected a therapy such as 20 Guided Self Help, found '99 New'" in said(therapy, "99 New")


def shown(*names: str) -> nhs_digital.ReleasePage:
    coverage = (date(2023, 4, 1), date(2024, 3, 31))
    files = tuple(FILES + name for name in names)
    return nhs_digital.ReleasePage("2023-24", NOW, None, coverage, files, (), None)


def test_the_file_is_the_archive_of_the_year_or_the_only_workbook() -> None:
    zipped, meta = annual.FILES["2023-24"], "psych-ther-ann-2023-24-meta.xlsx"
    assert annual_file(shown(meta, zipped)) == FILES + zipped
    workbook = "psych-ther-ann-rep-tab-2023-24.xlsx"
    assert annual_file(shown(meta, workbook, zipped)) == FILES + zipped
    assert annual_file(shown(meta, workbook)) == FILES + workbook
    assert annual_file(replace(shown(zipped), published=None)) == ""
    assert annual_file(replace(shown(), coverage=(date(2023, 4, 1), date(2023, 6, 30)))) == ""
    for names, said in (
        ((), "expected one file of annual figures, found 0"),
        ((zipped, zipped.replace(".zip", "-2.zip")), "expected one file of annual figures, found 2"),
        (
            (annual.FILES["2022-23"],),
            "expected a file for 2023-24, found 'psych-ther-ann-rep-csvs-2022-23.zip'",
        ),
    ):
        with pytest.raises(SourceChanged, match=said):
            annual_file(shown(*names))
