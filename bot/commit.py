"""The transactions of a check: figures and the alerts that follow from them are committed together."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import NamedTuple

from bot.alerts import Destinations, awaits_yes, let_out, post, sign
from bot.analysis import analysed
from bot.claims import moved
from bot.headlines import history_of, rows_of
from bot.meanings import save_facts
from bot.notices import noted, told_now
from bot.petitions import readings
from bot.rules import calendar
from bot.rules.claims import Claim
from bot.rules.findings import (
    Doubt,
    Finding,
    HeldBack,
    Ill,
    Introduced,
    NewMeasures,
    Recovered,
    ReleaseOut,
    Troubled,
)
from bot.rules.headline import needed
from bot.rules.pace import Reading
from bot.rules.periods import is_reading
from bot.rules.petition import Growth, Marks, closes, facts_changed, mark_crossed, one_message, pace_news
from bot.rules.plausible import is_alike, reading_doubts, release_doubts
from bot.rules.reading import readings_changed
from bot.rules.revision import disappearance, overruled, revised, without_old_notice
from bot.rules.signals import Watch
from bot.witness import Witnesses, complete, told_early, unconfirm
from scrapers.toolkit.contract import LIVE, Figure, Release, Scraper
from state.changes import compare, compare_readings
from state.records import Changes, Content, Fault, Held, Known, SourceState, Trouble
from state.store import Store, StoreError, Writer

SeriesKey = tuple[str, str, str]

LASTING_ROUNDS, LASTING_LEAST = 3, timedelta(minutes=10)  # three rounds may be a minute, at a release
LASTING_TIME = timedelta(hours=2)
ASKED_AGAIN = timedelta(days=1)  # about a reading like one that was held or rejected


@dataclass(frozen=True, slots=True)
class Committed:
    """What one transaction added: changes found, alerts posted, and releases or readings held."""

    changes: int = 0
    alerts: int = 0
    held: int = 0


class AlreadyDecided(Exception):
    """Say that what was held waits for the operator no more."""


class AdminNeeded(Exception):
    """Say that what waits for an admin's yes is told by nobody else's word."""


@dataclass(frozen=True, slots=True)
class Seen:
    """How a look at one source went.

    `error` is None when it could be read; `passing` says that waiting may mend it, `kept` where the page was
    put aside, `partial` that what had failed before was not asked for. `newest` is what it says now: its
    newest release, or the first figure of its reading.
    """

    source: Scraper
    newest: Release | Figure | None = None
    error: str | None = None
    passing: bool = False
    partial: bool = False
    kept: str = ""


class LivePage(NamedTuple):
    """What a live page said when it was looked at, and by which marks its count is told."""

    source: Scraper
    content: Content
    marks: Marks
    found: datetime


class _Known(NamedTuple):
    """What the store knows of a live source: its newest readings, its facts, and what was ever held of it."""

    state: SourceState
    latest: Mapping[SeriesKey, tuple[str, Known]]
    facts: Mapping[str, str | None]
    held: Sequence[Held]


@dataclass(frozen=True, slots=True)
class Committer:
    """Writes what a check found. Every method is one transaction."""

    store: Store
    destinations: Destinations
    claims: Sequence[Claim] = ()
    watches: Sequence[Watch] = ()
    followed: Collection[str] = ()  # measures of which a change of meaning is asked about

    @property
    def witnesses(self) -> Witnesses:
        """Return who writes what pages say of releases."""
        return Witnesses(self.store, self.destinations)

    def readings(self, pages: Sequence[LivePage]) -> list[Committed | Exception]:
        """Store what pages say, one of a source, and tell of crossed marks and of changed facts.

        Return what came of each. Of one that fails nothing is stored, and its exception is returned.
        """
        done: list[Committed | Exception] = []
        with self.store.writing() as tx:
            known = _recalled(tx, [page.source.key for page in pages])
            for page in pages:
                try:
                    with tx.apart():
                        done.append(self._reading(tx, page, known[page.source.key]))
                except StoreError:
                    raise
                except Exception as error:
                    done.append(error)
        return done

    def _reading(self, tx: Writer, page: LivePage, known: _Known) -> Committed:
        """Store a reading, or hold what is not believed.

        One like a reading that was held or rejected is held anew a day later, so that nothing stays unseen.
        """
        source, content, _, now = page
        before = {series: stored.value for series, (_, stored) in known.latest.items()}
        if not known.held and not reading_doubts(content.figures, before, days=0):  # as good as always
            return self._count(tx, page, known, now)
        days = _days_since_confirmed(known, now)
        asked = _asked_about(known.held, known.latest)
        rejected = [doubt.now for held, why in asked if held.verdict for doubt in why if doubt.now]
        doubts = reading_doubts(content.figures, before, days, rejected)
        if any(now - held.found < ASKED_AGAIN and is_alike(doubts, why) for held, why in asked):
            return Committed()
        if doubts:
            return self._hold(tx, source, fingerprint(content), content, doubts, now)
        if any(held.verdict is None for held in known.held):
            tx.go_on(source.key, content.release.key, now)
        return self._count(tx, page, known, now)

    def publication(self, source: Scraper, content: Content, now: datetime) -> Committed:
        """Store what a release says and tell that it is out, or what was corrected; or hold it."""
        with self.store.writing() as tx:
            doubts = _release_doubts(tx, source, content.figures)
            if doubts:
                return self._hold(tx, source, fingerprint(content), content, doubts, now)
            tx.go_on(source.key, content.release.key, now)
            return self._publish(tx, source, content, now, now)

    def believe(self, source: Scraper, held: Held, marks: Marks, now: datetime) -> Committed:
        """Store and tell what was held, exactly as it was read, with the time at which it was found.

        Raises AlreadyDecided where it waits no more.
        """
        with self.store.writing() as tx:
            if not tx.decide(held.id, "released", now):
                raise AlreadyDecided
            if source.is_live:
                page = LivePage(source, held.content, marks, held.found)
                return self._count(tx, page, _recalled(tx, [source.key])[source.key], now)
            return self._publish(tx, source, held.content, held.found, now)

    def reject(self, held: Held, now: datetime) -> None:
        """Drop what was held; the same is not held again. Raises AlreadyDecided where it waits no more."""
        with self.store.writing() as tx:
            if not tx.decide(held.id, "rejected", now):
                raise AlreadyDecided

    def answer(self, question: int, now: datetime, *, told: bool) -> str:
        """Let out or drop what an alert's question holds back; return what was done, or nothing.

        Raises AdminNeeded where it waits for an admin's yes.
        """
        where = self.destinations
        with self.store.writing() as tx:
            if (alert := awaits_yes(tx, question)) is not None:
                if where.has_admins:
                    raise AdminNeeded
                count = sign(tx, where, alert, now, yes=told)
            elif told:
                count = let_out(tx, where, tx.dedupe(question), now)
            else:
                count = tx.parcels.drop(tx.dedupe(question), "the operator said that it is not right", now)
        messages = "1 message" if count == 1 else f"{count} messages"
        yes = " once an admin says yes" if where.sign_off and alert is None else ""
        done = f"to be told{yes}" if told else "dropped"
        return f"A{question} is answered: {messages} {done}" if count else ""

    def _hold(
        self,
        tx: Writer,
        source: Scraper,
        fingerprint: str,
        content: Content,
        doubts: Sequence[Doubt],
        now: datetime,
    ) -> Committed:
        tx.save_releases(source.key, [replace(content.release, fingerprint=None)], now)
        unconfirm(tx, source, content.release, now)
        number = tx.hold(source.key, fingerprint, content, [asdict(doubt) for doubt in doubts], now)
        if number is None:
            return Committed()
        finding = HeldBack(f"held:{number}", number, content.release, tuple(doubts))
        return Committed(0, post(tx, self.destinations, source, [finding], now), 1)

    def _count(self, tx: Writer, page: LivePage, known: _Known, now: datetime) -> Committed:
        """Store what a live page says, and tell what of it is news."""
        source, content, marks, found = page
        release, figures, facts, notices = content
        changes = _compared(tx, source, known.latest, figures)
        findings: list[Finding] = []
        if marks.step is not None and known.latest:
            findings += readings_changed(changes, _history(tx, source, changes), marks.step, found)
        count = next(
            (int(f.value) for f in figures if f.measure.id == "signatures" and f.value is not None), None
        )
        findings += facts_changed(known.facts, dict(facts), count, found)
        if count is not None:
            findings += _count_news(tx, page, known, count, now)
        taught = bool(known.latest) or known.state.taught_at is not None
        if not taught:
            tx.teach(source.key, now)
        findings += told_now(tx, source, notices, now, taught=taught)
        tx.save_releases(source.key, [release if taught else replace(release, published=found)], now)
        if not dict(facts).items() <= known.facts.items():
            tx.save_facts(source.key, facts, found)
        tx.save_figures(source.key, release.key, changes.to_store, found, found)
        if len(changes):
            stand = moved(tx, self.claims, source, found)
            findings += stand if taught else []
        return Committed(len(changes), post(tx, self.destinations, source, findings, now, seen=found))

    def _publish(
        self,
        tx: Writer,
        source: Scraper,
        content: Content,
        found: datetime,
        now: datetime,
    ) -> Committed:
        """Store what a release says, and tell that it is out, or what it corrects."""
        release, figures = _news(tx, source, content.release), content.figures
        read_before = _is_known_period(tx, source, release) or _was_read(tx, source, release)
        taught = _is_taught(tx, source)
        known_measures = tx.measures(source.key)
        changes = _store(tx, source, release, figures, found, read_before=read_before)
        findings: list[Finding] = [*told_now(tx, source, content.notices, now, taught=taught)]
        findings += save_facts(tx, source, content, self.followed, found)
        if not read_before and (correction := overruled(release, changes)):
            findings.append(correction)
        early = told_early(tx, source, release)
        if not taught:
            tx.teach(source.key, now)
        elif read_before and early is None:
            home, headlines = source.headline_area, needed(source.headlines)
            said = revised(release, changes, home, headlines, found) or noted(release)
            findings += [said] if said else []
        elif figures:
            restated = sum(not revision.entered for revision in changes.altered)
            judged, remarks = analysed(tx, source, release, self.watches, restated, found)
            out = replace(_out(tx, source, release), figures=len(figures), restated=restated, remarks=remarks)
            findings += complete(tx, source, early, out, figures, now) if early else [out]
            findings += judged
        if len(changes) or not taught:
            findings += moved(tx, self.claims, source, found)
        unknown = {f.measure.id: f.measure for f in figures if f.measure.id not in known_measures}
        if taught and unknown:
            episode = f"new_measures:{','.join(unknown)}"
            findings.append(NewMeasures(episode, release, tuple(unknown.values())))
        return Committed(len(changes), post(tx, self.destinations, source, findings, now, seen=found))

    def past(self, source: Scraper, content: Content, now: datetime) -> Committed:
        """Store a past release; a source so taught needs no introduction.

        Nothing is told but that it says otherwise what somebody had entered, and of which claims it is known
        with it that they do not stand.
        """
        with self.store.writing() as tx:
            if _was_read(tx, source, content.release):
                return Committed()
            changes = _store(tx, source, content.release, content.figures, now, read_before=False)
            if not _is_taught(tx, source):
                tx.teach(source.key, now)
                tx.introduce([source.key], now)
            correction = overruled(content.release, changes)
            findings: list[Finding] = [correction] if correction else []
            if len(changes):
                findings += moved(tx, self.claims, source, now)
            return Committed(len(changes), post(tx, self.destinations, source, findings, now))

    def announced(
        self, source: Scraper, seen: Sequence[Release], faults: Mapping[str, Fault], now: datetime
    ) -> Committed:
        """Store what is announced and out and what cannot be read, and tell of dates that moved or passed.

        Fingerprints are stored only with figures that were read, so that a refused file is tried again.
        """
        with self.store.writing() as tx:
            stored = {release.key: release for release in tx.releases(source.key)}
            findings: list[Finding] = [
                *calendar.date_moved(seen, stored, now),
                *calendar.overdue(seen, stored, now),
            ]
            tx.save_releases(source.key, [replace(release, fingerprint=None) for release in seen], now)
            tx.save_faults(source.key, faults)
            told = post(tx, self.destinations, source, findings, now)
            return Committed(told, told)

    def settle(self, round_: Sequence[Seen], met: Sequence[Seen], now: datetime) -> int:
        """Note how a round went: times, troubles, recoveries, introductions; return how many alerts followed.

        Those among `met` that nobody knows of yet are introduced in one line.
        """
        with self.store.writing() as tx:
            tx.note_checked(_believed(tx, round_), now)
            states = tx.sources()
            findings = [*_troubled(tx, round_, states, now), *_recovered(tx, round_, states)]
            untold = {key for key, state in states.items() if state.taught_at and not state.introduced}
            new = [seen for seen in met if seen.source.key in untold]
            new.sort(key=_has_no_figures)
            if new:
                keys = [seen.source.key for seen in new]
                tx.introduce(keys, now)
                said = tuple((seen.source.title, seen.newest) for seen in new)
                findings.append(Introduced(f"introduced:{','.join(keys)}", said))
            return post(tx, self.destinations, None, findings, now)


def fingerprint(content: Content) -> str:
    """Return what tells one state of a release from another: its page's, or a digest of what it says."""
    if content.release.fingerprint:
        return content.release.fingerprint
    said = sorted((f.measure.id, f.area.kind, f.area.code, f.period, repr(f.value)) for f in content.figures)
    return sha256(repr(said).encode()).hexdigest()


def _release_doubts(tx: Writer, source: Scraper, figures: Sequence[Figure]) -> list[Doubt]:
    """Return why a release is not believed, beside what it said earlier or what the one before it says."""
    periods = {figure.period for figure in figures}
    if not (periods and _is_taught(tx, source)):
        return []
    said: dict[SeriesKey, float | None] = {}
    headlines = needed(source.headlines)
    count = sum(tx.count_said(source.key, period) for period in periods)
    if not count and (before := tx.period_before(source.key, min(periods))):
        periods, count = {before}, tx.count_said(source.key, before)
    for period in sorted(periods):
        said |= tx.said(source.key, period, headlines)
    return release_doubts(figures, said, history_of(tx, source), source.headline_area, count=count)


def _is_known_period(tx: Writer, source: Scraper, release: Release) -> bool:
    """Return whether its period was read already: under another address it is news for what changed in it."""
    return release.period is not None and tx.count_said(source.key, release.period) > 0


def _out(tx: Writer, source: Scraper, release: Release) -> ReleaseOut:
    """Return the finding of a release that came out, with its headlines as they are stored."""
    rows = rows_of(source, release.period or "", history_of(tx, source))
    return ReleaseOut(ReleaseOut.episode_of(release), release, rows)


def _count_news(tx: Writer, page: LivePage, known: _Known, count: int, now: datetime) -> list[Finding]:
    """Return what is to be told of a petition's count; a first one passes its marks in silence."""
    source, _, marks, found = page
    before = next((said for (m, _, _), said in known.latest.items() if m == "signatures"), None)
    if before is None or before[1].value is None:
        if passed := marks.highest_between(0, count):
            tx.remember(source.key, f"mark:{passed}", now)
        return []
    at, value = datetime.fromisoformat(before[0]), int(before[1].value)
    told, growth = tx.episodes(source.key), _growth(tx, page, known, count)
    ahead = growth.ahead(found)
    crossed = mark_crossed(marks, count, value, at, told, ahead)
    news, included = one_message(crossed, pace_news(growth, ahead, told, found))
    for episode in included:
        tx.remember(source.key, episode, now)
    return news


def _growth(tx: Writer, page: LivePage, known: _Known, count: int) -> Growth:
    """Return how a petition stands with its newest count; the last look that found no other counts too."""
    source, content, marks, now = page
    earlier = readings(tx, source, known.state.checked_at, now)
    return Growth([*earlier, Reading(now, count)], marks.goal, closes(dict(content.facts)))


def _recalled(tx: Writer, sources: Sequence[str]) -> dict[str, _Known]:
    """Return what the store knows of each of these live sources."""
    states, latest, facts, held = tx.sources(), tx.latest(sources), tx.facts(sources), tx.held_of(sources)
    return {
        key: _Known(states.get(key, SourceState(key)), latest[key], facts[key], held[key]) for key in sources
    }


def _days_since_confirmed(known: _Known, now: datetime) -> float:
    """Return how many days ago the newest stored reading was last seen on the page.

    Looks that found what is not believed are not noted as checks.
    """
    seen = [datetime.fromisoformat(period) for period, _ in known.latest.values()]
    if checked_at := known.state.checked_at:
        seen.append(checked_at)
    return max((now - max(seen)) / timedelta(days=1), 0.0) if seen else 0.0


def _asked_about(
    ever_held: Sequence[Held], latest: Mapping[SeriesKey, tuple[str, Known]]
) -> list[tuple[Held, list[Doubt]]]:
    """Return the readings that wait or were rejected since the newest stored one, each with its doubts."""
    newest = max((datetime.fromisoformat(period) for period, _ in latest.values()), default=None)
    return [
        (held, [Doubt(**doubt) for doubt in held.doubts])
        for held in ever_held
        if held.verdict in (None, "rejected") and (newest is None or held.found > newest)
    ]


def _believed(tx: Writer, round_: Sequence[Seen]) -> list[str]:
    """Return the sources that could be read, but for petitions whose count is not the stored one."""
    latest = tx.latest([seen.source.key for seen in round_ if isinstance(seen.newest, Figure)])
    return [
        seen.source.key
        for seen in round_
        if seen.error is None
        and not (
            isinstance(seen.newest, Figure)
            and is_reading(seen.newest.period)
            and compare_readings(latest[seen.source.key], [seen.newest])
        )
    ]


def _compared(
    tx: Writer, source: Scraper, latest: Mapping[SeriesKey, tuple[str, Known]], figures: Sequence[Figure]
) -> Changes:
    """Return how live figures differ from the newest readings, or from what was said of their periods."""
    if all(is_reading(figure.period) for figure in figures):
        return compare_readings(latest, figures)
    return compare(tx.known(source.key, {figure.period for figure in figures}), figures, complete=False)


def _history(tx: Writer, source: Scraper, changes: Changes) -> dict[SeriesKey, dict[str, float | None]]:
    """Return all that is stored of the series that changed."""
    measures = {figure.measure.id for figure in changes.to_store}
    areas = {(figure.area.kind, figure.area.code) for figure in changes.to_store}
    return {
        (measure, *area): values
        for area in areas
        for measure, values in tx.series(source.key, area, measures).items()
    }


def _news(tx: Writer, source: Scraper, release: Release) -> Release:
    """Return a release without a note that stood on its page when it was last read."""
    read_at = next((stored.read_at for stored in tx.releases(source.key) if stored.key == release.key), None)
    return without_old_notice(release, read_at)


def _store(
    tx: Writer,
    source: Scraper,
    release: Release,
    figures: Sequence[Figure],
    now: datetime,
    *,
    read_before: bool,
) -> Changes:
    """Store new versions of what changed, and return it; what is gone counts once, though it stays so.

    A replaced file counts as published when it was seen.
    """
    known = tx.known(source.key, {figure.period for figure in figures})
    changes = compare(known, figures, complete=read_before)
    if changes.gone and not tx.remember(source.key, disappearance(release, changes.gone), now):
        changes = replace(changes, gone=())
    published = now if read_before else release.published or now
    tx.save_releases(source.key, [release if len(changes) else replace(release, fingerprint=None)], now)
    tx.save_figures(source.key, release.key, changes.to_store, published, now)
    tx.mark_read(source.key, release.key, release.fingerprint, now)
    return changes


def _was_read(tx: Writer, source: Scraper, release: Release) -> bool:
    return any(stored.key == release.key and stored.read_at for stored in tx.releases(source.key))


def _is_taught(tx: Writer, source: Scraper) -> bool:
    return tx.source(source.key).taught_at is not None


def _troubled(
    tx: Writer, round_: Sequence[Seen], states: Mapping[str, SourceState], now: datetime
) -> Iterator[Finding]:
    """Note what is wrong after a round, and yield what is to be told of it.

    A changed page is told at once, a passing failure when it lasts, with all others that were not told yet:
    they may have one cause. Each is told once.
    """
    ill: list[Ill] = []
    told: list[tuple[str, str]] = []

    def tell(key: str, trouble: Trouble, texts: Sequence[str], kept: str = "") -> None:
        due = calendar.next_day(tx.releases(key), now)
        ill.extend(Ill(key, text, trouble.since, kept, due) for text in texts)
        told.append((key, f"{now} {trouble.kind}"))
        tx.set_trouble(key, replace(trouble, told=True))

    lasting = False
    for seen in round_:
        key = seen.source.key
        before = states.get(key, SourceState(key)).trouble
        trouble = _trouble(before, seen, now)
        if trouble and (texts := _untold(trouble, faults := tx.faults(key), now)):
            lasting = lasting or trouble.kind == "passing"
            tell(key, trouble, texts, seen.kept)
            tx.save_faults(key, {part: fault._replace(told=True) for part, fault in faults.items()})
        elif trouble and trouble != before:
            tx.set_trouble(key, trouble)
    for key, trouble in _passing_beside(round_, states).items() if lasting else ():
        if not trouble.told and now - trouble.since < LASTING_TIME:  # else nobody watches it any more
            tell(key, trouble, [trouble.text])
    if ill:
        yield Troubled(_episode("trouble", told), tuple(ill))


def _recovered(tx: Writer, round_: Sequence[Seen], states: Mapping[str, SourceState]) -> Iterator[Finding]:
    """Note which sources can be read again, and yield what is to be told of it.

    Where others cannot be read in passing and were not looked at in this round, the end is told with theirs:
    when all are over, or one that is over is read again. Until then its trouble stands, with no rounds.
    """
    beside = _passing_beside(round_, states)
    others = any(trouble.told and trouble.rounds for trouble in beside.values())
    well: list[tuple[str, datetime]] = []
    for seen in round_:
        key = seen.source.key
        before = states.get(key, SourceState(key)).trouble
        if before is None or seen.error is not None or seen.partial:
            continue
        if before.told and before.kind == "passing" and before.rounds and others:
            tx.set_trouble(key, replace(before, rounds=0))
            continue
        tx.set_trouble(key, None)
        if before.told:
            well.append((key, before.since))
    for key, trouble in beside.items() if well else ():
        if not trouble.rounds:
            tx.set_trouble(key, None)
            well.append((key, trouble.since))
    if well:
        yield Recovered(_episode("recovered", well), tuple(well))


def _has_no_figures(seen: Seen) -> bool:
    """Return whether what was seen is the source itself, and no figure or publication of it."""
    newest = seen.newest
    return isinstance(newest, Release) and (newest.key == LIVE or newest.title == seen.source.title)


def _passing_beside(round_: Sequence[Seen], states: Mapping[str, SourceState]) -> dict[str, Trouble]:
    """Return the passing failures of the sources that were not looked at in a round."""
    looked = {seen.source.key for seen in round_}
    troubles = {key: state.trouble for key, state in states.items() if key not in looked}
    return {key: trouble for key, trouble in troubles.items() if trouble and trouble.kind == "passing"}


def _trouble(before: Trouble | None, seen: Seen, now: datetime) -> Trouble | None:
    """Return the trouble as it stands after another look; None when there is none.

    A changed page is told anew where only a passing failure was told. A passing failure neither ends nor
    renews the trouble with a changed page, nor does a look that did not ask for what had failed end one.
    """
    if seen.error is None:
        return before if seen.partial else None
    if before is None:
        return Trouble("passing" if seen.passing else "changed", seen.error, now)
    if seen.passing:
        text = before.text if before.kind == "changed" else seen.error
        return replace(before, text=text, rounds=before.rounds + 1)
    told = before.told and before.kind == "changed"
    return Trouble("changed", seen.error, before.since, before.rounds + 1, told)


def _untold(trouble: Trouble, faults: Mapping[str, Fault], now: datetime) -> list[str]:
    """Return what is to be told of a trouble now: its parts that were never told, else itself; each once."""
    parts = [fault.text for fault in faults.values() if fault.kind == "changed" and not fault.told]
    if parts:
        return parts
    return [trouble.text] if not trouble.told and _worth_telling(trouble, now) else []


def _worth_telling(trouble: Trouble, now: datetime) -> bool:
    lasted = now - trouble.since
    often = trouble.rounds >= LASTING_ROUNDS and lasted >= LASTING_LEAST
    return trouble.kind == "changed" or often or lasted >= LASTING_TIME


def _episode(kind: str, sources: Sequence[tuple[object, ...]]) -> str:
    return kind + ":" + ",".join(f"{source[0]}@{source[-1]}" for source in sources)
