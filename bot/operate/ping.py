"""Tell a dead man's switch that we live. What goes wrong with that is its business to notice."""

from __future__ import annotations

import asyncio
import logging

import httpx

log = logging.getLogger("figurewatch.ping")

TIMEOUT = 10.0  # seconds


class Pinger:
    """Pings an address after each full round, and `address/fail` when a source is in trouble."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._on_their_way: set[asyncio.Task[None]] = set()

    def ping(self, well: bool) -> None:
        """Send a ping in the background."""
        task = asyncio.create_task(self._send(self._url if well else f"{self._url}/fail"))
        self._on_their_way.add(task)
        task.add_done_callback(self._on_their_way.discard)

    async def _send(self, url: str) -> None:
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT) as client:
                (await client.get(url)).raise_for_status()
        except httpx.HTTPError as error:
            log.warning("the health check could not be pinged: %s", type(error).__name__)
