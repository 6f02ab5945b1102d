"""A panel: the months of every measure in every area as one array, for rules that look at all at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from bot.rules.measures import History
from bot.rules.periods import shifted
from scrapers.toolkit.contract import Area

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

T = TypeVar("T")
Place = tuple[str, str]  # kind of area, area code
Row = tuple[str, str, str, str, float | None]  # measure, kind of area, area code, period, value


@dataclass(frozen=True)
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

    @classmethod
    def empty(
        cls,
        series: Iterable[tuple[str, str, str]],
        periods: Collection[str],
        names: Mapping[Place, str],
    ) -> Panel:
        """Return a panel for these series (measure, kind of area, area code), to be filled by its `row`s."""
        import numpy as np

        known = list(series)
        measures = sorted({measure for measure, _, _ in known})
        places = sorted({(kind, code) for _, kind, code in known})
        months = _months(periods)
        return cls(
            tuple(measures),
            tuple(Area(code, kind, names.get((kind, code), code)) for kind, code in places),
            tuple(months),
            (-1,) * len(places),
            np.full((len(measures), len(places), len(months)), np.nan),
        )

    def row(self, measure: str, place: Place) -> int:
        """Return where a series stands in `values`, were these measures and areas one axis."""
        return self._measure_at[measure] * len(self.areas) + self._place_at[place]

    def histories(self, kind: str) -> Mapping[str, History]:
        """Return the figures of each area of a kind, by its code; each is made when it is asked for."""
        return _Lazily(
            {area.code: place for place, area in enumerate(self.areas) if area.kind == kind},
            lambda place: _Lazily(
                self._measure_at, lambda measure: self._series(self.values[measure, place])
            ),
        )

    def _series(self, values: NDArray[np.float64]) -> Mapping[str, float | None]:
        known = zip(self.periods, values.tolist(), strict=True)
        return {period: value for period, value in known if value == value}

    @cached_property
    def _measure_at(self) -> Mapping[str, int]:
        return {code: number for number, code in enumerate(self.measures)}

    @cached_property
    def _place_at(self) -> Mapping[Place, int]:
        return {(area.kind, area.code): number for number, area in enumerate(self.areas)}

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


class _Lazily(Mapping[str, T]):
    """A mapping whose values are made, each once, when they are asked for."""

    def __init__(self, places: Mapping[str, int], make: Callable[[int], T]) -> None:
        self._places, self._make = places, make
        self._made: dict[str, T] = {}

    def __getitem__(self, name: str) -> T:
        if name not in self._made:
            self._made[name] = self._make(self._places[name])
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


def _months(published: Collection[str]) -> list[str]:
    """Return every month from the first to the last of those published."""
    if not published:
        return []
    first, last = min(published), max(published)
    months = [first]
    while months[-1] < last:
        months.append(shifted(months[-1], 1))
    return months
