"""What a person should look at before it is told: changes that nobody has explained yet."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from bot.rules import periods
from bot.rules.breaks import Breaks, start
from bot.rules.measures import History, share_of, values_of
from bot.rules.providers import MANY, without
from bot.rules.signals import SEASONAL, Question, Signal
from scrapers.toolkit.contract import ENGLAND

YEAR = 12
FACTOR = 2  # below half of the lowest of the year before, or above twice the highest
LARGE = 500  # fewer than these halve and double by themselves
BLANKS = 2.0  # points more without an end reason in one month
BY_END_CODE = frozenset(
    {
        *("ended_early", "M057", "M058", "M059", "M060", "M061", "M062", "M063"),
        *("M066", "M069", "M070", "M340", "M341", "M342", "M344"),
    }
)


def questions_of(
    england: History,
    providers: Mapping[str, History],
    breaks: Breaks,
    signals: Sequence[Signal],
    renamed: Collection[str],
) -> Iterator[Question]:
    """Yield what a person should look at before it is told, each with the signals that wait for the answer.

    A jump that a few providers make has its explanation, and a reviewed break is one.
    """
    period = max((period for values in england.values() for period in values), default="")
    if not period or periods.kind(period) != "month":
        return
    before = periods.shifted(period, -1)
    for measure, values in sorted(england.items()):
        value = values.get(period)
        if value is None or not _is_jump(values, period) or _is_break(breaks, measure, period):
            continue
        if without(measure, period, before, england, providers, MANY) is None:
            waiting = tuple(signal for signal in signals if measure in _codes(signal.measure))
            yield Question("jump", measure, ENGLAND.code, period, value, values.get(before), waiting)
    blank = values_of("no_end_reason", england)
    value, earlier = blank.get(period), blank.get(before)
    is_known = any(_is_break(breaks, measure, period) for measure in BY_END_CODE)
    if value is not None and earlier is not None and value - earlier >= BLANKS and not is_known:
        waiting = tuple(signal for signal in signals if signal.measure in BY_END_CODE)
        yield Question("blanks", "no_end_reason", ENGLAND.code, period, value, earlier, waiting)
    for signal in signals:
        if signal.kind in SEASONAL and _codes(signal.measure) & set(renamed) and _is_step(signal):
            value, earlier = signal.value, signal.before
            yield Question("renamed", signal.measure, signal.area, signal.period, value, earlier, (signal,))


def _is_jump(values: Mapping[str, float | None], period: str) -> bool:
    """Return whether a count is below half of the lowest of the year before, or above twice the highest."""
    year = [values.get(periods.shifted(period, -back)) for back in range(YEAR + 1)]
    newest, *past = known = [value for value in year if value is not None]
    if len(known) <= YEAR or max(known) < LARGE:
        return False
    return FACTOR * newest < min(past) or newest > FACTOR * max(past)


def _is_step(signal: Signal) -> bool:
    """Return whether at least half of the move came with this period: what stood before is no step."""
    return signal.before is None or 2 * signal.direction * (signal.value - signal.before) >= signal.size


def _is_break(breaks: Breaks, measure: str, period: str) -> bool:
    return start(breaks, measure, period) == period


def _codes(measure: str) -> set[str]:
    share = share_of(measure)
    return {measure, *(share.needs if share else ())}
