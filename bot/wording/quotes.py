"""What is fit to be quoted of a figure: what is safe to say, what is not, the reply to expect, and more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bot.rules import periods
from bot.rules.account import is_shown
from bot.rules.claims import Standing
from bot.wording import numbers
from bot.wording.answers import ROUNDED, UNRANKED, Origin, Told, called, due, opens, said_by, when
from bot.wording.claims import reason
from bot.wording.language import t
from bot.wording.markup import NAME_CAP, Line, Message, bold, clean, italic, line
from bot.wording.sayings import Saying, saying_of
from scrapers.toolkit.contract import ENGLAND

TITLE_CAP, CLAIM_CAP = 120, 300


def fit_to_quote(told: Told, next_release: str | None) -> list[Line]:
    """Return what is fit to be quoted of a figure, or why nothing is.

    `next_release` is the announced day or month of the next figures.
    """
    return list(_lines(told, next_release))


def _lines(told: Told, next_release: str | None) -> Iterator[Line]:
    named, account = told.series.measure, told.account
    refused = _refused(told)
    if refused:
        yield line(refused)
        return
    saying = saying_of(named.source, named.id, named.unit, named.of)
    if saying is None:
        yield line(t("Not to be quoted: the publisher does not say of what it is a share."))
        return
    safe = t(
        saying.safe,
        area=_area(told),
        period=when(account.period),
        value=_value(told, account.value),
        of=t(saying.of) if saying.of else clean(t(named.of), TITLE_CAP),
        title=called(named),
    )
    yield line(bold(t("Safe to quote: ")), f"“{safe}” ({told.origin.publisher})")
    yield line(bold(t("Not to say: ")), t(saying.unsafe))
    if told.series.place.kind == UNRANKED:
        yield line(t("Nor beside other providers: they see different people."))
    yield line(bold(t("Expect to hear: ")), t(saying.reply))
    if periods.is_reading(account.period):
        yield line(t("It changes all day: say of which day it is."))
        return
    yield from _beside(told)
    yield line(_next(next_release))


def _refused(told: Told) -> str:
    """Return why a figure may not be quoted at all; empty where it may."""
    place, account = told.series.place, told.account
    if not is_shown(told.series.measure.id, place.code):
        return t("Not to be quoted: deaths are told for England alone.")
    if account.state == "withheld":
        return t("Nothing to quote: it is withheld. Do not work it out from other figures.")
    if account.value is None:
        return t("Nothing to quote: there is no figure, or one of too few.")
    return ""


def _beside(told: Told) -> Iterator[Line]:
    """Yield the same period last year, and twelve months together."""
    account = told.account
    if account.year_ago is not None:
        before = when(periods.year_before(account.period))
        yield line(t("{period}: {value}.", period=before, value=_value(told, account.year_ago)))
    if account.year is not None:
        until = when(account.period)
        yield line(
            t("12 months to {period}: {value}. ", period=until, value=_value(told, account.year)),
            t("Never set a month beside a year."),
        )
    elif periods.kind(account.period) == "month":
        yield line(t("There is no figure of 12 months together."))


def claim_to_quote(standing: Standing, publisher: str, next_release: str | None) -> list[Line]:
    """Return how a claim may be said now, by how it stands."""
    claim, figure = standing.claim, _figure_of(standing, publisher)
    says = f"“{clean(claim.says, CLAIM_CAP)}”"
    lines = [_by_verdict(standing, says, figure)]
    if told := reason(standing):
        lines.append(line(f"{told[:1].upper()}{told[1:]}."))
    if claim.note:
        lines.append(line(bold(t("Know this first: ")), clean(claim.note, CLAIM_CAP)))
    if known := _saying(standing):
        lines.append(line(bold(t("Expect to hear: ")), t(known.reply)))
    return [*lines, line(_next(next_release))]


def _by_verdict(standing: Standing, says: str, figure: str) -> Line:
    match standing.verdict:
        case "holds":
            return line(bold(t("Safe to quote: ")), f"{says} {figure}")
        case "thin":
            return line(bold(t("Say the figure with it: ")), f"{says} {figure}")
        case "broken":
            return line(bold(t("Not to say now: ")), f"{says} {figure}")
        case "unknown":
            return line(bold(t("Say no more than the figure: ")), figure or t("there is none yet"))


def _figure_of(standing: Standing, publisher: str) -> str:
    """Return the figure under a claim, with its whole where it is a share: `(37.0% of …, 2024-25; …)`."""
    if standing.value is None or standing.period is None:
        return ""
    value, known, of = numbers.value(standing.value, standing.unit), _saying(standing), standing.claim.figure
    if of.since is not None:
        value = t("{value} more than in {year}", value=value, year=of.since)
    elif of.less is not None:
        value = t("a gap of {value} points", value=value.removesuffix("%"))
    elif known and known.is_share and known.of:
        value = t("{value} of {of}", value=value, of=t(known.of))
    if of.months is not None:
        value = t("{value}, {count} months together", value=value, count=of.months)
    return f"({value}, {when(standing.period)}; {publisher})"


def _saying(standing: Standing) -> Saying | None:
    figure = standing.claim.figure
    return saying_of(figure.source, figure.measure, standing.unit, "")


def _next(expected: str | None) -> str:
    if expected is None:
        return t("The next figures are not announced yet.")
    return t("Next figures: {day}.", day=due(expected))


def _area(told: Told) -> str:
    place = told.series.place
    return t("England") if place.code == ENGLAND.code else clean(place.name, NAME_CAP)


def _value(told: Told, number: float | None) -> str:
    whole = told.series.place.kind in ROUNDED
    return numbers.value(number, told.series.measure.unit, whole=whole)


def message(head: str, lines: Iterable[Line], origin: Origin) -> Message:
    """Return the answer to [Quote]: of what, what is fit to be quoted, and from where."""
    first = line(bold(clean(head, CLAIM_CAP)))
    return Message((first, *lines), tail=(line(italic(said_by(origin))),), buttons=opens(origin.page))
