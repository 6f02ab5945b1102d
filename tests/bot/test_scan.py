"""How news is told from noise among thousands of series, on panels whose truth is known."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from statistics import mean, median

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.rules import keys, scan
from bot.rules.digest import Survey, judge
from tests.bot.panel import FIRST, KEYS, Score, made, score
from tests.test_docs import MEASURES, table

SEEDS = range(5)


def total(scores: list[Score], what: str) -> int:
    return sum(getattr(one, what) for one in scores)


def test_planted_steps_are_found_in_few_messages_most_of_them_right() -> None:
    scores = [score(seed) for seed in SEEDS]
    assert total(scores, "messages") <= 12 * total(scores, "releases")
    assert total(scores, "right") >= 0.65 * total(scores, "shifts")
    assert total(scores, "found") >= 0.5 * total(scores, "due")


def test_where_nothing_was_planted_next_to_nothing_is_said() -> None:
    scores = [score(seed, planted=False) for seed in SEEDS]
    assert total(scores, "messages") <= 0.2 * total(scores, "releases")


def test_nothing_that_is_said_of_a_month_depends_on_a_later_one() -> None:
    panel, _ = made(0)
    month = panel.periods[FIRST + 14]
    early, late = Survey.of(panel.until(month), keys=KEYS), Survey.of(panel, keys=KEYS)
    assert judge(early, month) == judge(late, month)
    assert judge(early, month).digest.changed > 0


def test_a_national_event_is_not_told_of_every_organisation() -> None:
    panel, _ = made(1, planted=False)
    month = panel.periods[30]
    values = panel.values.copy()
    values[panel.measures.index("V03"), :, 28:] *= 1.6  # all rise together, England with them
    risen = judge(Survey.of(replace(panel, values=values), keys=KEYS), month)
    assert risen.digest.checked > 3_000
    assert [news for news in risen.news if news.shifts[0].key.measure == "V03"] == []


@pytest.mark.parametrize(("t", "p"), [(0.0, 1.0), (2.100922, 0.05), (2.878440, 0.01), (3.921646, 0.001)])
def test_the_tail_is_that_of_t_with_18_degrees_of_freedom(t: float, p: float) -> None:
    assert scan.two_sided(np.array([t]))[0] == pytest.approx(p, rel=1e-5)


@given(st.lists(st.floats(0, 1), max_size=40), st.floats(0.01, 0.5))
def test_the_cut_is_benjamini_and_hochbergs(chances: list[float], share: float) -> None:
    ordered = sorted(chances)
    passes = [p for rank, p in enumerate(ordered, 1) if p <= share * rank / len(ordered)]
    assert scan.cut(np.array(chances), share) == (max(passes) if passes else -1.0)


def test_the_table_of_what_is_judged_is_that_of_the_code() -> None:
    shown = [(row[0], row[1], row[3]) for row in table(MEASURES, "Judged")]
    assert shown == [(key.measure, key.title, key.good) for key in keys.KEYS]
    assert f"make {len(keys.KEYS)} series an area" in MEASURES.read_text()


def test_the_worked_example_of_the_scan_is_right() -> None:
    memory, months = np.array([0.3]), scan.BEFORE
    short, long = (float(scan.lengthened(memory, count)[0]) for count in (3, months))
    z = (14.5 - 10.0) / (1.0 * np.sqrt(short / 3 + long / months))
    tails = float(scan.two_sided(np.array([z / 1.1]))[0])
    results = [f"{short:.3f}", f"{long:.3f}", f"{z:.2f}", f"{z / 1.1:.2f}", f"{len(scan.LATEST) * tails:.5f}"]
    assert [row[2] for row in table(MEASURES, "Scan")] == results
    assert f"{tails:.7f}" in table(MEASURES, "Scan")[-1][1]


def plain_z(values: list[list[float]], chance: float, latest: int) -> list[list[float]]:
    """Return z of each series and month of one measure in one level, one number after another.

    `values` are areas × months, NaN where nothing was published; formulae of docs/measures.md.
    """
    areas, months = range(len(values)), range(len(values[0]))
    level = [[math.nan] * len(months) for _ in areas]
    known: dict[tuple[int, int], list[float]] = {}
    noise, memory = {}, {}
    result = [[math.nan] * len(months) for _ in areas]
    for now in months:
        usual = {a: mean(known[a, now - 1]) for a in areas if known.get((a, now - 1))}
        off = [values[a][now] - usual[a] for a in usual if not math.isnan(values[a][now])]
        shared = median(off) if usual else 0.0
        spread, own = {}, {}
        for a in areas:
            level[a][now] = values[a][now] - shared
            window = level[a][max(0, now - 23) : now + 1]
            known[a, now] = [x for x in window if not math.isnan(x)]
            ranges = [abs(y - x) for x, y in pairwise(window) if not math.isnan(x + y)]
            middle = median(known[a, now])
            deviation = 1.4826 * median(abs(x - middle) for x in known[a, now])
            spread[a] = max(mean(ranges) / 1.128, deviation) if ranges else deviation
            average = mean(known[a, now])
            pairs = [(x - average) * (y - average) for x, y in pairwise(window) if not math.isnan(x + y)]
            square = mean((x - average) ** 2 for x in known[a, now])
            own[a] = mean(pairs) / square if pairs and square else math.nan
        peers = max(0.0, median(spread[a] ** 2 - chance**2 for a in areas)) + chance**2
        alike = [r for r in own.values() if not math.isnan(r)]
        for a in areas:
            n = len(known[a, now])
            noise[a, now] = max(spread[a], math.sqrt((16 * peers + n * spread[a] ** 2) / (16 + n)))
            r = (24 * median(alike) + n * own[a]) / (24 + n) if alike else 0.0
            memory[a, now] = 0.0 if math.isnan(r) else min(max(r, 0.0), 0.8)
            then = now - latest
            recent = [x for x in level[a][max(0, then + 1) : now + 1] if not math.isnan(x)]
            if then < 0 or math.isnan(values[a][now]) or len(recent) <= latest // 2:
                continue
            before = known[a, then]
            if len(before) >= 12:
                wide = widened(memory[a, then], latest) / len(recent)
                wide += widened(memory[a, then], 24) / len(before)
                step = mean(recent) - mean(before)
                result[a][now] = step / (max(noise[a, then], chance) * math.sqrt(wide))
    return result


def widened(memory: float, months: int) -> float:
    return 1 + 2 * sum((1 - lag / months) * memory**lag for lag in range(1, months))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(scan.LATEST))
def test_the_arrays_say_what_a_plain_reading_of_the_formulae_says(seed: int, latest: int) -> None:
    chance = np.random.default_rng(seed)
    values = np.round(chance.normal(50, 3, (1, 24, 32)), 1)
    values[:, 3, 20:] += 9
    values[chance.random(values.shape) < 0.04] = np.nan
    values[:, :, 0] = 50.0  # so that each area has begun
    levels = {"Provider": np.arange(24)}
    found = scan.scores(values, np.full(values.shape, 1.5), ~np.isnan(values), levels)
    expected = plain_z(values[0].tolist(), 1.5, latest)
    np.testing.assert_allclose(found.z[scan.LATEST.index(latest), 0], expected, rtol=1e-9, atol=1e-9)
