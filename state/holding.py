"""Pack what was read into one value of a row, and unpack it as it was: compressed JSON, each name once."""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict
from datetime import datetime

from scrapers.toolkit.contract import Area, Audience, Fact, Figure, Measure, Notice, Release, Unit
from state.records import Content


def packed(content: Content) -> bytes:
    """Return the content as compressed JSON."""
    release, figures, facts, notices = content
    measures = {measure: place for place, measure in enumerate(dict.fromkeys(f.measure for f in figures))}
    areas = {area: place for place, area in enumerate(dict.fromkeys(f.area for f in figures))}
    document = {
        "release": asdict(release),
        "measures": list(measures),
        "areas": list(areas),
        "figures": [(measures[f.measure], areas[f.area], f.period, f.value) for f in figures],
        "facts": facts,
        "notices": notices,
    }
    return zlib.compress(json.dumps(document, default=datetime.isoformat).encode())


def unpacked(content: bytes) -> Content:
    """Return what was packed."""
    document = json.loads(zlib.decompress(content))
    measures = [_measure(*fields) for fields in document["measures"]]
    areas = [Area(*fields) for fields in document["areas"]]
    return Content(
        _release(**document["release"]),
        tuple(Figure(measures[m], areas[a], period, value) for m, a, period, value in document["figures"]),
        tuple(Fact(*fields) for fields in document["facts"]),
        tuple(_notice(*fields) for fields in document.get("notices", ())),
    )


def _measure(id: str, name: str, unit: str, *rest: str) -> Measure:
    return Measure(id, name, Unit(unit), *rest)


def _notice(key: str, title: str, url: str, published: str | None, audience: Audience) -> Notice:
    return Notice(key, title, url, _moment(published), audience)


def _release(published: str | None, noticed: str | None = None, **fields: str) -> Release:
    return Release(**fields, published=_moment(published), noticed=_moment(noticed))


def _moment(written: str | None) -> datetime | None:
    return datetime.fromisoformat(written) if written else None
