"""The words by which people ask for figures, in English and in the language that is spoken."""

from __future__ import annotations

from collections.abc import Mapping

from bot.rules.wanted import DROP_OUT, Words, words_of
from bot.wording.language import later, t

MEANT: Mapping[str, tuple[str, ...]] = {  # what people say -> the measures it may mean, the likeliest first
    later("drop out, dropout, dropped out"): (*DROP_OUT, "finished"),
    later("attrition, one session"): ("treated_once",),
    later("gave up"): ("ended_early", "treated_once"),
    later("never attend"): ("before_treatment", "dna"),
    later("never start"): ("before_treatment",),
    later("no reason"): ("no_end_reason",),
    later("complete, finish"): ("finished", "M076"),
    later("recovery, recover"): ("M192", "M195", "recovery_of_referrals"),
    later("improvement"): ("M186",),
    later("better"): ("M186", "M192"),
    later("worse, deterioration"): ("M1010",),
    later("six weeks, 6 weeks"): ("M053", "six_weeks_first"),
    later("eighteen weeks, 18 weeks"): ("M055",),
    later("wait"): ("M049", "M053", "M038", "over_90_days"),
    later("waiting time"): ("M049", "M053", "over_90_days"),
    later("median wait"): ("M049",),
    later("waiting"): ("M038", "M049"),
    later("waiting list"): ("M038",),
    later("second session, 90 days"): ("over_90_days",),
    later("missed, missed appointment, no show, noshow, did not attend"): ("dna",),
    later("referral, referred"): ("M001",),
    later("death"): ("M062", "M069"),
    later("access"): ("M031", "M001"),
    later("first treatment"): ("M031", "six_weeks_first"),
    later("ended"): ("M056", "before_treatment", "ended_early"),
}
ASIDES = later(  # words of a question that do not say which figure
    "a, an, are, at, by, figure, figures, for, give, how, i, in, is, latest, many, me, much, of, on, people, "
    "percentage, please, rate, rates, show, tell, the, us, was, were, what, within"
)
BETWEEN = later("against, compare, compared, v, versus, vs, with")  # two things that are compared


def words() -> Words:
    """Return the words of those who ask, in English and in the language that is spoken."""
    asides, between = (
        frozenset(word for said in _listed(text) for word in said) for text in (ASIDES, BETWEEN)
    )
    everyday = {
        " ".join(word for word in said if word not in asides): ids
        for text, ids in MEANT.items()
        for said in _listed(text)
    }
    return Words(everyday, asides, between)


def _listed(text: str) -> list[tuple[str, ...]]:
    """Return the words of each part of a list with commas, as it is and in the language that is spoken."""
    return [words_of(said) for language in (text, t(text)) for said in language.split(", ")]
