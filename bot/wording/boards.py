"""How things stand, in the message that a chat has pinned."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from bot.rules.claims import Standing
from bot.wording import numbers
from bot.wording.language import t
from bot.wording.markup import NAME_CAP, Line, Message, bold, clean, line

SAYS_CAP = 120
SIGN = "📍"  # begins it


def board(
    name: str,
    petitions: Sequence[tuple[str, int, int | None]],
    coming: tuple[date, str] | None,
    claims: Sequence[Standing],
) -> Message:
    """Return the petitions with count and goal, the next release, and the claims that are in trouble."""
    lines = [line(bold(f"{SIGN} {clean(name, NAME_CAP)}"))]
    lines += [_petition(*petition) for petition in petitions]
    if coming:
        day, title = coming
        lines.append(line(t("📅 Next: {title}, {day}", title=clean(title, NAME_CAP), day=numbers.day(day))))
    trouble = [one for one in claims if one.verdict in ("thin", "broken")]
    lines += [_claim(one) for one in trouble]
    if claims and not trouble:
        lines.append(line(t("📌 No claim is in trouble.")))
    return Message(tuple(lines), silent=True)


def _petition(title: str, count: int, goal: int | None) -> Line:
    of = t(" of {goal}", goal=numbers.count(goal)) if goal else ""
    return line("✍️ ", bold(numbers.signatures(count)), f"{of}: {clean(title, NAME_CAP)}")


def _claim(standing: Standing) -> Line:
    says = clean(standing.claim.says, SAYS_CAP)
    if standing.verdict == "thin":
        return line(t("📌 Thin: “{says}”", says=says))
    return line(t("📌 No longer holds: “{says}”", says=says))
