"""A petition on petition.parliament.uk: its count, its state, and what Parliament did about it.

The site publishes each petition as JSON, refreshed about once a minute. The shape has grown over the years,
so that old copies lack some keys; a petition of a past parliament is forwarded to an archive on the same
host. Counts can fall, as signatures found invalid are removed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, ClassVar

from scrapers.toolkit import reading
from scrapers.toolkit.contract import (
    EVERYWHERE,
    SIGNATURES,
    Every,
    Fact,
    Fetched,
    Figure,
    LiveScraper,
    Release,
    SourceChanged,
    Web,
    reading_period,
)

HOST = "petition.parliament.uk"
JSON = frozenset({"application/json"})

_ADDRESS = re.compile(rf"https://{re.escape(HOST)}/petitions/(\d{{1,9}})")
_KINDS = ("petition", "archived-petition")
_STATES = ("open", "closed", "rejected", "stopped")
_MOMENTS = (
    "opened_at",
    "government_response_at",
    "debate_threshold_reached_at",
    "response_threshold_reached_at",
    "scheduled_debate_date",
    "debate_outcome_at",
    "closed_at",
    "rejected_at",
)


class ParliamentPetition(LiveScraper):
    """A petition to the UK Parliament, by its number."""

    options: ClassVar[Mapping[str, str]] = {
        "id": "the petition's number",
        "url": f"the petition's address, https://{HOST}/petitions/<number>, in place of its number",
        "title": "what alerts call it",
    }
    needs_entry = True
    is_petition = True
    publisher = "UK Parliament"
    measures = (SIGNATURES.id,)
    hosts = frozenset({HOST})
    rhythm = Every()

    def __init__(self, entry: Mapping[str, Any]) -> None:
        """Take `id` or `url`, and optionally `title`."""
        super().__init__(entry)
        self.number = _number(entry)
        self.url = f"https://{HOST}/petitions/{self.number}"
        self.title = str(entry.get("title") or f"UK Parliament petition {self.number}")

    async def fetch(self, release: Release, web: Web) -> Fetched:
        """Return the petition's JSON."""
        return Fetched(release, await web.get(f"{self.url}.json", accept=JSON))

    def read(self, fetched: Fetched, now: datetime) -> Iterator[Figure | Fact]:
        """Yield the count of signatures, what is asked for, the state, and when Parliament did what."""
        with reading.reading(fetched.page):
            data = reading.field(reading.strict_json(reading.decode(fetched.page)), "data")
            self._check_identity(data)
            attributes = reading.field(data, "attributes")
            signatures = reading.count(reading.field(attributes, "signature_count"), "signature_count")
            action = reading.field(attributes, "action")
            state = reading.field(attributes, "state")
            if not isinstance(action, str) or not action.strip():
                raise SourceChanged("what the petition asks for", reading.short(action))
            if state not in _STATES:
                raise SourceChanged(f"a state among {', '.join(_STATES)}", reading.short(state))
            moments = [Fact(name, _moment(attributes, name)) for name in _MOMENTS]
        yield Figure(SIGNATURES, EVERYWHERE, reading_period(now), signatures)
        yield Fact("action", action)
        yield Fact("state", state)
        yield from moments

    def _check_identity(self, data: object) -> None:
        kind, number = reading.field(data, "type"), reading.field(data, "id")
        if kind not in _KINDS:
            raise SourceChanged("a petition", reading.short(kind))
        if isinstance(number, bool) or number != self.number:
            raise SourceChanged(f"petition {self.number}", reading.short(number))


def _number(entry: Mapping[str, Any]) -> int:
    """Return the number that an entry names by its `id` or its `url`."""
    named, url = entry.get("id"), entry.get("url")
    numbers = set()
    if named is not None:
        if isinstance(named, bool) or not re.fullmatch(r"[1-9]\d{0,8}", str(named)):
            raise ValueError(f"id must be the number of a petition on {HOST}, not {named!r}")
        numbers.add(int(named))
    if url is not None:
        match = _ADDRESS.fullmatch(url.rstrip("/")) if isinstance(url, str) else None
        if match is None:
            raise ValueError(f"url must be https://{HOST}/petitions/<number>, not {url!r}")
        numbers.add(int(match[1]))
    if len(numbers) != 1:
        found = "two different ones" if numbers else "neither"
        raise ValueError(f"id (the petition's number) or url must name one petition, found {found}")
    return numbers.pop()


def _moment(attributes: Mapping[str, object], name: str) -> str | None:
    """Return a time or day in ISO 8601, or None where the petition has none."""
    value = attributes.get(name)
    if value is None:
        return None
    try:
        if isinstance(value, str) and value:
            datetime.fromisoformat(value)
            return value
    except ValueError:
        pass
    raise SourceChanged(f"a time for {name}", reading.short(value))
