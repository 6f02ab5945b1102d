"""What a release says beside its headlines: judged with all that is stored, and remembered with it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bot.rules.breaks import Breaks, shipped_breaks
from bot.rules.findings import Asked, Finding, MarkCrossed, PaceTurned, Remarks, Shifted, WatchMoved
from bot.rules.measures import History, share_of, values_of
from bot.rules.periods import kind, shifted
from bot.rules.signals import Memory, Said, Signal, State, Watch
from bot.wording.pictures import breaks_of, control_chart, petition_chart
from bot.wording.signals import title, unit_of
from scrapers.toolkit.contract import ENGLAND, EVERYWHERE, Fact, Measure, Release, Scraper
from state.store import Reader, Writer

if TYPE_CHECKING:
    from bot.rules.digest import Outcome, Standing
    from bot.rules.panel import Panel
    from bot.rules.signals import Judged
    from bot.wording.charts import Chart, SeriesChart

FEWEST = 13  # months before anything is judged
LEARNT = 7  # months that are judged in silence, where none was judged before
RULES = "rules:"  # before a source's key: where its judgements are remembered, beside its own facts
STANDING = "standing"


def analysed(
    tx: Writer,
    source: Scraper,
    release: Release,
    watches: Sequence[Watch],
    restated: int,
    now: datetime,
) -> tuple[list[Finding], Remarks | None]:
    """Return what is told of a new month beside its headlines, and in one line; remember what was judged.

    Nothing where the source publishes no months, or fewer than thirteen are stored.
    """
    period = release.period or ""
    if kind(period) != "month" or len(tx.periods(source.key)) < FEWEST:
        return [], None
    from bot.rules.policy import judge_watch_list

    breaks, renamed = shipped_breaks(), tx.renamed(source.key, period)
    remembered = tx.facts([RULES + source.key])[RULES + source.key]
    panel = panel_of(tx, source, codes_of(watches))
    judged = judge_watch_list(
        histories(tx, source, watches),
        watches,
        _memories(remembered),
        now,
        breaks=breaks,
        providers=panel.histories("Provider"),
        renamed=renamed,
    )
    outcome = _all_series(panel, period, remembered.get(STANDING), breaks, restated)
    tx.save_facts(RULES + source.key, [*_facts(judged.state), _standing(outcome.state)], now)
    findings = list(_findings(judged, outcome, release, tx.measures(source.key)))
    return findings, Remarks(outcome.digest, judged.closings, tuple(renamed.items()))


def _findings(
    judged: Judged,
    outcome: Outcome,
    release: Release,
    measures: Mapping[str, Measure],
) -> Iterator[Finding]:
    """Yield what is told, in the order in which it is: the watch list, questions, organisations."""
    from bot.rules.policy import grouped

    period = release.period or ""
    for group in grouped(judged.signals):
        name = group[0].family or group[0].measure
        yield WatchMoved(f"watch:{period}:{name}:{group[0].area}", release, group)
    for question in judged.questions:
        episode = f"asked:{question.why}:{question.measure}:{period}"
        for signal in question.signals:
            name = f"watch:{period}:{signal.measure}:{signal.area}"
            yield WatchMoved(name, release, (signal,), held=episode)
        yield Asked(episode, release, question, measures.get(question.measure))
    for news in outcome.news:
        yield Shifted(news.episode, release, news)


def chart_of(tx: Reader, source: Scraper, finding: Finding) -> Chart | None:
    """Return the chart that goes with a message; None where none does."""
    match finding:
        case WatchMoved():
            return _watched(tx, source, finding.signals[0])
        case MarkCrossed() | PaceTurned() if finding.projection:
            counts = tx.series(source.key, (EVERYWHERE.kind, EVERYWHERE.code), ["signatures"])["signatures"]
            return petition_chart(source, counts, finding.projection)
    return None


def _watched(tx: Reader, source: Scraper, signal: Signal) -> SeriesChart | None:
    share = share_of(signal.measure)
    codes = share.needs if share else (signal.measure,)
    place = next(((kind_of, code) for kind_of, code in tx.places(source.key) if code == signal.area), None)
    if place is None:
        return None
    values = values_of(signal.measure, tx.series(source.key, place, codes))
    return control_chart(
        f"{title(signal.measure)}, {signal.area}",
        unit_of(signal.measure),
        {period: value for period, value in values.items() if period <= signal.period},
        source,
        good=signal.good,
        of=share.of if share else "",
        target=signal.target,
        breaks=breaks_of(signal.measure, shipped_breaks()),
    )


def codes_of(watches: Sequence[Watch]) -> frozenset[str]:
    """Return the codes of every measure that is judged for all areas."""
    from bot.rules.keys import KEYS, UNRECORDED

    shares = [key.share for key in KEYS] + [share_of(watch.measure) for watch in watches]
    return frozenset[str]().union(
        UNRECORDED,
        *(share.needs for share in shares if share),
        *(key.codes for key in KEYS),
        (key.weighs for key in KEYS if key.weighs),
        (watch.measure for watch in watches if share_of(watch.measure) is None),
    )


def panel_of(tx: Reader, source: Scraper, codes: Collection[str]) -> Panel:
    """Return the newest versions of these measures in every area and month of a source."""
    import numpy as np

    from bot.rules.panel import Panel

    ids = {id: key for key, id in tx.series_ids(source.key).items() if key[0] in codes}
    names = {(name.kind, name.code): name.name for name in tx.area_names(source.key)}
    months = [period for period in tx.periods(source.key) if kind(period) == "month"]
    frame = Panel.empty(ids.values(), months, names)
    place = np.full(max(ids, default=0) + 1, -1)
    flat = frame.values.reshape(-1, len(frame.periods))
    for id, (code, kind_of, area) in ids.items():
        place[id] = frame.row(code, (kind_of, area))
    for period, said in tx.editions(source.key):
        if not said or period not in frame.periods:
            continue
        series, values = zip(*said, strict=True)
        rows = np.array(series)
        known = rows < len(place)
        rows = np.where(known, place[np.where(known, rows, 0)], -1)
        flat[rows[rows >= 0], frame.periods.index(period)] = np.array(values, np.float64)[rows >= 0]
    return frame


def histories(tx: Reader, source: Scraper, watches: Sequence[Watch]) -> Mapping[str, History]:
    """Return the figures of England, all measures, and of every other area that is watched, by area code."""
    places = {code: (kind_of, code) for kind_of, code in reversed(tx.places(source.key))}
    codes = list(tx.measures(source.key))
    found: dict[str, History] = {}
    for area in dict.fromkeys((ENGLAND.code, *(watch.area for watch in watches))):
        if area in places:
            found[area] = tx.series(source.key, places[area], codes)
    return found


def _all_series(panel: Panel, period: str, before: str | None, breaks: Breaks, restated: int) -> Outcome:
    """Judge all organisations; where that was never done, what stands already is learnt in silence."""
    from bot.rules.digest import Standing, Survey, judge

    survey = Survey.of(panel.until(period), breaks)
    if before is not None:
        state: Sequence[Standing] = [Standing(*one) for one in json.loads(before)]
    else:
        state = ()
        for back in range(LEARNT, 0, -1):
            month = shifted(period, -back)
            if month in survey.panel.periods:
                state = judge(survey, month, state).state
    return judge(survey, period, state, restated=restated)


def _standing(state: Sequence[Standing]) -> Fact:
    return Fact(STANDING, json.dumps(state))


def _memories(remembered: Mapping[str, str | None]) -> State:
    """Return what is remembered of the watch list."""
    found = {}
    for name, text in remembered.items():
        if name != STANDING and text:
            document: dict[str, Any] = json.loads(text)
            said = Said(**document.pop("said")) if document["said"] else document.pop("said")
            measure, _, area = name.partition(" ")
            found[measure, area] = Memory(**document, said=said)
    return found


def _facts(state: State) -> Iterator[Fact]:
    for (measure, area), memory in state.items():
        yield Fact(f"{measure} {area}", json.dumps(asdict(memory)))
