"""A petition of Keep Our NHS Public: the count that its page shows.

The page is WordPress with an "inlay" of CiviCRM: it holds no count, but names a script made for this one
petition, and the count is in the script's JSON. The script is rebuilt every few minutes by the site; when the
petition is switched off there, it only says "Inlay unavailable".

The target beside the count is made in the browser and moves away as it is approached. It is worked out here
by the same rule, as information; a campaign has a goal of its own.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from scrapers.toolkit import entries, reading
from scrapers.toolkit.contract import (
    EVERYWHERE,
    LIVE,
    Every,
    Fetched,
    Figure,
    Measure,
    Page,
    Release,
    Scraper,
    SourceChanged,
    Unit,
    Web,
    reading_period,
)

if TYPE_CHECKING:
    from bs4 import Tag

SIGNATURES = Measure("signatures", "Signatures", Unit.SIGNATURES)
DISPLAYED_TARGET = Measure("displayed_target", "Target shown on the page", Unit.SIGNATURES)
HTML = frozenset({"text/html"})
SCRIPT = frozenset({"text/javascript", "application/javascript", "application/x-javascript"})

_SCRIPT_NAME = re.compile(r"inlay-([0-9a-f]{12})\.js")


class KonpPetition(Scraper):
    """A petition on keepournhspublic.com, by the address of its page."""

    options: ClassVar[Mapping[str, str]] = {
        "url": "the address of the petition's page",
        "title": "what alerts call it",
        "hosts": "further hosts it may ask, such as the server of the script that holds the count",
    }
    needs_entry = True
    measures = (SIGNATURES.id, DISPLAYED_TARGET.id)
    is_petition = True
    publisher = "Keep Our NHS Public"
    rhythm = Every()

    def __init__(self, entry: Mapping[str, Any]) -> None:
        """Take `url`, and optionally `title` and `hosts`."""
        super().__init__(entry)
        self.url = entries.address(entry, "the petition's page")
        self.title = str(entry.get("title") or "Petition of Keep Our NHS Public")
        host = entries.host_of(self.url)
        self.hosts = frozenset({host, _twin(host), *entries.hosts(entry)})

    async def releases(self, web: Web) -> Sequence[Release]:
        """Return the petition's one release, without a request."""
        return (Release(LIVE, self.title, self.url),)

    async def fetch(self, release: Release, web: Web) -> Fetched:
        """Return the script that holds the count, found on the page."""
        page = await web.get(self.url, accept=HTML)
        with reading.reading(page):
            address = script_address(await asyncio.to_thread(reading.soup, page), page)
            host = entries.host_of(address)
            if host not in self.hosts:
                remedy = f'hosts = ["{host}"] in the petition\'s entry, if the server is its own'
                raise SourceChanged("the petition's script on a listed host", f"it on {host}: add {remedy}")
        return Fetched(release, await web.get(address, accept=SCRIPT))

    def read(self, fetched: Fetched, now: datetime) -> Iterator[Figure]:
        """Yield the count of signatures, and the target that the page shows with it."""
        with reading.reading(fetched.page):
            signatures = count_in_script(reading.decode(fetched.page), inlay_id(fetched.page.url))
        period = reading_period(now)
        yield Figure(SIGNATURES, EVERYWHERE, period, signatures)
        yield Figure(DISPLAYED_TARGET, EVERYWHERE, period, displayed_target(signatures))


def script_address(root: Tag, page: Page) -> str:
    """Return the address of the one script that a page names for an inlay."""
    script = reading.one(root, "script[data-inlay-id]", "the petition's script")
    address = reading.link(script, page, "the petition's script", "src")
    named, declared = inlay_id(address), reading.attribute(script, "data-inlay-id", "the petition's script")
    if named != declared:
        raise SourceChanged(f"the script of inlay {' '.join(declared.split())[:12]}", f"that of {named}")
    return address


def inlay_id(address: str) -> str:
    """Return the id in the file name of a script such as `inlay-0a1b2c3d4e5f.js`."""
    match = _SCRIPT_NAME.fullmatch(urlsplit(address).path.rpartition("/")[2])
    if match is None:
        raise SourceChanged("a script such as inlay-0a1b2c3d4e5f.js", reading.short(address))
    return match[1]


def count_in_script(script: str, inlay: str) -> int:
    """Return the count of signatures in an inlay's script."""
    if f"Inlay unavailable: {inlay}" in script:
        raise SourceChanged("the petition's count", "Inlay unavailable: switched off by the site")
    marker = re.compile(rf"""i\.inlays\[(["']){inlay}\1\]\s*=(?!=)""")
    return reading.count(reading.field(reading.json_after(script, marker), "count"), "the petition's count")


def displayed_target(signatures: int) -> int:
    """Return the target that the page shows with so many signatures: it stays beyond ten sevenths of them."""
    step = 10 if signatures <= 100 else 100 if signatures <= 1000 else 1000
    return signatures * 10 // (7 * step) * step + step


def _twin(host: str) -> str:
    return host.removeprefix("www.") if host.startswith("www.") else f"www.{host}"
