"""A chart, drawn by a process of its own: beside a process that draws an empty one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from time import perf_counter

from bench.measure import REPOSITORY, Line
from bot.wording.charts import SeriesChart, Tone
from bot.wording.plots import draw

MONTHS = tuple(f"{year}-{month:02}" for year in (2023, 2024, 2025) for month in range(1, 13))
LONGEST = 1.5  # seconds
TRIES = 3
USUAL: Tone = "common"
EMPTY = (
    "from io import BytesIO; from matplotlib.figure import Figure; "
    "f = Figure(); f.add_subplot(); f.savefig(BytesIO(), format='png')"
)


def lines() -> Iterator[Line]:
    """Yield how long a chart takes, from the asking to the picture."""
    chart = SeriesChart(
        "Treated once only, England",
        "percent",
        MONTHS,
        tuple(42.0 + month % 5 / 10 for month in range(len(MONTHS))),
        (USUAL,) * len(MONTHS),
        (42.2,) * len(MONTHS),
        (40.6,) * len(MONTHS),
        (44.4,) * len(MONTHS),
        source="NHS England; Open Government Licence v3.0",
    )
    draw(chart)  # the first one after a start looks for fonts
    ours = min(_timed(lambda: draw(chart)) for _ in range(TRIES))
    empty = [sys.executable, "-c", EMPTY]
    bare = min(_timed(lambda: subprocess.run(empty, cwd=REPOSITORY, check=True)) for _ in range(TRIES))
    yield Line("a chart, from the asking to the picture", ours, "s", bound=LONGEST)
    yield Line("  to an empty one of the same library", ours, "s", bare)


def _timed(work: Callable[[], object]) -> float:
    started = perf_counter()
    work()
    return perf_counter() - started
