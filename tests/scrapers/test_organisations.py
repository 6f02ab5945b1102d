"""The reports of the Organisation Data Service: what is kept of them, and which are refused."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrapers.organisations import Organisations
from scrapers.toolkit.contract import Fact, Fetched, Page, Release, SourceChanged
from tests.bot.house import House, open_house, sqlite

NOW = datetime(2026, 5, 14, 9, 0, tzinfo=UTC)


def organisation(
    code: str, name: str, *, region: str = "Y59", icb: str = "QKS", days: str = "20060401,"
) -> str:
    """Return a row of a report of organisations; `days` are its first and last."""
    return f'{code},"{name}",{region},{icb},,,,MAIDSTONE,,ME16 9PH,{days}' + "," * 15 + "\r\n"


TRUST = organisation("RXY", "KENT AND MEDWAY MENTAL HEALTH NHS TRUST")
BOARD = organisation("QKS", "NHS KENT AND MEDWAY INTEGRATED CARE BOARD", icb="", days="20220701,")


def read(report: str, body: str) -> dict[str, object]:
    source = Organisations({"id": report})
    page = Page(source.url, body.encode(), "text/csv")
    facts = list(source.read(Fetched(Release("live", source.title, source.url), page), NOW))
    assert all(isinstance(fact, Fact) for fact in facts)
    return {fact.name: json.loads(fact.value or "") for fact in facts}


def test_an_organisation_is_a_fact_with_its_days_board_and_region() -> None:
    closed = organisation("RTV", "NORTH WEST BOROUGHS", region="", icb="", days="20020401,20251031")
    assert read("etr", TRUST + closed) == {
        "RXY": {
            "name": "KENT AND MEDWAY MENTAL HEALTH NHS TRUST",
            "opened": "2006-04-01",
            "closed": None,
            "region": "Y59",
            "icb": "QKS",
        },
        "RTV": {
            "name": "NORTH WEST BOROUGHS",
            "opened": "2002-04-01",
            "closed": "2025-10-31",
            "region": None,
            "icb": None,
        },
    }


def test_of_the_other_organisations_only_the_boards_are_kept() -> None:
    agency = organisation("T1150", "NHS BUSINESS SERVICES AUTHORITY", days="nobody reads this,")
    assert list(read("eother", agency + BOARD)) == ["QKS"]


def test_a_code_that_was_taken_over_has_all_its_successors_by_day() -> None:
    rows = [
        *("QNQ,Z9B2Z,M,20260401,", "QNQ,QRL,M,20260401,", "QNQ,QRL,M,20260401,", "QNQ,QXU,M,20250401,"),
        *("A82063,A82641,M,20171001,", "10A,91Q,M,20200401,"),
    ]
    assert read("succ", "\r\n".join(rows)) == {
        "QNQ": [["QXU", "2025-04-01"], ["QRL", "2026-04-01"], ["Z9B2Z", "2026-04-01"]],
        "10A": [["91Q", "2020-04-01"]],
    }


@pytest.mark.parametrize(
    ("report", "body", "said"),
    [
        ("etr", "", "expected rows of organisations, found none"),
        ("eother", TRUST, "expected rows of integrated care board, found none"),
        ("etr", '"Code","Name","Status"\n' + TRUST, "expected 27 columns in each row, found 3"),
        ("etr", TRUST + TRUST, "expected each organisation once, .* for RXY"),
        ("etr", organisation("RXY", ""), "expected each organisation once, with a name, found '' for RXY"),
        ("etr", organisation("R-Y", "X"), "expected an organisation's code such as RXY, found 'R-Y'"),
        (
            "etr",
            organisation("RXY", "X", icb="Kent"),
            "expected an organisation's code such as RXY, found 'Kent'",
        ),
        ("etr", organisation("RXY", "X", days="2006-04-01,"), "expected a day such as 20240401"),
        ("etr", organisation("RXY", "X", days="20060431,"), "expected a day such as 20240401"),
        (
            "etr",
            organisation("RXY", "X", days="20060401,20050401"),
            "expected an end after 2006-04-01 for RXY",
        ),
        ("etr", 'RXY,"A "TRUST"', "expected a CSV file"),
        ("succ", "RRP,G6V2S,M,,", "expected a day such as 20240401"),
        ("succ", "RRP,G6V2S,20241101", "expected 5 columns in each row, found 3"),
    ],
)
def test_a_report_that_is_not_what_it_was_is_refused(report: str, body: str, said: str) -> None:
    with pytest.raises(SourceChanged, match=said) as refusal:
        read(report, body)
    assert refusal.value.url.endswith(f"/api/getReport?report={report}")


@given(st.text(max_size=200), st.sampled_from(["etr", "eother", "succ"]))
def test_any_text_at_all_is_refused(text: str, report: str) -> None:
    with pytest.raises(SourceChanged):
        read(report, text)


def test_an_unknown_report_is_named_with_those_that_are_known() -> None:
    with pytest.raises(ValueError, match="one of etr, ect, eother, succ, not 'epraccur'"):
        Organisations({"id": "epraccur"})


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Give a house that follows trusts and successors."""
    with open_house(sqlite(tmp_path)) as house:
        entries = [{"source": "organisations", "id": report} for report in ("etr", "succ")]
        house.campaign = {"campaign": {"name": "Test", "sources": []}, "source": entries}
        publish(house, "etr", TRUST)
        publish(house, "succ", "RRP,G6V2S,M,20241101,")
        yield house


def publish(house: House, report: str, body: str) -> None:
    house.sites.put(Organisations({"id": report}).url, body, content_type="text/csv")


def test_what_becomes_of_organisations_is_remembered_without_a_word(house: House) -> None:
    asyncio.run(house.check())
    house.later(days=7)
    publish(house, "etr", organisation("RXY", "KENT AND MEDWAY NHS TRUST"))
    asyncio.run(house.check())
    with house.store() as store, store.reading() as tx:
        history = tx.facts_history("organisations:etr", "RXY")
        successions = tx.facts(["organisations:succ"])["organisations:succ"]
    assert [json.loads(said or "")["name"] for _, said in history] == [
        "KENT AND MEDWAY MENTAL HEALTH NHS TRUST",
        "KENT AND MEDWAY NHS TRUST",
    ]
    assert successions == {"RRP": '[["G6V2S", "2024-11-01"]]'}
    (introduced,) = house.team
    assert "NHS organisations: trusts (no figures: its changes count)" in introduced
    assert not house.operator


def test_an_unchanged_report_costs_one_conditional_request(house: House) -> None:
    asyncio.run(house.check())
    house.sites.requests.clear()
    house.later(days=7)
    asyncio.run(house.check())
    assert [request.status for request in house.sites.requests] == [304, 304]
