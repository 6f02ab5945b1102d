"""Logs: lines for people on a terminal, JSON for machines, secrets in neither."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable
from datetime import UTC, datetime

from bot.operate.redact import keep_secrets


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


def start_logging(secrets: Iterable[str], level: int = logging.INFO) -> None:
    """Send every log to standard error: readable on a terminal, JSON otherwise."""
    handler = logging.StreamHandler(sys.stderr)
    terminal = sys.stderr.isatty()
    handler.setFormatter(
        logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S") if terminal else JsonLines()
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(True)
    for chatty in ("apscheduler", "alembic"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    keep_secrets([handler], secrets)
