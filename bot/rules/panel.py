"""A panel: the months of every measure in every area as one array, for rules that look at all at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.rules.periods import shifted
from scrapers.toolkit.contract import Area

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Place = tuple[str, str]  # kind of area, area code
Row = tuple[str, str, str, str, float | None]  # measure, kind of area, area code, period, value


@dataclass(frozen=True, slots=True)
class Panel:
    """Values by measure, area and month; NaN is what was withheld or not published.

    The months follow each other without a gap, whatever was published. `parents` holds for each area the
    place in `areas` of the one that it is part of, or -1.
    """

    measures: tuple[str, ...]
    areas: tuple[Area, ...]
    periods: tuple[str, ...]
    parents: tuple[int, ...]
    values: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        rows: Iterable[Row],
        names: Mapping[Place, str] | None = None,
        parents: Mapping[Place, Place] | None = None,
    ) -> Panel:
        """Return the panel of these figures, one for each measure, area and month; None is withheld."""
        import numpy as np

        columns = tuple(zip(*rows, strict=True)) or ((),) * 5
        codes, kinds, areas, months, figures = columns
        measures, periods = sorted(set(codes)), _months(set(months))
        places = sorted(set(zip(kinds, areas, strict=True)))
        values = np.full((len(measures), len(places), len(periods)), np.nan)
        measure_at, place_at, period_at = (
            {item: number for number, item in enumerate(items)} for items in (measures, places, periods)
        )
        at = (
            [measure_at[code] for code in codes],
            [place_at[place] for place in zip(kinds, areas, strict=True)],
            [period_at[month] for month in months],
        )
        values[at] = np.array(figures, dtype=np.float64)  # None becomes NaN
        names, parents = names or {}, parents or {}
        return cls(
            tuple(measures),
            tuple(Area(code, kind, names.get((kind, code), code)) for kind, code in places),
            tuple(periods),
            tuple(place_at.get(parents.get(place, ("", "")), -1) for place in places),
            values,
        )

    def until(self, period: str) -> Panel:
        """Return the panel as it was when `period` was its newest month."""
        end = self.periods.index(period) + 1
        return replace(self, periods=self.periods[:end], values=self.values[:, :, :end])

    def measure(self, code: str) -> NDArray[np.float64]:
        """Return a measure's values (areas × months); all NaN where it is not there."""
        import numpy as np

        if code not in self.measures:
            return np.full(self.values.shape[1:], np.nan)
        values: NDArray[np.float64] = self.values[self.measures.index(code)]
        return values

    def levels(self) -> dict[str, NDArray[np.intp]]:
        """Return the places in `areas` of each kind of area."""
        import numpy as np

        kinds = np.array([area.kind for area in self.areas])
        return {kind: np.flatnonzero(kinds == kind) for kind in dict.fromkeys(kinds.tolist())}


def _months(published: Collection[str]) -> list[str]:
    """Return every month from the first to the last of those published."""
    if not published:
        return []
    first, last = min(published), max(published)
    months = [first]
    while months[-1] < last:
        months.append(shifted(months[-1], 1))
    return months
