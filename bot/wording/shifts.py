"""What changed somewhere among all organisations, in words."""

from __future__ import annotations

from collections.abc import Iterator

from bot.rules.digest import Digest, News, Shift
from bot.rules.xmr import Kind
from bot.wording import numbers
from bot.wording.language import later, n, t
from bot.wording.markup import NAME_CAP, clean
from scrapers.toolkit.contract import Unit

NAMED = 3  # of a group

_REASONS = {
    Kind.ABOVE_LIMIT: later("above its upper limit"),
    Kind.BELOW_LIMIT: later("below its lower limit"),
    Kind.RISING: later("7th month in a row that it rose"),
    Kind.FALLING: later("7th month in a row that it fell"),
    Kind.TWO_ABOVE: later("two of three months near its upper limit"),
    Kind.TWO_BELOW: later("two of three months near its lower limit"),
    Kind.RUN_ABOVE: later("7 months or more above its average"),
    Kind.RUN_BELOW: later("7 months or more below its average"),
}


def news_lines(news: News) -> Iterator[str]:
    """Yield the lines of one message: what changed, then how far from usual, since when, and of how many."""
    first = news.shifts[0]
    measure, area = t(first.key.title), clean(first.area.name, NAME_CAP)
    shown: dict[str, object] = {"arrow": _arrow(first), "measure": measure, "area": area}
    if news.by == "series":
        value, good = _value(first, first.value), _good(first)
        yield t("{arrow} {measure}, {area}: {value}{good}", **shown, value=value, good=good)
        yield _usual(first)
        return
    shown |= {"count": len(news.shifts), "of": news.of}
    if news.by == "measure":
        shown["good"] = _good(first)
        if first.up:
            yield t("{arrow} {measure}: up at {count} of {of} organisations{good}", **shown)
        else:
            yield t("{arrow} {measure}: down at {count} of {of} organisations{good}", **shown)
        names = [clean(shift.area.name, NAME_CAP) for shift in news.shifts]
    else:
        yield t("🔀 {area}: {count} of {of} measures changed", **shown)
        names = [f"{t(shift.key.title)}{_good(shift)}:" for shift in news.shifts]
    largest = zip(names, news.shifts[:NAMED], strict=False)
    yield t("largest: ") + "; ".join(
        f"{name} {_value(shift, shift.value)} ({_range(shift)})" for name, shift in largest
    )


def digest_line(digest: Digest) -> str:
    """Return the one line of what got no message; of nothing at all, too."""
    parts = [t("{count} series checked", count=f"{digest.checked:,}")]
    parts.append(t("{count} changed", count=f"{digest.changed:,}") if digest.changed else t("nothing new"))
    if digest.more:
        parts.append(t("{count} of them not shown", count=f"{digest.more:,}"))
    if digest.standing:
        parts.append(t("{count} still as they became", count=f"{digest.standing:,}"))
    if digest.restated:
        parts.append(n("{count} past value restated", "{count} past values restated", digest.restated))
    return ", ".join(parts)


def _usual(shift: Shift) -> str:
    parts = [_range(shift)]
    parts.append(t("this month") if shift.months == 1 else t("for {count} months", count=shift.months))
    if shift.reason in _REASONS:
        parts.append(t(_REASONS[shift.reason]))
    if shift.key.share and shift.bottom is not None:
        parts.append(t("of {count} ({what})", count=numbers.count(shift.bottom), what=t(shift.key.share.of)))
    return ", ".join(parts)


def _range(shift: Shift) -> str:
    return t("usual {low} to {high}", low=_value(shift, shift.low), high=_value(shift, shift.high))


def _value(shift: Shift, number: float) -> str:
    if shift.key.share:
        return numbers.value(number, Unit.PERCENT, whole=True)
    return numbers.value(round(number) if shift.key.is_volume else round(number, 1), Unit.COUNT)


def _arrow(shift: Shift) -> str:
    return "📈" if shift.up else "📉"


def _good(shift: Shift) -> str:
    return "" if shift.is_good is None else t(" – better") if shift.is_good else t(" – worse")
