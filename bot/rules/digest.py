"""What a release says of all organisations: a handful of messages, and one line for the rest.

`bot.rules.month` asks `judge` for a month of a survey. What was told before comes in and goes out as plain
values, so that the same release judged again, restated or not, says nothing twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import exp
from typing import TYPE_CHECKING, Literal, NamedTuple

from bot.rules import scan
from bot.rules.breaks import Breaks, Restarts
from bot.rules.guards import Judged, judged
from bot.rules.keys import KEYS, Key
from bot.rules.panel import Panel
from bot.rules.xmr import FEWEST, Kind, xmr
from scrapers.toolkit.contract import ENGLAND, Area

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

AGAIN = 7  # months for which a change that was told and stays is not told again
DOUBLED = 2.0  # times as large: then it is
GROUP = 3  # so many alike are one message
MOST = 5  # messages of a release
ONSET = 12  # months back, at most, in which the beginning of a change is looked for
FIRST, LAST = 2, 7  # months of a change in which it is told: one alone may be a late file, a year is no news
STILL = 0.5  # of the change, at least, the newest month must show
USUAL = 3.0  # standard deviations to either side

By = Literal["series", "measure", "area"]


class Standing(NamedTuple):
    """A change that was told: of which series and direction, when, how large, and when it was last there.

    `size` is on the scale of the scan: points, or a difference of logarithms.
    """

    measure: str
    kind: str
    area: str
    up: bool
    told: str
    size: float
    last: str


@dataclass(frozen=True, slots=True)
class Shift:
    """A series that changed against all others.

    `value` is the newest, as published where it is; `low` to `high` is what would have been usual in this
    month, had the series moved as its peers did, and `expected` the middle of it. `months` is how long it has
    lasted, `since` the first of them, `average` where they stand, as of this month, and `size` how far that
    is from usual on the scale of the scan. `top` of `bottom` are the counts behind the value; `affected` is
    about how many of them make the difference. `reason` is what Making Data Count says of the newest point.
    """

    key: Key
    area: Area
    period: str
    value: float
    low: float
    expected: float
    high: float
    up: bool
    since: str
    months: int
    average: float
    size: float
    strength: float
    affected: float
    top: float
    bottom: float | None
    reason: Kind

    @property
    def is_good(self) -> bool | None:
        """Return whether it is good for patients; None where no direction is."""
        return None if self.key.good == "neither" else self.up == (self.key.good == "up")


@dataclass(frozen=True, slots=True)
class News:
    """One message: a shift, one measure in several organisations, or several measures in one.

    `of` is how many series were checked: all, those of the measure, or those of the organisation.
    """

    by: By
    shifts: tuple[Shift, ...]
    of: int

    @property
    def rank(self) -> tuple[float, float]:
        """Return what puts the messages of a release in order: the largest goes first."""
        return self.shifts[0].strength, sum(shift.affected for shift in self.shifts)

    @property
    def episode(self) -> str:
        """Return the name under which it is told once."""
        first = self.shifts[0]
        area = "" if self.by == "measure" else f"{first.area.kind}:{first.area.code}"
        measure = "" if self.by == "area" else f"{first.key.measure}:{'up' if first.up else 'down'}"
        return f"shift:{first.period}:{area}:{measure}"


@dataclass(frozen=True, slots=True)
class Digest:
    """The line for what got no message: series `checked`, `changed` anew, of these in no message (`more`).

    `standing` changed earlier and still are what they became; `restated` are earlier values corrected.
    """

    period: str
    checked: int
    changed: int
    more: int
    standing: int
    restated: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a release says: at most `MOST` messages, those left out, the digest, and what to remember."""

    news: tuple[News, ...]
    others: tuple[News, ...]
    digest: Digest
    state: tuple[Standing, ...]


@dataclass(frozen=True, slots=True)
class Survey:
    """A panel with all that can be worked out of it at once, for each of its months from those up to it."""

    panel: Panel
    judged: Judged
    scores: scan.Scores

    @classmethod
    def of(
        cls,
        panel: Panel,
        breaks: Breaks | None = None,
        keys: Sequence[Key] = KEYS,
        *,
        restarts: Restarts | None = None,
        newest_only: bool = False,
    ) -> Survey:
        """Return the survey of a panel, in which nothing is compared across a break or a restart.

        With `newest_only`, what only the judgement of earlier months needs is left out.
        """
        found = judged(panel, breaks, keys, restarts)
        first = len(panel.periods) - scan.RELEASES if newest_only else 0
        scores = scan.scores(found.values, found.chance, found.may, panel.levels(), found.starts, first)
        return cls(panel, found, scores)

    @property
    def has_keys(self) -> bool:
        """Return whether any of the key measures is in the panel."""
        return any(not set(self.panel.measures).isdisjoint(key.codes) for key in self.judged.keys)


def judge(survey: Survey, period: str, state: Iterable[Standing] = (), *, restated: int = 0) -> Outcome:
    """Return what a month of a survey says; a backtest surveys once and asks for each month."""
    panel, now = survey.panel, survey.panel.periods.index(period)
    levels = {kind: members for kind, members in panel.levels().items() if kind != ENGLAND.kind}
    found = scan.verdicts(survey.scores, now, levels)
    remembered = {one[:4]: one for one in state}
    fresh: list[Shift] = []
    standing = 0
    for shift in _shifts(survey, found, now):
        name = (shift.key.measure, shift.area.kind, shift.area.code, shift.up)
        before = remembered.get(name)
        if before is not None and not _is_news(before, shift):
            standing += 1
        else:
            fresh.append(shift)
            remembered.pop((*name[:3], not shift.up), None)  # so that the next turn is news again
            before = Standing(*name, period, shift.size, period)
        remembered[name] = before._replace(last=max(period, before.last))
    news = sorted(_grouped(fresh, found, survey), key=lambda one: one.rank, reverse=True)
    others = tuple(news[MOST:])
    more = sum(len(one.shifts) for one in others)
    digest = Digest(period, int(found.checked.sum()), len(fresh), more, standing, restated)
    kept = tuple(sorted(one for one in remembered.values() if _apart(one.last, period) < AGAIN))
    return Outcome(tuple(news[:MOST]), others, digest, kept)


def lasted(survey: Survey, shift: Shift) -> bool | None:
    """Return whether a change held: whether the six months after it stand where it led, off what was usual.

    None while fewer than four of them are published.
    """
    import numpy as np

    panel = survey.panel
    now = panel.periods.index(shift.period)
    measure, place = survey.judged.keys.index(shift.key), panel.areas.index(shift.area)
    before = now - shift.months
    after = survey.scores.level[measure, place, now + 1 : now + 7]
    count = int(np.count_nonzero(~np.isnan(after)))
    if now + 6 >= len(panel.periods) or count < 4:
        return None
    step = float(np.nanmean(after)) - float(survey.scores.mean[measure, place, before])
    months = int(survey.scores.months[measure, place, before])
    reach = USUAL * float(survey.scores.noise[measure, place, before]) * (1 / count + 1 / months) ** 0.5
    return bool(step > reach if shift.up else step < -reach)


def _shifts(survey: Survey, found: scan.Verdicts, now: int) -> list[Shift]:
    """Return what changed and is worth a word, but for what is said of the area that it is part of."""
    import numpy as np

    large: dict[tuple[int, int], Shift] = {}
    for measure, place in np.argwhere(found.changed).tolist():
        shift = _shift(survey, found, measure, place, now)
        if FIRST <= shift.months <= LAST and _is_large(shift):
            large[measure, place] = shift
    parents = survey.panel.parents
    return [
        shift
        for (measure, place), shift in large.items()
        if (above := large.get((measure, parents[place]))) is None or above.up != shift.up
    ]


def _is_news(before: Standing, shift: Shift) -> bool:
    if shift.period <= before.last:
        return False  # a month that was judged, perhaps with other figures
    return _apart(before.last, shift.period) >= AGAIN or shift.size >= DOUBLED * before.size


def _is_large(shift: Shift) -> bool:
    """Return whether the newest month itself shows the change, and enough of it to be worth a word.

    Where a leap of the month before is nearly over, nothing is told for the second time.
    """
    change, whole = shift.value - shift.expected, shift.average - shift.expected
    least = shift.key.least if shift.key.share else shift.key.least * shift.expected
    return abs(change) >= max(least, STILL * abs(whole)) and (change > 0) == shift.up


def _shift(survey: Survey, found: scan.Verdicts, measure: int, place: int, now: int) -> Shift:
    key, scores, series, at = survey.judged.keys[measure], survey.scores, survey.judged, (measure, place)
    up = bool(found.up[at])
    months, level = _onset(survey, measure, place, now, up)
    usual = float(scores.mean[at][now - months])
    reach = USUAL * max(float(scores.noise[at][now - months]), float(series.chance[at][now]))
    low, expected, high, average = (
        _on_scale(key, at_level + float(scores.shared[at][now]))
        for at_level in (usual - reach, usual, usual + reach, level)
    )
    value, bottom = float(series.shown[at][now]), float(series.bottom[at][now])
    return Shift(
        key,
        survey.panel.areas[place],
        survey.panel.periods[now],
        value,
        low,
        expected,
        high,
        up,
        survey.panel.periods[now - months + 1],
        months,
        average,
        abs(level - usual),
        float(found.strength[at]),
        _affected(key, value, expected, bottom),
        float(series.top[at][now]),
        None if key.is_volume else bottom,
        _reason(series.shown[at][int(series.starts[at][now]) : now + 1], up),
    )


def _affected(key: Key, value: float, expected: float, bottom: float) -> float:
    """Return about how many of the counted make the difference; of a middle, as large a part of them."""
    change = abs(value - expected)
    if key.is_volume:
        return change
    return bottom * change / (100 if key.share else max(value, expected))


def _onset(survey: Survey, measure: int, place: int, now: int, up: bool) -> tuple[int, float]:
    """Return for how many months, up to a year, the change has most likely lasted, and their mean level."""
    import numpy as np

    level = survey.scores.level[measure, place]
    usual, known = (part[measure, place] for part in (survey.scores.mean, survey.scores.months))
    stretch = now - int(survey.judged.starts[measure, place, now])
    found, most = (1, float(level[now])), -np.inf
    for months in range(1, min(ONSET, stretch) + 1):
        recent, before = level[now - months + 1 : now + 1], now - months
        if known[before] < scan.FEWEST_BEFORE or np.isnan(recent[0]):
            continue
        mean, count = float(np.nanmean(recent)), np.count_nonzero(~np.isnan(recent))
        weight = (mean - usual[before]) * (1 if up else -1) / (1 / count + 1 / known[before]) ** 0.5
        if weight > most:
            found, most = (months, mean), weight
    return found


def _reason(shown: NDArray[np.float64], up: bool) -> Kind:
    """Return what Making Data Count says of the newest of two years' points, where it says the same."""
    chart = xmr(shown[None, -scan.BEFORE :])
    kind = Kind(int(chart.kind[0, -1]))
    agrees = chart.points[0, -1] >= FEWEST and kind.direction == (1 if up else -1)
    return kind if agrees else Kind.COMMON


def _on_scale(key: Key, value: float) -> float:
    """Return a value of the scan's scale as it is published."""
    if key.is_volume:
        return exp(value)
    return min(max(value, 0.0), 100.0) if key.share else max(value, 0.0)


def _grouped(shifts: Sequence[Shift], found: scan.Verdicts, survey: Survey) -> Iterator[News]:
    """Yield the messages: the largest group of alike shifts first, then of what is left, then single ones."""
    left = sorted(shifts, key=lambda shift: (shift.strength, shift.affected), reverse=True)
    while True:
        groups: dict[tuple[By, object], list[Shift]] = defaultdict(list)
        for shift in left:
            groups["measure", (shift.key.measure, shift.area.kind, shift.up)].append(shift)
            groups["area", shift.area].append(shift)
        (by, _), largest = max(groups.items(), key=lambda item: len(item[1]), default=(("series", None), []))
        if len(largest) < GROUP:
            break
        yield News(by, tuple(largest), _checked(by, largest[0], found, survey))
        left = [shift for shift in left if shift not in largest]
    everything = int(found.checked.sum())
    yield from (News("series", (shift,), everything) for shift in left)


def _checked(by: By, shift: Shift, found: scan.Verdicts, survey: Survey) -> int:
    """Return how many organisations were checked for a measure, or measures for an organisation."""
    if by == "area":
        return int(found.checked[:, survey.panel.areas.index(shift.area)].sum())
    peers = survey.panel.levels()[shift.area.kind]
    return int(found.checked[survey.judged.keys.index(shift.key), peers].sum())


def _apart(first: str, last: str) -> int:
    """Return the months from one to another."""
    return (int(last[:4]) - int(first[:4])) * 12 + int(last[5:]) - int(first[5:])
