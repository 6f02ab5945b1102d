"""The measures that the campaign speaks of: published ones by code, derived ones by formula.

Formulae and pitfalls: docs/measures.md. Source of the codes: NHS England's monthly metadata workbook.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from bot.rules import periods
from scrapers.toolkit.contract import ENGLAND

History = Mapping[str, Mapping[str, float | None]]  # measure code -> period -> value; None is withheld

DEATHS = frozenset({"M062", "M069"})  # never shown below England
APPOINTMENTS = frozenset({"dna", "M082", "M083", "M084", "M085", "M086"})  # all others are of referrals
_ANNUAL = "talking_therapies_annual"
YEAR = 12  # months of the figure for a year
FEWEST = 50  # a share of fewer says more of single people than of a service


@dataclass(frozen=True, slots=True)
class Derived:
    """A share that is computed from published counts when it is needed, and never stored.

    `top` and `less` are the codes that are added up and taken off in the denominator `bottom`; all are of
    `source`. `published` is the code under which the publisher prints the same share, where it does.
    """

    name: str
    title: str
    of: str
    top: tuple[str, ...]
    bottom: str
    less: tuple[str, ...] = ()
    published: str | None = None
    source: str = "talking_therapies_monthly"

    @property
    def needs(self) -> tuple[str, ...]:
        """Return every code that the share may be taken from."""
        return (*self.top, self.bottom, *self.less, *((self.published,) if self.published else ()))

    def value(self, figures: Mapping[str, float | None]) -> float | None:
        """Return the share in percent to one decimal: as published, else computed; None where it must not be.

        `figures` maps codes to values of one area and period: a withheld one is None, one that was not
        published is not there. What is withheld is not worked out from its parts, nor is a share of few.
        """
        if self.published is not None and self.published in figures:
            return figures[self.published]
        return _share([self.parts(figures)])

    def pooled(self, periods: Iterable[Mapping[str, float | None]]) -> float | None:
        """Return the share over several periods together, from their counts; None where any lacks one."""
        return _share([self.parts(figures) for figures in periods])

    def parts(self, figures: Mapping[str, float | None]) -> tuple[Decimal, Decimal] | None:
        """Return numerator and denominator; None where a count is withheld or was not published."""
        counts = [figures.get(code) for code in (*self.top, self.bottom, *self.less)]
        known = [Decimal(str(count)) for count in counts if count is not None]
        if len(known) < len(counts):
            return None
        top, bottom = sum(known[: len(self.top)], Decimal(0)), known[len(self.top)]
        return top, bottom - sum(known[len(self.top) + 1 :], Decimal(0))

    def whole(self, history: History, period: str) -> float:
        """Return the denominator in a period; what is withheld or missing counts nothing."""
        counts = [history.get(code, {}).get(period) or 0 for code in (self.bottom, *self.less)]
        return counts[0] - sum(counts[1:])

    def is_withheld(self, figures: Mapping[str, float | None]) -> bool:
        """Return whether the share is withheld, or all that it is computed from is there and a part is."""
        if self.published is not None and self.published in figures:
            return figures[self.published] is None
        parts = (*self.top, self.bottom, *self.less)
        return all(code in figures for code in parts) and any(figures[code] is None for code in parts)


DERIVED: dict[str, Derived] = {
    derived.name: derived
    for derived in (
        Derived(
            "treated_once",
            'Treated once only ("access attrition")',
            "referrals that were treated and ended",
            ("M075",),
            "M056",
            ("M153",),
            "M288",
        ),
        Derived(
            "ended_early",
            "Ended earlier than planned (end code 47)",
            "referrals that ended with a valid reason",
            ("M344",),
            "M056",
            ("M072", "M071"),
        ),
        Derived(
            "no_end_reason",
            "Ended with no valid reason recorded",
            "referrals that ended",
            ("M072", "M071"),
            "M056",
        ),
        Derived(
            "before_treatment",
            "Ended before treatment",
            "referrals that ended",
            ("M153",),
            "M056",
            (),
            "M077",
        ),
        Derived(
            "finished",
            "Finished a course (two sessions or more)",
            "referrals that ended",
            ("M076",),
            "M056",
            (),
            "M079",
        ),
        Derived(
            "six_weeks_first", "First treatment within 6 weeks", "referrals first treated", ("M036",), "M031"
        ),
        Derived(
            "over_90_days",
            "Over 90 days from first to second treatment",
            "second treatments",
            ("M047",),
            "M184",
            (),
            "M126",
        ),
        Derived("dna", "Missed without warning (DNA)", "appointments", ("M084",), "M082"),
        Derived(
            "finished_share",
            "Finished a course (two sessions or more)",
            "referrals received in the year",
            ("Count_FinishedCourseTreatment",),
            "Count_ReferralsReceived",
            source=_ANNUAL,
        ),
        Derived(
            "recovery_of_referrals",
            "Recovered",
            "referrals received in the year",
            ("Count_Recovery",),
            "Count_ReferralsReceived",
            source=_ANNUAL,
        ),
    )
}


# Shares that are published and not known by a name of ours, each under its code.
PUBLISHED: dict[str, Derived] = {
    share.name: share
    for share in (
        Derived("M053", "Within 6 weeks", "those finished", ("M052",), "M076", (), "M053"),
        Derived("M055", "Within 18 weeks", "those finished", ("M054",), "M076", (), "M055"),
        Derived("M186", "Reliable improvement", "those finished", ("M185",), "M076", (), "M186"),
        Derived("M1010", "Reliable deterioration", "those finished", ("M189",), "M076", (), "M1010"),
        Derived("M192", "Recovery", "those finished, at caseness", ("M191",), "M076", ("M179",), "M192"),
        Derived(
            "M195", "Reliable recovery", "those finished, at caseness", ("M193",), "M076", ("M179",), "M195"
        ),
    )
}


def share_of(measure: str) -> Derived | None:
    """Return how a measure is computed, by its name or its published code; None where it is no share."""
    by_code = {share.published: share for share in DERIVED.values() if share.published}
    return DERIVED.get(measure) or PUBLISHED.get(measure) or by_code.get(measure)


def values_of(measure: str, history: History) -> dict[str, float | None]:
    """Return a measure's values by period: as published, or derived where it has a name of ours.

    A derived one that must not be computed is None, like one that is withheld.
    """
    derived = DERIVED.get(measure)
    if derived is None:
        return dict(history.get(measure, {}))
    parts = {code: history[code] for code in derived.needs if code in history}
    return {
        period: derived.value({code: values[period] for code, values in parts.items() if period in values})
        for period in {period for values in parts.values() for period in values}
    }


def judged_values(measure: str, area: str, history: History) -> dict[str, float | None]:
    """Return a measure's values by period that may be judged: below England no share of fewer than 50."""
    values, share = values_of(measure, history), share_of(measure)
    if area == ENGLAND.code or share is None:
        return values
    whole = {period: share.whole(history, period) for period in values}
    return {period: value if whole[period] >= FEWEST else None for period, value in values.items()}


def year_of(measure: str, history: History, period: str, start: str = "") -> float | None:
    """Return a share over the twelve months that end with this one; None for anything else.

    Months before `start` cannot be compared with it.
    """
    share = share_of(measure)
    if share is None or periods.kind(period) != "month":
        return None
    months = [periods.shifted(period, -back) for back in range(YEAR)]
    if months[-1] < start:
        return None
    return share.pooled({code: history.get(code, {}).get(month) for code in share.needs} for month in months)


def _share(parts: Sequence[tuple[Decimal, Decimal] | None]) -> float | None:
    known = [part for part in parts if part is not None]
    top, bottom = (sum(column, Decimal(0)) for column in zip(*known, strict=True)) if known else (0, 0)
    if len(known) < len(parts) or bottom < FEWEST:
        return None
    return float((100 * Decimal(top) / bottom).quantize(Decimal("0.1"), ROUND_HALF_UP))
