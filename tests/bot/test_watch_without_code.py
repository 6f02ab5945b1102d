"""Ten pages that nobody wrote a source for: each is tried, followed, seen to change, and seen to break."""

from __future__ import annotations

import io
import json
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from bot.trying import toml
from tests.bot.cli import Said, figurewatch
from tests.fakes.sites import HTML, Sites

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
LONGEST = 120.0  # seconds that it may take to write a watch; here no person has to think


@dataclass(frozen=True)
class Case:
    """A page that shows a number, what a person looks for in it, and what the team is told of a change."""

    name: str
    page: Callable[[str], str | bytes]
    find: str
    before: str  # as the page writes it, now and later
    after: str
    told: str
    kind: str = HTML
    unit: str = "count"


def page(body: str) -> str:
    return (
        f"<!doctype html><html><head><title>Public figures | Example</title></head><body>{body}</body></html>"
    )


def workbook(value: str) -> bytes:
    made = Workbook()
    made.create_sheet("Notes").append(["Published by nobody"])
    sheet = made.create_sheet("Beds")
    for row in (
        ["Available beds, by region"],
        [],
        ["Region", "Code", "Beds", "Closed"],
        ["London", "Y56", int(value), 31],
        ["South East", "Y59", 1204, 12],
    ):
        sheet.append(row)
    body = io.BytesIO()
    made.save(body)
    return body.getvalue()


def table(value: str) -> str:
    rows = [("London", value, "91.0%"), ("South East", "1,204", "88.4%")]
    cells = "".join(f"<tr><th>{a}</th><td>{b}</td><td>{c}</td></tr>" for a, b, c in rows)
    return page(f"<table id=beds><tr><th>Region</th><th>Beds</th><th>Occupied</th></tr>{cells}</table>")


CASES = [
    Case("a table", table, "London · Beds", "812", "790", "790 (was 812 on"),
    Case(
        "a big number",
        lambda n: page(f"<h1>Contacts</h1><div class=tile><span class=tile__number>{n}</span> people</div>"),
        "people",
        "1,630,000",
        "1,700,000",
        "1,700,000 (was 1,630,000 on",
    ),
    Case(
        "JSON",
        lambda n: json.dumps({"data": {"region": "England", "open_referrals": int(n)}, "id": 10**17}),
        "open_referrals",
        "98889",
        "101304",
        "101,304 (was 98,889 on",
        "application/json",
    ),
    Case(
        "CSV",
        lambda n: f"Area,Code,Vacancies,Rate\nLondon,E12,{n},5.1\nKent,E13,212,6.2\n",
        "London · Vacancies",
        "4213",
        "4302",
        "4,302 (was 4,213 on",
        "text/csv",
    ),
    Case("XLSX", workbook, "London · Beds", "5120", "4998", "4,998 (was 5,120 on", XLSX),
    Case(
        "a number inside a sentence",
        lambda n: page(f"<p>In June 2026 <b>2</b> trusts replied. There were {n} vacancies across them.</p>"),
        "vacancies",
        "629",
        "1,041",
        "1,041 (was 629 on",
    ),
    Case(
        "thousands separators",
        lambda n: page(f"<ul><li>Population: {n} people</li><li>Households: 23 436 000</li></ul>"),
        "Population",
        "56 536 000",
        "56 901 000",
        "56,901,000 (was 56,536,000 on",
    ),
    Case(
        "a figure in millions",
        lambda n: page(f"<p>Spending came to {n} last year, after £0.8bn the year before.</p>"),
        "last year",
        "£0.9bn",
        "£1.1bn",
        "£1,100 million (was £900 million on",
        unit="million pounds",
    ),
    Case(
        "a chart's data attribute",
        lambda n: page(f'<div id=chart data-series=\'{{"label": "Waits", "mean": {n}}}\'></div>'),
        "mean",
        "23.5",
        "25.25",
        "25.25 (was 23.5 on",
        unit="number",
    ),
    Case(
        "a page behind one redirect",
        lambda n: page(f"<p>Now <strong id=total>{n}</strong></p>"),
        "Now",
        "1,234",
        "1,200",
        "1,200 (was 1,234 on",
    ),
]


@pytest.fixture
def sites() -> Iterator[Sites]:
    with Sites() as sites:
        yield sites


class Team:
    """A campaign of its own, at the command line."""

    def __init__(self, folder: Path, sites: Sites) -> None:
        self.sites = sites
        self.file = folder / "campaign.toml"
        self.file.write_text('[campaign]\nname = "Test"\nsources = []\n', encoding="utf-8")
        self.environment = {
            "DATABASE_URL": f"sqlite:///{folder / 'figurewatch.db'}",
            "CAMPAIGN_FILE": str(self.file),
            "WEB_PAUSE": "0",
            "WEB_MIRROR": sites.url,
        }

    def run(self, *words: str) -> Said:
        return figurewatch(self.environment, *words)

    def follow(self, address: str, find: str, *more: str) -> str:
        """Write the entry that follows the first number found, and return it."""
        tried = self.run("try", address, "--find", find, "--pick", "1", "--write", *more)
        assert tried.status == 0, tried.err
        return tried.out


@pytest.fixture
def team(tmp_path: Path, sites: Sites) -> Team:
    return Team(tmp_path, sites)


def show(case: Case, sites: Sites, number: str) -> str:
    """Let a page show a number, and return the address under which people know it."""
    body = case.page(number)
    address = "https://figures.example.org/now"
    if case.name == "a page behind one redirect":
        sites.redirect(address, "https://www.example.net/moved")
        sites.put("https://www.example.net/moved", body)
    else:
        sites.put(address, body, case.kind)
    return address


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_public_page_is_followed_without_code(case: Case, team: Team, sites: Sites) -> None:
    address = show(case, sites, case.before)
    began = perf_counter()
    listed = team.run("try", address)
    assert listed.status == 0, listed.err
    assert case.before in listed.out
    entry = team.follow(address, case.find)
    assert perf_counter() - began < LONGEST
    assert f'unit = "{case.unit}"' in entry

    first = team.run("check")
    assert first.status == 0, first.out
    assert "👀 Now watching: Public figures" in first.out or "👀 Now watching: now" in first.out
    assert "🔢" not in team.run("check").out

    show(case, sites, case.after)
    changed = team.run("check")
    assert changed.status == 0, changed.out
    (alert,) = [line for line in changed.out.splitlines() if "🔢" in line]
    assert case.told in alert
    history = team.run("figures", "--json").json
    assert len(history) == 2
    assert {row["url"] for row in history} == {address}
    assert case.told.startswith(f"{history[1]['value']:,}".removesuffix(".0")) or case.unit != "count"

    if case.name == "a page behind one redirect":
        address = "https://www.example.net/moved"
    sites.put(address, page("<p>We have a new website.</p>") if case.kind == HTML else "{}", case.kind)
    broken = team.run("check")
    assert broken.status == 1
    assert "⚠️ A source cannot be read" in broken.out
    assert len(team.run("figures", "--json").json) == 2


def test_an_entry_is_printed_and_nothing_is_written_unless_asked(team: Team, sites: Sites) -> None:
    address = show(CASES[1], sites, "1,630,000")
    before = team.file.read_text()
    printed = team.run("try", address, "--pick", "1", "--id", "contacts", "--title", "People in contact")
    assert printed.status == 0
    assert printed.out.startswith('[[source]]\nid = "contacts"\ntitle = "People in contact"\n')
    assert team.file.read_text() == before
    assert len(sites.requests) == 1


def test_a_second_watch_of_a_page_gets_an_id_of_its_own(team: Team, sites: Sites) -> None:
    address = show(CASES[0], sites, "812")
    assert 'id = "london-beds"' in team.follow(address, "London · Beds")
    assert 'id = "london-beds-2"' in team.follow(address, "London · Beds")
    assert [row["name"] for row in team.run("check", "--json").json["sources"]] == [
        "page_figure:london-beds",
        "page_figure:london-beds-2",
    ]


def test_an_entry_that_makes_no_campaign_is_not_written(team: Team, sites: Sites) -> None:
    address = show(CASES[0], sites, "812")
    team.file.write_text("[campaign]\n", encoding="utf-8")
    refused = team.run("try", address, "--pick", "1", "--write")
    assert refused.status == 2
    assert "'name' is missing" in refused.err
    assert team.file.read_text() == "[campaign]\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["https://figures.example.org/gone"], "expected a page, found 404 Not Found"),
        (["figures.example.org/now", "--pick", "99"], "--pick: expected a number from 1 to"),
        (
            ["figures.example.org/now", "--find", "doctors"],
            "holds no number that could be followed with 'doctors'",
        ),
        (["figures.example.org/now", "--write"], "--write needs --pick"),
        (["ftp://figures.example.org/now"], "expected an http or https address"),
        (["figures.example.org/now", "--pick", "1", "--id", "a b"], "id must be a name of letters"),
    ],
)
def test_what_cannot_be_tried_is_said_in_one_line(
    team: Team, sites: Sites, words: list[str], said: str
) -> None:
    show(CASES[0], sites, "812")
    refused = team.run("try", *words)
    assert refused.status == 2
    (line,) = refused.err.splitlines()
    assert said in line


def test_a_page_that_is_too_long_to_be_followed_is_said_to_be(team: Team, sites: Sites) -> None:
    sites.put("https://figures.example.org/now", page("<b id=n>1,234</b>" + " " * 2_200_000))
    refused = team.run("try", "figures.example.org/now", "--find", "1,234", "--pick", "1")
    assert "expected text/html of at most 2,097,152 bytes, found text/html of 2,2" in refused.err


def test_a_page_cannot_command_the_terminal(team: Team, sites: Sites) -> None:
    sites.put("https://figures.example.org/now", page("<p>\x9b2J\u202ewaits: <b>1,234</b> \x07people</p>"))
    for words in ((), ("--pick", "1"), ("--pick", "2")):
        shown = team.run("try", "figures.example.org/now", *words)
        assert shown.status == 0, shown.err
        assert "1,234" in shown.out
        assert all(char.isprintable() or char == "\n" for char in shown.out)


def test_every_host_on_the_way_is_listed(team: Team, sites: Sites) -> None:
    sites.redirect("https://a.example.org/x", "https://b.example.org/x")
    sites.redirect("https://b.example.org/x", "https://c.example.org/x")
    sites.put("https://c.example.org/x", page("<b id=n>1,234</b>"))
    assert 'hosts = ["b.example.org", "c.example.org"]' in team.follow("a.example.org/x", "1,234")
    assert team.run("check").status == 0


def test_an_address_of_a_private_network_is_refused(team: Team) -> None:
    del team.environment["WEB_MIRROR"]
    refused = team.run("try", "http://127.0.0.1:8000/")
    assert refused.status == 2
    assert "expected a public address, found 127.0.0.1" in refused.err


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=5),
        st.one_of(
            st.text(max_size=20), st.integers(-(10**9), 10**9), st.lists(st.text(max_size=5), max_size=3)
        ),
        max_size=4,
    )
)
def test_what_is_written_as_toml_reads_as_it_was(options: dict[str, object]) -> None:
    entry = {**options, "row": options}
    named = {f"k{place}": value for place, value in enumerate(entry.values())}
    assert tomllib.loads(toml(named)) == {"source": [named]}
