"""Why a claim stands as it does, in words."""

from __future__ import annotations

from collections.abc import Mapping

from bot.rules.claims import Standing, Why
from bot.wording.language import later, t

_WHYS: Mapping[Why, str] = {
    "parts": later("its own parts add up to {sum}, not to {total}"),
    "unagreed": later("nobody has agreed on what would be fair"),
    "unread": later("its figure was not read yet"),
    "withheld": later("its figure is withheld"),
    "missing": later("a figure that it is computed from is missing"),
}


def reason(standing: Standing) -> str:
    """Return why a claim has no verdict, or does not hold whatever its figure is; empty where neither."""
    if not standing.why:
        return ""
    parts = standing.claim.parts
    if standing.why == "parts" and parts:
        return t(_WHYS["parts"], sum=f"{parts.sum:,.15g}", total=f"{parts.total:,.15g}")
    return t(_WHYS[standing.why])
