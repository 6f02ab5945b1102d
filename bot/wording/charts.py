"""What a chart shows, and the same in words for those who do not see it. Drawn by `bot.wording.plots`.

A chart knows the `language` of its words: it is drawn later, and elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from bot.wording import numbers
from bot.wording.language import spoken, t

Tone = Literal["common", "improvement", "concern", "neutral", "missing"]

OGL = "Open Government Licence v3.0"


@dataclass(frozen=True, slots=True)
class SeriesChart:
    """A series as Making Data Count draws it.

    `values` are by period, None where none was published; `tones` say what each point is. `mean`, `lower` and
    `upper` are by period too, and jump where the series was re-based. `breaks` are the first periods of a new
    definition. `source` names publisher and licence.
    """

    title: str
    unit: str
    periods: tuple[str, ...]
    values: tuple[float | None, ...]
    tones: tuple[Tone, ...]
    mean: tuple[float | None, ...] = ()
    lower: tuple[float | None, ...] = ()
    upper: tuple[float | None, ...] = ()
    target: float | None = None
    breaks: tuple[str, ...] = ()
    note: str = ""
    source: str = ""
    kind: Literal["series"] = "series"
    language: str = field(default_factory=spoken)


@dataclass(frozen=True, slots=True)
class PairChart:
    """Two series side by side, in one unit: each a name with its values by period."""

    title: str
    unit: str
    periods: tuple[str, ...]
    names: tuple[str, str]
    values: tuple[tuple[float | None, ...], tuple[float | None, ...]]
    source: str = ""
    kind: Literal["pair"] = "pair"
    language: str = field(default_factory=spoken)


@dataclass(frozen=True, slots=True)
class PetitionChart:
    """A petition's readings, its goal, and when it may get there: early, about and late, as ISO times."""

    title: str
    times: tuple[str, ...]
    counts: tuple[int, ...]
    goal: int | None = None
    ahead: tuple[str | None, str | None, str | None] = (None, None, None)
    source: str = ""
    kind: Literal["petition"] = "petition"
    language: str = field(default_factory=spoken)


@dataclass(frozen=True, slots=True)
class ReleaseChart:
    """A release at one glance: for each percentage its label, the value, and the same period last year."""

    title: str
    labels: tuple[str, ...]
    values: tuple[float, ...]
    before: tuple[float | None, ...]
    source: str = ""
    kind: Literal["release"] = "release"
    language: str = field(default_factory=spoken)


Chart = SeriesChart | PairChart | PetitionChart | ReleaseChart


def packed(chart: Chart) -> str:
    """Return a chart as JSON."""
    return json.dumps(asdict(chart))


def unpacked(text: str) -> Chart:
    """Return what was packed."""
    fields = {name: _frozen(value) for name, value in json.loads(text).items()}
    kinds: dict[str, type[Chart]] = {
        "series": SeriesChart,
        "pair": PairChart,
        "petition": PetitionChart,
        "release": ReleaseChart,
    }
    return kinds[fields["kind"]](**fields)


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def alt_text(chart: Chart) -> str:
    """Return in a sentence or two what the chart shows."""
    match chart:
        case SeriesChart():
            return _series_in_words(chart)
        case PairChart(title=title, names=names):
            ends = [_last(chart.periods, values) for values in chart.values]
            said = "; ".join(
                t(
                    "{name} {value} in {period}",
                    name=name,
                    value=numbers.value(end[1], chart.unit),
                    period=numbers.period(end[0]),
                )
                for name, end in zip(names, ends, strict=True)
                if end
            )
            return t("Line chart. {title}: {said}.", title=title, said=said)
        case PetitionChart(title=title, counts=counts, goal=goal):
            rise = t(
                "from {first} to {last}", first=numbers.count(counts[0]), last=numbers.signatures(counts[-1])
            )
            told = t("Line chart. {title}: {said}.", title=title, said=rise)
            return f"{told} {t('The goal is {goal}.', goal=numbers.count(goal))}" if goal else told
        case ReleaseChart(title=title, labels=labels, values=values):
            said = "; ".join(
                f"{label}: {numbers.value(value, 'percent')}"
                for label, value in zip(labels, values, strict=True)
            )
            return t("Bar chart. {title}: {said}.", title=title, said=said)


def _series_in_words(chart: SeriesChart) -> str:
    last = _last(chart.periods, chart.values)
    if last is None:
        return t("Chart without a value. {title}.", title=chart.title)
    period, value = last
    first = next(
        period for period, found in zip(chart.periods, chart.values, strict=True) if found is not None
    )
    place = chart.periods.index(period)
    words = [
        t(
            "Chart of {title}, {first} to {last}.",
            title=chart.title,
            first=numbers.period(first),
            last=numbers.period(period),
        ),
        t("Last value {value}.", value=numbers.value(value, chart.unit)),
    ]
    if chart.mean and chart.lower and chart.upper:
        low, mean, high = (side[place] for side in (chart.lower, chart.mean, chart.upper))
        if low is not None and mean is not None and high is not None:
            lower, average, upper = (numbers.value(side, chart.unit) for side in (low, mean, high))
            words.append(
                t("Average {mean}, usual range {low} to {high}.", mean=average, low=lower, high=upper)
            )
    if chart.target is not None:
        words.append(t("Target {value}.", value=numbers.value(chart.target, chart.unit)))
    match chart.tones[place]:
        case "improvement":
            words.append(t("The last point is special cause: improvement."))
        case "concern":
            words.append(t("The last point is special cause: concern."))
    return " ".join(words)


def _last(periods: Sequence[str], values: Sequence[float | None]) -> tuple[str, float] | None:
    return next(
        (
            (period, value)
            for period, value in zip(reversed(periods), reversed(values), strict=True)
            if value is not None
        ),
        None,
    )
