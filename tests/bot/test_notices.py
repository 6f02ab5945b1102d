"""What publishers announce in feeds, and a page that a person reads by hand: what is told, and to whom."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from scrapers.publisher_notices import PublisherNotices
from scrapers.talking_therapies_workforce import PAGE
from scrapers.toolkit import feeds
from scrapers.toolkit.contract import Fetched, Notice, Page, Release, SourceChanged
from tests.bot.house import House, open_house, sqlite
from tests.fakes.nhs import Issue, Nhs, england, month_file

FEED = "https://digital.nhs.uk/feed/pubfeed.xml"
ENTRY = {"source": "publisher_notices", "id": "feed", "url": FEED, "about": ["Talking Therapies"]}
MONTHLY = "talking_therapies_monthly"
NOW = datetime(2026, 5, 20, 12, tzinfo=UTC)
Said = tuple[str, str]  # title and description of an item


def rss(*items: Said, at: str = "Wed, 20 May 2026 10:00:00 GMT", link: str = "https://example.org/a") -> str:
    """Return a feed of these items, each with an id and an address of its own unless `link` ends in none."""
    shown = "".join(
        f"<item><title>{escape(title)}</title><description>{escape(text)}</description>"
        f"<guid isPermaLink='false'>id-{title}</guid><pubDate>{at}</pubDate><link>{link}</link></item>"
        for title, text in items
    )
    return f"<?xml version='1.0' encoding='UTF-8'?><rss version='2.0'><channel>{shown}</channel></rss>"


def read(body: str | bytes) -> list[Notice]:
    raw = body.encode() if isinstance(body, str) else body
    fetched = Fetched(Release("live", "", FEED), Page(FEED, raw, "application/rss+xml"))
    return list(PublisherNotices(ENTRY).read(fetched, NOW))


ORDINARY = (
    "NHS Talking Therapies Monthly Statistics, Performance March 2026",
    "The methodology is described.",
)


@pytest.mark.parametrize(
    ("title", "text", "told"),
    [
        (*ORDINARY, False),
        ("NHS Talking Therapies, March 2026: correction", "", True),
        ("NHS Talking Therapies, March 2026", "Two tables were revised on 20 May.", True),
        ("NHS  talking therapies: methodology", "", True),
        ("News", "A change of methodology for NHS Talking Therapies. From July on.", True),
        ("NHS Talking Therapies, April 2026 is cancelled", "", True),
        ("NHS Talking Therapies, April 2026: postponed to July", "", True),
        ("Mental Health Services: correction", "", False),
        ("Stalking Therapies: correction", "", False),
        ("NHS Talking Therapies: correctional services", "", False),
    ],
)
def test_an_item_is_told_that_names_what_is_followed_and_says_that_something_became_of_it(
    title: str, text: str, told: bool
) -> None:
    assert bool(read(rss((title, text)))) is told


def test_a_notice_says_the_sentence_that_makes_it_one() -> None:
    (notice,) = read(rss(("NHS Talking Therapies", "<p>Key facts.</p> <p>Table 4 was corrected.</p> More.")))
    assert notice.title == "NHS Talking Therapies: Table 4 was corrected."
    assert notice.published == datetime(2026, 5, 20, 10, tzinfo=UTC)


def test_what_several_items_say_alike_is_standing_text_and_no_news() -> None:
    standing = "Talking Therapies: figures may be revised."
    assert read(rss(("March 2026", standing), ("April 2026", standing))) == []


def test_an_item_is_another_notice_only_when_its_words_change() -> None:
    item = ("NHS Talking Therapies", "Corrected: table 4.")
    (one,), (touched,) = read(rss(item)), read(rss(item, at="Thu, 21 May 2026 10:00:00 GMT"))
    (worded,) = read(rss((item[0], "Corrected: table 5.")))
    assert one.key == touched.key != worded.key


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("", "an empty page"),
        ("<rss version='2.0'><channel>", "expected XML"),
        ("<rss version='0.91'><channel/></rss>", "expected RSS 2.0"),
        ("<rss version='2.0'></rss>", "expected one channel"),
        ("<rss version='2.0'><channel/></rss>", "items, found 0"),
        ("<html><body/></html>", "expected an RSS or Atom feed, found 'html'"),
        (rss(("A", ""), ("A", "")), "expected items with ids of their own"),
        (rss(("", "")), "an item with a title"),
        (rss(("A", ""), at="yesterday"), "expected a time such as"),
        (rss(("A", ""), at="Wed, 20 May 2026 10:00:00"), "expected a time such as"),
        (rss(("A", ""), link="javascript:x"), "expected an address for an item"),
        ("<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><rss>&b;</rss>", "without a document type"),
        ("<rss version='2.0'>&unknown;</rss>", "expected XML"),
        ("<?xml version='1.0' encoding='utf-7'?><rss/>", "expected a charset of the web"),
    ],
)
def test_what_is_no_feed_or_would_fetch_or_grow_is_refused(body: str, why: str) -> None:
    with pytest.raises(SourceChanged) as refusal:
        read(body)
    assert why in str(refusal.value)


def test_a_feed_in_another_charset_is_read_as_it_declares_itself() -> None:
    body = rss(("NHS Talking Therapies – corrected", "")).replace("UTF-8", "windows-1252")
    (notice,) = read(body.encode("windows-1252"))
    assert notice.title == "NHS Talking Therapies – corrected"


def test_a_long_feed_is_refused() -> None:
    items = [(f"{n}", "") for n in range(feeds.MOST_ITEMS + 1)]
    with pytest.raises(SourceChanged, match="found 2001"):
        read(rss(*items))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Give a house that watches a feed beside the monthly figures, both looked at once."""
    with open_house(sqlite(tmp_path)) as house:
        house.campaign = {"campaign": {"name": "Test", "sources": [MONTHLY]}, "source": [ENTRY]}
        house.now = NOW
        yield house


@pytest.fixture
def nhs(house: House) -> Nhs:
    """Give the publisher with March 2026 out, and a feed that says so."""
    nhs = Nhs(house.sites)
    nhs.publish(MARCH)
    show(house, ORDINARY)
    asyncio.run(house.check())
    return nhs


MARCH = Issue("2026-03", date(2026, 5, 14), body=month_file("2026-03", england(), {}).encode())
CORRECTION = ("NHS Talking Therapies, March 2026", "A correction was made.")


def show(house: House, *items: Said, link: str = "https://example.org/a") -> None:
    house.sites.put(FEED, rss(*items, link=link), "application/rss+xml")


def notices(house: House) -> list[str]:
    return [text.partition("\n")[0] for text in house.team if text.startswith("📣")]


def test_what_stood_in_a_feed_at_the_first_look_is_not_told(house: House) -> None:
    Nhs(house.sites).publish(MARCH)
    show(house, CORRECTION)
    asyncio.run(house.check())
    asyncio.run(house.check())
    assert notices(house) == []


def test_a_notice_is_told_once(house: House, nhs: Nhs) -> None:
    show(house, ORDINARY, ("Talking Therapies: method", ""), CORRECTION)
    for _ in range(2):
        house.later(hours=1)
        asyncio.run(house.check())
    assert notices(house) == [
        "📣 Talking Therapies: method",
        "📣 NHS Talking Therapies, March 2026: A correction was made.",
    ]


def test_a_correction_that_the_releases_page_tells_is_not_told_from_the_feed(house: House, nhs: Nhs) -> None:
    show(house, CORRECTION, link=f"{MARCH.url}/")
    asyncio.run(house.check())
    assert notices(house) == []
    house.later(hours=2)
    body = month_file("2026-03", england(163_200), {}).encode()
    nhs.publish(replace(MARCH, body=body, edited="20 May 2026 2:00 pm"))
    asyncio.run(house.check())
    house.later(days=9)
    asyncio.run(house.check())
    assert len([text for text in house.team if text.startswith("✏️")]) == 1
    assert notices(house) == []


def test_a_correction_that_no_page_tells_is_told_from_the_feed_in_the_end(house: House, nhs: Nhs) -> None:
    show(house, CORRECTION, link=MARCH.url)
    asyncio.run(house.check())
    house.later(days=9)
    for _ in range(2):
        asyncio.run(house.check())
    assert notices(house) == ["📣 NHS Talking Therapies, March 2026: A correction was made."]


def test_a_note_on_a_page_that_changes_no_figure_is_told_once(house: House, nhs: Nhs) -> None:
    house.later(hours=6)
    note = "A footnote was added."
    nhs.publish(replace(MARCH, notice=note, noticed="20 May 2026 17:00 PM"))
    for _ in range(2):
        asyncio.run(house.check())
    (told,) = notices(house)
    assert told.endswith(f": {note}")


@pytest.fixture
def census(tmp_path: Path) -> Iterator[House]:
    """Give a house that watches the page of the workforce census."""
    with open_house(sqlite(tmp_path)) as house:
        house.campaign = {"campaign": {"name": "Test", "sources": ["talking_therapies_workforce"]}}
        yield house


def put_page(house: House, text: str, link: str = "/census-2021.pdf", visit: int = 1) -> None:
    main = f"<main><h1>Talking Therapies</h1><p>{text}</p><a href='{link}'>Census</a></main>"
    house.sites.put(PAGE, f"<html><body data-visit={visit}>{main}<footer>{visit}</footer></body></html>")


def test_a_page_of_the_census_that_changes_is_told_to_the_operator_once_for_each_state(census: House) -> None:
    put_page(census, "The workforce")
    asyncio.run(census.check())
    put_page(census, "The \n workforce", visit=2)
    asyncio.run(census.check())
    assert [text for text in census.operator if "📣" in text] == []
    put_page(census, "The workforce", link="/census-2026.pdf")
    asyncio.run(census.check())
    asyncio.run(census.check())
    put_page(census, "The workforce")
    asyncio.run(census.check())
    (told,) = (text for text in census.operator if "📣" in text)
    assert told.startswith(
        "📣 The page changed: is there a new census?\nNHS Talking Therapies workforce census"
    )
    assert "figurewatch enter talking_therapies_workforce --help" in told
    assert not [text for text in census.team if "📣" in text]


def test_the_page_of_the_census_can_be_another(census: House) -> None:
    other = "https://example.org/census"
    census.campaign["source"] = [{"source": "talking_therapies_workforce", "url": other}]
    put_page(census, "unused")
    census.sites.put(other, "<html><body><main>The IAPT workforce</main></body></html>")
    (result,) = asyncio.run(census.check())
    assert result.error is None
    assert census.sites.asked(other)
    assert not census.sites.asked(PAGE)
