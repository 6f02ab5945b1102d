"""Which numbers of a page could be followed, the likeliest first.

Each suggestion has been found again by its own place, once and with the same value.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from scrapers.toolkit import written
from scrapers.toolkit.candidates import Candidate, candidates
from scrapers.toolkit.contract import Page, SourceChanged
from scrapers.toolkit.places import HTML, Document, Place, apart
from scrapers.toolkit.written import Written

SHOWN = 20
OF_ONE_KIND = 8  # of one table or document, so that it does not crowd out the rest
TRIED = 100  # candidates that are found again, at most
LONGEST_TITLE = 80


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One number that could be followed: as it is shown, the words beside it, and its entry's options."""

    shown: str
    context: str
    options: Mapping[str, Any]
    number: Decimal

    @property
    def where(self) -> str:
        """Return in one line where it stands."""
        return " ".join(f"{key} {_brief(value)}" for key, value in self.options.items() if key != "written")


def suggestions(page: Page, find: str = "") -> list[Suggestion]:
    """Return the numbers of a page that could be followed.

    With `find` only those with that text in them or beside them. Raises SourceChanged for what is no page.
    """
    document, wanted = Document(page), find.casefold()
    likeliest = sorted(candidates(document), key=lambda candidate: -candidate.score)
    chosen = [one for one in likeliest if wanted in f"{one.shown} {one.context}".casefold()]
    found: list[Suggestion] = []
    groups: Counter[str] = Counter()
    seen: set[str] = set()
    tries = 0
    for candidate in _distinct(chosen):
        place = _place(candidate)
        if place in seen or (groups[candidate.group] == OF_ONE_KIND and not wanted):
            continue
        number = _found_again(candidate, document)
        if number is not None:
            seen.add(place)
            groups[candidate.group] += 1
            found.append(Suggestion(candidate.shown, candidate.context, candidate.options, number))
        tries += 1
        if len(found) == SHOWN or tries == TRIED:
            break
    return found


def _distinct(found: Iterable[Candidate]) -> Collection[Candidate]:
    """Return the candidates without those that would find what one before them does."""
    distinct: dict[str, Candidate] = {}
    for candidate in found:
        distinct.setdefault(json.dumps(candidate.options, sort_keys=True), candidate)
    return distinct.values()


def _place(candidate: Candidate) -> str:
    """Return what a number is known by: words that are found once need no element around them."""
    options = {
        key: one
        for key, one in candidate.options.items()
        if key != "css" or "pattern" not in candidate.options
    }
    return f"{candidate.shown} {json.dumps(options, sort_keys=True)}"


def title_of(page: Page) -> str:
    """Return what a page calls itself: its title up to a bar or dash, else the name of its file."""
    if page.content_type in HTML:
        title = Document(page).soup.find("title")
        if title and (said := re.split(r" [|–—-] ", apart(title))[0].strip()):
            return said[:LONGEST_TITLE]
    return page.url.partition("?")[0].rstrip("/").rpartition("/")[2][:LONGEST_TITLE]


def _found_again(candidate: Candidate, document: Document) -> Decimal | None:
    """Return the number at a candidate's place, if there is just one and it is written as declared."""
    options = dict(candidate.options)
    try:
        form = Written.like(options.pop("written", written.PLAIN))
        period = options.pop("period", None)
        place = Place.of(options)
        if document.page.content_type not in place.accept:
            return None
        if period:
            written.period(str(Place.of(period, beside=place).find(document)))
        found = place.find(document)
        return found if isinstance(found, Decimal) else form.number(found)
    except (ValueError, SourceChanged):
        return None


def _brief(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_brief(one)}" for key, one in value.items())
    return str(value)
