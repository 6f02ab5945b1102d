"""Read the store at one moment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from scrapers.toolkit.contract import Measure, Unit
from state.chats import Chats
from state.holding import unpacked
from state.records import (
    ENTERED,
    ENTERED_KEY,
    AreaName,
    ChatState,
    Destination,
    Edition,
    Fault,
    FigureKey,
    Held,
    Known,
    SourceState,
    StoredAlert,
    StoredFigure,
    StoredRelease,
    Subscription,
    Telling,
    Trouble,
)
from state.subscriptions import Subscriptions
from state.tables import (
    alerts,
    area_names,
    areas,
    editions,
    episodes,
    facts,
    faults,
    figures,
    held,
    measure_names,
    measures,
    outbox,
    releases,
    series,
    sources,
)

SeriesKey = tuple[str, str, str]  # measure, kind of area, area code

_STREAMED = 2_000  # rows held at once where all figures are listed

_VERSIONS = editions.join(figures, figures.c.edition == editions.c.id)
_NAMED = _VERSIONS.join(series, series.c.id == figures.c.series).join(measures).join(areas)
_SERIES_KEY = (measures.c.code, areas.c.kind, areas.c.code)
_BY_PUBLICATION = (editions.c.published, editions.c.id)
_FROM_SOURCE = editions.c.source == sa.bindparam("source")
_WAS_READ = editions.c.published > sa.bindparam("entered", ENTERED, type_=editions.c.published.type)

_SOURCES = sa.select(sources)
_SOURCE = _SOURCES.where(sources.c.key == sa.bindparam("source"))
_HELD_UNDER = (
    sa.select(held.c.fingerprint)
    .where(
        held.c.source == releases.c.source,
        held.c.release == releases.c.key,
        sa.func.coalesce(held.c.verdict, "rejected") == "rejected",
    )
    .order_by(held.c.id.desc())
    .limit(1)
    .scalar_subquery()
)
_SAID_IN = (
    sa.select(*outbox.c["chat", "thread", "payload"])
    .where(
        sa.or_(
            sa.and_(outbox.c.alert == sa.bindparam("of_alert"), outbox.c.action.in_(["send", "reply"])),
            sa.and_(outbox.c.target == sa.bindparam("of_alert"), outbox.c.action.in_(["edit", "anew"])),
        ),
        outbox.c.part == 1,
        sa.or_(outbox.c.held.is_(None), outbox.c.state == "pending"),
    )
    .order_by(outbox.c.id)
)
_RELEASES: sa.Select[*tuple[Any, ...]] = sa.select(
    *releases.c["source", "key", "title", "url", "state", "period", "published", "expected"],
    *releases.c["fingerprint", "file", "first_seen", "read_at"],
    _HELD_UNDER,
)
_HELD = sa.select(held).order_by(held.c.id)
_HELD_OF = _HELD.where(held.c.source.in_(sa.bindparam("sources", expanding=True)))
_WAITING = sa.select(held.c.source).where(held.c.verdict.is_(None))
_FAULTS = sa.select(*faults.c["part", "kind", "text", "told"]).where(
    faults.c.source == sa.bindparam("source")
)
_PERIOD_BEFORE = sa.select(sa.func.max(editions.c.period)).where(
    _FROM_SOURCE, _WAS_READ, editions.c.period < sa.bindparam("period")
)
_SAID = (
    sa.select(figures.c.series, figures.c.value)
    .select_from(_VERSIONS)
    .where(
        _FROM_SOURCE,
        _WAS_READ,
        editions.c.period == sa.bindparam("period"),
        figures.c.series.in_(
            sa.select(series.c.id)
            .select_from(series.join(measures))
            .where(
                measures.c.source == sa.bindparam("source"),
                measures.c.code.in_(sa.bindparam("measures", expanding=True)),
            )
        ),
    )
    .order_by(*_BY_PUBLICATION)
)
_COUNT_SAID = (
    sa.select(sa.func.count(figures.c.series.distinct()))
    .select_from(_VERSIONS)
    .where(_FROM_SOURCE, _WAS_READ, editions.c.period == sa.bindparam("period"))
)
_KNOWN = (
    sa.select(*_SERIES_KEY, editions.c.period, figures.c.value, editions.c.published)
    .select_from(_NAMED)
    .where(_FROM_SOURCE, editions.c.period.in_(sa.bindparam("periods", expanding=True)))
    .order_by(*_BY_PUBLICATION)
)
_NEWEST_EDITION = (  # of a series; found at the first step back where every reading has a figure
    sa.select(editions.c.id)
    .select_from(_VERSIONS)
    .where(editions.c.source == measures.c.source, figures.c.series == series.c.id, _WAS_READ)
    .order_by(editions.c.period.desc(), editions.c.published.desc(), editions.c.id.desc())
    .limit(1)
    .correlate(measures, series)
    .scalar_subquery()
)
_newest, _value = editions.alias(), figures.alias()
_VERSION_COUNT = (
    sa.select(sa.func.count())
    .select_from(_VERSIONS)
    .where(
        editions.c.source == _newest.c.source,
        editions.c.period == _newest.c.period,
        figures.c.series == series.c.id,
    )
    .correlate(_newest, series)
    .scalar_subquery()
)
_LATEST = (
    sa.select(
        measures.c.source,
        *_SERIES_KEY,
        _newest.c.period,
        _value.c.value,
        _newest.c.published,
        _VERSION_COUNT,
        series.c.id,
    )
    .select_from(
        measures.join(series)
        .join(areas)
        .join(_newest, _newest.c.id == _NEWEST_EDITION)
        .join(_value, sa.and_(_value.c.edition == _newest.c.id, _value.c.series == series.c.id))
    )
    .where(measures.c.source.in_(sa.bindparam("sources", expanding=True)))
)
_FACTS = (
    sa.select(facts.c.source, facts.c.name, facts.c.value)
    .where(facts.c.source.in_(sa.bindparam("sources", expanding=True)))
    .order_by(facts.c.source, facts.c.name, facts.c.id)
)
_FACT_HISTORY = (
    sa.select(facts.c.first_seen, facts.c.value)
    .where(facts.c.source == sa.bindparam("source"), facts.c.name == sa.bindparam("name"))
    .order_by(facts.c.id)
)
_MEASURE_NAMES = (
    sa.select(measures.c.code, *measure_names.c["name", "unit", "denominator", "definition"])
    .select_from(measures.join(measure_names))
    .where(measures.c.source == sa.bindparam("source"))
    .order_by(measure_names.c.since)
)
_AREA_NAMES = sa.select(area_names.c.area, area_names.c.name).order_by(area_names.c.since)
_AREA_HISTORY = (
    sa.select(*areas.c["kind", "code"], *area_names.c["name", "since"])
    .select_from(areas.join(area_names))
    .where(areas.c.source == sa.bindparam("source"))
    .order_by(areas.c.kind, areas.c.code, area_names.c.since)
)
_SERIES_IDS = (
    sa.select(*_SERIES_KEY, series.c.id)
    .select_from(series.join(measures).join(areas))
    .where(measures.c.source == sa.bindparam("source"))
)
_DEDUPE = sa.select(alerts.c.dedupe).where(alerts.c.id == sa.bindparam("of_alert"))
_PERIODS = sa.select(editions.c.period).distinct().where(_FROM_SOURCE).order_by(editions.c.period)
_EDITIONS = (
    sa.select(editions.c.id, releases.c.key, *editions.c["period", "published"])
    .select_from(editions.join(releases))
    .where(_FROM_SOURCE, _WAS_READ)
    .order_by(*_BY_PUBLICATION)
)
_IN_EDITION = sa.select(figures.c.series, figures.c.value).where(figures.c.edition == sa.bindparam("edition"))
_NAMES_SINCE = (
    sa.select(measures.c.code, measure_names.c.since, measure_names.c.name)
    .select_from(measures.join(measure_names))
    .where(measures.c.source == sa.bindparam("source"))
    .order_by(measures.c.code, measure_names.c.since)
)
_PLACES = (
    sa.select(areas.c.kind, areas.c.code)
    .where(areas.c.source == sa.bindparam("source"))
    .order_by(areas.c.kind, areas.c.code)
)
_SERIES_OF_AREA = (
    sa.select(series.c.id, measures.c.code)
    .select_from(series.join(measures).join(areas))
    .where(
        measures.c.source == sa.bindparam("source"),
        measures.c.code.in_(sa.bindparam("measures", expanding=True)),
        areas.c.kind == sa.bindparam("kind"),
        areas.c.code == sa.bindparam("area"),
    )
)
_HISTORY = (
    sa.select(figures.c.series, editions.c.period, figures.c.value, editions.c.published)
    .select_from(_VERSIONS)
    .where(_FROM_SOURCE, figures.c.series.in_(sa.bindparam("series", expanding=True)))
    .order_by(editions.c.period, *_BY_PUBLICATION)
)
_EPISODES = sa.select(episodes.c.episode).where(episodes.c.source == sa.bindparam("source"))
_ALL_SERIES = (
    sa.select(series.c.id, measures.c.code, areas.c.code, series.c.area)
    .select_from(series.join(measures).join(areas))
    .order_by(*_SERIES_KEY)
)
_NEEDS_WORD = sa.func.coalesce(outbox.c.held, "").contains("|")  # it is held for a fact, not for its time
_ALERTS = (
    sa.select(
        *alerts.c["id", "kind", "source", "text", "finding"],
        *outbox.c["chat", "state"],
        alerts.c.created,
        sa.case((outbox.c.state == "sent", outbox.c.done)),
        *outbox.c["message_id", "error", "action"],
        _NEEDS_WORD,
    )
    .select_from(alerts.join(outbox))
    .order_by(alerts.c.id.desc(), outbox.c.id.desc())
)
_ONE_ALERT: sa.Select[*tuple[Any, ...]] = _ALERTS.where(
    alerts.c.id == sa.bindparam("alert"), outbox.c.action != "edit", outbox.c.part == 1
)
_TOLD = (  # the newest alerts of some chats, each once
    sa.select(sa.func.min(outbox.c.id))
    .where(
        outbox.c.chat.in_(sa.bindparam("chats", expanding=True)),
        outbox.c.action == "send",
        outbox.c.part == 1,
        ~_NEEDS_WORD,
    )
    .group_by(outbox.c.alert)
    .order_by(outbox.c.alert.desc())
    .limit(sa.bindparam("most"))
)
_TOLD_ALERTS: sa.Select[*tuple[Any, ...]] = _ALERTS.where(outbox.c.id.in_(_TOLD))
_LAST_SAID = sa.select(sa.func.max(editions.c.first_seen)).where(_FROM_SOURCE)
_LAST_FACT = sa.select(sa.func.max(facts.c.first_seen)).where(facts.c.source == sa.bindparam("source"))
_STATE = sa.select(
    sa.select(sa.func.max(editions.c.id)).scalar_subquery(),
    sa.select(sa.func.max(facts.c.id)).scalar_subquery(),
)
_TELLING = sa.select(*alerts.c["id", "finding", "created"]).where(alerts.c.dedupe == sa.bindparam("of_fact"))


class Reader:
    """What one transaction can read. All of it is of one moment."""

    def __init__(self, connection: Connection, series_ids: Mapping[str, Mapping[SeriesKey, int]]) -> None:
        """Take a connection in a transaction, and ids of series committed earlier, by source."""
        self._connection = connection
        self._series_ids = series_ids
        self.met: dict[str, dict[SeriesKey, int]] = {}  # ids learnt here, true once committed

    def sources(self) -> dict[str, SourceState]:
        """Return what is remembered of each source ever checked."""
        rows = self._connection.execute(_SOURCES)
        return {row.key: _source_state(row) for row in rows}

    def source(self, source: str) -> SourceState:
        """Return what is remembered of a source; of one never checked, only its key."""
        row = self._connection.execute(_SOURCE, {"source": source}).first()
        return _source_state(row) if row else SourceState(source)

    def releases(self, source: str | None = None, *, entered: bool = False) -> list[StoredRelease]:
        """Return the releases by the day on which they came out or are expected.

        Those that somebody `entered` are among them only where asked for: no page has them.
        """
        statement = _RELEASES if source is None else _RELEASES.where(releases.c.source == source)
        stored = [StoredRelease(*row) for row in self._connection.execute(statement)]
        kept = (one for one in stored if entered or not one.key.startswith(ENTERED_KEY))
        return sorted(kept, key=_release_day)

    def known(self, source: str, periods: Collection[str]) -> dict[FigureKey, Known]:
        """Return the newest version, by publication, of every figure for these periods."""
        found: dict[FigureKey, Known] = {}
        rows = self._connection.execute(_KNOWN, {"source": source, "periods": list(periods)})
        for row in rows.all():  # ten thousand: one by one they take twice the time
            key = FigureKey(*row[:4])
            earlier = found.get(key)
            found[key] = Known(row.value, row.published, 0 if earlier is None else earlier.revision + 1)
        return found

    def said(self, source: str, period: str, measures: Collection[str]) -> dict[SeriesKey, float | None]:
        """Return the newest values of these measures for a period, by series; none that somebody entered."""
        parameters = {"source": source, "period": period, "measures": list(measures)}
        values: dict[int, float | None] = dict(self._connection.execute(_SAID, parameters).all())
        if not values:
            return {}
        ids = self._series_ids.get(source, {})
        keys = {id: key for key, id in ids.items() if key[0] in measures}
        if not values.keys() <= keys.keys():  # another process has added series
            keys = {id: key for key, id in self._ids(source).items()}
        return {keys[id]: value for id, value in values.items()}

    def count_said(self, source: str, period: str) -> int:
        """Return how many figures a period has, but for those that somebody entered."""
        parameters = {"source": source, "period": period}
        return int(self._connection.execute(_COUNT_SAID, parameters).scalar_one())

    def period_before(self, source: str, period: str) -> str | None:
        """Return the newest period before this one for which figures of a source were read."""
        before: str | None = self._connection.scalar(_PERIOD_BEFORE, {"source": source, "period": period})
        return before

    def held(self, id: int | None = None) -> list[Held]:
        """Return what was ever held, oldest first; only that of the id where one is given."""
        return [_held(row) for row in self._connection.execute(_HELD) if id is None or row.id == id]

    def held_of(self, sources: Collection[str]) -> dict[str, list[Held]]:
        """Return what was ever held of each of these sources, oldest first."""
        found: dict[str, list[Held]] = {source: [] for source in sources}
        for row in self._connection.execute(_HELD_OF, {"sources": list(sources)}):
            found[row.source].append(_held(row))
        return found

    def waiting(self) -> set[str]:
        """Return the sources of which something waits for the operator."""
        return set(self._connection.scalars(_WAITING))

    def faults(self, source: str) -> dict[str, Fault]:
        """Return what could not be read of a source, by release key; its overview's under an empty one."""
        rows = self._connection.execute(_FAULTS, {"source": source})
        return {row.part: Fault(row.kind, row.text, row.told) for row in rows}

    def latest(self, sources: Collection[str]) -> dict[str, dict[SeriesKey, tuple[str, Known]]]:
        """Return the newest reading of each series: source -> series -> its period and newest version.

        What somebody entered is none.
        """
        found: dict[str, dict[SeriesKey, tuple[str, Known]]] = {source: {} for source in sources}
        for row in self._connection.execute(_LATEST, {"sources": list(sources)}).all():
            source, *key, period, value, published, versions, series_id = row
            series_key: SeriesKey = (key[0], key[1], key[2])
            found[source][series_key] = (period, Known(value, published, versions - 1))
            self.met.setdefault(source, {})[series_key] = series_id
        return found

    def facts(self, sources: Collection[str]) -> dict[str, dict[str, str | None]]:
        """Return the newest facts: source -> name -> value."""
        found: dict[str, dict[str, str | None]] = {source: {} for source in sources}
        for source, name, value in self._connection.execute(_FACTS, {"sources": list(sources)}):
            found[source][name] = value
        return found

    def facts_history(self, source: str, name: str) -> list[tuple[datetime, str | None]]:
        """Return every value that a fact ever had, each with when it was first seen, oldest first."""
        rows = self._connection.execute(_FACT_HISTORY, {"source": source, "name": name})
        return [(first_seen, value) for first_seen, value in rows]

    def measures(self, source: str) -> dict[str, Measure]:
        """Return the measures of a source by id, each as it was called in its newest period."""
        return {
            row.code: Measure(row.code, row.name, Unit(row.unit), row.denominator, row.definition)
            for row in self._connection.execute(_MEASURE_NAMES, {"source": source})
        }

    def periods(self, source: str) -> list[str]:
        """Return the periods for which a source has figures, in order."""
        return list(self._connection.scalars(_PERIODS, {"source": source}))

    def editions(self, source: str) -> Iterator[Edition]:
        """Yield what each publication said, in the order in which they came out.

        What comes later stands over what came before it. The ids are those of `series_ids`. What somebody
        entered is left out.
        """
        found = self._connection.execute(_EDITIONS, {"source": source}).all()
        for id, release, period, published in found:
            said = self._connection.execute(_IN_EDITION, {"edition": id}).all()
            yield Edition(release, period, published, [(series, value) for series, value in said])

    def series_ids(self, source: str) -> Mapping[SeriesKey, int]:
        """Return the id of each series of a source."""
        return self._ids(source)

    def renamed(self, source: str, period: str) -> dict[str, tuple[str, str]]:
        """Return the measures that were given another name from this period on: code -> old and new name."""
        names: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for code, since, name in self._connection.execute(_NAMES_SINCE, {"source": source}):
            names[code].append((since, name))
        return {
            code: (before, name)
            for code, known in names.items()
            for (_, before), (since, name) in pairwise(known)
            if since == period and name != before
        }

    def places(self, source: str) -> list[tuple[str, str]]:
        """Return kind and code of every area of a source, in order."""
        return [(kind, code) for kind, code in self._connection.execute(_PLACES, {"source": source})]

    def area_names(self, source: str) -> list[AreaName]:
        """Return every name of every area of a source, by kind, code and period."""
        return [AreaName(*row) for row in self._connection.execute(_AREA_HISTORY, {"source": source})]

    def series(
        self, source: str, area: tuple[str, str], measures: Collection[str]
    ) -> dict[str, dict[str, float | None]]:
        """Return the newest versions for one area (its kind and code): measure -> period -> value.

        Periods are in order; a measure without figures is there with none. What somebody entered is left out.
        """
        versions = self._versions(source, area, measures)
        return {
            measure: {period: value for period, (value, entered) in of_measure.items() if not entered}
            for measure, of_measure in versions.items()
        }

    def supported(
        self, source: str, area: tuple[str, str], measures: Collection[str]
    ) -> tuple[dict[str, dict[str, float | None]], set[tuple[str, str]]]:
        """Return the same with what somebody entered, and which of it that is, by measure and period."""
        versions = self._versions(source, area, measures)
        values = {
            measure: {period: value for period, (value, _) in of_measure.items()}
            for measure, of_measure in versions.items()
        }
        entered = {
            (measure, period)
            for measure, of_measure in versions.items()
            for period, (_, by_hand) in of_measure.items()
            if by_hand
        }
        return values, entered

    def _versions(
        self, source: str, area: tuple[str, str], measures: Collection[str]
    ) -> dict[str, dict[str, tuple[float | None, bool]]]:
        found: dict[str, dict[str, tuple[float | None, bool]]] = {measure: {} for measure in measures}
        kind, code = area
        parameters = {"source": source, "kind": kind, "area": code, "measures": list(found)}
        asked = self._connection.execute(_SERIES_OF_AREA, parameters)
        by_id = {series_id: found[measure] for series_id, measure in asked}
        rows = self._connection.execute(_HISTORY, {"source": source, "series": list(by_id)})
        for series_id, period, value, published in rows:
            by_id[series_id][period] = value, published == ENTERED
        return found

    def episodes(self, source: str) -> set[str]:
        """Return the episodes that a source's findings were told for."""
        return set(self._connection.scalars(_EPISODES, {"source": source}))

    def figures(
        self,
        source: str | None = None,
        measure: str | None = None,
        area: str | None = None,
        *,
        revisions: bool = True,
    ) -> Iterator[StoredFigure]:
        """Yield versions in the order of source, period, measure, area and publication.

        `area` is a code; without `revisions` only the newest versions. To be read inside the transaction:
        the rows are not held in memory.
        """
        listed = self._listed(source, measure, area)
        if not listed:
            return
        rank = {series_id: place for place, series_id in enumerate(listed)}
        statement = _all_figures(source, None if measure is area is None else list(listed))
        rows = self._connection.execute(statement, execution_options={"yield_per": _STREAMED})
        for _, of_period in groupby(rows, key=itemgetter(0, 1)):
            versions: dict[int, list[StoredFigure]] = defaultdict(list)
            for said_by, period, first_seen, release, url, series_id, value in of_period:
                if series_id is None:
                    continue
                versions[series_id].append(
                    StoredFigure(
                        said_by,
                        *listed[series_id],
                        period,
                        value,
                        len(versions[series_id]),
                        release,
                        url,
                        first_seen,
                    )
                )
            for series_id in sorted(versions, key=rank.__getitem__):
                yield from versions[series_id] if revisions else versions[series_id][-1:]

    def alerts(self, limit: int | None = None) -> list[StoredAlert]:
        """Return the log, one entry for each message and edit, in order; only the last `limit` if given."""
        rows = self._connection.execute(_ALERTS.limit(limit)).all()
        return [StoredAlert(*row) for row in reversed(rows)]

    def alert(self, id: int) -> StoredAlert | None:
        """Return an alert as it was told in one chat, the first that it was sent to; None without one."""
        rows = self._connection.execute(_ONE_ALERT, {"alert": id}).all()
        return StoredAlert(*rows[-1]) if rows else None

    def told(self, chats: Collection[str], limit: int) -> list[StoredAlert]:
        """Return the last alerts that any of these chats got, each once, the newest first."""
        rows = self._connection.execute(_TOLD_ALERTS, {"chats": list(chats), "most": limit}).all()
        return [StoredAlert(*row) for row in rows]

    def changed_at(self, source: str) -> datetime | None:
        """Return when a figure or a fact of a source was last seen to be new or another one."""
        seen = (self._connection.scalar(last, {"source": source}) for last in (_LAST_SAID, _LAST_FACT))
        return max(filter(None, seen), default=None)

    def state(self) -> tuple[int | None, int | None]:
        """Return what is another one whenever a figure, a fact or a name was stored."""
        newest_edition, newest_fact = self._connection.execute(_STATE).one()
        return newest_edition, newest_fact

    def telling(self, dedupe: str) -> Telling | None:
        """Return the alert by which a fact was told; None if it was not."""
        row = self._connection.execute(_TELLING, {"of_fact": dedupe}).first()
        return Telling(*row) if row else None

    def payloads(self, alert: int) -> dict[Destination, Mapping[str, Any]]:
        """Return what the message of an alert says, by chat and topic, wherever it has one or will have."""
        rows = self._connection.execute(_SAID_IN, {"of_alert": alert})
        return {Destination(row.chat, row.thread): row.payload for row in rows}

    def wanted(self) -> dict[Destination, Subscription]:
        """Return what chats asked for, by chat and topic."""
        return Subscriptions(self._connection).all()

    def boards(self) -> dict[Destination, tuple[int, str]]:
        """Return by chat and topic which message says how things stand, and the digest of its words."""
        return Subscriptions(self._connection).boards()

    def chat_states(self) -> dict[str, ChatState]:
        """Return every chat that moved or does not take messages, by its id."""
        return Chats(self._connection).known()

    def dedupe(self, alert: int) -> str:
        """Return the fact that an alert tells; empty if there is no such alert."""
        return self._connection.scalar(_DEDUPE, {"of_alert": alert}) or ""

    def listed(self) -> Collection[tuple[str, str, str]]:
        """Return measure, area code and newest area name of every series."""
        return self._listed(None, None, None).values()

    def _listed(
        self, source: str | None, measure: str | None, area: str | None
    ) -> dict[int, tuple[str, str, str]]:
        """Return measure, area code and newest area name of the series asked for, by id and in order."""
        statement = _ALL_SERIES
        if source is not None:
            statement = statement.where(measures.c.source == source)
        if measure is not None:
            statement = statement.where(measures.c.code == measure)
        if area is not None:
            statement = statement.where(areas.c.code == area)
        names = dict(self._connection.execute(_AREA_NAMES).all())
        return {
            series_id: (code, area_code, names[area_id])
            for series_id, code, area_code, area_id in self._connection.execute(statement)
        }

    def _ids(self, source: str) -> dict[SeriesKey, int]:
        """Return the ids of all series of a source."""
        rows = self._connection.execute(_SERIES_IDS, {"source": source}).all()
        ids = {(measure, kind, area): series_id for measure, kind, area, series_id in rows}
        self.met[source] = ids
        return ids


def _source_state(row: sa.Row[*tuple[Any, ...]]) -> SourceState:
    trouble = None
    if row.trouble_kind is not None:
        trouble = Trouble(
            row.trouble_kind, row.trouble_text, row.trouble_since, row.trouble_rounds, row.trouble_told
        )
    return SourceState(row.key, row.checked_at, row.taught_at, row.introduced_at is not None, trouble)


def _held(row: sa.Row[*tuple[Any, ...]]) -> Held:
    return Held(
        row.id,
        row.source,
        row.fingerprint,
        unpacked(row.content),
        tuple(row.doubts),
        row.found,
        row.decided,
        row.verdict,
    )


def _release_day(release: StoredRelease) -> tuple[str, str, str]:
    """Return what sorts releases by time; one without any date comes last."""
    day = release.published.isoformat() if release.published else release.expected or "~"
    return day, release.source, release.key


def _all_figures(source: str | None, series_ids: list[int] | None) -> sa.Select[*tuple[Any, ...]]:
    """Return a statement for the versions of these series (None: of all), by source, period and publication.

    The join is an outer one, with a row of its own for an edition that has none of them: so SQLite reads
    editions in the order of their index, instead of sorting all figures.
    """
    said = figures.c.edition == editions.c.id
    if series_ids is not None:
        said = sa.and_(said, figures.c.series.in_(series_ids))
    statement = (
        sa.select(
            *editions.c["source", "period", "first_seen"],
            *releases.c["key", "url"],
            *figures.c["series", "value"],
        )
        .select_from(editions.join(releases).join(figures, said, isouter=True))
        .order_by(editions.c.source, editions.c.period, *_BY_PUBLICATION)
    )
    return statement if source is None else statement.where(editions.c.source == source)
