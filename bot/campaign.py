"""campaign.toml: what this campaign watches, read strictly."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

import scrapers
from bot.rules.measures import DERIVED
from bot.rules.petition import Marks, parse_marks
from scrapers.toolkit.contract import Scraper

M = TypeVar("M", bound=BaseModel)


class CampaignError(Exception):
    """Name every entry of the campaign file that cannot be used, and how to mend it."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Head(_Strict):
    name: str
    sources: list[str] | None = None


class _Petition(BaseModel):
    """The keys of a petition that belong to the campaign; the rest belongs to its source."""

    model_config = ConfigDict(extra="allow", frozen=True)
    source: str
    goal: int | None = Field(default=None, ge=1)
    tell_at: list[int | str] = []


class _Watch(_Strict):
    measure: str
    area: str = "England"
    good: Literal["up", "down", "neither"]
    minimum: float = Field(default=0, ge=0)
    target: float | None = None


class _Bounds(_Strict):
    min: float | None = None
    max: float | None = None


class _FigureOf(_Strict):
    source: str
    measure: str
    area: str = "England"
    period: str | None = None


class _Claim(_Strict):
    says: str
    where: str
    figure: _FigureOf
    holds: _Bounds
    thin: _Bounds | None = None


@dataclass(frozen=True, slots=True)
class Campaign:
    """What the campaign watches: its sources ready to use, and the marks of its petitions by source key."""

    name: str
    sources: tuple[Scraper, ...]
    marks: Mapping[str, Marks]
    watches: tuple[_Watch, ...] = ()
    claims: tuple[_Claim, ...] = ()

    def chosen(self, names: Collection[str]) -> tuple[Scraper, ...]:
        """Return the sources with these names or keys (all if none is given), or raise CampaignError."""
        for name in names:
            if not any(name in (source.key, source.name) for source in self.sources):
                keys = [source.key for source in self.sources]
                raise CampaignError(
                    f"unknown source {name!r}{_nearest(name, keys)}; this campaign has: {', '.join(keys)}"
                )
        return tuple(s for s in self.sources if not names or s.key in names or s.name in names)


def load_campaign(path: str) -> Campaign:
    """Return the campaign in the TOML file at `path`, or raise CampaignError that names every fault."""
    try:
        document = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CampaignError(
            f"{path} does not exist; set CAMPAIGN_FILE or start from the one that ships"
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CampaignError(f"{path} cannot be read: {error}") from None
    return parse_campaign(document, path)


def parse_campaign(document: Mapping[str, Any], path: str) -> Campaign:
    """Return the campaign that a TOML document describes, or raise CampaignError that names every fault."""
    faults: list[str] = []
    known = ("campaign", "petition", "watch", "claim")
    faults += [f"[{key}] is not known{_nearest(key, known)}" for key in document if key not in known]
    head = _parse(_Head, document.get("campaign", {}), "[campaign]", faults)
    petitions = [
        (where, entry, _parse(_Petition, entry, where, faults))
        for where, entry in _entries(document, "petition")
    ]
    watches = [_parse(_Watch, entry, where, faults) for where, entry in _entries(document, "watch")]
    claims = [_parse(_Claim, entry, where, faults) for where, entry in _entries(document, "claim")]
    faults += [
        f"{where} unknown measure {watch.measure!r}{_nearest(watch.measure, DERIVED)}"
        for (where, _), watch in zip(_entries(document, "watch"), watches, strict=True)
        if watch and not _is_measure(watch.measure)
    ]
    sources: list[Scraper] = []
    marks: dict[str, Marks] = {}
    for where, entry, petition in petitions:
        if petition:
            _add_petition(where, entry, petition, sources, marks, faults)
    if head:
        sources += _publishers(head, faults)
    if faults or head is None:
        raise CampaignError("\n".join(f"{path}: {fault}" for fault in faults))
    return Campaign(
        head.name, tuple(sources), marks, tuple(w for w in watches if w), tuple(c for c in claims if c)
    )


def _add_petition(
    where: str,
    entry: Mapping[str, Any],
    petition: _Petition,
    sources: list[Scraper],
    marks: dict[str, Marks],
    faults: list[str],
) -> None:
    names = scrapers.names()
    if petition.source not in names:
        faults.append(f"{where} unknown source {petition.source!r}{_nearest(petition.source, names)}")
        return
    source_class = scrapers.load(petition.source)
    allowed = dict.fromkeys(("source", "id", "goal", "tell_at", *source_class.options))
    unknown = [key for key in entry if key not in allowed]
    faults += [f"{where} unknown key {key!r}{_nearest(key, allowed)}" for key in unknown]
    if unknown:
        return
    try:
        source = source_class(entry)
        marks[source.key] = parse_marks(petition.tell_at, petition.goal)
    except ValueError as error:
        faults.append(f"{where} {error}")
        return
    if any(source.key == other.key for other in sources):
        faults.append(f"{where} is a second {source.key!r}; give each entry of one source its own id")
        return
    sources.append(source)


def _publishers(head: _Head, faults: list[str]) -> Iterator[Scraper]:
    """Yield the sources that need no entry: all of them, or those that `sources` names."""
    for name in scrapers.names() if head.sources is None else head.sources:
        source = scrapers.load(name) if name in scrapers.names() else None
        if source and not source.needs_entry:
            yield source({})
        elif head.sources is not None:
            ready = [name for name, one in scrapers.all_scrapers().items() if not one.needs_entry]
            faults.append(f"[campaign] sources: unknown source {name!r}{_nearest(name, ready)}")


def _entries(document: Mapping[str, Any], name: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    entries = document.get(name, [])
    for number, entry in enumerate(entries if isinstance(entries, list) else [entries], 1):
        yield f"[[{name}]] {number}:", entry


def _parse(model: type[M], entry: Any, where: str, faults: list[str]) -> M | None:
    try:
        return model.model_validate(entry)
    except ValidationError as error:
        for item in error.errors():
            key = ".".join(str(part) for part in item["loc"])
            if item["type"] == "extra_forbidden":
                faults.append(f"{where} unknown key {key!r}{_nearest(key, model.model_fields)}")
            else:
                faults.append(f"{where} {key}: {item['msg'][:1].lower()}{item['msg'][1:]}")
        return None


def _is_measure(name: str) -> bool:
    return name in DERIVED or re.fullmatch(r"M\d{3,4}", name) is not None


def _nearest(name: str, names: Collection[str]) -> str:
    near = difflib.get_close_matches(name, list(names), 1)
    return f"; did you mean {near[0]!r}?" if near else ""
