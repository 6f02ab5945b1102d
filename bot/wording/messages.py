"""Every message that the worker posts. What changed comes first, then how much, then where it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import singledispatch
from itertools import takewhile
from urllib.parse import urlsplit

from bot.rules import periods
from bot.rules.about import about
from bot.rules.claims import Claim
from bot.rules.findings import (
    Asked,
    ClaimMoved,
    Closed,
    ClosingSoon,
    CountFell,
    DailyLine,
    DateMoved,
    DefinitionsChanged,
    DeliveryProblem,
    Differs,
    Doubt,
    Entered,
    FactChanged,
    Finding,
    Gathered,
    HeldBack,
    Ill,
    Introduced,
    MarkCrossed,
    NewMeasures,
    Noticed,
    NoticedForOperator,
    Overdue,
    PaceTurned,
    ReadingChanged,
    Recovered,
    ReleaseOut,
    Revised,
    Row,
    Shifted,
    SignOff,
    Told,
    Troubled,
    Unwell,
    Unwitnessed,
    WatchMoved,
)
from bot.rules.headline import compared
from bot.rules.meanings import Redefined
from bot.rules.measures import APPOINTMENTS
from bot.rules.pace import Projection
from bot.wording import claims, numbers, signals
from bot.wording.callbacks import mark, pressed
from bot.wording.language import later, n, t
from bot.wording.markup import NAME_CAP, Button, Line, Message, bold, clean, code, italic, line, link
from bot.wording.shifts import news_lines
from scrapers.toolkit.contract import ENGLAND, LIVE, Figure, Release, Scraper
from state.records import Revision

TITLE_CAP = 160
WAITED_CAP = 120  # so that a dozen fit into one message in whichever script
TROUBLE_CAP = 400
MEANING_CAP = 240
WORDS_BEFORE = 6  # that are shown of a definition before the first changed one
INTRODUCED = 8  # sources named one by one; the rest is counted

STANDS_ON = {
    "page": later("From the page; the file is being read."),
    "unconfirmed": later("From the page; the file is not yet confirmed."),
}
COMPARISONS = {  # of a headline row, with a period of its kind
    "before": {
        "month": later("month before"),
        "quarter": later("quarter before"),
        "year": later("year before"),
        "reading": later("reading before"),
    },
    "year_ago": {
        "month": later("same month last year"),
        "quarter": later("same quarter last year"),
        "year": later("same year last year"),
        "reading": later("same reading last year"),
    },
}
CLAIMS = {
    "holds": later("📌 A claim holds again"),
    "thin": later("📌 A claim is thin now"),
    "broken": later("📌 A claim no longer holds"),
    "never": later("📌 A claim does not hold"),
    "unknown": later("📌 A claim has no figure any more"),
    "corrected": later("📌 The figure under a claim was corrected"),
}
VERDICTS = {
    "holds": later("holds"),
    "thin": later("thin"),
    "broken": later("broken"),
    "unknown": later("unknown"),
}
FACTS = {
    "state": later("The petition is now {value}"),
    "response_threshold_reached_at": later(
        "The petition reached 10,000 signatures: the government will respond"
    ),
    "government_response_at": later("The government responded to the petition"),
    "debate_threshold_reached_at": later(
        "The petition reached 100,000 signatures: a debate will be considered"
    ),
    "scheduled_debate_date": later("A debate is scheduled for {value}"),
    "debate_outcome_at": later("The petition was debated in Parliament"),
}
FACTS_GONE = {
    "state": later("The petition's state is no longer published"),
    "response_threshold_reached_at": later("The petition no longer counts as past 10,000 signatures"),
    "government_response_at": later("The government's response is no longer published"),
    "debate_threshold_reached_at": later("The petition no longer counts as past 100,000 signatures"),
    "scheduled_debate_date": later("The debate is no longer scheduled"),
    "debate_outcome_at": later("The debate's outcome is no longer published"),
}
STATES = {  # of a petition, as UK Parliament names them
    "open": later("open"),
    "closed": later("closed"),
    "rejected": later("rejected"),
    "stopped": later("stopped"),
}
SINCE = {"publication": later("publication"), "it was found": later("it was found")}
DEFINED = {  # the parts of what a measure means
    "name": later("name"),
    "definition": later("definition"),
    "construction": later("construction"),
}


def compose(finding: Finding, source: Scraper | None, number: int, now: datetime) -> Message:
    """Return the message of a finding, with the alert's number in it (`#A142`).

    `source` is None where a message is about several sources or none.
    """
    message = _say(finding, source, now)
    if isinstance(finding, Asked) and finding.question.signals:
        message = replace(message, tail=(*message.tail, *signals.how_to_answer(number)))
    parts = [*_origin(finding, source, now), f"#A{number}"]
    tail = (*message.tail, line(italic(" · ".join(parts))))
    return Message(message.lines, message.items, tail, message.buttons, message.silent)


def body(finding: Finding, source: Scraper | None, now: datetime) -> Message:
    """Return what a finding's message says, without its origin and number."""
    return _say(finding, source, now)


def _origin(finding: Finding, source: Scraper | None, now: datetime) -> list[str]:
    """Return publisher, day of publication and the moment it was seen."""
    if source is None:
        return [numbers.day_and_time(now)]
    release = getattr(finding, "release", None)
    if isinstance(finding, ReleaseOut | Revised) and release and release.published:
        day = numbers.day(release.published)
        today = day == numbers.day(now)
        seen = numbers.clock(now) if today else numbers.day_and_time(now)
        published = release.published_in or day
        return [source.publisher, t("published {day}", day=published), t("seen {time}", time=seen)]
    return [source.publisher, t("seen {time}", time=numbers.day_and_time(now))]


@singledispatch
def _say(finding: Finding, source: Scraper | None, now: datetime) -> Message:
    raise TypeError(f"no words for {type(finding).__name__}")


@_say.register
def _release(finding: ReleaseOut, source: Scraper, now: datetime) -> Message:
    area = t(source.headline_area.name)
    title = f"📊 {t(source.title)}, {area}: {_period(finding.release)}"
    compared = [name for name in COMPARISONS if any(name in row.earlier for row in finding.rows)]
    rows = [_row(row, compared) for row in finding.rows]
    lines = [line(bold(title))]
    if finding.stands != "file":
        lines.append(line(italic(t(STANDS_ON[finding.stands]))))
    if not source.headlines:
        lines.append(line(t("It is out, with {figures}.", figures=_figures(finding.figures))))
    elif not rows:
        lines.append(line(t("It is out; none of the headline figures is in it.")))
    elif compared:
        kind = periods.kind(finding.release.period or "")
        shown = " · ".join(_comparison(name, kind, source.span) for name in compared)
        lines.append(line(italic(t("In brackets: {shown}", shown=shown))))
    cautions = [t(source.caution)] if rows else []
    cautions += [t(row.caution) for row in finding.rows]
    if finding.restated:
        cautions.append(
            t("{figures} of earlier periods changed with it.", figures=_figures(finding.restated))
        )
    tail = [line(text) for text in cautions if text]
    if finding.remarks:
        tail += signals.remarks(finding.remarks)
    return Message((*lines, *rows), (), tuple(tail), _open(finding.release.url))


def _comparison(name: str, kind: periods.Kind, span: int) -> str:
    """Return with what a headline figure is compared, where each is of `span` periods."""
    if name == "before" and span > 1:
        return t("{count} months before", count=span)
    return t(COMPARISONS[name][kind])


def _row(row: Row, compared: Sequence[str]) -> Line:
    """Return one headline figure: `Recovery 51.2% (50.0% · 51.6%) of those finished`."""
    past = row.earlier
    shown = " · ".join(numbers.value(past[name], row.unit) if name in past else "–" for name in compared)
    rest = (f"({shown})" if past else "", t(row.of))
    return line(
        f"{t(row.label)} ", bold(numbers.value(row.value, row.unit)), *(f" {text}" for text in rest if text)
    )


@_say.register
def _differs(finding: Differs, source: Scraper, now: datetime) -> Message:
    title = t(
        "⚖️ Page and file differ: {source}, {period}", source=t(source.title), period=_period(finding.release)
    )
    labels = {headline.measure: t(headline.label) for headline in source.headlines}
    items = []
    for measure, page, file, decimals in finding.differences:
        label = labels.get(measure.id, clean(measure.name, NAME_CAP))
        whole = decimals == 0
        said, read = (numbers.value(value, measure.unit, whole=whole) for value in (page, file))
        page_says, file_says = t("the page says "), t(", the file ")
        items.append(
            line(f"{label} ({clean(measure.id, NAME_CAP)}): {page_says}", bold(said), file_says, bold(read))
        )
    tail = (line(t("Messages here follow the file. See which is right before you quote one.")),)
    return Message((line(bold(title)),), tuple(items), tail, _open(finding.release.url))


@_say.register
def _unwitnessed(finding: Unwitnessed, source: Scraper, now: datetime) -> Message:
    lines = [
        line(bold(t("📄 A page of figures in words cannot be read"))),
        line(_title(finding.release)),
        line(clean(finding.why, TROUBLE_CAP)),
    ]
    kept = (line(t("The page is kept in {path}", path=finding.kept)),) if finding.kept else ()
    tail = (line(t("The release is told from its file instead.")),)
    return Message((*lines, *kept), tail=tail, buttons=_open(finding.release.url))


@_say.register
def _revised(finding: Revised, source: Scraper, now: datetime) -> Message:
    title = t("✏️ Corrected: {what}", what=f"{t(source.title)}, {_period(finding.release)}")
    lines = [line(bold(title))]
    items = [_revision(revision, source) for revision in finding.named]
    tail = []
    if finding.others:
        tail.append(line(n("1 more figure changed.", "{count} more figures changed.", finding.others)))
    if finding.added:
        tail.append(line(t("{figures} added.", figures=_figures(finding.added))))
    if finding.gone:
        tail.append(line(t("{figures} no longer in the file.", figures=_figures(finding.gone))))
    if finding.release.notice and finding.release.noticed:
        day = numbers.day(finding.release.noticed)
        note = clean(finding.release.notice, TROUBLE_CAP)
        tail.append(line(t("The publisher said on {day}: ", day=day), italic(note)))
    if finding.named or finding.gone:
        tail.append(line(t("You may have quoted the old numbers.")))
    return Message(tuple(lines), tuple(items), tuple(tail), _open(finding.release.url))


def _revision(revision: Revision, source: Scraper) -> Line:
    figure = revision.figure
    label, area = _label(figure, source), _area(figure)
    now, was = (numbers.figure_value(figure, value) for value in (figure.value, revision.old))
    if now == was:  # they differ beyond the decimals that are usual
        now, was = (numbers.exact(value, figure.measure.unit) for value in (figure.value, revision.old))
    if revision.entered:
        area, was = f"{area}, {numbers.period(figure.period)}", t("{value} as entered by hand", value=was)
    is_now, before = t("now "), t(", was {value}", value=was)
    return line(f"{label} ({clean(figure.measure.id, NAME_CAP)}), {area}: {is_now}", bold(now), before)


def _label(figure: Figure, source: Scraper) -> str:
    labels = {headline.measure: t(headline.label) for headline in source.headlines}
    return labels.get(figure.measure.id) or clean(figure.measure.name, NAME_CAP)


def _area(figure: Figure) -> str:
    return t("England") if figure.area.kind == ENGLAND.kind else clean(figure.area.name, NAME_CAP)


@_say.register
def _moved(finding: DateMoved, source: Scraper, now: datetime) -> Message:
    date = numbers.expected(finding.release.expected or "")
    return Message(
        (
            line(bold(t("📅 New release date: {date}", date=date))),
            line(_title(finding.release)),
            line(t("It was announced for {date}.", date=numbers.expected(finding.before))),
        ),
        buttons=_open(finding.release.url),
    )


@_say.register
def _overdue(finding: Overdue, source: Scraper, now: datetime) -> Message:
    date = numbers.expected(finding.release.expected or "")
    return Message(
        (
            line(bold(t("⏰ Not published as announced"))),
            line(_title(finding.release)),
            line(t("It was due on {date} at 09:30 and has not been seen yet.", date=date)),
        ),
        buttons=_open(finding.release.url),
    )


@_say.register
def _mark(finding: MarkCrossed, source: Scraper, now: datetime) -> Message:
    past = () if finding.count == finding.mark else (t(" – past {mark}", mark=numbers.count(finding.mark)),)
    lines = [
        line(bold(f"✍️ {numbers.signatures(finding.count)}"), *past),
        line(clean(source.title, TITLE_CAP)),
    ]
    if finding.goal:
        lines.append(line(_progress(finding.count, finding.goal)))
    if finding.surge:
        usual = numbers.count(finding.surge.usual)
        lines.append(line(t("A surge: at its usual pace {usual} would have come.", usual=usual)))
    lines += _ahead(finding.projection)
    before, since = numbers.count(finding.before), numbers.day_and_time(finding.before_at)
    lines.append(line(t("It was {before} when it last changed, {since}.", before=before, since=since)))
    return Message(tuple(lines), buttons=_open(source.url))


def _ahead(projection: Projection | None) -> list[Line]:
    """Return when the goal may be reached, with the interval in which it is four times in five."""
    if projection is None:
        return []
    pace = t("{count} a day now", count=numbers.a_day(projection.rate))
    if projection.middle is None or not projection.in_reach:
        chance = projection.chance
        before = "" if chance is None else t("; {chance} before it closes", chance=numbers.chance(chance))
        return [line(bold(t("Not at this pace")), f": {pace}{before}.")]
    late = numbers.far_day(projection.late, projection.middle)
    early = numbers.day(projection.early or projection.middle)
    return [
        line(
            t("At this pace ({pace}) the goal is reached about ", pace=pace),
            bold(numbers.day(projection.middle)),
            t("; four times in five between {early} and {late}.", early=early, late=late),
        )
    ]


@_say.register
def _pace(finding: PaceTurned, source: Scraper, now: datetime) -> Message:
    burst = finding.burst
    since = numbers.day_and_time(burst.start)
    usual = numbers.count(burst.usual)
    gain = numbers.count(burst.gain)
    title = (
        t("🚀 Signatures surge: {gain} since {since}", gain=gain, since=since)
        if burst.turn == "surge"
        else t("🐢 Signatures slow down: {gain} since {since}", gain=gain, since=since)
    )
    have = numbers.signatures(finding.count)
    lines = [
        line(bold(title)),
        line(clean(source.title, TITLE_CAP)),
        line(
            t(
                "At its usual pace {usual} would have come. It has {signatures} now.",
                usual=usual,
                signatures=have,
            )
        ),
        *_ahead(finding.projection),
    ]
    return Message(tuple(lines), buttons=_open(source.url))


@_say.register
def _fell(finding: CountFell, source: Scraper, now: datetime) -> Message:
    removed = numbers.signatures(finding.before - finding.count)
    lines = (
        line(bold(t("✂️ {signatures} removed", signatures=removed))),
        line(clean(source.title, TITLE_CAP)),
        line(
            t(
                "It has {now} now, and had {before}.",
                now=numbers.count(finding.count),
                before=numbers.count(finding.before),
            )
        ),
    )
    return Message(lines, buttons=_open(source.url))


@_say.register
def _closing(finding: ClosingSoon, source: Scraper, now: datetime) -> Message:
    day = numbers.day(finding.closes)
    lines = [
        line(bold(t("⏳ The petition closes on {day}", day=day))),
        line(clean(source.title, TITLE_CAP)),
        line(f"{numbers.signatures(finding.count)}."),
    ]
    if finding.goal:
        lines.append(line(_progress(finding.count, finding.goal)))
    return Message((*lines, *_ahead(finding.projection)), buttons=_open(source.url))


def _progress(count: int, goal: int) -> str:
    if count >= goal:
        return t("Our goal of {goal} is reached.", goal=numbers.count(goal))
    reached = 1000 * count // goal / 10  # rounded down: 100.0% with some to go would puzzle
    return t(
        "{reached}% of our goal of {goal}; {left} to go.",
        reached=reached,
        goal=numbers.count(goal),
        left=numbers.count(goal - count),
    )


@_say.register
def _reading(finding: ReadingChanged, source: Scraper, now: datetime) -> Message:
    figure, before = finding.figure, finding.before
    value, was = (numbers.exact(one.value, one.measure.unit) for one in (figure, before))
    title = clean(source.title, TITLE_CAP)
    if periods.is_reading(figure.period):
        day = numbers.period(before.period)
        told = line(bold(f"🔢 {title}: {value}"), t(" (was {value} on {day})", value=was, day=day))
    elif figure.period == before.period:
        what = t("✏️ Corrected: {what}", what=f"{title}, {numbers.period(figure.period)}")
        told = line(bold(f"{what}: {t('now ')}{value}"), t(", was {value}", value=was))
    else:
        of = numbers.period(before.period)
        told = line(
            bold(f"🔢 {title}, {numbers.period(figure.period)}: {value}"),
            t(" (was {value}, {period})", value=was, period=of),
        )
    return Message((told,), buttons=_open(source.url))


@_say.register
def _fact(finding: FactChanged, source: Scraper, now: datetime) -> Message:
    lines = [line(bold(f"🏛 {_fact_in_words(finding)}")), line(clean(source.title, TITLE_CAP))]
    if finding.count is not None:
        lines.append(line(f"{numbers.signatures(finding.count)}."))
    return Message(tuple(lines), buttons=_open(source.url))


def _fact_in_words(finding: FactChanged) -> str:
    if finding.value is None:
        return t(FACTS_GONE[finding.name])
    if (finding.name, finding.before, finding.value) == ("state", "closed", "open"):
        return t("The petition is open again")
    return t(FACTS[finding.name], value=clean(_date_or_text(finding.value), NAME_CAP))


def _date_or_text(text: str) -> str:
    """Return a published date or state in words; other text as it is."""
    try:
        return numbers.day(datetime.fromisoformat(text))
    except ValueError:
        return t(STATES[text]) if text in STATES else text


@_say.register
def _claim(finding: ClaimMoved, source: Scraper, now: datetime) -> Message:
    standing, before, was = finding.news
    claim = standing.claim
    said = "never" if (before, standing.verdict) == ("unknown", "broken") else standing.verdict
    lines = [
        line(bold(t(CLAIMS["corrected" if was is not None else said]))),
        line(f"“{clean(claim.says, TITLE_CAP)}” ({clean(claim.where, NAME_CAP)})"),
    ]
    if standing.value is not None:
        old = "" if was is None else t(", was {value}", value=numbers.value(was, standing.unit))
        value = numbers.value(standing.value, standing.unit)
        by_hand = t(", entered by hand") if standing.entered else ""
        period = numbers.period(standing.period or "")
        lines.append(line(t("The figure: "), bold(value), f"{old}, {period}{by_hand}"))
    if reason := claims.reason(standing):
        lines.append(line(clean(_sentence(reason), NAME_CAP)))
    if claim.holds:
        lines.append(line(_conditions(claim)))
    then, today = t(VERDICTS[before]), t(VERDICTS[standing.verdict])
    lines.append(line(t("Before: {before}. Now: {now}.", before=then, now=today)))
    tail = [line(clean(claim.note, TROUBLE_CAP))] if claim.note else []
    return Message(tuple(lines), (), tuple(tail), _open(source.url))


def _conditions(claim: Claim) -> str:
    """Return between which values a claim holds: `It holds from 31.5 to 35.5; it is thin from 30 to 38.5.`"""
    holds = t("It holds {bounds}", bounds=numbers.bounds(*claim.holds)) if claim.holds else ""
    thin = t("; it is thin {bounds}", bounds=numbers.bounds(*claim.thin)) if claim.thin else ""
    return f"{holds}{thin}."


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."


@_say.register
def _watched(finding: WatchMoved, source: Scraper, now: datetime) -> Message:
    return Message(tuple(signals.lines_of(finding, source)), buttons=_open(finding.release.url))


@_say.register
def _ended(finding: Closed, source: Scraper, now: datetime) -> Message:
    return Message((line(signals.closed(finding.closing)),), silent=True)


@_say.register
def _shifted(finding: Shifted, source: Scraper, now: datetime) -> Message:
    first, *rest = news_lines(finding.news)
    period = _period(finding.release)
    if all(shift.key.measure in APPOINTMENTS for shift in finding.news.shifts):
        told = t("{period}, against all others. Appointments, not people.", period=period)
    else:
        told = t("{period}, against all others. Referrals, not people.", period=period)
    head = (line(bold(clean(first, TITLE_CAP))), *map(line, rest))
    return Message(head, (), (line(told),), _open(finding.release.url))


@_say.register
def _asked(finding: Asked, source: Scraper, now: datetime) -> Message:
    return Message(tuple(signals.asked(finding)), buttons=_open(finding.release.url))


@_say.register
def _noticed(finding: Noticed, source: Scraper, now: datetime) -> Message:
    notice = finding.notice
    by = clean(source.title, TITLE_CAP)
    said = f"{by}."
    if notice.published:
        day = numbers.day(notice.published)
        said = t("{source} on {day}.", source=by, day=day)
    return Message(
        (line(bold(f"📣 {clean(notice.title, TROUBLE_CAP)}")), line(said)),
        buttons=_open(notice.url),
    )


@_say.register
def _page_changed(finding: NoticedForOperator, source: Scraper, now: datetime) -> Message:
    told = _noticed(finding, source, now)
    hint = line(t("If it has a new figure, enter it: "), code(f"figurewatch enter {source.key} --help"))
    return Message(told.lines, tail=(hint,), buttons=told.buttons)


@_say.register
def _entered(finding: Entered, source: Scraper, now: datetime) -> Message:
    figure, before, release = finding.figure, finding.before, finding.release
    what = f"{_label(figure, source)}, {_area(figure)}, {numbers.period(figure.period)}"
    value = numbers.exact(figure.value, figure.measure.unit)
    was = t(", was {value}", value=numbers.exact(before.old, figure.measure.unit)) if before else ""
    told = line(f"📝 {what}: ", bold(f"{t('now ')}{value}" if before else value), was)
    tail = [line(t("You may have quoted the old number."))] if before else []
    return Message(
        (told, line(_sentence(_title(release)))),
        tail=tuple(tail),
        buttons=_open(release.url),
        silent=before is None,
    )


@_say.register
def _introduced(finding: Introduced, source: Scraper | None, now: datetime) -> Message:
    shown = [f"{clean(title, NAME_CAP)} ({newest(found, title)})" for title, found in finding.sources]
    more = t("; and {count} more", count=len(shown) - INTRODUCED) if len(shown) > INTRODUCED else ""
    return Message((line(bold(t("👀 Now watching: ")), "; ".join(shown[:INTRODUCED]) + more),))


def newest(found: Release | Figure | None, title: str = "") -> str:
    """Return what a source says now, in a few words; what its `title` says already is left out."""
    match found:
        case None:
            return t("nothing published yet")
        case Figure(measure=measure) if measure.name == title:
            return numbers.exact(found.value, measure.unit)
        case Release() if found.key == LIVE or found.title == title:
            return t("no figures: its changes count")
        case Figure():
            return clean(numbers.in_words(found), NAME_CAP)
        case Release(period=str()):
            return t("newest: {what}", what=_period(found))
        case Release():
            return t("newest: {what}", what=clean(found.title, NAME_CAP))


@_say.register
def _troubled(finding: Troubled, source: Scraper | None, now: datetime) -> Message:
    items = [_ill(ill) for ill in finding.troubles]
    title = n("⚠️ A source cannot be read", "⚠️ {count} sources cannot be read", len(items))
    return Message((line(bold(title)),), tuple(items), (line(t("Nothing stored was changed.")),))


def _ill(ill: Ill) -> Line:
    since = t(" since {time}: ", time=numbers.day_and_time(ill.since))
    due = f" {t('Its next release is due on {day}.', day=numbers.expected(ill.due))}" if ill.due else ""
    kept = f" {t('The page is kept in {path}', path=ill.kept)}" if ill.kept else ""
    return line(bold(ill.source), since, clean(ill.why, TROUBLE_CAP), "." if due or kept else "", due, kept)


@_say.register
def _recovered(finding: Recovered, source: Scraper | None, now: datetime) -> Message:
    items = [
        line(bold(key), t(", in trouble since {time}", time=numbers.day_and_time(since)))
        for key, since in finding.sources
    ]
    title = n("✅ A source can be read again", "✅ {count} sources can be read again", len(items))
    return Message((line(bold(title)),), tuple(items))


@_say.register
def _new_measures(finding: NewMeasures, source: Scraper, now: datetime) -> Message:
    items = [
        line(bold(clean(measure.id, NAME_CAP)), f" {clean(measure.name, NAME_CAP)}")
        for measure in finding.measures
    ]
    return Message(
        (line(bold(t("🆕 Measures never seen before"))), line(_title(finding.release))),
        tuple(items),
        (line(t("They are stored. See whether the campaign should follow one.")),),
        _open(finding.release.url),
    )


@_say.register
def _definitions(finding: DefinitionsChanged, source: Scraper, now: datetime) -> Message:
    title = n(
        "❓ A definition changed. Do the figures still mean the same?",
        "❓ {count} definitions changed. Do the figures still mean the same?",
        len(finding.changes),
    )
    counts = {
        t("{count} renamed", count=finding.renamed): finding.renamed,
        t("{count} new", count=finding.new): finding.new,
        t("{count} removed", count=finding.removed): finding.removed,
    }
    besides = ", ".join(said for said, count in counts.items() if count)
    return Message(
        (line(bold(title)),),
        tuple(item for change in finding.changes for item in _redefined(change)),
        (
            line(t("If not, they need a break: what came before is no longer to be compared.")),
            *([line(t("Of all measures on the list: {besides}.", besides=besides))] if besides else []),
        ),
        _open(finding.release.file),
    )


def _redefined(change: Redefined) -> Iterator[Line]:
    name = f"{clean(change.now.measure, NAME_CAP)} {clean(change.now.name, NAME_CAP)}"
    for field in change.fields:
        was, is_now = differing(getattr(change.was, field), getattr(change.now, field))
        part = t(DEFINED.get(field, field))
        yield line(bold(name), t(", {part}: was {was}; is {now}.", part=part, was=was, now=is_now))


def differing(was: str, now: str) -> tuple[str, str]:
    """Return two texts in quotes, each from some words before they begin to differ."""
    one, other = was.split(), now.split()
    alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
    start = max(alike - WORDS_BEFORE, 0)
    return _quoted(one, start), _quoted(other, start)


def _quoted(words: Sequence[str], start: int) -> str:
    text = " ".join(["…"] * (start > 0) + list(words[start:]))
    return f"“{clean(text, MEANING_CAP)}”" if text else t("nothing")


@_say.register
def _held(finding: HeldBack, source: Scraper, now: datetime) -> Message:
    number = f"H{finding.number}"
    lines = [
        line(bold(t("✋ Held back as {number}: hard to believe", number=number))),
        line(_title(finding.release)),
    ]
    tail = [
        line(t("Nobody else was told and nothing of it is stored. If it is right: ")),
        line(code(f"figurewatch release {number}")),
        line(t("If it is not: ")),
        line(code(f"figurewatch reject {number}")),
    ]
    items = [line(doubt(found)) for found in finding.doubts]
    return Message(tuple(lines), tuple(items), tuple(tail), _open(finding.release.url))


def doubt(found: Doubt) -> str:
    """Return what is not believed, in one line: `M001 of England: 1,631,000, was 163,100, …`."""
    what = clean(found.what, TROUBLE_CAP)
    if found.now is None:
        return what
    parts = [f"{what}: {numbers.value(found.now, found.unit)}"]
    if found.before is not None:
        parts.append(t("was {value}", value=numbers.value(found.before, found.unit)))
    return ", ".join(filter(None, [*parts, _believed(found)]))


def _believed(found: Doubt) -> str:
    low, high = (
        None if bound is None else numbers.value(bound, found.unit) for bound in (found.low, found.high)
    )
    if low is None and high is None:
        return ""
    if low is None:
        return t("believed at most {high}", high=high)
    if high is None:
        return t("believed at least {low}", low=low)
    return t("believed at least {low} and at most {high}", low=low, high=high)


@_say.register
def _delivery(finding: DeliveryProblem, source: Scraper | None, now: datetime) -> Message:
    return Message((line(bold(t("📮 Delivery"))), line(clean(finding.text, TROUBLE_CAP))))


@_say.register
def _told(finding: Told, source: Scraper | None, now: datetime) -> Message:
    reached = finding.chats - len(finding.missing)
    said = n(" {reached} of 1 chat", " {reached} of {count} chats", finding.chats, reached=reached)
    if finding.after is not None:
        time, since = numbers.duration(finding.after), t(SINCE[finding.since])
        said += t(", {time} after {since}", time=time, since=since)
    sign = "⚠️" if finding.missing else "📬"
    title = line(bold(t("{sign} #A{number} told:", sign=sign, number=finding.alert)), said)
    missing = (line(bold(chat), f": {clean(how, NAME_CAP)}") for chat, how in finding.missing)
    return Message((title,), tuple(missing), silent=not finding.missing)


@_say.register
def _unwell(finding: Unwell, source: Scraper | None, now: datetime) -> Message:
    return Message((line(bold(t("🩺 The worker needs a look"))), line(clean(finding.text, TROUBLE_CAP))))


@_say.register
def _daily(finding: DailyLine, source: Scraper | None, now: datetime) -> Message:
    said = [t("{read} of {sources} sources read", read=finding.read, sources=finding.sources)]
    if finding.next_release:
        said.append(t("next release {day}", day=numbers.expected(finding.next_release)))
    waiting = n("{count} message waiting", "{count} messages waiting", finding.waiting)
    said.append(waiting if finding.waiting else t("no messages waiting"))
    if finding.held:
        waits = ", ".join(f"H{number}" for number in finding.held)
        said.append(t("held for your decision: {numbers}", numbers=waits))
    if finding.paused:
        said.append(t("paused: {sources}", sources=", ".join(finding.paused)))
    if finding.free is not None:
        said.append(t("{free} GB of disk free", free=f"{finding.free / 1e9:.1f}"))
    return Message((line(bold(t("☀️ Alive: ")), "; ".join(said)),), silent=True)


@_say.register
def _gathered(finding: Gathered, source: Scraper | None, now: datetime) -> Message:
    title = n("🗞 {count} message that waited", "🗞 {count} messages that waited", finding.count)
    return Message((line(bold(title)), *(_waited(*item) for item in finding.items)))


def _waited(number: int, said: str, url: str) -> Line:
    """Return one alert in a digest: its first line, which leads to where it comes from, and its number."""
    return line("• ", link(clean(said, WAITED_CAP), url), f" · #A{number}")


@_say.register
def _sign_off(finding: SignOff, source: Scraper | None, now: datetime) -> Message:
    number = f"A{finding.alert}"
    first, *said = finding.text.splitlines()
    lines = [line(bold(t("✋ May the team be told {number}?", number=number))), line(clean(first, TITLE_CAP))]
    answers = (
        Button(t("Yes, tell them"), callback=pressed("sign", "yes", str(finding.alert))),
        Button(t("No"), callback=pressed("sign", "no", str(finding.alert))),
    )
    return Message((*lines, *(line(clean(row, TROUBLE_CAP)) for row in said)), buttons=(answers,))


def asked_about(finding: Finding, source: Scraper, number: int) -> tuple[Button, ...]:
    """Return the buttons under an alert that ask about it, and the one that brings an hour's silence."""
    chart: tuple[Button, ...] = ()
    quote = (Button(t("Quote"), callback=pressed("quote", f"A{number}")),) if about(finding) else ()
    if isinstance(finding, Shifted):
        first = finding.news.shifts[0]
        marks = mark(source.key, first.key.measure), mark(first.area.kind, first.area.code)
        chart = (Button(t("Chart"), callback=pressed("chart", *marks)),)
        quote = (Button(t("Quote"), callback=pressed("quote", *marks)),)
    elif isinstance(finding, ReleaseOut) and finding.release.period and compared(finding.rows):
        chart = (Button(t("Chart"), callback=pressed("release", mark(source.key), finding.release.period)),)
    elif source.is_petition:
        chart = (Button(t("Chart"), callback=pressed("petition", mark(source.key))),)
    why = Button(t("Why"), callback=pressed("why", str(number)))
    return (why, *quote, *chart, Button(t("Mute 1 h"), callback=pressed("mute", "60")))


def _period(release: Release) -> str:
    return clean(numbers.period(release.period or ""), NAME_CAP)


def _title(release: Release) -> str:
    return clean(release.title, TITLE_CAP)


def _figures(count: int) -> str:
    return n("1 figure", "{count} figures", count)


def _open(url: str) -> tuple[tuple[Button, ...], ...]:
    return ((Button(t("Open {host}", host=urlsplit(url).hostname), url),),)
