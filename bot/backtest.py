"""What today's rules and campaign file would have told of every stored release, and what of it still held.

Each release is judged as of its own day: from what was published up to then, with what was remembered of the
releases before. Nothing is written, and nothing is told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from bot.analysis import Filled, codes_of, is_judged, watched_places
from bot.backfill import Progress
from bot.campaign import Campaign
from bot.claims import place_of
from bot.places import stored_restarts
from bot.rules.breaks import Breaks, Restarts, of_area, shipped_breaks
from bot.rules.claims import news, remembered, standing
from bot.rules.findings import Asked, ClaimMoved, Finding, Shifted, WatchMoved
from bot.rules.measures import History, judged_values
from bot.rules.periods import last_month
from bot.wording.markup import to_plain
from bot.wording.messages import body
from bot.wording.shifts import digest_line
from scrapers.toolkit.contract import Release, Scraper
from state.records import Edition
from state.store import Reader

if TYPE_CHECKING:
    from bot.rules.digest import Survey
    from bot.rules.month import Remembered

KINDS = ("watch", "shift", "claim", "question")

Place = tuple[str, str]  # kind of area, area code
Show = Callable[[Progress], None]


class Series(NamedTuple):
    """One series that a message is about, and whether what was said of it still held six months later."""

    measure: str
    area: str
    held: bool | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """One message that would have been posted; it `waits` where an operator would have been asked first."""

    kind: str
    period: str
    text: str
    series: tuple[Series, ...]
    waits: bool = False

    @property
    def held(self) -> bool | None:
        """Return whether at least half of its series held; None where that is not known of any."""
        known = [one.held for one in self.series if one.held is not None]
        return 2 * sum(known) >= len(known) if known else None

    @property
    def is_for_team(self) -> bool:
        """Return whether the team would have read it on that day."""
        return self.kind != "question" and not self.waits


@dataclass(frozen=True, slots=True)
class Replayed:
    """A release, what would have been told of it beside its headlines, and the line for the rest."""

    source: str
    release: Release
    published: datetime
    told: tuple[Told, ...]
    digest: str = ""


def backtest(
    tx: Reader, campaign: Campaign, since: str = "", show: Show = lambda progress: None
) -> list[Replayed]:
    """Return what would have been told of each stored release, oldest first.

    With `since`, a month, those about earlier ones are judged and left out. Live pages have no releases, and
    what somebody entered was not published: neither is replayed.
    """
    sources = [source for source in campaign.sources if not source.is_live]
    progress = Progress(
        sum(release.read_at is not None for one in sources for release in tx.releases(one.key))
    )

    def go_on(release: str) -> None:
        progress.done, progress.release = progress.done + 1, release
        show(progress)

    found = [
        replayed
        for source in sources
        for replayed in _Replay(tx, source, campaign, go_on).run()
        if last_month(replayed.release.period or "") >= since
    ]
    return sorted(found, key=lambda one: one.published)


@dataclass(slots=True)
class _Step:
    """One publication of a release: what it tells, and the line for the rest."""

    release: Release
    published: datetime
    restated: int
    findings: list[Finding]
    digest: str = ""


@dataclass(slots=True)
class _Replay:
    """One source, whose publications are taken in one after the other.

    What is said of a month hangs on the months up to it alone, so that all organisations are surveyed for
    many months at once: for those that wait, until an earlier month is restated or nothing more comes.
    """

    tx: Reader
    source: Scraper
    campaign: Campaign
    go_on: Callable[[str], None]  # told of each release when it is done
    breaks: Breaks = field(default_factory=shipped_breaks)
    restarts: Restarts = field(default_factory=dict)
    figures: dict[Place, dict[str, dict[str, float | None]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(dict))
    )
    places: Sequence[Place] = ()  # of the watch list
    stood: dict[str, str] = field(default_factory=dict)  # how each claim stood
    before: Remembered | None = None
    survey: Survey | None = None

    def run(self) -> list[Replayed]:
        """Return each release, and each correction that tells something, with what would have been told."""
        releases = {one.key: one for one in self.tx.releases(self.source.key)}
        self.places = watched_places(self.tx, self.source, self.campaign.watches)
        self.restarts = stored_restarts(self.tx, self.source.key)
        filled = Filled(self.tx, self.source, codes_of(self.campaign.watches))
        followed = self._followed()
        steps: list[_Step] = []
        waiting: list[_Step] = []
        seen: set[str] = set()
        for key, said in self._publications():
            release = releases[key]
            if waiting and min(edition.period for edition in said) <= max(seen):
                self._judge(waiting, filled)
                waiting.clear()
            restated = sum(len(edition.said) for edition in said if edition.period in seen)
            for edition in said:
                filled.add(edition)
                self._follow(edition, followed)
            is_new = release.period in {edition.period for edition in said} - seen
            seen |= {edition.period for edition in said}
            published = said[0].published
            step = _Step(
                Release(release.key, release.title, release.url, release.period, release.published),
                published,
                restated,
                [*self._claims(published)],
            )
            if is_new or step.findings:
                steps.append(step)
            if is_new and is_judged(release.period or "", seen):
                waiting.append(step)
            elif is_new:
                self.go_on(release.title)
        self._judge(waiting, filled)
        if self.survey and not waiting:  # something was restated since
            self.survey = self._surveyed(filled, self.survey.panel.periods[-1])
        return [self._replayed(step) for step in steps]

    def _publications(self) -> Iterator[tuple[str, list[Edition]]]:
        """Yield each publication: the release's key, and what it says of each of its periods."""
        editions = self.tx.editions(self.source.key)
        for (key, _), said in groupby(editions, key=lambda one: (one.release, one.published)):
            yield key, list(said)

    def _followed(self) -> Mapping[int, tuple[Place, str]]:
        """Return the series, by id, that the watch list or a claim is taken from: their place and measure."""
        watched = set(self.places)
        claimed = {
            (place_of(self.tx, self.source, claim.figure.area), code)
            for claim in self.campaign.claims
            if claim.figure.source == self.source.key
            for code in claim.figure.needs
        }
        return {
            id: ((kind, area), measure)
            for (measure, kind, area), id in self.tx.series_ids(self.source.key).items()
            if (kind, area) in watched or ((kind, area), measure) in claimed
        }

    def _follow(self, edition: Edition, followed: Mapping[int, tuple[Place, str]]) -> None:
        for id, value in edition.said:
            if id in followed:
                place, measure = followed[id]
                self.figures[place][measure][edition.period] = value

    def _claims(self, now: datetime) -> Iterator[ClaimMoved]:
        """Yield what is to be told of the claims that stand on the source, and remember how they stand."""
        units = {code: measure.unit for code, measure in self.tx.measures(self.source.key).items()}
        for claim in self.campaign.claims:
            if claim.figure.source != self.source.key:
                continue
            place = place_of(self.tx, self.source, claim.figure.area)
            stands = standing(claim, self.figures[place], units)
            if moved := news(stands, self.stood.get(claim.says)):
                yield ClaimMoved(f"claim:{claim.says}:{now.isoformat()}", moved)
            self.stood[claim.says] = remembered(stands)

    def _surveyed(self, filled: Filled, newest: str) -> Survey:
        from bot.rules.digest import Survey

        return Survey.of(filled.panel.until(newest), self.breaks, restarts=self.restarts)

    def _judge(self, steps: Sequence[_Step], filled: Filled) -> None:
        """Judge the months of these steps, one after the other."""
        if not steps:
            return
        from bot.rules.month import Known, Remembered, judge_month

        self.survey = self._surveyed(filled, max(step.release.period or "" for step in steps))
        providers, measures = filled.panel.histories("Provider"), self.tx.measures(self.source.key)
        for step in steps:
            period = step.release.period or ""
            known = Known(
                {place[1]: _until(self.figures[place], period) for place in self.places},
                self.survey,
                providers,
                measures,
                self.tx.renamed(self.source.key, period),
                step.restated,
                self.restarts,
            )
            before = self.before or Remembered({}, None)
            said = judge_month(
                step.release, self.campaign.watches, known, before, step.published, breaks=self.breaks
            )
            step.findings = [*said.findings, *step.findings]
            step.digest = digest_line(said.remarks.digest) if said.remarks.digest else ""
            self.before = said.remembered
            self.go_on(step.release.title)

    def _replayed(self, step: _Step) -> Replayed:
        told = [
            Told(
                finding.kind,
                step.release.period or "",
                to_plain(replace(body(finding, self.source, step.published), buttons=())),
                tuple(self._series(finding)),
                isinstance(finding, WatchMoved) and finding.held is not None,
            )
            for finding in step.findings
        ]
        return Replayed(self.source.key, step.release, step.published, tuple(told), step.digest)

    def _series(self, finding: Finding) -> Iterator[Series]:
        """Yield the series that a finding is about, each with whether it held by what is known today."""
        from bot.rules import digest, policy

        match finding:
            case WatchMoved(signals=signals):
                for one in signals:
                    breaks = of_area(self.breaks, one.measure, self.restarts.get(one.area, ()))
                    held = policy.lasted(one, self._values(one.measure, one.area), breaks)
                    yield Series(one.measure, one.area, held)
            case Shifted(news=told) if self.survey:
                for shift in told.shifts:
                    yield Series(shift.key.measure, shift.area.code, digest.lasted(self.survey, shift))
            case Asked(question=question):
                yield Series(question.measure, question.area)
            case ClaimMoved(news=moved):
                yield Series(moved.now.claim.figure.measure, moved.now.claim.figure.area)

    def _values(self, measure: str, area: str) -> Mapping[str, float | None]:
        place = next(place for place in self.places if place[1] == area)
        return judged_values(measure, area, self.figures[place])


def _until(history: History, period: str) -> History:
    return {code: {p: v for p, v in values.items() if p <= period} for code, values in history.items()}


def as_json(found: Sequence[Replayed]) -> dict[str, Any]:
    """Return the document that `--json` prints."""
    return {
        "releases": [
            {
                "source": one.source,
                "key": one.release.key,
                "period": one.release.period,
                "alerts": [_alert(told) for told in one.told],
            }
            for one in found
        ],
        "summary": summary(found),
    }


def _alert(told: Told) -> dict[str, Any]:
    first = told.series[0]
    return {
        "kind": told.kind,
        "measure": first.measure,
        "area": first.area,
        "period": told.period,
        "text": told.text,
        "held": told.held,
        "waits": told.waits,
        "series": [one._asdict() for one in told.series],
    }


def summary(found: Sequence[Replayed]) -> dict[str, Any]:
    """Return how chatty the rules would have been, and how much of what they told held."""
    team = [[told for told in one.told if told.is_for_team] for one in found]
    return {
        "releases": len(found),
        "quiet": sum(not told for told in team),
        **_counted(team),
        "waiting": sum(told.waits for one in found for told in one.told),
        "kinds": {
            kind: _counted(
                [[told for told in one.told if told.kind == kind and not told.waits] for one in found]
            )
            for kind in KINDS
        },
    }


def _counted(messages: Sequence[Sequence[Told]]) -> dict[str, Any]:
    """Return how many messages the releases have in all, a release, and at most; and how many held."""
    counts = [len(of_one) for of_one in messages]
    known = [told.held for of_one in messages for told in of_one if told.held is not None]
    return {
        "messages": sum(counts),
        "messages_per_release": round(sum(counts) / len(counts), 1) if counts else 0.0,
        "most": max(counts, default=0),
        "known": len(known),
        "held": sum(known),
        "share_held": round(sum(known) / len(known), 2) if known else None,
    }


def rows(found: Sequence[Replayed]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each message, and one for each release without any, as a table shows them."""
    words = {True: "yes", False: "no", None: ""}
    for one in found:
        name = one.release.period or one.release.key
        if not one.told:
            yield name, "", f"nothing: {one.digest}" if one.digest else "nothing", ""
        for place, told in enumerate(one.told):
            kind = "waits" if told.waits else told.kind
            yield name if not place else "", kind, told.text.partition("\n")[0], words[told.held]


def in_words(found: Sequence[Replayed]) -> Iterator[str]:
    """Yield the summary, in lines."""
    said = summary(found)
    yield (
        f"{said['releases']} releases, {said['quiet']} of them quiet; {said['messages']} messages, "
        f"{said['messages_per_release']} a release, at most {said['most']}."
    )
    for kind, of in said["kinds"].items():
        if of["messages"]:
            held = f"; {of['held']} of {of['known']} that are old enough held" if of["known"] else ""
            yield f"{kind}: {of['messages']}, at most {of['most']} a release{held}."
    if said["waiting"]:
        yield f"waits: {said['waiting']}, for an operator's answer."
