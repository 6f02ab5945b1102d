"""Judge a series that somebody brings as a CSV file by `bot.rules.xmr`: verdict, JSON, and chart."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bot.rules.xmr import FEWEST, Good, Kind, Settings, assurance, lasted, point_type, variation
from bot.rules.xmr import xmr as charts
from bot.wording.causes import cause
from bot.wording.numbers import count

if TYPE_CHECKING:
    from bot.wording.charts import SeriesChart, Tone

HEADER = ["period", "value"]
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,2})?", re.ASCII | re.IGNORECASE)
MOST = 10_000  # periods from the first to the newest


class CannotJudge(Exception):
    """Say in one line what in a file or in what was asked cannot be judged."""


class _Form(NamedTuple):
    """How a kind of period is written, numbered without gaps, and written again."""

    name: str
    example: str
    written: re.Pattern[str]
    numbered: Callable[[Sequence[int]], int]
    text: Callable[[int], str]

    def number(self, period: str) -> int | None:
        """Return a period's number; None for one that is written otherwise."""
        parts = self.written.fullmatch(period)
        number = self.numbered([int(part) for part in parts.groups()]) if parts else None
        return number if number is not None and period.startswith(self.text(number)) else None


_FORMS = (
    _Form(
        "financial year",
        "2025-26",
        re.compile(r"(\d{4})-(\d\d)", re.ASCII),
        lambda parts: parts[0],
        lambda number: f"{number:04}-{(number + 1) % 100:02}",
    ),
    _Form(
        "month",
        "2026-03",
        re.compile(r"(\d{4})-(0[1-9]|1[0-2])(?:-01)?", re.ASCII),
        lambda parts: parts[0] * 12 + parts[1] - 1,
        lambda number: f"{number // 12:04}-{number % 12 + 1:02}",
    ),
    _Form(
        "quarter",
        "2025-Q3",
        re.compile(r"(\d{4})-Q([1-4])", re.ASCII),
        lambda parts: parts[0] * 4 + parts[1] - 1,
        lambda number: f"{number // 4:04}-Q{number % 4 + 1}",
    ),
    _Form(
        "year",
        "2025",
        re.compile(r"(\d{4})", re.ASCII),
        lambda parts: parts[0],
        lambda number: f"{number:04}",
    ),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """How a series is to be judged."""

    settings: Settings
    good: Good = "neither"
    target: float | None = None
    rebase: tuple[str, ...] = ()
    baseline: int | None = None


class Point(NamedTuple):
    """One period of the chart. `published` is whether the file names it; `value` is NaN without a value."""

    period: str
    published: bool
    value: float
    mean: float
    lower: float
    upper: float
    kind: Kind


@dataclass(frozen=True, slots=True)
class Verdict:
    """A series judged: every period from the first to the newest, with what the newest says."""

    name: str
    each: str
    asked: Asked
    points: tuple[Point, ...]
    warning: str | None

    @property
    def newest(self) -> Point:
        return self.points[-1]

    @property
    def variation(self) -> str:
        return variation(self.newest.kind, self.asked.good)

    @property
    def assurance(self) -> str | None:
        return assurance(self.newest.lower, self.newest.upper, self.asked.target, self.asked.good)


def judge(path: Path, asked: Asked) -> Verdict:
    """Return the verdict on the series in a CSV file. Raises CannotJudge."""
    import numpy as np

    written = _read(path)
    form = _form([period for period, _ in written.values()])
    values: dict[int, float] = {}
    for line, (period, value) in written.items():
        number = form.number(period)
        if number is None:
            raise CannotJudge(f"{path} line {line}: expected another {form.name}, found {period!r}")
        if number in values:
            raise CannotJudge(f"{path} line {line}: {period} is there a second time")
        values[number] = value
    first, newest = min(values), max(values)
    if newest - first >= MOST:
        found = count(newest - first + 1)
        raise CannotJudge(
            f"{path}: expected at most {count(MOST)} periods from first to newest, found {found}"
        )
    starts = [_start(form, period, first, newest) for period in asked.rebase]
    calendar = range(first, newest + 1)
    groups = np.array([sum(start <= number for start in starts) for number in calendar])
    row = np.array([[values.get(number, nan) for number in calendar]])
    chart = charts(row, asked.settings, groups=groups, baseline=asked.baseline)
    points = tuple(
        Point(
            form.text(number),
            number in values,
            float(row[0, place]),
            float(chart.mean[0, place]),
            float(chart.lower[0, place]),
            float(chart.upper[0, place]),
            Kind(chart.kind[0, place]),
        )
        for place, number in enumerate(calendar)
    )
    each = form.name.rpartition(" ")[2]
    warning = _warning(int(chart.points[0].min()), each)
    return Verdict(path.name, each, asked, points, warning)


def as_json(verdict: Verdict) -> dict[str, Any]:
    """Return the document that `--json` prints; what cannot be computed is null."""
    good = verdict.asked.good
    return {
        "points": [
            {
                "period": point.period,
                "value": _or_none(point.value),
                "mean": _or_none(point.mean),
                "lower": _or_none(point.lower),
                "upper": _or_none(point.upper),
                "type": point.kind.label,
                "flag": point.kind is not Kind.COMMON,
                "point_type": point_type(point.kind, good),
            }
            for point in verdict.points
            if point.published
        ],
        "missing": [point.period for point in verdict.points if not point.published],
        "variation": verdict.variation,
        "assurance": verdict.assurance,
        "warning": verdict.warning,
    }


def in_words(verdict: Verdict) -> Iterator[str]:
    """Yield the verdict in lines."""
    points, newest, each = verdict.points, verdict.newest, verdict.each
    known = [point for point in points if not isnan(point.value)]
    missing = sum(not point.published for point in points)
    blank = len(points) - len(known) - missing
    yield (
        f"{verdict.name}: {len(known)} {each}s with a value, {points[0].period} to {newest.period}; "
        f"{blank} without one, {missing} missing"
    )
    if verdict.warning:
        yield f"Beware: {verdict.warning}"
    if isnan(newest.value):
        yield f"{newest.period}: not published, so that nothing is said of it"
    else:
        back = [point.value for point in reversed(points)]
        limits = newest.mean, newest.lower, newest.upper
        why = cause(newest.kind, lasted(newest.kind, back, *limits), each)
        yield f"{newest.period}: {_short(newest.value)}, {why}"
    if not isnan(newest.lower):
        usual = f"{_short(newest.lower)} to {_short(newest.upper)}"
        yield f"Usual range {usual}, average {_short(newest.mean)}"
    yield f"Variation: {verdict.variation.replace('_', ' ')}"
    if verdict.assurance:
        yield f"Assurance: {verdict.assurance.replace('_', ' ')}, target {_short(verdict.asked.target or 0)}"


def flagged(verdict: Verdict) -> list[tuple[str, str, str]]:
    """Return the points with special cause: period, value, and why."""
    return [
        (point.period, _short(point.value), point.kind.label)
        for point in verdict.points
        if point.kind is not Kind.COMMON
    ]


def chart_of(verdict: Verdict) -> SeriesChart:
    """Return what a chart of the verdict shows."""
    from bot.wording.charts import SeriesChart

    points = verdict.points
    return SeriesChart(
        title=verdict.name,
        unit="number",
        periods=tuple(point.period for point in points),
        values=tuple(_or_none(point.value) for point in points),
        tones=tuple(_tone(point, verdict.asked.good) for point in points),
        mean=tuple(_or_none(point.mean) for point in points),
        lower=tuple(_or_none(point.lower) for point in points),
        upper=tuple(_or_none(point.upper) for point in points),
        target=verdict.asked.target,
        breaks=verdict.asked.rebase,
        note=verdict.warning or "",
    )


def draw(verdict: Verdict, path: Path) -> None:
    """Draw the chart of a verdict into a PNG file. Raises CannotJudge."""
    from bot.wording import plots

    try:
        path.write_bytes(plots.draw(chart_of(verdict)))
    except plots.DrawingFailed as error:
        raise CannotJudge(str(error)) from None
    except OSError as error:
        raise CannotJudge(f"{path} cannot be written: {error.strerror}") from None


def _tone(point: Point, good: Good) -> Tone:
    from bot.wording.pictures import tone

    return "missing" if isnan(point.value) else tone(point.kind, good)


def _read(path: Path) -> Mapping[int, tuple[str, float]]:
    """Return period and value of each line by its number; NaN for a value that is blank."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CannotJudge(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CannotJudge(f"{path} cannot be read: expected UTF-8, found other bytes") from None
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(lines, [])
        if header != HEADER:
            raise CannotJudge(f"{path}: expected the columns period,value, found {','.join(header)!r:.60}")
        rows = [(lines.line_num, cells) for cells in lines if cells]
    except csv.Error as error:
        raise CannotJudge(f"{path} line {lines.line_num}: {error}") from None
    if not rows:
        raise CannotJudge(f"{path}: expected periods and values, found none")
    return {line: _cells(f"{path} line {line}", cells) for line, cells in rows}


def _cells(where: str, cells: Sequence[str]) -> tuple[str, float]:
    if len(cells) != len(HEADER):
        raise CannotJudge(f"{where}: expected a period and a value, found {','.join(cells)!r:.60}")
    period, written = (cell.strip() for cell in cells)
    if all(form.number(period) is None for form in _FORMS):
        examples = ", ".join(form.example for form in _FORMS)
        raise CannotJudge(f"{where}: expected a period like {examples}, found {period!r:.60}")
    if written and not NUMBER.fullmatch(written):
        raise CannotJudge(f"{where}: expected a number or nothing, found {written!r:.60}")
    return period, float(written) if written else nan


def _form(periods: Sequence[str]) -> _Form:
    """Return how the periods are written; where not all are written alike, how the first is.

    A financial year like 2011-12 could be a month: where all could be years, they are.
    """
    for form in _FORMS:
        if all(form.number(period) is not None for period in periods):
            return form
    return next(form for form in reversed(_FORMS) if form.number(periods[0]) is not None)


def _start(form: _Form, period: str, first: int, newest: int) -> int:
    """Return the number of the first period after a re-basing."""
    number = form.number(period)
    if number is None or not first < number <= newest:
        within = f"{form.text(first + 1)} to {form.text(newest)}"
        raise CannotJudge(f"--rebase: expected a {form.name} from {within}, found {period!r}")
    return number


def _warning(fewest: int, each: str) -> str | None:
    if fewest >= FEWEST:
        return None
    return f"limits of {fewest} {each}s with a value are trial limits; {FEWEST} are needed for a verdict"


def _short(value: float) -> str:
    """Return a number as short as it can be said: three decimals at most."""
    return f"{value:,.3f}".rstrip("0").rstrip(".")


def _or_none(value: float) -> float | None:
    return None if isnan(value) else value
