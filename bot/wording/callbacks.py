"""What a button sends back, and what a link to the bot carries: a verb and a few short arguments.

Anybody can send anything as if a button had been pressed, so that it is parsed strictly and means nothing
but what is looked up again. Names and codes that may be long travel as marks: eight letters that stand for
them for ever.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import NamedTuple

LONGEST = 64  # bytes, of a button's data and of a link's payload
_CALL = re.compile(r"[a-z]{1,12}(:[A-Za-z0-9.-]{1,40}){0,5}", re.ASCII)
_PAYLOAD = re.compile(r"[a-z]{1,12}(_[A-Za-z0-9-]{1,40}){0,5}", re.ASCII)


class Call(NamedTuple):
    """What was pressed: what to do, and with what."""

    verb: str
    args: tuple[str, ...] = ()


def pressed(verb: str, *args: str) -> str:
    """Return what a button sends. Raises ValueError for what could not be parsed again."""
    data = ":".join((verb, *args))
    if parsed(data) != Call(verb, args):
        raise ValueError(f"expected a verb and short arguments, at most {LONGEST} bytes, found {data!r}")
    return data


def parsed(data: str) -> Call | None:
    """Return what a button sent; None for anything that none of ours sends."""
    return _call(data, _CALL, ":")


def linked(verb: str, *args: str) -> str:
    """Return the payload of a link to the bot. Raises ValueError for what could not be parsed again."""
    payload = "_".join((verb, *args))
    if parsed_link(payload) != Call(verb, args):
        raise ValueError(f"expected a verb and short arguments, at most {LONGEST} bytes, found {payload!r}")
    return payload


def parsed_link(payload: str) -> Call | None:
    """Return what a link to the bot asks for; None for anything that none of ours asks."""
    return _call(payload, _PAYLOAD, "_")


def mark(*parts: str) -> str:
    """Return eight letters and digits that stand for these names, the same in every process."""
    return sha256("\0".join(parts).encode()).hexdigest()[:8]


def _call(text: str, form: re.Pattern[str], between: str) -> Call | None:
    if len(text) > LONGEST or not form.fullmatch(text):
        return None
    verb, *args = text.split(between)
    return Call(verb, tuple(args))
