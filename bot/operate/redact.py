"""Logs without secrets: the bot's token is in every address that is asked."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterable

HIDDEN = "[secret]"
CHATTY = ("httpx", "httpcore", "telegram")  # they log every address, or all that is said and heard


class Redactor(logging.Filter):
    """Hides secrets in messages and tracebacks. It belongs on handlers: a logger's children pass it by."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__()
        # Longest first, so that no secret is left half shown where one is part of another.
        self._secrets = sorted(filter(None, set(secrets)), key=len, reverse=True)

    def hide(self, text: str) -> str:
        """Return the text without the secrets."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return text

    def filter(self, record: logging.LogRecord) -> bool:
        """Hide the secrets in the record itself, so that no formatter can bring them back; let it pass."""
        record.msg, record.args = self.hide(_message(record)), None
        trace = record.exc_text or ""
        if record.exc_info and not trace:
            trace = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
        record.exc_info, record.exc_text = None, self.hide(trace) or None
        record.stack_info = self.hide(record.stack_info) if record.stack_info else None
        return True


def keep_secrets(
    handlers: Iterable[logging.Handler], secrets: Iterable[str], *, chatty: bool = False
) -> Redactor:
    """Let no handler show a secret, and quieten the libraries that log addresses unless they may chat."""
    redactor = Redactor(secrets)
    for handler in handlers:
        handler.addFilter(redactor)
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.NOTSET if chatty else logging.WARNING)
    return redactor


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # the arguments do not fit: what is there must still be said without secrets
        return f"{record.msg} {record.args!r}"
