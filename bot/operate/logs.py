"""Logs: lines for people on a terminal, JSON for machines, secrets in neither."""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from types import TracebackType

from bot.operate.redact import Redactor, keep_secrets


class JsonLines(logging.Formatter):
    """Formats a record as one JSON document a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's time in UTC, level, logger, message and traceback as JSON."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_text:
            line["traceback"] = record.exc_text
        return json.dumps(line, ensure_ascii=False)


def start_logging(secrets: Iterable[str], level: int = logging.INFO) -> Redactor:
    """Send every log to standard error: readable on a terminal, JSON otherwise. Return what hides secrets."""
    handler = logging.StreamHandler(sys.stderr)
    terminal = sys.stderr.isatty()
    handler.setFormatter(
        logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S") if terminal else JsonLines()
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(True)
    for chatty in ("apscheduler", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    redactor = keep_secrets([handler], secrets, chatty=level <= logging.DEBUG)
    if level <= logging.DEBUG:  # at this level the library would log what people write
        logging.getLogger("telegram").setLevel(logging.INFO)
    return redactor


def log_crashes() -> None:
    """Let errors that nobody caught go to the log, where secrets are hidden, and not to standard error."""
    sys.excepthook = _log_crash
    threading.excepthook = lambda crash: _log_crash(crash.exc_type, crash.exc_value, crash.exc_traceback)
    sys.unraisablehook = lambda crash: _log_crash(crash.exc_type, crash.exc_value, crash.exc_traceback)


def _log_crash(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        logging.getLogger("figurewatch").critical(
            "an error that nobody expected", exc_info=(kind, error or kind(), trace)
        )
