"""The annual figures of NHS Talking Therapies: every layout since 2012-13, and what is refused."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scrapers.talking_therapies_annual import TalkingTherapiesAnnual
from scrapers.toolkit.contract import Fetched, Figure, Page, Release
from tests.fakes import annual

NOW = datetime(2025, 10, 30, 9, 31, tzinfo=UTC)
SOURCE = TalkingTherapiesAnnual({})


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
    for year, england in samples.england.items():
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
