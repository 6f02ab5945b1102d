"""Draw a chart: a process of its own that reads it as JSON and writes a PNG, and takes the library with it.

The library needs some 60 MB that a small worker has better use for. Colours are Making Data Count's. All is
large enough to be read on a telephone, where the 800 pixels are shown as 400.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from subprocess import TimeoutExpired, run
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from bot.rules.pace import LONGEST
from bot.wording import numbers
from bot.wording.charts import (
    Chart,
    PairChart,
    PetitionChart,
    ReleaseChart,
    SeriesChart,
    Tone,
    packed,
    unpacked,
)
from bot.wording.language import speaking, t

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT, DPI = 8.0, 5.6, 100  # inches; pixels an inch
SMALL, MIDDLE, LARGE = 14, 16, 19  # points
LONGEST_TITLE = 60  # characters of a line
YEAR = 300  # days
TIME = 20.0  # seconds that a drawing may take
KEPT = 16  # pictures, of some 40 kB each
COLOURS: dict[Tone, str] = {  # Making Data Count: blue improves, orange is of concern, purple is neither
    "common": "#7b7d7d",
    "improvement": "#0072c6",
    "concern": "#e46c0a",
    "neutral": "#6f42c1",
    "missing": "#7b7d7d",
}
INK, FAINT, GOAL, SECOND = "#222222", "#8a8f94", "#b00020", "#00786c"


class DrawingFailed(Exception):
    """Say that a chart could not be drawn; the words stand without it."""


def draw(chart: Chart) -> bytes:
    """Return the chart as a PNG, drawn by another process. Raises DrawingFailed."""
    cache = Path(tempfile.gettempdir()) / "figurewatch-fonts"  # found again by the next drawing
    environment = {**os.environ, "MPLCONFIGDIR": str(cache), "MPLBACKEND": "agg"}
    command = [sys.executable, "-m", __name__]
    try:
        done = run(  # noqa: S603 (it is this very module)
            command,
            input=packed(chart).encode(),
            capture_output=True,
            env=environment,
            timeout=TIME,
            check=False,
        )
    except (TimeoutExpired, OSError) as error:
        raise DrawingFailed(f"a chart could not be drawn: {error}") from None
    if done.returncode or not done.stdout.startswith(b"\x89PNG"):
        last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise DrawingFailed(f"a chart could not be drawn: {last or 'no picture came'}")
    return done.stdout


@lru_cache(maxsize=KEPT)
def drawn(chart: Chart) -> bytes:
    """Return the chart as a PNG; one that was asked for lately is not drawn again. Raises DrawingFailed."""
    return draw(chart)


def picture(chart: Chart) -> bytes:
    """Return the chart as a PNG, drawn here."""
    with speaking(chart.language):
        return _picture(chart)


def _picture(chart: Chart) -> bytes:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, HEIGHT), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    match chart:
        case SeriesChart():
            _series(axes, chart)
        case PairChart():
            _pair(axes, chart)
        case PetitionChart():
            _petition(axes, chart)
        case ReleaseChart():
            _release(axes, chart)
    _frame(figure, axes, chart)
    out = BytesIO()
    figure.savefig(out, format="png")
    return out.getvalue()


def _series(axes: Axes, chart: SeriesChart) -> None:
    places = list(range(len(chart.periods)))
    for line, style, width in ((chart.lower, "--", 1.5), (chart.upper, "--", 1.5), (chart.mean, "-", 1.8)):
        if line:
            axes.plot(places, _gaps(line), style, color=FAINT, linewidth=width, drawstyle="steps-mid")
    values = _gaps(chart.values)
    axes.plot(places, values, "-", color=COLOURS["common"], linewidth=1.5)
    for tone, colour in COLOURS.items():
        shown = [n for n in places if chart.tones[n] == tone and chart.values[n] is not None]
        axes.plot(shown, [values[n] for n in shown], "o", color=colour, markersize=7)
    if chart.target is not None:
        axes.axhline(chart.target, color=GOAL, linewidth=1.5, linestyle=":")
        axes.annotate(
            t("target {value}", value=numbers.value(chart.target, chart.unit)),
            (0, chart.target),
            xytext=(2, 4),
            textcoords="offset points",
            color=GOAL,
            fontsize=SMALL,
        )
    for period in chart.breaks:
        if period in chart.periods:
            axes.axvline(chart.periods.index(period) - 0.5, color=INK, linewidth=1.2, linestyle="-.")
    known = [(n, value) for n, value in enumerate(chart.values) if value is not None]
    if known:
        n, value = known[-1]
        text = numbers.value(value, chart.unit)
        _label(axes, n, value, text, COLOURS[chart.tones[n]])
        axes.set_xlim(-0.5, len(chart.periods) * (1.04 + 0.025 * len(text)))
    _periods(axes, chart.periods)
    _values(axes, chart.unit)


def _pair(axes: Axes, chart: PairChart) -> None:
    places = list(range(len(chart.periods)))
    for name, values, colour in zip(chart.names, chart.values, (COLOURS["improvement"], SECOND), strict=True):
        axes.plot(places, _gaps(values), "o-", color=colour, linewidth=2, markersize=5, label=name)
    axes.legend(fontsize=SMALL, frameon=False, loc="best")
    _periods(axes, chart.periods)
    _values(axes, chart.unit)


def _petition(axes: Axes, chart: PetitionChart) -> None:
    times = [_days(at) for at in chart.times]
    axes.plot(times, chart.counts, "-", color=COLOURS["improvement"], linewidth=2.5, drawstyle="steps-post")
    end, count = times[-1], chart.counts[-1]
    early, middle, late = (_days(at) if at else None for at in chart.ahead)
    if chart.goal:
        axes.axhline(chart.goal, color=GOAL, linewidth=1.5, linestyle=":")
        axes.annotate(
            t("goal {goal}", goal=numbers.count(chart.goal)),
            (times[0], chart.goal),
            xytext=(2, 4),
            textcoords="offset points",
            color=GOAL,
            fontsize=SMALL,
        )
        if middle is not None and early is not None:
            late = late if late is not None else end + LONGEST
            axes.fill_betweenx(
                [count, chart.goal], [end, early], [end, late], color=COLOURS["improvement"], alpha=0.15
            )
            axes.plot([end, middle], [count, chart.goal], "--", color=COLOURS["improvement"], linewidth=1.8)
            furthest = end + 2.5 * max(middle - end, 1.0)  # what is years off would hide the readings
            axes.set_xlim(times[0], min(late + 0.05 * (late - times[0]), furthest))
    _label(axes, end, count, numbers.count(count), COLOURS["improvement"], right=False)
    _dates(axes)
    _values(axes, "count")


def _release(axes: Axes, chart: ReleaseChart) -> None:
    places = list(range(len(chart.labels)))[::-1]
    axes.barh(places, chart.values, color=COLOURS["common"], height=0.5)
    for place, value, before in zip(places, chart.values, chart.before, strict=True):
        if before is not None:
            axes.plot([before, before], [place - 0.36, place + 0.36], color=INK, linewidth=2.5)
        axes.annotate(
            numbers.value(value, "percent"),
            (max(value, before or 0.0), place),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=MIDDLE,
            color=INK,
            annotation_clip=False,
        )
    axes.set_yticks(places, ["\n".join(wrap(label, 24)) for label in chart.labels], fontsize=SMALL - 1)
    axes.set_xlim(0, 115)
    axes.set_xticks(range(0, 101, 25))
    axes.tick_params(axis="x", labelsize=SMALL)
    legend = t("per cent; the dark line is the same period last year")
    axes.set_xlabel(legend, fontsize=SMALL, color=FAINT)


def _frame(figure: Figure, axes: Axes, chart: Chart) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, axis="y", color="#e3e6e8", linewidth=0.8)
    axes.set_axisbelow(True)
    title = "\n".join(wrap(chart.title, LONGEST_TITLE))
    figure.suptitle(title, fontsize=LARGE - 2, color=INK, x=0.02, ha="left")
    note = getattr(chart, "note", "")
    foot = "\n".join([*wrap(note, 76), *wrap(chart.source, 76)])
    if foot:
        figure.supxlabel(foot, fontsize=12, color=FAINT, x=0.02, ha="left")


def _label(axes: Axes, x: float, y: float, text: str, colour: str, *, right: bool = True) -> None:
    """Write a value beside its point: to the right, where there is room for it, or above to the left."""
    axes.annotate(
        text,
        (x, y),
        xytext=(9, 0) if right else (-4, 10),
        textcoords="offset points",
        ha="left" if right else "right",
        va="center" if right else "bottom",
        fontsize=LARGE,
        fontweight="bold",
        color=colour,
        annotation_clip=False,
    )


def _days(at: str) -> float:
    """Return a moment as days since 1970, on which an axis can be drawn."""
    return datetime.fromisoformat(at).timestamp() / 86_400


def _dates(axes: Axes) -> None:
    """Name a few days under the axis; the year where it covers more than one."""
    first, last = axes.get_xlim()
    places = [first + (last - first) * part / 8 for part in (1, 3, 5, 7)]
    days = [datetime.fromtimestamp(place * 86_400, UTC) for place in places]
    with_year = last - first > YEAR
    said = [
        f"{numbers.short_month(day)} {day.year}" if with_year else f"{day.day} {numbers.short_month(day)}"
        for day in days
    ]
    axes.set_xticks(places, said, fontsize=SMALL)


def _periods(axes: Axes, periods: Sequence[str]) -> None:
    step = max(1, -(-len(periods) // 5))
    places = list(range(len(periods) - 1, -1, -step))[::-1]
    axes.set_xticks(places, [_short(periods[n]) for n in places], fontsize=SMALL)


def _short(period: str) -> str:
    words = numbers.period(period).split()
    return f"{words[0][:3]} {words[1]}" if len(words) == 2 else period


def _values(axes: Axes, unit: str) -> None:
    axes.yaxis.set_major_formatter(lambda value, _: numbers.tick(value, unit))
    axes.tick_params(axis="y", labelsize=SMALL)


def _gaps(values: Sequence[float | None]) -> list[float]:
    return [float("nan") if value is None else value for value in values]


def main() -> None:
    """Read a chart from standard input and write its PNG to standard output."""
    out: Any = sys.stdout.buffer
    out.write(picture(unpacked(sys.stdin.read())))


if __name__ == "__main__":
    main()
