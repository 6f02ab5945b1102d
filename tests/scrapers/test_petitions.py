"""Petitions: the count of a page's script, and Parliament's JSON."""

from __future__ import annotations

import asyncio
import csv
import json
import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrapers.konp_petition import KonpPetition, displayed_target
from scrapers.parliament_petition import ParliamentPetition
from scrapers.toolkit.contract import EVERYWHERE, LIVE, Fact, Fetched, Figure, Page, Release, SourceChanged

CAPTURES = Path(__file__).parents[1] / "captures"
NOW = datetime(2025, 11, 6, 9, 0, 30, 999, tzinfo=UTC)
PAGE = "https://keepournhspublic.com/a-petition/"
SCRIPT = "https://keepournhspublic.com/wp-content/uploads/civicrm/inlay-0a1b2c3d4e5f.js"
KONP = KonpPetition({"url": PAGE})
PARLIAMENT = ParliamentPetition({"id": 700143})
RELEASE = Release(LIVE, "t", PAGE)


def konp_script(count: object = 629, **more: object) -> str:
    held = json.dumps({"uxMode": "petition", **more, "count": count})
    return f'boot();\n((i) => {{ i.inlays["0a1b2c3d4e5f"] = {held}; i.app.go(); }})(window.CiviCRMInlay);\n'


def read_konp(script: str | bytes, url: str = SCRIPT) -> dict[str, float | None]:
    body = script.encode() if isinstance(script, str) else script
    figures = list(KONP.read(Fetched(RELEASE, Page(url, body, "text/javascript")), NOW))
    assert {figure.area for figure in figures} == {EVERYWHERE}
    assert {figure.period for figure in figures} == {"2025-11-06T09:00:30Z"}
    return {figure.measure.id: figure.value for figure in figures}


class Pages:
    """A web of a few pages."""

    def __init__(self, pages: Mapping[str, str]) -> None:
        self.pages, self.asked = pages, list[str]()

    async def get(self, url: str, *, accept: Collection[str], limit: int = 0) -> Page:
        self.asked.append(url)
        if url not in self.pages:
            raise SourceChanged("a page", "404 Not Found", url=url)
        return Page(url, self.pages[url].encode(), sorted(accept)[0], "utf-8")


def fetch_konp(tag: str, script: str = SCRIPT, **options: object) -> Fetched:
    web = Pages({PAGE: f"<html><body><p>Sign</p>{tag}</body></html>", script: konp_script()})
    return asyncio.run(KonpPetition({"url": PAGE, **options}).fetch(RELEASE, web))


def test_the_count_and_the_target_shown_are_read() -> None:
    assert read_konp(konp_script(629)) == {"signatures": 629, "displayed_target": 900}
    assert read_konp(konp_script(630)) == {"signatures": 630, "displayed_target": 1000}
    assert read_konp(konp_script(0)) == {"signatures": 0, "displayed_target": 10}


@pytest.mark.parametrize("written", ['i.inlays["0a1b2c3d4e5f"]=', "i.inlays['0a1b2c3d4e5f']   =\n"])
def test_white_space_and_quotes_of_the_script_do_not_matter(written: str) -> None:
    assert read_konp(konp_script().replace('i.inlays["0a1b2c3d4e5f"] = ', written))["signatures"] == 629


@pytest.mark.parametrize(
    "tag",
    [
        "<script src='{}' data-inlay-id='0a1b2c3d4e5f'></script>",
        '<script data-inlay-id="0a1b2c3d4e5f" src="{}" defer></script>',
        "<script async data-inlay-id=0a1b2c3d4e5f src={}></script>",
        '<SCRIPT type="text/javascript"\n defer\n DATA-INLAY-ID="0a1b2c3d4e5f"\n SRC=" {} "></SCRIPT>',
    ],
)
def test_the_script_is_found_whatever_the_order_of_its_attributes(tag: str) -> None:
    assert fetch_konp(tag.format(SCRIPT)).page.url == SCRIPT
    assert fetch_konp(tag.format("/wp-content/uploads/civicrm/inlay-0a1b2c3d4e5f.js")).page.url == SCRIPT


@pytest.mark.parametrize(
    ("tag", "said"),
    [
        ("", "expected one element for the petition's script (script[data-inlay-id]), found 0"),
        (f"<script src='{SCRIPT}' data-inlay-id='0a1b2c3d4e5f'></script>" * 2, "found 2"),
        (
            f"<script src='{SCRIPT}' data-inlay-id='ffffffffffff'></script>",
            "expected the script of inlay ffffffffffff",
        ),
        (
            "<script data-inlay-id='0a1b2c3d4e5f'></script>",
            "expected src of the petition's script, found none",
        ),
        (
            "<script src='/x.js' data-inlay-id='0a1b2c3d4e5f'></script>",
            "expected a script such as inlay-0a1b2c3d4e5f.js",
        ),
    ],
)
def test_a_page_without_exactly_one_script_is_refused(tag: str, said: str) -> None:
    with pytest.raises(SourceChanged) as change:
        fetch_konp(tag)
    assert said in str(change.value)
    assert change.value.url == PAGE


def test_a_script_elsewhere_needs_its_host_in_the_campaign_file() -> None:
    script = "https://civi.example.org/inlay-0a1b2c3d4e5f.js"
    tag = f"<script src='{script}' data-inlay-id='0a1b2c3d4e5f'></script>"
    with pytest.raises(
        SourceChanged, match=r'found it on civi\.example\.org: add hosts = \["civi\.example\.org"\]'
    ):
        fetch_konp(tag, script)
    assert fetch_konp(tag, script, hosts=["civi.example.org"]).page.url == script


class Petition:
    """A petition that is looked at again and again."""

    def __init__(self) -> None:
        self.source, self.web = KonpPetition({"url": PAGE}), Pages({SCRIPT: konp_script(), PAGE: ""})
        self.names(SCRIPT)

    def names(self, script: str) -> None:
        """Let the page name another script."""
        tag = f"<script data-inlay-id='{script[-15:-3]}' src='{script}'></script>"
        self.web.pages = {**self.web.pages, PAGE: f"<html>{tag}</html>"}

    def says(self, script: str, body: str) -> None:
        """Let a script say something."""
        self.web.pages = {**self.web.pages, script: body}

    def asked(self) -> list[str]:
        """Look once, and return what was asked for."""
        self.web.asked.clear()
        self.found = asyncio.run(self.source.fetch(RELEASE, self.web)).page
        return list(self.web.asked)


def test_the_script_is_asked_each_time_and_the_page_each_fourth_time() -> None:
    petition = Petition()
    asked = [petition.asked() for _ in range(9)]
    assert asked == [[PAGE, SCRIPT], *[[SCRIPT]] * 3, [PAGE, SCRIPT], *[[SCRIPT]] * 3, [PAGE, SCRIPT]]


@pytest.mark.parametrize("said", [konp_script("many"), 'throw "Inlay unavailable: 0a1b2c3d4e5f"', "gone"])
def test_the_page_is_asked_at_once_where_the_script_that_it_named_has_no_count(said: str) -> None:
    petition = Petition()
    petition.asked()
    moved = SCRIPT.replace("0a1b2c3d4e5f", "0a1b2c3d4e60")
    petition.names(moved)
    petition.says(SCRIPT, said)
    petition.says(moved, konp_script(631).replace("0a1b2c3d4e5f", "0a1b2c3d4e60"))
    assert petition.asked() == [SCRIPT, PAGE, moved]
    assert petition.found.url == moved
    assert petition.asked() == [moved]


def test_a_petition_whose_page_is_no_longer_one_is_known_within_four_looks() -> None:
    petition = Petition()
    petition.asked()
    petition.web.pages = {**petition.web.pages, PAGE: "<html><p>We have moved.</p></html>"}
    assert [petition.asked() for _ in range(3)] == [[SCRIPT]] * 3
    for _ in range(2):
        with pytest.raises(SourceChanged, match="one element for the petition's script"):
            petition.asked()


def test_a_petition_may_ask_its_host_with_and_without_www() -> None:
    assert KONP.hosts == {"keepournhspublic.com", "www.keepournhspublic.com"}
    assert KonpPetition({"url": "https://www.example.org/"}).hosts == {"example.org", "www.example.org"}


def test_a_petition_that_is_switched_off_is_a_trouble_and_no_nought() -> None:
    with pytest.raises(SourceChanged) as change:
        read_konp("console.log('Inlay unavailable: 0a1b2c3d4e5f');")
    said = "expected the petition's count, found Inlay unavailable: switched off by the site"
    assert str(change.value) == f"{said} ({SCRIPT})"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (konp_script("629"), "expected a whole number for the petition's count, found '629'"),
        (konp_script(True), "found True"),
        (konp_script(629.5), "found 629.5"),
        (konp_script(-1), "found -1"),
        (konp_script(None), "found None"),
        (konp_script(10**30), "found an integer of 31 digits"),
        (konp_script().replace('"count"', '"total"'), "expected count, found nothing of that name"),
        (konp_script().replace("0a1b2c3d4e5f", "ffffffffffff"), "in the script, found 0"),
        (konp_script() * 2, "in the script, found 2"),
        (konp_script()[:60], "expected JSON, found"),
        ("<!DOCTYPE html>", "in the script, found 0"),
        ("", "in the script, found 0"),
        (b"\xff\xfe", "expected text in utf-8, found bytes that are not"),
    ],
)
def test_a_script_that_is_not_understood_is_refused(script: str | bytes, said: str) -> None:
    with pytest.raises(SourceChanged) as change:
        read_konp(script)
    assert said in str(change.value)
    assert "\n" not in str(change.value)


@given(st.integers(0, 400), st.sampled_from(["", '"', "}", "\\", "9", "\x00", "=", "é"]))
def test_a_damaged_script_is_read_or_refused(place: int, character: str) -> None:
    script = konp_script()
    place %= len(script)
    with suppress(SourceChanged):
        assert read_konp(script[:place] + character + script[place + 1 :])["signatures"] is not None


@given(st.integers(1, 10**7))
def test_the_target_shown_is_never_close(count: int) -> None:
    step = 10 if count <= 100 else 100 if count <= 1000 else 1000
    target = displayed_target(count)
    assert target % step == 0
    assert count < target * 0.7 + 1e-6 * target
    assert (target - step) * 0.7 <= count


@pytest.mark.parametrize(
    "entry", [{"url": PAGE, "hosts": "x.org"}, {"url": PAGE, "hosts": ["https://x.org"]}]
)
def test_hosts_are_a_list_of_names(entry: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="hosts must be a list of names such as"):
        KonpPetition(entry)


# UK Parliament


def parliament(**attributes: object) -> dict[str, Any]:
    (file,) = (CAPTURES / "parliament_petition" / "2024-11-24").rglob("*/700143.json")
    document: dict[str, Any] = json.loads(file.read_text())
    document["data"]["attributes"].update(attributes)
    return document


def read_parliament(document: object, source: ParliamentPetition = PARLIAMENT) -> dict[str, object]:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    page = Page("https://petition.parliament.uk/petitions/700143.json", body, "application/json", "utf-8")
    found: dict[str, object] = {}
    for item in source.read(Fetched(RELEASE, page), NOW):
        match item:
            case Figure():
                assert (item.area, item.period) == (EVERYWHERE, "2025-11-06T09:00:30Z")
                found[item.measure.id] = item.value
            case Fact():
                found[item.name] = item.value
    return found


def test_count_state_and_what_parliament_did_are_read() -> None:
    found = read_parliament(parliament(scheduled_debate_date="2025-01-06"))
    assert found["signatures"] == 1_462_163
    assert found["action"] == "Call a General Election"
    assert found["state"] == "open"
    assert found["debate_threshold_reached_at"] == "2024-11-23T21:18:30.000Z"
    assert found["government_response_at"] is None
    assert found["scheduled_debate_date"] == "2025-01-06"


def test_keys_that_old_copies_lack_are_not_missed() -> None:
    document = parliament()
    for name in ("topics", "departments", "debate_outcome_at", "closed_at", "rejected_at", "committee_note"):
        del document["data"]["attributes"][name]
    assert read_parliament(document)["closed_at"] is None


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (parliament(signature_count="1"), "expected a whole number for signature_count, found '1'"),
        (parliament(signature_count=None), "found None"),
        (
            parliament(state="sleeping"),
            "expected a state among open, closed, rejected, stopped, found 'sleeping'",
        ),
        (parliament(state=["open"]), "found ['open']"),
        (parliament(closed_at="soon"), "expected a time for closed_at, found 'soon'"),
        (parliament(closed_at=5), "expected a time for closed_at, found 5"),
        (parliament(action=" "), "expected what the petition asks for, found ' '"),
        ({"data": {**parliament()["data"], "id": 1}}, "expected petition 700143, found 1"),
        ({"data": {**parliament()["data"], "type": "page"}}, "expected a petition, found 'page'"),
        ({"data": []}, "expected type, found nothing of that name"),
        ({"errors": []}, "expected data, found nothing of that name"),
        (b'{"data": NaN}', "expected a JSON number, found NaN"),
        (b'{"data": {"type": "petition", "type": "petition"}}', "expected each JSON key once"),
        (b"<!doctype html><title>Not found</title>", "expected JSON, found '<!doctype html>"),
    ],
)
def test_json_that_is_not_understood_is_refused(document: object, said: str) -> None:
    with pytest.raises(SourceChanged) as change:
        read_parliament(document)
    assert said in str(change.value)
    assert change.value.url.endswith("/700143.json")


@pytest.mark.parametrize(
    "entry",
    [{"id": 700143}, {"id": "700143"}, {"url": "https://petition.parliament.uk/petitions/700143"}],
)
def test_a_petition_is_named_by_number_or_address(entry: dict[str, Any]) -> None:
    source = ParliamentPetition(entry)
    assert source.url == "https://petition.parliament.uk/petitions/700143"
    assert source.title == "UK Parliament petition 700143"
    assert source.hosts == {"petition.parliament.uk"}
    assert source.key == ("parliament_petition:700143" if "id" in entry else "parliament_petition")


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"id": "abc"},
        {"id": True},
        {"id": -5},
        {"id": 0},
        {"id": 1, "url": "https://petition.parliament.uk/petitions/2"},
        {"url": "https://example.org/petitions/2"},
    ],
)
def test_a_petition_without_a_number_is_refused_in_one_line(entry: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^(id|url) [^\n]+$"):
        ParliamentPetition(entry)


def test_one_request_asks_for_the_json_of_the_number() -> None:
    web = Pages({"https://petition.parliament.uk/petitions/700143.json": json.dumps(parliament())})
    asyncio.run(PARLIAMENT.releases(web))
    asyncio.run(PARLIAMENT.fetch(RELEASE, web))
    assert web.asked == ["https://petition.parliament.uk/petitions/700143.json"]


# The shared samples


def test_the_shared_bundles_are_read(shared_samples: Path) -> None:
    folder = shared_samples / "petition"
    counts = {"628": 628, "629": 629, "630_target_rolls": 630}
    for name, count in counts.items():
        assert read_konp((folder / f"konp_inlay_bundle_{name}.js").read_bytes())["signatures"] == count
    with pytest.raises(SourceChanged, match="Inlay unavailable"):
        read_konp((folder / "konp_inlay_bundle_unavailable.js").read_bytes())
    with (folder / "konp_displayed_target_by_count.csv").open() as file:
        for row in csv.DictReader(file):
            assert displayed_target(int(row["count"])) == int(row["displayed_target"])


def test_the_shared_page_names_its_script(shared_samples: Path) -> None:
    raw = (shared_samples / "petition" / "konp_page_raw.html").read_text()
    (script,) = re.findall(r"src='(https://civi[^']+)'", raw)
    web = Pages({PAGE: raw, script: konp_script()})
    source = KonpPetition({"url": PAGE, "hosts": ["civi.example.org"]})
    assert asyncio.run(source.fetch(RELEASE, web)).page.url == script


def test_the_shared_petitions_of_parliament_are_read(shared_samples: Path) -> None:
    folder = shared_samples / "petition"
    files = [*folder.glob("parliament_*_20*-*-*.json"), *folder.glob("parliament_241584_snapshots/*.json")]
    assert len(files) == 11
    for file in files:
        attributes = json.loads(file.read_text())["data"]["attributes"]
        number = int(re.findall(r"\d{6}", file.name)[0])
        found = read_parliament(file.read_bytes(), ParliamentPetition({"id": number}))
        assert found["signatures"] == attributes["signature_count"]
        assert found["government_response_at"] == attributes["government_response_at"]
        assert found["state"] == "open"
