"""Why a point is special cause, in words."""

from __future__ import annotations

from bot.rules.xmr import Kind
from bot.wording.language import later, t

EACH = (later("day"), later("month"), later("quarter"), later("year"), later("reading"))
_NTH = {1: later("{count}st"), 2: later("{count}nd"), 3: later("{count}rd")}


def cause(kind: Kind, points: int, each: str) -> str:
    """Return why a point is special cause; it lasts for so many `points`, `each` a `month`, say."""
    values = {"nth": _nth(points), "each": t(each)}
    match kind:
        case Kind.COMMON:
            return t("no special cause")
        case Kind.RISING:
            return t("{nth} rise in a row", nth=values["nth"])
        case Kind.FALLING:
            return t("{nth} fall in a row", nth=values["nth"])
        case Kind.TWO_ABOVE:
            return t("two of the last three {each}s far above its average", each=values["each"])
        case Kind.TWO_BELOW:
            return t("two of the last three {each}s far below its average", each=values["each"])
        case Kind.RUN_ABOVE:
            return t("{nth} {each} in a row above its average", **values)
        case Kind.RUN_BELOW:
            return t("{nth} {each} in a row below its average", **values)
        case Kind.ABOVE_LIMIT if points > 1:
            return t("{nth} {each} in a row above its usual range", **values)
        case Kind.BELOW_LIMIT if points > 1:
            return t("{nth} {each} in a row below its usual range", **values)
        case Kind.ABOVE_LIMIT:
            return t("above its usual range")
        case Kind.BELOW_LIMIT:
            return t("below its usual range")


def _nth(number: int) -> str:
    last = number % 10 if number % 100 not in (11, 12, 13) else 0
    return t(_NTH.get(last, later("{count}th")), count=number)
