"""A process that does all it can to leak: `python -m tests.bot.leaks` with the settings of a worker.

Each way ends in an error that carries a secret, in a log of some library, or in what Python prints by itself.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
import warnings

from bot.cli.frame import start
from bot.operate.logs import log_crashes
from bot.settings import Settings


class Unraisable:
    """Something that fails while it is thrown away, where nobody can catch it."""

    def __init__(self, secret: str) -> None:
        self.secret = secret

    def __del__(self) -> None:
        raise RuntimeError(self.secret)


def telegram(token: str) -> None:
    """Log what python-telegram-bot says of a token."""
    from telegram import Bot
    from telegram.error import InvalidToken

    log = logging.getLogger("telegram")
    log.error("%r", Bot(token))
    try:
        raise InvalidToken(f"The token `{token}` was rejected by the server.")
    except InvalidToken:
        log.exception("no start", stack_info=True)


async def forgotten(secret: str) -> None:
    """Let a task fail of which nobody asks how it ended."""

    async def fail() -> None:
        raise RuntimeError(secret)

    task = asyncio.create_task(fail())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    del task
    gc.collect()


def leak(settings: Settings) -> None:
    """Leak each secret in each way."""
    token = settings.telegram_bot_token
    assert token
    telegram(token.get_secret_value())
    for secret in (*settings.secrets, settings.database_url.get_secret_value()):
        warnings.warn(secret, stacklevel=1)
        logging.getLogger("httpx").debug("HTTP Request: GET %s", secret)
        logging.getLogger("httpx").info("one %s two %s", secret)  # too few arguments
        thread = threading.Thread(target=lambda secret=secret: int(secret))
        thread.start()
        thread.join()
        Unraisable(secret)
        asyncio.run(forgotten(secret))
    raise RuntimeError(repr([settings.database_url.get_secret_value(), *settings.secrets]))


if __name__ == "__main__":
    log_crashes()
    leak(start())
