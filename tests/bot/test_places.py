"""Places: what "Kent" means, what became of a code, and that no two codes share a series."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.places import stored_places
from bot.rules.places import Directory, Restart, Succession, chain, directory, find, restarts
from bot.wording.places import story
from scrapers.toolkit.contract import ENGLAND, Area, Fact
from state.records import AreaName
from state.store import Store
from tests.bot.house import sqlite
from tests.state.samples import NHS, NOON, referrals, save

PUBLISHED = [
    AreaName("England", "England", "England", "2021-01"),
    AreaName("CommissioningRegion", "Y59", "SOUTH EAST COMMISSIONING REGION", "2021-01"),
    AreaName("SubICB", "91Q", "NHS KENT AND MEDWAY CCG", "2021-01"),
    AreaName("SubICB", "91Q", "NHS KENT AND MEDWAY ICB - 91Q", "2022-07"),
    AreaName("SubICB", "10A", "NHS SOUTH KENT COAST CCG", "2018-01"),
    AreaName("SubICB", "72Q", "NHS SOUTH EAST LONDON ICB - 72Q", "2022-07"),
    AreaName("Provider", "8J766", "NORTH KENT MIND", "2021-01"),
    AreaName("Provider", "RXY", "KENT AND MEDWAY NHS AND SOCIAL CARE PARTNERSHIP TRUST", "2021-01"),
    AreaName("Provider", "RRP", "BARNET, ENFIELD AND HARINGEY MENTAL HEALTH NHS TRUST", "2021-01"),
    AreaName("Provider", "TAF", "CAMDEN AND ISLINGTON NHS FOUNDATION TRUST", "2021-01"),
    AreaName("Provider", "G6V2S", "NORTH LONDON NHS FOUNDATION TRUST", "2024-11"),
    AreaName("Provider", "NKT", "UNIVERSITY MEDICAL CENTRE", "2021-01"),
    AreaName("Provider", "AA1", "ST JOHN’S HEALTH CENTRE", "2021-01"),
]


def organisation(name: str, icb: str | None = None, region: str | None = None) -> str:
    return json.dumps({"name": name, "opened": "2006-04-01", "closed": None, "region": region, "icb": icb})


FACTS: Mapping[str, Mapping[str, str | None]] = {
    "organisations:etr": {
        "RXY": organisation("KENT AND MEDWAY MENTAL HEALTH NHS TRUST", "QKS", "Y59"),
        "NKT": organisation("UNIVERSITY MEDICAL CENTRE", "QKS", "Y59"),
        "RVV": organisation("EAST KENT HOSPITALS UNIVERSITY NHS FOUNDATION TRUST", "QKS", "Y59"),
        "TAD": None,
    },
    "organisations:eother": {"QKS": organisation("NHS KENT AND MEDWAY INTEGRATED CARE BOARD", None, "Y59")},
    "organisations:succ": {
        "10A": '[["91Q", "2020-04-01"]]',
        "RRP": '[["G6V2S", "2024-11-01"]]',
        "TAF": '[["G6V2S", "2024-11-01"]]',
        "5P9": '[["10A", "2013-04-01"], ["99J", "2013-04-01"]]',
        "99J": '[["91Q", "2020-04-01"]]',
        "RXA": '[["RXB", "2015-06-15"]]',
        "RXB": '[["RXA", "2016-06-15"]]',
    },
}
PLACES = directory(PUBLISHED, FACTS)


def codes(asked: str, where: Directory = PLACES) -> list[str]:
    return [match.place.code for match in find(asked, where)]


def test_a_name_finds_every_place_that_ever_had_it_the_larger_first_then_what_lies_within() -> None:
    assert [(match.place.code, match.how) for match in find("Kent", PLACES)] == [
        ("91Q", "words"),
        ("10A", "words"),
        ("RXY", "words"),
        ("8J766", "words"),
        ("NKT", "within"),
    ]


@pytest.mark.parametrize(
    "asked", ["kent & medway", "KENT AND MEDWAY", "  Medway, Kent ", "Kent and Medway ICB"]
)
def test_case_order_and_small_words_do_not_matter(asked: str) -> None:
    assert codes(asked)[:2] == ["91Q", "RXY"]


def test_the_whole_name_comes_before_names_that_hold_it() -> None:
    assert find("NHS Kent and Medway CCG", PLACES)[0].how == "name"
    assert codes("South East")[0] == "Y59"


@pytest.mark.parametrize(("asked", "code"), [("rxy", "RXY"), (" 91q ", "91Q"), ("England", "England")])
def test_a_code_is_meant_as_such(asked: str, code: str) -> None:
    assert codes(asked) == [code]


def test_the_code_of_a_board_without_figures_means_what_lies_within_it() -> None:
    assert [(match.place.code, match.how) for match in find("QKS", PLACES)] == [
        ("RXY", "within"),
        ("NKT", "within"),
    ]


@pytest.mark.parametrize("asked", ["Kennt", "Medwey", "Kant and Medwy"])
def test_a_misspelt_name_is_found(asked: str) -> None:
    first = find(asked, PLACES)[0]
    assert (first.place.code, first.how) == ("91Q", "spelling")


def test_the_beginning_of_a_word_is_enough() -> None:
    assert codes("Haring") == codes("Haringey") == ["RRP"]


def test_an_apostrophe_may_be_left_out() -> None:
    assert codes("st johns") == codes("St John's") == ["AA1"]


@pytest.mark.parametrize("asked", ["", "  ", "nhs trust", "Xyzzy", "!?", "Atlantis-on-Sea", "TAD"])
def test_what_is_nowhere_near_is_not_guessed(asked: str) -> None:
    assert codes(asked) == []


def test_only_places_with_figures_are_found() -> None:
    assert not {"RVV", "QKS"} & set(codes("Kent"))
    assert codes("RVV") == []


def test_a_code_is_followed_through_all_its_successors_with_their_days() -> None:
    then, later = date(2013, 4, 1), date(2020, 4, 1)
    assert chain("5P9", PLACES) == (
        Succession("5P9", "10A", then),
        Succession("5P9", "99J", then),
        Succession("10A", "91Q", later),
        Succession("99J", "91Q", later),
    )
    assert chain("91Q", PLACES) == ()


def test_codes_that_took_over_from_each_other_are_met_once() -> None:
    assert [step.successor for step in chain("RXA", PLACES)] == ["RXB", "RXA"]


def test_a_merged_organisation_begins_a_new_series_and_says_so() -> None:
    assert restarts("G6V2S", PLACES) == (Restart("2024-11", ("RRP", "TAF")),)
    assert story("G6V2S", PLACES) == (
        "G6V2S took over RRP (BARNET, ENFIELD AND HARINGEY MENTAL HEALTH NHS TRUST) and "
        "TAF (CAMDEN AND ISLINGTON NHS FOUNDATION TRUST) in November 2024: "
        "its figures before and after are not one series."
    )


def test_an_organisation_that_is_no_more_says_where_it_went() -> None:
    assert story("RRP", PLACES) == (
        "RRP until October 2024; since then part of G6V2S (NORTH LONDON NHS FOUNDATION TRUST)."
    )
    assert story("5P9", PLACES).startswith(
        "5P9 until March 2013; since then part of 10A (NHS SOUTH KENT COAST CCG) and 99J. "
    )
    assert story("RXY", PLACES) == ""


def test_taking_over_an_organisation_without_figures_begins_no_new_series() -> None:
    assert restarts("91Q", PLACES) == (Restart("2020-04", ("10A",)),)
    assert restarts("10A", PLACES) == ()


def test_a_place_knows_its_names_board_region_and_days() -> None:
    (trust,) = PLACES.places["RXY"]
    assert trust.names == (
        "KENT AND MEDWAY NHS AND SOCIAL CARE PARTNERSHIP TRUST",
        "KENT AND MEDWAY MENTAL HEALTH NHS TRUST",
    )
    assert (trust.icb, trust.region, trust.opened, trust.closed) == ("QKS", "Y59", date(2006, 4, 1), None)
    assert PLACES.places["91Q"][0].name == "NHS KENT AND MEDWAY ICB - 91Q"


def test_places_are_read_from_the_store(tmp_path: Path) -> None:
    store = Store.open(sqlite(tmp_path))
    try:
        trust = Area("RRP", "Provider", "BARNET, ENFIELD AND HARINGEY MENTAL HEALTH NHS TRUST")
        save(store, referrals(5), referrals(6, area=trust))
        with store.writing() as tx:
            succession = Fact("RRP", FACTS["organisations:succ"]["RRP"])
            tx.save_facts("organisations:succ", [succession], NOON)
        with store.reading() as tx:
            where = stored_places(tx, NHS)
    finally:
        store.close()
    assert codes("enfield", where) == ["RRP"]
    assert codes("England", where) == [ENGLAND.code]
    assert story("RRP", where) == "RRP until October 2024; since then part of G6V2S."


CODES = st.sampled_from(["A", "B", "C", "D", "E"])
RINGS = st.dictionaries(
    CODES, st.lists(CODES, max_size=3, unique=True).map(lambda to: [[code, "2020-04-01"] for code in to])
)


@given(RINGS)
def test_any_web_of_successions_is_followed_to_its_end_and_each_step_once(
    web: dict[str, list[list[str]]],
) -> None:
    where = directory([], {"organisations:succ": {code: json.dumps(to) for code, to in web.items()}})
    for code in "ABCDE":
        steps = chain(code, where)
        assert {step.successor for step in steps} == set(reached(code, web))
        assert len(steps) == sum(len(web.get(one, ())) for one in {step.code for step in steps})
        assert story(code, where).count(" until ") == len({(step.code, step.on) for step in steps})


def reached(code: str, web: Mapping[str, list[list[str]]]) -> Iterator[str]:
    """Yield what can be reached from a code, by a plain walk."""
    waiting, seen = [code], set[str]()
    while waiting:
        for successor, _ in web.get(waiting.pop(), ()):
            if successor not in seen:
                seen.add(successor)
                waiting.append(successor)
                yield successor


@given(st.text(max_size=30))
def test_any_words_at_all_find_places_with_figures_or_none(asked: str) -> None:
    assert all(match.place.published for match in find(asked, PLACES))


def test_the_providers_of_kent_are_found_among_all_that_ever_had_figures(shared_samples: Path) -> None:
    path = shared_samples / "nhs_tt_monthly" / "providers_ods.csv"
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = [AreaName("Provider", row["org_code"], row["org_name"], "2021-01") for row in rows]
    records = {
        row["org_code"]: json.dumps(
            {
                "name": row["org_name"],
                "opened": row["start_date"],
                "closed": row["end_date"] or None,
                "region": row["region_code"] or None,
                "icb": row["icb_code"] or None,
            }
        )
        for row in rows
    }
    boards = {"QKS": FACTS["organisations:eother"]["QKS"]}
    where = directory(names, {"organisations:etr": records, "organisations:eother": boards})
    kent = {row["org_code"] for row in rows if row["icb_code"] == "QKS" or "Kent" in row["org_name"]}
    assert set(codes("Kent", where)) == kent
    assert len(kent) == 12
