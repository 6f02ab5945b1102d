"""Which figures a message was about, and what they said: kept with it, so that it can be asked why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from bot.rules.findings import (
    ClaimMoved,
    CountFell,
    Finding,
    MarkCrossed,
    PaceTurned,
    ReadingChanged,
    ReleaseOut,
    Revised,
    WatchMoved,
)
from scrapers.toolkit.contract import EVERYWHERE

MOST = 6  # figures of one message
SIGNATURES = "signatures"


class About(NamedTuple):
    """A figure as a message said it, and as it was before; an empty area is the usual one of its source."""

    measure: str
    area: str
    period: str
    value: float | None
    before: float | None


def about(finding: Finding) -> list[About]:
    """Return the first figures of a finding."""
    return list(_figures(finding))[:MOST]


def remembered_about(kept: Mapping[str, Any]) -> Iterable[About]:
    """Return what was kept of a finding; nothing for one that was told before this was kept."""
    return [About(*one) for one in kept.get("about", ())]


def _figures(finding: Finding) -> Iterator[About]:
    match finding:
        case ReleaseOut(release=release, rows=rows):
            for row in rows:
                yield About(row.measure, "", release.period or "", row.value, row.earlier.get("before"))
        case Revised(named=named):
            for figure, old, *_ in named:
                yield About(figure.measure.id, figure.area.code, figure.period, figure.value, old)
        case WatchMoved(signals=signals):
            for one in signals:
                yield About(one.measure, one.area, one.period, one.value, one.before)
        case ReadingChanged(figure=figure, before=before):
            yield About(figure.measure.id, figure.area.code, figure.period, figure.value, before.value)
        case ClaimMoved(news=news):
            of = news.now.claim.figure
            yield About(of.measure, of.area, news.now.period or "", news.now.value, news.was)
        case MarkCrossed(count=count, before=before) | CountFell(count=count, before=before):
            yield About(SIGNATURES, EVERYWHERE.code, "", count, before)
        case PaceTurned(count=count, burst=burst):
            yield About(SIGNATURES, EVERYWHERE.code, "", count, count - burst.gain)
