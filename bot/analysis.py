"""What a release says beside its headlines: judged with all that is stored, and remembered with it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bot.petitions import counted
from bot.places import stored_restarts
from bot.rules.account import Aim
from bot.rules.breaks import of_area, shipped_breaks
from bot.rules.findings import Closed, Finding, MarkCrossed, PaceTurned, Remarks, WatchMoved
from bot.rules.measures import History, share_of, values_of
from bot.rules.periods import kind
from bot.rules.signals import Memory, Said, Signal, Watch
from bot.wording.language import t
from bot.wording.pictures import breaks_of, control_chart, petition_chart
from bot.wording.signals import title, unit_of
from scrapers.toolkit.contract import ENGLAND, Fact, Release, Scraper
from state.records import Edition
from state.store import Reader, Writer

if TYPE_CHECKING:
    from bot.rules.month import Remembered
    from bot.wording.charts import Chart, SeriesChart

FEWEST = 13  # months before anything is judged
RULES = "rules:"  # before a source's key: where its judgements are remembered, beside its own facts
STANDING = "standing"


def analysed(
    tx: Writer,
    source: Scraper,
    release: Release,
    watches: Sequence[Watch],
    restated: int,
    now: datetime,
) -> tuple[Sequence[Finding], Remarks | None]:
    """Return what is told of a new month beside its headlines, and in one line; remember what was judged.

    Nothing where the source publishes no months, or fewer than thirteen are stored.
    """
    period = release.period or ""
    if not is_judged(period, tx.periods(source.key)):
        return (), None
    from bot.rules.digest import Survey
    from bot.rules.month import Known, judge_month

    breaks, restarts = shipped_breaks(), stored_restarts(tx, source.key)
    figures = Filled(tx, source, codes_of(watches))
    for edition in tx.editions(source.key):
        figures.add(edition)
    before = _remembered(tx.facts([RULES + source.key])[RULES + source.key])
    known = Known(
        histories(tx, source, watches),
        Survey.of(
            figures.panel.until(period),
            breaks,
            restarts=restarts,
            newest_only=before.standing is not None,
        ),
        figures.panel.histories("Provider"),
        tx.measures(source.key),
        tx.renamed(source.key, period),
        restated,
        restarts,
    )
    said = judge_month(release, watches, known, before, now, breaks=breaks)
    tx.save_facts(RULES + source.key, list(_facts(said.remembered)), now)
    ended = (Closed.of(release, closing) for closing in said.remarks.closings)
    return (*said.findings, *ended), said.remarks


def is_judged(period: str, known: Collection[str]) -> bool:
    """Return whether a release of this period is judged, where figures of these periods are known."""
    return kind(period) == "month" and len(known) >= FEWEST


def chart_of(tx: Reader, source: Scraper, finding: Finding) -> Chart | None:
    """Return the chart that goes with a message; None where none does."""
    match finding:
        case WatchMoved():
            return _watched(tx, source, finding.signals[0])
        case MarkCrossed(projection=ahead) | PaceTurned(projection=ahead) if ahead:
            return petition_chart(source, counted(tx, source), ahead.goal, ahead)
    return None


def _watched(tx: Reader, source: Scraper, signal: Signal) -> SeriesChart | None:
    share = share_of(signal.measure)
    codes = share.needs if share else (signal.measure,)
    place = next(((kind_of, code) for kind_of, code in tx.places(source.key) if code == signal.area), None)
    if place is None:
        return None
    values = values_of(signal.measure, tx.series(source.key, place, codes))
    restarts = stored_restarts(tx, source.key).get(signal.area, ())
    return control_chart(
        f"{title(signal.measure)}, {t(signal.area)}",
        unit_of(signal.measure),
        {period: value for period, value in values.items() if period <= signal.period},
        source,
        Aim(signal.good, signal.target, signal.settings),
        of=share.of if share else "",
        breaks=breaks_of(signal.measure, of_area(shipped_breaks(), signal.measure, restarts)),
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


class Filled:
    """The figures of a source as one panel, filled with one publication after the other."""

    def __init__(self, tx: Reader, source: Scraper, codes: Collection[str]) -> None:
        """Take the store, and the measures that the panel is to hold in all areas and months of a source."""
        import numpy as np

        from bot.rules.panel import Panel

        ids = {id: key for key, id in tx.series_ids(source.key).items() if key[0] in codes}
        names = {(name.kind, name.code): name.name for name in tx.area_names(source.key)}
        months = [period for period in tx.periods(source.key) if kind(period) == "month"]
        self.panel = Panel.empty(ids.values(), months, names)
        self._row = np.full(max(ids, default=0) + 1, -1)
        for id, (code, kind_of, area) in ids.items():
            self._row[id] = self.panel.row(code, (kind_of, area))

    def add(self, edition: Edition) -> None:
        """Take in what a publication said, in place of what was said before."""
        import numpy as np

        if not edition.said or edition.period not in self.panel.periods:
            return
        series, values = zip(*edition.said, strict=True)
        ids = np.array(series)
        known = ids < len(self._row)
        rows = np.where(known, self._row[np.where(known, ids, 0)], -1)
        flat = self.panel.values.reshape(-1, len(self.panel.periods))
        month = self.panel.periods.index(edition.period)
        flat[rows[rows >= 0], month] = np.array(values, np.float64)[rows >= 0]


def histories(tx: Reader, source: Scraper, watches: Sequence[Watch]) -> Mapping[str, History]:
    """Return the figures of England, all measures, and of every other area that is watched, by area code."""
    codes = list(tx.measures(source.key))
    return {place[1]: tx.series(source.key, place, codes) for place in watched_places(tx, source, watches)}


def watched_places(tx: Reader, source: Scraper, watches: Sequence[Watch]) -> list[tuple[str, str]]:
    """Return kind and code of England and of every other area that is watched, where they are known."""
    places = {code: (kind_of, code) for kind_of, code in reversed(tx.places(source.key))}
    wanted = dict.fromkeys((ENGLAND.code, *(watch.area for watch in watches)))
    return [places[area] for area in wanted if area in places]


def _remembered(facts: Mapping[str, str | None]) -> Remembered:
    """Return what is remembered of earlier months, as `_facts` wrote it down."""
    from bot.rules.digest import Standing
    from bot.rules.month import Remembered

    watched = {}
    for name, text in facts.items():
        if name != STANDING and text:
            document: dict[str, Any] = json.loads(text)
            said = document.pop("said")
            measure, _, area = name.partition(" ")
            watched[measure, area] = Memory(**document, said=Said(**said) if said else None)
    standing = facts.get(STANDING)
    return Remembered(watched, None if standing is None else [Standing(*one) for one in json.loads(standing)])


def _facts(remembered: Remembered) -> Iterator[Fact]:
    for (measure, area), memory in remembered.watched.items():
        yield Fact(f"{measure} {area}", json.dumps(asdict(memory)))
    yield Fact(STANDING, json.dumps(remembered.standing))
