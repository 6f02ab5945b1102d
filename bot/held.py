"""What was held back: list it, and carry out the operator's decision."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from bot.campaign import Campaign
from bot.commit import AdminNeeded, AlreadyDecided, Committer
from bot.listing import Column, print_table, utc
from bot.rules.findings import Doubt
from bot.wording.messages import doubt
from bot.wording.numbers import day_and_time
from state.records import Held


class NotHeld(Exception):
    """Say that there is nothing to decide under a number."""


def number_of(written: str) -> int:
    """Return the number of what is held, written `H3` or `3`. Raises NotHeld for anything else."""
    match = re.fullmatch(r"#?[Hh]?(\d{1,9})", written)
    if match is None:
        raise NotHeld(f"{written!r} is not written like H3 or A143; `figurewatch held` lists what waits")
    return int(match[1])


def waiting(committer: Committer, written: str) -> Held:
    """Return what waits under a number. Raises NotHeld where nothing does."""
    number = number_of(written)
    with committer.store.reading() as tx:
        held = next(iter(tx.held(number)), None)
    if held is None:
        raise NotHeld(f"nothing was held as H{number}; `figurewatch held` lists what waits")
    if held.verdict is not None:
        raise _decided(held)
    return held


def release(committer: Committer, campaign: Campaign, written: str, clock: Callable[[], datetime]) -> str:
    """Store and tell what was held, as it was read; return what was done. Raises NotHeld where nothing waits.

    Under an alert's number (`A143`) waits what a question holds back.
    """
    if question := _question(written):
        return _answer(committer, question, clock(), told=True)
    held = waiting(committer, written)
    source = next((source for source in campaign.sources if source.key == held.source), None)
    if source is None:
        raise NotHeld(f"H{held.id} is of {held.source}, which this campaign does not watch")
    try:
        committer.believe(source, held, campaign.marks_of(source), clock())
    except AlreadyDecided:
        raise _decided(held) from None
    return f"H{held.id} is stored: {held.content.release.title}"


def reject(committer: Committer, written: str, clock: Callable[[], datetime]) -> str:
    """Drop what was held, and return what was done. Raises NotHeld where nothing waits."""
    if question := _question(written):
        return _answer(committer, question, clock(), told=False)
    held = waiting(committer, written)
    try:
        committer.reject(held, clock())
    except AlreadyDecided:
        raise _decided(held) from None
    return f"H{held.id} is dropped: {held.content.release.title}"


def _question(written: str) -> int | None:
    """Return the number of the alert that asks, where it is written `A143`."""
    match = re.fullmatch(r"#?[Aa](\d{1,9})", written)
    return int(match[1]) if match else None


def _answer(committer: Committer, question: int, now: datetime, *, told: bool) -> str:
    """Answer a question, and return what was done. Raises NotHeld where nothing waits for this answer."""
    try:
        done = committer.answer(question, now, told=told)
    except AdminNeeded:
        raise NotHeld(
            f"A{question} waits for the yes of an admin, in the chat in which that is asked"
        ) from None
    if not done:
        raise NotHeld(f"nothing waits for an answer to A{question}")
    return done


def rows(held: Iterable[Held]) -> Iterator[dict[str, Any]]:
    """Yield what was held as the rows of `held --json`."""
    for one in held:
        yield {
            "id": f"H{one.id}",
            "source": one.source,
            "release": one.content.release.key,
            "title": one.content.release.title,
            "url": one.content.release.url,
            "figures": len(one.content.figures),
            "state": one.verdict or "waiting",
            "found": utc(one.found),
            "decided": utc(one.decided),
            "doubts": [dict(found) for found in one.doubts],
        }


def show(held: list[Held]) -> Iterator[str]:
    """Print what was held as a table; yield the doubts about what waits, one a line."""
    print_table(
        ("id", "state", "found (London)", Column("source", cut="middle"), Column("title", cut="middle")),
        [
            (
                f"H{one.id}",
                one.verdict or "waiting",
                day_and_time(one.found),
                one.source,
                one.content.release.title,
            )
            for one in held
        ],
    )
    for one in held:
        if one.verdict is None:
            yield from (f"H{one.id}: {doubt(Doubt(**found))}" for found in one.doubts)


def _decided(held: Held) -> NotHeld:
    verdicts = {
        "released": "was released",
        "rejected": "was rejected",
        "over": "is over: its source says something else",
    }
    when = f" on {day_and_time(held.decided)}" if held.decided else ""
    return NotHeld(f"H{held.id} {verdicts[held.verdict or 'released']}{when}")
