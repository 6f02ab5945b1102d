"""The rules as docs/measures.md explains them: every worked example computed again."""

from __future__ import annotations

import csv
import math
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from statistics import NormalDist

from bot.judge import Asked, judge
from bot.rules import periods
from bot.rules.breaks import shipped_breaks
from bot.rules.measures import values_of
from bot.rules.pace import DAY, FEWEST, SHIFT, SPREAD, Pace, Reading, burst
from bot.rules.policy import judge_watch_list, lasted
from bot.rules.providers import without
from bot.rules.xmr import LIMIT, NHSE
from bot.wording.causes import cause
from tests.bot.watching import NOW, Watched, england, providers, up_to
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


def test_a_petitions_pace_is_computed_as_it_is_explained() -> None:
    ours, missing, days = Pace(rate=12, since=30), 1_000 - 629, 30
    z = SPREAD * NormalDist().inv_cdf(0.9)
    whole = f"{ours.rate * ours.since:.0f}"
    early, middle, late = (ours.days_until(missing, quantile) for quantile in (0.1, 0.5, 0.9))
    assert late is None
    assert table(MEASURES, "Pace") == [
        ["expected in 30 days", "12 × 30 × ln(1 + 30 ÷ 30)", f"{ours.gain(days):.1f}"],
        [
            f"chance of {missing} in 30 days",
            f"Φ((ln {ours.gain(days):.1f} − {-SHIFT} − ln {missing}) ÷ {SPREAD})",
            f"{ours.chance(missing, days):.0%}",
        ],
        ["a tenth", f"30 × (exp({missing} × e^({-SHIFT} − {z:.3f}) ÷ {whole}) − 1)", f"{early:.1f} days"],
        ["a half", f"30 × (exp({missing} × e^{-SHIFT} ÷ {whole}) − 1)", f"{middle:.1f} days"],
        ["nine tenths", f"30 × (exp({missing} × e^({-SHIFT} + {z:.3f}) ÷ {whole}) − 1)", "years later"],
    ]
    assert middle is not None
    assert math.isclose(middle, 30 * math.expm1(missing * math.exp(-SHIFT) / 360))


def test_a_surge_begins_and_a_stall_ends_where_it_is_said() -> None:
    began = datetime(2026, 5, 1, tzinfo=UTC)

    def next_day(usual: int, gain: int) -> str:
        readings = [Reading(began + DAY * step / 4, 100 + usual * step // 4) for step in range(81)]
        newest = Reading(readings[-1].at + DAY, readings[-1].signatures + gain)
        turned = burst([*readings, newest], newest.at)
        return turned.turn if turned else ""

    for row in table(MEASURES, "Usual a day"):
        usual, surge, stall = (0 if cell == "–" else int(cell.replace(",", "")) for cell in row)
        assert (next_day(usual, surge), next_day(usual, surge - 1)) == ("surge", "")
        assert next_day(usual, stall) == ("stall" if row[2] != "–" else "")
        assert next_day(usual, stall + 1) == ""
    assert FEWEST == 20


def test_whether_a_message_held_is_computed_as_it_is_explained(shared_samples: Path) -> None:
    history, watch = england(shared_samples), Watched("treated_once", "down")
    then = up_to(history, "2022-01")
    (signal,) = judge_watch_list({"England": then}, [watch], {}, NOW, breaks=shipped_breaks()).signals
    values = values_of("treated_once", history)
    after = [values[periods.shifted("2022-01", step)] or 0 for step in range(1, 7)]
    mean, reach, months = sum(after) / 6, signal.upper - signal.mean, len(then["M001"])
    bound = reach * math.sqrt(1 / 6 + 1 / months)
    assert lasted(signal, values, shipped_breaks())
    assert table(MEASURES, "Held") == [
        ["mean of six months", f"({' + '.join(map(str, after))}) ÷ 6", f"{mean:.2f}"],
        ["distance of the limit", f"{reach:.3f} × √(1 ÷ 6 + 1 ÷ {months})", f"{bound:.3f}"],
        ["beyond it", f"{mean:.2f} − {signal.mean:.2f} > {bound:.3f}", "held"],
    ]
