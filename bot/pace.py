"""How long things are waited for. (The pace of a petition is in `bot.rules.pace`.)"""

from __future__ import annotations

from dataclasses import dataclass

EVENLY = 28  # messages a second; 30 are allowed


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things are waited for, in seconds.

    `spacing` lies between two messages in a chat and `even` between any two; a group gets a limited number of
    them in a `window`. `doubt` lies before one is sent again that perhaps arrived. `unit` is what a second
    lasts that Telegram asks us to wait, and the first step of our own patience. A chat that refuses us, and a
    refused token, are tried again after `paused` and `refused`. News older than `late` is marked so; when a
    release does not reach every chat within `slow`, the operator is told. `look_again` is the longest rest of
    the sender: another process may fill the outbox without a poke. `answer` bounds each silence of Telegram:
    a call that is given up too early is one that nobody can be sure of. `backoff` lies before a page is asked
    for again, and `timeout` bounds each silence of a site.
    """

    spacing: float = 1.2
    even: float = 1 / EVENLY
    window: float = 61.0
    doubt: float = 30.0
    unit: float = 1.0
    paused: float = 3600.0
    refused: float = 600.0
    late: float = 6 * 3600.0
    slow: float = 600.0
    look_again: float = 5.0
    answer: float = 20.0
    backoff: float = 1.0
    timeout: float = 20.0


PACE = Pace()
