"""A release of ten thousand series judged whole: icons, scan, null, groups; and five years replayed."""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter

import numpy as np

from bench.measure import Line
from bench.months import PROVIDERS, REGIONS, SUB_ICBS
from bench.xmr import MONTHS, best
from bot.rules.digest import Standing, Survey, judge
from bot.rules.keys import KEYS
from bot.rules.panel import Panel
from bot.rules.periods import shifted
from bot.rules.xmr import xmr
from scrapers.toolkit.contract import ENGLAND, Area

GONE = 68  # providers whose codes are of the past
YEARS = 63  # months
MOST, MOST_REPLAYED = 1.0, 20.0  # seconds
FIRST = 12  # the first month of which a replay says anything
TRIES = 3


def lines() -> Iterator[Line]:
    """Yield what a release and a replay of all of them cost."""
    short, long = panel(MONTHS), panel(YEARS)
    series = len(KEYS) * len(short.areas)
    whole, icons = best(lambda: release(short), TRIES), best(lambda: charts(short), TRIES)
    started = perf_counter()
    replay(long)
    replayed = perf_counter() - started
    yield Line(f"a release of {series:,} series x {MONTHS} months, judged", whole, "s", bound=MOST)
    yield Line("  of this its icons", icons, "s")
    yield Line(f"{YEARS} months of it replayed", replayed, "s", bound=MOST_REPLAYED)


def panel(months: int) -> Panel:
    """Return made-up months in the measure of the real ones, in which a hundred organisations change."""
    chance = np.random.default_rng(1)
    areas = [
        ENGLAND if kind == ENGLAND.kind else Area(f"{kind}{number}", kind, f"{kind} {number}")
        for kind, count in (
            ("England", 1),
            ("CommissioningRegion", REGIONS),
            ("SubICB", SUB_ICBS),
            ("Provider", PROVIDERS + GONE),
        )
        for number in range(count)
    ]
    wholes = {
        "M056": 1_800,
        "M082": 8_000,
        "M031": 1_200,
        "M038": 900,
        "M076": 700,
        "M184": 650,
        "M001": 2_000,
    }
    parts = sorted(
        {code for key in KEYS if key.share for code in (*key.share.top, *key.share.less)} - {*wholes}
    )
    usual = np.array([*wholes.values(), *(300 for _ in parts), 20, 8])
    values = usual[:, None, None] * chance.lognormal(0, 0.08, (len(usual), len(areas), months))
    for month in range(FIRST, months):
        values[chance.integers(len(usual), size=8), chance.integers(len(areas), size=8), month:] *= 1.5
    values[chance.random(values.shape) < 0.05] = np.nan
    periods = tuple(shifted("2021-01", month) for month in range(months))
    return Panel(
        (*wholes, *parts, "M049", "M141"), tuple(areas), periods, (-1,) * len(areas), np.round(values)
    )


def release(panel: Panel) -> None:
    """Judge the newest month, icons and all."""
    charts(panel)
    assert judge(Survey.of(panel, newest_only=True), panel.periods[-1]).news


def charts(panel: Panel) -> None:
    """Draw no chart, but find the icons of as many series as are judged."""
    xmr(np.resize(panel.values, (len(KEYS) * len(panel.areas), len(panel.periods))))


def replay(panel: Panel) -> None:
    """Judge each month after the other, with what the one before remembered."""
    survey, state = Survey.of(panel), tuple[Standing, ...]()
    for period in panel.periods[FIRST:]:
        state = judge(survey, period, state).state
