"""Find how published figures differ from the stored ones. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from scrapers.toolkit.contract import Figure
from state.records import Changes, FigureKey, Known, Revision

_REVISED: Final = "revised"
_WITHHELD: Final = "withheld"
_APPEARED: Final = "appeared"


def compare(known: Mapping[FigureKey, Known], figures: Iterable[Figure], *, complete: bool) -> Changes:
    """Return what the figures of one release change.

    `known` holds the newest stored versions for the release's periods. `complete` says that `figures` are all
    that it has, so that what is stored and not among them is gone. Raises ValueError for two figures with one
    key.
    """
    new: list[Figure] = []
    altered: dict[str, list[Revision]] = {_REVISED: [], _WITHHELD: [], _APPEARED: []}
    seen: set[FigureKey] = set()
    for figure in figures:
        measure, area, period, value = figure
        key = FigureKey(measure.id, area.kind, area.code, period)
        if key in seen:
            raise ValueError(f"expected one figure for {' '.join(key)}, found two")
        seen.add(key)
        stored = known.get(key)
        if stored is None:
            new.append(figure)
        elif stored.value != value:
            altered[_how(stored.value, value)].append(Revision(figure, stored.value))
    gone = tuple(key for key in known if key not in seen) if complete else ()
    return _changes(new, altered, gone)


def compare_readings(
    latest: Mapping[tuple[str, str, str], tuple[str, Known]], figures: Iterable[Figure]
) -> Changes:
    """Return which readings say something else than the latest one of their series, whatever its period.

    `latest` is keyed by measure, kind of area and area code.
    """
    new: list[Figure] = []
    altered: dict[str, list[Revision]] = {_REVISED: [], _WITHHELD: [], _APPEARED: []}
    for figure in figures:
        stored = latest.get((figure.measure.id, figure.area.kind, figure.area.code))
        if stored is None:
            new.append(figure)
        elif stored[1].value != figure.value:
            old = stored[1].value
            altered[_how(old, figure.value)].append(Revision(figure, old))
    return _changes(new, altered, ())


def _how(old: float | None, value: float | None) -> str:
    if old is None:
        return _APPEARED
    return _WITHHELD if value is None else _REVISED


def _changes(
    new: list[Figure], altered: Mapping[str, list[Revision]], gone: tuple[FigureKey, ...]
) -> Changes:
    return Changes(tuple(new), gone=gone, **{how: tuple(group) for how, group in altered.items()})
