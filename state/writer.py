"""Write the store: one observation and what follows from it, all or nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from hashlib import sha256
from itertools import chain
from typing import Any

import sqlalchemy as sa

from scrapers.toolkit.contract import Fact, Figure, Release
from state import tables as t
from state.chats import Chats
from state.database import apart
from state.holding import packed
from state.names import note_names
from state.outbox import Parcels
from state.reader import Reader, SeriesKey
from state.records import Amendment, Content, Fault, NewAlert, Parcel, ReleaseState, Trouble, Verdict
from state.sql import insert_once, upsert
from state.subscriptions import Subscriptions

_NOTE_CHECKED = upsert(t.sources, ["key"], "checked_at")
_MEET = insert_once(t.sources, "key")
_TEACH = upsert(t.sources, ["key"], "taught_at")
_INTRODUCE = upsert(t.sources, ["key"], "introduced_at")
_TROUBLE_COLUMNS = ("trouble_kind", "trouble_text", "trouble_since", "trouble_rounds", "trouble_told")
_SET_TROUBLE = upsert(t.sources, ["key"], *_TROUBLE_COLUMNS)

_THE_RELEASE = sa.and_(
    t.releases.c.source == sa.bindparam("of_source"), t.releases.c.key == sa.bindparam("of_key")
)
_RELEASES = sa.select(t.releases).where(t.releases.c.source == sa.bindparam("source"))
_INSERT_RELEASE = sa.insert(t.releases)
_UPDATE_RELEASE = sa.update(t.releases).where(_THE_RELEASE)
_MARK_READ = _UPDATE_RELEASE.values(
    read_at=sa.bindparam("now"),
    fingerprint=sa.func.coalesce(
        sa.bindparam("read_fingerprint", type_=t.releases.c.fingerprint.type), t.releases.c.fingerprint
    ),
)

_SAID_AT = (
    sa.select(t.figures.c.series, t.figures.c.value)
    .select_from(t.editions.join(t.figures))
    .where(
        t.editions.c.source == sa.bindparam("source"),
        t.editions.c.period == sa.bindparam("period"),
        t.editions.c.published == sa.bindparam("published"),
    )
    .order_by(t.editions.c.id)
)
_INSERT_EDITION = (
    sa.insert(t.editions)
    .from_select(
        ["source", "period", "published", "release", "first_seen"],
        sa.select(
            t.releases.c.source,
            sa.bindparam("period", type_=t.editions.c.period.type),
            sa.bindparam("published", type_=t.editions.c.published.type),
            t.releases.c.id,
            sa.bindparam("now", type_=t.editions.c.first_seen.type),
        ).where(_THE_RELEASE),
    )
    .returning(t.editions.c.id)
)
_AT_ONCE = 200  # rows that SQLite takes in one statement: three times as fast as one by one
_INSERT_FIGURES_POSTGRESQL = (
    "INSERT INTO figures (edition, series, value, withheld) SELECT %s, id, value, value IS NULL "
    "FROM unnest(%s::integer[], %s::double precision[]) AS said (id, value)"
)

_INSERT_MEASURE = insert_once(t.measures, "source", "code")
_INSERT_AREA = insert_once(t.areas, "source", "kind", "code")
_MEASURE_IDS = sa.select(t.measures.c.code, t.measures.c.id).where(
    t.measures.c.source == sa.bindparam("source")
)
_AREA_IDS = sa.select(t.areas.c.kind, t.areas.c.code, t.areas.c.id).where(
    t.areas.c.source == sa.bindparam("source")
)
_INSERT_SERIES = sa.insert(t.series)

_INSERT_FACT = sa.insert(t.facts)
_REMEMBER = insert_once(t.episodes, "source", "episode", "first_seen")
_INSERT_HELD = sa.insert(t.held).returning(t.held.c.id)
_IS_HELD = sa.select(t.held.c.id).where(
    t.held.c.source == sa.bindparam("of_source"),
    t.held.c.release == sa.bindparam("of_release"),
    t.held.c.fingerprint == sa.bindparam("of_fingerprint"),
    sa.func.coalesce(t.held.c.verdict, "rejected") == "rejected",
)
_DECIDE = (
    sa.update(t.held)
    .where(t.held.c.id == sa.bindparam("of_id"), t.held.c.verdict.is_(None))
    .values(verdict=sa.bindparam("as_verdict"), decided=sa.bindparam("now"))
)
_GO_ON = (
    sa.update(t.held)
    .where(
        t.held.c.source == sa.bindparam("of_source"),
        t.held.c.release == sa.bindparam("of_release"),
        t.held.c.verdict.is_(None),
    )
    .values(verdict="over", decided=sa.bindparam("now"))
)
_FORGET_FAULTS = sa.delete(t.faults).where(t.faults.c.source == sa.bindparam("of_source"))
_INSERT_FAULT = sa.insert(t.faults)
_NEXT_ALERT_ID = sa.select(sa.func.coalesce(sa.func.max(t.alerts.c.id), 0) + 1)
_INSERT_ALERT = insert_once(
    t.alerts, "id", "source", "kind", "dedupe", "text", "finding", "created", key="dedupe"
)
_INSERT_PARCEL = sa.insert(t.outbox)
_INSERT_BLOB = insert_once(t.blobs, "digest", "body")
_ALERT = sa.select(*t.alerts.c["id", "kind", "dedupe"]).where(t.alerts.c.id == sa.bindparam("of_alert"))
_AMEND = sa.update(t.alerts).where(t.alerts.c.id == sa.bindparam("of_alert"))


class Writer(Reader):
    """What one transaction can write. Nobody else writes beside it, so what it has read stays true."""

    @property
    def parcels(self) -> Parcels:
        """Return the messages on their way."""
        return Parcels(self._connection)

    @property
    def chats(self) -> Chats:
        """Return what Telegram told us about chats."""
        return Chats(self._connection)

    @property
    def subscriptions(self) -> Subscriptions:
        """Return what chats asked for."""
        return Subscriptions(self._connection)

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Undo what is written in the block, and nothing else, where it ends in an exception."""
        try:
            with apart(self._connection):
                yield
        except BaseException:
            self.met.clear()  # ids that were given in the block are taken back
            raise

    def note_checked(self, sources: Collection[str], now: datetime) -> None:
        """Remember that these sources were read and believed; those met for the first time are added."""
        self._each(_NOTE_CHECKED, [{"key": source, "checked_at": now} for source in sources])

    def teach(self, source: str, now: datetime) -> None:
        """Remember that the first look at a source succeeded."""
        self._each(_TEACH, [{"key": source, "taught_at": now}])

    def introduce(self, sources: Collection[str], now: datetime) -> None:
        """Remember that the team was told that these sources are watched."""
        self._each(_INTRODUCE, [{"key": source, "introduced_at": now} for source in sources])

    def meet(self, source: str) -> None:
        """Remember that there is a source, though nobody looked at it yet."""
        self._each(_MEET, [{"key": source}])

    def set_trouble(self, source: str, trouble: Trouble | None) -> None:
        """Remember what is wrong with a source, or that nothing is."""
        values = (
            (trouble.kind, trouble.text, trouble.since, trouble.rounds, trouble.told)
            if trouble
            else (None,) * len(_TROUBLE_COLUMNS)
        )
        self._each(_SET_TROUBLE, [{"key": source, **dict(zip(_TROUBLE_COLUMNS, values, strict=True))}])

    def save_releases(self, source: str, releases: Sequence[Release], now: datetime) -> None:
        """Remember releases as they are now, and which of them came out or were revised since.

        A fingerprint stands for figures: save a new one of a release in the transaction that stores them.
        """
        rows = self._connection.execute(_RELEASES, {"source": source})
        stored = {row["key"]: dict(row) for row in rows.mappings()}
        added = []
        for release in releases:
            old = stored.get(release.key)
            if old is None:
                added.append(
                    {"source": source, "key": release.key, "first_seen": now, **_merged({}, release)}
                )
            elif (merged := _merged(old, release)).items() - old.items():
                self._connection.execute(
                    _UPDATE_RELEASE, {"of_source": source, "of_key": release.key, **merged}
                )
        self._each(_INSERT_RELEASE, added)

    def mark_read(self, source: str, release_key: str, fingerprint: str | None, now: datetime) -> None:
        """Remember that the figures of a release were stored as they are under this fingerprint."""
        self._connection.execute(
            _MARK_READ,
            {"of_source": source, "of_key": release_key, "read_fingerprint": fingerprint, "now": now},
        )

    def save_figures(
        self, source: str, release_key: str, figures: Sequence[Figure], published: datetime, now: datetime
    ) -> None:
        """Add figures as versions of this publication; what it said before with the same value is left out.

        The release must be saved already (LookupError).
        """
        if not figures:
            return
        keys = [(measure.id, kind, code) for measure, (code, kind, _), _, _ in figures]
        by_period: dict[str, dict[int, float | None]] = defaultdict(dict)
        for series_id, (_, _, period, value) in zip(self._interned(source, keys), figures, strict=True):
            by_period[period][series_id] = value
        note_names(self._connection, source, figures)
        for period, values in by_period.items():
            earlier = self._said_at(source, period, published)
            if fresh := _not_in(earlier, values) if earlier else values:
                edition = self._add_edition(source, release_key, period, published, now)
                self._add_versions(edition, fresh)

    def save_facts(self, source: str, facts: Sequence[Fact], now: datetime) -> Mapping[str, str | None]:
        """Remember what a source says beside its numbers, and return what it said before.

        The same again adds nothing.
        """
        known = self.facts([source])[source]
        rows = [
            {"source": source, "name": name, "value": value, "first_seen": now}
            for name, value in facts
            if name not in known or known[name] != value
        ]
        self._each(_INSERT_FACT, rows)
        return known

    def remember(self, source: str, episode: str, now: datetime) -> bool:
        """Remember an episode of a source's findings. Return False if it was remembered already."""
        row = {"source": source, "episode": episode, "first_seen": now}
        return self._connection.execute(_REMEMBER, row).rowcount == 1

    def hold(
        self,
        source: str,
        fingerprint: str,
        content: Content,
        doubts: Sequence[Mapping[str, Any]],
        now: datetime,
    ) -> int | None:
        """Hold what was read for the operator, in place of what waits of its release; return its id.

        None if the same of this release waits already, or was rejected.
        """
        place = {"of_source": source, "of_release": content.release.key}
        if self._connection.scalar(_IS_HELD, {**place, "of_fingerprint": fingerprint}) is not None:
            return None
        self._connection.execute(_GO_ON, {**place, "now": now})
        row = {
            "source": source,
            "release": content.release.key,
            "fingerprint": fingerprint,
            "content": packed(content),
            "doubts": list(doubts),
            "found": now,
        }
        return int(self._connection.execute(_INSERT_HELD, row).scalar_one())

    def go_on(self, source: str, release_key: str, now: datetime) -> None:
        """Remember that a release was read anew, so that what was held of it waits no longer."""
        self._connection.execute(_GO_ON, {"of_source": source, "of_release": release_key, "now": now})

    def decide(self, id: int, verdict: Verdict, now: datetime) -> bool:
        """Remember the operator's verdict. Return False if this waits for none."""
        parameters = {"of_id": id, "as_verdict": verdict, "now": now}
        return self._connection.execute(_DECIDE, parameters).rowcount == 1

    def save_faults(self, source: str, faults: Mapping[str, Fault]) -> None:
        """Remember what cannot be read of a source now, in place of what could not be before."""
        if self.faults(source) != faults:
            self._connection.execute(_FORGET_FAULTS, {"of_source": source})
            rows = [{"source": source, "part": part, **fault._asdict()} for part, fault in faults.items()]
            self._each(_INSERT_FAULT, rows)

    def next_alert_id(self) -> int:
        """Return the id that the next alert to be added should have."""
        return int(self._connection.execute(_NEXT_ALERT_ID).scalar_one())

    def add_alert(self, alert: NewAlert, now: datetime) -> bool:
        """Log an alert and put its parcels in the outbox. Return False if its fact was told already."""
        inserted = self._connection.execute(
            _INSERT_ALERT,
            {
                "id": alert.id,
                "source": alert.source,
                "kind": alert.kind,
                "dedupe": alert.dedupe,
                "text": alert.text,
                "finding": dict(alert.finding),
                "created": now,
            },
        )
        if not inserted.rowcount:
            return False
        parcels = sorted(alert.parcels, key=lambda parcel: parcel.part)
        self._put(alert.id, f"{alert.dedupe}|{alert.kind}", parcels, now)
        return True

    def amend_alert(self, amendment: Amendment, now: datetime) -> None:
        """Say an alert in other words from now on, in the log and in these chats.

        LookupError if there is no such alert.
        """
        of_alert = {"of_alert": amendment.alert}
        alert = self._connection.execute(_ALERT, of_alert).first()
        if alert is None:
            raise LookupError(f"expected alert {amendment.alert}, found none")
        said = {"text": amendment.text, "finding": dict(amendment.finding)}
        self._connection.execute(_AMEND, {**of_alert, **said})
        edits = [
            Parcel(chat, payload, thread, action="edit", target=alert.id)
            for (chat, thread), payload in amendment.payloads.items()
        ]
        self._put(alert.id, f"{alert.dedupe}|{alert.kind}|{amendment.episode}", edits, now)

    def edit_alert(self, alert: int, episode: str, edits: Sequence[Parcel], now: datetime) -> None:
        """Let these edits of an alert's messages be made; `episode` tells them from others of it."""
        self._put(alert, f"{self.dedupe(alert)}|{episode}", edits, now)

    def forget_chat(self, chat: str) -> None:
        """Forget a chat: what it asked for, and what it was sent or was to be sent."""
        for table in (t.subscriptions, t.boards, t.guests, t.outbox, t.chats):
            self._connection.execute(sa.delete(table).where(table.c.chat == chat))
        self.parcels.drop_pictures()

    def _put(self, alert: int, key: str, parcels: Sequence[Parcel], now: datetime) -> None:
        """Put parcels of an alert into the outbox, and their photos beside it.

        An edit whose message still waits to be sent changes that one, and has no row of its own.
        """
        fresh = [p for p in parcels if p.action != "edit" or not self.parcels.reworded(p)]
        photos = {_digest(p.photo): p.photo for p in fresh if p.photo}
        self._each(_INSERT_BLOB, [{"digest": digest, "body": body} for digest, body in photos.items()])
        self._each(_INSERT_PARCEL, [_outbox_row(alert, key, parcel, now) for parcel in fresh])

    def _each(self, statement: sa.Executable, rows: Sequence[Mapping[str, Any]]) -> None:
        if rows:
            self._connection.execute(statement, rows)

    def _interned(self, source: str, keys: Sequence[SeriesKey]) -> list[int]:
        """Return the id of each of these series, adding those never seen."""
        for known in (self.met.get(source, {}), self._series_ids.get(source, {})):
            with suppress(KeyError):
                return [known[key] for key in keys]
        ids = self._ids(source)
        if missing := set(keys) - ids.keys():
            self._add_series(source, missing)
            ids = self._ids(source)
        return [ids[key] for key in keys]

    def _add_series(self, source: str, keys: Collection[SeriesKey]) -> None:
        codes = {measure for measure, _, _ in keys}
        places = {(kind, area) for _, kind, area in keys}
        self._each(_INSERT_MEASURE, [{"source": source, "code": code} for code in sorted(codes)])
        self._each(
            _INSERT_AREA, [{"source": source, "kind": kind, "code": code} for kind, code in sorted(places)]
        )
        measure_ids, area_ids = self._measure_ids(source), self._area_ids(source)
        self._each(
            _INSERT_SERIES,
            [
                {"measure": measure_ids[measure], "area": area_ids[kind, area]}
                for measure, kind, area in sorted(keys)
            ],
        )

    def _measure_ids(self, source: str) -> dict[str, int]:
        return {row.code: row.id for row in self._connection.execute(_MEASURE_IDS, {"source": source})}

    def _area_ids(self, source: str) -> dict[tuple[str, str], int]:
        rows = self._connection.execute(_AREA_IDS, {"source": source})
        return {(row.kind, row.code): row.id for row in rows}

    def _said_at(self, source: str, period: str, published: datetime) -> dict[int, float | None]:
        """Return what a publication of this very moment said of a period, by series id."""
        parameters = {"source": source, "period": period, "published": published}
        return dict(self._connection.execute(_SAID_AT, parameters).all())

    def _add_edition(
        self, source: str, release_key: str, period: str, published: datetime, now: datetime
    ) -> int:
        parameters = {
            "of_source": source,
            "of_key": release_key,
            "period": period,
            "published": published,
            "now": now,
        }
        edition: int | None = self._connection.scalar(_INSERT_EDITION, parameters)
        if edition is None:
            raise LookupError(f"expected a saved release {release_key!r} of {source}, found none")
        return edition

    def _add_versions(self, edition: int, values: Mapping[int, float | None]) -> None:
        if self._connection.dialect.name == "sqlite":
            # Withheld or not is said beside the value: SQLite makes NULL of NaN, which its check refuses.
            rows = [(series_id, value := values[series_id], value is None) for series_id in sorted(values)]
            for start in range(0, len(rows), _AT_ONCE):
                some = rows[start : start + _AT_ONCE]
                parameters = (edition, *chain.from_iterable(some))
                self._connection.exec_driver_sql(_insert_figures_sqlite(len(some)), parameters)
        else:
            numbers = [
                value if value is None else float(value) for value in values.values()
            ]  # no mixed array
            self._connection.exec_driver_sql(_INSERT_FIGURES_POSTGRESQL, (edition, list(values), numbers))


def _not_in(
    earlier: Mapping[int, float | None], values: Mapping[int, float | None]
) -> dict[int, float | None]:
    return {
        series_id: value
        for series_id, value in values.items()
        if series_id not in earlier or earlier[series_id] != value
    }


def _insert_figures_sqlite(rows: int) -> str:
    """Return a statement that takes an edition, and for each row a series, a value, and if it is withheld."""
    values = ", ".join(["(?, ?, ?)"] * rows)
    return (
        "INSERT INTO figures (edition, series, value, withheld) "  # noqa: S608
        f"SELECT ?1, column1, column2, column3 FROM (VALUES {values})"
    )


def _merged(old: Mapping[str, Any], new: Release) -> dict[str, Any]:
    """Return a stored release (empty if unknown) as `new` leaves it. What is out never goes back."""
    published = new.published or old.get("published")
    return {
        "title": new.title,
        "url": new.url,
        "state": _state(old, new),
        "period": new.period or old.get("period"),
        "published": published,
        "expected": _expected(old, new),
        "fingerprint": new.fingerprint or old.get("fingerprint"),
        "file": new.file or old.get("file", ""),
    }


def _expected(old: Mapping[str, Any], new: Release) -> str | None:
    """Return when a release is expected. A day stays where only its month is announced any more."""
    before: str | None = old.get("expected")
    if new.expected is None:
        return before if new.published or old.get("published") else None
    return before if before and before.startswith(new.expected) else new.expected


def _state(old: Mapping[str, Any], new: Release) -> ReleaseState:
    before: ReleaseState = old.get("state", "announced")
    if before == "announced":
        return "announced" if new.published is None else "out"
    read = old["read_at"] is not None and old["fingerprint"] is not None
    replaced = new.fingerprint is not None and new.fingerprint != old["fingerprint"]
    return "revised" if read and replaced else before


def _digest(photo: bytes) -> str:
    return sha256(photo).hexdigest()


def _outbox_row(alert: int, key: str, parcel: Parcel, now: datetime) -> dict[str, Any]:
    thread = "" if parcel.thread is None else parcel.thread
    at = "" if parcel.action == "send" else f"|{parcel.action} {parcel.target}"
    return {
        "alert": alert,
        "key": f"{key}|{parcel.chat}|{thread}|{parcel.part}{at}",
        "action": parcel.action,
        "target": parcel.target,
        "photo": _digest(parcel.photo) if parcel.photo else None,
        "chat": parcel.chat,
        "thread": parcel.thread,
        "part": parcel.part,
        "payload": dict(parcel.payload),
        "held": parcel.held,
        "state": "pending",
        "attempts": 0,
        "resends": 0,
        "not_before": parcel.due or now,
        "created": now,
        "error": "",
    }
