"""Keep what measures and areas were called, and from which period on.

A name holds from its `since` until the next one. What each period said stays true in whatever order periods
arrive: a name put between two others makes the next period with figures repeat the one that it covered.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from scrapers.toolkit.contract import Figure
from state import tables as t
from state.sql import upsert

Said = tuple[str, ...]  # a name and what goes with it
Key = tuple[str, ...]


class _Catalogue(NamedTuple):
    """Where the names of one kind of thing are kept. `history` gives id, since, key and what was said."""

    history: sa.Select[*tuple[Any, ...]]
    key_width: int
    note: sa.TextClause
    columns: tuple[str, ...]
    series: sa.ColumnElement[int]


_MEASURES = _Catalogue(
    sa.select(
        t.measures.c.id,
        t.measure_names.c.since,
        t.measures.c.code,
        *t.measure_names.c["name", "unit", "denominator", "definition"],
    )
    .select_from(t.measures.outerjoin(t.measure_names))
    .where(t.measures.c.source == sa.bindparam("source")),
    1,
    upsert(t.measure_names, ["measure", "since"], "name", "unit", "denominator", "definition"),
    ("measure", "since", "name", "unit", "denominator", "definition"),
    t.series.c.measure,
)
_AREAS = _Catalogue(
    sa.select(t.areas.c.id, t.area_names.c.since, t.areas.c.kind, t.areas.c.code, t.area_names.c.name)
    .select_from(t.areas.outerjoin(t.area_names))
    .where(t.areas.c.source == sa.bindparam("source")),
    2,
    upsert(t.area_names, ["area", "since"], "name"),
    ("area", "since", "name"),
    t.series.c.area,
)


def note_names(connection: Connection, source: str, figures: Sequence[Figure]) -> None:
    """Note what these figures call their measures and areas, all of which the store has met."""
    measures: dict[tuple[str, Key], Said] = {}
    areas: dict[tuple[str, Key], Said] = {}
    for period, said in _by_period(figures):
        # They share their measures and areas: told apart by identity first, that is ten times faster.
        its_measures, its_areas, _, _ = zip(*said, strict=True)
        for measure in dict(zip(map(id, its_measures), its_measures, strict=True)).values():
            measures[period, (measure.id,)] = measure[1:]
        for area in dict(zip(map(id, its_areas), its_areas, strict=True)).values():
            areas[period, (area.kind, area.code)] = (area.name,)
    _note(connection, _MEASURES, source, measures)
    _note(connection, _AREAS, source, areas)


def _by_period(figures: Sequence[Figure]) -> Iterator[tuple[str, Iterable[Figure]]]:
    """Yield the figures of each period; most releases have but one."""
    if len(set(map(itemgetter(2), figures))) == 1:
        return iter([(figures[0].period, figures)])
    return groupby(figures, itemgetter(2))


def renamings(
    history: Mapping[str, Said], period: str, said: Said, next_seen: Callable[[], str | None]
) -> Iterator[tuple[str, Said]]:
    """Yield the names to note, each with its `since`, when `period` says this. Pure but for `next_seen`.

    `history` is what was noted, by `since`; `next_seen` returns the first later period with figures, or None.
    """
    since = max((noted for noted in history if noted <= period), default=None)
    if since is not None and history[since] == said:
        return
    yield period, said
    if since is None or (after := next_seen()) is None:
        return
    if not any(period < noted <= after for noted in history):
        yield after, history[since]


def _note(
    connection: Connection, catalogue: _Catalogue, source: str, said: Mapping[tuple[str, Key], Said]
) -> None:
    ids: dict[Key, int] = {}
    histories: dict[Key, dict[str, Said]] = defaultdict(dict)
    for row in connection.execute(catalogue.history, {"source": source}).all():
        identity, since, rest = row[0], row[1], row[2:]
        key = rest[: catalogue.key_width]
        ids[key] = identity
        if since is not None:
            histories[key][since] = rest[catalogue.key_width :]
    rows = []
    for (period, key), name in sorted(said.items()):
        next_seen = partial(_next_seen, connection, catalogue, source, ids[key], period)
        for since, noted in list(renamings(histories[key], period, name, next_seen)):
            histories[key][since] = noted
            rows.append(dict(zip(catalogue.columns, (ids[key], since, *noted), strict=True)))
    if rows:
        connection.execute(catalogue.note, rows)


def _next_seen(
    connection: Connection, catalogue: _Catalogue, source: str, identity: int, period: str
) -> str | None:
    """Return the first period after this one that has figures of a measure or an area."""
    return connection.scalar(
        sa.select(t.editions.c.period)
        .select_from(t.editions.join(t.figures).join(t.series))
        .where(t.editions.c.source == source, t.editions.c.period > period, catalogue.series == identity)
        .order_by(t.editions.c.period)
        .limit(1)
    )
