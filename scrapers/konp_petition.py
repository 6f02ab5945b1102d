"""A petition of Keep Our NHS Public: the count that its page shows.

The page is WordPress with an "inlay" of CiviCRM: it holds no count, but names a script made for this one
petition, and the count is in the script's JSON. The script is rebuilt every few minutes by the site; when the
petition is switched off there, it only says "Inlay unavailable". The page is asked each fourth time, and
whenever the script that it named has no count.

The target beside the count is made in the browser and moves away as it is approached. It is worked out here
by the same rule, as information; a campaign has a goal of its own.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import urlsplit

from scrapers.toolkit import entries, reading
from scrapers.toolkit.contract import (
    EVERYWHERE,
    SIGNATURES,
    Every,
    Fetched,
    Figure,
    LiveScraper,
    Measure,
    Page,
    Release,
    SourceChanged,
    Unit,
    Web,
    reading_period,
)

DISPLAYED_TARGET = Measure("displayed_target", "Target shown on the page", Unit.SIGNATURES)
HTML = frozenset({"text/html"})
SCRIPT = frozenset({"text/javascript", "application/javascript", "application/x-javascript"})

PAGE_EVERY = 4  # looks; an hour by day

_SCRIPT_NAME = re.compile(r"inlay-([0-9a-f]{12})\.js")


class KonpPetition(LiveScraper):
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
        self._script, self._looks = "", 0  # the script that the page named last, and looks since then

    async def fetch(self, release: Release, web: Web) -> Fetched:
        """Return the script that holds the count."""
        return Fetched(release, await self._known(web) or await self._named(web))

    def read(self, fetched: Fetched, now: datetime) -> Iterator[Figure]:
        """Yield the count of signatures, and the target that the page shows with it."""
        signatures = count_in_script(fetched.page)
        period = reading_period(now)
        yield Figure(SIGNATURES, EVERYWHERE, period, signatures)
        yield Figure(DISPLAYED_TARGET, EVERYWHERE, period, displayed_target(signatures))

    async def _known(self, web: Web) -> Page | None:
        """Return the script that the page named last; None where the page should be asked again."""
        self._looks += 1
        if not self._script or self._looks >= PAGE_EVERY:
            return None
        try:
            script = await web.get(self._script, accept=SCRIPT)
            count_in_script(script)
        except SourceChanged:
            return None
        return script

    async def _named(self, web: Web) -> Page:
        """Return the script that the page names."""
        self._script = ""
        page = await web.get(self.url, accept=HTML)
        address = await asyncio.to_thread(script_address, page)
        host = entries.host_of(address)
        if host not in self.hosts:
            remedy = f'hosts = ["{host}"] in the petition\'s entry, if the server is its own'
            with reading.reading(page):
                raise SourceChanged("the petition's script on a listed host", f"it on {host}: add {remedy}")
        script = await web.get(address, accept=SCRIPT)
        self._script, self._looks = address, 0
        return script


@reading.remembered(4)
def script_address(page: Page) -> str:
    """Return the address of the one script that a page names for an inlay."""
    what = "the petition's script"
    with reading.reading(page):
        script = reading.one(reading.soup(page), "script[data-inlay-id]", what)
        address = reading.link(script, page, what, "src")
        named, declared = inlay_id(address), reading.attribute(script, "data-inlay-id", what)
        if named != declared:
            raise SourceChanged(f"the script of inlay {' '.join(declared.split())[:12]}", f"that of {named}")
    return address


def inlay_id(address: str) -> str:
    """Return the id in the file name of a script such as `inlay-0a1b2c3d4e5f.js`."""
    match = _SCRIPT_NAME.fullmatch(urlsplit(address).path.rpartition("/")[2])
    if match is None:
        raise SourceChanged("a script such as inlay-0a1b2c3d4e5f.js", reading.short(address))
    return match[1]


def count_in_script(page: Page) -> int:
    """Return the count of signatures in an inlay's script."""
    with reading.reading(page):
        script, inlay = reading.decode(page), inlay_id(page.url)
        if f"Inlay unavailable: {inlay}" in script:
            raise SourceChanged("the petition's count", "Inlay unavailable: switched off by the site")
        marker = re.compile(rf"""i\.inlays\[(["']){inlay}\1\]\s*=(?!=)""")
        found = reading.field(reading.json_after(script, marker), "count")
        return reading.count(found, "the petition's count")


def displayed_target(signatures: int) -> int:
    """Return the target that the page shows with so many signatures: it stays beyond ten sevenths of them."""
    step = 10 if signatures <= 100 else 100 if signatures <= 1000 else 1000
    return signatures * 10 // (7 * step) * step + step


def _twin(host: str) -> str:
    return host.removeprefix("www.") if host.startswith("www.") else f"www.{host}"
