"""The rules as docs/measures.md explains them: every worked example computed again."""

from __future__ import annotations

import csv
from itertools import pairwise
from pathlib import Path

from bot.judge import Asked, judge
from bot.rules import periods
from bot.rules.measures import values_of
from bot.rules.providers import without
from bot.rules.xmr import LIMIT, NHSE
from bot.wording.causes import cause
from tests.bot.watching import england, providers
from tests.test_docs import MEASURES, ROOT, table

SERIES = ROOT / "docs" / "before_treatment.csv"


def shown(path: Path) -> dict[str, float]:
    """Return the series that the example is about."""
    with path.open(encoding="utf-8") as file:
        return {row["period"]: float(row["value"]) for row in csv.DictReader(file)}


def test_the_usual_range_of_the_example_is_computed_as_it_is_explained() -> None:
    values = list(shown(SERIES).values())
    total, ranges = sum(values), [abs(after - before) for before, after in pairwise(values)]
    mean, usual = total / len(values), sum(ranges) / len(ranges)
    point = judge(SERIES, Asked(NHSE, "down")).newest
    low, high = f"{point.lower:.3f}", f"{point.upper:.3f}"
    assert table(MEASURES, "Example") == [
        ["average", f"{total:.1f} ÷ {len(values)}", f"{mean:.3f}"],
        ["average moving range", f"{sum(ranges):.1f} ÷ {len(ranges)}", f"{usual:.3f}"],
        ["distance of a limit", f"{LIMIT} × {usual:.3f}", f"{LIMIT * usual:.3f}"],
        ["usual range", f"{mean:.3f} ± {LIMIT * usual:.3f}", f"{low} to {high}"],
        ["March 2026", f"{point.value} > {high}", cause(point.kind, 1, "month")],
    ]


def test_the_series_of_the_example_is_as_published(shared_samples: Path) -> None:
    published = values_of("before_treatment", england(shared_samples))
    values = shown(SERIES)
    assert list(values) == sorted(published)[-24:]
    assert values == {period: published[period] for period in values}


def test_the_share_of_a_year_is_computed_from_its_counts(shared_samples: Path) -> None:
    history = england(shared_samples)
    year = [periods.shifted("2026-03", -back) for back in range(12)]
    top, bottom = (sum(history[code][month] or 0 for month in year) for code in ("M153", "M056"))
    assert table(MEASURES, "Share of a year") == [
        ["before_treatment", f"{top:,.0f} ÷ {bottom:,.0f}", f"{100 * top / bottom:.1f}%"]
    ]


def test_who_makes_a_national_move_is_computed_as_it_is_told(shared_samples: Path) -> None:
    history = england(shared_samples)
    for (said, figure, national, left, areas), months in zip(
        table(MEASURES, "Month"), (("2021-02", "2021-04"), ("2024-04", "2024-05")), strict=True
    ):
        measure = figure.split()[0]
        found = without(measure, months[1], months[0], history, providers(shared_samples, *months))
        assert found is not None
        assert (said[-4:], found.areas) == (months[1][:4], tuple(areas.split()))
        assert f"{values_of(measure, history)[months[1]]:.1f}" == national
        assert f"{found.value:.1f}" == left
