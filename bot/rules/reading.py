"""Live figures that are no petition's: which of their changes are worth a message.

(How pages are read is in `scrapers.toolkit.reading`.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from bot.rules.findings import ReadingChanged
from state.records import Changes

Series = tuple[str, str, str]  # measure, kind of area, area code
Values = Mapping[str, float | None]  # by period, in their order; None is withheld


def readings_changed(
    changes: Changes, history: Mapping[Series, Values], step: float, now: datetime
) -> Iterator[ReadingChanged]:
    """Yield the changes that are a step away from what was last told of their series.

    `history` holds what was stored before. A first reading is no change. What was said of the same period is
    corrected by any other value. A change back is news again, so that `now` is part of the episode.
    """
    for figure in changes.to_store:
        before = history.get((figure.measure.id, figure.area.kind, figure.area.code), {})
        said = figure.period if figure.period in before else last_told(before, step)
        if said is not None and (said == figure.period or _is_step(figure.value, before[said], step)):
            episode = f"reading:{figure.measure.id}:{figure.area.code}:{figure.period}:{now.isoformat()}"
            yield ReadingChanged(episode, figure, figure._replace(period=said, value=before[said]))


def last_told(history: Values, step: float) -> str | None:
    """Return the period that was told last, where each was that is a step from the one told before it."""
    told: str | None = None
    for period, value in history.items():
        if told is None or _is_step(value, history[told], step):
            told = period
    return told


def _is_step(value: float | None, told: float | None, step: float) -> bool:
    return value is None or told is None or round(abs(value - told), 9) >= step
