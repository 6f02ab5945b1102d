"""Petitions on 38 Degrees, Change.org and Action Network, by their address: the host says how to read them.

Each shows a count, and beside it a goal that moves up as the count rises: `33,018 of 35,000 Signatures` will
be so many of 40,000. It is kept as information; a campaign has a goal of its own. The count is read from what
is shown to everybody:

- 38 Degrees (on ControlShift): the words on the page.
- Change.org: data that a script of the page sets, `signatureCount`, whose `displayed` is what the page shows.
- Action Network: the widget of the form, a script with HTML in it: `1,234 Signatures Collected`; and, before
  the goal is reached, `Only 366 more until our goal of 1,600`, which must add up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, NamedTuple
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
from scrapers.toolkit.places import HTML, apart
from scrapers.toolkit.written import Written

DISPLAYED_TARGET = Measure("displayed_target", "Target shown on the page", Unit.SIGNATURES)
SCRIPT = ("text/javascript", "application/javascript", "application/x-javascript")

_COUNT = Written.like("1,234")
_OF_GOAL = re.compile(r"([\d,]+) of ([\d,]+) Signatures?\b")
_CHANGE_DATA = re.compile(r"\bchangeTargetingData\s*=(?!=)")
_CHANGE_COUNT = re.compile(r'"signatureCount"\s*:')
_WIDGET_TOTAL = re.compile(
    r'class=\\?"action_status_running_total\\?"[^>]*>\s*([\d,]+) Signatures? Collected\s*<\\?/div>'
)
_WIDGET_GOAL = re.compile(r'class=\\?"action_status_goal\\?"[^>]*>([^<]*)<\\?/div>')
_TO_GO = re.compile(r"Only ([\d,]+) more until our goal of ([\d,]+)")


class Counted(NamedTuple):
    """What a petition shows: its signatures, and the goal beside them where it has one."""

    signatures: int
    goal: int | None


@reading.remembered(4)
def on_38_degrees(page: Page) -> Counted:
    """Return what a petition's page on 38 Degrees shows."""
    count, goal = _only(_OF_GOAL, apart(reading.soup(page)), "33,018 of 35,000 Signatures").groups()
    return Counted(_number(count), _number(goal))


@reading.remembered(4)
def on_change_org(page: Page) -> Counted:
    """Return what the data of a page on Change.org says is shown."""
    scripts = [node.get_text() for node in reading.soup(page).select("script")]
    data = [script for script in scripts if _CHANGE_DATA.search(script)]
    if len(data) != 1:
        raise SourceChanged("one script that sets changeTargetingData", f"{len(data)}")
    said = reading.json_after(data[0], _CHANGE_COUNT)
    goal = reading.field(said, "goal")
    return Counted(
        reading.count(reading.field(said, "displayed"), "signatureCount.displayed"),
        None if goal is None else reading.count(goal, "signatureCount.goal"),
    )


def on_action_network(page: Page) -> Counted:
    """Return what the widget of a form on Action Network shows."""
    script = reading.decode(page)
    signatures = _number(_only(_WIDGET_TOTAL, script, "1,234 Signatures Collected")[1])
    goals = _WIDGET_GOAL.findall(script)
    if len(goals) > 1:
        raise SourceChanged("at most one goal", f"{len(goals)}")
    match = _TO_GO.fullmatch(" ".join(goals[0].split())) if goals else None
    if match is None:  # reached, and said in words that are the campaign's own
        return Counted(signatures, None)
    goal = _number(match[2])
    if signatures + _number(match[1]) != goal:
        raise SourceChanged(f"{goal - signatures} more until the goal of {goal}", match[1])
    return Counted(signatures, goal)


class Platform(NamedTuple):
    """A site of petitions: where one is, where its count is asked for, and how it is read."""

    publisher: str
    hosts: Sequence[str]
    path: re.Pattern[str]  # its group names the petition
    asked: str
    accept: Collection[str]
    read: Callable[[Page], Counted]


PLATFORMS = (
    Platform(
        "38 Degrees",
        ("you.38degrees.org.uk",),
        re.compile(r"/petitions/([\w-]{1,200})"),
        "https://you.38degrees.org.uk/petitions/{}",
        HTML,
        on_38_degrees,
    ),
    Platform(
        "Change.org",
        ("www.change.org", "change.org"),
        re.compile(r"/p/([\w%-]{1,300})"),
        "https://www.change.org/p/{}",
        HTML,
        on_change_org,
    ),
    Platform(
        "Action Network",
        ("actionnetwork.org", "www.actionnetwork.org"),
        re.compile(r"/petitions/([\w-]{1,200})"),
        "https://actionnetwork.org/widgets/v3/form/{}?format=js&style=full",
        SCRIPT,
        on_action_network,
    ),
)


class PetitionPlatforms(LiveScraper):
    """A petition on 38 Degrees, Change.org or Action Network, by its address."""

    options: ClassVar[Mapping[str, str]] = {
        "id": "a name that tells this petition from others on these sites",
        "url": "the petition's address",
        "title": "what alerts call it",
    }
    needs_entry = True
    is_petition = True
    publisher = "the petition's own site"
    measures = (SIGNATURES.id, DISPLAYED_TARGET.id)
    rhythm = Every()

    def __init__(self, entry: Mapping[str, Any]) -> None:
        """Take `url`, and optionally `id` and `title`."""
        super().__init__(entry)
        parts = urlsplit(entries.address(entry, "a petition"))
        self.platform, self.name_there = _platform(parts.netloc.lower(), parts.path)
        self.url = f"https://{parts.netloc}{parts.path}"
        self.hosts = frozenset(self.platform.hosts)
        self.publisher = self.platform.publisher
        self.title = str(entry.get("title") or f"Petition on {self.publisher}: {self.name_there}")

    async def fetch(self, release: Release, web: Web) -> Fetched:
        """Return the page, or the script, that shows the count."""
        asked = self.platform.asked.format(self.name_there)
        return Fetched(release, await web.get(asked, accept=self.platform.accept))

    def read(self, fetched: Fetched, now: datetime) -> Iterator[Figure]:
        """Yield the count of signatures, and the goal that is shown with it."""
        with reading.reading(fetched.page):
            counted = self.platform.read(fetched.page)
        period = reading_period(now)
        yield Figure(SIGNATURES, EVERYWHERE, period, counted.signatures)
        if counted.goal is not None:
            yield Figure(DISPLAYED_TARGET, EVERYWHERE, period, counted.goal)


def _platform(host: str, path: str) -> tuple[Platform, str]:
    platform = next((one for one in PLATFORMS if host in one.hosts), None)
    if platform is None:
        known = ", ".join(one.hosts[0] for one in PLATFORMS)
        raise ValueError(f"url must be the address of a petition on {known}, not on {host}")
    match = platform.path.fullmatch(path.rstrip("/"))
    if match is None:
        example = platform.path.pattern.partition("(")[0]
        raise ValueError(f"url must be like https://{platform.hosts[0]}{example}name, not {host}{path}")
    return platform, match[1]


def _only(pattern: re.Pattern[str], text: str, example: str) -> re.Match[str]:
    found = list(pattern.finditer(text))
    if len(found) != 1:
        raise SourceChanged(f"one count such as {example!r}", f"{len(found)}")
    return found[0]


def _number(digits: str) -> int:
    return int(_COUNT.number(digits))
