"""From a question to its answer: read from the store at one moment, said in words. Nothing here waits."""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from io import StringIO
from itertools import pairwise
from typing import NamedTuple

from bot.alerts import Destinations
from bot.campaign import Campaign
from bot.claims import standings
from bot.commands.catalogue import Catalogue, Library, measure_mark, place_mark
from bot.headlines import history_of, rows_of
from bot.listing import FIGURE_COLUMNS, derived_rows, figure_rows
from bot.paused import paused
from bot.petitions import growth
from bot.rules import pace, periods
from bot.rules.about import About, remembered_about
from bot.rules.account import Aim, account, is_shown, needs_of
from bot.rules.breaks import Breaks, of_area, shipped_breaks
from bot.rules.calendar import london_day
from bot.rules.claims import Standing
from bot.rules.headline import compared
from bot.rules.meanings import SOURCES, Meaning, meaning
from bot.rules.measures import APPOINTMENTS, DERIVED
from bot.rules.places import Directory, Place, restarts
from bot.rules.wanted import Named, Series, Wanted, understand, understand_two
from bot.wording import answers, numbers, overviews, quotes
from bot.wording.answers import Corrected, Origin, Told
from bot.wording.callbacks import Call, mark, pressed
from bot.wording.charts import Chart, alt_text
from bot.wording.language import t
from bot.wording.markup import Button, Line, Message, line
from bot.wording.overviews import Petition, Watched
from bot.wording.pictures import breaks_of, control_chart, petition_chart, release_chart
from bot.wording.places import story
from scrapers.toolkit.contract import EVERYWHERE, Figure, ReleaseCalendar, Scraper, Unit
from state.records import StoredAlert, StoredRelease
from state.store import Reader, Store

MOST_TOLD, TOLD = 30, 10  # alerts that /history lists, and lists unasked
MOST_CARDS = 5  # in inline mode
MOST_PLACES, MOST_KIN = 4, 3  # that are offered as buttons
_ALERT = re.compile(r"#?[aA]?(\d{1,9})", re.ASCII)
_ALERT_IN_TEXT = re.compile(r"#A(\d{1,9})\b")

Rows = tuple[tuple[Button, ...], ...]


class Document(NamedTuple):
    """A file to be sent."""

    name: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered: words, and a chart or a file that goes with them.

    With `drawn`, the words are those under the chart; else the chart follows them.
    """

    message: Message
    chart: Chart | None = None
    document: Document | None = None
    drawn: bool = False


class Card(NamedTuple):
    """A figure ready to be posted in any chat."""

    id: str
    title: str
    source: str
    message: Message


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked: the words after the command, in which chat, when, and the text that it replies to.

    `bot` is the name by which we are called in any chat.
    """

    text: str
    chat: str
    now: datetime
    replies_to: str = ""
    bot: str = ""


class Answers:
    """Answers every question from what is stored."""

    def __init__(self, store: Store, campaign: Campaign, where: Destinations) -> None:
        self._store, self._campaign, self._where = store, campaign, where
        self._sources = {source.key: source for source in campaign.sources}
        self._aims = {
            (watch.measure, area): Aim(watch.good, watch.target, watch.settings)
            for watch in reversed(campaign.watches)
            for area in (watch.area, None)
        }
        self._breaks = shipped_breaks()
        self._library = Library(campaign)

    def warm(self) -> None:
        """Do beforehand what the first question would wait for."""
        with self._store.reading() as tx:
            names = self._library.catalogue(tx).names
            for named in names.measures[:1]:
                self._told(tx, Series(named, names.homes[named.source]))

    # What people type.

    def start(self, asked: Asked) -> Answer:
        """Return the welcome, or what a link to the bot asks for."""
        return Answer(overviews.welcome(self._campaign.name, _menu()))

    def help(self, asked: Asked) -> Answer:
        """Return how to ask."""
        return Answer(overviews.help_lines(asked.bot, _menu()))

    def status(self, asked: Asked) -> Answer:
        """Return how each source stands."""
        with self._store.reading() as tx:
            watched = [self._watched(tx, source) for source in self._campaign.sources]
        refresh = ((Button(t("Refresh"), callback=pressed("status")),),)
        return Answer(overviews.status(watched, asked.now, refresh))

    def latest(self, asked: Asked) -> Answer:
        """Return the newest release or reading of each source, or of those that the words name."""
        with self._store.reading() as tx:
            watched = [self._watched(tx, source) for source in self._campaign.sources]
        named = [one for one in watched if _is_named(asked.text, one.key, one.title)]
        return Answer(overviews.latest(named or watched))

    def figure(self, asked: Asked) -> Answer:
        """Return a figure, or what to ask instead."""
        with self._store.reading() as tx:
            catalogue = self._library.catalogue(tx)
            wanted = understand(asked.text, catalogue.names)
            if wanted.series and not wanted.unknown:
                return self._figure(tx, wanted, catalogue)
        return Answer(_instead(wanted, catalogue))

    def compare(self, asked: Asked) -> Answer:
        """Return two figures beside each other, with one chart."""
        with self._store.reading() as tx:
            pair = understand_two(asked.text, self._library.catalogue(tx).names)
            told = [self._told(tx, series) for series in pair] if pair else []
        if pair is None:
            hint = t("Say a figure and two places, or two figures: /compare drop-out Kent Devon")
            return Answer(overviews.one_line(hint))
        for series, one in zip(pair, told, strict=True):
            if one is None:
                return Answer(answers.no_figures(series))
        first, second = filter(None, told)
        return Answer(answers.compare(first, second), answers.pair_chart(first, second))

    def petition(self, asked: Asked) -> Answer:
        """Return how a petition stands: the one that the words name, or the first."""
        petitions = [source for source in self._campaign.sources if source.is_petition]
        named = [one for one in petitions if _is_named(asked.text, one.key, one.title)]
        for source in named or petitions:
            return self._petition(source, petitions, asked.now)
        return Answer(overviews.one_line(t("No petition is watched.")))

    def next(self, asked: Asked) -> Answer:
        """Return the releases that are announced."""
        with self._store.reading() as tx:
            announced = [
                (release, source.title, f"{source.rhythm.at:%H:%M}")
                for source in self._campaign.sources
                if isinstance(source.rhythm, ReleaseCalendar)
                for release in tx.releases(source.key)
                if release.state == "announced" and release.expected
            ]
        announced.sort(key=lambda one: one[0].expected or "")
        return Answer(overviews.coming(announced, london_day(asked.now).isoformat()))

    def history(self, asked: Asked) -> Answer:
        """Return the last alerts."""
        most = int(asked.text) if re.fullmatch(r"[1-9]\d{0,2}", asked.text, re.ASCII) else TOLD
        with self._store.reading() as tx:
            told = tx.told(self._chats(asked.chat), min(most, MOST_TOLD))
        return Answer(overviews.history(told))

    def claims(self, asked: Asked) -> Answer:
        """Return each claim beside its figure."""
        with self._store.reading() as tx:
            found = standings(tx, self._campaign.claims, self._sources)
        return Answer(overviews.claims(found))

    def measures(self, asked: Asked) -> Answer:
        """Return what can be asked for: the main measures, or those that the words name."""
        with self._store.reading() as tx:
            names = self._library.catalogue(tx).names
        return Answer(overviews.measures(names.listed(asked.text), asked.text, len(names.measures)))

    def why(self, asked: Asked) -> Answer:
        """Return why an alert was told: the one with this number, or the one that is replied to."""
        number = _ALERT.fullmatch(asked.text.strip()) or _ALERT_IN_TEXT.search(asked.replies_to)
        if number is None:
            return Answer(overviews.one_line(t("Say the number of a message, as in /why 142")))
        with self._store.reading() as tx:
            alert = self._alert(tx, int(number[1]), asked.chat)
            if alert is None:
                return Answer(overviews.no_alert(f"#A{int(number[1])}"))
            lines = [
                row for about in remembered_about(alert.finding) for row in self._about(tx, alert, about)
            ]
        return Answer(overviews.why(alert, overviews.rule_of(alert.kind), lines))

    def export(self, asked: Asked) -> Answer:
        """Return a series as a file."""
        with self._store.reading() as tx:
            catalogue = self._library.catalogue(tx)
            wanted = understand(asked.text, catalogue.names)
            if not wanted.series or wanted.unknown:
                return Answer(_instead(wanted, catalogue))
            return self._export(tx, wanted.series)

    def cards(self, text: str) -> list[Card]:
        """Return the figures that a text may mean, ready to be posted."""
        with self._store.reading() as tx:
            names = self._library.catalogue(tx).names
            wanted = understand(text, names)
            if not (wanted.measures and wanted.places) or wanted.unknown:
                return []
            named, place = wanted.measures[0], wanted.places[0]
            likely = [Series(named, other) for other in wanted.places[:MOST_KIN]]
            likely += [Series(other, place) for other in wanted.measures[1:] if other.source == named.source]
            told = [self._told(tx, series) for series in dict.fromkeys(likely[:MOST_CARDS])]
        return [
            Card(_id(one.series), answers.summary(one), answers.said_by(one.origin), answers.card(one))
            for one in told
            if one
        ]

    # What buttons and links ask for.

    def called(self, call: Call, asked: Asked) -> Answer | None:
        """Return the answer to what a button or a link asks; None where nothing has these names any more."""
        match call:
            case Call("figure" | "chart" | "made", (measure, place)):
                return self._of_series(call.verb, measure, place)
            case Call("quote", (measure, place)):
                return self._of_series(call.verb, measure, place)
            case Call("quote", (number,)):
                return self._quoted(number, asked.chat)
            case Call("release", (which, period)):
                source = self._marked(which)
                return self._release(source, period) if source else None
            case Call("petition", (which,)):
                petitions = [source for source in self._campaign.sources if source.is_petition]
                source = self._marked(which)
                return self._petition(source, petitions, asked.now) if source and source.is_petition else None
            case Call("go", (("status" | "latest" | "petition" | "next" | "claims" | "measures") as name,)):
                answer: Answer = getattr(self, name)(asked)
                return answer
            case Call("status", ()):
                return self.status(asked)
            case Call("why", (number,)):
                return self.why(replace(asked, text=number))
        return None

    def _marked(self, which: str) -> Scraper | None:
        """Return the source with this mark."""
        return next((source for source in self._campaign.sources if mark(source.key) == which), None)

    def _of_series(self, verb: str, measure: str, place: str) -> Answer | None:
        with self._store.reading() as tx:
            catalogue = self._library.catalogue(tx)
            series = catalogue.series(measure, place)
            if series is None:
                return None
            if verb == "figure":
                return self._figure(tx, Wanted((series.measure,), (series.place,)), catalogue)
            told = self._told(tx, series)
            if told is None:
                return Answer(answers.no_figures(series))
            if verb == "quote":
                return self._fit_to_quote(tx, told)
            return self._chart(tx, told) if verb == "chart" else self._made(tx, told)

    def _fit_to_quote(self, tx: Reader, told: Told) -> Answer:
        lines = quotes.fit_to_quote(told, _next_release(tx, told.series.measure.source))
        return Answer(quotes.message(answers.summary(told), lines, told.origin))

    def _quoted(self, which: str, chat: str) -> Answer | None:
        """Return what is fit to be quoted of an alert's figure, or ask of which; or of a petition's count."""
        number = _ALERT.fullmatch(which) if which.startswith("A") else None
        with self._store.reading() as tx:
            if number is None:
                petition = self._marked(which)
                return self._quote_of_petition(tx, petition) if petition else None
            alert = self._alert(tx, int(number[1]), chat)
            if alert is None:
                return None
            source = self._sources.get(alert.source)
            if source and source.is_petition:
                return self._quote_of_petition(tx, source)
            if claim := self._claim_of(tx, alert):
                origin = _origin(tx, self._sources[claim.claim.figure.source], claim.period or "")
                lines = quotes.claim_to_quote(claim, origin.publisher, _next_release(tx, alert.source))
                return Answer(quotes.message(claim.claim.says, lines, origin))
            return self._quote_of_alert(tx, alert)

    def _quote_of_alert(self, tx: Reader, alert: StoredAlert) -> Answer | None:
        """Return what is fit to be quoted of the only figure of an alert, or ask of which."""
        catalogue = self._library.catalogue(tx)
        about = (_series_of(one, alert.source, catalogue) for one in remembered_about(alert.finding))
        named = [series for series in about if series]
        if len(named) == 1 and (told := self._told(tx, named[0])):
            return self._fit_to_quote(tx, told)
        rows = tuple(
            (Button(answers.called(series.measure), callback=pressed("quote", *_marks(series))),)
            for series in named
        )
        which = Message((line(t("Which figure do you want to quote?")),), buttons=rows)
        return Answer(which) if rows else None

    def _quote_of_petition(self, tx: Reader, source: Scraper) -> Answer | None:
        if not source.is_petition:
            return None
        signatures = Named(source.key, "signatures", source.title, Unit.SIGNATURES)
        place = Place(EVERYWHERE.kind, EVERYWHERE.code, (EVERYWHERE.name,))
        told = self._told(tx, Series(signatures, place))
        if told is None:
            return Answer(overviews.one_line(t("No signature has been counted yet.")))
        return Answer(quotes.message(answers.summary(told), quotes.fit_to_quote(told, None), told.origin))

    def _claim_of(self, tx: Reader, alert: StoredAlert) -> Standing | None:
        """Return how the claim of an alert stands now; None where it is of none."""
        said = alert.finding.get("episode", "") if alert.kind == "claim" else ""
        ours = [claim for claim in self._campaign.claims if said.startswith(f"claim:{claim.says}:")]
        return next(iter(standings(tx, ours, self._sources)), None)

    def _figure(self, tx: Reader, wanted: Wanted, catalogue: Catalogue) -> Answer:
        assert wanted.series is not None
        told = self._told(tx, wanted.series)
        if told is None:
            return Answer(answers.no_figures(wanted.series))
        marks = _marks(told.series)
        first = (
            Button(t("Chart"), callback=pressed("chart", *marks)),
            Button(t("How it is made"), callback=pressed("made", *marks)),
            Button(t("Quote"), callback=pressed("quote", *marks)),
        )
        kin = [Series(one, told.series.place) for one in catalogue.names.kin(told.series.measure)][:MOST_KIN]
        others = [Series(told.series.measure, place) for place in wanted.places[1 : MOST_PLACES + 1]]
        rows = (
            first,
            *(_choice(series, answers.called(series.measure)) for series in kin),
            *(_choice(series, series.place.name) for series in others),
            *answers.opens(told.origin.page),
        )
        return Answer(answers.figure(told, wanted, rows))

    def _chart(self, tx: Reader, told: Told) -> Answer:
        series, said = told.series, told.account
        source = self._sources[series.measure.source]
        caption = answers.under_chart(answers.summary(told), told.origin)
        if periods.is_reading(said.period) or all(value is None for value in said.values.values()):
            return Answer(caption)
        chart = control_chart(
            f"{answers.called(series.measure)}, {series.place.name}",
            series.measure.unit,
            said.values,
            source,
            said.aim,
            of=series.measure.of,
            breaks=breaks_of(series.measure.id, self._breaks_of(tx, series)),
        )
        return Answer(caption, chart, drawn=True)

    def _release(self, source: Scraper, period: str) -> Answer | None:
        """Return a release at one glance; None where there is nothing to be shown beside last year's."""
        with self._store.reading() as tx:
            if period not in tx.periods(source.key):
                return None
            rows = compared(rows_of(source, period, history_of(tx, source)))
            origin = _origin(tx, source, period)
        if not rows:
            return None
        chart = release_chart(source, period, rows)
        return Answer(answers.under_chart(chart.title, origin), chart, drawn=True)

    def _made(self, tx: Reader, told: Told) -> Answer:
        return Answer(answers.meaning_of(told, list(self._made_lines(tx, told, None))))

    def _made_lines(self, tx: Reader, told: Told, since: datetime | None) -> Iterator[Line]:
        """Yield how a figure is made, with its corrections since then, or ever."""
        measure, place = told.series
        history = tx.series(measure.source, (place.kind, place.code), needs_of(measure.id))
        known = t("since then") if since else t("so far")
        yield from answers.made(
            told, history, self._meaning(tx, measure), list(_corrected(tx, told, since)), known
        )

    def _meaning(self, tx: Reader, named: Named) -> Meaning | None:
        """Return what a measure means in the publisher's words; of a derived one, what it is published as."""
        id = DERIVED[named.id].published if named.id in DERIVED else named.id
        for source in SOURCES if id else ():
            versions = tx.facts_history(source, id or "")
            if versions and versions[-1][1] is not None:
                return meaning(id or "", versions[-1][1])
        return None

    def _about(self, tx: Reader, alert: StoredAlert, about: About) -> Iterator[Line]:
        """Yield what a figure of an alert said, and how it is made."""
        catalogue = self._library.catalogue(tx)
        series = _series_of(about, alert.source, catalogue)
        if series is None:
            yield overviews.was_and_is(t("It said"), _bare(about.value), _bare(about.before))
            return
        source = self._sources.get(alert.source)
        told = self._told(tx, series, about.period) if source else None
        unit = series.measure.unit
        before = "" if about.before is None else numbers.value(about.before, unit)
        name = f"{answers.called(series.measure)}, {series.place.name}, {answers.when(about.period)}"
        yield overviews.was_and_is(name, numbers.value(about.value, unit), before)
        if told:
            yield from answers.judged(told)
            yield from self._made_lines(tx, told, alert.created)

    def _told(self, tx: Reader, series: Series, until: str | None = None) -> Told | None:
        """Return what can be told of a series, as of a period where one is given."""
        named, place = series
        source = self._sources[named.source]
        if not is_shown(named.id, place.code):
            return None
        history = tx.series(source.key, (place.kind, place.code), needs_of(named.id))
        aim = self._aim(named.id, place.code)
        said = account(named.id, place.code, history, aim, self._breaks_of(tx, series), until, source.span)
        if said is None:
            return None
        lines = [headline.caution for headline in source.headlines if headline.measure == named.id]
        counted = answers.OF_APPOINTMENTS if named.id in APPOINTMENTS else source.caution
        cautions = tuple(filter(None, (counted, *lines)))
        ended = until is None and not source.is_live and said.period < tx.periods(source.key)[-1]
        became = story(place.code, self._directory(tx, source.key))
        return Told(series, said, _origin(tx, source, said.period), cautions, ended, became)

    def _breaks_of(self, tx: Reader, series: Series) -> Breaks:
        """Return where a series begins anew: its figure means something else, or its organisation grew."""
        named, place = series
        anew = restarts(place.code, self._directory(tx, named.source))
        return of_area(self._breaks, named.id, (restart.period for restart in anew))

    def _directory(self, tx: Reader, source: str) -> Directory:
        return self._library.catalogue(tx).names.places.get(source, Directory({}, {}, {}))

    def _aim(self, measure: str, area: str) -> Aim:
        """Return what is wanted of a series: what its own entry says, else the first of its measure."""
        return self._aims.get((measure, area)) or self._aims.get((measure, None), Aim())

    def _petition(self, source: Scraper, petitions: Collection[Scraper], now: datetime) -> Answer:
        with self._store.reading() as tx:
            stands = growth(tx, source, self._campaign.marks[source.key], now)
        if stands is None:
            return Answer(overviews.one_line(t("No signature has been counted yet.")))
        known = pace.pace(stands.readings, now)
        petition = Petition(
            source.title,
            source.url,
            source.publisher,
            stands.readings[-1],
            stands.goal,
            known.rate if known else None,
            stands.ahead(now),
        )
        others = tuple(
            (Button(other.title, callback=pressed("petition", mark(other.key))),)
            for other in petitions
            if other is not source
        )
        chart = petition_chart(source, stands.readings, stands.goal, petition.ahead)
        return Answer(overviews.petition(petition, others[:MOST_PLACES]), chart)

    def _export(self, tx: Reader, series: Series) -> Answer:
        named, place = series
        if not is_shown(named.id, place.code):
            return Answer(answers.no_figures(series))
        derived = DERIVED.get(named.id)
        codes = derived.needs if derived else (named.id,)
        stored = (row for code in codes for row in tx.figures(named.source, code, place.code))
        rows = list(derived_rows(named.id, stored) if derived else figure_rows(stored))
        if not rows:
            return Answer(answers.no_figures(series))
        out = StringIO()
        writer = csv.DictWriter(out, FIGURE_COLUMNS, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        name = re.sub(r"[^A-Za-z0-9_-]+", "-", f"{named.id}-{place.code}")[:60]
        file = Document(f"{name}.csv", out.getvalue().encode())
        return Answer(overviews.export_caption(answers.called(named), place.name, len(rows)), document=file)

    def _watched(self, tx: Reader, source: Scraper) -> Watched:
        releases = [] if source.is_live else tx.releases(source.key)
        out = [release for release in releases if release.published]
        announced = [release for release in releases if release.state == "announced" and release.expected]
        return Watched(
            source.key,
            source.title,
            source.url,
            tx.source(source.key),
            tx.changed_at(source.key),
            min(announced, key=lambda release: release.expected or "", default=None),
            out[-1] if out else None,
            _reading(tx, source) if source.is_live else "",
            source.key in paused(tx),
        )

    def _alert(self, tx: Reader, number: int, asking: str) -> StoredAlert | None:
        """Return an alert that a chat may see; what needs a person's word only where that is asked for."""
        alert = tx.alert(number)
        if alert is None or alert.chat not in self._chats(asking):
            return None
        return alert if not alert.needs_word or self._is(self._where.decider.chat, asking) else None

    def _chats(self, asking: str) -> frozenset[str]:
        """Return the chats whose alerts a chat may see: the team's, and in the operator's chat its own."""
        team, operator = {place.chat for place in self._where.team}, self._where.operator.chat
        return frozenset(team | {operator} if self._is(operator, asking) else team)

    def _is(self, chat: str, asking: str) -> bool:
        """Return whether a chat of the settings is the one that asks, which may have another id by now."""
        moved = {state.moved_to: chat for chat, state in self._store.chats().items()}
        return chat in (asking, moved.get(asking))


def _instead(wanted: Wanted, catalogue: Catalogue) -> Message:
    """Return what is asked back where a question was not understood."""
    names = catalogue.names
    if wanted.measures:
        near = [Series(wanted.measures[0], place) for place in wanted.places[:MOST_PLACES]]
        return answers.ask_place(wanted, tuple(_choice(series, series.place.name) for series in near))
    if not wanted.places and wanted.unknown:
        return answers.not_found(wanted)
    offered = [named for named in names.measures[: names.main] if named.source in names.places][
        : 2 * MOST_PLACES
    ]
    if wanted.places:
        shown = [Series(one, wanted.places[0]) for one in offered if _has(catalogue, one, wanted)]
    else:
        shown = [Series(one, names.homes[one.source]) for one in offered]
    return answers.ask_measure(
        wanted, tuple(_choice(series, answers.called(series.measure)) for series in shown)
    )


def _is_named(text: str, *names: str) -> bool:
    """Return whether each word of a text is in one of these names."""
    said = " ".join(names).casefold()
    return all(word in said for word in text.casefold().split())


def _has(catalogue: Catalogue, named: Named, wanted: Wanted) -> bool:
    return (named.source, place_mark(wanted.places[0])) in catalogue.places


def _choice(series: Series, label: str) -> tuple[Button, ...]:
    return (Button(label, callback=pressed("figure", *_marks(series))),)


def _marks(series: Series) -> tuple[str, str]:
    return measure_mark(series.measure), place_mark(series.place)


def _id(series: Series) -> str:
    return "-".join(_marks(series))


def _menu() -> Rows:
    rows = (
        ((t("How things stand"), "status"), (t("Newest"), "latest")),
        ((t("Petition"), "petition"), (t("Coming releases"), "next")),
        ((t("Our claims"), "claims"), (t("What to ask for"), "measures")),
    )
    return tuple(tuple(Button(label, callback=pressed("go", name)) for label, name in row) for row in rows)


def _series_of(about: About, source: str, catalogue: Catalogue) -> Series | None:
    """Return the series of a figure that an alert named."""
    named = next((n for n in catalogue.names.measures if (n.source, n.id) == (source, about.measure)), None)
    if named is None:
        return None
    where = catalogue.names.places[source].places.get(about.area)
    home = catalogue.names.homes[source]
    if where:
        return Series(named, where[0])
    return Series(named, home) if about.area in ("", home.code, home.name) else None


def _next_release(tx: Reader, source: str) -> str | None:
    """Return the announced day or month of a source's next release; None where none is."""
    announced = (r.expected for r in tx.releases(source) if r.state == "announced" and r.expected)
    return min(announced, default=None)


def _origin(tx: Reader, source: Scraper, period: str) -> Origin:
    """Return where the figures of a period come from: its newest release, or the page that is read."""
    found: StoredRelease | None = None
    for release in () if source.is_live else tx.releases(source.key):
        if release.period == period and release.published:
            found = release
    if found is None:
        return Origin(source.publisher, source.title, source.url)
    return Origin(source.publisher, source.title, found.url, found.file, found.published)


def _corrected(tx: Reader, told: Told, since: datetime | None) -> Iterable[Corrected]:
    """Yield the corrections of a figure and of what it is computed from."""
    named, place = told.series
    units = tx.measures(named.source)
    for code in needs_of(named.id):
        versions = [
            one for one in tx.figures(named.source, code, place.code) if one.period == told.account.period
        ]
        for old, new in pairwise(versions):
            if new.value != old.value and (since is None or new.first_seen > since):
                yield Corrected(code, units[code].unit, old.value, new.value, new.first_seen)


def _reading(tx: Reader, source: Scraper) -> str:
    """Return what a live page says: its count, or its one number; nothing where it has none."""
    latest = tx.latest([source.key])[source.key]
    known = tx.measures(source.key)
    if source.is_petition:
        latest = {key: said for key, said in latest.items() if key[0] == "signatures"}
    for (measure, _, _), (period, said) in latest.items():
        if said.value is not None:
            value = numbers.in_words(Figure(known[measure], EVERYWHERE, period, said.value))
            return t("{value}, {day}", value=value, day=answers.when(period))
    return ""


def _bare(value: float | None) -> str:
    return "" if value is None else numbers.value(value, "number")


def in_words(chart: Chart) -> Message:
    """Return what stands for a chart that cannot be drawn."""
    return overviews.no_chart(alt_text(chart))
