"""Find how published figures differ from the stored ones. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from scrapers.toolkit.contract import Figure
from state.records import Changes, FigureKey, Known, Revision


def compare(known: Mapping[FigureKey, Known], figures: Iterable[Figure], *, complete: bool) -> Changes:
    """Return what the figures of one release change.

    `known` holds the newest stored versions for the release's periods. `complete` says that `figures` are all
    that it has, so that what is stored and not among them is gone, unless somebody entered it. Raises
    ValueError for two figures with one key.
    """
    figures = tuple(figures)
    # Plain tuples: they are looked up like a FigureKey, and made in half the time.
    keys = [(measure.id, area.kind, area.code, period) for measure, area, period, _ in figures]
    seen = set(keys)
    if len(seen) < len(keys):
        twice = next(key for key, count in Counter(keys).items() if count > 1)
        raise ValueError(f"expected one figure for {' '.join(twice)}, found two")
    if not known:
        return Changes(new=figures)
    found = _Found()
    for key, figure in zip(keys, figures, strict=True):
        found.add(figure, known.get(FigureKey(*key)))
    missing = ((key, stored) for key, stored in known.items() if key not in seen) if complete else ()
    return found.changes(gone=[key for key, stored in missing if not stored.entered])


def compare_readings(
    latest: Mapping[tuple[str, str, str], tuple[str, Known]], figures: Iterable[Figure]
) -> Changes:
    """Return which readings say something else than the latest one of their series, whatever its period.

    `latest` is keyed by measure, kind of area and area code.
    """
    found = _Found()
    for figure in figures:
        reading = latest.get((figure.measure.id, figure.area.kind, figure.area.code))
        found.add(figure, reading and reading[1])
    return found.changes()


class _Found:
    """Changes while they are found."""

    def __init__(self) -> None:
        self.new: list[Figure] = []
        self.revised: list[Revision] = []
        self.withheld: list[Revision] = []
        self.appeared: list[Revision] = []
        self.confirmed: list[Figure] = []

    def add(self, figure: Figure, stored: Known | None) -> None:
        """Sort one figure in by what is stored of it; the same again is no change."""
        if stored is None:
            self.new.append(figure)
        elif stored.value == figure.value:
            if stored.entered:
                self.confirmed.append(figure)
        elif stored.value is None:
            self.appeared.append(Revision(figure, None, stored.entered))
        elif figure.value is None:
            self.withheld.append(Revision(figure, stored.value, stored.entered))
        else:
            self.revised.append(Revision(figure, stored.value, stored.entered))

    def changes(self, gone: Iterable[FigureKey] = ()) -> Changes:
        return Changes(
            tuple(self.new),
            tuple(self.revised),
            tuple(self.withheld),
            tuple(self.appeared),
            tuple(gone),
            tuple(self.confirmed),
        )
