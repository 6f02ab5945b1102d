"""What changed somewhere among all organisations, in words."""

from __future__ import annotations

from collections.abc import Iterator

from bot.rules.digest import Digest, News, Shift
from bot.rules.xmr import Kind
from bot.wording import numbers
from scrapers.toolkit.contract import Unit

NAMED = 3  # of a group

_REASONS = {
    Kind.ABOVE_LIMIT: "above its upper limit",
    Kind.BELOW_LIMIT: "below its lower limit",
    Kind.RISING: "7th month in a row that it rose",
    Kind.FALLING: "7th month in a row that it fell",
    Kind.TWO_ABOVE: "two of three months near its upper limit",
    Kind.TWO_BELOW: "two of three months near its lower limit",
    Kind.RUN_ABOVE: "7 months or more above its average",
    Kind.RUN_BELOW: "7 months or more below its average",
}


def news_lines(news: News) -> Iterator[str]:
    """Yield the lines of one message: what changed, then how far from usual, since when, and of how many."""
    first = news.shifts[0]
    if news.by == "series":
        value = _value(first, first.value)
        yield f"{_arrow(first)} {first.key.title}, {first.area.name}: {value}{_good(first)}"
        yield _usual(first)
        return
    if news.by == "measure":
        share = f"{len(news.shifts)} of {news.of} organisations"
        yield f"{_arrow(first)} {first.key.title}: {'up' if first.up else 'down'} at {share}{_good(first)}"
        names = (f"{s.area.name} {_value(s, s.value)} ({_range(s)})" for s in news.shifts[:NAMED])
    else:
        yield f"🔀 {first.area.name}: {len(news.shifts)} of {news.of} measures changed"
        names = (f"{s.key.title} {_value(s, s.value)} ({_range(s)})" for s in news.shifts[:NAMED])
    yield "largest: " + "; ".join(names)


def digest_line(digest: Digest) -> str:
    """Return the one line of what got no message; of nothing at all, too."""
    parts = [f"{digest.checked:,} series checked"]
    if not digest.changed:
        parts.append("nothing new")
    else:
        parts.append(f"{digest.changed:,} changed")
        if digest.more:
            parts.append(f"{digest.more:,} of them not shown")
    if digest.standing:
        parts.append(f"{digest.standing:,} still as they became")
    if digest.restated:
        parts.append(f"{digest.restated:,} past values restated")
    return ", ".join(parts)


def _usual(shift: Shift) -> str:
    parts = [_range(shift), "this month" if shift.months == 1 else f"for {shift.months} months"]
    if shift.reason in _REASONS:
        parts.append(_REASONS[shift.reason])
    if shift.key.share and shift.bottom is not None:
        parts.append(f"of {numbers.count(shift.bottom)} ({shift.key.share.of})")
    return ", ".join(parts)


def _range(shift: Shift) -> str:
    return f"usual {_value(shift, shift.low)} to {_value(shift, shift.high)}"


def _value(shift: Shift, number: float) -> str:
    if shift.key.share:
        return numbers.value(number, Unit.PERCENT, whole=True)
    return numbers.value(round(number) if shift.key.is_volume else round(number, 1), Unit.COUNT)


def _arrow(shift: Shift) -> str:
    return "📈" if shift.up else "📉"


def _good(shift: Shift) -> str:
    return "" if shift.is_good is None else " – better" if shift.is_good else " – worse"
