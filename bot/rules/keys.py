"""The key measures as they are judged for every organisation: volumes, shares, and the middle of a wait.

The 41 codes of `KEY_MEASURES` are all here: a count that is part of a whole, and the percentage that is
published of it, are one share, so that a service that grows is told once and not twenty times.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.rules.measures import DERIVED, PUBLISHED, Derived
from bot.rules.xmr import Good


@dataclass(frozen=True, slots=True)
class Key:
    """A measure by its code or derived name, its title, and the direction that is good for patients.

    A volume is a count of its own; a share has its formula; `weighs` is the count behind a median or mean.
    """

    measure: str
    title: str
    good: Good
    share: Derived | None = None
    weighs: str = ""

    @property
    def least(self) -> float:
        """Return the smallest change worth a word: points of a share, else a share of itself."""
        return 2.0 if self.share else 0.1

    @property
    def is_volume(self) -> bool:
        """Return whether it is a count of its own."""
        return self.share is None and not self.weighs

    @property
    def codes(self) -> tuple[str, ...]:
        """Return the published measures that it speaks of: its own parts, not what they are shares of."""
        if self.share is None:
            return (self.measure,)
        return (*self.share.top, *((self.share.published,) if self.share.published else ()))


def _derived(name: str, good: Good) -> Key:
    return Key(name, DERIVED[name].title, good, DERIVED[name])


def _published(code: str, title: str, good: Good) -> Key:
    return Key(code, title, good, PUBLISHED[code])


def _part(code: str, title: str, good: Good, whole: str, of: str, less: tuple[str, ...] = ()) -> Key:
    return Key(code, title, good, Derived(code, title, of, (code,), whole, less))


_REASONED = DERIVED["ended_early"].of
UNRECORDED = ("M072", "M071")  # ended with no reason, or an invalid one: no part of a whole by end code

KEYS: tuple[Key, ...] = (
    Key("M001", "Referrals received", "neither"),
    Key("M031", "Accessed services", "neither"),
    Key("M056", "Ended", "neither"),
    Key("M076", "Finished a course", "neither"),
    Key("M082", "Appointments", "neither"),
    Key("M184", "Second treatments", "neither"),
    Key("M038", "Waiting for treatment", "neither"),  # nobody waits for a service that is closing
    Key("M049", "Median wait for treatment, in days", "down", weighs="M031"),
    Key("M141", "Mean sessions of those who finished", "neither", weighs="M076"),
    _derived("treated_once", "down"),
    _derived("ended_early", "down"),
    _derived("no_end_reason", "down"),
    _derived("before_treatment", "down"),
    _derived("finished", "up"),
    _derived("six_weeks_first", "up"),
    _derived("over_90_days", "down"),
    _derived("dna", "down"),
    _published("M053", "Within 6 weeks, of those who finished", "up"),
    _published("M055", "Within 18 weeks, of those who finished", "up"),
    _published("M186", "Reliable improvement", "up"),
    _published("M1010", "Reliable deterioration", "down"),
    _published("M192", "Recovery", "up"),
    _published("M195", "Reliable recovery", "up"),
    _part("M037", "First treatment within 18 weeks", "up", "M031", "referrals first treated"),
    _part("M044", "Waiting for over 18 weeks", "down", "M038", "referrals waiting for treatment"),
    _part("M045", "Waiting for over 90 days", "down", "M038", "referrals waiting for treatment"),
    _part("M061", "Declined (end code 14)", "neither", "M056", _REASONED, UNRECORDED),
    _part("M066", "Agreed completion (end code 46)", "up", "M056", _REASONED, UNRECORDED),
    _part("M340", "Incomplete assessment (end code 16)", "down", "M056", _REASONED, UNRECORDED),
    _part("M342", "Not assessed (end code 50)", "neither", "M056", _REASONED, UNRECORDED),
    _part("M073", "Ended without an appointment", "down", "M056", "referrals that ended"),
    _part("M179", "Not at caseness at the start", "neither", "M076", "referrals that finished a course"),
)  # fmt: skip
