"""Which providers make a national move: the figure computed again without each of them.

Providers' counts are rounded to 5 and do not add up to England, so nothing is ever taken as their sum: a
provider is left out by taking its counts off England's exact ones. A count that is withheld stays in, and a
provider whose denominator is withheld stays in whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.rules.measures import Derived, History, share_of

Pair = tuple[tuple[float, float], tuple[float, float]]  # numerator and denominator, newest and before

FEW = 3  # providers, so many make a move worth a word about them
MANY = 9  # and so many a jump that is far beyond all that is usual
REMAINS = 0.2  # of the move, at most, without the providers that make it
ABSENT = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Without:
    """What a national figure would be without the providers (`areas`, by code) that make its move.

    `before` is what it would have been without them, so that `value` can be compared with its like.
    """

    areas: tuple[str, ...]
    value: float
    before: float


def without(
    measure: str,
    period: str,
    before: str,
    national: History,
    providers: Mapping[str, History],
    most: int = FEW,
) -> Without | None:
    """Return the providers without whom little is left of a national move from `before` to `period`.

    None where no so few of them make it, or where England's counts are not there.
    """
    share = share_of(measure)
    whole = _national(measure, share, national, period), _national(measure, share, national, before)
    if whole[0] is None or whole[1] is None:
        return None
    parts: dict[str, Pair] = {}
    for area, history in providers.items():
        now, then = (_part(measure, share, history, p) for p in (period, before))
        if now is not None and then is not None and (now, then) != (ABSENT, ABSENT):
            parts[area] = now, then
    return made_by((whole[0], whole[1]), parts, most)


def made_by(national: Pair, providers: Mapping[str, Pair], most: int = FEW) -> Without | None:
    """Return the providers, at most so many, without whom little of the national move is left; else None.

    One after another is left out: each time the one without whom least is left.
    """
    left, out = national, tuple[str, ...]()
    while len(out) < most and abs(_move(left)) > REMAINS * abs(_move(national)):
        rest = {area: _less(left, pair) for area, pair in providers.items() if area not in out}
        rest = {area: pair for area, pair in rest.items() if _is_sound(pair)}
        nearest = min(rest, key=lambda area: abs(_move(rest[area])), default=None)
        if nearest is None or abs(_move(rest[nearest])) >= abs(_move(left)):
            return None
        left, out = rest[nearest], (*out, nearest)
    if not out or abs(_move(left)) > REMAINS * abs(_move(national)):
        return None
    return Without(out, _value(left[0]), _value(left[1]))


def _national(
    measure: str, share: Derived | None, history: History, period: str
) -> tuple[float, float] | None:
    """Return England's numerator in hundreds and denominator; of a plain count, itself and 1."""
    if share is None:
        count = history.get(measure, {}).get(period)
        return None if count is None else (count, 1.0)
    parts = share.parts({code: history.get(code, {}).get(period) for code in share.needs})
    return None if parts is None else (100 * float(parts[0]), float(parts[1]))


def _part(measure: str, share: Derived | None, history: History, period: str) -> tuple[float, float] | None:
    """Return what is taken off England's counts for a provider; None where too much is withheld for that."""
    if share is None:
        return history.get(measure, {}).get(period) or 0.0, 0.0
    if all(period not in history.get(code, {}) for code in share.needs):
        return ABSENT
    counts = {code: history.get(code, {}).get(period) for code in share.needs}
    known = {code: 0.0 if count is None else count for code, count in counts.items()}
    parts = share.parts(known)
    return None if counts[share.bottom] is None or parts is None else (100 * float(parts[0]), float(parts[1]))


def _less(one: Pair, other: Pair) -> Pair:
    (n, d), (n0, d0) = one
    (top, bottom), (top0, bottom0) = other
    return (n - top, d - bottom), (n0 - top0, d0 - bottom0)


def _is_sound(pair: Pair) -> bool:
    return all(top >= 0 and bottom > 0 for top, bottom in pair)


def _move(pair: Pair) -> float:
    return _value(pair[0]) - _value(pair[1])


def _value(counts: tuple[float, float]) -> float:
    return counts[0] / counts[1]
