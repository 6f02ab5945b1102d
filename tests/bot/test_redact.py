"""No secret may reach a log, however it got into a record."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest

from bot.operate.redact import Redactor, keep_secrets

TOKEN = "123456789:" + "A" * 35


class Log:
    """A logger of its own with a redacting handler; `text` is what was written."""

    def __init__(self) -> None:
        self._stream = io.StringIO()
        self.handler = logging.StreamHandler(self._stream)
        self.logger = logging.Logger("figurewatch.test", logging.DEBUG)
        self.logger.addHandler(self.handler)

    @property
    def text(self) -> str:
        return self._stream.getvalue()


@pytest.fixture
def log() -> Iterator[Log]:
    levels = {name: logging.getLogger(name).level for name in ("httpx", "httpcore")}
    made = Log()
    keep_secrets([made.handler], [TOKEN, "", "hunter2"])
    yield made
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def test_a_secret_in_a_message_or_its_arguments_is_hidden(log: Log) -> None:
    log.logger.info("asked https://api.telegram.org/bot%s/getMe", TOKEN)
    log.logger.info("connecting with hunter2: %r", {"password": "hunter2"})
    assert log.text == (
        "asked https://api.telegram.org/bot[secret]/getMe\n"
        "connecting with [secret]: {'password': '[secret]'}\n"
    )


def test_a_secret_in_a_traceback_and_its_causes_is_hidden(log: Log) -> None:
    try:
        try:
            raise OSError(f"bot{TOKEN}")
        except OSError as error:
            raise ValueError(f"The token `{TOKEN}` was rejected") from error
    except ValueError:
        log.logger.exception("no start", stack_info=True)
    assert TOKEN not in log.text
    assert "OSError: bot[secret]" in log.text
    assert "ValueError: The token `[secret]` was rejected" in log.text


def test_a_record_whose_arguments_do_not_fit_is_still_written_without_secrets(log: Log) -> None:
    log.logger.info("one %s two %s", TOKEN)
    assert log.text == "one %s two %s ('[secret]',)\n"


def test_a_secret_inside_another_leaves_no_rest() -> None:
    assert Redactor(["abc", "abcdef"]).hide("abcdef abc") == "[secret] [secret]"


def test_libraries_that_log_addresses_are_quiet(log: Log) -> None:
    assert not logging.getLogger("httpx").isEnabledFor(logging.INFO)
    assert not logging.getLogger("httpcore.connection").isEnabledFor(logging.DEBUG)
