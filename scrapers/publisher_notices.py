"""What publishers announce in their feeds: corrections, changes of method, cancelled and delayed releases.

NHS Digital lists its publications in one feed (RSS 2.0, `https://digital.nhs.uk/feed/pubfeed.xml`), and a
campaign has a feed of its own news; Atom is read as well. An item is told where it names one of the
publications that the entry lists, and says that something became of it. An ordinary release is told by its
own source, and everything else by nobody.

In NHS Digital's feed `pubDate` is the time of the last change, so that an item is told again only when its
words change. On the day of a release an item can be there before 09:30 with an empty description; that says
nothing. The description is the publication's summary: what several items say alike is standing text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, ClassVar

from scrapers.toolkit import entries, feeds
from scrapers.toolkit.contract import Every, Fetched, LiveScraper, Notice, Release, Web
from scrapers.toolkit.feeds import Item

_ID = re.compile(r"[\w.-]{1,64}")
_HAPPENED = re.compile(
    r"\b(?:correct(?:ion|ions|ed)|cancell?(?:ed|ation)|delay(?:ed|s)?|postpone(?:d|ment)|rescheduled|"
    r"withdrawn|revis(?:ed|ion|ions)|re-?published|re-?issued|discontinued)\b",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_METHOD = re.compile(r"\bmethod(?:s|ology|ological)?\b", re.IGNORECASE)  # enough in a title
_NEW_METHOD = re.compile(  # in a text, which may name its method as a matter of course
    r"\b(?:chang\w*|new|updat\w*|improv\w*)\b[\w ]{0,30}\bmethod(?:s|ology|ological)?\b"
    r"|\bmethod(?:s|ology|ological)?\b[\w ]{0,20}\bchang\w*",
    re.IGNORECASE,
)


class PublisherNotices(LiveScraper):
    """A feed, and the publications of which its notices are told."""

    options: ClassVar[Mapping[str, str]] = {
        "id": "what tells this feed from others, for good",
        "url": "the address of the feed",
        "about": "words that name the publications which are followed, as in their titles",
        "title": "what alerts call the feed",
        "hosts": "further hosts it may ask, as one that the address redirects to",
    }
    needs_entry = True
    publisher = "its own feed"
    rhythm = Every(timedelta(hours=1), timedelta(hours=3))

    def __init__(self, entry: Mapping[str, Any]) -> None:
        """Take all options; `id`, `url` and `about` are required."""
        super().__init__(entry)
        name = entry.get("id")
        if not isinstance(name, str) or not _ID.fullmatch(name):
            raise ValueError(f"id must be a name of letters, digits, dots and dashes, not {name!r}")
        self.url = entries.address(entry, "a feed")
        host = entries.host_of(self.url)
        self.hosts = frozenset({host, *entries.hosts(entry)})
        self.publisher = host
        title = entry.get("title", f"News of {host}")
        if not isinstance(title, str) or not title.strip():
            raise ValueError(f"title must be a text, not {title!r}")
        self.title = title
        self._about = _phrases(entry.get("about"))

    async def fetch(self, release: Release, web: Web) -> Fetched:
        """Return the feed."""
        return Fetched(release, await web.get(self.url, accept=feeds.TYPES, limit=feeds.LIMIT))

    def read(self, fetched: Fetched, now: datetime) -> Iterator[Notice]:
        """Yield a notice for each item that says what became of a followed publication."""
        items = feeds.items(fetched.page)
        said = Counter(item.text for item in items)
        for item in items:
            own = item.text if said[item.text] == 1 else ""
            if self._about.search(f"{item.title}\n{own}") and _is_notice(item.title, own):
                yield Notice(_key(item), _in_words(item.title, own), item.url, item.at)


def _phrases(given: object) -> re.Pattern[str]:
    """Return what finds any of some words, whatever their case."""
    if (
        not isinstance(given, list)
        or not given
        or not all(isinstance(one, str) and one.strip() for one in given)
    ):
        raise ValueError(f'about must be a list such as ["Talking Therapies"], not {given!r}')
    words = ("".join(rf"{re.escape(word)}\s+" for word in one.split()).removesuffix(r"\s+") for one in given)
    return re.compile(rf"(?<!\w)(?:{'|'.join(words)})(?!\w)", re.IGNORECASE)


def _is_notice(title: str, text: str) -> bool:
    """Return whether an item says that something was corrected, cancelled, delayed, or done another way."""
    return bool(_METHOD.search(title) or _happened(title) or _happened(text))


def _happened(said: str) -> bool:
    return bool(_HAPPENED.search(said) or _NEW_METHOD.search(said))


def _in_words(title: str, text: str) -> str:
    """Return an item's title, with the sentence that says what became of it where the title does not."""
    if _happened(title):
        return title
    sentence = next(filter(_happened, _SENTENCE_END.split(text)), "")
    return f"{title}: {sentence}" if sentence else title


def _key(item: Item) -> str:
    """Return what names an item in these words: letters and digits alone count."""
    words = re.findall(r"\w+", f"{item.id} {item.title} {item.text}".casefold())
    return sha256(" ".join(words).encode()).hexdigest()[:24]
