"""Breaks: where a figure changed its meaning, read strictly."""

from __future__ import annotations

from typing import Any

import pytest

from bot.rules.breaks import BreaksError, last_break, parse_breaks, shipped_breaks, start
from bot.rules.questions import BY_END_CODE

ENTRY = {"period": "2023-09", "measures": ["M344"], "reason": "blank", "says": "somebody"}


def test_every_figure_by_end_code_begins_anew_in_september_2023() -> None:
    breaks = shipped_breaks()
    assert set(breaks) == BY_END_CODE
    for measure in BY_END_CODE:
        assert start(breaks, measure, "2023-08") == ""
        assert start(breaks, measure, "2023-09") == start(breaks, measure, "2026-03") == "2023-09"
    assert start(breaks, "no_end_reason", "2026-03") == ""


def test_the_last_break_is_the_newest_that_has_come() -> None:
    breaks = parse_breaks({"break": [{**ENTRY, "period": "2025-04"}, ENTRY]})
    found = last_break(breaks, "M344", "2025-03")
    assert found is not None
    assert (found.period, found.says) == ("2023-09", "somebody")
    assert start(breaks, "M344", "2025-04") == "2025-04"


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ({**ENTRY, "why": "x"}, "[[break]] 1: unknown key 'why'; expected period, measures, reason, says"),
        ({**ENTRY, "period": "soon"}, "[[break]] 1: period: expected a month, a quarter or a financial year"),
        ({**ENTRY, "reason": " "}, "[[break]] 1: reason: expected words, found ' '"),
        ({**ENTRY, "measures": []}, "[[break]] 1: measures: expected codes and names, found []"),
        ({**ENTRY, "measures": ["m344"]}, "[[break]] 1: measures: expected a code like M344"),
        ({**ENTRY, "measures": ["M344", "M344"]}, "M344 breaks twice at 2023-09"),
        ("2023-09", "[[break]] 1: expected keys and values, found '2023-09'"),
    ],
)
def test_an_entry_that_cannot_be_used_says_why(entry: Any, fault: str) -> None:
    with pytest.raises(BreaksError) as caught:
        parse_breaks({"break": [entry]})
    assert str(caught.value).startswith(fault)


def test_a_file_of_breaks_has_nothing_else_in_it() -> None:
    with pytest.raises(BreaksError, match=r"\[breaks\] is not known; expected \[\[break\]\]"):
        parse_breaks({"breaks": []})
    with pytest.raises(BreaksError, match="must be written"):
        parse_breaks({"break": ENTRY})
