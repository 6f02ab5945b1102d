"""What is answered about figures: one, two beside each other, how one is made, and what may be asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from bot.rules import periods
from bot.rules.account import Account
from bot.rules.meanings import Meaning
from bot.rules.measures import FEWEST, Derived, History
from bot.rules.verdicts import Verdict
from bot.rules.wanted import DROP_OUT, Named, Series, Wanted
from bot.rules.xmr import FEWEST as FEWEST_POINTS
from bot.rules.xmr import Kind
from bot.wording import numbers
from bot.wording.charts import OGL, PairChart
from bot.wording.language import later, n, t
from bot.wording.markup import NAME_CAP, Button, Line, Message, bold, clean, italic, line, link
from scrapers.toolkit.contract import ENGLAND, Unit

WORDS_CAP, MEANING_CAP = 60, 400
PAIR_SHOWN, LEGEND_CAP = 39, 40  # periods of a chart of two series, and characters of their names in it
ROUNDED = frozenset({"CommissioningRegion", "SubICB", "ICB", "Provider"})  # whose percentages are whole ones
UNRANKED = "Provider"  # the kind of area that is never ranked
OF_APPOINTMENTS = later("These are appointments, not people.")


class Origin(NamedTuple):
    """Where a figure comes from: who published it, when, in which release and file, and at what page."""

    publisher: str
    title: str
    page: str
    file: str = ""
    published: datetime | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """A figure to be told: what it is, what can be said of it, and from where it comes."""

    series: Series
    account: Account
    origin: Origin
    cautions: tuple[str, ...] = ()
    ended: bool = False  # whether its source has published newer figures, and none of this
    became: str = ""  # what became of its organisation, or which others joined it


class Corrected(NamedTuple):
    """A value that was corrected: of which measure, from what to what, and when that was seen."""

    measure: str
    unit: str
    old: float | None
    new: float | None
    seen: datetime


def figure(told: Told, wanted: Wanted, buttons: tuple[tuple[Button, ...], ...]) -> Message:
    """Return the answer to what a figure is."""
    account, named = told.account, told.series.measure
    lines = [line(bold(_headline(told)))]
    lines += [line(text) for text in (*_read_as(wanted, named), *_beside(told), *_of(told)) if text]
    tail = [line(text) for text in (*_broken(account), *_cautions(told)) if text]
    return Message(tuple(lines), (), (*tail, line(italic(said_by(told.origin)))), buttons)


def card(told: Told) -> Message:
    """Return a figure in short, to be posted anywhere: what, how much, of what, and from where."""
    lines = [line(bold(_headline(told))), *(line(text) for text in (*_beside(told), *_of(told)) if text)]
    tail = [line(text) for text in _cautions(told)]
    source = line(italic(f"{said_by(told.origin)} · {OGL}"))
    return Message(tuple(lines), (), (*tail, source), opens(told.origin.page))


def summary(told: Told) -> str:
    """Return the figure as one line of plain words."""
    return _headline(told)


def _headline(told: Told) -> str:
    """Return what is known: `Treated once only, England: 40.8% in March 2026`."""
    account = told.account
    values: dict[str, object] = {
        "name": called(told.series.measure),
        "area": clean(told.series.place.name, NAME_CAP),
        "period": when(account.period),
        "fewest": FEWEST,
    }
    match account.state:
        case "withheld":
            return t("{name}, {area}: withheld by the publisher in {period}", **values)
        case "few":
            return t("{name}, {area}: not computed in {period}, for it is of fewer than {fewest}", **values)
        case "missing":
            return t("{name}, {area}: not published whole in {period}", **values)
    if periods.is_reading(account.period):
        return t("{name}: {value} on {period}", value=_value(told, account.value), **values)
    return t("{name}, {area}: {value} in {period}", value=_value(told, account.value), **values)


def _read_as(wanted: Wanted, named: Named) -> Iterator[str]:
    """Yield how the question was understood, where that is not plain."""
    if wanted.instead:
        yield t("Read as “{words}”.", words=clean(wanted.instead, WORDS_CAP))
    if wanted.drop_out and named.id in DROP_OUT:
        yield t("There is no official drop-out figure; this is the one nearest to what people mean.")


def _beside(told: Told) -> Iterator[str]:
    """Yield what came before, and whether the value is unusual."""
    account = told.account
    each = _each(account.period)
    if account.before is not None:
        yield _before(told, account.before) + (
            " " + t("Same {each} last year: {value}.", each=each, value=_value(told, account.year_ago))
            if account.year_ago is not None
            else ""
        )
    elif account.year_ago is not None:
        yield t("Same {each} last year: {value}.", each=each, value=_value(told, account.year_ago))
    if account.verdict is not None and account.value is not None:
        yield _usual(told, account.verdict)
    elif account.value is not None and account.span > 1:
        yield t("Neighbouring months overlap, so that it is not said what is usual.")
    elif account.value is not None and periods.kind(account.period) in ("month", "quarter"):
        yield t(
            "Too few {each}s with a value to say what is usual ({fewest} are needed).",
            each=each,
            fewest=FEWEST_POINTS,
        )


def _before(told: Told, value: float) -> str:
    account, said = told.account, _value(told, value)
    if account.span > 1:
        return t("{count} months before: {value}.", count=account.span, value=said)
    return t("{each} before: {value}.", each=_capital(_each(account.period)), value=said)


def _usual(told: Told, verdict: Verdict) -> str:
    said = t(
        "Usual range {low} to {high}: {verdict}.",
        low=_value(told, verdict.lower),
        high=_value(told, verdict.upper),
        verdict=unusual(verdict),
    )
    extreme = told.account.extreme
    if extreme is None:
        return said
    word = t("Highest") if extreme.word == "highest" else t("Lowest")
    if extreme.since:
        return f"{said} " + t("{word} since {period}.", word=word, period=when(extreme.since))
    return f"{said} " + t(
        "{word} of {count} {each}s.", word=word, count=extreme.of, each=_each(verdict.period)
    )


def judged(told: Told) -> Iterator[Line]:
    """Yield whether a value is unusual, where that can be said."""
    if told.account.verdict is not None and told.account.value is not None:
        yield line(_usual(told, told.account.verdict))


def unusual(verdict: Verdict) -> str:
    """Return in words what the XmR rules say of a value."""
    kind, count, each = verdict.kind, verdict.lasted, _each(verdict.period)
    match kind:
        case Kind.COMMON:
            return t("nothing unusual")
        case Kind.RISING:
            return n("a rise", "{count} rises in a row", count)
        case Kind.FALLING:
            return n("a fall", "{count} falls in a row", count)
        case Kind.TWO_ABOVE:
            return t("two of the last three {each}s far above its average", each=each)
        case Kind.TWO_BELOW:
            return t("two of the last three {each}s far below its average", each=each)
        case Kind.RUN_ABOVE:
            return t("{count} {each}s in a row above its average", count=count, each=each)
        case Kind.RUN_BELOW:
            return t("{count} {each}s in a row below its average", count=count, each=each)
        case Kind.ABOVE_LIMIT:
            return t("unusually high")
        case Kind.BELOW_LIMIT:
            return t("unusually low")


def _of(told: Told) -> Iterator[str]:
    """Yield of what a share is one, with its numbers, the share of a year, and the target."""
    account, named = told.account, told.series.measure
    if named.unit == Unit.PERCENT:
        of = _denominator(told)
        if account.parts and account.state == "known":
            top, bottom = map(numbers.count, account.parts)
            yield t("Of {denominator}: {top} of {bottom}.", denominator=of, top=top, bottom=bottom)
        else:
            yield t("Of {denominator}.", denominator=of)
    if account.year is not None:
        yield t("Twelve months together: {value}.", value=_value(told, account.year))
    if account.aim.target is not None and told.series.place.code == ENGLAND.code:
        met = {
            "consistent_pass": t("usually met"),
            "consistent_fail": t("usually missed"),
            "inconsistent": t("sometimes met, sometimes missed"),
        }.get(account.assurance or "")
        target = _value(told, account.aim.target)
        yield (
            t("Target {value}: {met}.", value=target, met=met) if met else t("Target {value}.", value=target)
        )


def _denominator(told: Told) -> str:
    return clean(t(told.series.measure.of) or t("what, the publisher does not say"), 2 * NAME_CAP)


def _broken(account: Account) -> Iterator[str]:
    broken = account.broken  # one without measures is said of the organisation
    if broken and broken.measures and min(account.values) < broken.period:
        yield t(
            "It means something else from {period} on, and is not compared with what came before.",
            period=when(broken.period),
        )


def _cautions(told: Told) -> Iterator[str]:
    if told.ended:
        yield t("Nothing newer has been published of it.")
    if told.became:
        yield told.became
    yield from map(t, told.cautions)
    if told.series.place.kind == UNRANKED:
        yield t("Providers see different people: this is no ranking.")


def ask_place(wanted: Wanted, buttons: tuple[tuple[Button, ...], ...]) -> Message:
    """Return the question where, after a measure whose place was not found."""
    named, unknown = wanted.measures[0], clean(wanted.unknown, WORDS_CAP)
    head = line(bold(t("{name}: where?", name=called(named))))
    if buttons:
        return Message(
            (head, line(t("“{words}” is no place that has it. Did you mean:", words=unknown))),
            buttons=buttons,
        )
    return Message(
        (head, line(t("“{words}” is no place that has it. Send a name or a code.", words=unknown)))
    )


def ask_measure(wanted: Wanted, buttons: tuple[tuple[Button, ...], ...]) -> Message:
    """Return the question which figure, after a place, or after nothing."""
    if wanted.places:
        place = clean(wanted.places[0].name, NAME_CAP)
        return Message((line(bold(t("Which figure of {area}?", area=place))),), buttons=buttons)
    return Message(
        (line(bold(t("Which figure?"))), line(t("For example: /figure drop-out Kent"))), buttons=buttons
    )


def not_found(wanted: Wanted) -> Message:
    """Return the one line that answers words which name nothing."""
    words = clean(wanted.unknown, WORDS_CAP)
    return Message(
        (line(t("Nothing here is called “{words}”. What can be asked for: /measures", words=words)),)
    )


def no_figures(series: Series) -> Message:
    """Return the line for a figure of which nothing is stored, or that is not shown."""
    values = {"name": called(series.measure), "area": clean(series.place.name, NAME_CAP)}
    return Message((line(t("There is no figure for {name}, {area}.", **values)),))


def compare(first: Told, second: Told) -> Message:
    """Return two figures beside each other."""
    same = first.series.measure == second.series.measure
    one, other = (_label(told, same=same) for told in (first, second))
    shared = called(first.series.measure) if same else clean(first.series.place.name, NAME_CAP)
    lines = [line(bold(t("{what}: {one} and {other}", what=shared, one=one, other=other)))]
    for told, label in ((first, one), (second, other)):
        lines.append(line(bold(f"{label}: "), _in_short(told)))
        lines += [line(text) for text in _of(told) if not same]
    if same and first.series.measure.unit == Unit.PERCENT:
        lines.append(line(t("Of {denominator}.", denominator=_denominator(first))))
    cautions = dict.fromkeys((*_cautions(first), *_cautions(second)))
    if first.series.measure.unit != second.series.measure.unit:
        lines.append(line(t("They count different things, so that one chart cannot show both.")))
    origins = dict.fromkeys(said_by(told.origin) for told in (first, second))
    tail = [line(text) for text in cautions] + [line(italic(text)) for text in origins]
    return Message(tuple(lines), (), tuple(tail), opens(first.origin.page))


def _in_short(told: Told) -> str:
    account = told.account
    if account.value is None:
        return (
            t("withheld in {period}", period=when(account.period))
            if account.state == "withheld"
            else t("no figure in {period}", period=when(account.period))
        )
    said = t("{value} in {period}", value=_value(told, account.value), period=when(account.period))
    if account.year_ago is None:
        return f"{said}."
    return t("{said}; a year before {value}.", said=said, value=_value(told, account.year_ago))


def pair_chart(first: Told, second: Told) -> PairChart | None:
    """Return the chart of two figures; None where they count different things."""
    named = first.series.measure
    if named.unit != second.series.measure.unit:
        return None
    kinds = {periods.kind(told.account.period) for told in (first, second)}
    if len(kinds) > 1 or "reading" in kinds:
        return None
    every = sorted({*first.account.values, *second.account.values})
    shown = [every[-1]]
    while shown[0] > every[0] and len(shown) < PAIR_SHOWN:
        shown.insert(0, periods.shifted(shown[0], -1))
    same = named == second.series.measure
    title = called(named) if same else clean(first.series.place.name, NAME_CAP)
    return PairChart(
        title,
        named.unit,
        tuple(shown),
        (clean(_label(first, same=same), LEGEND_CAP), clean(_label(second, same=same), LEGEND_CAP)),
        (_shown(first, shown), _shown(second, shown)),
        f"{first.origin.publisher}, {first.origin.title}; {OGL}",
    )


def _shown(told: Told, shown: Sequence[str]) -> tuple[float | None, ...]:
    return tuple(told.account.values.get(period) for period in shown)


def _label(told: Told, *, same: bool) -> str:
    series = told.series
    return clean(series.place.name, NAME_CAP) if same else called(series.measure)


def made(
    told: Told, history: History, meaning: Meaning | None, corrected: Sequence[Corrected], since: str
) -> Iterator[Line]:
    """Yield how a figure is made: formula with its numbers, rows of the file, meaning, and corrections.

    `history` holds the figures that it is taken from; `since` says since when corrections are named.
    """
    account, named = told.account, told.series.measure
    share = account.share
    figures = {code: values[account.period] for code, values in history.items() if account.period in values}
    if share and (formula := _formula(share, figures)):
        value = _value(told, account.value)
        yield line(t("How it is made: {formula} = {value}.", formula=formula, value=value))
    codes = [code for code in dict.fromkeys(share.needs if share else (named.id,)) if code in figures]
    if codes:
        rows = t(
            "Rows {codes} of {area}, {period}",
            codes=", ".join(codes),
            area=_place(told),
            period=when(account.period),
        )
        where = told.origin.file or told.origin.page
        yield line(
            f"{rows}: ", link(clean(urlsplit(where).path.rpartition("/")[2] or where, NAME_CAP), where)
        )
    if meaning:
        said = clean(meaning.definition, MEANING_CAP)
        yield line(
            t("What it means, in the publisher's words ({measure}): ", measure=meaning.measure), italic(said)
        )
    if not corrected:
        yield line(t("No correction {since}.", since=since))
    for one in corrected:
        old, new = (numbers.value(value, one.unit) for value in (one.old, one.new))
        day = numbers.day(one.seen)
        yield line(
            t(
                "Corrected: {measure} was {old}, is {new}, seen on {day}.",
                measure=one.measure,
                old=old,
                new=new,
                day=day,
            )
        )


def _formula(share: Derived, figures: Mapping[str, float | None]) -> str:
    """Return a share as its counts: `100 × M075 39,740 ÷ (M056 155,000 − M153 57,670)`."""
    counts = {code: figures.get(code) for code in (*share.top, share.bottom, *share.less)}
    if None in counts.values():
        return ""
    said = {code: f"{code} {numbers.count(count or 0)}" for code, count in counts.items()}
    top = " + ".join(said[code] for code in share.top)
    bottom = " − ".join(said[code] for code in (share.bottom, *share.less))
    return f"100 × {f'({top})' if len(share.top) > 1 else top} ÷ {f'({bottom})' if share.less else bottom}"


def meaning_of(told: Told, lines: Sequence[Line]) -> Message:
    """Return the answer to what a figure means."""
    head = (line(bold(_headline(told))), *lines)
    tail = (*(line(text) for text in _cautions(told)), line(italic(said_by(told.origin))))
    return Message(head, (), tail, opens(told.origin.page))


def said_by(origin: Origin) -> str:
    """Return who published a figure, and when."""
    if origin.published is None:
        return origin.publisher
    day = numbers.day(origin.published)
    return t("{publisher} · published {day}", publisher=origin.publisher, day=day)


def under_chart(says: str, origin: Origin) -> Message:
    """Return the caption of a chart, ready to be posted on: what it says, its source and its licence."""
    return Message((line(says),), (), (line(italic(f"{said_by(origin)} · {OGL}")),))


def opens(url: str) -> tuple[tuple[Button, ...], ...]:
    """Return the button that opens an address; none without one."""
    host = urlsplit(url).hostname
    return ((Button(t("Open {host}", host=host), url),),) if host else ()


def called(named: Named) -> str:
    """Return what a measure is called."""
    return clean(t(named.title), NAME_CAP)


def when(period: str) -> str:
    """Return a period in words; of a reading its day."""
    if periods.kind(period) == "year":
        return t("{year} (April to March)", year=period)
    return clean(numbers.period(period), NAME_CAP)


def due(expected: str) -> str:
    """Return an announced day or month in words, as it is where it is neither."""
    try:
        return numbers.period(expected) if len(expected) == 7 else numbers.day(date.fromisoformat(expected))
    except ValueError:
        return clean(expected, NAME_CAP)


def _each(period: str) -> str:
    return {"month": t("month"), "quarter": t("quarter"), "year": t("year")}.get(
        periods.kind(period), t("reading")
    )


def _place(told: Told) -> str:
    """Return a place by its name, and the code by which it stands in the file."""
    place = told.series.place
    name = clean(place.name, NAME_CAP)
    return name if place.code in place.name else t("{name} ({code})", name=name, code=place.code)


def _value(told: Told, number: float | None) -> str:
    whole = told.series.place.kind in ROUNDED
    return numbers.value(number, told.series.measure.unit, whole=whole)


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"
