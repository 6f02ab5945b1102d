"""The transactions of a check: figures and the alerts that follow from them are committed together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from bot.alerts import Destinations, post
from bot.rules import calendar
from bot.rules.findings import Finding, Introduced, NewMeasures, Recovered, ReleaseOut, Troubled
from bot.rules.headline import NEEDED, headline_rows
from bot.rules.petition import Marks, facts_changed, mark_crossed
from bot.rules.revision import revised
from scrapers.toolkit.contract import ENGLAND, Fact, Figure, Release, Scraper
from state.changes import compare, compare_readings
from state.records import Changes, SourceState, Trouble
from state.store import Store, Writer

LASTING_ROUNDS, LASTING_LEAST = 3, timedelta(minutes=10)  # three rounds may be a minute, at a release
LASTING_TIME = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Committed:
    """What one transaction added: changes found and alerts posted."""

    changes: int = 0
    alerts: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """How a look at one source went.

    `error` is None when it could be read; `passing` says that waiting may mend it. `newest` is what it
    says now: its newest release, or the first figure of its reading.
    """

    source: Scraper
    newest: Release | Figure | None = None
    error: str | None = None
    passing: bool = False


@dataclass(frozen=True, slots=True)
class Committer:
    """Writes what a check found. Every method is one transaction."""

    store: Store
    destinations: Destinations

    def reading(
        self,
        source: Scraper,
        release: Release,
        figures: Sequence[Figure],
        facts: Sequence[Fact],
        marks: Marks,
        now: datetime,
    ) -> Committed:
        """Store a changed reading and tell of a crossed mark and of changed facts."""
        with self.store.writing() as tx:
            latest = tx.latest([source.key]).get(source.key, {})
            changes = compare_readings(latest, figures)
            findings: list[Finding] = []
            count = next(
                (int(f.value) for f in figures if f.measure.id == "signatures" and f.value is not None), None
            )
            findings += facts_changed(tx.save_facts(source.key, facts, now), dict(facts), count)
            before = next((reading for (m, _, _), reading in latest.items() if m == "signatures"), None)
            if count is not None and before and before[1].value is not None:
                at, value = datetime.fromisoformat(before[0]), int(before[1].value)
                crossed = mark_crossed(marks, count, value, at, tx.episodes(source.key))
                findings += [crossed] if crossed else []
            elif count is not None and (passed := marks.highest_between(0, count)):
                tx.remember(source.key, f"mark:{passed}", now)
            if not latest:
                tx.teach(source.key, now)
            tx.save_releases(source.key, [replace(release, published=release.published or now)], now)
            tx.save_figures(source.key, release.key, changes.to_store, now, now)
            return Committed(len(changes), post(tx, self.destinations, source, findings, now))

    def publication(
        self, source: Scraper, release: Release, figures: Sequence[Figure], now: datetime
    ) -> Committed:
        """Store the figures of a release and tell that it is out, or what was corrected in it."""
        with self.store.writing() as tx:
            read_before = _was_read(tx, source, release)
            taught = _is_taught(tx, source)
            known_measures = tx.measures(source.key)
            changes = _store(tx, source, release, figures, now, read_before=read_before)
            if not taught:
                tx.teach(source.key, now)
                return Committed(len(changes))
            findings: list[Finding] = []
            if read_before:
                correction = revised(release, changes, now)
                findings += [correction] if correction else []
            else:
                history = tx.series(source.key, (ENGLAND.kind, ENGLAND.code), NEEDED)
                rows = headline_rows(release.period or "", history)
                findings.append(ReleaseOut(f"release:{release.key}", release, rows, changes.revised))
            unknown = {f.measure.id: f.measure for f in figures if f.measure.id not in known_measures}
            if unknown:
                episode = f"new_measures:{','.join(unknown)}"
                findings.append(NewMeasures(episode, release, tuple(unknown.values())))
            return Committed(len(changes), post(tx, self.destinations, source, findings, now))

    def past(self, source: Scraper, release: Release, figures: Sequence[Figure], now: datetime) -> Committed:
        """Store a past release without telling anybody; a source so taught needs no introduction."""
        with self.store.writing() as tx:
            if _was_read(tx, source, release):
                return Committed()
            changes = _store(tx, source, release, figures, now, read_before=False)
            if not _is_taught(tx, source):
                tx.teach(source.key, now)
                tx.introduce([source.key], now)
            return Committed(len(changes))

    def announced(self, source: Scraper, seen: Sequence[Release], now: datetime) -> Committed:
        """Store what is announced and out, and tell of dates that moved or passed.

        Fingerprints are stored only with figures that were read, so that a refused file is tried again.
        """
        with self.store.writing() as tx:
            stored = {release.key: release for release in tx.releases(source.key)}
            findings: list[Finding] = [
                *calendar.date_moved(seen, stored),
                *calendar.overdue(seen, stored, now),
            ]
            tx.save_releases(source.key, [replace(release, fingerprint=None) for release in seen], now)
            told = post(tx, self.destinations, source, findings, now)
            return Committed(told, told)

    def settle(self, round_: Sequence[Seen], now: datetime) -> int:
        """Note how a round went: times, troubles, recoveries, introductions; return how many alerts followed.

        A changed page is told at once, a passing failure when it lasts; each once, and its end once.
        """
        with self.store.writing() as tx:
            tx.note_checked([seen.source.key for seen in round_ if seen.error is None], now)
            states = tx.sources()
            findings: list[Finding] = []
            troubles, recoveries = [], []
            for seen in round_:
                state = states.get(seen.source.key, SourceState(seen.source.key))
                if seen.error is not None:
                    trouble = _trouble(state.trouble, seen, now)
                    if not trouble.told and _worth_telling(trouble, now):
                        trouble = replace(trouble, told=True)
                        troubles.append((seen.source.key, trouble.text, trouble.since))
                    tx.set_trouble(seen.source.key, trouble)
                elif state.trouble:
                    if state.trouble.told:
                        recoveries.append((seen.source.key, state.trouble.since))
                    tx.set_trouble(seen.source.key, None)
            if troubles:
                findings.append(Troubled(_episode("trouble", troubles), tuple(troubles)))
            if recoveries:
                findings.append(Recovered(_episode("recovered", recoveries), tuple(recoveries)))
            untold = {key for key, state in states.items() if state.taught_at and not state.introduced}
            new = [seen for seen in round_ if seen.source.key in untold]
            if new:
                keys = [seen.source.key for seen in new]
                tx.introduce(keys, now)
                said = tuple((seen.source.title, seen.newest) for seen in new)
                findings.append(Introduced(f"introduced:{','.join(keys)}", said))
            return post(tx, self.destinations, None, findings, now)


def _store(
    tx: Writer,
    source: Scraper,
    release: Release,
    figures: Sequence[Figure],
    now: datetime,
    *,
    read_before: bool,
) -> Changes:
    """Store new versions of what changed. A replaced file counts as published when it was seen."""
    known = tx.known(source.key, {figure.period for figure in figures})
    changes = compare(known, figures, complete=read_before)
    published = now if read_before else release.published or now
    tx.save_releases(source.key, [release if len(changes) else replace(release, fingerprint=None)], now)
    tx.save_figures(source.key, release.key, changes.to_store, published, now)
    tx.mark_read(source.key, release.key, release.fingerprint, now)
    return changes


def _was_read(tx: Writer, source: Scraper, release: Release) -> bool:
    return any(stored.key == release.key and stored.read_at for stored in tx.releases(source.key))


def _is_taught(tx: Writer, source: Scraper) -> bool:
    state = tx.sources().get(source.key)
    return state is not None and state.taught_at is not None


def _trouble(before: Trouble | None, seen: Seen, now: datetime) -> Trouble:
    """Return the trouble as it stands after another failed look. One that became lasting is told anew."""
    kind: Literal["passing", "changed"] = "passing" if seen.passing else "changed"
    text = seen.error or ""
    if before is None:
        return Trouble(kind, text, now)
    told = before.told and not (before.kind == "passing" and kind == "changed")
    return Trouble(kind, text, before.since, before.rounds + 1, told)


def _worth_telling(trouble: Trouble, now: datetime) -> bool:
    lasted = now - trouble.since
    often = trouble.rounds >= LASTING_ROUNDS and lasted >= LASTING_LEAST
    return trouble.kind == "changed" or often or lasted >= LASTING_TIME


def _episode(kind: str, sources: Sequence[tuple[object, ...]]) -> str:
    return kind + ":" + ",".join(f"{source[0]}@{source[-1]}" for source in sources)
