"""campaign.toml: what this campaign watches, read strictly."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

import scrapers
from bot.nearest import nearest
from bot.rules.claims import Bounds, Claim, FigureOf, Parts
from bot.rules.headline import needed
from bot.rules.measures import DEATHS, DERIVED, share_of
from bot.rules.petition import Marks, parse_marks
from bot.wording.language import ENGLISH, languages
from scrapers.toolkit.contract import ENGLAND, Scraper

M = TypeVar("M", bound=BaseModel)

_TABLES = ("campaign", "petition", "source", "watch", "claim")
_ANY_PAGE = "page_figure"  # the source of a [[source]] that names none


class CampaignError(Exception):
    """Name every entry of the campaign file that cannot be used, and how to mend it."""


def _plain_id(id: object) -> object:
    if type(id) not in (int, str) or not re.fullmatch(r"[\w.-]{1,64}", str(id)):
        raise ValueError(f"expected a number, or letters, digits, dots and dashes, found {id!r}")
    return id


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


def _shipped(language: str) -> str:
    if language not in languages():
        raise ValueError(f"expected a language that ships, {' or '.join(languages())}, found {language!r}")
    return language


class _Head(_Strict):
    name: str
    language: Annotated[str, AfterValidator(_shipped)] = ENGLISH
    sources: list[str] | None = None
    sign_off: bool = False


class _Petition(BaseModel):
    """The keys of a petition that belong to the campaign; the rest belongs to its source."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)
    source: str
    id: Annotated[Any, AfterValidator(_plain_id)] = None
    goal: int | None = Field(default=None, ge=1)
    tell_at: list[Any] = []


class _Source(BaseModel):
    """The keys of a source with an entry that belong to the campaign; the rest belongs to the source."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)
    source: str = _ANY_PAGE
    id: Annotated[Any, AfterValidator(_plain_id)] = None
    minimum: float = Field(default=0, ge=0)


class _Watch(_Strict):
    measure: str
    area: str = "England"
    good: Literal["up", "down", "neither"]
    minimum: float = Field(default=0, ge=0)
    target: float | None = None
    family: str = ""
    settings: Literal["nhse", "r"] = "nhse"


class _Bounds(_Strict):
    min: float | None = None
    max: float | None = None


class _FigureOf(_Strict):
    source: str
    measure: str
    area: str = "England"
    period: str | None = None
    months: int | None = Field(default=None, ge=2, le=60)
    less: str | None = None
    since: int | None = Field(default=None, ge=1970, le=2100)


class _Parts(_Strict):
    total: float
    of: Annotated[list[float], Field(min_length=2)]


class _Claim(_Strict):
    says: str
    where: str
    figure: _FigureOf
    holds: _Bounds | None = None
    thin: _Bounds | None = None
    parts: _Parts | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Campaign:
    """What the campaign watches: its sources ready to use, and the marks of its petitions by source key."""

    name: str
    sources: tuple[Scraper, ...]
    marks: Mapping[str, Marks]
    watches: tuple[_Watch, ...] = ()
    claims: tuple[Claim, ...] = ()
    language: str = ENGLISH
    sign_off: bool = False  # whether what the team is told waits for a person's yes

    def marks_of(self, source: Scraper) -> Marks:
        """Return by which marks a source's count is told; of a publisher's, by none."""
        return self.marks.get(source.key, Marks())

    @property
    def followed(self) -> frozenset[str]:
        """Return the codes of all measures that stand in the headlines, the watch list or a claim."""
        watched = (share_of(watch.measure) for watch in self.watches)
        return frozenset[str]().union(
            *(needed(source.headlines) for source in self.sources),
            *(share.needs for share in watched if share),
            {watch.measure for watch in self.watches} - DERIVED.keys(),
            *(claim.figure.needs for claim in self.claims),
        )

    def chosen(self, names: Collection[str]) -> tuple[Scraper, ...]:
        """Return the sources with these names or keys (all if none is given), or raise CampaignError."""
        keys = [source.key for source in self.sources]
        known = {*keys, *(source.name for source in self.sources)}
        watched = f"; this campaign watches {', '.join(keys)}"
        faults = [
            f"unknown source {name!r}{nearest(name, known) or watched}" for name in names if name not in known
        ]
        if faults:
            raise CampaignError("\n".join(faults))
        return tuple(s for s in self.sources if not names or s.key in names or s.name in names)


def load_campaign(path: str, added: str = "") -> Campaign:
    """Return the campaign in the TOML file at `path`, or raise CampaignError that names every fault.

    `added` is what would be written at its end.
    """
    try:
        document = tomllib.loads(f"{Path(path).read_text(encoding='utf-8-sig')}\n{added}")
    except FileNotFoundError:
        raise CampaignError(
            f"{path} does not exist; set CAMPAIGN_FILE or start from the one that ships"
        ) from None
    except OSError as error:
        raise CampaignError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CampaignError(f"{path} cannot be read: expected UTF-8, found other bytes") from None
    except tomllib.TOMLDecodeError as error:
        raise CampaignError(f"{path} is not TOML: {error}") from None
    return parse_campaign(document, path)


def parse_campaign(document: Mapping[str, Any], path: str) -> Campaign:
    """Return the campaign that a TOML document describes, or raise CampaignError that names every fault."""
    faults = [f"[{key}] is not known{nearest(key, _TABLES)}" for key in document if key not in _TABLES]
    head = _parse(_Head, document.get("campaign", {}), "[campaign]", faults)
    petitions = _entries(document, "petition", _Petition, faults)
    others = _entries(document, "source", _Source, faults)
    named: list[tuple[str, Mapping[str, Any], _Petition | _Source]] = [*petitions, *others]
    watches = _entries(document, "watch", _Watch, faults)
    claims = _entries(document, "claim", _Claim, faults)
    sources: dict[str, Scraper] = {}
    marks: dict[str, Marks] = {}
    for where, entry, keys in named:
        if added := _configured(where, entry, keys, sources, faults):
            source, marks[source.key] = added
            sources[source.key] = source
    if head:
        publishers = {source.key: source for source in _publishers(head, faults)}
        sources |= {key: source for key, source in publishers.items() if key not in sources}
        faults += _faults_of_watches(watches, sources)
        faults += _faults_of_claims(claims, sources)
    if not sources and not faults:
        faults.append(
            "there is nothing to watch; add a [[petition]], a [[source]], or a name to sources in [campaign]"
        )
    if faults or head is None:
        raise CampaignError("\n".join(f"{path}: {fault}" for fault in faults))
    return Campaign(
        head.name,
        tuple(sources.values()),
        marks,
        tuple(watch for _, _, watch in watches),
        tuple(_claim(claim) for _, _, claim in claims),
        head.language,
        head.sign_off,
    )


def _configured(
    where: str,
    entry: Mapping[str, Any],
    named: _Petition | _Source,
    others: Collection[str],
    faults: list[str],
) -> tuple[Scraper, Marks] | None:
    """Return the source of an entry and when its readings are told; None after naming its faults."""
    names = scrapers.names()
    if named.source not in names:
        faults.append(f"{where} unknown source {named.source!r}{nearest(named.source, names)}")
        return None
    source_class = scrapers.load(named.source)
    if misplaced := _misplaced(source_class, named):
        faults.append(f"{where} {named.source!r} {misplaced}")
        return None
    allowed = dict.fromkeys((*type(named).model_fields, *source_class.options))
    unknown = [f"{where} unknown key {key!r}{nearest(key, allowed)}" for key in entry if key not in allowed]
    if unknown:
        faults += unknown
        return None
    try:
        source = source_class(entry)
        if isinstance(named, _Petition):
            marks = parse_marks(named.tell_at, named.goal)
        else:
            marks = Marks(step=named.minimum)
    except ValueError as error:
        faults.append(f"{where} {error}")
        return None
    if source.key in others:
        faults.append(f"{where} is a second {source.key!r}; give each entry of one source an id of its own")
        return None
    return source, marks


def _misplaced(source: type[Scraper], named: _Petition | _Source) -> str:
    """Return what is wrong with a source's having an entry in this table, or nothing."""
    is_petition = isinstance(named, _Petition)
    if not source.needs_entry and (is_petition or not source.options):
        return f"is {'no petition; it is ' * is_petition}watched without an entry"
    if source.is_petition != is_petition:
        return (
            "is a petition; write [[petition]]" if source.is_petition else "is no petition; write [[source]]"
        )
    return ""


def _unknown_measure(name: str, sources: Collection[Scraper]) -> str:
    """Return what is wrong with a name that must be a measure of these sources, or nothing."""
    ours = [share.name for share in DERIVED.values() if share.source in {source.name for source in sources}]
    if name in ours or any(source.has_measure(name) for source in sources):
        return ""
    known = (*ours, *(measure for source in sources for measure in source.measures))
    return f"unknown measure {name!r}{nearest(name, known) or '; no source that is watched has it'}"


def _faults_of_watches(
    watches: Iterable[tuple[str, Mapping[str, Any], _Watch]], sources: Mapping[str, Scraper]
) -> Iterator[str]:
    """Yield what is wrong with the watch list as a whole."""
    seen: set[tuple[str, str]] = set()
    for where, _, watch in watches:
        if unknown := _unknown_measure(watch.measure, sources.values()):
            yield f"{where} measure: {unknown}"
        if any(source.span > 1 and source.has_measure(watch.measure) for source in sources.values()):
            yield f"{where} measure: neighbouring months of {watch.measure} overlap: they cannot be judged"
        if watch.measure in DEATHS and watch.area != ENGLAND.code:
            yield f"{where} {watch.measure} counts deaths, which are never shown below England"
        if (series := (watch.measure, watch.area)) in seen:
            yield f"{where} watches {watch.measure} of {watch.area} a second time"
        seen.add(series)


def _faults_of_claims(
    claims: Iterable[tuple[str, Mapping[str, Any], _Claim]], sources: Mapping[str, Scraper]
) -> Iterator[str]:
    """Yield what is wrong with the claims beside the sources that are watched."""
    said: set[str] = set()
    for where, _, claim in claims:
        of = claim.figure
        if of.source not in sources:
            yield f"{where} figure.source: {of.source!r} is not watched{nearest(of.source, sources)}"
        else:
            for key, measure in (("measure", of.measure), ("less", of.less)):
                if measure and (unknown := _unknown_measure(measure, [sources[of.source]])):
                    yield f"{where} figure.{key}: {unknown}"
        if of.months and share_of(of.measure) is None:
            yield f"{where} figure.months: only a share is taken over months, found {of.measure!r}"
        if claim.thin and not claim.holds:
            yield f"{where} thin: needs holds beside it"
        if claim.says in said:
            yield f"{where} says what another claim says: {claim.says!r:.60}"
        said.add(claim.says)


def _claim(entry: _Claim) -> Claim:
    of, parts = entry.figure, entry.parts
    return Claim(
        entry.says,
        entry.where,
        FigureOf(**of.model_dump()),
        _bounds(entry.holds),
        _bounds(entry.thin),
        Parts(parts.total, tuple(parts.of)) if parts else None,
        entry.note,
    )


def _bounds(bounds: _Bounds | None) -> Bounds | None:
    return Bounds(bounds.min, bounds.max) if bounds else None


def _publishers(head: _Head, faults: list[str]) -> Iterator[Scraper]:
    """Yield the sources that need no entry: all of them, or those that `sources` names."""
    names = scrapers.names()
    for name in names if head.sources is None else dict.fromkeys(head.sources):
        source = scrapers.load(name) if name in names else None
        if source is None:
            faults.append(f"[campaign] sources: unknown source {name!r}{nearest(name, names)}")
        elif not source.needs_entry:
            yield source({})
        elif head.sources is not None:
            table = "petition" if source.is_petition else "source"
            faults.append(f"[campaign] sources: {name!r} needs an entry of its own, a [[{table}]]")


def _entries(
    document: Mapping[str, Any], name: str, model: type[M], faults: list[str]
) -> list[tuple[str, Mapping[str, Any], M]]:
    """Return the entries `[[name]]` that are right, each with where it stands; name the faults of others."""
    entries = document.get(name, [])
    if not isinstance(entries, list):
        faults.append(f"[{name}] must be written [[{name}]], for there may be several")
        return []
    found = []
    for number, entry in enumerate(entries, 1):
        where = f"[[{name}]] {number}:"
        if parsed := _parse(model, entry, where, faults):
            found.append((where, entry, parsed))
    return found


def _parse(model: type[M], entry: object, where: str, faults: list[str]) -> M | None:
    try:
        return model.model_validate(entry)
    except ValidationError as error:
        faults += [f"{where} {_fault(model, item)}" for item in error.errors()]
        return None


def _fault(model: type[BaseModel], item: Any) -> str:
    """Return what is wrong with one key, in the words of somebody who writes the file."""
    *path, last = (str(part) for part in item["loc"]) if item["loc"] else ("",)
    key = ".".join((*path, last))
    match item["type"]:
        case "missing":
            return f"{key!r} is missing"
        case "extra_forbidden":
            return f"unknown key {key!r}{nearest(last, _keys(model, path))}"
        case "value_error":
            return f"{key}: {item['msg'].removeprefix('Value error, ')}"
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"expected keys and values{f' in {key}' if key else ''}, found {item['input']!r:.60}"
        case _:
            wanted = (
                item["msg"]
                .removeprefix("Input should be ")
                .replace("a valid i", "an i")
                .replace("a valid", "a")
            )
            return f"{key}: expected {wanted}, found {item['input']!r:.60}"


def _keys(model: type[BaseModel], path: Iterable[str]) -> Collection[str]:
    """Return the keys of the table at `path` inside the model."""
    for part in path:
        kind = model.model_fields[part].annotation
        model = next(one for one in (kind, *get_args(kind)) if isinstance(one, type))
    return model.model_fields
