"""What the chapters of a Talking Therapies release say in sentences, in the wording of each year since 2013.

Who has *accessed* services had *entered* (to 2022) or *started* treatment before. *Recovered* and *reliably
recovered* are two measures: pages spoke of the first to 2022, of the second by 2025.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date

from scrapers.toolkit import nhs_digital
from scrapers.toolkit.contract import ENGLAND, Figure, Measure, Page, SourceChanged, Statement, Unit
from scrapers.toolkit.reading import reading
from scrapers.toolkit.sentences import (
    COUNT,
    MONTH,
    PERCENT,
    Number,
    Sentence,
    count,
    lines,
    mean,
    numbers,
    percent,
)

AT_CASENESS = "at_caseness"  # no code of the publisher's: M076 - M179

_MEASURES: Mapping[str, Measure] = {
    measure.id: measure
    for measure in (
        Measure("M001", "Referrals received", Unit.COUNT),
        Measure("M002", "Self-referrals", Unit.COUNT),
        Measure("M031", "Accessed services", Unit.COUNT),
        Measure("M052", "Waited less than 6 weeks", Unit.COUNT),
        Measure("M053", "Waited less than 6 weeks", Unit.PERCENT),
        Measure("M054", "Waited less than 18 weeks", Unit.COUNT),
        Measure("M055", "Waited less than 18 weeks", Unit.PERCENT),
        Measure("M056", "Ended", Unit.COUNT),
        Measure("M076", "Finished a course", Unit.COUNT),
        Measure("M079", "Finished a course", Unit.PERCENT),
        Measure("M141", "Sessions of those who finished", Unit.MEAN),
        Measure("M186", "Reliable improvement", Unit.PERCENT),
        Measure("M191", "Recovered", Unit.COUNT),
        Measure("M192", "Recovery", Unit.PERCENT),
        Measure("M193", "Reliably recovered", Unit.COUNT),
        Measure("M195", "Reliable recovery", Unit.PERCENT),
        Measure(AT_CASENESS, "Finished, at caseness at the start", Unit.COUNT),
    )
}
_SHARES = (  # share, part, whole
    ("M053", "M052", "M076"),
    ("M055", "M054", "M076"),
    ("M192", "M191", AT_CASENESS),
    ("M195", "M193", AT_CASENESS),
)

_WHEN = rf"(?: (?:in|during) (?:{MONTH}|the (?:month|period)))?"
_END = r"(?=[.,;:]|$)"  # what comes after is another statement; without it a place or a reason may follow
_ABOUT = r"(?=[.,;:]|$| (?:in|during) (?:the\b|[A-Z][a-z]+ \d))"  # the same for a cue: some month
_WEEKS_6, _WEEKS_18 = r"(?:had )?waited less than 6 weeks", r"(?:had )?waited less than 18 weeks"
_FINISHED = rf"finished a course of treatment{_WHEN}"
_AT_CASENESS = rf"^{count(AT_CASENESS)} referrals {_FINISHED},? having started(?: treatment)? at caseness\d?"


def _sentence(what: str, cue: str, *forms: str) -> Sentence:
    return Sentence(what, re.compile(cue), tuple(map(re.compile, forms)))


# A cue is as narrow as it can be: a page says much else, and what is no statement of these is not refused.
SENTENCES = (
    _sentence(
        "referrals received",
        rf"^(?:There were )?(?:{COUNT}) (?:\w+ )?referrals (?:\w+ ){{0,3}}rec(?:ei|ie)ved{_ABOUT}",
        rf"^(?:There were )?{count('M001')} (?:new )?referrals (?:were )?rec(?:ei|ie)ved{_WHEN}{_END}",
    ),
    _sentence(
        "self-referrals",
        rf"^(?:Of these,? )?(?:{COUNT}) (?:\w+ )?were self-?referrals\b",
        rf"^(?:Of these,? )?{count('M002')} (?:referrals )?were self-?referrals{_WHEN}{_END}",
    ),
    _sentence(
        "referrals that accessed services",
        rf"^(?:{COUNT}) (?:\w+ ){{0,3}}"
        rf"(?:accessed (?:NHS|IAPT)|(?:entered|started) (?:IAPT )?treatment{_ABOUT})",
        rf"^{count('M031')} referrals (?:had )?accessed (?:NHS Talking Therapies|IAPT)(?: services)?"
        rf"{_WHEN}{_END}",
        rf"^{count('M031')} referrals (?:had )?(?:entered|started) (?:IAPT )?treatment{_WHEN}{_END}",
    ),
    _sentence(
        "referrals that ended",
        rf"^(?:{COUNT}) referrals (?:had )?ended(?: \(|{_ABOUT})",
        rf"^{count('M056')} referrals (?:had )?ended(?: \(for any reason\))?{_WHEN}"
        rf"(?:,? of which {count('M076')} (?:had )?finished a course of treatment)?{_END}",
    ),
    _sentence(
        "waits of referrals that finished a course",
        r"\bfinished a course of treatment\b.*\bwaited less than (?:6|18) weeks\b",
        rf"^Of the {count('M076')} referrals that {_FINISHED}, "
        rf"{percent('M053')} {_WEEKS_6}[^.,\d]*? and {percent('M055')} {_WEEKS_18}\b",
        rf"^Of the {count('M076')} referrals that {_FINISHED}, "
        rf"{count('M052')} \({percent('M053')}\) {_WEEKS_6}"
        rf"(?:[^.,\d]*? and {count('M054')} \({percent('M055')}\) {_WEEKS_18})?(?!.*\b18 weeks)",
        rf"^{percent('M053')} of (?:all )?referrals that {_FINISHED} {_WEEKS_6}"
        rf"(?:[^.,\d]*? and {percent('M055')} {_WEEKS_18})?(?!.*\b18 weeks)",
        rf"^{percent('M055')} of (?:all )?referrals that {_FINISHED} {_WEEKS_18}\b",
    ),
    _sentence(
        "referrals that finished a course",
        rf"^(?:{COUNT}) referrals (?:had )?finished a course of treatment{_ABOUT}(?!.*\bcaseness)",
        rf"^{count('M076')} referrals (?:had )?{_FINISHED}{_END}",
    ),
    _sentence(
        "sessions of referrals that finished a course",
        r"^(?:The )?(?:average|mean) number of treatment sessions\b.*\d",
        rf"^(?:The )?(?:average|mean) number of treatment sessions (?:was )?{mean('M141')}{_END}",
    ),
    _sentence(
        "share of ended referrals that finished a course",
        rf"^(?:{PERCENT}) of (?:all )?referrals that ended\b.*\b(?:finished|completed) a course",
        rf"^{percent('M079')} of (?:all )?referrals that ended{_WHEN} "
        rf"(?:had )?(?:finished|completed) a course of treatment{_END}",
    ),
    _sentence(
        "referrals that started at caseness",
        rf"^(?:{COUNT}) referrals .*\bat caseness\d?{_END}(?!,? of which)",
        rf"{_AT_CASENESS}{_END}",
    ),
    _sentence(
        "recovery of referrals that started at caseness",
        rf"\bcaseness\d?,? of which (?:{COUNT})",
        rf"{_AT_CASENESS},? of which {count('M193')} \({percent('M195')}\) reliably recovered{_END}",
        rf"{_AT_CASENESS},? of which {count('M191')} \({percent('M192')}\) "
        rf"(?:recovered|moved to recovery){_END}",
    ),
    _sentence(
        "share that recovered",
        rf"^(?:{PERCENT}) of (?:\w+ )?referrals (?:\w+ )?(?:recovered|moved to (?:\w+ )?recovery){_ABOUT}",
        rf"^{percent('M192')} of (?:eligible )?referrals (?:had )?(?:recovered|moved to recovery)"
        rf"{_WHEN}{_END}",
        rf"^{percent('M195')} of (?:eligible )?referrals (?:had )?"
        rf"(?:reliably recovered|moved to reliable recovery){_WHEN}{_END}",
    ),
    _sentence(
        "share that reliably improved",
        rf"^(?:{PERCENT}) of .*\breferrals\b.*(?:reliable improvement|reliably improved){_ABOUT}",
        rf"^{percent('M186')} of (?:all )?referrals (?:that {_FINISHED} )?"
        rf"(?:had )?(?:showed reliable improvement|reliably improved){_END}",
    ),
)


def statements(page: Page, period: str | None) -> Iterator[Statement]:
    """Yield the figures of England that a chapter says of its month, which must be `period` where known."""
    with reading(page):
        month = nhs_digital.chapter_month(page) or period
        if month is None or month != (period or month):
            raise SourceChanged(f"a chapter on {period or 'one month'}", month or "no month")
        said = numbers(lines(page), SENTENCES, f"{date.fromisoformat(month + '-01'):%B %Y}")
        if not said:
            raise SourceChanged("sentences with figures", "none that is known")
        _check(said)
    for id, number in said.items():
        yield Statement(Figure(_MEASURES[id], ENGLAND, month, number.value), number.decimals)


def _check(said: Mapping[str, Number]) -> None:
    """Recompute the shares whose counts are said too."""
    for share, part, whole in _SHARES:
        if {share, part, whole} <= said.keys() and said[share].decimals == 1:
            nhs_digital.check_share(share, int(said[part].value), int(said[whole].value), said[share].value)
