"""Every message that the worker posts. What changed comes first, then how much, then where it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import singledispatch
from itertools import takewhile
from urllib.parse import urlsplit

from bot.rules import periods
from bot.rules.claims import Claim
from bot.rules.findings import (
    Asked,
    ClaimMoved,
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
    Told,
    Troubled,
    Unwell,
    Unwitnessed,
    WatchMoved,
)
from bot.rules.meanings import Redefined
from bot.rules.pace import Projection
from bot.wording import numbers, signals
from bot.wording.markup import Button, Line, Message, bold, clean, code, italic, line
from bot.wording.shifts import news_lines
from scrapers.toolkit.contract import ENGLAND, LONDON, Figure, Release, Scraper
from state.records import Revision

TITLE_CAP = 160
NAME_CAP = 80
TROUBLE_CAP = 400
MEANING_CAP = 240
WORDS_BEFORE = 6  # that are shown of a definition before the first changed one
INTRODUCED = 8  # sources named one by one; the rest is counted

STANDS_ON = {
    "page": "From the page; the file is being read.",
    "unconfirmed": "From the page; the file is not yet confirmed.",
}
COMPARISONS = {"before": "{kind} before", "year_ago": "same {kind} last year"}  # of a headline row
CLAIMS = {
    "holds": "📌 A claim holds again",
    "thin": "📌 A claim is thin now",
    "broken": "📌 A claim no longer holds",
    "unknown": "📌 A claim has no figure any more",
    "corrected": "📌 The figure under a claim was corrected",
}
FACTS = {
    "state": "The petition is now {value}",
    "response_threshold_reached_at": "The petition reached 10,000 signatures: the government will respond",
    "government_response_at": "The government responded to the petition",
    "debate_threshold_reached_at": "The petition reached 100,000 signatures: a debate will be considered",
    "scheduled_debate_date": "A debate is scheduled for {value}",
    "debate_outcome_at": "The petition was debated in Parliament",
}
FACTS_GONE = {
    "state": "The petition's state is no longer published",
    "response_threshold_reached_at": "The petition no longer counts as past 10,000 signatures",
    "government_response_at": "The government's response is no longer published",
    "debate_threshold_reached_at": "The petition no longer counts as past 100,000 signatures",
    "scheduled_debate_date": "The debate is no longer scheduled",
    "debate_outcome_at": "The debate's outcome is no longer published",
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


def _origin(finding: Finding, source: Scraper | None, now: datetime) -> list[str]:
    """Return publisher, day of publication and the moment it was seen."""
    if source is None:
        return [numbers.day_and_time(now)]
    release = getattr(finding, "release", None)
    if isinstance(finding, ReleaseOut | Revised) and release and release.published:
        day = numbers.day(release.published.astimezone(LONDON).date())
        today = day == numbers.day(now.astimezone(LONDON).date())
        seen = numbers.clock(now) if today else numbers.day_and_time(now)
        return [source.publisher, f"published {release.published_in or day}", f"seen {seen}"]
    return [source.publisher, f"seen {numbers.day_and_time(now)}"]


@singledispatch
def _say(finding: Finding, source: Scraper | None, now: datetime) -> Message:
    raise TypeError(f"no words for {type(finding).__name__}")


@_say.register
def _release(finding: ReleaseOut, source: Scraper, now: datetime) -> Message:
    title = f"📊 {source.title}, {source.headline_area.name}: {_period(finding.release)}"
    compared = [name for name in COMPARISONS if any(name in row.earlier for row in finding.rows)]
    rows = [_row(row, compared) for row in finding.rows]
    lines = [line(bold(title))]
    if finding.stands != "file":
        lines.append(line(italic(STANDS_ON[finding.stands])))
    if not source.headlines:
        lines.append(line(f"It is out, with {_figures(finding.figures)}."))
    elif not rows:
        lines.append(line("It is out; none of the headline figures is in it."))
    elif compared:
        kind = periods.kind(finding.release.period or "")
        shown = (COMPARISONS[name].format(kind=kind) for name in compared)
        lines.append(line(italic(f"In brackets: {' · '.join(shown)}")))
    cautions = [source.caution] if rows else []
    cautions += [row.caution for row in finding.rows]
    if finding.restated:
        cautions.append(f"{_figures(finding.restated)} of earlier periods changed with it.")
    tail = [line(text) for text in cautions if text]
    if finding.remarks:
        tail += signals.remarks(finding.remarks)
    return Message((*lines, *rows), (), tuple(tail), _open(finding.release.url))


def _row(row: Row, compared: Sequence[str]) -> Line:
    """Return one headline figure: `Recovery 51.2% (50.0% · 51.6%) of those finished`."""
    past = row.earlier
    shown = " · ".join(numbers.value(past[name], row.unit) if name in past else "–" for name in compared)
    rest = (f"({shown})" if past else "", row.of)
    return line(
        f"{row.label} ", bold(numbers.value(row.value, row.unit)), *(f" {text}" for text in rest if text)
    )


@_say.register
def _differs(finding: Differs, source: Scraper, now: datetime) -> Message:
    title = f"⚖️ Page and file differ: {source.title}, {_period(finding.release)}"
    labels = {headline.measure: headline.label for headline in source.headlines}
    items = []
    for measure, page, file, decimals in finding.differences:
        label = labels.get(measure.id, clean(measure.name, NAME_CAP))
        whole = decimals == 0
        said, read = (numbers.value(value, measure.unit, whole=whole) for value in (page, file))
        items.append(line(f"{label} ({measure.id}): the page says ", bold(said), ", the file ", bold(read)))
    tail = (line("Messages here follow the file. See which is right before you quote one."),)
    return Message((line(bold(title)),), tuple(items), tail, _open(finding.release.url))


@_say.register
def _unwitnessed(finding: Unwitnessed, source: Scraper, now: datetime) -> Message:
    lines = [
        line(bold("📄 A page of figures in words cannot be read")),
        line(_title(finding.release)),
        line(clean(finding.why, TROUBLE_CAP)),
    ]
    kept = (line(f"The page is kept in {finding.kept}"),) if finding.kept else ()
    tail = (line("The file was waited for instead; nothing is missing but a minute."),)
    return Message((*lines, *kept), tail=tail, buttons=_open(finding.release.url))


@_say.register
def _revised(finding: Revised, source: Scraper, now: datetime) -> Message:
    lines = [line(bold(f"✏️ Corrected: {source.title}, {_period(finding.release)}"))]
    items = [_revision(revision, source) for revision in finding.named]
    tail = []
    if finding.others:
        more = "1 more figure" if finding.others == 1 else f"{numbers.count(finding.others)} more figures"
        tail.append(line(f"{more} changed."))
    if finding.added:
        tail.append(line(f"{_figures(finding.added)} added."))
    if finding.gone:
        tail.append(line(f"{_figures(finding.gone)} no longer in the file."))
    if finding.release.notice and finding.release.noticed:
        day = numbers.day(finding.release.noticed.astimezone(LONDON))
        note = clean(finding.release.notice, TROUBLE_CAP)
        tail.append(line(f"The publisher said on {day}: ", italic(note)))
    if finding.named or finding.gone:
        tail.append(line("You may have quoted the old numbers."))
    return Message(tuple(lines), tuple(items), tuple(tail), _open(finding.release.url))


def _revision(revision: Revision, source: Scraper) -> Line:
    figure = revision.figure
    labels = {headline.measure: headline.label for headline in source.headlines}
    label = labels.get(figure.measure.id) or clean(figure.measure.name, NAME_CAP)
    area = "England" if figure.area.kind == ENGLAND.kind else clean(figure.area.name, NAME_CAP)
    now, was = (numbers.figure_value(figure, value) for value in (figure.value, revision.old))
    if now == was:  # they differ beyond the decimals that are usual
        now, was = (numbers.exact(value, figure.measure.unit) for value in (figure.value, revision.old))
    if revision.entered:
        area, was = f"{area}, {numbers.period(figure.period)}", f"{was} as entered by hand"
    return line(f"{label} ({figure.measure.id}), {area}: now ", bold(now), f", was {was}")


@_say.register
def _moved(finding: DateMoved, source: Scraper, now: datetime) -> Message:
    date = numbers.expected(finding.release.expected or "")
    return Message(
        (
            line(bold(f"📅 New release date: {date}")),
            line(_title(finding.release)),
            line(f"It was announced for {numbers.expected(finding.before)}."),
        ),
        buttons=_open(finding.release.url),
    )


@_say.register
def _overdue(finding: Overdue, source: Scraper, now: datetime) -> Message:
    date = numbers.expected(finding.release.expected or "")
    return Message(
        (
            line(bold("⏰ Not published as announced")),
            line(_title(finding.release)),
            line(f"It was due on {date} at 09:30 and has not been seen yet."),
        ),
        buttons=_open(finding.release.url),
    )


@_say.register
def _mark(finding: MarkCrossed, source: Scraper, now: datetime) -> Message:
    past = () if finding.count == finding.mark else (f" – past {numbers.count(finding.mark)}",)
    lines = [
        line(bold(f"✍️ {numbers.signatures(finding.count)}"), *past),
        line(clean(source.title, TITLE_CAP)),
    ]
    if finding.goal:
        lines.append(line(_progress(finding.count, finding.goal)))
    if finding.surge:
        lines.append(
            line(f"A surge: at its usual pace {numbers.count(finding.surge.usual)} would have come.")
        )
    lines += _ahead(finding.projection)
    since = numbers.day_and_time(finding.before_at)
    lines.append(line(f"It was {numbers.count(finding.before)} when it last changed, {since}."))
    return Message(tuple(lines), buttons=_open(source.url))


def _ahead(projection: Projection | None) -> list[Line]:
    """Return when the goal may be reached, with the interval in which it is four times in five."""
    if projection is None:
        return []
    pace = f"{_signatures_a_day(projection.rate)} a day now"
    if projection.middle is None or not projection.in_reach:
        chance = projection.chance
        before = f"; {numbers.chance(chance)} before it closes" if chance is not None else ""
        return [line(bold("Not at this pace"), f": {pace}{before}.")]
    late = numbers.day(projection.late) if projection.late else "years later"
    early = numbers.day(projection.early or projection.middle)
    return [
        line(
            f"At this pace ({pace}) the goal is reached about ",
            bold(numbers.day(projection.middle)),
            f"; four times in five between {early} and {late}.",
        )
    ]


def _signatures_a_day(rate: float) -> str:
    return numbers.count(rate) if rate >= 10 else f"{rate:.1f}".removesuffix(".0")


@_say.register
def _pace(finding: PaceTurned, source: Scraper, now: datetime) -> Message:
    burst = finding.burst
    since = numbers.day_and_time(burst.start)
    usual = numbers.count(burst.usual)
    title = "🚀 Signatures surge" if burst.turn == "surge" else "🐢 Signatures slow down"
    lines = [
        line(bold(f"{title}: {numbers.count(burst.gain)} since {since}")),
        line(clean(source.title, TITLE_CAP)),
        line(f"At its usual pace {usual} would have come. It has {numbers.signatures(finding.count)} now."),
        *_ahead(finding.projection),
    ]
    return Message(tuple(lines), buttons=_open(source.url))


@_say.register
def _fell(finding: CountFell, source: Scraper, now: datetime) -> Message:
    removed = numbers.signatures(finding.before - finding.count)
    lines = (
        line(bold(f"✂️ {removed} removed")),
        line(clean(source.title, TITLE_CAP)),
        line(f"It has {numbers.count(finding.count)} now, and had {numbers.count(finding.before)}."),
    )
    return Message(lines, buttons=_open(source.url))


@_say.register
def _closing(finding: ClosingSoon, source: Scraper, now: datetime) -> Message:
    lines = [
        line(bold(f"⏳ The petition closes on {numbers.day(finding.closes.astimezone(LONDON))}")),
        line(clean(source.title, TITLE_CAP)),
        line(f"{numbers.signatures(finding.count)}."),
    ]
    if finding.goal:
        lines.append(line(_progress(finding.count, finding.goal)))
    return Message((*lines, *_ahead(finding.projection)), buttons=_open(source.url))


def _progress(count: int, goal: int) -> str:
    if count >= goal:
        return f"Our goal of {numbers.count(goal)} is reached."
    to_go = numbers.count(goal - count)
    reached = 1000 * count // goal / 10  # rounded down: 100.0% with some to go would puzzle
    return f"{reached}% of our goal of {numbers.count(goal)}; {to_go} to go."


@_say.register
def _reading(finding: ReadingChanged, source: Scraper, now: datetime) -> Message:
    figure, before = finding.figure, finding.before
    value, was = (numbers.exact(one.value, one.measure.unit) for one in (figure, before))
    title = clean(source.title, TITLE_CAP)
    if periods.is_reading(figure.period):
        told = line(bold(f"🔢 {title}: {value}"), f" (was {was} on {numbers.period(before.period)})")
    elif figure.period == before.period:
        told = line(
            bold(f"✏️ Corrected: {title}, {numbers.period(figure.period)}: now {value}"), f", was {was}"
        )
    else:
        of = numbers.period(before.period)
        told = line(bold(f"🔢 {title}, {numbers.period(figure.period)}: {value}"), f" (was {was}, {of})")
    return Message((told,), buttons=_open(source.url))


@_say.register
def _fact(finding: FactChanged, source: Scraper, now: datetime) -> Message:
    lines = [line(bold(f"🏛 {_fact_in_words(finding)}")), line(clean(source.title, TITLE_CAP))]
    if finding.count is not None:
        lines.append(line(f"{numbers.signatures(finding.count)}."))
    return Message(tuple(lines), buttons=_open(source.url))


def _fact_in_words(finding: FactChanged) -> str:
    if finding.value is None:
        return FACTS_GONE[finding.name]
    if (finding.name, finding.before, finding.value) == ("state", "closed", "open"):
        return "The petition is open again"
    return FACTS[finding.name].format(value=clean(_date_or_text(finding.value), NAME_CAP))


def _date_or_text(text: str) -> str:
    """Return a published date in words; other text as it is."""
    try:
        return numbers.day(datetime.fromisoformat(text).date())
    except ValueError:
        return text


@_say.register
def _claim(finding: ClaimMoved, source: Scraper, now: datetime) -> Message:
    standing, before, was = finding.news
    claim = standing.claim
    lines = [
        line(bold(CLAIMS["corrected" if was is not None else standing.verdict])),
        line(f"“{clean(claim.says, TITLE_CAP)}” ({clean(claim.where, NAME_CAP)})"),
    ]
    if standing.value is not None:
        old = f", was {numbers.value(was, standing.unit)}" if was is not None else ""
        value = numbers.value(standing.value, standing.unit)
        by_hand = ", entered by hand" if standing.entered else ""
        period = numbers.period(standing.period or "")
        lines.append(line("The figure: ", bold(value), f"{old}, {period}{by_hand}"))
    if standing.why:
        lines.append(line(clean(_sentence(standing.why), NAME_CAP)))
    if claim.holds:
        lines.append(line(_conditions(claim)))
    lines.append(line(f"Before: {before}. Now: {standing.verdict}."))
    tail = [line(clean(claim.note, TROUBLE_CAP))] if claim.note else []
    return Message(tuple(lines), (), tuple(tail), _open(source.url))


def _conditions(claim: Claim) -> str:
    """Return between which values a claim holds: `It holds from 31.5 to 35.5; it is thin from 30 to 38.5.`"""
    holds = f"It holds {numbers.bounds(*claim.holds)}" if claim.holds else ""
    thin = f"; it is thin {numbers.bounds(*claim.thin)}" if claim.thin else ""
    return f"{holds}{thin}."


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."


@_say.register
def _watched(finding: WatchMoved, source: Scraper, now: datetime) -> Message:
    return Message(tuple(signals.lines_of(finding, source)), buttons=_open(finding.release.url))


@_say.register
def _shifted(finding: Shifted, source: Scraper, now: datetime) -> Message:
    first, *rest = news_lines(finding.news)
    tail = (line(f"{_period(finding.release)}, against all others. Referrals, not people."),)
    return Message(
        (line(bold(clean(first, TITLE_CAP))), *map(line, rest)), (), tail, _open(finding.release.url)
    )


@_say.register
def _asked(finding: Asked, source: Scraper, now: datetime) -> Message:
    return Message(tuple(signals.asked(finding)), buttons=_open(finding.release.url))


@_say.register
def _noticed(finding: Noticed, source: Scraper, now: datetime) -> Message:
    notice = finding.notice
    said = f" on {numbers.day(notice.published.astimezone(LONDON))}" if notice.published else ""
    return Message(
        (
            line(bold(f"📣 {clean(notice.title, TROUBLE_CAP)}")),
            line(f"{clean(source.title, TITLE_CAP)}{said}."),
        ),
        buttons=_open(notice.url),
    )


@_say.register
def _page_changed(finding: NoticedForOperator, source: Scraper, now: datetime) -> Message:
    told = _noticed(finding, source, now)
    hint = line("If it has a new figure, enter it: ", code(f"figurewatch enter {source.key} --help"))
    return Message(told.lines, tail=(hint,), buttons=told.buttons)


@_say.register
def _entered(finding: Entered, source: Scraper, now: datetime) -> Message:
    figure, before, release = finding.figure, finding.before, finding.release
    area = "England" if figure.area.kind == ENGLAND.kind else clean(figure.area.name, NAME_CAP)
    what = f"{clean(figure.measure.name, NAME_CAP)}, {area}, {numbers.period(figure.period)}"
    value = numbers.exact(figure.value, figure.measure.unit)
    was = f", was {numbers.exact(before.old, figure.measure.unit)}" if before else ""
    told = line(f"📝 {what}: ", bold(f"now {value}" if before else value), was)
    tail = [line("You may have quoted the old number.")] if before else []
    return Message(
        (told, line(_sentence(_title(release)))),
        tail=tuple(tail),
        buttons=_open(release.url),
        silent=before is None,
    )


@_say.register
def _introduced(finding: Introduced, source: Scraper | None, now: datetime) -> Message:
    shown = [f"{clean(title, NAME_CAP)} ({newest(found, title)})" for title, found in finding.sources]
    more = f"; and {len(shown) - INTRODUCED} more" if len(shown) > INTRODUCED else ""
    return Message((line(bold("👀 Now watching: "), "; ".join(shown[:INTRODUCED]) + more),))


def newest(found: Release | Figure | None, title: str = "") -> str:
    """Return what a source says now, in a few words; what its `title` says already is left out."""
    match found:
        case None:
            return "nothing published yet"
        case Figure(measure=measure) if measure.name == title:
            return numbers.exact(found.value, measure.unit)
        case Release(key="live"):
            return "no figures: its changes count"
        case Figure():
            return clean(numbers.in_words(found), NAME_CAP)
        case Release(period=str()):
            return f"newest: {_period(found)}"
        case Release():
            return f"newest: {clean(found.title, NAME_CAP)}"


@_say.register
def _troubled(finding: Troubled, source: Scraper | None, now: datetime) -> Message:
    items = [_ill(ill) for ill in finding.troubles]
    title = "⚠️ A source cannot be read" if len(items) == 1 else f"⚠️ {len(items)} sources cannot be read"
    return Message((line(bold(title)),), tuple(items), (line("Nothing stored was changed."),))


def _ill(ill: Ill) -> Line:
    since = f" since {numbers.day_and_time(ill.since)}: "
    due = f" Its next release is due on {numbers.expected(ill.due)}." if ill.due else ""
    kept = f" The page is kept in {ill.kept}" if ill.kept else ""
    return line(bold(ill.source), since, clean(ill.why, TROUBLE_CAP), "." if due or kept else "", due, kept)


@_say.register
def _recovered(finding: Recovered, source: Scraper | None, now: datetime) -> Message:
    items = [
        line(bold(key), f", in trouble since {numbers.day_and_time(since)}") for key, since in finding.sources
    ]
    title = (
        "✅ A source can be read again" if len(items) == 1 else f"✅ {len(items)} sources can be read again"
    )
    return Message((line(bold(title)),), tuple(items))


@_say.register
def _new_measures(finding: NewMeasures, source: Scraper, now: datetime) -> Message:
    items = [line(bold(measure.id), f" {clean(measure.name, NAME_CAP)}") for measure in finding.measures]
    return Message(
        (line(bold("🆕 Measures never seen before")), line(_title(finding.release))),
        tuple(items),
        (line("They are stored. See whether the campaign should follow one."),),
        _open(finding.release.url),
    )


@_say.register
def _definitions(finding: DefinitionsChanged, source: Scraper, now: datetime) -> Message:
    several = f"{len(finding.changes)} definitions" if len(finding.changes) > 1 else "A definition"
    counts = {"renamed": finding.renamed, "new": finding.new, "removed": finding.removed}
    besides = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    return Message(
        (line(bold(f"❓ {several} changed. Do the figures still mean the same?")),),
        tuple(item for change in finding.changes for item in _redefined(change)),
        (
            line("If not, they need a break: what came before is no longer to be compared."),
            *([line(f"Of all measures on the list: {besides}.")] if besides else []),
        ),
        _open(finding.release.file),
    )


def _redefined(change: Redefined) -> Iterator[Line]:
    name = f"{change.now.measure} {clean(change.now.name, NAME_CAP)}"
    for field in change.fields:
        was, is_now = differing(getattr(change.was, field), getattr(change.now, field))
        yield line(bold(name), f", {field}: was {was}; is {is_now}.")


def differing(was: str, now: str) -> tuple[str, str]:
    """Return two texts in quotes, each from some words before they begin to differ."""
    one, other = was.split(), now.split()
    alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
    start = max(alike - WORDS_BEFORE, 0)
    return _quoted(one, start), _quoted(other, start)


def _quoted(words: Sequence[str], start: int) -> str:
    text = " ".join(["…"] * (start > 0) + list(words[start:]))
    return f"“{clean(text, MEANING_CAP)}”" if text else "nothing"


@_say.register
def _held(finding: HeldBack, source: Scraper, now: datetime) -> Message:
    number = f"H{finding.number}"
    lines = [line(bold(f"✋ Held back as {number}: hard to believe")), line(_title(finding.release))]
    tail = [
        line("Nobody else was told and nothing of it is stored. If it is right: "),
        line(code(f"figurewatch release {number}")),
        line("If it is not: "),
        line(code(f"figurewatch reject {number}")),
    ]
    items = [line(doubt(found)) for found in finding.doubts]
    return Message(tuple(lines), tuple(items), tuple(tail), _open(finding.release.url))


def doubt(found: Doubt) -> str:
    """Return what is not believed, in one line: `M001 of England: 1,631,000, was 163,100, …`."""
    if found.now is None:
        return found.what
    parts = [f"{found.what}: {numbers.value(found.now, found.unit)}"]
    if found.before is not None:
        parts.append(f"was {numbers.value(found.before, found.unit)}")
    bounds = [
        f"{word} {numbers.value(bound, found.unit)}"
        for word, bound in (("at least", found.low), ("at most", found.high))
        if bound is not None
    ]
    return ", ".join([*parts, f"believed {' and '.join(bounds)}"])


@_say.register
def _delivery(finding: DeliveryProblem, source: Scraper | None, now: datetime) -> Message:
    return Message((line(bold("📮 Delivery")), line(clean(finding.text, TROUBLE_CAP))))


@_say.register
def _told(finding: Told, source: Scraper | None, now: datetime) -> Message:
    reached = finding.chats - len(finding.missing)
    chats = "1 chat" if finding.chats == 1 else f"{numbers.count(finding.chats)} chats"
    when = f", {numbers.duration(finding.after)} after {finding.since}" if finding.after is not None else ""
    sign = "⚠️" if finding.missing else "📬"
    title = line(bold(f"{sign} #A{finding.alert} told:"), f" {reached} of {chats}{when}")
    missing = (line(bold(chat), f": {clean(how, NAME_CAP)}") for chat, how in finding.missing)
    return Message((title,), tuple(missing), silent=not finding.missing)


@_say.register
def _unwell(finding: Unwell, source: Scraper | None, now: datetime) -> Message:
    return Message((line(bold("🩺 The worker needs a look")), line(clean(finding.text, TROUBLE_CAP))))


@_say.register
def _daily(finding: DailyLine, source: Scraper | None, now: datetime) -> Message:
    said = [f"{finding.read} of {finding.sources} sources read"]
    if finding.next_release:
        said.append(f"next release {numbers.expected(finding.next_release)}")
    said.append(f"{finding.waiting or 'no'} message{'' if finding.waiting == 1 else 's'} waiting")
    if finding.held:
        said.append(f"held for your decision: {', '.join(f'H{number}' for number in finding.held)}")
    if finding.free is not None:
        said.append(f"{finding.free / 1e9:.1f} GB of disk free")
    return Message((line(bold("☀️ Alive: "), "; ".join(said)),), silent=True)


def _period(release: Release) -> str:
    return clean(numbers.period(release.period or ""), NAME_CAP)


def _title(release: Release) -> str:
    return clean(release.title, TITLE_CAP)


def _figures(count: int) -> str:
    return "1 figure" if count == 1 else f"{numbers.count(count)} figures"


def _open(url: str) -> tuple[tuple[Button, ...], ...]:
    return ((Button(f"Open {urlsplit(url).hostname}", url),),)
