"""What measures mean: read from the publisher's list, compared between versions, and remembered."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rules.meanings import Comparison, Meaning, Renamed, compare, history, meaning, meanings

MAY, JULY, AUGUST = (datetime(2026, month, 9, 8, 30, tzinfo=UTC) for month in (5, 7, 8))
ENDED = "Count of distinct (PathwayID)\nwhere ServDischDate is in the period"
ONCE = f"{ENDED}\nand TreatmentCareContact_Count = 1"


def fact(**said: str) -> str:
    return json.dumps({"name": "Percentage_AccessAttrition", "definition": "treated once", **said})


def attrition(**said: str) -> Meaning:
    return meaning("M288", fact(**{"construction": f"{ONCE}\nDivided by\n{ENDED}", **said}))


@pytest.mark.parametrize(
    ("construction", "denominator"),
    [
        (f"{ONCE}\n\nDivided by \n(\n{ENDED}\n)\nExpressed as a percentage\n\nSee v2.1.", f"( {ENDED} )"),
        (f"{ONCE}\nDivided By\n{ENDED}", ENDED),
        ("100 * (Count_Improved / Count_Finished)", "Count_Finished"),
        ("100 * (Count_Recovered \n/ (Count_Finished - Count_Well))", "(Count_Finished - Count_Well)"),
        (ENDED, ""),
        ("See the construction of M349. M354 is the number of referrals in M349.", ""),
        ("Count of km / h", ""),
    ],
)
def test_the_denominator_is_what_a_share_is_divided_by(construction: str, denominator: str) -> None:
    assert attrition(construction=construction).denominator == " ".join(denominator.split())


def one_change(was: Meaning, now: Meaning) -> Comparison:
    return compare({"M288": was}, {"M288": now})


def test_another_denominator_is_a_change_of_meaning_whatever_the_words_say() -> None:
    seen = f"{ENDED}\nand TherapySession_FirstDate is not null"
    (change,) = one_change(attrition(), attrition(construction=f"{ONCE}\nDivided by\n{seen}")).redefined
    assert change.fields == ("denominator",)
    assert change.now.denominator == " ".join(seen.split())


def test_other_words_and_another_numerator_are_changes_too() -> None:
    twice = f"{ENDED}\nand TreatmentCareContact_Count = 2\nDivided by\n{ENDED}"
    (change,) = one_change(attrition(), attrition(definition="treated twice", construction=twice)).redefined
    assert change.fields == ("definition", "construction")


@pytest.mark.parametrize("definition", ["treated once.", "Treated  once", "treated\nonce ", "TREATED ONCE."])
def test_case_space_and_a_last_stop_change_no_meaning(definition: str) -> None:
    assert one_change(attrition(), attrition(definition=definition)) == Comparison()


def test_the_form_of_quotes_changes_no_meaning() -> None:
    straight, curly = ENDED + " and Flag = 'True'", ENDED + " and Flag = ‘True'"
    assert one_change(attrition(construction=straight), attrition(construction=curly)) == Comparison()


def test_another_name_under_the_same_id_is_noted_and_is_no_change_of_meaning() -> None:
    found = one_change(attrition(), attrition(name="Percentage_TreatedOnce"))
    assert found.renamed == (Renamed("M288", "Percentage_AccessAttrition", "Percentage_TreatedOnce"),)
    assert found.renamed[0].kind == "renamed"
    assert not found.redefined
    assert one_change(attrition(), attrition(name="Percentage_ AccessAttrition")) == Comparison()


def test_new_and_removed_measures_are_counted() -> None:
    found = compare({"M001": attrition(), "M002": attrition()}, {"M002": attrition(), "M362": attrition()})
    assert (found.new, found.removed) == (("M362",), ("M001",))


def test_only_what_is_followed_is_for_a_person_to_judge() -> None:
    before = {code: meaning(code, fact(construction=ENDED)) for code in ("M056", "M288", "M300")}
    now = {code: meaning(code, fact(construction=ONCE)) for code in before}
    assert [change.now.measure for change in compare(before, now).of({"M288", "M001"})] == ["M288"]


def test_a_history_tells_each_meaning_from_when_it_was_first_seen() -> None:
    first, stop = fact(construction=ENDED), fact(construction=ENDED, definition="treated once.")
    told = history("M288", [(MAY, first), (JULY, stop), (AUGUST, None)])
    assert [version.since for version in told] == [MAY, AUGUST]
    assert told[0].meaning == meaning("M288", first)
    assert told[1].meaning is None


def test_a_measure_that_left_the_list_means_nothing() -> None:
    assert meanings({"M288": None}) == {}


WORDS = st.text(max_size=30)
MEANINGS = st.builds(
    lambda name, definition, construction: meaning(
        "M288", fact(name=name, definition=definition, construction=construction)
    ),
    *(WORDS, WORDS, WORDS),
)


@given(MEANINGS, MEANINGS)
def test_what_changed_one_way_changed_the_other_way_and_nothing_differs_from_itself(
    one: Meaning, other: Meaning
) -> None:
    assert one_change(one, one) == Comparison()
    there, back = one_change(one, other), one_change(other, one)
    assert [change.fields for change in there.redefined] == [change.fields for change in back.redefined]
    assert [(name.now, name.was) for name in there.renamed] == [(name.was, name.now) for name in back.renamed]


def published(shared_samples: Path, version: str) -> Mapping[str, Meaning]:
    """Return the meanings of a published version; breakdowns and blank rows aside."""
    path = shared_samples / "nhs_tt_monthly" / f"metadata_measures_monthly_{version}.csv"
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["measure_type"] not in ("", "Variable")]
    return {
        row["measure_id"]: meaning(
            row["measure_id"],
            fact(name=row["measure_name"], definition=row["description"], construction=row["construction"]),
        )
        for row in rows
    }


def test_every_published_percentage_has_a_denominator(shared_samples: Path) -> None:
    found = published(shared_samples, "2026-07").values()
    shares = [means for means in found if means.name.startswith("Percentage_")]
    assert len(shares) == 40
    assert all(means.denominator for means in shares)
    assert not any(means.denominator for means in found if means.name.startswith("Count_"))


def test_the_published_versions_differ_where_a_person_found_them_to(shared_samples: Path) -> None:
    july_2025, may, july = (published(shared_samples, v) for v in ("2025-07", "2026-05", "2026-07"))
    earlier = compare(july_2025, may)
    assert (earlier.redefined, earlier.renamed, earlier.removed) == ((), (), ())
    assert len(earlier.new) == 4
    later = compare(may, july)
    waits = ["M352", "M353", "M354", "M355"]  # M347 to M350 only got a last stop
    assert [change.now.measure for change in later.redefined] == waits
    assert [renamed.measure for renamed in later.renamed] == waits
    assert {f"M{number}" for number in range(362, 368)} <= set(later.new)
    assert (len(later.new), later.removed) == (12, ())
