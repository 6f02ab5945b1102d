"""What became of a send that raised: passing or permanent is decided here, and only here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

LONGEST_BACKOFF = timedelta(minutes=5)


class Verdict(StrEnum):
    """What became of a message, and so what to do about it."""

    NOT_SENT = "not sent"  # it never left: try again
    WAIT = "wait"  # too fast: wait as long as we are told
    MOVED = "moved"  # the group has a new id
    REFUSED = "refused"  # this chat does not take messages from us
    BAD_MARKUP = "bad markup"  # our HTML or a button is wrong: send it plain
    TOO_LONG = "too long"  # send the short form
    BAD_PHOTO = "bad photo"  # the picture is refused, or no pictures are allowed: send the text alone
    GONE = "gone"  # what was to be edited is not there, or cannot be: send it as a message of its own
    UNCHANGED = "unchanged"  # it says this already: as good as edited
    NO_THREAD = "no thread"  # the topic is closed or gone: send it without
    PERMANENT = "permanent"  # waiting mends nothing
    DROPPED = "dropped"  # the settings do not allow this chat any more
    BAD_TOKEN = "bad token"  # noqa: S105 (not one)
    UNKNOWN = "unknown"  # the chat may have it, or not


@dataclass(frozen=True, slots=True)
class Outcome:
    """A verdict, why (one short line without the token), and what it takes to go on."""

    verdict: Verdict
    why: str
    retry_after: timedelta = timedelta()
    new_chat: str = ""


# What the server says with status 400 (in lower case), and what it means.
_BAD_REQUESTS = {
    "photo": Verdict.BAD_PHOTO,  # before rights: one may have the right to write, and not to send photos
    "image_process_failed": Verdict.BAD_PHOTO,
    "message is not modified": Verdict.UNCHANGED,
    "message to edit not found": Verdict.GONE,
    "message can't be edited": Verdict.GONE,
    "message_id_invalid": Verdict.GONE,
    "message_edit_time_expired": Verdict.GONE,
    "in the message to edit": Verdict.GONE,  # neither text nor caption
    "can't parse": Verdict.BAD_MARKUP,
    "button": Verdict.BAD_MARKUP,
    "message is too long": Verdict.TOO_LONG,
    "message_too_long": Verdict.TOO_LONG,
    "caption is too long": Verdict.TOO_LONG,
    "message thread not found": Verdict.NO_THREAD,
    "topic_closed": Verdict.NO_THREAD,
    "topic_deleted": Verdict.NO_THREAD,
    "not enough rights": Verdict.REFUSED,
    "no rights to send": Verdict.REFUSED,
    "chat_write_forbidden": Verdict.REFUSED,
    "chat not found": Verdict.REFUSED,
    "peer_id_invalid": Verdict.REFUSED,
    "group chat was deactivated": Verdict.REFUSED,
}


def sort_outcome(error: BaseException) -> Outcome:
    """Return what an exception of a send means. Whatever is not known to be unsent is unknown."""
    from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, RetryAfter

    why = _why(error)
    match error:
        case RetryAfter():
            return Outcome(Verdict.WAIT, why, retry_after=_seconds(error.retry_after))
        case ChatMigrated():
            return Outcome(Verdict.MOVED, why, new_chat=str(error.new_chat_id))
        case Forbidden():
            return Outcome(Verdict.REFUSED, why)
        case InvalidToken():
            return Outcome(Verdict.BAD_TOKEN, why)
        case BadRequest():  # before NetworkError, whose child it is
            return Outcome(_bad_request(error.message), why)
    return Outcome(Verdict.NOT_SENT if _never_left(error) else Verdict.UNKNOWN, why)


def backoff(attempts: int) -> timedelta:
    """Return how long to wait after so many attempts that did not leave: 2, 4, 8 … 300 seconds."""
    return min(timedelta(seconds=2 ** min(attempts, 20)), LONGEST_BACKOFF)


def _bad_request(message: str) -> Verdict:
    said = message.lower()
    return next((verdict for words, verdict in _BAD_REQUESTS.items() if words in said), Verdict.PERMANENT)


def _never_left(error: BaseException) -> bool:
    """Say whether no byte of the message reached the server: there was never a connection for it."""
    import httpx

    unsent = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
    return any(isinstance(cause, unsent) for cause in _causes(error))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _seconds(wait: int | timedelta) -> timedelta:
    return wait if isinstance(wait, timedelta) else timedelta(seconds=wait)


def _why(error: BaseException) -> str:
    said = " ".join(f"{type(error).__name__}: {error}".split())
    return re.sub(r"\d+:[\w-]{35}", "…", said)[:200]
