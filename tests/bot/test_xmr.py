"""XmR charts: the vectors of the reference, a plain reading of the formulae, and what the icons say."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from math import fsum, isnan, nan
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from bot.rules.xmr import FEWEST, NHSE, Good, Kind, R, Settings, Xmr, assurance, point_type, variation, xmr

GOOD: dict[str, Good] = {"increase": "up", "decrease": "down", "neutral": "neither"}
# Screened, every range of these drops out; copying the reference would flag every point.
COLLAPSED = {"d09-constant", "d10-near-constant"}
VECTORS = 32
SERIES, LENGTH = 2_000, 44


def vectors(samples: Path) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield each series with each of its runs; where limits collapse, what the unscreened run expects."""
    for path in sorted((samples / "spc").glob("*.json")):
        series = json.loads(path.read_text())
        plain = next(run for run in series["runs"] if not run["options"]["screen_outliers"])
        for run in series["runs"]:
            expected = (plain if series["id"] in COLLAPSED else run)["expected"]
            yield series, {**run, "expected": {**expected, **sides(expected)}}


def sides(expected: dict[str, Any]) -> dict[str, list[Any]]:
    """Return what is said of each point beside the mean and the limits; a null is on no side."""
    unsaid = {"relative_to_mean": 0, "outside_limits": False, "close_to_limits": False}
    return {
        name: [nothing if value is None else value for value in expected[name]]
        for name, nothing in unsaid.items()
        if name in expected
    }


def row(values: Sequence[float | None]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([[nan if value is None else value for value in values]])


def chart_of(series: dict[str, Any], options: dict[str, Any], settings: Settings) -> Xmr:
    """Return the chart that a run's options ask for."""
    starts = options.get("rebase") or []
    groups = np.array([sum(start <= day for start in starts) for day in series["dates"]])
    return xmr(row(series["values"]), settings, groups=groups, baseline=options.get("fix_after_n_points"))


def test_every_vector_of_the_reference_matches_in_both_settings(shared_samples: Path) -> None:
    seen = 0
    for series, run in vectors(shared_samples):
        options, expected = run["options"], run["expected"]
        settings = replace(R, screen=options["screen_outliers"])
        chart = chart_of(series, options, settings)
        for ours, theirs in ((chart.mean, "mean"), (chart.lower, "lpl"), (chart.upper, "upl")):
            np.testing.assert_allclose(ours, row(expected[theirs]), 1e-9, err_msg=series["id"])
        for name, found in said(chart, options).items():
            if name in expected:  # the reference stops at a null in a trend; its stand-in says less
                assert found == expected[name], (series["id"], name)
        kinds = chart_of(series, options, replace(settings, beyond_counts=True)).kind[0]
        types = {**dict(enumerate(expected["special_cause_type"])), **differing(run)}
        assert [Kind(kind).label for kind in kinds] == list(types.values()), series["id"]
        seen += 1
    assert seen == 2 * VECTORS


def differing(run: dict[str, Any]) -> dict[int, str]:
    """Return the types that NHS England's rule of 2023 changes, by place."""
    changed = run.get("differs_under_nhse_2023_two_of_three") or {}
    return {int(place): label for place, label in changed.items()}


def said(chart: Xmr, options: dict[str, Any]) -> dict[str, object]:
    """Return a series' chart in the words of the vectors, where a null has no side."""
    good = GOOD[options["improvement_direction"]]
    kinds = [Kind(kind) for kind in chart.kind[0]]
    verdict = assurance(chart.lower[0, -1], chart.upper[0, -1], options.get("target"), good)
    return {
        "special_cause_type": [kind.label for kind in kinds],
        "special_cause_flag": [kind is not Kind.COMMON for kind in kinds],
        "point_type": [point_type(kind, good) for kind in kinds],
        "relative_to_mean": chart.side[0].tolist(),
        "outside_limits": chart.outside[0].tolist(),
        "close_to_limits": chart.close[0].tolist(),
        "short_group_warning": (chart.points[0] < FEWEST).tolist(),
        "variation_icon": variation(kinds[-1], good),
        "assurance_type": verdict,
    }


def plain_chart(
    values: list[float], settings: Settings, baseline: int | None
) -> tuple[float, float, list[Kind]]:
    """Read the formulae one point after another: mean, distance of the limits, and the kind of each point."""
    base, used = [], 0
    for value in values:
        used += not isnan(value)
        base.append(value if baseline is None or used <= baseline else nan)
    mean = plain_mean(base)
    ranges = [abs(after - before) for before, after in pairwise(base)]
    usual = plain_mean(ranges)
    if settings.screen:
        screened = plain_mean([wide for wide in ranges if wide < 3.267 * usual])
        usual = screened if screened > 0 else usual
    limit = 2.66 * usual

    def side(value: float) -> int:
        same = abs(value - mean) < 1e-9
        return 0 if isnan(value) or same else 1 if value > mean else -1

    def outside(value: float) -> bool:
        return abs(value - mean) > limit + 1e-9

    def counts(value: float) -> bool:
        near = abs(value - mean) > limit * 2 / 3 + 1e-9
        return near and (settings.beyond_counts or not outside(value))

    def windows(place: int, width: int) -> Iterator[list[float]]:
        for start in range(max(0, place - width + 1), min(place, len(values) - width) + 1):
            yield values[start : start + width]

    def kind(place: int) -> Kind:
        value = values[place]
        if outside(value):
            return Kind.ABOVE_LIMIT if value > mean else Kind.BELOW_LIMIT
        up = any(all(a < b for a, b in pairwise(window)) for window in windows(place, 7))
        down = any(all(a > b for a, b in pairwise(window)) for window in windows(place, 7))
        if up or down:
            rises = up and (not down or values[place + 1] > value)
            return Kind.RISING if rises else Kind.FALLING
        for sign, two, run in (
            (1, Kind.TWO_ABOVE, Kind.RUN_ABOVE),
            (-1, Kind.TWO_BELOW, Kind.RUN_BELOW),
        ):
            threes = [w for w in windows(place, 3) if all(side(v) == sign for v in w)]
            if counts(value) and any(sum(map(counts, window)) >= 2 for window in threes):
                return two
            if any(all(side(v) == sign for v in window) for window in windows(place, 7)):
                return run
        return Kind.COMMON

    return mean, limit, [kind(place) for place in range(len(values))]


def plain_mean(values: list[float]) -> float:
    there = [value for value in values if not isnan(value)]
    return fsum(there) / len(there) if there else nan


def a_series(random: Random) -> list[float]:
    """Return a series with steps, drifts, ties and nulls: counts to 5, or shares to one decimal."""
    values: list[float] = []
    value = shown = random.uniform(20, 80)
    drift = random.choice((0, 0, 0.7, -0.7))
    noise, stuck = random.choice((0.3, 2, 6)), random.choice((0, 0.3))
    for _ in range(LENGTH):
        if random.random() > stuck:
            value += drift + random.choice((0, 0, 0, 0, 0, 8, -8))
            shown = value + random.gauss(0, noise)
        values.append(nan if random.random() < 0.06 else 5 * round(shown) if stuck else round(shown, 1))
    return values


@pytest.mark.parametrize("settings", [NHSE, R])
@pytest.mark.parametrize("baseline", [None, 15])
def test_thousands_of_series_at_once_are_as_one_by_one(settings: Settings, baseline: int | None) -> None:
    random = Random(f"{settings}{baseline}")
    values = np.array([a_series(random) for _ in range(SERIES // 4)])
    starts = np.array([random.choice((LENGTH, random.randrange(LENGTH))) for _ in values])
    groups = (np.arange(LENGTH) >= starts[:, None]).astype(np.int64)
    chart = xmr(values, settings, groups=groups, baseline=baseline)
    met = set()
    for place, (series, start) in enumerate(zip(values.tolist(), starts.tolist(), strict=True)):
        for stretch in (slice(0, start), slice(start, LENGTH)):
            mean, limit, kinds = plain_chart(series[stretch], settings, baseline)
            assert chart.kind[place, stretch].tolist() == kinds
            for ours, theirs in (
                (chart.mean, mean),
                (chart.upper, mean + limit),
                (chart.lower, mean - limit),
            ):
                np.testing.assert_allclose(ours[place, stretch], theirs, 1e-9, 1e-9)
            met |= set(kinds)
    assert met == set(Kind)


@pytest.mark.parametrize("values", [[], [nan], [5.0], [nan, nan, nan], [1.0, 2.0], [0.1] * 20])
def test_a_series_that_says_nothing_has_no_special_cause(values: list[float]) -> None:
    for settings in (NHSE, R):
        assert not xmr(np.array([values]), settings).kind.any()


def test_a_decimal_that_never_moves_lies_on_its_own_limits() -> None:
    chart = xmr(np.full((1, 30), 51.3), R)
    assert (chart.lower[0, 0], chart.mean[0, 0], chart.upper[0, 0]) == (51.3, 51.3, 51.3)
    assert not chart.side.any()


def test_a_fixed_baseline_is_so_many_published_values_wherever_they_begin() -> None:
    late = np.array([[nan, nan, *[50.0, 52.0] * 6, *[70.0] * 10]])
    chart = xmr(late, baseline=12)
    assert chart.mean[0, 0] == 51
    assert {Kind(kind) for kind in chart.kind[0, 14:]} == {Kind.ABOVE_LIMIT}


def test_the_icon_says_which_way_and_whether_that_is_good() -> None:
    assert variation(Kind.RUN_BELOW, "down") == "improvement_low"
    assert variation(Kind.RISING, "down") == "concern_high"
    assert variation(Kind.TWO_ABOVE, "neither") == "neutral_high"
    assert variation(Kind.COMMON, "neither") == "common_cause"


def test_a_target_on_a_limit_is_not_sure_to_be_met() -> None:
    assert assurance(40, 60, 60, "up") == assurance(40, 60, 40, "down") == "inconsistent"
    assert assurance(40, 60, 61, "up") == assurance(40, 60, 39, "down") == "consistent_fail"
    assert assurance(40, 60, 39, "up") == assurance(40, 60, 61, "down") == "consistent_pass"
    assert (
        assurance(40, 60, None, "up")
        is assurance(40, 60, 50, "neither")
        is assurance(nan, nan, 5, "up")
        is None
    )
