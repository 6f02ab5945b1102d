"""A month's release judged whole: what the watch list, open questions and all organisations say of it.

The worker asks when a month comes out; a backtest asks for each month of the past. Both get the same answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from bot.rules.breaks import Breaks, Restarts
from bot.rules.digest import Outcome, Standing, Survey, judge
from bot.rules.findings import Asked, Finding, Remarks, Shifted, WatchMoved
from bot.rules.measures import History
from bot.rules.periods import shifted
from bot.rules.policy import grouped, judge_watch_list
from bot.rules.signals import Judged, State, Watch
from scrapers.toolkit.contract import Measure, Release

LEARNT = 7  # months that are judged in silence, where none was judged before


@dataclass(frozen=True, slots=True)
class Known:
    """What is known when a month comes out.

    `history` holds the figures of England and of every area that is watched, by its code, up to that month;
    `survey` is of all areas, `providers` their figures. `renamed` has the measures whose name is new, with
    the old and the new one. `restated` are earlier values that the release corrects, `restarts` the months
    with which the series of areas begin anew.
    """

    history: Mapping[str, History]
    survey: Survey
    providers: Mapping[str, History]
    measures: Mapping[str, Measure]
    renamed: Mapping[str, tuple[str, str]]
    restated: int = 0
    restarts: Restarts = field(default_factory=dict)


class Remembered(NamedTuple):
    """What earlier months left: the watch list's state, and what stands of all series; None where nothing."""

    watched: State
    standing: Sequence[Standing] | None


class Said(NamedTuple):
    """What is told of a month beside its headlines, what of it is worth one line, and what to remember."""

    findings: tuple[Finding, ...]
    remarks: Remarks
    remembered: Remembered


def judge_month(
    release: Release,
    watches: Sequence[Watch],
    known: Known,
    before: Remembered,
    now: datetime,
    *,
    breaks: Breaks,
) -> Said:
    """Return what a month's release says; its period must be a month of the survey."""
    period = release.period or ""
    judged = judge_watch_list(
        known.history,
        watches,
        before.watched,
        now,
        breaks=breaks,
        providers=known.providers,
        renamed=known.renamed,
        restarts=known.restarts,
    )
    standing = _learnt(known.survey, period) if before.standing is None else before.standing
    outcome = judge(known.survey, period, standing, restated=known.restated)
    return Said(
        tuple(_findings(judged, outcome, release, known.measures)),
        Remarks(
            outcome.digest if known.survey.has_keys else None,
            judged.closings,
            tuple(known.renamed.items()),
        ),
        Remembered(judged.state, outcome.state),
    )


def _learnt(survey: Survey, period: str) -> Sequence[Standing]:
    """Return what stands already where it was never judged: it is learnt in silence."""
    state: Sequence[Standing] = ()
    for back in range(LEARNT, 0, -1):
        month = shifted(period, -back)
        if month in survey.panel.periods:
            state = judge(survey, month, state).state
    return state


def _findings(
    judged: Judged, outcome: Outcome, release: Release, measures: Mapping[str, Measure]
) -> Iterator[Finding]:
    """Yield what is told, in the order in which it is: the watch list, questions, organisations."""
    period = release.period or ""
    for group in grouped(judged.signals):
        name = group[0].family or group[0].measure
        yield WatchMoved(WatchMoved.episode_of(period, name, group[0].area), release, group)
    for question in judged.questions:
        episode = f"asked:{question.why}:{question.measure}:{period}"
        for signal in question.signals:
            name = WatchMoved.episode_of(period, signal.measure, signal.area)
            yield WatchMoved(name, release, (signal,), held=episode)
        yield Asked(episode, release, question, measures.get(question.measure))
    for news in outcome.news:
        yield Shifted(news.episode, release, news)
