"""What became of an organisation, in words: one paragraph that is safe to stand beside its figures."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from bot.rules.places import Directory, Succession, chain, restarts
from bot.wording import numbers
from bot.wording.language import t
from bot.wording.markup import NAME_CAP, clean


def story(code: str, where: Directory) -> str:
    """Return what became of a code and with what its series began anew; nothing where nothing did.

    As in "RRP until October 2024; since then part of G6V2S (NORTH LONDON NHS FOUNDATION TRUST)."
    """
    steps = chain(code, where)
    days = sorted({(step.code, step.on) for step in steps}, key=lambda day: day[1])
    told = [_taken_over([step for step in steps if (step.code, step.on) == day], where) for day in days]
    told += [
        t(
            "{code} took over {joined} in {month}: its figures before and after are not one series.",
            code=code,
            joined=_listed([_called(joined, where) for joined in restart.joined]),
            month=numbers.period(restart.period),
        )
        for restart in restarts(code, where)
    ]
    return " ".join(told)


def _taken_over(steps: Sequence[Succession], where: Directory) -> str:
    """Return one sentence for what became of a code on one day; several successors share what it was."""
    successors = _listed([_called(step.successor, where) for step in steps])
    code, _, on = steps[0]
    until = _month_before(on)
    return t(
        "{code} until {month}; since then part of {successors}.",
        code=code,
        month=until,
        successors=successors,
    )


def _month_before(on: date) -> str:
    """Return the month of the last day before this one."""
    return numbers.period(f"{on - timedelta(days=1):%Y-%m}")


def _called(code: str, where: Directory) -> str:
    name = where.name(code)
    return code if name == code else f"{code} ({clean(name, NAME_CAP)})"


def _listed(names: Sequence[str]) -> str:
    *others, last = names
    return t("{names} and {last}", names=", ".join(others), last=last) if others else last
