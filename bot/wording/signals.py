"""What the watch list says, in words: what changed, then how big against the usual, then its definition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bot.rules import periods
from bot.rules.findings import Asked, Remarks, WatchMoved
from bot.rules.measures import DERIVED, PUBLISHED, share_of
from bot.rules.signals import Closing, Question, Signal
from bot.wording import numbers
from bot.wording.causes import cause
from bot.wording.language import later, n, t
from bot.wording.markup import NAME_CAP, Line, bold, clean, code, line
from bot.wording.shifts import digest_line
from scrapers.toolkit.contract import ENGLAND, Scraper, Unit

EXTREMES = {"highest": later("highest"), "lowest": later("lowest")}
UNITS: Mapping[str, Unit] = {"M049": Unit.MEDIAN, "M038": Unit.COUNT}  # watched and no share


def lines_of(finding: WatchMoved, source: Scraper) -> Iterator[Line]:
    """Yield the lines of one family's message: three for each of its series."""
    for signal in finding.signals:
        yield line(bold(headline(signal)))
        yield line(_against_the_usual(signal))
        if definition := _definition(signal):
            yield line(definition)


def headline(signal: Signal) -> str:
    """Return what changed: `📉 Treated once only, England: 40.8% in March 2026 – better`."""
    arrow = "📈" if signal.direction > 0 else "📉"
    judged = "" if signal.is_good is None else t(" – better") if signal.is_good else t(" – worse")
    return t(
        "{arrow} {name}, {area}: {value} in {period}{judged}",
        arrow=arrow,
        name=title(signal.measure),
        area=_area(signal.area),
        value=_value(signal, signal.value),
        period=numbers.period(signal.period),
        judged=judged,
    )


def _against_the_usual(signal: Signal) -> str:
    parts = []
    if signal.before is not None:
        before = numbers.period(periods.shifted(signal.period, -1)).partition(" ")[0]
        word = t("up from") if signal.value > signal.before else t("down from")
        word = t("as in") if signal.value == signal.before else word
        earlier = t(
            "{word} {value} in {period}", word=word, value=_value(signal, signal.before), period=before
        )
        parts.append(earlier)
    if signal.year_ago is not None:
        year = numbers.period(periods.year_before(signal.period))
        parts.append(t("{value} in {period}", value=_value(signal, signal.year_ago), period=year))
    usual = [t("usual {low}–{high}", low=_bare(signal, signal.lower), high=_value(signal, signal.upper))]
    usual.append(cause(signal.kind, signal.lasted, periods.kind(signal.period)))
    if signal.extreme:
        word, since = t(EXTREMES[signal.extreme.word]), signal.extreme.since
        usual.append(
            t("{word} since {period}", word=word, period=numbers.period(since))
            if since
            else t("{word} of {count} months", word=word, count=signal.extreme.of)
        )
    if signal.turn:
        back = t("first fall") if signal.turn.word == "rise" else t("first rise")
        usual.append(t("{back} after {steps} months", back=back, steps=signal.turn.steps))
    text = "; ".join(filter(None, (", ".join(parts), ", ".join(usual))))
    if signal.without:
        count = len(signal.without.areas)
        less = n("without one provider", "without {count} providers", count)
        value, instead = _value(signal, signal.without.value), _value(signal, signal.value)
        text += ". " + t("{less}: {value}, not {instead}", less=_capital(less), value=value, instead=instead)
    return _capital(text) + "."


def _definition(signal: Signal) -> str:
    parts = []
    share = share_of(signal.measure)
    if share:
        parts.append(t("Of {denominator}.", denominator=t(share.of)))
    if signal.year is not None:
        parts.append(t("12 months: {value}.", value=_value(signal, signal.year)))
    if signal.target is not None:
        word = {
            "consistent_pass": t("usually met"),
            "consistent_fail": t("usually missed"),
        }.get(signal.assurance or "", t("sometimes met, sometimes missed"))
        parts.append(t("Target {value}: {word}.", value=_value(signal, signal.target), word=word))
    return " ".join(parts)


def asked(finding: Asked) -> Iterator[Line]:
    """Yield the question that is put to the operator."""
    question = finding.question
    name = clean(finding.measure.name if finding.measure else title(question.measure), NAME_CAP)
    code_of = clean(question.measure, NAME_CAP)
    yield line(bold(t("❓ Is this right? {name} ({measure})", name=name, measure=code_of)))
    yield line(_why(question))
    for signal in question.signals:
        yield line(t("Held back until you say so: {headline}", headline=headline(signal)))


def how_to_answer(number: int) -> Iterator[Line]:
    """Yield the commands by which the operator lets go or drops what a question holds back."""
    yield line(t("If it is right: "), code(f"figurewatch release A{number}"))
    yield line(t("If it is not: "), code(f"figurewatch reject A{number}"))


def _why(question: Question) -> str:
    unit = UNITS.get(question.measure, Unit.PERCENT if share_of(question.measure) else Unit.COUNT)
    now = numbers.value(question.value, unit)
    before = numbers.value(question.before, unit) if question.before is not None else t("not known")
    period = numbers.period(question.period)
    values = {"now": now, "before": before, "period": period, "area": _area(question.area)}
    match question.why:
        case "jump":
            return t("{area}: {before}, then {now} in {period}. No few providers make this move.", **values)
        case "blanks":
            return t(
                "{area}: ended with no valid reason {before}, then {now} in {period}. "
                "Shares by end code move with it, whatever happened to patients.",
                **values,
            )
        case "renamed":
            return t(
                "It has another name from {period} on and moved from {before} to {now}: is it the same?",
                **values,
            )


def remarks(found: Remarks) -> Iterator[Line]:
    """Yield in one line what was checked, and what ended and what was renamed where something was."""
    if found.digest:
        yield line("🔎 ", digest_line(found.digest), ".")
    for closing in found.closings:
        yield line(closed(closing))
    if found.renamed:
        shown = "; ".join(clean(f"{code} {new}", NAME_CAP) for code, (_, new) in found.renamed[:5])
        more = t(" and {count} more", count=len(found.renamed) - 5) if len(found.renamed) > 5 else ""
        yield line(t("Renamed, with the same meaning: {shown}{more}.", shown=shown, more=more))


def closed(closing: Closing) -> str:
    """Return that what was told of a series has ended."""
    return t(
        "Back to usual: {name}, {area}, {value} (told in {period}).",
        name=title(closing.measure),
        area=_area(closing.area),
        value=numbers.value(closing.value, unit_of(closing.measure)),
        period=numbers.period(closing.said.period),
    )


def title(measure: str) -> str:
    """Return what a watched measure is called."""
    known = DERIVED.get(measure) or PUBLISHED.get(measure)
    return t(known.title if known else TITLES.get(measure, clean(measure, NAME_CAP)))


TITLES = {"M038": later("Waiting for treatment"), "M049": later("Median wait for treatment, in days")}


def unit_of(measure: str) -> Unit:
    """Return what a watched measure counts."""
    return Unit.PERCENT if share_of(measure) else UNITS.get(measure, Unit.COUNT)


def _value(signal: Signal, number: float) -> str:
    whole = signal.area != ENGLAND.code
    return numbers.value(number, unit_of(signal.measure), whole=whole)


def _area(code: str) -> str:
    return t("England") if code == ENGLAND.code else clean(code, NAME_CAP)


def _bare(signal: Signal, number: float) -> str:
    return _value(signal, number).removesuffix("%")


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"
