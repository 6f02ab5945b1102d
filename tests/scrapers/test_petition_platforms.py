"""Petitions on other sites: the count and the goal beside it, read as each site shows them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scrapers.petition_platforms import PetitionPlatforms
from scrapers.toolkit.contract import EVERYWHERE, LIVE, Fetched, Figure, Page, Release, SourceChanged

NOW = datetime(2025, 3, 3, 9, 0, tzinfo=UTC)
DEGREES = "https://you.38degrees.org.uk/petitions/review-it"
CHANGE = "https://www.change.org/p/review-it"
ACTION = "https://actionnetwork.org/petitions/review-it"


def read(url: str, body: str) -> dict[str, float | None]:
    """Return the figures that a petition's source reads in a page or script."""
    fetched = Fetched(Release(LIVE, "", url), Page(url, body.encode(), "text/html"))
    figures = [
        item for item in PetitionPlatforms({"url": url}).read(fetched, NOW) if isinstance(item, Figure)
    ]
    assert {figure.area for figure in figures} == {EVERYWHERE}
    return {figure.measure.id: figure.value for figure in figures}


def page(body: str) -> str:
    return f"<html><body><h1>Review it</h1>{body}</body></html>"


def change(count: str) -> str:
    return page(f'<script>window.changeTargetingData = {{"viewer":undefined,"petition":{count}}};</script>')


def widget(total: str, goal: str = "") -> str:
    """Return a widget's script, with HTML inside."""
    html = f'<div class="action_status_running_total">{total}</div>{goal}'
    return "var html = " + json.dumps(html).replace("</", "<\\/") + ";"


def goal(words: str) -> str:
    return f'<div class="action_status_goal">{words}</div>'


def test_every_phrase_of_the_listing_is_read(shared_samples: Path) -> None:
    phrases = json.loads((shared_samples / "petition" / "listing_phrases.json").read_text())["phrases"]
    for phrase in phrases:
        count, shown = (
            int(part.replace(",", "")) for part in phrase.removesuffix(" Signatures").split(" of ")
        )
        assert read(DEGREES, page(f"<p>{phrase}</p>")) == {"signatures": count, "displayed_target": shown}
    assert len(phrases) == 12


def test_the_samples_of_the_other_sites_are_read(shared_samples: Path) -> None:
    samples = shared_samples / "petition"
    data = (samples / "change_org_targeting_data.constructed.html").read_text()
    assert read(CHANGE, page(data.partition("-->")[2])) == {"signatures": 24845, "displayed_target": 25000}
    script = (samples / "action_network_widget.constructed.js").read_text()
    assert read(ACTION, script) == {"signatures": 1234, "displayed_target": 1600}


def test_words_in_several_elements_are_read_as_one() -> None:
    parts = "<span>3,612</span> of\n<span>4,000</span> <b>Signatures</b>"
    assert read(DEGREES, page(parts)) == {"signatures": 3612, "displayed_target": 4000}


def test_what_is_shown_on_change_org_counts_and_not_its_total() -> None:
    count = '{"weeklySignatureCount":12,"signatureCount":{"total":24846,"displayed":24845,"goal":null}}'
    assert read(CHANGE, change(count)) == {"signatures": 24845}


def test_a_goal_that_is_reached_is_no_goal() -> None:
    assert read(ACTION, widget("1 Signature Collected")) == {"signatures": 1}
    assert read(ACTION, widget("1,600 Signatures Collected", goal("We did it!"))) == {"signatures": 1600}


@pytest.mark.parametrize(
    ("url", "body", "said"),
    [
        (DEGREES, page("<p>33,018 people have signed</p>"), "such as '33,018 of 35,000 Signatures', found 0"),
        (DEGREES, page("<p>2 of 100 Signatures</p><p>92 of 100 Signatures</p>"), "found 2"),
        (DEGREES, page("<p>33018 of 35,000 Signatures</p>"), "written like 1,234, found '33018'"),
        (CHANGE, page("<p>141 have signed.</p>"), "one script that sets changeTargetingData, found 0"),
        (CHANGE, change("{}"), "found 0"),
        (CHANGE, change('{"signatureCount":{"total":5}}'), "expected goal, found nothing"),
        (
            CHANGE,
            change('{"signatureCount":{"displayed":"5","goal":9}}'),
            "a whole number for signatureCount",
        ),
        (ACTION, "console.log('gone')", "such as '1,234 Signatures Collected', found 0"),
        (ACTION, widget("1,234 Letters Sent"), "found 0"),
        (ACTION, widget("1,234 Signatures Collected", goal("x") * 2), "at most one goal, found 2"),
        (
            ACTION,
            widget("1,234 Signatures Collected", goal("Only 365 more until our goal of 1,600")),
            "expected 366 more until the goal of 1600, found 365",
        ),
    ],
)
def test_a_page_that_shows_the_count_otherwise_is_refused(url: str, body: str, said: str) -> None:
    with pytest.raises(SourceChanged) as refusal:
        read(url, body)
    assert said in str(refusal.value)
    assert refusal.value.url == url


def test_the_host_says_who_publishes_and_what_is_asked() -> None:
    for url, publisher in ((DEGREES, "38 Degrees"), (CHANGE, "Change.org"), (ACTION, "Action Network")):
        source = PetitionPlatforms({"url": f"{url}/?utm_source=x#top", "id": "review"})
        assert (source.publisher, source.url, source.key) == (
            publisher,
            f"{url}/",
            "petition_platforms:review",
        )
    assert PetitionPlatforms({"url": "https://change.org/p/review-it"}).hosts == {
        "change.org",
        "www.change.org",
    }


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://petitions.example.org/p/1", "a petition on you.38degrees.org.uk, www.change.org, actionn"),
        ("https://www.change.org/petitions/1", "must be like https://www.change.org/p/name"),
        ("https://actionnetwork.org/letters/1", "must be like https://actionnetwork.org/petitions/name"),
        ("https://you.38degrees.org.uk.example.org/petitions/1", "not on you.38degrees.org.uk.example.org"),
        ("https://www.change.org@example.org/p/1", "not on www.change.org@example.org"),
    ],
)
def test_an_address_that_is_none_of_a_petition_there_is_refused(url: str, said: str) -> None:
    with pytest.raises(ValueError) as refusal:
        PetitionPlatforms({"url": url})
    assert said in str(refusal.value)
