"""The workforce of NHS Talking Therapies, as its census counts it: staff in all, and how many see patients.

The census is published from time to time as a report (PDF) that is linked from a page, and no form of it can
be read reliably. Figures are therefore entered by hand (`figurewatch enter`), and the page is watched: the
operator is told once of each state that it was never seen in, to look for a new census. What counts is the
text of its main part and where its links lead; what stands around that does not.

NOT verified: on which page the next census will be announced. Unless the entry names another, it is NHS
England's page on NHS Talking Therapies; put the page with the census there as soon as it is known.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, ClassVar
from urllib.parse import urldefrag

from scrapers.toolkit import entries, reading
from scrapers.toolkit.contract import (
    Every,
    Fetched,
    LiveScraper,
    Notice,
    Release,
    SourceChanged,
    Web,
)

PAGE = "https://www.england.nhs.uk/mental-health/adults/nhs-talking-therapies/"
DAILY = Every(timedelta(days=1), timedelta(days=1))
MAIN = 'main, [role="main"]:not(main)'
_LINKS = 'a[href]:not([href^="#"], [href^="mailto:"], [href^="tel:"], [href^="javascript:"])'
_SUBJECT = re.compile(r"talking therapies|psychological therap|iapt|workforce", re.IGNORECASE)


class TalkingTherapiesWorkforce(LiveScraper):
    """The workforce census, entered by hand, and the page that would announce a new one."""

    options: ClassVar[Mapping[str, str]] = {
        "url": "the page that is watched for a new census",
        "hosts": "further hosts it may ask, as one that the address redirects to",
    }
    by_hand = True
    title = "NHS Talking Therapies workforce census"
    publisher = "NHS England"
    measures = ("workforce", "workforce_patient_facing", "workforce_not_patient_facing")
    rhythm = DAILY

    def __init__(self, entry: Mapping[str, Any]) -> None:
        """Take `url` and `hosts`."""
        super().__init__(entry)
        self.url = entries.address({"url": PAGE, **entry}, "the page of the census")
        self.hosts = frozenset({entries.host_of(self.url), *entries.hosts(entry)})

    async def fetch(self, release: Release, web: Web) -> Fetched:
        """Return the page."""
        return Fetched(release, await web.get(self.url, accept={"text/html"}))

    def read(self, fetched: Fetched, now: datetime) -> Iterator[Notice]:
        """Yield the page's state, named by a digest of what it says and where its links lead."""
        page = fetched.page
        with reading.reading(page):
            main = reading.one(reading.soup(page), MAIN, "the main part of the page")
            for hidden in main.select("script, style, noscript, template"):
                hidden.decompose()
            said = unicodedata.normalize("NFKC", reading.text(main))
            if not _SUBJECT.search(said):
                raise SourceChanged("a page about the workforce of Talking Therapies", reading.short(said))
            links = {urldefrag(reading.link(anchor, page, "a link")).url for anchor in main.select(_LINKS)}
        state = sha256("\n".join([said, *sorted(links)]).encode()).hexdigest()[:16]
        yield Notice(state, "The page changed: is there a new census?", page.url, audience="operator")
