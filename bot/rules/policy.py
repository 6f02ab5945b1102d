"""The watch list: which of its series deserve a message in a release, and what the message can say.

The policy and how it was chosen: docs/measures.md, docs/decisions/0020-xmr.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from math import isnan, sqrt

from bot.rules import periods, since
from bot.rules.breaks import Breaks, Restarts, of_area, start
from bot.rules.measures import History, judged_values, year_of
from bot.rules.providers import FEW, MANY, Without, without
from bot.rules.questions import questions_of
from bot.rules.signals import SEASONAL, Closing, Judged, Memory, Question, Said, Signal, State, Watch
from bot.rules.verdicts import WINDOW, Verdict, verdicts
from bot.rules.xmr import FEWEST, Kind, assurance
from scrapers.toolkit.contract import ENGLAND

AGAIN = 7  # periods after which the same is told again while it lasts
DOUBLE = 2  # times the size that was told: told again at once
MOST = 3  # messages of a release
CLOSED = 3  # periods without special cause in a row end what was told
HELD, FEWEST_AFTER = 6, 4  # periods after a signal that say whether it held, and how many must be known
FAR = 3  # times the distance of a limit: what many providers together may explain
EXACT = 1e-9  # a move of 1.0 between shares of one decimal is no smaller than 1


def judge_watch_list(
    history: Mapping[str, History],
    watches: Sequence[Watch],
    state: State,
    now: datetime,
    *,
    breaks: Breaks,
    providers: Mapping[str, History] | None = None,
    renamed: Collection[str] = (),
    restarts: Restarts | None = None,
) -> Judged:
    """Judge what is new since the state was remembered; return what to tell, to ask, and to remember.

    `history` holds figures by area code, `providers` those of providers, `renamed` the measures whose name
    changed with this release, `restarts` the months with which the series of areas begin anew. A period is
    judged once: restated figures tell nothing again. What came in one that was missed is told while it
    lasts. The past of a new entry is learnt in silence.
    """
    providers = providers or {}
    remembered = dict(state)
    signals: list[Signal] = []
    closings: list[Closing] = []
    for watch in watches:
        key = watch.measure, watch.area
        figures = history.get(watch.area, {})
        values = judged_values(watch.measure, watch.area, figures)
        anew = of_area(breaks, watch.measure, (restarts or {}).get(watch.area, ()))
        series = _Series(watch, values, figures, anew)
        judged = state[key].judged if key in state else ""
        new = list(verdicts(series.values, series.start, watch.settings, judged))
        if not new:
            continue
        newest, learnt = new[-1], () if key in state else new[:-1]
        before = _after(state.get(key), series, learnt, "")
        memory = _after(before, series, new[len(learnt) :], now.isoformat())
        remembered[key] = memory
        if memory.said and memory.said != before.said and memory.said.direction == newest.kind.direction:
            signals.append(_signal(series, newest, before.said, providers))
        elif before.said and memory.said is None and memory.normal >= CLOSED:
            value, family = newest.window[0], watch.family
            closings.append(Closing(*key, family, newest.period, value, before.said))
    questions: tuple[Question, ...] = ()
    if remembered != dict(state) and ENGLAND.code in history:
        questions = tuple(questions_of(history[ENGLAND.code], providers, breaks, signals, renamed))
    asked = {signal for question in questions for signal in question.signals}
    return Judged(tuple(s for s in signals if s not in asked), tuple(closings), questions, remembered)


def grouped(signals: Iterable[Signal]) -> tuple[tuple[Signal, ...], ...]:
    """Return the signals of each family and area together: one message each, in the watch list's order.

    Of more than three messages the last says all the rest.
    """
    groups: dict[tuple[str, str], list[Signal]] = {}
    for signal in signals:
        groups.setdefault((signal.family or signal.measure, signal.area), []).append(signal)
    found = list(groups.values())
    if len(found) > MOST:
        found[MOST - 1 :] = [list(chain(*found[MOST - 1 :]))]
    return tuple(map(tuple, found))


def lasted(signal: Signal, values: since.Series, breaks: Breaks) -> bool | None:
    """Return whether a signal held: whether the six periods after it lie on its side of what was usual.

    Their mean is set against the average and limits of then, the limits as narrow as a mean's are. None while
    the sixth is not published, where fewer than four are known, or where the measure broke since.
    """
    last = periods.shifted(signal.period, HELD)
    opening = start(breaks, signal.measure, signal.period)
    if max(values, default="") < last or start(breaks, signal.measure, last) != opening:
        return None
    first = max(opening, periods.shifted(signal.period, 1 - WINDOW))
    before = [value for period, value in values.items() if first <= period <= signal.period]
    after = [v for period, v in values.items() if signal.period < period <= last and v is not None]
    if len(after) < FEWEST_AFTER:
        return None
    points = sum(value is not None for value in before)
    reach = (signal.upper - signal.mean) * sqrt(1 / len(after) + 1 / points)
    return signal.direction * (sum(after) / len(after) - signal.mean) > reach


@dataclass(frozen=True, slots=True)
class _Series:
    """A watched series: its values by period, and the figures that they are taken from."""

    watch: Watch
    values: since.Series
    figures: History
    breaks: Breaks

    def start(self, period: str) -> str:
        return start(self.breaks, self.watch.measure, period)


def _after(memory: Memory | None, series: _Series, verdicts: Iterable[Verdict], at: str) -> Memory:
    """Return what is remembered after these verdicts; what they tell is told `at` this moment."""
    memory = memory or Memory("")
    for verdict in verdicts:
        memory = _next(memory, series, verdict, at)
    return memory


def _next(memory: Memory, series: _Series, verdict: Verdict, at: str) -> Memory:
    """Return what is remembered after a verdict: what it tells is said, what it ends is said no more."""
    period, value = verdict.period, verdict.window[0]
    said, normal = memory.said, memory.normal
    if said and said.period < series.start(period):
        said, normal = None, 0  # it was said of a figure with another meaning
    if isnan(value) or verdict.points < FEWEST:
        return Memory(period, said, normal)
    if verdict.kind is Kind.COMMON:
        return Memory(period, said if normal + 1 < CLOSED else None, normal + 1)
    if not _is_worth_telling(series, verdict) or (said and not _is_news(said, verdict)):
        return Memory(period, said)
    return Memory(period, Said(period, verdict.kind.direction, verdict.size, value, at))


def _is_worth_telling(series: _Series, verdict: Verdict) -> bool:
    """Return whether a special cause is large enough, and more than what that month of the year does."""
    least = series.watch.minimum - EXACT
    if verdict.size < least:
        return False
    if verdict.kind not in SEASONAL:
        return True
    earlier = since.year_ago(series.values, verdict.period, series.start(verdict.period))
    if earlier is None:
        return False
    return verdict.kind.direction * (verdict.window[0] - earlier) >= least


def _is_news(said: Said, verdict: Verdict) -> bool:
    """Return whether it flipped, doubled, or was told long enough ago."""
    return (
        verdict.kind.direction != said.direction
        or verdict.size >= DOUBLE * said.size
        or verdict.period >= periods.shifted(said.period, AGAIN)
    )


def _signal(
    series: _Series, verdict: Verdict, stood: Said | None, providers: Mapping[str, History]
) -> Signal:
    """Return the signal of a verdict, with all that is true of it; `stood` is what was told before."""
    watch, period, values = series.watch, verdict.period, series.values
    start = series.start(period)
    before = periods.shifted(period, -1)
    return Signal(
        measure=watch.measure,
        area=watch.area,
        family=watch.family,
        good=watch.good,
        period=period,
        kind=verdict.kind,
        value=verdict.window[0],
        mean=verdict.mean,
        lower=verdict.lower,
        upper=verdict.upper,
        size=verdict.size,
        lasted=verdict.lasted,
        again=stood is not None and stood.direction == verdict.kind.direction,
        before=values.get(before) if before >= start else None,
        year_ago=since.year_ago(values, period, start),
        year=year_of(watch.measure, series.figures, period, start),
        target=watch.target,
        settings=watch.settings,
        assurance=assurance(verdict.lower, verdict.upper, watch.target, watch.good),
        extreme=since.extreme(values, period, start),
        turn=since.turn(values, period, start),
        without=_without(series, verdict, providers),
        longest=since.longest(values, period, start),
    )


def _without(series: _Series, verdict: Verdict, providers: Mapping[str, History]) -> Without | None:
    """Return the providers that make a national move; None where no few of them do.

    What came at once is set beside the period before, what came slowly beside the year before. Where there is
    not at least half of the move, or where leaving them out takes less than half of it away, it is another.
    """
    watch, period, values = series.watch, verdict.period, series.values
    at_once = verdict.kind in SEASONAL
    before = periods.shifted(period, -1) if at_once else periods.year_before(period)
    like = values.get(before)
    if watch.area != ENGLAND.code or like is None or before < series.start(period):
        return None
    value, half = verdict.window[0], verdict.kind.direction * verdict.size / 2
    if (value - like) / half < 1:
        return None
    most = MANY if verdict.size > FAR * (verdict.upper - verdict.mean) else FEW
    found = without(watch.measure, period, before, series.figures, providers, most)
    return found if found and (value - found.value) / half >= 1 else None
