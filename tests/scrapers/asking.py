"""Ask a source over a local web, as the worker does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from scrapers.toolkit.capture import Look, look
from scrapers.toolkit.contract import Scraper, Web
from scrapers.toolkit.web import WebClient
from tests.fakes.sites import Sites

T = TypeVar("T")
CAPTURES = Path(__file__).parents[1] / "captures"
NOW = datetime(2026, 5, 14, 9, 0, tzinfo=UTC)


def asking(source: Scraper, sites: Sites, ask: Callable[[Web], Awaitable[T]]) -> T:
    """Return what comes of asking with the source's web, which remembers pages for as long as it lasts."""

    async def asked() -> T:
        async with WebClient(pause=0, mirror=sites.url) as client:
            return await ask(client.for_source(source.hosts))

    return asyncio.run(asked())


def looked(source: Scraper, sites: Sites) -> Look:
    """Return what one look at a source finds."""
    return asking(source, sites, lambda web: look(source, web, NOW))
