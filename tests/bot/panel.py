"""A panel with known truth: thousands of series that move as published ones do, and steps that were planted.

24 volumes and 12 shares in 170 areas, 44 months. Each has a size of its own, a season and shocks that all
areas of its measure share (each by a factor of its own), noise that lasts into the next month, and counting
noise; counts below England are rounded to 5, small ones withheld, and some months are not published. The
noise is as wide as in the published figures: 0.09 of a volume, and 2.5 points of a share, beside chance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.rules.digest import Outcome, Shift, Standing, Survey, judge
from bot.rules.keys import Key
from bot.rules.measures import Derived
from bot.rules.panel import Panel
from bot.rules.periods import shifted
from scrapers.toolkit.contract import ENGLAND, Area

VOLUMES, SHARES, MONTHS = 24, 12, 44
LEVELS = (("England", 1), ("CommissioningRegion", 7), ("SubICB", 42), ("Provider", 120))
AREAS = sum(count for _, count in LEVELS)
STEPS, EVENTS = 12, 33  # local steps a month, national events in all
ENOUGH = 30  # counted in a month: of series with fewer the rules are to say nothing
SMALLEST, LARGEST = 1.5, 4.0  # of a local step, in standard deviations of its series' noise
FIRST = 16  # the first month that is judged
WITHIN = 7  # months in which a step should be found

KEYS = (
    *(Key(f"V{number:02}", f"Volume {number}", "neither") for number in range(VOLUMES)),
    *(
        Key(
            f"S{n:02}",
            f"Share {n}",
            "up",
            Derived(f"S{n:02}", f"Share {n}", "all", (f"T{n:02}",), f"B{n:02}"),
        )
        for n in range(SHARES)
    ),
)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Step:
    """A local step: which series moved which way from which month on."""

    measure: str
    area: Area
    month: int
    up: bool


@dataclass(frozen=True, slots=True)
class Score:
    """How a run of all releases went."""

    releases: int
    messages: int
    shifts: int
    right: int
    due: int
    found: int


def made(seed: int, *, planted: bool = True) -> tuple[Panel, tuple[Step, ...]]:
    """Return a panel and the steps in it; without them there are no national events either."""
    chance = np.random.default_rng(seed)
    kinds = np.repeat(np.arange(len(LEVELS)), [count for _, count in LEVELS])
    measures = VOLUMES + SHARES
    volume = np.arange(measures) < VOLUMES
    shape = (measures, AREAS)
    size = np.concatenate(
        [[150], np.full(7, 20), 3 * chance.lognormal(0, 0.5, 42), chance.lognormal(0, 0.9, 120)]
    )
    count = chance.lognormal(np.log(150), 1.0, (measures, 1)) * size
    of = chance.lognormal(np.log(250), 0.8, (measures, 1)) * size
    share = chance.uniform(15, 85, (measures, 1)) + chance.normal(0, 5, shape)

    spread = np.where(volume[:, None], 0.09, 2.5) * chance.lognormal(0, 0.3, shape)
    spread[:, kinds == 0] *= 0.2
    spread[:, kinds == 1] *= 0.5
    counting = np.where(volume[:, None], 1 / np.sqrt(count), 50 / np.sqrt(of))
    judged = np.where(volume[:, None], count, np.minimum(of / 2, share / 100 * of)) >= ENOUGH
    steps = _steps(chance, judged & (kinds > 0)) if planted else []
    leap = np.zeros((*shape, MONTHS))
    for measure, area, month, up in steps:
        height = chance.uniform(SMALLEST, LARGEST) * np.hypot(spread, counting)[measure, area]
        leap[measure, area, month:] += height if up else -height
    loads = np.where(kinds == 0, 1, 1 + 0.2 * chance.normal(0, 1, shape))
    shared = np.where(volume, 0.08, 1.2)[:, None] * _shared(chance, measures, planted=planted)
    lasting = _lasting(chance, chance.uniform(0, 0.6, shape))
    moved = shared[:, None] * loads[..., None] + spread[..., None] * lasting + leap

    counts = chance.poisson(count[..., None] * np.exp(np.clip(moved, -3, 3)))
    bottom = np.maximum(chance.poisson(of[..., None] * np.exp(0.08 * chance.normal(0, 1, moved.shape))), 1)
    top = chance.binomial(bottom, np.clip(share[..., None] + moved, 1, 99) / 100)
    values = np.concatenate([counts[volume], top[~volume], bottom[~volume]]).astype(np.float64)
    return _panel(_published(chance, values, kinds)), tuple(
        Step(KEYS[measure].measure, _areas()[area], month, up) for measure, area, month, up in steps
    )


def score(seed: int, *, planted: bool = True) -> Score:
    """Return how the rules do on a panel, release after release, each from its month and earlier ones."""
    panel, steps = made(seed, planted=planted)
    survey = Survey.of(panel, keys=KEYS)
    state: tuple[Standing, ...] = ()
    messages = 0
    told: list[tuple[int, Shift]] = []
    for month in range(FIRST, MONTHS):
        outcome = judge(survey, panel.periods[month], state)
        state = outcome.state
        messages += len(outcome.news) + len(outcome.others)
        told += [(month, shift) for shift in shifts(outcome)]
    due = [step for step in steps if FIRST <= step.month <= MONTHS - WITHIN]
    return Score(
        releases=MONTHS - FIRST,
        messages=messages,
        shifts=len(told),
        right=sum(any(_is_of(shift, month, step) for step in steps) for month, shift in told),
        due=len(due),
        found=sum(any(_is_of(shift, month, step) for month, shift in told) for step in due),
    )


def shifts(outcome: Outcome) -> list[Shift]:
    """Return all that a release found, shown or not."""
    return [shift for news in (*outcome.news, *outcome.others) for shift in news.shifts]


def _is_of(shift: Shift, month: int, step: Step) -> bool:
    same = (shift.key.measure, shift.area, shift.up) == (step.measure, step.area, step.up)
    return same and 0 <= month - step.month < WITHIN


def _steps(chance: np.random.Generator, can: NDArray[np.bool_]) -> list[tuple[int, int, int, bool]]:
    places = np.argwhere(can)
    return [
        (int(measure), int(area), month, bool(chance.random() < 0.5))
        for month in range(1, MONTHS)
        for measure, area in places[chance.choice(len(places), chance.poisson(STEPS), replace=False)]
    ]


def _shared(chance: np.random.Generator, measures: int, *, planted: bool) -> Floats:
    """Return what all areas of a measure share (measures × months): a season, shocks, national events."""
    season = chance.normal(0, 1, (measures, 12))[:, np.arange(MONTHS) % 12]
    shocks = _lasting(chance, np.full(measures, 0.5))
    events = np.zeros((measures, MONTHS))
    for _ in range(EVENTS if planted else 0):
        measure, month = chance.integers(measures), chance.integers(6, MONTHS)
        events[measure, month:] += chance.choice([-1, 1]) * chance.uniform(2, 5)
    total: Floats = season + 0.5 * shocks + 0.5 * events
    return total


def _lasting(chance: np.random.Generator, memory: Floats) -> Floats:
    """Return noise of standard deviation 1, of which a part (`memory`) lasts into the next month."""
    noise = chance.normal(0, 1, (*memory.shape, MONTHS))
    for month in range(1, MONTHS):
        noise[..., month] = memory * noise[..., month - 1] + np.sqrt(1 - memory**2) * noise[..., month]
    return noise


def _published(chance: np.random.Generator, counts: Floats, kinds: NDArray[np.intp]) -> Floats:
    """Return counts as they are published: rounded below England, few withheld, some months not there."""
    below = (kinds > 0)[:, None]
    values = np.where(below, np.where(counts < 5, np.nan, 5 * np.round(counts / 5)), counts)
    return np.where(below & (chance.random((AREAS, MONTHS)) < 0.01), np.nan, values)


def _areas() -> tuple[Area, ...]:
    return tuple(
        ENGLAND if kind == ENGLAND.kind else Area(f"{kind[0]}{number:03}", kind, f"{kind} {number}")
        for kind, count in LEVELS
        for number in range(count)
    )


def _panel(values: Floats) -> Panel:
    letters = (("V", VOLUMES), ("T", SHARES), ("B", SHARES))
    codes = tuple(f"{letter}{number:02}" for letter, many in letters for number in range(many))
    periods = tuple(shifted("2021-01", month) for month in range(MONTHS))
    return Panel(codes, _areas(), periods, (-1,) * AREAS, values)
