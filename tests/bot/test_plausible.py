"""What is held and what is believed: nothing that was ever published is held, and planted faults are."""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.findings import Doubt
from bot.rules.headline import needed
from bot.rules.measures import History
from bot.rules.plausible import Series, bounds, reading_bounds, reading_doubts, release_doubts
from scrapers.talking_therapies_monthly import HEADLINES, TalkingTherapiesMonthly
from scrapers.toolkit.contract import ENGLAND, EVERYWHERE, Fetched, Figure, Measure, Page, Release, Unit

NOW = datetime(2026, 5, 14, tzinfo=UTC)
SIGNATURES = Measure("signatures", "Signatures", Unit.SIGNATURES)

NEEDED = needed(HEADLINES)
Month = dict[Series, Figure]


@pytest.fixture(scope="module")
def months(shared_samples: Path) -> dict[str, Month]:
    """Return what the monthly files say that a source keeps: England, and key measures of the providers."""
    files = sorted((shared_samples / "nhs_tt_monthly" / "reconstructed").glob("*.csv.gz"))
    return {path.name[6:13]: dict(kept(path)) for path in files}


@pytest.fixture(scope="module")
def history(shared_samples: Path) -> History:
    """Return England's headline measures of all 63 months."""
    found: dict[str, dict[str, float | None]] = {measure: {} for measure in NEEDED}
    with gzip.open(
        shared_samples / "nhs_tt_monthly" / "england_all_measures_2021-01_2026-03.csv.gz", "rt"
    ) as file:
        for row in csv.DictReader(file):
            if row["measure_id"] in NEEDED:
                found[row["measure_id"]][row["reporting_period"]] = float(row["value"])
    return found


def kept(path: Path) -> Iterator[tuple[Series, Figure]]:
    """Yield what the source keeps of one month's file."""
    period = path.name[6:13]
    page = Page(f"https://files.digital.nhs.uk/{period}.csv", gzip.decompress(path.read_bytes()), "text/csv")
    fetched = Fetched(Release(period, period, page.url, period), page)
    for figure in TalkingTherapiesMonthly({}).read(fetched, NOW):
        yield (figure.measure.id, figure.area.kind, figure.area.code), figure


def values(month: Month) -> dict[Series, float | None]:
    """Return a month's values by series."""
    return {series: figure.value for series, figure in month.items()}


def until(history: History, period: str) -> History:
    """Return the history as it was before a month came out."""
    return {measure: {p: v for p, v in said.items() if p < period} for measure, said in history.items()}


def test_no_month_that_was_ever_published_is_held(months: dict[str, Month], history: History) -> None:
    assert len(months) > 50
    for (_, before), (period, month) in pairwise(months.items()):
        assert release_doubts(list(month.values()), values(before), until(history, period)) == [], period


def test_no_month_of_england_is_held_as_the_history_grows(history: History) -> None:
    for measure, said in history.items():
        measured = Measure(measure, measure, Unit.COUNT)
        for period, value in said.items():
            figure = Figure(measured, ENGLAND, period, value)
            assert release_doubts([figure], {}, until(history, period)) == [], (measure, period)


def replaced(month: Month, change: Callable[[Figure], float | None]) -> list[Figure]:
    """Return a month's figures with other values."""
    return [figure._replace(value=change(figure)) for figure in month.values()]


def newest(months: dict[str, Month]) -> tuple[str, Month, Mapping[Series, float | None]]:
    """Return the newest month, its figures, and what the month before says."""
    (_, before), (period, month) = list(months.items())[-2:]
    return period, month, values(before)


@pytest.mark.parametrize("measure", sorted(NEEDED))
@pytest.mark.parametrize("factor", [10, 0.1])
def test_a_headline_measure_of_england_that_is_ten_times_too_large_or_small_is_held(
    months: dict[str, Month], history: History, measure: str, factor: float
) -> None:
    period, month, before = newest(months)

    def planted(figure: Figure) -> float | None:
        is_it = figure.area == ENGLAND and figure.measure.id == measure and figure.value is not None
        return figure.value * factor if is_it and figure.value is not None else figure.value

    doubts = release_doubts(replaced(month, planted), before, until(history, period))
    if month.get((measure, "England", "England")):
        assert [doubt.what for doubt in doubts] == [f"{measure} of England"]


@pytest.mark.parametrize("factor", [10, 0.1])
def test_a_measure_that_is_ten_times_too_large_or_small_in_all_areas_is_held(
    months: dict[str, Month], history: History, factor: float
) -> None:
    period, month, before = newest(months)

    def planted(figure: Figure) -> float | None:
        is_it = figure.area != ENGLAND and figure.measure.id == "M001" and figure.value is not None
        return figure.value * factor if is_it and figure.value is not None else figure.value

    doubt = release_doubts(replaced(month, planted), before, until(history, period))[0]
    assert doubt.what.startswith("M001 in the middle of 1")
    assert doubt.now == pytest.approx(factor, rel=0.3)


def test_two_measures_that_are_swapped_are_held(months: dict[str, Month], history: History) -> None:
    period, month, before = newest(months)
    for one, other in (("M031", "M038"), ("M001", "M038"), ("M153", "M075"), ("M079", "M192")):
        swap = {one: other, other: one}

        def crossed(figure: Figure, swap: dict[str, str] = swap) -> float | None:
            measure = swap.get(figure.measure.id, figure.measure.id)
            twin = month.get((measure, figure.area.kind, figure.area.code))
            return twin.value if twin else None

        doubts = release_doubts(replaced(month, crossed), before, until(history, period))
        said = [doubt.what for doubt in doubts if "look swapped" in doubt.what]
        assert len(said) == 1, (one, other, doubts)
        assert one in said[0]
        assert other in said[0]


def test_a_release_with_less_than_half_of_its_figures_is_held(
    months: dict[str, Month], history: History
) -> None:
    period, month, before = newest(months)
    figures = list(month.values())
    (doubt,) = release_doubts(figures[: len(before) // 2 - 1], before, until(history, period))
    assert (doubt.what, doubt.before) == ("figures in the release", len(before))


def test_a_first_release_is_believed() -> None:
    referrals = Figure(Measure("M001", "Count_x", Unit.COUNT), ENGLAND, "2026-03", 5e9)
    assert release_doubts([referrals], {}, {}) == []


def test_a_series_of_less_than_a_year_holds_nothing() -> None:
    referrals = Figure(Measure("M001", "Count_x", Unit.COUNT), ENGLAND, "2026-03", 5e9)
    history: History = {"M001": {f"2025-{month:02}": 100.0 for month in range(1, 12)}}
    assert release_doubts([referrals], {}, history) == []
    history = {"M001": {**history["M001"], "2025-12": 100.0}}
    assert release_doubts([referrals], {("M001", "England", "England"): 100.0}, history) == [
        Doubt("M001 of England", Unit.COUNT, 5e9, 100.0, 80.0, 120.0)
    ]


@given(st.lists(st.floats(0, 1e9), min_size=1))
def test_all_that_a_series_has_ever_been_is_believed_again(past: Sequence[float]) -> None:
    low, high = bounds(past)
    assert low <= min(past)
    assert max(past) <= high
    assert min(past) / 2 <= low
    assert high <= 2 * max(past)


def petitions(samples: Path) -> dict[str, list[tuple[datetime, int]]]:
    """Return the readings of each recorded petition, in order."""
    found = {}
    for path in sorted((samples / "petition-series").glob("*.csv")):
        rows = csv.DictReader(io.StringIO(path.read_text()))
        readings = [
            (
                datetime.fromisoformat(re.sub(" ?(UTC|Z)$", "+00:00", row["timestamp_utc"])),
                int(row["count"]),
            )
            for row in rows
        ]
        found[path.stem] = sorted(readings)
    return found


def test_no_count_that_a_petition_ever_showed_is_held(shared_samples: Path) -> None:
    recorded = petitions(shared_samples)
    assert sum(map(len, recorded.values())) > 10_000
    for petition, readings in recorded.items():
        for (since, before), (at, count) in pairwise(readings):
            assert reading(count, before, (at - since).total_seconds() / 86_400) == [], (petition, at)


def reading(count: int, before: int, days: float = 0.01) -> list[Doubt]:
    """Return what is doubted of a count."""
    series = ("signatures", EVERYWHERE.kind, EVERYWHERE.code)
    figure = Figure(SIGNATURES, EVERYWHERE, "2026-05-14T12:00:00Z", count)
    return reading_doubts([figure], {series: float(before)}, days)


@pytest.mark.parametrize(("before", "count"), [(629, 6_290_000), (1_000, 499), (150_000, 15), (5, 5_016)])
def test_a_count_that_no_petition_reaches_in_a_day_is_held(before: int, count: int) -> None:
    low, high = reading_bounds(before, 0)
    assert reading(count, before) == [Doubt("signatures", Unit.SIGNATURES, count, before, low, high)]


@pytest.mark.parametrize(("before", "count"), [(629, 1_258), (629, 315), (5, 0), (629, 6_000), (5, 5_015)])
def test_a_burst_and_a_small_fall_are_believed(before: int, count: int) -> None:
    assert reading(count, before) == []


def test_after_days_without_a_look_more_growth_is_believed() -> None:
    assert reading(75_024, 10_000, days=0.5) != []
    assert reading(75_024, 10_000, days=2.2) == []
    assert reading_bounds(10, 400) == reading_bounds(10, 10)
