"""How each figure may be quoted: what is safe to say, what is not and why, and the reply to expect.

Each sentence names of what the figure is a share, or what it counts. Figures without one of their own get the
plain one of their kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from bot.wording.language import later
from scrapers.toolkit.contract import Unit


class Saying(NamedTuple):
    """Words for one measure: `safe` is a sentence with {area}, {period}, {value}, and with {of} for a share.

    `of` is what is counted, or of what it is a share; `unsafe` is what is not to be said, and why; `reply` is
    what others will answer.
    """

    of: str
    safe: str
    unsafe: str
    reply: str

    @property
    def is_share(self) -> bool:
        """Return whether it is a share of something."""
        return "{of}" in self.safe


_NO_COMPARISON = later(
    "that treatment made them better – nobody was looked at who had none, and some improve by themselves."
)
_REFERRALS = later("people – these are referrals, and one person may have several.")

SAYINGS: Mapping[str, Saying] = {
    "treated_once": Saying(
        later("NHS Talking Therapies referrals that were treated and ended"),
        later("{area}, {period}: {value} of {of} were treated once only."),
        later(
            "that so many dropped out – no figure counts that, and single sessions that were agreed "
            "are in it."
        ),
        later("one session can be all that was planned, or be followed by care elsewhere."),
    ),
    "ended_early": Saying(
        later("NHS Talking Therapies referrals that ended with a valid reason"),
        later("{area}, {period}: {value} of {of} ended earlier than planned (end code 47)."),
        later("that so many gave up – staff record the reason, and it can be blank."),
        later("services record reasons differently, and many who end early have improved."),
    ),
    "no_end_reason": Saying(
        later("NHS Talking Therapies referrals that ended"),
        later("{area}, {period}: {value} of {of} have no valid reason recorded."),
        later(
            "that reasons are hidden – this tells how well endings are recorded, and nothing of the patients."
        ),
        later("systems change, and gaps are filled later."),
    ),
    "before_treatment": Saying(
        later("NHS Talking Therapies referrals that ended"),
        later("{area}, {period}: {value} of {of} did so before treatment."),
        later(
            "that so many were turned away – some were not suitable, went elsewhere, or changed their mind."
        ),
        later("an assessment with advice is help too."),
    ),
    "finished": Saying(
        later("NHS Talking Therapies referrals that ended"),
        later("{area}, {period}: {value} of {of} had finished a course, which means two sessions or more."),
        later("that so many completed their treatment – two sessions are enough to be counted as finished."),
        later("of those who began treatment the share is higher."),
    ),
    "finished_share": Saying(
        later("NHS Talking Therapies referrals received in the year"),
        later("{area}, {period}: {value} of {of} finished a course, which means two sessions or more."),
        later("people – these are referrals, and finished is not the same as complete."),
        later("those who finish in a year are not all of those who were referred in it."),
    ),
    "recovery_of_referrals": Saying(
        later("NHS Talking Therapies referrals received in the year"),
        later("{area}, {period}: {value} of {of} recovered."),
        later("that the publisher's own share is wrong – that one is of those who finished, at caseness."),
        later("who was never treated, or not at caseness, could not be counted as recovered."),
    ),
    "M192": Saying(
        later("NHS Talking Therapies referrals that finished a course and began at caseness"),
        later("{area}, {period}: {value} of {of} moved to recovery."),
        _NO_COMPARISON,
        later("the standard that services are asked to meet is 50%."),
    ),
    "M195": Saying(
        later("NHS Talking Therapies referrals that finished a course and began at caseness"),
        later("{area}, {period}: {value} of {of} recovered reliably."),
        _NO_COMPARISON,
        later("it is the stricter of the two measures of recovery."),
    ),
    "M186": Saying(
        later("NHS Talking Therapies referrals that finished a course"),
        later("{area}, {period}: {value} of {of} improved reliably."),
        _NO_COMPARISON,
        later("most of those who finish improve."),
    ),
    "M1010": Saying(
        later("NHS Talking Therapies referrals that finished a course"),
        later("{area}, {period}: {value} of {of} got reliably worse."),
        later("that treatment harmed them – who gets worse meanwhile need not do so for that reason."),
        later("it is a small share, and far more improve."),
    ),
    "M053": Saying(
        later("NHS Talking Therapies referrals that finished a course"),
        later("{area}, {period}: {value} of {of} had their first session within 6 weeks."),
        later("of people referred – it is of those who finished, and runs to the first session alone."),
        later("the standard is 75% of those who finish."),
    ),
    "M055": Saying(
        later("NHS Talking Therapies referrals that finished a course"),
        later("{area}, {period}: {value} of {of} had their first session within 18 weeks."),
        later("of people referred – it is of those who finished, and runs to the first session alone."),
        later("the standard is 95% of those who finish."),
    ),
    "six_weeks_first": Saying(
        later("NHS Talking Therapies referrals first treated"),
        later("{area}, {period}: {value} of {of} had waited 6 weeks or less."),
        later("beside the share of those who finished – it is another whole, and another number."),
        later("the standard is counted of those who finished."),
    ),
    "over_90_days": Saying(
        later("second treatments in NHS Talking Therapies"),
        later("{area}, {period}: {value} of {of} came more than 90 days after the first."),
        later("of patients – who never had a second treatment is not in it."),
        later("some appointments were put off by the patients themselves."),
    ),
    "dna": Saying(
        later("NHS Talking Therapies appointments"),
        later("{area}, {period}: {value} of {of} were missed without warning."),
        later("that patients do not care – why they did not come is not recorded."),
        later("every service has missed appointments."),
    ),
    "M206": Saying(
        later("White people's NHS Talking Therapies referrals that finished a course and began at caseness"),
        later("{area}, {period}: {value} of {of} recovered reliably."),
        later("why that is – the figures do not tell."),
        later("ethnic group is not recorded for everybody."),
    ),
    "M207": Saying(
        later("Asian people's NHS Talking Therapies referrals that finished a course and began at caseness"),
        later("{area}, {period}: {value} of {of} recovered reliably."),
        later("why that is – the figures do not tell."),
        later("ethnic group is not recorded for everybody."),
    ),
    "M038": Saying(
        later("referrals"),
        later(
            "{area}, {period}: {value} referrals were waiting for a first treatment by NHS Talking Therapies."
        ),
        _REFERRALS,
        later("more are referred than before, and most are treated within 6 weeks."),
    ),
    "M049": Saying(
        later("referrals first treated"),
        later(
            "{area}, {period}: of referrals first treated by NHS Talking Therapies half had waited "
            "{value} days or less."
        ),
        later(
            "that patients wait so long for therapy – it is the middle wait, and to the first session alone."
        ),
        later("most are treated within 6 weeks."),
    ),
    "M001": Saying(
        later("referrals"),
        later("{area}, {period}: NHS Talking Therapies received {value} referrals."),
        _REFERRALS,
        later("more referrals mean that more people are reached."),
    ),
    "M031": Saying(
        later("referrals"),
        later("{area}, {period}: {value} referrals had a first treatment by NHS Talking Therapies."),
        _REFERRALS,
        later("more people are reached than in earlier years."),
    ),
    "M056": Saying(
        later("referrals"),
        later("{area}, {period}: {value} NHS Talking Therapies referrals ended, treated or not."),
        later("that so many were treated – some of them ended before treatment."),
        later("it goes with the number of referrals."),
    ),
    "M076": Saying(
        later("referrals"),
        later(
            "{area}, {period}: {value} NHS Talking Therapies referrals finished a course, which "
            "means two sessions or more."
        ),
        later("that so many completed their treatment – two sessions are enough to be counted as finished."),
        later("it goes with the number of referrals."),
    ),
    "Percentage_FollowUpAppointment": Saying(
        later("NHS Talking Therapies referrals that finished a course from April to September"),
        later("{area}, {period}: {value} of {of} had a follow-up appointment 30 days or more later."),
        later("that nobody knows how they are – appointments are counted here, not outcomes."),
        later("a follow-up is offered where it is needed."),
    ),
    "talking_therapies_access": Saying(
        later("people"),
        later(
            "{area}, {period}: {value} people had treatment by NHS Talking Therapies, by NHS "
            "England's dashboard."
        ),
        later("beside the monthly statistics – the dashboard counts otherwise."),
        later("it is set beside a plan, which is met or not."),
    ),
    "talking_therapies_spend_actual": Saying(
        later("in cash"),
        later("{area}, {period}: {value} was spent on NHS Talking Therapies, in cash."),
        later("a rise without saying that it is in cash – prices rose too."),
        later("those who recover cost less elsewhere."),
    ),
    "talking_therapies_spend_plan": Saying(
        later("in cash"),
        later("{area}, {period}: {value} was planned for NHS Talking Therapies, in cash."),
        later("that it was spent – what was planned is another number."),
        later("plans change within the year."),
    ),
    "workforce": Saying(
        later("people"),
        later("{area}, {period}: {value} people worked in NHS Talking Therapies, by the workforce census."),
        later("beside another year without saying how each was counted – heads or full-time posts."),
        later("more are in training."),
    ),
    "0403_patients": Saying(
        later("patients"),
        later("{area}, {period}: {value} patients were prescribed antidepressants."),
        later("that so many are depressed – antidepressants are prescribed for other ills too."),
        later("more people ask for help than before."),
    ),
    "0401_patients": Saying(
        later("patients"),
        later("{area}, {period}: {value} patients were prescribed hypnotics or anxiolytics."),
        later("that so many have anxiety – many of these medicines are for sleep."),
        later("most are prescribed for a short time."),
    ),
    "0403_items": Saying(
        later("items"),
        later("{area}, {period}: {value} items of antidepressants were prescribed."),
        later("people – items are prescriptions, and one patient gets several."),
        later("shorter prescriptions make more items of the same medicine."),
    ),
    "0401_items": Saying(
        later("items"),
        later("{area}, {period}: {value} items of hypnotics or anxiolytics were prescribed."),
        later("people – items are prescriptions, and one patient gets several."),
        later("shorter prescriptions make more items of the same medicine."),
    ),
    "0403_cost": Saying(
        later("items"),
        later("{area}, {period}: the items of antidepressants that were prescribed cost {value}."),
        later("that more is prescribed – the price of single medicines moves it."),
        later("most of these medicines are cheap."),
    ),
    "0401_cost": Saying(
        later("items"),
        later("{area}, {period}: the items of hypnotics or anxiolytics that were prescribed cost {value}."),
        later("that more is prescribed – the price of single medicines moves it."),
        later("most of these medicines are cheap."),
    ),
    "LF69": Saying(
        later("people aged 16 to 64"),
        later(
            "{area}, three months around {period}: {value} people aged 16 to 64 were out of work "
            "because of long-term sickness of any kind."
        ),
        later(
            "that it is for mental ill health – sickness of every kind is counted, by estimate from a survey."
        ),
        later("the survey was re-weighted, so that earlier years compare badly."),
    ),
    "LF2M": Saying(
        later("people aged 16 to 64"),
        later(
            "{area}, three months around {period}: {value} people aged 16 to 64 were economically inactive."
        ),
        later("that they are ill – students, carers and early retired people are counted too."),
        later("the survey was re-weighted, so that earlier years compare badly."),
    ),
    "LF2S": Saying(
        later("people aged 16 to 64"),
        later("{area}, three months around {period}: {value} of {of} were economically inactive."),
        later("that they are ill – students, carers and early retired people are counted too."),
        later("the survey was re-weighted, so that earlier years compare badly."),
    ),
    "signatures": Saying(
        later("signatures"),
        later("{period}: {value} signatures under the petition “{title}”."),
        later("how many agree – signatures are counted, and some are removed later."),
        later("it is few beside all who are treated."),
    ),
}
SAME = {  # said alike under another code
    "M288": "treated_once",
    "M077": "before_treatment",
    "M079": "finished",
    "M126": "over_90_days",
    "Percentage_Recovery": "M192",
    "Percentage_Improvement": "M186",
    "Count_ReferralsReceived": "M001",
    "Count_AccessingServices": "M031",
    "Count_FinishedCourseTreatment": "M076",
}
SHARE = Saying(
    "",
    later("{area}, {period}: {title}: {value} of {of}."),
    later("without its whole – of what it is a share matters as much as the number."),
    later("another share, of another whole."),
)
COUNT = Saying(
    "",
    later("{area}, {period}: {title}: {value}."),
    later("people – referrals, appointments or treatments are counted, and one person may have several."),
    later("it goes with the number of referrals."),
)
OTHER = Saying(
    "",
    later("{area}, {period}: {title}: {value}."),
    later("alone – say what is counted, where and when."),
    later("one number shows no trend."),
)
ANY_PAGE = "page_figure"  # the source whose measures are named by whoever follows them
COUNTS_REFERRALS = "talking_therapies"  # begins the name of every source that does


def saying_of(source: str, measure: str, unit: str, of: str) -> Saying | None:
    """Return how a measure of a source may be quoted; None for a share of nobody knows what."""
    known = SAYINGS.get(SAME.get(measure, measure))
    if known and source.partition(":")[0] != ANY_PAGE:
        return known
    if unit == Unit.PERCENT:
        return SHARE if of else None
    return COUNT if source.startswith(COUNTS_REFERRALS) and unit == Unit.COUNT else OTHER
