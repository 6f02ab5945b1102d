"""Which numbers an address holds that could be followed, and the campaign entry that follows one of them."""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import scrapers
from bot.campaign import CampaignError, load_campaign
from bot.settings import Settings
from scrapers.toolkit.contract import LIVE, Fetched, Figure, Page, Release, SourceChanged, Unit, Unreachable
from scrapers.toolkit.places import CSV, TEXT, XLSX
from scrapers.toolkit.suggest import Suggestion, suggestions, title_of
from scrapers.toolkit.written import Written

LIMIT = 8 * 1024 * 1024  # bytes, as of the watch that is written
LONGEST_NAME = 40  # characters of an id


class NothingToFollow(Exception):
    """Say why no watch can be written."""


@dataclass(frozen=True, slots=True)
class Tried:
    """An address as it was asked for, the hosts by which it led to a page, and the numbers that it holds."""

    address: str
    hosts: Sequence[str]
    page: Page
    suggestions: Sequence[Suggestion]


async def look(address: str, settings: Settings, find: str) -> Tried:
    """Ask an address once for the numbers that it holds. Raises NothingToFollow where it has none."""
    from scrapers.toolkit.web import WebClient, user_agent

    asked = address if "://" in address else f"https://{address}"
    mirror = settings.web_mirror.get_secret_value() if settings.web_mirror else None
    agent = settings.web_user_agent or user_agent(settings.web_contact or "")
    accept = tuple(dict.fromkeys((*TEXT, *CSV, *XLSX)))
    try:
        async with WebClient(pause=settings.web_pause, mirror=mirror, user_agent=agent) as client:
            page = await client.for_source(None).get(asked, accept=accept, limit=LIMIT)
        found = suggestions(page, find)
    except (SourceChanged, Unreachable) as error:
        raise NothingToFollow(str(error)) from None
    if not found:
        beside = f" with {find!r} in it or beside it" if find else ""
        raise NothingToFollow(f"{page.url} holds no number that could be followed{beside}")
    return Tried(asked, list(client.requests), page, found)


def entry(tried: Tried, pick: int, *, id: str = "", title: str = "", taken: Collection[str] = ()) -> str:
    """Return the `[[source]]` entry that follows one of the numbers, counted from 1, as TOML.

    It has been read back and found the same number in the same page. `taken` are ids that others have.
    """
    if not 1 <= pick <= len(tried.suggestions):
        raise NothingToFollow(f"--pick: expected a number from 1 to {len(tried.suggestions)}, found {pick}")
    chosen = tried.suggestions[pick - 1]
    named = title or _title(tried, chosen)
    name = id or _free(_slug(named), taken)
    options: dict[str, Any] = {"id": name, "title": named, "url": tried.address}
    if further := tried.hosts[1:]:
        options["hosts"] = further
    form = Written.like(chosen.options["written"]) if "written" in chosen.options else None
    unit, times = _unit(chosen, form)
    value = float(chosen.number * times)
    low, high = _range(value, unit)
    written = toml(
        {**options, **chosen.options, "unit": unit, "range": {"min": low, "max": high}, "rhythm": "daily"}
    )
    _check(written, tried.page, value)
    return written


def append(path: str, written: str) -> None:
    """Add an entry to the campaign file. Raises CampaignError where the two do not make a campaign."""
    load_campaign(path, written)
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(f"\n{written}")


def ids(path: str) -> Collection[str]:
    """Return the ids in the campaign file, of which there may be none."""
    try:
        return {source.key.partition(":")[2] for source in load_campaign(path).sources}
    except CampaignError:
        return ()


def toml(entry: Mapping[str, Any]) -> str:
    """Return a `[[source]]` entry as TOML."""
    return "\n".join(["[[source]]", *(f"{key} = {_value(value)}" for key, value in entry.items()), ""])


def _value(value: object) -> str:
    match value:
        case Mapping():
            inside = (f"{_key(key)} = {_value(one)}" for key, one in value.items())
            return f"{{ {', '.join(inside)} }}"
        case list():
            return f"[{', '.join(map(_value, value))}]"
        case str() if ("\\" in value or '"' in value) and "'" not in value and value.isprintable():
            return f"'{value}'"
        case str():
            return "".join(map(_printable, json.dumps(value, ensure_ascii=False)))
    return repr(value)


def _printable(char: str) -> str:
    """Return a character of a TOML string, in its escaped form where it would command a terminal."""
    return char if char.isprintable() else f"\\U{ord(char):08X}"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _value(name)


def _check(written: str, page: Page, value: float) -> None:
    """Raise NothingToFollow unless an entry, read as the campaign file is, finds the value in the page."""
    try:
        source: Any = scrapers.load("page_figure")(tomllib.loads(written)["source"][0])
        if page.content_type not in source.accept or len(page.body) > source.limit:
            expected = f"{source.accept[0]} of at most {source.limit:,} bytes"
            raise SourceChanged(expected, f"{page.content_type} of {len(page.body):,}")
        fetched = Fetched(Release(LIVE, source.title, source.url), page)
        found = [item.value for item in source.read(fetched, datetime.now(UTC)) if isinstance(item, Figure)]
    except (ValueError, SourceChanged) as error:
        raise NothingToFollow(f"no entry can be written for this number: {error}") from None
    if found != [value]:
        raise NothingToFollow(f"no entry can be written for this number: it is read as {found}, not {value}")


def _title(tried: Tried, chosen: Suggestion) -> str:
    """Return the page's title, and what tells the number from its others."""
    beside = " ".join(word for word in re.split(r"[^\w%£-]+", chosen.context) if re.search(r"[^\W\d]", word))
    return ": ".join(part for part in (title_of(tried.page), beside) if part)[:120]


def _slug(title: str) -> str:
    words = re.findall(r"[a-z0-9]+", title.rpartition(":")[2].lower()) or re.findall(
        r"[a-z0-9]+", title.lower()
    )
    return "-".join(words)[:LONGEST_NAME].strip("-") or "figure"


def _free(name: str, taken: Collection[str]) -> str:
    names = (name, *(f"{name}-{number}" for number in range(2, len(taken) + 3)))
    return next(one for one in names if one not in taken)


def _unit(chosen: Suggestion, form: Written | None) -> tuple[Unit, int]:
    """Return the likeliest unit, and what the published number is multiplied by in it."""
    magnitude = form.magnitude if form else 1
    if form and form.percent:
        return Unit.PERCENT, 1
    if form and form.pound:
        return (Unit.MILLION_POUNDS, magnitude // 10**6) if magnitude >= 10**6 else (Unit.POUNDS, magnitude)
    if "%" in chosen.context or "per cent" in chosen.context:
        return Unit.PERCENT, 1
    whole = chosen.number * magnitude == (chosen.number * magnitude).to_integral_value()
    return (Unit.COUNT if whole else Unit.NUMBER), magnitude


def _range(value: float, unit: Unit) -> tuple[float, float]:
    """Return bounds that leave room for half and for twice as much: a person knows better."""
    if unit == Unit.PERCENT and 0 <= value <= 100:
        return 0, 100
    low, high = sorted((value / 2, value * 2)) if value else (0.0, 100.0)
    step = 10 ** (math.floor(math.log10(max(abs(low), abs(high)))) - 1)
    low, high = math.floor(low / step) * step, math.ceil(high / step) * step
    return (int(low), int(high)) if step >= 1 else (round(low, 9), round(high, 9))
